"""Tokens that a vocabulary lacks: a model reads them as ``<unk>``, and its loss then says little about the texts."""

from __future__ import annotations

from typing import Iterator

import numpy as np

from .._arrays import Array
from .._warnings import warn
from ._batch import IGNORED, Batch
from ._passes import Passes
from ._vocabulary import Vocabulary

MOST = 0.5
"""Share of unknown tokens above which a warning is due: a text of the vocabulary's own kind has a few in a hundred."""


class UnknownTokens:
    """Counts the tokens of batches, and those that are ``<unk>``: of the inputs, and of a decoder's targets.

    Parameters
    ----------
    model : Passes
        The model whose vocabularies have the ``<unk>``.
    """

    def __init__(self, model: Passes) -> None:
        decodes = model._kind in ("vector_decoder", "encoder_decoder")
        self._read = _unknown_id(model.vocabulary)
        self._written = _unknown_id(model.target_vocabulary) if decodes else None
        self.unknown = self.count = 0

    def add(self, batch: Batch) -> None:
        """Counts the tokens of a batch."""
        if self._read is not None and batch.ids is not None:
            ids = batch.ids
            if batch.lengths is not None and ids.ndim == 2:
                ids = ids[np.arange(len(ids))[:, np.newaxis] < batch.lengths]
            self._count(ids, self._read)
        if self._written is not None and batch.targets is not None:
            self._count(batch.targets[batch.targets != IGNORED], self._written)

    def _count(self, ids: Array, unknown: int) -> None:
        self.count += ids.size
        self.unknown += int(np.count_nonzero(ids == unknown))

    @property
    def share(self) -> float | None:
        """Share of the tokens that are ``<unk>``; None: there are no tokens, or the vocabulary has no ``<unk>``."""
        return self.unknown / self.count if self.count else None


def _unknown_id(vocabulary: Vocabulary | None) -> int | None:
    number = -1 if vocabulary is None else vocabulary._id("<unk>")
    return None if number < 0 else number


def counting(batches: Iterator[Batch], unknown: UnknownTokens) -> Iterator[Batch]:
    """Batches as they are, counted."""
    for batch in batches:
        unknown.add(batch)
        yield batch


def warn_if_most(share: float | None) -> None:
    """Warns if most tokens of the data are unknown: at the line that called the package."""
    if share is not None and share > MOST:
        warn(
            f"data: the vocabulary lacks {share:.0%} of the tokens, which are read as <unk>, so that a small loss means "
            "nothing: make the vocabulary of these texts, and of the kind of tokens that these have"
        )
