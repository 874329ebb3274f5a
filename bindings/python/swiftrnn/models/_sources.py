"""Batches of a training, in an order that is a function of the seed, the epoch and the number of the batch: what a
checkpoint keeps."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any, Callable, Protocol

from ._batch import Batch
from ._buckets import Buckets
from ._evaluation import EvaluationResult
from ._examples import Examples
from ._passes import Passes
from ._streams import Stream
from ._unknown import UnknownTokens, warn_if_most

_SAMPLED = 16
"""Batches that stand for all data of a training: a file larger than memory is not read for a warning."""


class Source(Protocol):
    """Batches of an epoch after the other."""

    batches: int
    """The number of batches of an epoch."""
    carries_state: bool
    """Whether a batch goes on where the one before ended."""

    def seek(self, epoch: int, batch: int) -> None:
        """Goes to a batch of an epoch."""

    def next(self) -> Batch | None:
        """The next batch of the epoch; None: the epoch is over."""

    def fingerprint(self) -> dict[str, Any]:
        """Identity of these data, for which all of them are read."""


@dataclasses.dataclass(frozen=True)
class Validation:
    """Data that a training is judged by.

    Attributes
    ----------
    evaluate : callable
        The result of the model as it is.
    fingerprint : callable
        Identity of these data.
    """

    evaluate: Callable[[], EvaluationResult]
    fingerprint: Callable[[], dict[str, Any]]


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
        batch_size, token_limit = self._limits
        return {**self._examples.fingerprint(), "batch_size": batch_size, "token_limit": token_limit}


class StreamSource:
    """A text, from its beginning to its end."""

    carries_state = True

    def __init__(self, stream: Stream, sequences: int, steps: int) -> None:
        self._stream, self._shape = stream, (sequences, steps)
        self.batches = stream.batches

    def seek(self, epoch: int, batch: int) -> None:
        self._stream.seek(min(batch, self.batches - 1) * self._shape[1])
        if batch == self.batches:
            self._stream.next()

    def next(self) -> Batch | None:
        return self._stream.next()

    def fingerprint(self) -> dict[str, Any]:
        sequences, steps = self._shape
        return {**self._stream.fingerprint(), "batch_size": sequences, "steps": steps}


def warn_of_unknown(model: Passes, source: Source) -> None:
    """Warns if most tokens of a training's first batches are unknown. The source must be told where to go on."""
    unknown = UnknownTokens(model)
    source.seek(0, 0)
    for batch in itertools.islice(iter(source.next, None), _SAMPLED):
        assert batch is not None
        unknown.add(batch)
    warn_if_most(unknown.share)
