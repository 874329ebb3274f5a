"""A text as batches for a language model: N parts of equal length, read side by side, T tokens at a time, so that
states carry over."""

from __future__ import annotations

import os
from typing import Any, Protocol

import numpy as np

from .. import _c as c
from .._arrays import Array, address
from .._handles import _owned
from ._batch import Batch
from ._digests import digest, file_digest
from ._handles import PathLike, path_bytes
from ._vocabulary import Vocabulary


class Stream(Protocol):
    """Batches of a text from its beginning to its end."""

    tokens: int
    """The number of tokens of the whole text."""
    batches: int
    """From the beginning to the end."""
    position: int
    """The number of tokens of each part that have been inputs, which a checkpoint keeps."""

    def next(self) -> Batch | None:
        """The next batch; None: the end."""

    def seek(self, position: int) -> None:
        """Goes to a position of before; 0 is the beginning."""

    def fingerprint(self) -> dict[str, Any]:
        """Identity of the text, for which all of it is read."""


class IdStream:
    """Batches of ids in memory: those that `FileStream` gives of the same text."""

    def __init__(self, ids: Array, sequences: int, steps: int, name: str = "data") -> None:
        if len(ids) // sequences < 2:
            raise ValueError(
                f"{name}: the text has {len(ids)} tokens, too few for {sequences} parts of 2: "
                "a smaller batch_size has fewer"
            )
        self.tokens, self.steps, self.position = len(ids), steps, 0
        self._ids, self.length = ids, len(ids) // sequences
        self.batches = (self.length - 2) // steps + 1
        self._parts = ids[: self.length * sequences].reshape(sequences, self.length)

    def next(self) -> Batch | None:
        start, end = self.position, min(self.position + self.steps, self.length - 1)
        if end <= start:
            return None
        self.position = end
        return Batch(
            ids=np.ascontiguousarray(self._parts[:, start:end].T),
            targets=np.ascontiguousarray(self._parts[:, start + 1 : end + 1].T),
        )

    def seek(self, position: int) -> None:
        if not 0 <= position < self.length:
            raise ValueError(f"position: {position} is outside 0...{self.length - 1}")
        self.position = position

    def fingerprint(self) -> dict[str, Any]:
        return {"tokens": self.tokens, "content": digest([self._ids])}


class FileStream:
    """Batches of a text file, which may be larger than memory. The file must not change meanwhile."""

    def __init__(self, path: PathLike, vocabulary: Vocabulary, sequences: int, steps: int) -> None:
        pointer = c.TextStreamPointer()
        c.text_stream_open(path_bytes(path), vocabulary._pointer, sequences, steps, c.byref(pointer))
        self._pointer = pointer
        _owned(self, pointer, c.text_stream_destroy)
        tokens, batches = c.c_int64(), c.c_int64()
        c.text_stream_position(pointer, c.byref(tokens), c.byref(batches), None)
        self.tokens, self.batches, self._path = tokens.value, batches.value, path
        # No batch has more steps than a part has tokens with one behind them, however large T is.
        self._shape = (max(1, min(steps, self.tokens // sequences - 1)), sequences)

    @property
    def position(self) -> int:
        position = c.c_int64()
        c.text_stream_position(self._pointer, None, None, c.byref(position))
        return position.value

    def next(self) -> Batch | None:
        ids, targets, steps = np.empty(self._shape, np.int64), np.empty(self._shape, np.int64), c.c_int64()
        c.text_stream_next(self._pointer, c.int64s(address(ids)), c.int64s(address(targets)), c.byref(steps))
        if steps.value == 0:
            return None
        return Batch(ids=ids[: steps.value], targets=targets[: steps.value])

    def seek(self, position: int) -> None:
        c.text_stream_seek(self._pointer, position)

    def fingerprint(self) -> dict[str, Any]:
        return {"bytes": os.path.getsize(self._path), "content": file_digest(self._path)}
