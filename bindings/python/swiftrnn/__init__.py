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
>>> cell = swiftrnn.Cell("like lstm\\nf = 1 - i")    # a cell as equations: input and forget gate coupled
>>> y, (h, c) = cell.layer(3, 8, seed=0)(x)

Public names, each with a help of its own, such as ``help(swiftrnn.LSTM)``::

    networks    LSTM, GRU, RNN, their base Network; LayerOptions: skips, merges, dilations, masks
    cells       Cell, CellNetwork: cells as equations; cells, cell_text: those of the library
    passes      Tape, Gradients: training; Stream: step by step; Frozen: weights packed once
    trees       Forest, ForestTape
    layers      Embedding, Linear, Dropout, Pool, Attention (AttentionMemory, AttentionTape, MemoryGradients),
                their base Layer, LayerTape; Layers, LayersGradients: layers and networks by name
    functions   embedding, linear, dropout, pool, attention, attention_memory, each with name_backward (Attended,
                AttentionGradients, Dropped, LinearGradients, Pooled, PoolGradients); sample, Sampler
    losses      cross_entropy, linear_cross_entropy, binary_cross_entropy_with_logits, mse_loss, l1_loss, huber_loss
                (CrossEntropy, LinearCrossEntropy, ElementwiseLoss)
    optimizers  SGD, Adam, AdamW, RMSprop; clip_grad_norm, clip_grad_value
    parameters  Parameters, IncompatibleKeys
    errors      SwiftRNNError, SwiftRNNValueError, SwiftRNNMemoryError, SwiftRNNFileError; Status
    process     isa, get_num_threads, set_num_threads
    models      swiftrnn.models: language models, taggers, classifiers, decoders; ``python -m swiftrnn`` trains them

The library underneath, ``libswiftrnn``, is found in the package's folder or through the environment variable
``SWIFTRNN_LIBRARY``. Every call releases the GIL while it computes. Results do not depend on the number of threads, on
the batch that a sequence is in, on padding, nor on streaming or whole sequences.
"""

from ._version import __version__
from .cell import Cell, CellNetwork, cell_text, cells
from .errors import Status, SwiftRNNError, SwiftRNNFileError, SwiftRNNMemoryError, SwiftRNNValueError
from .forests import Forest, ForestTape
from .frozen import Frozen
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
from .gradients import Gradients
from .layers import (
    Attention,
    AttentionMemory,
    AttentionTape,
    Dropout,
    Embedding,
    Layer,
    Layers,
    LayersGradients,
    LayerTape,
    Linear,
    MemoryGradients,
    Pool,
)
from .networks import GRU, LSTM, RNN, Network
from .optimizers import SGD, Adam, AdamW, RMSprop, clip_grad_norm, clip_grad_value
from .options import LayerOptions
from .parameters import IncompatibleKeys, Parameters
from .process import get_num_threads, isa, set_num_threads
from .streams import Stream
from .tapes import Tape

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
