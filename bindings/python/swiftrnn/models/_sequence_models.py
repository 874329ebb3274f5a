"""Models of sequences that are read: taggers, classifiers, regressors."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from .._arrays import Array, flag, integer
from . import _configuration as made_of
from ._batch import Batch
from ._configuration import CellLike, Input, Labels
from ._evaluation import EvaluationResult, evaluate_batches, example_batches, in_batches
from ._examples import Examples
from ._model import Model, natural
from ._sequences import label_id, numbers, read
from ._trees import Tree, tree_of
from ._vocabulary import Vocabulary

POOLINGS = ("last", "mean", "max", "attention")


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
                    f"{name}[{index}]: expected a pair (sequence, {self._target_word}), got {type(pair).__name__}"
                )
            inputs.append(self._read(pair[0], f"{name}[{index}][0]"))
            outputs.append(self._target(pair[1], f"{name}[{index}][1]", len(inputs[-1])))
        return Examples(self._kind, inputs, outputs, None)

    def _tree_examples(self, data: Any, name: str) -> Examples:
        inputs, outputs, trees = [], [], []
        for index, row in enumerate(natural(data, name)):
            if not isinstance(row, (tuple, list)) or len(row) != 3:
                raise TypeError(
                    f"{name}[{index}]: expected three, (parents, nodes, {self._target_word}), got {type(row).__name__}"
                )
            trees.append(Tree(row[0], f"{name}[{index}][0]"))
            inputs.append(self._read_nodes(trees[-1], row[1], f"{name}[{index}]"))
            outputs.append(self._target(row[2], f"{name}[{index}][2]", len(inputs[-1])))
        return Examples(self._kind, inputs, outputs, None, trees)

    _target_word = "label"

    def _target(self, value: Any, name: str, steps: int) -> Any:
        raise NotImplementedError

    def evaluate(self, data: Any, *, batch_size: int = 64) -> EvaluationResult:
        """The loss, and the accuracy of labels or the error of numbers.

        Parameters
        ----------
        data : sequence of pairs, or Batch
            As for `fit`.
        batch_size : int
        """
        if isinstance(data, Batch):
            return evaluate_batches(self, iter([data]))
        examples = data if isinstance(data, Examples) else self._examples(data)
        return evaluate_batches(self, example_batches(examples, integer(batch_size, "batch_size", 1)))

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
            raise ValueError(f"{name}: has {len(target)} labels, and the sequence {steps} steps")
        return target

    def _labels(self, value: Any, name: str, count: int) -> Array:
        vocabulary = self.target_vocabulary
        if isinstance(value, str):
            if vocabulary is None:
                raise TypeError(f"{name}: the model has no vocabulary of labels: expected ids, got str")
            # Labels of a list have a vocabulary of lines; in a text white space separates them all the same.
            if vocabulary.kind == "lines":
                return self._labels(value.split(), name, count)
            try:
                return vocabulary.encode(value)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
        if not hasattr(value, "__len__") or not hasattr(value, "__getitem__"):
            raise TypeError(f"{name}: expected labels, one for each step, got {type(value).__name__}")
        ids = [label_id(label, f"{name}[{index}]", vocabulary, count) for index, label in enumerate(value)]
        return np.array(ids, np.int64)

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


class Tagger(Stepwise):
    """A label, or numbers, for each step of a sequence: an embedding or features, a recurrent network, a linear layer.

    Parameters
    ----------
    input : Vocabulary, int or Features
        What a step is: a token of a vocabulary, or of so many tokens; or numbers.
    labels : Vocabulary, int or sequence of str, optional
        Of the labels; or their number; or their names, whose ids are their places. None: `outputs` numbers come out.
    hidden_size : int
    outputs : int, optional
        Numbers of each step that come out, in the place of labels.
    embedding_size : int, optional
        None: `hidden_size`.
    bidirectional : bool, optional
        Also reads from the end. None: of sequences.
    trees : bool
        Reads trees, and has a label for each node, from the leaves up (Tai, Socher, Manning 2015): examples are three,
        the parents of the nodes (-1: a root; or a `Forest`), the nodes' tokens or features, and their labels. The cell
        "lstm" is the child-sum Tree-LSTM then; others are "tree_binary", "socher", or a text for trees.
    cell, num_layers, dropout, sizes, dtype, seed
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


class _Pooled(SequenceModel):
    def _build(
        self,
        input: Input,
        outputs: int,
        hidden_size: int,
        embedding_size: int | None,
        cell: CellLike,
        num_layers: int,
        bidirectional: bool,
        pooling: str,
        attention_size: int,
        trees: bool,
        dropout: float,
        sizes: Mapping[str, int] | None,
        dtype: Any,
        seed: int | None,
        labels: Vocabulary | None,
    ) -> None:
        configuration = {
            "input": made_of.tokens_or_features(input, "input", embedding_size, hidden_size),
            "network": made_of.recurrent(cell, hidden_size, num_layers, bidirectional, sizes),
            "outputs": outputs,
            "dropout": made_of.rate_of_dropout(dropout),
            "pooling": made_of.word(pooling, "pooling", POOLINGS),
        }
        if pooling == "attention":
            configuration["attention_size"] = made_of.size(attention_size, "attention_size")
        made_of.structured(configuration, trees, cell, bidirectional)
        self._make(configuration, dtype, seed, input if isinstance(input, Vocabulary) else None, labels)


