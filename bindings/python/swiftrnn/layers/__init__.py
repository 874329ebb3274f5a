"""Layers that stand beside networks, and `Layers`, which holds layers and networks by name."""

from .attention import Attention as Attention
from .attention_memory import AttentionMemory as AttentionMemory, MemoryGradients as MemoryGradients
from .attention_tape import AttentionTape as AttentionTape
from .dropout import Dropout as Dropout
from .embedding import Embedding as Embedding
from .layer import Layer as Layer
from .layers import Layers as Layers, LayersGradients as LayersGradients
from .linear import Linear as Linear
from .pool import Pool as Pool
from .tape import LayerTape as LayerTape
