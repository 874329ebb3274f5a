"""Networks whose only feedback is their output."""

from __future__ import annotations

from typing import Any

from .._arguments import flag, integer
from . import _configuration as made_of
from ._batch import Batch
from ._configuration import Input, Labels
from ._evaluation import EvaluationResult, evaluate_batches, example_batches
from ._examples import Examples
from ._number_loss import NumberLoss
from ._taggers import Stepwise, labels_or_outputs
from ._vocabulary import Vocabulary
from ._words import answers_words


class OutputFeedback(Stepwise):
    """A label, or numbers, for each step, made of the step's input and of what came out of the step before (Jordan
    1986; Goodfellow, Bengio, Courville 2016, section 10.2.1)::

        h_t = tanh(W x_t + U p_{t-1} + b)        y_t = V h_t + d

    with p the numbers y, or for labels softmax(y); 0 before the first step. In training p is the target of the step
    before (teacher forcing), so that all steps are one batch; ``loss(batch, sampling_probability=1)`` runs freely,
    with gradients through the outputs. `predict` runs freely, and so do `evaluate`, unless it is told otherwise, and
    the validation of `fit`, whose training loss is that of teacher forcing. `score` is log P under teacher forcing.

    Parameters
    ----------
    input : Vocabulary, int or Features
        A step: a token of a vocabulary, or of so many tokens; or numbers.
    labels : Vocabulary, int or sequence of str, optional
        The vocabulary of the labels; or their number; or their names. None: `outputs` numbers come out.
    hidden_size : int
    outputs : int, optional
        Numbers of each step that come out, in the place of labels.
    embedding_size : int, optional
        None: `hidden_size`.
    dtype, seed
        As for `LanguageModel`.

    Examples
    --------
    >>> import numpy as np
    >>> from swiftrnn.models import Features, OutputFeedback
    >>> rng = np.random.default_rng(0)
    >>> data = [(x, 0.5 * np.cumsum(x, axis=0)) for x in rng.uniform(-0.5, 0.5, size=(100, 6, 1))]
    >>> model = OutputFeedback(Features(1), None, hidden_size=16, outputs=1, seed=0)
    >>> history = model.fit(data, epochs=60, rate=0.02, seed=0, progress=False)
    >>> model.evaluate(data).error < 0.05
    True
    """

    _kind = "output_feedback"

    @answers_words()
    def __init__(
        self,
        input: Input,
        labels: Labels | None,
        hidden_size: int,
        *,
        outputs: int | None = None,
        embedding_size: int | None = None,
        dtype: Any = None,
        seed: int | None = None,
    ) -> None:
        count, vocabulary = labels_or_outputs(labels, outputs)
        configuration = {
            "input": made_of.tokens_or_features(input, "input", embedding_size, hidden_size),
            "network": made_of.recurrent("jordan", hidden_size, 1, False, None),
            "outputs": count,
            "dropout": 0.0,
            "predicts_numbers": labels is None,
        }
        self._make(configuration, dtype, seed, input if isinstance(input, Vocabulary) else None, vocabulary)

    @answers_words("evaluate")
    def evaluate(
        self,
        data: Any,
        *,
        batch_size: int = 64,
        numbers: str = "squared_error",
        delta: float | None = None,
        free_running: bool = True,
    ) -> EvaluationResult:
        """The loss, and the accuracy of labels or the error of numbers.

        Parameters
        ----------
        data : sequence of pairs, or Batch
            As for `fit`.
        batch_size : int
        numbers, delta
            The loss of models that give out numbers, as for `loss`; it need not be that of the training.
        free_running : bool
            All of the result is of the model that reads its own outputs, as in `predict`. False: of the model that
            reads the targets (teacher forcing), as in training; there is no accuracy then.
        """
        free, by = flag(free_running, "free_running"), NumberLoss(numbers, delta)
        size = integer(batch_size, "batch_size", 1)
        if isinstance(data, Batch):
            return evaluate_batches(self, iter([data]), by, free)
        examples = data if isinstance(data, Examples) else self._examples(data)
        return evaluate_batches(self, example_batches(examples, size), by, free)
