"""Losses of numbers against numbers: logits against probabilities, and regression."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .. import _c as c
from .._arguments import real
from .._arrays import Array, address, dense, integers, rows, shaped, writeable
from ._checks import reduction_code, weights


class ElementwiseLoss(NamedTuple):
    """Results of the losses of numbers against numbers: the loss, and its gradient for the predictions."""

    loss: float
    gradient: Array | None


def _evaluate(
    kind: int,
    predictions: Array,
    targets: Array,
    name: str,
    row_weights: Array | None,
    lengths: ArrayLike | None,
    reduction: str,
    need_gradient: bool,
    out: Array | None,
    delta: float = 0.0,
    pos_weight: Array | None = None,
) -> ElementwiseLoss:
    array = rows(predictions, name)
    targets = dense(shaped(targets, "targets", array.dtype, array.shape))
    pos_weight = weights(pos_weight, "pos_weight", array.dtype, array.shape[-1:])
    row_weights = weights(row_weights, "row_weights", array.dtype, array.shape[:-1])
    valid = None
    if lengths is not None:
        valid = integers(lengths, "lengths")
        if array.ndim != 3 or valid.shape != array.shape[1:2]:
            raise ValueError(
                f"lengths: expected one for each of N sequences of {name} [T, N, width], got shape "
                f"{list(valid.shape)} for {list(array.shape)}"
            )
    gradient: Array | None = None
    if out is not None:
        if not need_gradient:
            raise ValueError("out was given, but need_gradient is False")
        gradient = writeable(out, "out", array.dtype, array.shape)
    elif need_gradient:
        gradient = np.empty_like(array)
    config = c.ElementwiseLossConfig(
        loss=kind,
        reduction=reduction_code(reduction),
        delta=delta,
        row_weights=address(row_weights),
        positive_weights=address(pos_weight),
        lengths=c.int64s(address(valid)),
        sequences=0 if valid is None else valid.size,
    )
    loss = c.c_double()
    c.elementwise_loss(
        c.dtype_code(array.dtype), c.byref(config), math.prod(array.shape[:-1]), array.shape[-1], address(array),
        address(targets), address(gradient), c.byref(loss),
    )  # fmt: skip
    return ElementwiseLoss(loss.value, gradient)


def binary_cross_entropy_with_logits(
    logits: Array,
    targets: Array,
    *,
    pos_weight: Array | None = None,
    row_weights: Array | None = None,
    lengths: ArrayLike | None = None,
    reduction: str = "mean",
    need_gradient: bool = True,
    out: Array | None = None,
) -> ElementwiseLoss:
    """Binary cross-entropy of logits, ``-(w t log(s(z)) + (1 - t) log(s(-z)))`` with the sigmoid s, without overflow.

    Parameters
    ----------
    logits : ndarray [..., width]
    targets : ndarray [..., width]
        Probabilities, of logits' type.
    pos_weight : ndarray [width], optional
        w, finite and 0 or more; 1 if not given.
    row_weights : ndarray [...], optional
        The weight of each row, finite and 0 or more. A row of weight 0 adds nothing, be it NaN.
    lengths : array of integers [N], optional
        Lengths of the sequences of logits [T, N, width]: rows after the length of their sequence weigh nothing.
    reduction : 'mean' or 'sum'
        The mean divides by width times what all rows weigh together.
    need_gradient : bool
    out : ndarray, optional
        In logits' shape, C-contiguous: receives the gradient. May be `logits` itself.

    Returns
    -------
    ElementwiseLoss
        The loss and its gradient.

    Examples
    --------
    >>> import numpy as np, swiftrnn
    >>> loss, gradient = swiftrnn.binary_cross_entropy_with_logits(np.array([[0.0, 1e9]]), np.array([[1.0, 1.0]]))
    >>> round(float(2 * loss / np.log(2)), 9), gradient.tolist()
    (1.0, [[-0.25, 0.0]])
    """
    return _evaluate(
        c.LOSS_BINARY_CROSS_ENTROPY, logits, targets, "logits", row_weights, lengths, reduction, need_gradient, out,
        pos_weight=pos_weight,
    )  # fmt: skip


def mse_loss(
    predictions: Array,
    targets: Array,
    *,
    row_weights: Array | None = None,
    lengths: ArrayLike | None = None,
    reduction: str = "mean",
    need_gradient: bool = True,
    out: Array | None = None,
) -> ElementwiseLoss:
    """The squared error, ``(p - t) ** 2``.

    Parameters
    ----------
    predictions : ndarray [..., width]
        The numbers p.
    targets : ndarray [..., width]
        The numbers t, of predictions' type.
    row_weights, lengths, reduction, need_gradient, out
        As for `binary_cross_entropy_with_logits`; `out` may be `predictions` itself.

    Returns
    -------
    ElementwiseLoss
        The loss and its gradient.

    Examples
    --------
    >>> import numpy as np, swiftrnn
    >>> swiftrnn.mse_loss(np.array([[1.0, 3.0]]), np.array([[1.0, 1.0]]))
    ElementwiseLoss(loss=2.0, gradient=array([[0., 2.]]))
    """
    return _evaluate(
        c.LOSS_SQUARED_ERROR, predictions, targets, "predictions", row_weights, lengths, reduction, need_gradient, out
    )


def l1_loss(
    predictions: Array,
    targets: Array,
    *,
    row_weights: Array | None = None,
    lengths: ArrayLike | None = None,
    reduction: str = "mean",
    need_gradient: bool = True,
    out: Array | None = None,
) -> ElementwiseLoss:
    """The absolute error, ``abs(p - t)``, whose gradient is 0 where p = t.

    Parameters
    ----------
    predictions : ndarray [..., width]
        The numbers p.
    targets : ndarray [..., width]
        The numbers t, of predictions' type.
    row_weights, lengths, reduction, need_gradient, out
        As for `binary_cross_entropy_with_logits`; `out` may be `predictions` itself.

    Returns
    -------
    ElementwiseLoss
        The loss and its gradient.

    Examples
    --------
    >>> import numpy as np, swiftrnn
    >>> swiftrnn.l1_loss(np.array([[1.0, 3.0]]), np.array([[1.0, 1.0]]))
    ElementwiseLoss(loss=1.0, gradient=array([[0. , 0.5]]))
    """
    return _evaluate(
        c.LOSS_ABSOLUTE_ERROR, predictions, targets, "predictions", row_weights, lengths, reduction, need_gradient, out
    )


def huber_loss(
    predictions: Array,
    targets: Array,
    *,
    delta: float = 1.0,
    row_weights: Array | None = None,
    lengths: ArrayLike | None = None,
    reduction: str = "mean",
    need_gradient: bool = True,
    out: Array | None = None,
) -> ElementwiseLoss:
    """``(p - t) ** 2 / 2`` up to a distance of `delta`, which is above 0, and ``delta * (abs(p - t) - delta / 2)``
    beyond (Huber 1964).

    Parameters
    ----------
    predictions : ndarray [..., width]
        The numbers p.
    targets : ndarray [..., width]
        The numbers t, of predictions' type.
    delta : float
        The distance at which the loss becomes linear, above 0.
    row_weights, lengths, reduction, need_gradient, out
        As for `binary_cross_entropy_with_logits`; `out` may be `predictions` itself.

    Returns
    -------
    ElementwiseLoss
        The loss and its gradient.

    Examples
    --------
    >>> import numpy as np, swiftrnn
    >>> swiftrnn.huber_loss(np.array([[1.5, 4.0]]), np.array([[1.0, 1.0]]))
    ElementwiseLoss(loss=1.3125, gradient=array([[0.25, 0.5 ]]))
    """
    return _evaluate(
        c.LOSS_HUBER, predictions, targets, "predictions", row_weights, lengths, reduction, need_gradient, out,
        delta=real(delta, "delta"),
    )  # fmt: skip
