"""Gradient clipping by the common norm or by value, in place, on float32 or float64 vectors."""

from __future__ import annotations

from typing import Any, Mapping, Sequence, Union

from .. import _c as c
from .._arguments import real
from .._arrays import Array, address, one_type, writeable
from .._memory import refuse_overlaps
from ._arguments import Gradient, gradient_array, gradient_list


def clip_grad_norm(gradients: Union[Gradient, Sequence[Gradient], Mapping[str, Array]], max_norm: float) -> float:
    """Scales all gradients, in place, by ``max_norm / norm`` if their common 2-norm is larger than `max_norm`
    (Pascanu, Mikolov, Bengio 2013). A norm that is not finite leaves them as they are.

    Parameters
    ----------
    gradients : Gradients, ndarray, or a sequence of them
        Arrays are C-contiguous and writeable, all of one type, and share no memory. An empty sequence is accepted: its
        norm is 0. Unlike torch's function it takes no parameters, which have no gradients of their own here: parameters
        of a network or of an optimizer are a ValueError.
    max_norm : float
        Above 0; ``math.inf`` to measure only.

    Returns
    -------
    float
        The norm before.

    Raises
    ------
    TypeError, ValueError
        A type is wrong, gradients are parameters, or two share memory: a vector and a view of it, or one given twice.
        Nothing has changed.

    Examples
    --------
    >>> import numpy as np, swiftrnn
    >>> a, b = np.array([3.0]), np.array([[4.0]])
    >>> swiftrnn.clip_grad_norm([a, b], 1.0)
    5.0
    >>> a.round(9).tolist(), b.round(9).tolist()
    ([0.6], [[0.8]])
    """
    limit = real(max_norm, "max_norm")
    code, vectors, elements = _vectors(gradients)
    norm = c.c_double()
    c.clip_gradients(
        code, len(vectors), c.pointers([address(vector) for vector in vectors]), elements, limit, c.byref(norm)
    )
    return norm.value


def clip_grad_value(gradients: Union[Gradient, Sequence[Gradient], Mapping[str, Array]], clip_value: float) -> None:
    """Limits each number of the gradients to ``-clip_value ... clip_value``, in place. NaN stays NaN.

    Parameters
    ----------
    gradients : Gradients, ndarray, or a sequence of them
        As for `clip_grad_norm`.
    clip_value : float
        Above 0.

    Examples
    --------
    >>> import numpy as np, swiftrnn
    >>> a = np.array([3.0, -0.5, -7.0])
    >>> swiftrnn.clip_grad_value(a, 1.0)
    >>> a.tolist()
    [1.0, -0.5, -1.0]
    """
    limit = real(clip_value, "clip_value")
    code, vectors, elements = _vectors(gradients)
    c.clip_values(code, len(vectors), c.pointers([address(vector) for vector in vectors]), elements, limit)


def _vectors(gradients: Union[Gradient, Sequence[Gradient], Mapping[str, Array]]) -> tuple[int, list[Array], Any]:
    """The type of the gradients, their vectors, and the number of elements of each as a C array."""
    arrays: dict[str, Array] = {}
    if isinstance(gradients, Mapping):
        gradients = list(gradients.values())
    for index, gradient in enumerate(gradient_list(gradients)):
        name = f"gradients[{index}]"
        arrays[name] = writeable(gradient_array(gradient, name, "scaled"), name)
    one_type(arrays)
    vectors = list(arrays.values())
    refuse_overlaps(vectors, "gradients", "what is in both would count twice in the norm and be scaled twice")
    elements = (c.c_int64 * len(vectors))(*(vector.size for vector in vectors))
    return c.dtype_code(vectors[0].dtype) if vectors else c.FLOAT32, vectors, elements
