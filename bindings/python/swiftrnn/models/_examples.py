"""Examples that a model learns from or is tested on, and batches of them."""

from __future__ import annotations

from typing import Any, Sequence

import numpy as np
from numpy.typing import NDArray

from .._arrays import Array
from ._batch import IGNORED, Batch
from ._digests import digest
from ._trees import Tree, joined


class Examples:
    """Sequences in memory, each with what is to come out of it.

    Parameters
    ----------
    inputs : sequence of ndarray
        Ids [T], features [T, F], or vectors [size].
    targets : sequence, optional
        Ids [T] or values [T, outputs] of steps; an int, or values [outputs], of the whole; a decoder's ids, without
        frame. None: there are no targets.
    kind : str
        The model's.
    frame : (int, int), optional
        For decoders: ``<bos>`` and ``<eos>``.
    trees : sequence of Tree, optional
        For models over trees: the trees whose nodes are the inputs.
    """

    def __init__(
        self,
        kind: str,
        inputs: Sequence[Array],
        targets: Sequence[Array | int] | None,
        frame: tuple[int, int] | None,
        trees: Sequence[Tree] | None = None,
    ) -> None:
        self.kind, self.inputs, self.targets, self.frame, self.trees = kind, inputs, targets, frame, trees

    def __len__(self) -> int:
        return len(self.inputs)

    def lengths(self) -> NDArray[np.int64]:
        """Lengths of inputs, or [count, 2] of inputs and targets, by which batches are made."""
        inputs = [1 if self.kind == "vector_decoder" else len(sequence) for sequence in self.inputs]
        if self.frame is None or self.targets is None:
            return np.array(inputs, np.int64)
        targets = [len(target) + 1 for target in self.targets]  # type: ignore[arg-type]
        return np.array([inputs, targets], np.int64).T.reshape(-1, 2)

    def part(self, numbers: Sequence[int] | NDArray[np.int64]) -> "Examples":
        """Some of the examples."""
        targets = None if self.targets is None else [self.targets[number] for number in numbers]
        trees = None if self.trees is None else [self.trees[number] for number in numbers]
        return Examples(self.kind, [self.inputs[number] for number in numbers], targets, self.frame, trees)

    def counted(self, numbers: NDArray[np.int64]) -> int:
        """The number of targets that count in some of the examples."""
        if self.targets is None:
            return 0
        chosen = [self.targets[number] for number in numbers]
        return sum(int(np.count_nonzero(np.asarray(target) != IGNORED)) + (self.frame is not None) for target in chosen)

    def fingerprint(self) -> dict[str, Any]:
        """Identity of these examples: their number, and hashes of lengths and contents."""
        found = {
            "examples": len(self), "lengths": digest([self.lengths()]), "inputs": digest(self.inputs),
            "targets": None if self.targets is None else digest(self.targets),
        }  # fmt: skip
        if self.trees is not None:
            edges = [side for tree in self.trees for side in (tree.children, tree.parents)]
            counts = np.array([len(tree.children) for tree in self.trees])
            found["trees"] = digest([counts, *edges])
        return found

    def batch(self, numbers: Sequence[int] | NDArray[np.int64]) -> Batch:
        """Some of the examples side by side; what is missing behind the ends is 0, and no target counts there."""
        chosen = [self.inputs[number] for number in numbers]
        batch = Batch()
        if self.trees is not None:
            batch.forest = joined([self.trees[number] for number in numbers])
            side = np.concatenate(chosen) if chosen else np.empty(0, np.int64)
            if side.dtype == np.int64:
                batch.ids = side
            else:
                batch.features = side
        elif self.kind == "vector_decoder":
            batch.features = np.ascontiguousarray(chosen)
        else:
            lengths = np.array([len(sequence) for sequence in chosen], np.int64)
            side = padded(chosen, lengths, 0)
            if side.dtype == np.int64:
                batch.ids = side
            else:
                batch.features = side
            if lengths.size and lengths.min() < lengths.max():
                batch.lengths = lengths
        if self.targets is None:
            return batch
        targets = [self.targets[number] for number in numbers]
        if self.frame is not None:
            self._decode(batch, targets)  # type: ignore[arg-type]
        elif self.kind == "classifier":
            batch.targets = np.array(targets, np.int64)
        elif self.kind == "regressor":
            batch.values = np.ascontiguousarray(targets)
        elif self.trees is not None and targets:
            whole = np.concatenate(targets)  # type: ignore[arg-type]
            if whole.dtype == np.int64:
                batch.targets = whole
            else:
                batch.values = whole
        elif targets and targets[0].dtype != np.int64:  # type: ignore[union-attr]
            batch.values = padded(targets, lengths, 0)  # type: ignore[arg-type]
        else:
            batch.targets = padded(targets, lengths, IGNORED)  # type: ignore[arg-type]
        return batch

    def _decode(self, batch: Batch, targets: Sequence[Array]) -> None:
        assert self.frame is not None
        begin, end = self.frame
        lengths = np.array([len(target) + 1 for target in targets], np.int64)
        steps = int(lengths.max(initial=0))
        batch.decoder_ids = np.full((steps, len(targets)), begin, np.int64)
        batch.targets = np.full((steps, len(targets)), IGNORED, np.int64)
        for n, target in enumerate(targets):
            batch.decoder_ids[1 : len(target) + 1, n] = target
            batch.targets[: len(target), n] = target
            batch.targets[len(target), n] = end
        if lengths.size and lengths.min() < steps:
            batch.target_lengths = lengths


def padded(sequences: Sequence[Array], lengths: NDArray[np.int64], padding: int) -> Array:
    """Sequences side by side, steps first: [T, N] of [T], [T, N, F] of [T, F]."""
    steps = int(lengths.max(initial=0))
    if not len(sequences):
        return np.zeros((0, 0), np.int64)
    first = sequences[0]
    side = np.full((steps, len(sequences), *first.shape[1:]), padding, first.dtype)
    for n, sequence in enumerate(sequences):
        side[: len(sequence), n] = sequence
    return side
