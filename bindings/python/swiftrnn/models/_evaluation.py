"""How good a model is on data: the result of `evaluate`."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, Callable, Iterator, Sequence

import numpy as np

from .._elementwise_losses import binary_cross_entropy_with_logits, huber_loss, l1_loss, mse_loss
from .._losses import cross_entropy
from ._batch import IGNORED, Batch
from ._buckets import Buckets
from ._examples import Examples
from ._streams import Stream

if TYPE_CHECKING:
    from ._model import Model


@dataclasses.dataclass(frozen=True)
class EvaluationResult:
    """What a model comes to on data.

    Attributes
    ----------
    loss : float
        Cross-entropy in nats, the mean over the targets that count; of numbers the mean square of errors.
    count : int
        How many targets, or numbers, counted.
    accuracy : float or None
        Share of labels that are right: of taggers and classifiers.
    exact : float or None
        Share of sequences that a decoder writes without a mistake, greedily.
    bits_per_character : float or None
        Of language models of characters or bytes.
    predicts_numbers : bool
        Whether numbers came out.
    """

    loss: float
    count: int
    accuracy: float | None = None
    exact: float | None = None
    bits_per_character: float | None = None
    predicts_numbers: bool = False

    @property
    def perplexity(self) -> float | None:
        """exp of the loss; None for numbers."""
        if self.predicts_numbers:
            return None
        return math.exp(self.loss) if self.loss < 700 else math.inf

    @property
    def error(self) -> float | None:
        """Root of the mean square of errors; None for labels and tokens."""
        return math.sqrt(self.loss) if self.predicts_numbers else None

    def asdict(self) -> dict[str, float]:
        """All numbers that there are, by name."""
        names = ("loss", "perplexity", "accuracy", "exact", "bits_per_character", "error", "count")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    def __str__(self) -> str:
        return ", ".join(
            f"{name.replace('_', ' ')} {value:.4g}" for name, value in self.asdict().items() if name != "count"
        )


NumberLoss = Callable[[Batch, Any], float]
"""The mean loss of a batch's numbers, given what came out."""


def loss_of_numbers(name: str, delta: float | None) -> NumberLoss | None:
    """One of the losses of `fit`; None for the squared error, which models evaluate themselves."""
    functions: dict[str, Any] = {
        "absolute_error": l1_loss,
        "binary_cross_entropy": binary_cross_entropy_with_logits,
        "huber": lambda *arrays, **options: huber_loss(*arrays, delta=1.0 if delta is None else delta, **options),
    }  # fmt: skip
    if name not in functions:
        return None

    def mean(batch: Batch, outputs: Any) -> float:
        lengths = batch.lengths if outputs.ndim == 3 else None
        return float(functions[name](outputs, batch.values, lengths=lengths, need_gradient=False).loss)

    return mean


def evaluate_batches(
    model: "Model", batches: Iterator[Batch], by: NumberLoss | None = None, free_running: bool = True, **more: Any
) -> EvaluationResult:
    """The result over batches of sequences that begin and end in them; of numbers the mean of the loss `by`. Networks
    with output feedback run freely, or else have the loss of teacher forcing and no accuracy.
    """
    configuration = model._configuration
    numbers = configuration["kind"] == "regressor" or bool(configuration.get("predicts_numbers", False))
    feeds_back = configuration["kind"] == "output_feedback"
    labels = configuration["kind"] in ("tagger", "classifier", "output_feedback") and not numbers
    if feeds_back and not free_running:
        labels = False
    elif feeds_back and numbers and by is None:
        by = _squared_error
    losses: list[float] = []
    count, right = 0, 0
    for batch in batches:
        if labels:
            targets = counted_targets(batch)
            logits = model.logits(batch)
            mean = cross_entropy(logits, targets, need_gradient=False).loss
            own = int(np.count_nonzero(targets != IGNORED))
            right += int(np.count_nonzero((logits.argmax(axis=-1) == targets) & (targets != IGNORED)))
        else:
            mean, own = model._mean_loss(batch)
            if by is not None:
                mean = by(batch, model.logits(batch))
        losses.append(mean * own)
        count += own
    loss = math.fsum(losses) / count if count else 0.0
    accuracy = right / count if labels and count else None
    return EvaluationResult(loss, count, accuracy=accuracy, predicts_numbers=numbers, **more)


def _squared_error(batch: Batch, outputs: Any) -> float:
    """The mean square of errors of numbers that came out."""
    assert batch.values is not None  # their number was counted
    return float(mse_loss(outputs, batch.values, lengths=batch.lengths, need_gradient=False).loss)


def counted_targets(batch: Batch) -> Any:
    """Targets of a batch; behind the end of a sequence none counts."""
    targets = batch.targets
    if targets is None:
        raise ValueError("batch.targets: it takes targets to evaluate a model")
    lengths = batch.lengths if batch.decoder_ids is None else batch.target_lengths
    if lengths is not None and targets.ndim == 2:
        targets = np.where(np.arange(targets.shape[0])[:, np.newaxis] < lengths, targets, IGNORED)
    return targets


def evaluate_stream(model: "Model", stream: Stream) -> EvaluationResult:
    """The result of a language model over a text, from its beginning to its end."""
    state = model.make_state()
    stream.seek(0)
    losses: list[float] = []
    count = 0
    while (batch := stream.next()) is not None:
        mean, own = model._mean_loss(batch, state)
        losses.append(mean * own)
        count += own
    loss = math.fsum(losses) / count if count else 0.0
    return EvaluationResult(loss, count, bits_per_character=bits_per_character(model, loss))


def bits_per_character(model: "Model", loss: float) -> float | None:
    """Of a language model whose tokens are characters or bytes; None of others."""
    vocabulary = model.vocabulary
    if model._kind != "language_model" or vocabulary is None or vocabulary.kind not in ("characters", "bytes"):
        return None
    return loss / math.log(2)


def example_batches(examples: Examples, batch_size: int) -> Iterator[Batch]:
    """All examples, those of about the same length together."""
    for numbers in in_batches(examples, batch_size):
        yield examples.batch(numbers)


def in_batches(examples: Examples, batch_size: int) -> Sequence[Any]:
    """The numbers of the examples of each batch."""
    if len(examples) == 0:
        return []
    return Buckets(examples.lengths(), batch_size).ordered()
