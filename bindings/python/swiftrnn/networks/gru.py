"""The network `GRU`."""

from __future__ import annotations

from typing import Any

from .._arguments import flag
from .._keywords import answers_keywords
from ..options import LayerOptions
from ._arguments import checked_config
from .network import Network


@answers_keywords
class GRU(Network):
    """Gated recurrent unit (Cho et al. 2014), in both of its published forms.

    ``r, z = sigmoid(W x + b + U h + d)``, ``h' = (1 - z) * n + z * h``, and with ``reset_after`` (torch's, the default)
    ``n = tanh(W x + b + r * (U h + d))``, otherwise ``n = tanh(W x + b + U (r * h) + d)``.

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
    reset_after : bool
        Whether the reset gate acts after the product with U or before it.
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
    >>> gru = swiftrnn.GRU(3, 8, bidirectional=True, reset_after=False, seed=0)
    >>> y, h = gru(np.zeros((5, 2, 3), np.float32))
    >>> y.shape, h.shape
    ((5, 2, 16), (2, 2, 8))
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
        reset_after: bool = True,
        dtype: Any = "float32",
        seed: int | None = None,
        *,
        num_threads: int = 0,
        options: LayerOptions | None = None,
    ) -> None:
        cell = "gru" if flag(reset_after, "reset_after") else "gru_reset_before"
        super().__init__(checked_config(cell, locals()), seed)
