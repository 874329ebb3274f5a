"""Recurrent networks on CPUs, forward and backward: LSTM, GRU, RNN and cells of one's own, on numpy arrays.

>>> import numpy as np, swiftrnn
>>> lstm = swiftrnn.LSTM(input_size=3, hidden_size=8, num_layers=2, seed=0)
>>> x = np.ones((5, 2, 3), np.float32)               # T steps, N sequences, I inputs
>>> y, (h, c) = lstm(x)                              # inference
>>> y, (h, c), tape = lstm.forward(x)                # training
>>> grads = tape.backward(dy=y)                      # of the loss sum(y ** 2) / 2
>>> swiftrnn.Adam(lstm, lr=1e-3).step(grads)
>>> stream = lstm.stream()                           # one step at a time
>>> stream.step(np.ones((1, 3), np.float32)).shape
(1, 8)

Embedding, linear layer, dropout, pooling and attention are layers, used in the same way; `Layers` holds them and
networks by name, for one optimizer, one dictionary, one file:

>>> model = swiftrnn.Layers(encoder=swiftrnn.GRU(3, 8, seed=0), output=swiftrnn.Linear(8, 2, seed=1))
>>> y, h = model["encoder"](x)
>>> model["output"](y).shape, list(model.parameters)[-2:]
((5, 2, 2), ['output.weight', 'output.bias'])

Any other cell is given as equations, or is one of the library's `cells`:

>>> cell = swiftrnn.Cell("like lstm\\nf = 1 - i")   # input and forget gate coupled
>>> network = cell.layer(input_size=3, hidden_size=8, seed=0)
>>> y, (h, c), tape = network.forward(x)

The library underneath, ``libswiftrnn``, is found in the package's folder or through the environment variable
``SWIFTRNN_LIBRARY``. Every call gives the GIL back while it computes. Results do not depend on the number of threads,
on the batch that a sequence is in, on padding, nor on streaming or whole.
"""

from ._attention_layer import Attention
from ._attention_memory import AttentionMemory, MemoryGradients
from ._attention_tape import AttentionTape
from ._cell_network import CellNetwork
from ._cells import GRU, LSTM, RNN
from ._dropout_layer import Dropout
from ._embedding_layer import Embedding
from ._equations import Cell, cell_text, cells
from ._errors import Status, SwiftRNNError, SwiftRNNFileError, SwiftRNNMemoryError, SwiftRNNValueError
from ._forest import Forest
from ._forest_tape import ForestTape
from ._frozen import Frozen
from ._layer import Layer
from ._layer_options import LayerOptions
from ._layer_tape import LayerTape
from ._layers import Layers
from ._layers_gradients import LayersGradients
from ._linear_layer import Linear
from ._network import Network
from ._parameters import IncompatibleKeys, Parameters
from ._pool_layer import Pool
from ._process import get_num_threads, isa, set_num_threads
from ._stream import Stream
from ._tape import Gradients, Tape
from ._version import __version__
from .functional import (
    Attended,
    AttentionGradients,
    CrossEntropy,
    Dropped,
    ElementwiseLoss,
    LinearCrossEntropy,
    LinearGradients,
    Pooled,
    PoolGradients,
    Sampler,
    attention,
    attention_backward,
    attention_memory,
    attention_memory_backward,
    binary_cross_entropy_with_logits,
    cross_entropy,
    dropout,
    dropout_backward,
    embedding,
    embedding_backward,
    huber_loss,
    l1_loss,
    linear,
    linear_backward,
    linear_cross_entropy,
    mse_loss,
    pool,
    pool_backward,
    sample,
)
from .optimizers import SGD, Adam, AdamW, RMSprop, clip_grad_norm, clip_grad_value

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "SGD",
    "Adam",
    "AdamW",
    "Attended",
    "Attention",
    "AttentionGradients",
    "AttentionMemory",
    "AttentionTape",
    "Cell",
    "CellNetwork",
    "CrossEntropy",
    "Dropout",
    "Dropped",
    "ElementwiseLoss",
    "Embedding",
    "Forest",
    "ForestTape",
    "Frozen",
    "Gradients",
    "IncompatibleKeys",
    "Layer",
    "LayerOptions",
    "LayerTape",
    "Layers",
    "LayersGradients",
    "Linear",
    "LinearCrossEntropy",
    "LinearGradients",
    "MemoryGradients",
    "Network",
    "Parameters",
    "Pool",
    "PoolGradients",
    "Pooled",
    "RMSprop",
    "Sampler",
    "Status",
    "Stream",
    "SwiftRNNError",
    "SwiftRNNFileError",
    "SwiftRNNMemoryError",
    "SwiftRNNValueError",
    "Tape",
    "__version__",
    "attention",
    "attention_backward",
    "attention_memory",
    "attention_memory_backward",
    "binary_cross_entropy_with_logits",
    "cell_text",
    "cells",
    "clip_grad_norm",
    "clip_grad_value",
    "cross_entropy",
    "dropout",
    "dropout_backward",
    "embedding",
    "embedding_backward",
    "get_num_threads",
    "huber_loss",
    "isa",
    "l1_loss",
    "linear",
    "linear_backward",
    "linear_cross_entropy",
    "mse_loss",
    "pool",
    "pool_backward",
    "sample",
    "set_num_threads",
]
