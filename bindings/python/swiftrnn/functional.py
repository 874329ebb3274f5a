"""What stands around a network, as functions of numpy arrays: embedding, linear layer, attention, pooling, dropout,
losses, sampling.

Arrays are float32 or float64, all of one call the same, and never cast; identifiers are integers of any type, in arrays
or nested lists. Arrays that are not dense are copied. Each call gives the GIL back while it computes, and any number of
threads may call.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from . import _c_api as c
from ._arrays import Array, address, dense, integer, integers, matrix, one_type, rows, shaped, typed
from ._attention import (
    Attended as Attended,
    AttentionGradients as AttentionGradients,
    attention as attention,
    attention_backward as attention_backward,
    attention_memory as attention_memory,
    attention_memory_backward as attention_memory_backward,
)
from ._elementwise_losses import (
    ElementwiseLoss as ElementwiseLoss,
    binary_cross_entropy_with_logits as binary_cross_entropy_with_logits,
    huber_loss as huber_loss,
    l1_loss as l1_loss,
    mse_loss as mse_loss,
)
from ._errors import SwiftRNNError
from ._losses import (
    CrossEntropy as CrossEntropy,
    LinearCrossEntropy as LinearCrossEntropy,
    cross_entropy as cross_entropy,
    gradient_target,
    linear_cross_entropy as linear_cross_entropy,
)
from ._overlap import refuse_overlap, refuse_overlap_at
from ._places import placed
from ._pooling import (
    Dropped as Dropped,
    Pooled as Pooled,
    PoolGradients as PoolGradients,
    dropout as dropout,
    dropout_backward as dropout_backward,
    pool as pool,
    pool_backward as pool_backward,
)
from ._sampling import Ids as Ids, Sampler as Sampler, sample as sample


def embedding(weight: Array, ids: ArrayLike) -> Array:
    """Looks rows up: ``out[..., :] = weight[ids[...], :]``.

    Parameters
    ----------
    weight : ndarray [vocabulary, width]
    ids : array of integers, of any shape
        Each in 0 ..< vocabulary.

    Returns
    -------
    ndarray [*ids.shape, width]

    Raises
    ------
    SwiftRNNError
        An identifier is outside the vocabulary (also a ValueError).

    Examples
    --------
    >>> import numpy as np, swiftrnn
    >>> weight = np.arange(6, dtype=np.float32).reshape(3, 2)
    >>> swiftrnn.embedding(weight, np.array([2, 0]))
    array([[4., 5.],
           [0., 1.]], dtype=float32)
    """
    weight = matrix(weight, "weight")
    ids = integers(ids, "ids")
    vocabulary, width = weight.shape
    out = np.empty((*ids.shape, width), weight.dtype)
    code, elements = c.dtype_code(weight.dtype), c.int64s(address(ids))
    try:
        c.embedding_forward(code, vocabulary, width, address(weight), ids.size, elements, address(out))
    except SwiftRNNError as error:
        raise placed(error, "ids", ids.shape) from None
    return out


def embedding_backward(dout: Array, ids: ArrayLike, vocabulary: int, *, accumulate_into: Array | None = None) -> Array:
    """The gradient of `embedding` for its weight: row v is the sum of the rows of `dout` whose identifier is v.

    Parameters
    ----------
    dout : ndarray [*ids.shape, width]
    ids : array of integers
    vocabulary : int
    accumulate_into : ndarray [vocabulary, width], optional
        C-contiguous: the gradient is added to it, and it is returned.

    Returns
    -------
    ndarray [vocabulary, width]

    Examples
    --------
    >>> import numpy as np, swiftrnn
    >>> swiftrnn.embedding_backward(np.ones((3, 2)), np.array([1, 0, 1]), 3)
    array([[1., 1.],
           [2., 2.],
           [0., 0.]])
    """
    ids = integers(ids, "ids")
    dout = typed(dout, "dout")
    if dout.ndim != ids.ndim + 1 or dout.shape[:-1] != ids.shape:
        raise ValueError(f"dout: expected shape {list(ids.shape)} + [width], got {list(dout.shape)}")
    dout = dense(dout)
    shape = (integer(vocabulary, "vocabulary", 0), dout.shape[-1])
    if accumulate_into is None:
        result = np.empty(shape, dout.dtype)
    else:
        result = gradient_target(accumulate_into, "accumulate_into", dout.dtype, shape)
    at, ids_at, dout_at = address(result), address(ids), address(dout)
    if accumulate_into is not None:
        refuse_overlap_at("accumulate_into", result, at, "dout", dout, dout_at)
        refuse_overlap_at("accumulate_into", result, at, "ids", ids, ids_at)
    try:
        c.embedding_backward(
            c.dtype_code(dout.dtype), *shape, ids.size, c.int64s(ids_at), dout_at, accumulate_into is not None, at
        )
    except SwiftRNNError as error:
        raise placed(error, "ids", ids.shape) from None
    return result


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
