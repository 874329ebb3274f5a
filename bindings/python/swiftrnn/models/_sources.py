"""Batches of a training, in an order that is a function of the seed, the epoch and the number of the batch: what a
checkpoint keeps."""

from __future__ import annotations

import zlib
from typing import Any, Protocol

import numpy as np

from ._batch import Batch
from ._buckets import Buckets
from ._examples import Examples
from ._streams import Stream


class Source(Protocol):
    """Batches of an epoch after the other."""

    batches: int
    """Of an epoch."""
    carries_state: bool
    """Whether a batch goes on where the one before ended."""

    def seek(self, epoch: int, batch: int) -> None:
        """Goes to a batch of an epoch."""

    def next(self) -> Batch | None:
        """The next batch of the epoch; None: the epoch is over."""

    def fingerprint(self) -> dict[str, Any]:
        """What tells these data from others."""


class ExampleSource:
    """Examples in memory, those of about the same length together."""

    carries_state = False

    def __init__(self, examples: Examples, batch_size: int, token_limit: int | None, seed: int) -> None:
        self._examples = examples
        self._buckets = Buckets(examples.lengths(), batch_size, token_limit, seed)
        self.batches = len(self._buckets)
        self._limits = (batch_size, token_limit)
        self._epoch, self._batch = -1, 0

    def seek(self, epoch: int, batch: int) -> None:
        if epoch != self._epoch:
            self._order = self._buckets.batches(epoch)
        self._epoch, self._batch = epoch, batch

    def next(self) -> Batch | None:
        if self._batch >= self.batches:
            return None
        self._batch += 1
        return self._examples.batch(self._order[self._batch - 1])

    def fingerprint(self) -> dict[str, Any]:
        crc = 0
        for sequence in self._examples.inputs:
            crc = zlib.crc32(np.ascontiguousarray(sequence), crc)
        for tree in self._examples.trees or ():
            crc = zlib.crc32(np.ascontiguousarray(tree.parents), zlib.crc32(np.ascontiguousarray(tree.children), crc))
        for target in self._examples.targets or ():
            crc = zlib.crc32(np.ascontiguousarray(target), crc)
        batch_size, token_limit = self._limits
        return {"examples": len(self._examples), "batch_size": batch_size, "token_limit": token_limit, "crc": crc}


class StreamSource:
    """A text, from its beginning to its end."""

    carries_state = True

    def __init__(self, stream: Stream, sequences: int, steps: int, crc: int) -> None:
        self._stream, self._shape, self._crc = stream, (sequences, steps), crc
        self.batches = stream.batches

    def seek(self, epoch: int, batch: int) -> None:
        self._stream.seek(min(batch, self.batches - 1) * self._shape[1])
        if batch == self.batches:
            self._stream.next()

    def next(self) -> Batch | None:
        return self._stream.next()

    def fingerprint(self) -> dict[str, Any]:
        sequences, steps = self._shape
        return {"tokens": self._stream.tokens, "batch_size": sequences, "steps": steps, "crc": self._crc}
