"""The network `RNN`."""

from __future__ import annotations

from typing import Any

from .._keywords import answers_keywords
from ..options import LayerOptions
from ._arguments import checked_config
from .network import Network


@answers_keywords
class RNN(Network):
    """The simple recurrent network (Elman 1990): ``h' = tanh(W x + b + U h + d)``, or max(0, ·) instead of tanh.

    Parameters
    ----------
    input_size : int
        I, the features of x.
    hidden_size : int
        H, the hidden units.
    num_layers : int
        L: each layer's y is the next one's x.
    nonlinearity : "tanh" or "relu"
        The function of the sum.
    bias : bool
        Whether there are bias_ih and bias_hh.
    batch_first : bool
        x and y are [N, T, features] instead of [T, N, features]; states stay [L*D, N, width].
    dropout : float
        In [0, 1): on the output of each layer but the last, in `forward` only. With one layer it does nothing, and a
        UserWarning says so, as torch's does.
    bidirectional : bool
        A second direction runs from each sequence's end; y is [forward, reverse] side by side.
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
    >>> rnn = swiftrnn.RNN(3, 8, nonlinearity="relu", dtype="float64", seed=0)
    >>> y, h = rnn(np.zeros((5, 3)))
    >>> y.shape, h.shape
    ((5, 8), (1, 8))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        dtype: Any = "float32",
        seed: int | None = None,
        *,
        num_threads: int = 0,
        options: LayerOptions | None = None,
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"nonlinearity: expected 'tanh' or 'relu', got {nonlinearity!r}")
        super().__init__(checked_config(f"rnn_{nonlinearity}", locals()), seed)
