"""Gradient clipping by the common norm, in place, on float32 or float64 vectors."""

from __future__ import annotations

from typing import Sequence, Union

from . import _c_api as c
from ._arrays import Array, address, real, writeable
from ._optimizer_arguments import Gradient, gradient_array, gradient_list


def clip_grad_norm(gradients: Union[Gradient, Sequence[Gradient]], max_norm: float) -> float:
    """Scales all gradients, in place, by ``max_norm / norm`` if their common 2-norm is larger than `max_norm`
    (Pascanu, Mikolov, Bengio 2013). A norm that is not finite leaves them as they are.

    Parameters
    ----------
    gradients : Gradients, ndarray, or a sequence of them
        Arrays are C-contiguous and writeable, all of one type. An empty sequence is accepted: its norm is 0.
    max_norm : float
        Above 0; ``math.inf`` to measure only.

    Returns
    -------
    float
        The norm before.

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
    arrays: list[Array] = []
    for index, gradient in enumerate(gradient_list(gradients)):
        name = f"gradients[{index}]"
        dtype = arrays[0].dtype if arrays else None
        arrays.append(writeable(gradient_array(gradient, name), name, dtype))
    norm = c.c_double()
    elements = (c.c_int64 * len(arrays))(*(array.size for array in arrays))
    code = c.dtype_code(arrays[0].dtype) if arrays else c.FLOAT32
    c.clip_gradients(
        code, len(arrays), c.pointers([address(array) for array in arrays]), elements, limit, c.byref(norm)
    )
    return norm.value
