"""Scratch and tapes, kept between calls.

Fresh memory of this size comes from the system page by page, and the first touch of each page costs time of the call;
so what a call has finished with is kept for the next one.
"""

from __future__ import annotations

import numpy as np

from ._arrays import Array


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
