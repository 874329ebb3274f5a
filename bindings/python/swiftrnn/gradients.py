"""Gradients of a loss: what every backward pass returns."""

from __future__ import annotations

import dataclasses
from typing import Any, Mapping, Union

import numpy as np

from ._arrays import Array, writeable
from ._memory import refuse_parameters


@dataclasses.dataclass(eq=False, repr=False)
class Gradients:
    """The gradients of a loss.

    Attributes
    ----------
    x : ndarray or None
        In the layout of x, zero past each length; None if not wanted.
    state : ndarray, (ndarray, ndarray) or None
        Gradient for the initial state, in its layout; given even where the initial state was left out. None if not
        wanted, and for trees, which have no initial state.
    parameters : mapping of str to ndarray, or None
        Views of `flat` by torch's names, into which ``parameters[name] = array`` copies; None if not wanted.
    flat : ndarray or None
        The gradients of all parameters as one vector, in the order of `Network.flat`; None if not wanted.
    inputs : dict of str to ndarray, or None
        Gradients for a cell's inputs beside x, by their names, each in the layout of the input; empty where there are
        none. None if not wanted.
    """

    x: Array | None
    state: Any
    parameters: Mapping[str, Array] | None
    flat: Array | None
    inputs: Mapping[str, Array] | None = dataclasses.field(default_factory=dict)

    def __repr__(self) -> str:
        def shapes(value: Any) -> str:
            if isinstance(value, tuple):
                return f"({', '.join(map(shapes, value))})"
            return "None" if value is None else f"{value.dtype}{list(value.shape)}"

        names = "None" if self.parameters is None else f"{len(self.parameters)} tensors"
        arrays = f"x={shapes(self.x)}, state={shapes(self.state)}, parameters={names}, flat={shapes(self.flat)}"
        inputs = ", ".join(f"{name}: {shapes(value)}" for name, value in (self.inputs or {}).items())
        return f"Gradients({arrays}{f', inputs={{{inputs}}}' if inputs else ''})"


def flat_gradient(parameters: Array, wanted: bool, into: Union[Gradients, Array, None]) -> Array | None:
    """The vector for the gradients of `parameters`, a vector: a new one, or the one to be added to; None if not wanted.

    Raises
    ------
    TypeError, ValueError
        `into` has not the type and shape of `parameters`, or is parameters, or is of no use.
    """
    if not wanted:
        if into is not None:
            raise ValueError("accumulate_into was given, but need_parameters is False")
        return None
    if into is None:
        return np.empty_like(parameters)
    flat = into.flat if isinstance(into, Gradients) else into
    flat = writeable(flat, "accumulate_into", parameters.dtype, parameters.shape)
    refuse_parameters(flat, "accumulate_into", "added to")
    return flat
