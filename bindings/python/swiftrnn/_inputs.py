"""The inputs that a cell of equations has beside x: given by name, in x's layout."""

from __future__ import annotations

import difflib
from typing import Any, Mapping, Sequence

import numpy as np

from ._arrays import Array, typed
from ._handles import NetworkHandle

# Keywords of the methods that take inputs, behind those that are always given: x, and a tree's forest.
CALL = ("state", "lengths", "mask")
FORWARD = (*CALL, "seed", "first_sequence")
STEP = ("out",)
TREE: tuple[str, ...] = ()
TREE_FORWARD = ("seed", "first_node")
RESERVED = tuple(dict.fromkeys(("self", "x", *FORWARD, *STEP, "forest", *TREE_FORWARD)))
_STATE = "state"
_STATES_ELSEWHERE = ("hx", "h0", "h_0", "hidden", "initial_state")


def check_names(handle: NetworkHandle) -> None:
    """Refuses a cell one of whose inputs could not be given by its name."""
    for name, _ in handle.inputs:
        if name in RESERVED:
            raise ValueError(
                f"the cell's input {name!r} is also the name of an argument of the network's methods "
                f"({', '.join(RESERVED)}), so it could not be given: call it otherwise"
            )


def named_inputs(handle: NetworkHandle, given: Mapping[str, Any] | None, keywords: Sequence[str]) -> list[Any]:
    """What was given by keyword, in the library's order; all inputs of the network, and no other. `keywords` are those
    of the method beside them, one of which may have been meant."""
    if not given and not handle.inputs:
        return []
    given = given or {}
    names = [name for name, _ in handle.inputs]
    has = f"this network's inputs beside x are {', '.join(names)}" if names else "this network has no inputs beside x"
    for name in given:
        if name not in names:
            raise TypeError(f"unexpected argument {name!r}{_meant(name, keywords, names, given)}: {has}")
    missing = [name for name in names if name not in given]
    if missing:
        raise TypeError(f"missing input {missing[0]!r}: pass {missing[0]}=…; {has}")
    return [given[name] for name in names]


def _meant(name: str, keywords: Sequence[str], inputs: Sequence[str], given: Mapping[str, Any]) -> str:
    possible = [*keywords, *(one for one in inputs if one not in given)]
    by_others = name in _STATES_ELSEWHERE and _STATE in keywords
    near = [_STATE] if by_others else difflib.get_close_matches(name, possible, 1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def input_array(value: Any, name: str, dtype: np.dtype[Any], shape: Sequence[int]) -> Array:
    """An input, which must have this shape, whose last axis is its width; where that is 1 it may be left out."""
    # A number out of an array of numbers per step: of one sequence, unbatched.
    array = typed(np.asarray(value) if isinstance(value, np.generic) else value, name, dtype)
    shapes = [tuple(shape)] + ([tuple(shape[:-1])] if shape[-1] == 1 else [])
    if array.shape not in shapes:
        expected = " or ".join(str(list(shape)) for shape in shapes)
        raise ValueError(f"{name}: expected shape {expected}, got {list(array.shape)}")
    return array
