"""Arrays of one call that share memory, where each number must be there once."""

from __future__ import annotations

from typing import Mapping, Sequence

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
