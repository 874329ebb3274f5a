"""Embedding: rows of a table, and their gradient."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .. import _c as c
from .._arguments import integer
from .._arrays import Array, address, dense, integers, matrix, placed, typed
from .._memory import refuse_overlap_at
from ..errors import SwiftRNNError
from ._checks import gradient_target


def embedding(weight: Array, ids: ArrayLike) -> Array:
    """Looks rows up: ``out[..., :] = weight[ids[...], :]``.

    Parameters
    ----------
    weight : ndarray [vocabulary, width]
    ids : array of integers, of any shape
        Each in 0 ..< vocabulary.

    Returns
    -------
    ndarray [..., width]

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
    dout : ndarray [..., width]
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
