"""Models with labels or numbers for each step of a sequence, or each node of a tree."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

import numpy as np

from .._arguments import flag
from .._arrays import Array
from . import _configuration as made_of
from ._configuration import CellLike, Input, Labels
from ._sequence_models import SequenceModel, softmax
from ._sequences import label_id, numbers, unknown_label
from ._vocabulary import Vocabulary
from ._words import answers_words


class Stepwise(SequenceModel):
    """The base of models that give a label, or numbers, for each step."""

    _target_word = "labels"

    def _target(self, value: Any, name: str, steps: int) -> Array:
        outputs = self._configuration["outputs"]
        if self._configuration["predicts_numbers"]:
            target = numbers(value, name, (None, outputs), self.dtype)
        else:
            target = self._labels(value, name, outputs)
        if len(target) != steps:
            raise ValueError(f"{name}: expected a label for each of {steps} steps of the sequence, got {len(target)}")
        return target

    def _labels(self, value: Any, name: str, count: int) -> Array:
        vocabulary = self.target_vocabulary
        if isinstance(value, str):
            if vocabulary is None:
                raise TypeError(f"{name}: the model has no vocabulary of labels: expected ids, got str")
            # Labels of a list have a vocabulary of lines; in a text white space separates them all the same.
            if vocabulary.kind == "lines":
                return self._labels(value.split(), name, count)
            return _encoded(value, name, vocabulary)
        if not hasattr(value, "__len__") or not hasattr(value, "__getitem__"):
            raise TypeError(f"{name}: expected labels, one for each step, got {type(value).__name__}")
        ids = [label_id(label, f"{name}[{index}]", vocabulary, count) for index, label in enumerate(value)]
        return np.array(ids, np.int64)

    @answers_words("predict")
    def predict(self, sequences: Sequence[Any], *, probabilities: bool = False, batch_size: int = 64) -> list[Any]:
        """The likeliest label of each step of each sequence.

        Parameters
        ----------
        sequences : sequence
            Each a str, a list of tokens, ids, or features [T, F].
        probabilities : bool
            Arrays [T, labels] of float64 in the place of labels.
        batch_size : int

        Returns
        -------
        labels : list of list
            Texts, or ids where the model has no vocabulary of labels; of a model of numbers arrays [T, outputs].
        """
        found = self._outputs(sequences, batch_size)
        if self._configuration["predicts_numbers"]:
            return found
        if flag(probabilities, "probabilities"):
            return [softmax(logits) for logits in found]
        return [[self._label(number) for number in logits.argmax(axis=-1)] for logits in found]


def _encoded(text: str, name: str, vocabulary: Vocabulary) -> Array:
    """The ids of labels in a text, each of which the vocabulary must have: <unk> does not stand for others."""
    try:
        ids = vocabulary.encode(text)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    if "<unk>" in vocabulary.specials and (ids == vocabulary["<unk>"]).any():
        own = Vocabulary(vocabulary.kind, [text.encode()], specials=(), lowercase=vocabulary.lowercase)
        for label in own.tokens:
            if label not in vocabulary:
                raise unknown_label(label, name, vocabulary)
    return ids


class Tagger(Stepwise):
    """A label, or numbers, for each step of a sequence: an embedding or features, a recurrent network, a linear layer.

    Parameters
    ----------
    input : Vocabulary, int or Features
        A step: a token of a vocabulary, or of so many tokens; or numbers.
    labels : Vocabulary, int or sequence of str, optional
        The vocabulary of the labels; or their number; or their names, whose ids are their places. None: `outputs`
        numbers come out.
    hidden_size : int
    outputs : int, optional
        Numbers of each step that come out, in the place of labels.
    embedding_size : int, optional
        None: `hidden_size`.
    cell, num_layers
        As for `LanguageModel`.
    bidirectional : bool, optional
        Also reads from the end. None: of sequences.
    trees : bool
        Reads trees, and has a label for each node, from the leaves up (Tai, Socher, Manning 2015): examples are three,
        the parents of the nodes (-1: a root; or a `swiftrnn.Forest`), the nodes' tokens or features, and their labels.
        The cell "lstm" is the child-sum Tree-LSTM then; others are "tree_binary", "socher", or a text for trees.
    dropout, sizes, dtype, seed
        As for `LanguageModel`.

    Examples
    --------
    >>> from swiftrnn.models import Tagger, Vocabulary
    >>> data = [("the cat sat", "DET NOUN VERB"), ("a dog ran", "DET NOUN VERB"), ("cat ran", "NOUN VERB")]
    >>> words = Vocabulary("whitespace", [tokens for tokens, _ in data])
    >>> tags = Vocabulary("whitespace", [labels for _, labels in data], specials=())
    >>> model = Tagger(words, tags, hidden_size=16, seed=0)
    >>> history = model.fit(data, epochs=40, rate=0.02, seed=0, progress=False)
    >>> model.predict(["the dog sat"])
    [['DET', 'NOUN', 'VERB']]
    """

    _kind = "tagger"

    @answers_words()
    def __init__(
        self,
        input: Input,
        labels: Labels | None,
        hidden_size: int,
        *,
        outputs: int | None = None,
        embedding_size: int | None = None,
        cell: CellLike = "lstm",
        num_layers: int = 1,
        bidirectional: bool | None = None,
        trees: bool = False,
        dropout: float = 0.0,
        sizes: Mapping[str, int] | None = None,
        dtype: Any = None,
        seed: int | None = None,
    ) -> None:
        count, vocabulary = labels_or_outputs(labels, outputs)
        both = not flag(trees, "trees") if bidirectional is None else bidirectional
        configuration = {
            "input": made_of.tokens_or_features(input, "input", embedding_size, hidden_size),
            "network": made_of.recurrent(cell, hidden_size, num_layers, both, sizes),
            "outputs": count,
            "dropout": made_of.rate_of_dropout(dropout),
            "predicts_numbers": labels is None,
        }
        made_of.structured(configuration, trees, cell, both)
        self._make(configuration, dtype, seed, input if isinstance(input, Vocabulary) else None, vocabulary)


def labels_or_outputs(labels: Labels | None, outputs: int | None) -> tuple[int, Vocabulary | None]:
    """Outputs of each step: the number of labels, and their vocabulary; or the number of numbers."""
    if (labels is None) == (outputs is None):
        raise ValueError("labels, outputs: give one of them")
    return (made_of.size(outputs, "outputs"), None) if labels is None else made_of.label_vocabulary(labels, "labels")
