"""The layer `Pool`: one vector for the steps of each sequence."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._arguments import flag
from .._arrays import Array, dense, shaped, typed
from .._batch import Lengths
from .._keywords import answers_keywords
from ..functional import PoolGradients, pool, pool_backward
from ..parameters import NamedViews
from ._layout import kept, mask_by_step, swapped
from .layer import Layer, Tensor, size
from .tape import LayerTape

_KINDS = ("last", "mean", "max", "attention")


@answers_keywords
class Pool(Layer):
    """One vector for the steps of each sequence: [T, N, W] becomes [N, W]. A sequence without a step that counts gives
    zeros.

    Parameters
    ----------
    kind : str
        "last": the last step; of two directions, the second half of the columns is that of the first step, where the
        reverse direction ends. "mean". "max": the largest number of each column. "attention": the sum of the steps by
        weights, which are the softmax of ``query @ tanh(weight @ x_t + bias)`` (Yang et al. 2016).
    input_size : int, optional
        W. Needed by "attention"; of the others x may have any width without it.
    attention_size : int, optional
        A, of "attention"; None: W. The parameters are ``weight`` [A, W] and ``bias`` [A], drawn as those of a `Linear`,
        and ``query`` [A], drawn as the weight of a `Linear` with one output; the other kinds have none.
    bias : bool
        Whether "attention" has a bias.
    bidirectional : bool
        For "last": whether x has two directions side by side.
    batch_first : bool
        Whether x is [N, T, W], and a mask [N, T].
    dtype : str or numpy dtype
        float32 or float64.
    seed : int, optional
        In 0...2^64 - 1: the same numbers on every machine. None: drawn anew.

    Examples
    --------
    >>> import numpy as np, swiftrnn
    >>> lstm, pool = swiftrnn.LSTM(3, 8, seed=0), swiftrnn.Pool("attention", 8, 4, seed=0)
    >>> y, state = lstm(np.ones((5, 2, 3), np.float32), lengths=[5, 2])
    >>> pool(y, lengths=[5, 2]).shape
    (2, 8)
    >>> pool.weights(y, lengths=[5, 2])[:, 1].tolist()[2:]
    [0.0, 0.0, 0.0]
    """

    _defaults = {
        "input_size": None, "attention_size": None, "bias": True, "bidirectional": False, "batch_first": False,
    }  # fmt: skip

    def __init__(
        self,
        kind: str = "last",
        input_size: int | None = None,
        attention_size: int | None = None,
        bias: bool = True,
        bidirectional: bool = False,
        batch_first: bool = False,
        dtype: Any = "float32",
        seed: int | None = None,
    ) -> None:
        if kind not in _KINDS:
            raise ValueError(f"kind: {kind!r} is none of {list(_KINDS)}")
        width = None if input_size is None else size(input_size, "input_size")
        inner = None if attention_size is None else size(attention_size, "attention_size")
        if kind == "attention" and width is None:
            raise ValueError("input_size: pooling by 'attention' needs it")
        if kind != "attention" and inner is not None:
            raise ValueError(f"attention_size: pooling by {kind!r} has no parameters")
        if flag(bidirectional, "bidirectional") and kind != "last":
            raise ValueError(f"bidirectional: pooling by {kind!r} is the same for two directions: leave it out")
        if bidirectional and width is not None and width % 2 != 0:
            raise ValueError(f"input_size: two directions have an even width together, not {width}")
        if kind == "attention" and inner is None:
            inner = width
        config = {
            "kind": kind, "input_size": width, "attention_size": inner,
            "bias": flag(bias, "bias"), "bidirectional": bool(bidirectional),
            "batch_first": flag(batch_first, "batch_first"),
        }  # fmt: skip
        super().__init__(config, dtype, seed)

    @property
    def kind(self) -> str:
        """The kind of pooling."""
        return str(self._config["kind"])

    @property
    def input_size(self) -> int | None:
        """W; None: any."""
        found: int | None = self._config["input_size"]
        return found

    @property
    def attention_size(self) -> int | None:
        """A; None: of other kinds than "attention"."""
        found: int | None = self._config["attention_size"]
        return found

    @property
    def bias(self) -> bool:
        """Whether "attention" has a bias; its numbers are ``parameters["bias"]``."""
        return bool(self._config["bias"])

    @property
    def bidirectional(self) -> bool:
        """Whether x has two directions side by side."""
        return bool(self._config["bidirectional"])

    @property
    def batch_first(self) -> bool:
        """Whether x is [N, T, W]."""
        return bool(self._config["batch_first"])

    def _tensors(self) -> list[Tensor]:
        inner, width = self.attention_size, self.input_size
        if inner is None or width is None:
            return []
        found = [Tensor("weight", (inner, width), width)]
        if self.bias:
            found.append(Tensor("bias", (inner,), width, is_bias=True))
        return [*found, Tensor("query", (inner,), inner)]

    def _arguments(self, x: Any, lengths: Lengths | None, mask: Any) -> tuple[Array, dict[str, Any]]:
        """x as [T, N, W], and the arguments of `pool`."""
        array = typed(x, "x", self.dtype)
        width = "W" if self.input_size is None else f"input_size = {self.input_size}"
        if array.ndim not in (2, 3) or self.input_size not in (None, array.shape[-1]):
            axes = "[N, T, W]" if self.batch_first else "[T, N, W]"
            raise ValueError(f"x: expected {axes} or unbatched [T, W] with {width}, got shape {list(array.shape)}")
        if self.bidirectional and array.shape[-1] % 2 != 0:
            raise ValueError(f"x: two directions have an even width together, got shape {list(array.shape)}")
        options = {
            "kind": self.kind, "bidirectional": self.bidirectional, "lengths": lengths,
            "mask": mask_by_step(mask, array.shape[:-1], self.batch_first), **self._parameters,
        }  # fmt: skip
        if array.ndim == 2:
            return dense(array)[:, np.newaxis], options
        return dense(swapped(array, self.batch_first)), options

    def __call__(self, x: Array, lengths: Lengths | None = None, mask: Array | None = None) -> Array:
        """Pools the steps of each sequence.

        Parameters
        ----------
        x : ndarray
            [T, N, W], [N, T, W] if batch_first, or [T, W]: as a network gives them.
        lengths : sequence of int, optional
            N values in 0...T: the steps of each sequence; later steps are not read. None: all.
        mask : array of bool, optional
            [T, N] (as x, without its last axis): True where a step counts, of those within the lengths. None: all.

        Returns
        -------
        ndarray [N, W], or [W]

        Raises
        ------
        TypeError, ValueError
            A type or a shape is wrong.
        """
        steps, options = self._arguments(x, lengths, mask)
        out = pool(steps, **options).out
        return out[0] if np.ndim(x) == 2 else out

    def weights(self, x: Array, lengths: Lengths | None = None, mask: Array | None = None) -> Array:
        """The weight of each step in "attention": as x without its last axis; 0 where a step does not count.

        Parameters
        ----------
        x, lengths, mask
            As for a call.

        Raises
        ------
        ValueError
            The kind is another.
        """
        steps, options = self._arguments(x, lengths, mask)
        found = pool(steps, need_weights=True, **options).weights
        assert found is not None
        return found[:, 0] if np.ndim(x) == 2 else dense(swapped(found, self.batch_first))

    def forward(self, x: Array, lengths: Lengths | None = None, mask: Array | None = None) -> tuple[Array, LayerTape]:
        """Pools the steps of each sequence, and returns a tape; errors as for a call.

        Parameters
        ----------
        x, lengths, mask
            As for a call.

        Returns
        -------
        y : ndarray [N, W], or [W]
            As for a call.
        tape : LayerTape
            Holds x by reference, and copies of lengths and mask.
        """
        steps, options = self._arguments(x, lengths, mask)
        out = pool(steps, **options).out
        options.update(kept(options["lengths"], options["mask"]))
        unbatched = np.ndim(x) == 2
        y = out[0] if unbatched else out
        y_shape = y.shape

        def backward(dy: Any, gradients: NamedViews | None, need_x: bool) -> Array | None:
            dy = shaped(dy, "dy", self.dtype, y_shape)
            into = None
            if gradients is not None:
                into = PoolGradients(None, gradients.get("weight"), gradients.get("bias"), gradients.get("query"))
            dx = pool_backward(
                dy[np.newaxis] if unbatched else dy, steps, need_y=need_x, need_parameters=gradients is not None,
                accumulate_into=into, **options,
            ).y  # fmt: skip
            if dx is None:
                return None
            return dx[:, 0] if unbatched else dense(swapped(dx, self.batch_first))

        return y, LayerTape(self, {"x": steps}, backward)
