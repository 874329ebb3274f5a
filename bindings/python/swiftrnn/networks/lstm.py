"""The network `LSTM`."""

from __future__ import annotations

from typing import Any

from .._keywords import answers_keywords
from ..options import LayerOptions
from ._arguments import checked_config
from .network import Network


@answers_keywords
class LSTM(Network):
    """Long short-term memory (Hochreiter, Schmidhuber 1997; with forget gate: Gers, Schmidhuber, Cummins 2000), with
    an optional projection of the output (Sak, Senior, Beaufays 2014).

    ``i, f, o = sigmoid(...)``, ``g = tanh(...)`` of ``W x + b + U h + d``, then ``c' = f * c + i * g`` and
    ``h' = o * tanh(c')``, or ``h' = V (o * tanh(c'))`` with projection.

    Parameters
    ----------
    input_size : int
        I, the features of x.
    hidden_size : int
        H, the hidden units.
    num_layers : int
        L: each layer's y is the next one's x.
    bias : bool
        Whether there are bias_ih and bias_hh.
    batch_first : bool
        x and y are [N, T, features] instead of [T, N, features]; states stay [L*D, N, width].
    dropout : float
        In [0, 1): on the output of each layer but the last, in `forward` only. With one layer it does nothing, and a
        UserWarning says so, as torch's does.
    bidirectional : bool
        A second direction runs from each sequence's end; y is [forward, reverse] side by side.
    proj_size : int
        P < H: h and y have P features; 0: no projection, P = H.
    dtype : "float32" or "float64"
        The type of every array.
    seed : int, optional
        Seed of the initial parameters, drawn as torch does, and of the sequence of dropout seeds. None: drawn anew.
    num_threads : int
        Threads of one call; 0: what `swiftrnn.get_num_threads` returns at the call. Results do not depend on it.
    options : LayerOptions, optional
        How layers, directions and steps are joined, if not as in torch.


    Raises
    ------
    SwiftRNNError
        A size is out of range (also a ValueError).

    Examples
    --------
    >>> import numpy as np, swiftrnn
    >>> lstm = swiftrnn.LSTM(input_size=3, hidden_size=8, proj_size=4, seed=0)
    >>> x = np.zeros((5, 2, 3), np.float32)
    >>> y, (h, c) = lstm(x)
    >>> y.shape, h.shape, c.shape
    ((5, 2, 4), (1, 2, 4), (1, 2, 8))
    >>> y, (h, c), tape = lstm.forward(x)
    >>> grads = tape.backward(dy=np.ones_like(y))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        dtype: Any = "float32",
        seed: int | None = None,
        *,
        num_threads: int = 0,
        options: LayerOptions | None = None,
    ) -> None:
        super().__init__(checked_config("lstm", locals()), seed)
