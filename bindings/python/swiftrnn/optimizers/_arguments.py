"""Arguments of optimizers and clipping: networks, layers or arrays, and their gradients, one of them or several.

A caller may pass one thing or a sequence: the ``_list`` functions make a list of either, the ``array`` functions then
give each item's vector. A wrong type is a TypeError that names the argument.
"""

from __future__ import annotations

from typing import Any, Iterable, Mapping, Union

import numpy as np

from .._arrays import Array, writeable
from .._memory import refuse_parameters
from .._parameterized import Parameterized
from ..gradients import Gradients
from ..layers.tape import LayerTape
from ..tapes import TapeMemory

Parameter = Union[Parameterized, Array]
Gradient = Union[Gradients, Array]


def _listed(given: Any, single: tuple[type, ...], expected: str) -> list[Any]:
    """One of the types `single`, or a sequence, as a list. Mappings and texts are refused: they hold no vectors."""
    if isinstance(given, single):
        return [given]
    if isinstance(given, (Mapping, str, bytes)) or not isinstance(given, Iterable):
        raise TypeError(f"{expected} got {type(given).__name__}")
    return list(given)


def parameter_list(parameters: Any) -> list[Any]:
    """Parameters as a list of networks, layers and arrays. The items are not checked yet: see `array_of`."""
    expected = "parameters: pass the network, or arrays, or a sequence of them;"
    return _listed(parameters, (Parameterized, np.ndarray), expected)


def array_of(owner: Any, name: str) -> Array:
    """The vector of a network or of layers, or the array itself: float32 or float64, dense, writeable. Not a copy."""
    return writeable(owner.flat if isinstance(owner, Parameterized) else owner, name)


def gradient_list(gradients: Any) -> list[Any]:
    """Gradients as a list of `Gradients` and arrays. The items are not checked yet: see `gradient_array`."""
    expected = "gradients: expected Gradients, an array, or a sequence of them,"
    return _listed(gradients, (Gradients, np.ndarray, TapeMemory, LayerTape, Parameterized), expected)


def gradient_array(gradient: Any, name: str, would: str) -> Any:
    """The vector of `Gradients`, or what was given itself: the caller checks its type and shape.

    Parameters given by mistake are refused; `would` says what would become of them.

    Raises
    ------
    TypeError
        It is a tape, a network, or a layer.
    ValueError
        The backward pass was asked not to compute it. Or the array is of parameters.
    """
    if isinstance(gradient, (TapeMemory, LayerTape)):
        kind = type(gradient).__name__
        raise TypeError(f"{name}: expected Gradients or an array, got {kind}: tape.backward makes gradients")
    if isinstance(gradient, Gradients):
        if gradient.flat is None:
            raise ValueError(f"{name}: these gradients were made with need_parameters=False")
        return gradient.flat
    if isinstance(gradient, Parameterized):
        got = f"the network {type(gradient).__name__}" if hasattr(gradient, "stream") else type(gradient).__name__
        raise TypeError(f"{name}: expected Gradients or an array, got {got}: tape.backward makes gradients")
    refuse_parameters(gradient, name, would)
    return gradient
