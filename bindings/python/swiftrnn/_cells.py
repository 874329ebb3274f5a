"""The three networks: LSTM, GRU, RNN."""

from __future__ import annotations

from typing import Any

from ._arrays import flag
from ._config import checked_config
from ._keywords import answers_keywords
from ._layer_options import LayerOptions
from ._network import Network


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
        Of every array.
    seed : int, optional
        Of the initial parameters, drawn as torch does, and of the sequence of dropout seeds; None: from the system.
    num_threads : int
        Threads of one call; 0: what `swiftrnn.get_num_threads` says at the call. Results do not depend on it.
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
        config = checked_config(
            "lstm",
            input_size=input_size,
            hidden_size=hidden_size,
            num_layers=num_layers,
            bias=bias,
            batch_first=batch_first,
            dropout=dropout,
            bidirectional=bidirectional,
            proj_size=proj_size,
            dtype=dtype,
            num_threads=num_threads,
            options=options,
        )
        super().__init__(config, seed)


@answers_keywords
class GRU(Network):
    """Gated recurrent unit (Cho et al. 2014), in both of its published forms.

    ``r, z = sigmoid(W x + b + U h + d)``, ``h' = (1 - z) * n + z * h``, and with ``reset_after`` (torch's, the default)
    ``n = tanh(W x + b + r * (U h + d))``, otherwise ``n = tanh(W x + b + U (r * h) + d)``.

    Parameters
    ----------
    reset_after : bool
        Whether the reset gate acts after the product with U or before it.
    input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, dtype, seed, num_threads, options
        As for `LSTM`.

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
        config = checked_config(
            "gru" if flag(reset_after, "reset_after") else "gru_reset_before",
            input_size=input_size,
            hidden_size=hidden_size,
            num_layers=num_layers,
            bias=bias,
            batch_first=batch_first,
            dropout=dropout,
            bidirectional=bidirectional,
            dtype=dtype,
            num_threads=num_threads,
            options=options,
        )
        super().__init__(config, seed)


@answers_keywords
class RNN(Network):
    """The simple recurrent network (Elman 1990): ``h' = tanh(W x + b + U h + d)``, or max(0, ·) instead of tanh.

    Parameters
    ----------
    nonlinearity : "tanh" or "relu"
    input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, dtype, seed, num_threads, options
        As for `LSTM`.

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
        config = checked_config(
            f"rnn_{nonlinearity}",
            input_size=input_size,
            hidden_size=hidden_size,
            num_layers=num_layers,
            bias=bias,
            batch_first=batch_first,
            dropout=dropout,
            bidirectional=bidirectional,
            dtype=dtype,
            num_threads=num_threads,
            options=options,
        )
        super().__init__(config, seed)
