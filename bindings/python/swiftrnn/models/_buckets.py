"""Batches of sequences of about the same length, so that little of them is padding, drawn anew in each epoch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]


class Buckets:
    """Which sequences are in which batch.

    Sequences whose lengths are equal when rounded up to a multiple of `width` are a bucket. In each epoch the sequences
    of a bucket are shuffled; all of them, by bucket, are cut into batches as large as the bounds allow; the batches are
    shuffled. Cuts are made by rounded lengths, so that every epoch has the same number of batches.

    A function of the seed and the epoch: a checkpoint keeps both, and the number of the batch.

    Parameters
    ----------
    lengths : array of integers [count] or [count, 2]
        Length of each sequence; of inputs and targets where both take room.
    batch_size : int
        The most sequences of a batch.
    token_limit : int, optional
        The most padded tokens of a batch, of inputs and targets together; a sequence that is longer is a batch by
        itself. None: twice what `batch_size` sequences of the mean length have.
    seed : int
    """

    def __init__(self, lengths: Numbers, batch_size: int, token_limit: int | None = None, seed: int = 0) -> None:
        lengths = np.asarray(lengths, np.int64)
        if lengths.ndim == 1:
            lengths = lengths[:, np.newaxis]
        self.seed = seed
        if token_limit is None:
            token_limit = max(1, int(np.ceil(2 * batch_size * lengths.sum(axis=1).mean()))) if len(lengths) else 1
        longest = lengths.max(axis=0, initial=0)
        widths = np.maximum(4, -(-longest // 16))
        self._rounded = -(-lengths // widths) * widths
        self._by_length = np.lexsort([*lengths.T[::-1], *self._rounded.T[::-1]])
        # Rounded lengths along the sequences in any order by bucket are always the same: so are the cuts.
        in_order = self._rounded[np.lexsort([*self._rounded.T[::-1]])]
        self._cuts = _cuts(in_order, batch_size, token_limit)

    def __len__(self) -> int:
        """The number of batches of an epoch."""
        return len(self._cuts)

    def batches(self, epoch: int) -> list[Numbers]:
        """The numbers of the sequences of each batch of an epoch, in its order."""
        generator = np.random.Generator(np.random.PCG64([self.seed, epoch]))
        order = generator.permutation(len(self._rounded))
        order = order[np.lexsort([*self._rounded[order].T[::-1]])]
        cut = [order[start:end] for start, end in self._cuts]
        return [cut[number] for number in generator.permutation(len(cut))]

    def ordered(self) -> list[Numbers]:
        """Batches by length, the same ones whatever the seed: for evaluation."""
        return [self._by_length[start:end] for start, end in self._cuts]


def _cuts(lengths: Numbers, batch_size: int, token_limit: int) -> list[tuple[int, int]]:
    """Where the batches of sequences of these lengths, in this order, begin and end."""
    cuts: list[tuple[int, int]] = []
    start = 0
    longest = np.zeros(lengths.shape[1], np.int64)
    for at, length in enumerate(lengths):
        grown = np.maximum(longest, length)
        if at > start and (at - start >= batch_size or int(grown.sum()) * (at - start + 1) > token_limit):
            cuts.append((start, at))
            start, grown = at, length
        longest = grown
    if len(lengths) > start:
        cuts.append((start, len(lengths)))
    return cuts
