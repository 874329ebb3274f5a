"""Models of sequences that are read: taggers, classifiers, regressors."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._arguments import integer
from .._arrays import Array
from ._base import natural
from ._batch import Batch
from ._evaluation import EvaluationResult, evaluate_batches, example_batches, in_batches
from ._examples import Examples
from ._model import Model
from ._number_loss import NumberLoss
from ._sequences import in_a_list, read, type_of
from ._trees import Tree, tree_of
from ._words import answers_words


class SequenceModel(Model):
    """The base of models that read sequences and give labels or numbers."""

    @property
    def trees(self) -> bool:
        """Whether the model reads trees."""
        return self._configuration.get("structure") == "trees"

    def _inputs(self, sequences: Any, name: str) -> Examples:
        """Examples without targets."""
        inputs, trees = [], []
        for index, sequence in enumerate(natural(sequences, name)):
            if self.trees:
                tree, nodes = tree_of(sequence, f"{name}[{index}]")
                inputs.append(self._read_nodes(tree, nodes, f"{name}[{index}]"))
                trees.append(tree)
            else:
                inputs.append(self._read(sequence, f"{name}[{index}]"))
        return Examples(self._kind, inputs, None, None, trees if self.trees else None)

    def _read(self, value: Any, name: str) -> Array:
        return read(value, name, self._configuration["input"], self.vocabulary, self.dtype)

    def _read_nodes(self, tree: Tree, value: Any, name: str) -> Array:
        nodes = self._read(value, f"{name}[1]")
        if len(nodes) != tree.count:
            raise ValueError(f"{name}: has {tree.count} parents and {len(nodes)} nodes")
        if self._kind != "tagger" and tree.roots != 1:
            raise ValueError(f"{name}[0]: has {tree.roots} roots: a {self._kind} reads one tree at a time")
        return nodes

    def _examples(self, data: Any, name: str = "data") -> Examples:
        if self.trees:
            return self._tree_examples(data, name)
        inputs, outputs = [], []
        for index, pair in enumerate(natural(data, name)):
            if not isinstance(pair, (tuple, list)) or len(pair) != 2:
                raise TypeError(
                    f"{name}[{index}]: expected a pair (sequence, {self._target_word}), got {type_of(pair)}"
                    f"{in_a_list(f'{name}[{index}]')}"
                )
            inputs.append(self._read(pair[0], f"{name}[{index}][0]"))
            outputs.append(self._target(pair[1], f"{name}[{index}][1]", len(inputs[-1])))
        return Examples(self._kind, inputs, outputs, None)

    def _tree_examples(self, data: Any, name: str) -> Examples:
        inputs, outputs, trees = [], [], []
        for index, row in enumerate(natural(data, name)):
            if not isinstance(row, (tuple, list)) or len(row) != 3:
                raise TypeError(
                    f"{name}[{index}]: expected three, (parents, nodes, {self._target_word}), got {type_of(row)}"
                    f"{in_a_list(f'{name}[{index}]')}"
                )
            trees.append(Tree(row[0], f"{name}[{index}][0]"))
            inputs.append(self._read_nodes(trees[-1], row[1], f"{name}[{index}]"))
            outputs.append(self._target(row[2], f"{name}[{index}][2]", len(inputs[-1])))
        return Examples(self._kind, inputs, outputs, None, trees)

    _target_word = "label"

    def _target(self, value: Any, name: str, steps: int) -> Any:
        raise NotImplementedError

    @answers_words("evaluate")
    def evaluate(
        self, data: Any, *, batch_size: int = 64, numbers: str = "squared_error", delta: float | None = None
    ) -> EvaluationResult:
        """The loss, and the accuracy of labels or the error of numbers.

        Parameters
        ----------
        data : sequence of pairs, or Batch
            As for `fit`.
        batch_size : int
        numbers, delta
            The loss of models that give out numbers, as for `loss`; it need not be that of the training.
        """
        by = NumberLoss(numbers, delta)
        if isinstance(data, Batch):
            return evaluate_batches(self, iter([data]), by)
        examples = data if isinstance(data, Examples) else self._examples(data)
        return evaluate_batches(self, example_batches(examples, integer(batch_size, "batch_size", 1)), by)

    def _outputs(self, sequences: Any, batch_size: int) -> list[Array]:
        """Logits or numbers of each sequence: [T, outputs] of a tagger, [outputs] of others."""
        examples = self._inputs(sequences, "sequences")
        found: list[Any] = [None] * len(examples)
        for chosen in in_batches(examples, integer(batch_size, "batch_size", 1)):
            logits = self.logits(examples.batch(chosen))
            if self.trees and self._kind == "tagger":
                ends = np.cumsum([len(examples.inputs[number]) for number in chosen])
                for number, nodes in zip(chosen, np.split(logits, ends[:-1])):
                    found[number] = nodes.copy()
                continue
            for n, number in enumerate(chosen):
                if self._kind in ("tagger", "output_feedback"):
                    found[number] = np.ascontiguousarray(logits[: len(examples.inputs[number]), n])
                else:
                    found[number] = logits[n].copy()
        return found

    def _label(self, number: int) -> Any:
        """A label's text, or its id where there is no vocabulary."""
        return int(number) if self.target_vocabulary is None else self.target_vocabulary.tokens[number]

    @answers_words("score")
    def score(self, data: Any, *, batch_size: int = 64) -> NDArray[np.float64]:
        """log P of the labels of each pair of `data`, in nats.

        Returns
        -------
        scores : ndarray of float64 [count]
        """
        examples = self._examples(data)
        scores = np.zeros(len(examples))
        for chosen in in_batches(examples, integer(batch_size, "batch_size", 1)):
            own = self._scores(examples.batch(chosen))[0]
            if self.trees and self._kind == "tagger":  # of nodes
                ends = np.cumsum([len(examples.inputs[number]) for number in chosen])
                own = np.array([nodes.sum() for nodes in np.split(own, ends[:-1])])
            scores[chosen] = own
        return scores


def softmax(logits: Array) -> NDArray[np.float64]:
    """Probabilities of logits, along the last axis, in float64."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True, initial=-np.inf))
    return shifted / shifted.sum(axis=-1, keepdims=True)  # type: ignore[no-any-return]
