"""What optimizers and clipping take: networks or arrays, and their gradients, one of them or several.

A caller may pass one thing or a sequence: the ``_list`` functions make a list of either, the ``array`` functions then
give each item's vector. A wrong type is a TypeError that names the argument.
"""

from __future__ import annotations

from typing import Any, Iterable, Mapping, Union

import numpy as np

from ._arrays import Array, writeable
from ._network import Network
from ._tape import Gradients, Tape

Parameter = Union[Network, Array]
Gradient = Union[Gradients, Array]


def parameter_list(parameters: Any) -> list[Any]:
    """What is optimized, as a list of networks and arrays. The items are not checked yet: see `array_of`."""
    if isinstance(parameters, (Network, np.ndarray)):
        return [parameters]
    if isinstance(parameters, (Mapping, str, bytes)) or not isinstance(parameters, Iterable):
        raise TypeError(
            f"parameters: pass the network, or arrays, or a sequence of them; got {type(parameters).__name__}"
        )
    return list(parameters)


def array_of(owner: Any, name: str) -> Array:
    """The vector of a network, or the array itself: float32 or float64, dense, writeable. Not a copy."""
    return writeable(owner.flat if isinstance(owner, Network) else owner, name)


def gradient_list(gradients: Any) -> list[Any]:
    """Gradients as a list of `Gradients` and arrays. The items are not checked yet: see `gradient_array`."""
    if isinstance(gradients, (Gradients, np.ndarray, Tape)):
        return [gradients]
    if isinstance(gradients, (Mapping, str, bytes)) or not isinstance(gradients, Iterable):
        raise TypeError(
            f"gradients: expected Gradients, an array, or a sequence of them, got {type(gradients).__name__}"
        )
    return list(gradients)


def gradient_array(gradient: Any, name: str) -> Any:
    """The vector of `Gradients`, or what was given itself: the caller checks its type and shape.

    Raises
    ------
    TypeError
        It is a tape.
    ValueError
        The backward pass was asked not to compute it.
    """
    if isinstance(gradient, Tape):
        raise TypeError(f"{name}: expected Gradients or an array, got Tape: tape.backward makes gradients")
    if isinstance(gradient, Gradients):
        if gradient.flat is None:
            raise ValueError(f"{name}: these gradients were made with need_parameters=False")
        return gradient.flat
    return gradient
