"""Where all parameters that live are in memory: gradients must not be there."""

from __future__ import annotations

import bisect
import weakref
from typing import Any, NamedTuple, Sequence

import numpy as np

from ._arrays import Array, bounds


class _Index(NamedTuple):
    """Ranges of addresses without a number in common, sorted, and the arrays in each with their holders: where arrays
    overlap, as a network's vector does with an optimizer's views of it, one range is of them all."""

    state: object
    starts: list[int]
    ends: list[int]
    arrays: list[list[tuple[weakref.ref[Any], weakref.ref[Array]]]]


# What holds parameters, `Parameters` and optimizers, by their identities.
_holders: "weakref.WeakValueDictionary[int, Any]" = weakref.WeakValueDictionary()
# An object for each state of the holders: an index is of one of them. What goes away leaves its range behind, until
# an array is found there.
_state = object()
_index = _Index(_state, [], [], [])


def hold(holder: Any) -> None:
    """Enters what holds parameters, its arrays as `_held_arrays` gives them now: again whenever these are others."""
    global _state
    _holders[id(holder)] = holder
    _state = object()  # after the entry: an index that another thread makes meanwhile is of the state before


def refuse_parameters(array: Any, name: str, would: str) -> None:
    """Refuses an array that shares memory with parameters of a network or of an optimizer, where gradients are meant;
    `would` says what would become of it.

    By memory, not by identity: torch and others make arrays of their own over the same numbers.
    """
    if isinstance(array, np.ndarray) and _is_held(array):
        raise ValueError(
            f"{name}: expected gradients, got parameters, which would be {would}. Gradients are what tape.backward "
            "returns: pass those, or their .flat, or their .parameters.values()"
        )


def _is_held(array: Array) -> bool:
    """Whether `array` shares memory with a holder's. Takes the time of a search among sorted addresses, not of a look
    at each parameter: of thousands each has a gradient."""
    global _state
    index = _index if _index.state is _state else _indexed()
    start, end = bounds(array)
    at = bisect.bisect_left(index.starts, end) - 1
    while at >= 0 and index.ends[at] > start:
        for holder, reference in index.arrays[at]:
            known = reference()
            if holder() is None or known is None:
                _state = object()  # memory of one that is gone: the next index is without it
            elif np.shares_memory(array, known):  # and not only lies around it
                return True
        at -= 1
    return False


def _indexed() -> _Index:
    global _index
    state = _state
    ranges: list[tuple[int, int, weakref.ref[Any], weakref.ref[Array]]] = []
    # A list, made in one go: other threads may make and drop networks meanwhile.
    for reference in list(_holders.valuerefs()):
        holder = reference()
        arrays: Sequence[Array] = () if holder is None else holder._held_arrays()
        ranges.extend((*bounds(array), reference, weakref.ref(array)) for array in arrays if array.nbytes)
    made = _Index(state, [], [], [])
    for start, end, *references in sorted(ranges, key=lambda found: found[:2]):
        if made.ends and start < made.ends[-1]:
            made.ends[-1] = max(end, made.ends[-1])
        else:
            made.starts.append(start)
            made.ends.append(end)
            made.arrays.append([])
        made.arrays[-1].append((references[0], references[1]))
    _index = made
    return made
