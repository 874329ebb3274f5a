"""Models with a label or numbers for a whole sequence or tree: the outputs of the steps are pooled."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

import numpy as np

from .._arguments import flag
from .._arrays import Array
from . import _configuration as made_of
from ._configuration import CellLike, Input, Labels
from ._sequence_models import SequenceModel, softmax
from ._sequences import label_id, numbers
from ._vocabulary import Vocabulary
from ._words import answers_words

POOLINGS = ("last", "mean", "max", "attention")


class _Pooled(SequenceModel):
    """The base of both, which differ in what comes out."""

    @answers_words()
    def __init__(
        self,
        input: Input,
        outputs: Any,
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
        count, labels = self._counted(outputs)
        configuration = {
            "input": made_of.tokens_or_features(input, "input", embedding_size, hidden_size),
            "network": made_of.recurrent(cell, hidden_size, num_layers, bidirectional, sizes),
            "outputs": count,
            "dropout": made_of.rate_of_dropout(dropout),
            "pooling": made_of.word(pooling, "pooling", POOLINGS),
        }
        if pooling == "attention":
            configuration["attention_size"] = made_of.size(attention_size, "attention_size")
        made_of.structured(configuration, trees, cell, bidirectional)
        self._make(configuration, dtype, seed, input if isinstance(input, Vocabulary) else None, labels)

    @staticmethod
    def _counted(outputs: Any) -> tuple[int, Vocabulary | None]:
        """The number of outputs, and the vocabulary of labels; None: there are no labels."""
        return made_of.size(outputs, "outputs"), None


class Classifier(_Pooled):
    """A label for each sequence: an embedding or features, a recurrent network, pooling over its steps, a linear layer.

    Parameters
    ----------
    input : Vocabulary, int or Features
        A step: a token of a vocabulary, or of so many tokens; or numbers.
    classes : Vocabulary, int or sequence of str
        The vocabulary of the labels (kind "lines"); or their number; or their names, whose ids are their places.
    hidden_size : int
    embedding_size : int, optional
        None: `hidden_size`.
    cell, num_layers
        As for `LanguageModel`.
    bidirectional : bool
        Also reads from the end.
    pooling : str
        Pooling of the outputs of the steps to one vector: "last", "mean", "max", or "attention", a weighted mean whose
        weights are learned (Yang et al. 2016).
    attention_size : int
        Hidden units of the pooling "attention".
    trees : bool
        Reads trees, and gives the label of each root: see `Tagger`. An example is (parents, nodes, label), of one root.
    dropout, sizes, dtype, seed
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

    @answers_words()
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
        super().__init__(
            input, classes, hidden_size, embedding_size=embedding_size, cell=cell, num_layers=num_layers,
            bidirectional=bidirectional, pooling=pooling, attention_size=attention_size, trees=trees, dropout=dropout,
            sizes=sizes, dtype=dtype, seed=seed,
        )  # fmt: skip

    @staticmethod
    def _counted(outputs: Any) -> tuple[int, Vocabulary | None]:
        return made_of.label_vocabulary(outputs, "classes")

    def _target(self, value: Any, name: str, steps: int) -> int:
        return label_id(value, name, self.target_vocabulary, self._configuration["outputs"])

    @answers_words("predict")
    def predict(self, sequences: Sequence[Any], *, probabilities: bool = False, batch_size: int = 64) -> Any:
        """The likeliest label of each sequence.

        Parameters
        ----------
        sequences : sequence
            Each a str, a list of tokens, ids, or features [T, F].
        probabilities : bool
            An array [count, classes] of float64 in the place of labels, whose columns are the classes in the order of
            ``target_vocabulary.tokens``; of names that were given, in their order; else of the ids.
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
    embedding_size, cell, num_layers, bidirectional, pooling, attention_size, trees, dropout, sizes, dtype, seed
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

    def _target(self, value: Any, name: str, steps: int) -> Array:
        return numbers(value, name, (self._configuration["outputs"],), self.dtype)

    @answers_words("predict")
    def predict(self, sequences: Sequence[Any], *, batch_size: int = 64) -> Array:
        """The numbers of each sequence.

        Parameters
        ----------
        sequences : sequence
            Each a str, a list of tokens, ids, or features [T, F].
        batch_size : int
            The most sequences that are computed at once.

        Returns
        -------
        numbers : ndarray [count, outputs]
            In the model's type.
        """
        found = self._outputs(sequences, batch_size)
        return np.array(found, self.dtype).reshape(len(found), self._configuration["outputs"])
