"""Pooling over the steps of a batch, and its gradients."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .. import _c as c
from .._arguments import flag
from .._arrays import Array, address, dense, one_type, shaped, typed
from .._batch import Lengths
from ._checks import counted, parameter, target, three

_POOLS = {"last": c.POOL_LAST, "mean": c.POOL_MEAN, "max": c.POOL_MAX, "attention": c.POOL_ATTENTION}


class Pooled(NamedTuple):
    """Results of `pool`: the pooled rows, and the weight of each step."""

    out: Array
    weights: Array | None


class PoolGradients(NamedTuple):
    """The gradients of a `pool`; None where not wanted."""

    y: Array | None
    weight: Array | None
    bias: Array | None
    query: Array | None


class _Pool:
    """The arguments of both passes, checked."""

    def __init__(
        self, y: Any, kind: str, lengths: Lengths | None, mask: Any, bidirectional: bool, weight: Any, bias: Any,
        query: Any,
    ) -> None:  # fmt: skip
        self.y = three(y, "y", "[T, N, W]")
        if kind not in _POOLS:
            raise ValueError(f"kind: {kind!r} is none of {list(_POOLS)}")
        self.steps, self.sequences, self.width = self.y.shape
        self.lengths, self.mask = counted(self.steps, self.sequences, lengths, mask)
        self.attends = kind == "attention"
        if self.attends and (weight is None or query is None):
            raise ValueError("pooling by attention needs weight [A, W] and query [A]")
        if not self.attends and not (weight is None and bias is None and query is None):
            raise ValueError(f"pooling by {kind!r} has no parameters")
        size = typed(query, "query").shape[0] if self.attends and typed(query, "query").ndim else 0
        self.weight = parameter(weight, "weight", (size, self.width))
        self.bias = parameter(bias, "bias", (size,))
        self.query = parameter(query, "query", (size,))
        one_type({"y": self.y, "weight": self.weight, "bias": self.bias, "query": self.query})
        self.dtype = self.y.dtype
        self.config = c.PoolConfig(
            kind=_POOLS[kind],
            num_directions=2 if flag(bidirectional, "bidirectional") else 1,
            width=self.width,
            attention_size=size,
        )

    def arguments(self, make: Any, **rest: Any) -> Any:
        """The struct of a pass."""
        return make(
            steps=self.steps,
            sequences=self.sequences,
            lengths=c.int64s(address(self.lengths)),
            mask=c.uint8s(address(self.mask)),
            y=address(self.y),
            weight=address(self.weight),
            bias=address(self.bias),
            query=address(self.query),
            **rest,
        )


def pool(
    y: Array,
    kind: str = "last",
    *,
    lengths: Lengths | None = None,
    mask: Any = None,
    bidirectional: bool = False,
    weight: Array | None = None,
    bias: Array | None = None,
    query: Array | None = None,
    need_weights: bool = False,
) -> Pooled:
    """One vector of a sequence's many. A sequence without a step that counts gives zeros.

    Parameters
    ----------
    y : ndarray [T, N, W]
    kind : str
        "last": the last step. "mean". "max": the largest number of each column, NaN if one is. "attention": the sum of
        the steps by weights, which are the softmax of ``query @ tanh(weight @ y_t + bias)`` (Yang et al. 2016).
    lengths : integers [N], optional
        The steps of each sequence; later steps are not read. None: all.
    mask : array of bool [T, N], optional
        True where a step counts, of those within the lengths.
    bidirectional : bool
        For "last": the second half of the columns is that of the first step, where the reverse direction ends.
    weight : ndarray [A, W], optional
        For "attention", as the next two.
    bias : ndarray [A], optional
        None: zeros.
    query : ndarray [A], optional
    need_weights : bool
        Whether the weights of "attention" are returned.

    Returns
    -------
    out : ndarray [N, W]
    weights : ndarray [T, N] or None
        For "attention", if requested: 0 where a step does not count.

    Examples
    --------
    >>> import numpy as np, swiftrnn
    >>> y = np.arange(6.0).reshape(3, 2, 1)
    >>> swiftrnn.pool(y, "mean", lengths=[3, 2]).out.tolist()
    [[2.0], [2.0]]
    >>> swiftrnn.pool(y, "last", lengths=[3, 2]).out.tolist()
    [[4.0], [3.0]]
    """
    p = _Pool(y, kind, lengths, mask, bidirectional, weight, bias, query)
    if flag(need_weights, "need_weights") and not p.attends:
        raise ValueError(f"need_weights: pooling by {kind!r} has none")
    out = np.empty((p.sequences, p.width), p.dtype)
    weights = np.empty((p.steps, p.sequences), p.dtype) if need_weights else None
    arguments = p.arguments(c.PoolArgs, out=address(out), weights=address(weights))
    c.pool_forward(c.dtype_code(p.dtype), c.byref(p.config), c.byref(arguments))
    return Pooled(out, weights)


def pool_backward(
    dout: Array,
    y: Array,
    kind: str = "last",
    *,
    lengths: Lengths | None = None,
    mask: Any = None,
    bidirectional: bool = False,
    weight: Array | None = None,
    bias: Array | None = None,
    query: Array | None = None,
    need_y: bool = True,
    need_parameters: bool = True,
    accumulate_into: PoolGradients | None = None,
) -> PoolGradients:
    """The gradients of `pool`.

    Parameters
    ----------
    dout : ndarray [N, W]
    y, kind, lengths, mask, bidirectional, weight, bias, query
        As for `pool`. Of "last" and "mean" only the shape of y counts.
    need_y, need_parameters : bool
        Which gradients to compute.
    accumulate_into : PoolGradients, optional
        C-contiguous arrays: gradients of weight, bias and query are added to these, where they are wanted, and they are
        returned.

    Returns
    -------
    PoolGradients
        y [T, N, W], zeros where a step does not count; of "attention" weight, bias and query.

    Examples
    --------
    >>> import numpy as np, swiftrnn
    >>> y = np.array([[[1.0]], [[5.0]], [[5.0]]])
    >>> swiftrnn.pool_backward(np.ones((1, 1)), y, "max").y.ravel().tolist()
    [0.0, 1.0, 0.0]
    """
    p = _Pool(y, kind, lengths, mask, bidirectional, weight, bias, query)
    dout = dense(shaped(dout, "dout", p.dtype, (p.sequences, p.width)))
    dy = np.empty_like(p.y) if flag(need_y, "need_y") else None
    flag(need_parameters, "need_parameters")
    adds = accumulate_into is not None
    into = accumulate_into if accumulate_into is not None else PoolGradients(None, None, None, None)

    def wanted(array: Array | None, given: Array | None, name: str) -> Array | None:
        return target(given, name, p.dtype, array.shape, adds) if need_parameters and array is not None else None

    found = PoolGradients(
        dy, wanted(p.weight, into.weight, "weight"), wanted(p.bias, into.bias, "bias"),
        wanted(p.query, into.query, "query"),
    )  # fmt: skip
    arguments = p.arguments(
        c.PoolBackwardArgs, dout=address(dout), dy=address(found.y), dweight=address(found.weight),
        dbias=address(found.bias), dquery=address(found.query), accumulate=adds,
    )  # fmt: skip
    c.pool_backward(c.dtype_code(p.dtype), c.byref(p.config), c.byref(arguments))
    return found
