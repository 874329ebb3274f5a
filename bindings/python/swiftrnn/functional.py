"""What stands around a network, as functions of numpy arrays: embedding, linear layer, loss, sampling.

Arrays are float32 or float64, all of one call the same; identifiers are int64. Nothing is cast; arrays that are not
dense are copied. Each call gives the GIL back while it computes, and any number of threads may call.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import _c_api as c
from ._arrays import Array, address, dense, integer, real, shaped, typed, unsigned, writeable

Ids = NDArray[np.int64]

_INT64 = np.dtype(np.int64)


def _matrix(value: Array, name: str, dtype: np.dtype[np.generic] | None = None) -> Array:
    array = typed(value, name, dtype)
    if array.ndim != 2:
        raise ValueError(f"{name}: expected 2 dimensions, got shape {list(array.shape)}")
    return dense(array)


def _rows(value: Array, name: str, width: int | None, dtype: np.dtype[np.generic] | None = None) -> Array:
    array = typed(value, name, dtype)
    if array.ndim == 0 or (width is not None and array.shape[-1] != width):
        expected = "[..., features]" if width is None else f"[..., {width}]"
        raise ValueError(f"{name}: expected shape {expected}, got {list(array.shape)}")
    return dense(array)


def embedding(weight: Array, ids: Ids) -> Array:
    """Looks rows up: ``out[..., :] = weight[ids[...], :]``.

    Parameters
    ----------
    weight : ndarray [vocabulary, width]
    ids : ndarray of int64, of any shape
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
    weight = _matrix(weight, "weight")
    ids = dense(typed(ids, "ids", _INT64))
    vocabulary, width = weight.shape
    out = np.empty((*ids.shape, width), weight.dtype)
    c.embedding_forward(
        c.dtype_code(weight.dtype), vocabulary, width, address(weight), ids.size, c.int64s(address(ids)), address(out)
    )
    return out