class Classifier(_Pooled):
    """A label for each sequence: an embedding or features, a recurrent network, pooling over its steps, a linear layer.

    Parameters
    ----------
    input : Vocabulary, int or Features
        What a step is: a token of a vocabulary, or of so many tokens; or numbers.
    classes : Vocabulary, int or sequence of str
        Of the labels (kind "lines"); or their number; or their names, whose ids are their places.
    hidden_size : int
    embedding_size : int, optional
        None: `hidden_size`.
    bidirectional : bool
        Also reads from the end.
    pooling : str
        How the outputs of the steps become one vector: "last", "mean", "max", or "attention", a weighted mean whose
        weights are learned (Yang et al. 2016).
    attention_size : int
        Of the pooling "attention".
    trees : bool
        Reads trees, and gives the label of each root: see `Tagger`. An example is (parents, nodes, label), of one root.
    cell, num_layers, dropout, sizes, dtype, seed
        As for `LanguageModel`.

    Examples
    --------
    >>> import numpy as np
    >>> from swiftrnn.models import Classifier, Features
    >>> rng = np.random.default_rng(0)
    >>> series = [rng.normal(size=(10, 1)).cumsum(axis=0) for _ in range(100)]
    >>> data = [(one, "up" if one[-1] > one[0] else "down") for one in series]
    >>> model = Classifier(Features(1), ["up", "down"], hidden_size=8, seed=0)
    >>> history = model.fit(data, epochs=20, rate=0.02, seed=0, progress=False)
    >>> model.evaluate(data).accuracy > 0.9, model.predict([np.arange(10.0)])
    (True, ['up'])
    """

    _kind = "classifier"

    def __init__(
        self,
        input: Input,
        classes: Labels,
        hidden_size: int,
        *,
        embedding_size: int | None = None,
        cell: CellLike = "lstm",
        num_layers: int = 1,
        bidirectional: bool = False,
        pooling: str = "last",
        attention_size: int = 128,
        trees: bool = False,
        dropout: float = 0.0,
        sizes: Mapping[str, int] | None = None,
        dtype: Any = None,
        seed: int | None = None,
    ) -> None:
        count, vocabulary = made_of.label_vocabulary(classes, "classes")
        self._build(
            input, count, hidden_size, embedding_size, cell, num_layers, bidirectional, pooling, attention_size, trees,
            dropout, sizes, dtype, seed, vocabulary,
        )  # fmt: skip

    def _target(self, value: Any, name: str, steps: int) -> int:
        return label_id(value, name, self.target_vocabulary, self._configuration["outputs"])

    def predict(self, sequences: Sequence[Any], *, probabilities: bool = False, batch_size: int = 64) -> Any:
        """The likeliest label of each sequence.

        Parameters
        ----------
        sequences : sequence
            Each a str, a list of tokens, ids, or features [T, F].
        probabilities : bool
            An array [count, classes] of float64 in the place of labels.
        batch_size : int

        Returns
        -------
        labels : list
            Texts, or ids where the model has no vocabulary of labels.
        """
        found = self._outputs(sequences, batch_size)
        if flag(probabilities, "probabilities"):
            return softmax(np.array(found).reshape(len(found), self._configuration["outputs"]))
        return [self._label(int(logits.argmax())) for logits in found]


class Regressor(_Pooled):
    """Numbers for each sequence: as `Classifier`, with the mean square of errors as its loss.

    Parameters
    ----------
    input : Vocabulary, int or Features
    outputs : int
        Numbers that come out.
    hidden_size : int
    embedding_size, bidirectional, pooling, attention_size, trees, cell, num_layers, dropout, sizes, dtype, seed
        As for `Classifier`.

    Examples
    --------
    >>> import numpy as np
    >>> from swiftrnn.models import Features, Regressor
    >>> rng = np.random.default_rng(0)
    >>> data = [(series, series.mean()) for series in rng.uniform(-1, 1, size=(200, 8))]
    >>> model = Regressor(Features(1), 1, hidden_size=16, seed=0)
    >>> history = model.fit(data, epochs=20, rate=0.02, seed=0, progress=False)
    >>> model.evaluate(data).error < 0.05
    True
    """

    _kind = "regressor"
    _target_word = "numbers"

    def __init__(
        self,
        input: Input,
        outputs: int,
        hidden_size: int,
        *,
        embedding_size: int | None = None,
        cell: CellLike = "lstm",
        num_layers: int = 1,
        bidirectional: bool = False,
        pooling: str = "last",
        attention_size: int = 128,
        trees: bool = False,
        dropout: float = 0.0,
        sizes: Mapping[str, int] | None = None,
        dtype: Any = None,
        seed: int | None = None,
    ) -> None:
        self._build(
            input, made_of.size(outputs, "outputs"), hidden_size, embedding_size, cell, num_layers, bidirectional,
            pooling, attention_size, trees, dropout, sizes, dtype, seed, None,
        )  # fmt: skip

    def _target(self, value: Any, name: str, steps: int) -> Array:
        return numbers(value, name, (self._configuration["outputs"],), self.dtype)

    def predict(self, sequences: Sequence[Any], *, batch_size: int = 64) -> Array:
        """The numbers of each sequence: an array [count, outputs] of the model's type."""
        found = self._outputs(sequences, batch_size)
        return np.array(found, self.dtype).reshape(len(found), self._configuration["outputs"])


def labels_or_outputs(labels: Labels | None, outputs: int | None) -> tuple[int, Vocabulary | None]:
    """What comes out of each step: how many labels, and their vocabulary; or how many numbers."""
    if (labels is None) == (outputs is None):
        raise ValueError("labels, outputs: give one of them")
    return (made_of.size(outputs, "outputs"), None) if labels is None else made_of.label_vocabulary(labels, "labels")


def softmax(logits: Array) -> NDArray[np.float64]:
    """Probabilities of logits, along the last axis, in float64."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True, initial=-np.inf))
    return shifted / shifted.sum(axis=-1, keepdims=True)  # type: ignore[no-any-return]
