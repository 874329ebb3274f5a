"""How good a model is on data: the result of `evaluate`."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Iterator, Sequence

import numpy as np

from ..functional import cross_entropy
from ._batch import IGNORED, Batch
from ._buckets import Buckets
from ._examples import Examples
from ._number_loss import NumberLoss
from ._passes import Passes
from ._streams import Stream
from ._unknown import UnknownTokens, counting, warn_if_most


@dataclasses.dataclass(frozen=True)
class EvaluationResult:
    """Result of a model on data.

    Attributes
    ----------
    loss : float
        Cross-entropy in nats, the mean over the targets that count; of numbers the mean of their losses.
    count : int
        The number of targets, or numbers, that counted.
    accuracy : float or None
        Share of labels that are right: of taggers and classifiers.
    exact : float or None
        Share of sequences that a decoder writes without a mistake, greedily.
    bits_per_character : float or None
        For language models of characters or bytes.
    numbers : str or None
        The loss of numbers; None: labels or tokens came out.
    unknown : float or None
        Share of the tokens that the vocabulary lacks and the model reads as ``<unk>``: of the inputs, and of a
        decoder's targets. None: the vocabulary has no ``<unk>``, or there is none.
    """

    loss: float
    count: int
    accuracy: float | None = None
    exact: float | None = None
    bits_per_character: float | None = None
    numbers: str | None = None
    unknown: float | None = None

    @property
    def perplexity(self) -> float | None:
        """exp of the loss; None for numbers."""
        if self.numbers is not None:
            return None
        return math.exp(self.loss) if self.loss < 700 else math.inf

    @property
    def error(self) -> float | None:
        """Root of the mean square of errors; None for labels, tokens, and other losses of numbers."""
        return math.sqrt(self.loss) if self.numbers == "squared_error" else None

    def asdict(self) -> dict[str, float]:
        """All numbers that there are, by name."""
        names = ("loss", "perplexity", "accuracy", "exact", "bits_per_character", "error", "count", "unknown")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    def __str__(self) -> str:
        return ", ".join(
            f"{name.replace('_', ' ')} {value:.4g}" for name, value in self.asdict().items()
            if name != "count" and not (name == "unknown" and value == 0)
        )


def evaluate_batches(
    model: Passes, batches: Iterator[Batch], by: NumberLoss = NumberLoss(), free_running: bool = True, **more: Any
) -> EvaluationResult:
    """The result over batches of sequences that begin and end in them; of numbers the mean of the loss `by`. Networks
    with output feedback run freely, or else have the loss of teacher forcing and no accuracy.
    """
    configuration = model._configuration
    numbers = configuration["kind"] == "regressor" or bool(configuration.get("predicts_numbers", False))
    if not numbers and by != NumberLoss():
        raise ValueError("numbers, delta: the model gives out labels or tokens, which have the cross-entropy")
    feeds_back = configuration["kind"] == "output_feedback"
    labels = configuration["kind"] in ("tagger", "classifier", "output_feedback") and not numbers
    if feeds_back and not free_running:
        labels = False
    losses: list[float] = []
    count, right = 0, 0
    unknown = UnknownTokens(model)
    for batch in counting(batches, unknown):
        if labels:
            targets = counted_targets(batch)
            logits = model.logits(batch)
            mean = cross_entropy(logits, targets, need_gradient=False).loss
            own = int(np.count_nonzero(targets != IGNORED))
            right += int(np.count_nonzero((logits.argmax(axis=-1) == targets) & (targets != IGNORED)))
        else:
            mean, own = model._mean_loss(batch, by=by)
            if feeds_back and free_running and own:
                assert batch.values is not None  # their number was counted
                mean = by.mean(model.logits(batch), batch.values, batch.lengths)
        losses.append(mean * own)
        count += own
    loss = math.fsum(losses) / count if count else 0.0
    accuracy = right / count if labels and count else None
    warn_if_most(unknown.share)
    return EvaluationResult(
        loss, count, accuracy=accuracy, numbers=by.name if numbers else None, unknown=unknown.share, **more
    )


def counted_targets(batch: Batch) -> Any:
    """Targets of a batch; behind the end of a sequence none counts."""
    targets = batch.targets
    if targets is None:
        raise ValueError("batch.targets: it takes targets to evaluate a model")
    lengths = batch.lengths if batch.decoder_ids is None else batch.target_lengths
    if lengths is not None and targets.ndim == 2:
        targets = np.where(np.arange(targets.shape[0])[:, np.newaxis] < lengths, targets, IGNORED)
    return targets


def evaluate_stream(model: Passes, stream: Stream) -> EvaluationResult:
    """The result of a language model over a text, from its beginning to its end."""
    state = model.make_state()
    stream.seek(0)
    losses: list[float] = []
    count = 0
    unknown = UnknownTokens(model)
    for batch in counting(iter(stream.next, None), unknown):
        mean, own = model._mean_loss(batch, state)
        losses.append(mean * own)
        count += own
    loss = math.fsum(losses) / count if count else 0.0
    warn_if_most(unknown.share)
    return EvaluationResult(
        loss, count, bits_per_character=bits_per_character(model, loss), unknown=unknown.share
    )


def bits_per_character(model: Passes, loss: float) -> float | None:
    """Bits per character of a language model whose tokens are characters or bytes; None for other models."""
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