def embedding_backward(dout: Array, ids: Ids, vocabulary: int, *, accumulate_into: Array | None = None) -> Array:
    """The gradient of `embedding` for its weight: row v is the sum of the rows of `dout` whose identifier is v.

    Parameters
    ----------
    dout : ndarray [*ids.shape, width]
    ids : ndarray of int64
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
    ids = dense(typed(ids, "ids", _INT64))
    dout = typed(dout, "dout")
    if dout.ndim != ids.ndim + 1 or dout.shape[:-1] != ids.shape:
        raise ValueError(f"dout: expected shape {list(ids.shape)} + [width], got {list(dout.shape)}")
    dout = dense(dout)
    shape = (integer(vocabulary, "vocabulary", 0), dout.shape[-1])
    if accumulate_into is None:
        result = np.empty(shape, dout.dtype)
    else:
        result = writeable(accumulate_into, "accumulate_into", dout.dtype, shape)
    c.embedding_backward(
        c.dtype_code(dout.dtype), *shape, ids.size, c.int64s(address(ids)), address(dout), accumulate_into is not None,
        address(result),
    )  # fmt: skip
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
    weight = _matrix(weight, "weight")
    outputs, inputs = weight.shape
    x = _rows(x, "x", inputs, weight.dtype)
    bias = None if bias is None else dense(shaped(bias, "bias", weight.dtype, (outputs,)))
    y = np.empty((*x.shape[:-1], outputs), weight.dtype)
    rows = math.prod(x.shape[:-1])
    c.linear_forward(
        c.dtype_code(weight.dtype), rows, inputs, outputs, address(x), address(weight), address(bias), address(y)
    )
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
    weight = _matrix(weight, "weight")
    outputs, inputs = weight.shape
    x = _rows(x, "x", inputs, weight.dtype)
    dy = dense(shaped(dy, "dy", weight.dtype, (*x.shape[:-1], outputs)))
    dx = np.empty_like(x) if need_x else None
    if accumulate_into is None:
        dweight = np.empty_like(weight) if need_weight else None
        dbias = np.empty(outputs, weight.dtype) if need_bias else None
    else:
        names = ("accumulate_into weight", "accumulate_into bias")
        dweight = writeable(accumulate_into[0], names[0], weight.dtype, weight.shape) if need_weight else None
        dbias = writeable(accumulate_into[1], names[1], weight.dtype, (outputs,)) if need_bias else None
    c.linear_backward(
        c.dtype_code(weight.dtype), math.prod(x.shape[:-1]), inputs, outputs, address(x), address(weight), address(dy),
        accumulate_into is not None, address(dx), address(dweight), address(dbias),
    )  # fmt: skip
    return LinearGradients(dx, dweight, dbias)


class CrossEntropy(NamedTuple):
    """What `cross_entropy` returns."""

    loss: float
    dlogits: Array | None
    perplexity: float


def cross_entropy(
    logits: Array,
    targets: Ids,
    *,
    ignore_index: int = -100,
    need_gradient: bool = True,
    out: Array | None = None,
    row_losses: NDArray[np.float64] | None = None,
) -> CrossEntropy:
    """Softmax cross-entropy, its gradient and its perplexity, in one pass over the logits.

    Parameters
    ----------
    logits : ndarray [..., classes]
    targets : ndarray of int64 [...]
        Each in 0 ..< classes, or `ignore_index`: such rows do not count and have gradient 0.
    ignore_index : int
    need_gradient : bool
        Whether dlogits is computed.
    out : ndarray, optional
        Of logits' shape, C-contiguous: receives dlogits. May be `logits` itself.
    row_losses : ndarray of float64 [...], optional
        C-contiguous: receives each row's loss, 0 where ignored.

    Returns
    -------
    loss : float
        The mean, over the rows that count, of ``log(sum(exp(logits))) - logits[target]``; 0 if none counts.
    dlogits : ndarray or None
        The gradient of the loss, in logits' shape.
    perplexity : float
        exp(loss).

    Examples
    --------
    >>> import numpy as np, swiftrnn
    >>> loss, dlogits, perplexity = swiftrnn.cross_entropy(np.zeros((3, 4)), np.array([0, 3, -100]))
    >>> round(perplexity, 9), dlogits[0].tolist(), dlogits[2].tolist()
    (4.0, [-0.375, 0.125, 0.125, 0.125], [0.0, 0.0, 0.0, 0.0])
    """
    array = _rows(logits, "logits", None)
    targets = dense(shaped(targets, "targets", _INT64, array.shape[:-1]))
    dlogits: Array | None = None
    if out is not None:
        if not need_gradient:
            raise ValueError("out was given, but need_gradient is False")
        dlogits = writeable(out, "out", array.dtype, array.shape)
    elif need_gradient:
        dlogits = np.empty_like(array)
    if row_losses is not None:
        writeable(row_losses, "row_losses", np.dtype(np.float64), targets.shape)
    loss, perplexity = c.c_double(), c.c_double()
    c.cross_entropy(
        c.dtype_code(array.dtype), targets.size, array.shape[-1], address(array), c.int64s(address(targets)),
        integer(ignore_index, "ignore_index"), c.doubles(address(row_losses)), address(dlogits), c.byref(loss),
        c.byref(perplexity), None,
    )  # fmt: skip
    return CrossEntropy(loss.value, dlogits, perplexity.value)


def sample(
    logits: Array,
    *,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    seed: int = 0,
    position: int = 0,
) -> Ids:
    """Draws a class per row of logits.

    Parameters
    ----------
    logits : ndarray [..., classes]
    temperature : float
        Divides the logits; 0: the largest logit, the first of equals.
    top_k : int
        Only the k largest logits; 0: all.
    top_p : float
        Only the smallest set of most likely classes that reaches this probability, after top_k; 0 or 1: all.
    seed, position : int
        In 0...2^64 - 1. Seed, position and row number give the random number, whatever was drawn before: use the
        position of the token in its text.

    Returns
    -------
    ndarray of int64 [...]

    Examples
    --------
    >>> import numpy as np, swiftrnn
    >>> swiftrnn.sample(np.array([[0.0, 3.0, 1.0], [2.0, 2.0, 0.0]]), temperature=0)
    array([1, 0])
    """
    array = _rows(logits, "logits", None)
    ids = np.empty(array.shape[:-1], np.int64)
    config = c.SampleConfig(
        temperature=real(temperature, "temperature"),
        top_k=integer(top_k, "top_k"),
        top_p=real(top_p, "top_p"),
        seed=unsigned(seed, "seed"),
        position=unsigned(position, "position"),
    )
    c.sample(
        c.dtype_code(array.dtype), c.byref(config), ids.size, array.shape[-1], address(array), c.int64s(address(ids))
    )
    return ids
