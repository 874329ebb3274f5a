"""Softmax cross-entropy, by itself and after a linear layer."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _c as c
from .._arguments import integer, real
from .._arrays import Array, address, dense, integers, matrix, one_type, placed, rows, shaped, writeable
from .._memory import refuse_overlap, refuse_overlap_at
from ..errors import SwiftRNNError
from ._checks import gradient_target, reduction_code, weights

_FLOAT64 = np.dtype(np.float64)


def _checked_targets(targets: ArrayLike, shape: tuple[int, ...]) -> Array:
    array = integers(targets, "targets")
    if array.shape != shape:
        raise ValueError(f"targets: expected shape {list(shape)}, got {list(array.shape)}")
    return array


class CrossEntropy(NamedTuple):
    """Results of `cross_entropy`."""

    loss: float
    dlogits: Array | None
    perplexity: float


def cross_entropy(
    logits: Array,
    targets: ArrayLike,
    *,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    class_weights: Array | None = None,
    row_weights: Array | None = None,
    reduction: str = "mean",
    need_gradient: bool = True,
    out: Array | None = None,
    row_losses: NDArray[np.float64] | None = None,
) -> CrossEntropy:
    """Softmax cross-entropy, its gradient and its perplexity, in one pass over the logits.

    Parameters
    ----------
    logits : ndarray [..., classes]
        -inf is a class of probability 0, as masks make it: its gradient is 0. Where it is the target the loss is inf.
        NaN, inf, or nothing but -inf in a row that counts makes the loss NaN.
    targets : array of integers [...]
        Each in 0 ..< classes, or `ignore_index`: such rows do not count and have gradient 0.
    ignore_index : int
    label_smoothing : float
        In [0, 1]: this part of each target is spread evenly over all classes (Szegedy et al. 2016).
    class_weights : ndarray [classes], optional
        In logits' type, finite and 0 or more: torch's `weight`. The mean divides by the sum of the targets' weights.
    row_weights : ndarray [...], optional
        In logits' type, finite and 0 or more: the weight of each row. A row of weight 0 has the loss 0, whatever its
        logits.
    reduction : 'mean' or 'sum'
        The reduction of the rows' losses.
    need_gradient : bool
        Whether dlogits is computed.
    out : ndarray, optional
        In logits' shape, C-contiguous: receives dlogits. May be `logits` itself, but not overlap it otherwise.
    row_losses : ndarray of float64 [...], optional
        C-contiguous: receives each row's loss, times its weight, 0 where ignored.

    Returns
    -------
    loss : float
        The mean, over the rows that count, of ``log(sum(exp(logits))) - logits[target]``; 0 if none counts.
    dlogits : ndarray or None
        The gradient of the loss, in logits' shape.
    perplexity : float
        exp of the mean.

    Examples
    --------
    >>> import numpy as np, swiftrnn
    >>> loss, dlogits, perplexity = swiftrnn.cross_entropy(np.zeros((3, 4)), np.array([0, 3, -100]))
    >>> round(perplexity, 9), dlogits[0].tolist(), dlogits[2].tolist()
    (4.0, [-0.375, 0.125, 0.125, 0.125], [0.0, 0.0, 0.0, 0.0])
    """
    array = rows(logits, "logits")
    wanted = _checked_targets(targets, array.shape[:-1])
    class_weights = weights(class_weights, "class_weights", array.dtype, array.shape[-1:])
    row_weights = weights(row_weights, "row_weights", array.dtype, array.shape[:-1])
    options = c.CrossEntropyOptions(
        label_smoothing=real(label_smoothing, "label_smoothing"),
        class_weights=address(class_weights),
        row_weights=address(row_weights),
        reduction=reduction_code(reduction),
    )
    dlogits: Array | None = None
    if out is not None:
        if not need_gradient:
            raise ValueError("out was given, but need_gradient is False")
        dlogits = writeable(out, "out", array.dtype, array.shape)
    elif need_gradient:
        dlogits = np.empty_like(array)
    if row_losses is not None:
        writeable(row_losses, "row_losses", _FLOAT64, wanted.shape)
    at, targets_at = address(array), address(wanted)
    out_at: Any = address(dlogits)
    losses_at: Any = address(row_losses)
    if out is not None:
        if out_at != at:
            refuse_overlap_at("out", out, out_at, "logits", array, at)
        refuse_overlap_at("out", out, out_at, "targets", wanted, targets_at)
        refuse_overlap(out, "out", {"class_weights": class_weights, "row_weights": row_weights})
    if row_losses is not None:
        refuse_overlap_at("row_losses", row_losses, losses_at, "logits", array, at)
        refuse_overlap_at("row_losses", row_losses, losses_at, "targets", wanted, targets_at)
        refuse_overlap(row_losses, "row_losses", {"class_weights": class_weights, "row_weights": row_weights})
        if out is not None:
            refuse_overlap_at("row_losses", row_losses, losses_at, "out", out, out_at)
    loss, perplexity = c.c_double(), c.c_double()
    try:
        c.cross_entropy_with(
            c.dtype_code(array.dtype), c.byref(options), wanted.size, array.shape[-1], at, c.int64s(targets_at),
            integer(ignore_index, "ignore_index"), c.doubles(losses_at), out_at, c.byref(loss), c.byref(perplexity),
            None,
        )  # fmt: skip
    except SwiftRNNError as error:
        raise placed(error, "targets", wanted.shape) from None
    return CrossEntropy(loss.value, dlogits, perplexity.value)


class LinearCrossEntropy(NamedTuple):
    """Results of `linear_cross_entropy`; gradients that were not requested are None."""

    loss: float
    perplexity: float
    x: Array | None
    weight: Array | None
    bias: Array | None


def linear_cross_entropy(
    x: Array,
    weight: Array,
    targets: ArrayLike,
    bias: Array | None = None,
    *,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    class_weights: Array | None = None,
    row_weights: Array | None = None,
    reduction: str = "mean",
    need_x: bool = True,
    need_weight: bool = True,
    need_bias: bool | None = None,
    accumulate_into: tuple[Array | None, Array | None] | None = None,
    row_losses: NDArray[np.float64] | None = None,
    memory_limit: int = 0,
) -> LinearCrossEntropy:
    """The last layer of a language model and its loss in one: `linear`, `cross_entropy` and `linear_backward` over
    blocks of rows, so that the logits of a large vocabulary are never in memory as a whole. The bits are those of the
    three calls.

    Parameters
    ----------
    x : ndarray [..., inputs]
    weight : ndarray [classes, inputs]
    targets : array of integers [...]
    bias : ndarray [classes], optional
    ignore_index, label_smoothing, class_weights, row_weights, reduction
        As for `cross_entropy`.
    need_x, need_weight, need_bias : bool
        Which gradients to compute; that of the bias, unless it is said, if there is one.
    accumulate_into : (ndarray [classes, inputs] or None, ndarray [classes] or None), optional
        C-contiguous: the gradients of weight and bias are added to these, where they are wanted, and they are returned.
    row_losses : ndarray of float64 [...], optional
        As for `cross_entropy`.
    memory_limit : int
        Bytes of logits that are there at once; 0: 64 MB. At least those of 256 rows, or of 32 if neither the gradient
        of weight nor of bias is wanted. Beside them come packed operands: a copy of `weight` where the gradient of x is
        wanted, up to as much as 256 rows of logits for that of weight.

    Returns
    -------
    LinearCrossEntropy
        loss, perplexity, and the gradients of x, weight and bias.

    Examples
    --------
    >>> import numpy as np, swiftrnn
    >>> x, weight = np.ones((2, 3)), np.zeros((4, 3))
    >>> loss, perplexity, dx, dweight, dbias = swiftrnn.linear_cross_entropy(x, weight, [0, 1])
    >>> round(perplexity, 9), dweight[:, 0].tolist(), dbias is None
    (4.0, [-0.25, -0.25, 0.25, 0.25], True)
    """
    weight = matrix(weight, "weight")
    classes, inputs = weight.shape
    x = rows(x, "x", inputs)
    bias = None if bias is None else dense(shaped(bias, "bias", None, (classes,)))
    one_type({"x": x, "weight": weight, "bias": bias})
    wanted = _checked_targets(targets, x.shape[:-1])
    class_weights = weights(class_weights, "class_weights", x.dtype, (classes,))
    row_weights = weights(row_weights, "row_weights", x.dtype, x.shape[:-1])
    if row_losses is not None:
        writeable(row_losses, "row_losses", _FLOAT64, wanted.shape)
    if need_bias is None:
        need_bias = bias is not None
    dx = np.empty_like(x) if need_x else None
    if accumulate_into is None:
        dweight = np.empty_like(weight) if need_weight else None
        dbias = np.empty(classes, weight.dtype) if need_bias else None
    else:
        names = ("accumulate_into weight", "accumulate_into bias")
        dweight = gradient_target(accumulate_into[0], names[0], weight.dtype, weight.shape) if need_weight else None
        dbias = gradient_target(accumulate_into[1], names[1], weight.dtype, (classes,)) if need_bias else None
        read = {
            "x": x, "weight": weight, "bias": bias, "class_weights": class_weights, "row_weights": row_weights,
        }  # fmt: skip
        refuse_overlap(dweight, names[0], {**read, names[1]: dbias})
        refuse_overlap(dbias, names[1], read)
    options = c.CrossEntropyOptions(
        label_smoothing=real(label_smoothing, "label_smoothing"),
        class_weights=address(class_weights),
        row_weights=address(row_weights),
        reduction=reduction_code(reduction),
    )
    loss, perplexity = c.c_double(), c.c_double()
    arguments = c.LinearCrossEntropyArgs(
        rows=math.prod(x.shape[:-1]),
        inputs=inputs,
        classes=classes,
        x=address(x),
        weight=address(weight),
        bias=address(bias),
        targets=c.int64s(address(wanted)),
        ignore_index=integer(ignore_index, "ignore_index"),
        options=c.pointer(options),
        memory_limit=integer(memory_limit, "memory_limit", 0),
        accumulate=accumulate_into is not None,
        row_losses=c.doubles(address(row_losses)),
        dx=address(dx),
        dweight=address(dweight),
        dbias=address(dbias),
        out_loss=c.pointer(loss),
        out_perplexity=c.pointer(perplexity),
    )
    try:
        c.linear_cross_entropy(c.dtype_code(weight.dtype), c.byref(arguments))
    except SwiftRNNError as error:
        raise placed(error, "targets", wanted.shape) from None
    return LinearCrossEntropy(loss.value, perplexity.value, dx, dweight, dbias)
