"""The linear layer as a function, and its gradients."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from .. import _c as c
from .._arrays import Array, address, dense, matrix, one_type, rows, shaped
from .._memory import refuse_overlap
from ._checks import gradient_target


def linear(x: Array, weight: Array, bias: Array | None = None) -> Array:
    """``y = x weight^T + bias``.

    Parameters
    ----------
    x : ndarray [..., inputs]
    weight : ndarray [outputs, inputs]
    bias : ndarray [outputs], optional

    Returns
    -------
    ndarray [..., outputs]

    Examples
    --------
    >>> import numpy as np, swiftrnn
    >>> swiftrnn.linear(np.array([[1.0, 2.0]]), np.array([[3.0, 4.0], [5.0, 6.0]]), np.array([0.5, 0.0]))
    array([[11.5, 17. ]])
    """
    weight = matrix(weight, "weight")
    outputs, inputs = weight.shape
    x = rows(x, "x", inputs)
    bias = None if bias is None else dense(shaped(bias, "bias", None, (outputs,)))
    one_type({"x": x, "weight": weight, "bias": bias})
    y = np.empty((*x.shape[:-1], outputs), weight.dtype)
    c.linear_forward(
        c.dtype_code(weight.dtype), math.prod(x.shape[:-1]), inputs, outputs, address(x), address(weight),
        address(bias), address(y),
    )  # fmt: skip
    return y


class LinearGradients(NamedTuple):
    """The gradients of a `linear`; None where not wanted."""

    x: Array | None
    weight: Array | None
    bias: Array | None


def linear_backward(
    dy: Array,
    x: Array,
    weight: Array,
    *,
    need_x: bool = True,
    need_weight: bool = True,
    need_bias: bool = True,
    accumulate_into: tuple[Array | None, Array | None] | None = None,
) -> LinearGradients:
    """The gradients of `linear`.

    Parameters
    ----------
    dy : ndarray [..., outputs]
    x : ndarray [..., inputs]
    weight : ndarray [outputs, inputs]
    need_x, need_weight, need_bias : bool
        Which gradients to compute.
    accumulate_into : (ndarray [outputs, inputs] or None, ndarray [outputs] or None), optional
        C-contiguous: the gradients of weight and bias are added to these, where they are wanted, and they are returned.

    Returns
    -------
    LinearGradients
        x [..., inputs], weight [outputs, inputs], bias [outputs].

    Examples
    --------
    >>> import numpy as np, swiftrnn
    >>> dx, dweight, dbias = swiftrnn.linear_backward(np.ones((4, 2)), np.ones((4, 3)), np.zeros((2, 3)))
    >>> dx.shape, dweight.tolist(), dbias.tolist()
    ((4, 3), [[4.0, 4.0, 4.0], [4.0, 4.0, 4.0]], [4.0, 4.0])
    """
    weight = matrix(weight, "weight")
    outputs, inputs = weight.shape
    x = rows(x, "x", inputs)
    dy = dense(shaped(dy, "dy", None, (*x.shape[:-1], outputs)))
    one_type({"x": x, "weight": weight, "dy": dy})
    dx = np.empty_like(x) if need_x else None
    if accumulate_into is None:
        dweight = np.empty_like(weight) if need_weight else None
        dbias = np.empty(outputs, weight.dtype) if need_bias else None
    else:
        names = ("accumulate_into weight", "accumulate_into bias")
        dweight = gradient_target(accumulate_into[0], names[0], weight.dtype, weight.shape) if need_weight else None
        dbias = gradient_target(accumulate_into[1], names[1], weight.dtype, (outputs,)) if need_bias else None
        read = {"x": x, "weight": weight, "dy": dy}
        refuse_overlap(dweight, names[0], {**read, names[1]: dbias})
        refuse_overlap(dbias, names[1], read)
    c.linear_backward(
        c.dtype_code(weight.dtype), math.prod(x.shape[:-1]), inputs, outputs, address(x), address(weight), address(dy),
        accumulate_into is not None, address(dx), address(dweight), address(dbias),
    )  # fmt: skip
    return LinearGradients(dx, dweight, dbias)
