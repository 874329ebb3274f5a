"""Memory of arrays: overlaps within one call, the ranges where parameters live, and scratch kept between calls."""

from __future__ import annotations

import bisect
import weakref
from typing import Any, Mapping, NamedTuple, Sequence

import numpy as np

from ._arrays import Array, bounds


def overlap(one: Array, other: Array) -> bool:
    """Whether two arrays have a number in common."""
    start, end = bounds(one)
    first, last = bounds(other)
    return first < end and start < last and np.shares_memory(one, other)  # or it is between the other's rows


def refuse_overlap(result: Array | None, name: str, others: Mapping[str, Array | None]) -> None:
    """Refuses a `result` that the library would write while it reads, or also writes, one of `others`, by their names.

    Raises
    ------
    ValueError
        They share memory; both are named.
    """
    if result is None:
        return
    start, end = bounds(result)
    for other, array in others.items():
        if array is not None:
            first, last = bounds(array)
            if first < end and start < last and np.shares_memory(result, array):  # or it is between the other's rows
                raise ValueError(_overlaps(name, other))


def refuse_overlap_at(name: str, result: Array, start: int, other: str, array: Array, first: int) -> None:
    """As `refuse_overlap`, of two dense arrays that start at these addresses: in a tenth of the time, where a call has
    them anyway.
    """
    if first < start + result.nbytes and start < first + array.nbytes and result.size and array.size:
        raise ValueError(_overlaps(name, other))


def _overlaps(name: str, other: str) -> str:
    return f"{name} overlaps {other}: the one is written while the other is in use"


def refuse_overlaps(arrays: Sequence[Array], name: str, would: str) -> None:
    """Refuses two of `arrays`, called ``name[k]``, with a number in common; `would` says what would become of it.

    All are C-contiguous, so that each is one range of addresses: sorted, a range overlaps one before it exactly if it
    starts before the furthest end so far. Thousands of arrays take a few milliseconds then, where asking numpy of each
    pair would take seconds.

    Raises
    ------
    ValueError
        Two share memory; both are named.
    """
    if len(arrays) < 2:
        return
    ranges = sorted((*bounds(array), index) for index, array in enumerate(arrays) if array.nbytes)
    last, furthest = 0, 0
    for start, end, index in ranges:
        if start < last:
            first, second = sorted((furthest, index))
            raise ValueError(f"{name}[{first}] and {name}[{second}] share memory: {would}")
        last, furthest = end, index


class _Index(NamedTuple):
    """Ranges of addresses without a number in common, sorted, and the arrays in each with their holders: where arrays
    overlap, as a network's vector does with an optimizer's views of it, one range is of them all."""

    state: object
    starts: list[int]
    ends: list[int]
    arrays: list[list[tuple[weakref.ref[Any], weakref.ref[Array]]]]


# Holders of parameters, `Parameters` and optimizers, by their identities.
_holders: "weakref.WeakValueDictionary[int, Any]" = weakref.WeakValueDictionary()
# An object for each state of the holders: an index is of one of them. An array that goes away leaves its range, until
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


class BufferPool:
    """Byte buffers for one purpose. Each belongs to one taker at a time; any number of threads may take.

    Kept are at most as many as were in use at the same time, and never more than `limit`. There is no lock, so a fork
    cannot leave one locked: each step is one operation on a list, which the GIL makes whole.
    """

    def __init__(self, limit: int = 4) -> None:
        self._limit = limit
        self._free: list[Array] = []

    def take(self, size: int) -> Array:
        """A buffer of at least `size` bytes, its contents whatever they are.

        Raises
        ------
        MemoryError
            The system has none left.
        """
        try:
            buffer = self._free.pop()
        except IndexError:
            return np.empty(size, np.uint8)
        # One that is far too large goes back to the system, so that a single long batch does not pin its memory.
        if size <= buffer.nbytes <= 4 * size + 65536:
            return buffer
        del buffer
        return np.empty(size, np.uint8)

    def give(self, buffer: Array) -> None:
        """Gives a buffer back; the giver has no use for it any more."""
        if len(self._free) < self._limit:
            self._free.append(buffer)

    def clear(self) -> None:
        """Gives everything that is kept back to the system."""
        self._free.clear()


class BufferPools:
    """The pools of one network: a call's scratch differs in size from one purpose to the next."""

    def __init__(self) -> None:
        self.forward = BufferPool()
        self.backward = BufferPool()
        self.tape = BufferPool()

    def clear(self) -> None:
        for pool in (self.forward, self.backward, self.tape):
            pool.clear()
