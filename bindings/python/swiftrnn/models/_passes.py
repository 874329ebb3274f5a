"""Passes of a model over one batch: losses, outputs, log-probabilities, a look inside."""

from __future__ import annotations

import json
from typing import Any, Mapping, Sequence, Union

import numpy as np
from numpy.typing import NDArray

from .. import _c as c
from .._arguments import integer, not_negative, real, unsigned
from .._arrays import Array, address
from ._base import BaseModel, Data
from ._inspection import Inspection
from ._number_loss import NumberLoss
from ._sequences import label_id, numbers as numbers_of
from ._state import ModelState
from ._vocabulary import Vocabulary

ClassWeights = Union[Sequence[float], Array, Mapping[Any, float]]


class Passes(BaseModel):
    """A model with passes over a batch: the base of `Model`, which adds training. Not made itself."""

    def loss(
        self,
        batch: Data,
        state: ModelState | None = None,
        *,
        seed: int | None = None,
        label_smoothing: float = 0.0,
        class_weights: ClassWeights | None = None,
        sampling_probability: float = 0.0,
        numbers: str = "squared_error",
        delta: float | None = None,
        tape_limit: int | str | None = None,
        sampled_classes: int = 0,
    ) -> float:
        """The loss of a batch in training, with dropout; leaves the gradients of all parameters in `gradients`, in the
        place of what was there.

        Parameters
        ----------
        batch : Batch or sequence of examples
            Arrays, or examples as `fit` takes them.
        state : ModelState, optional
            Where the sequences begin; moved on. None: they begin here.
        seed : int, optional
            Seed of dropout masks and scheduled sampling, in 0...2^64 - 1. None: each call draws one.
        label_smoothing : float
            In [0, 1] (Szegedy et al. 2016).
        class_weights : sequence of float [outputs], or mapping of labels to float, optional
            torch's ``weight`` of a cross-entropy. A mapping may lack labels, whose weight is 1.
        sampling_probability : float
            Probability that a language model or decoder reads its own prediction instead of the target, in [0, 1]
            (Bengio et al. 2015); of output feedback 0 or 1. 0: teacher forcing; 1: free running.
        numbers : str
            The loss of models that give out numbers: "squared_error", "absolute_error", "huber", or
            "binary_cross_entropy", where outputs are logits.
        delta : float, optional
            The distance of the Huber loss (Huber 1964), above 0. None: 1.
        tape_limit : int or "sqrt", optional
            Bytes of activations that a network of one direction keeps for its backward pass, those of sqrt(T) steps for
            "sqrt"; others are computed again (Chen et al. 2016): the same bits, in about twice the time. None: all are
            kept.
        sampled_classes : int
            For training with many classes: so many classes are drawn, log-uniform over ids that are sorted by
            frequency, as the substitutes of all others (Jean et al. 2015). 0: the whole softmax.

        Returns
        -------
        loss : float
            Cross-entropy in nats, the mean over the targets that count; of numbers the mean of their losses.
        """
        checked = self._checked(batch)
        options = c.ModelLossOptions(
            label_smoothing=real(label_smoothing, "label_smoothing"),
            sampling_probability=real(sampling_probability, "sampling_probability"),
        )
        own = NumberLoss(numbers, delta).config()
        options.numbers = c.pointer(own)
        options.sampled_classes = integer(sampled_classes, "sampled_classes", 0)
        if tape_limit is not None:
            options.tape_limit = -1 if tape_limit == "sqrt" else integer(tape_limit, "tape_limit", 1)
        if seed is not None:
            options.seeded, options.seed = 1, unsigned(seed, "seed")
        if class_weights is not None:
            weights = self._class_weights(class_weights)
            options.class_weights = address(weights)
        mean = c.c_double()
        with self._handle.lock:
            c.model_loss(
                self._handle.pointer, c.byref(checked.struct), self._state_pointer(state), c.byref(options),
                c.byref(mean), None,
            )  # fmt: skip
        return mean.value

    def _class_weights(self, value: Any) -> Array:
        """Weights of classes, by their ids or by their names, as an array of the model's type."""
        count, vocabulary = self._configuration["outputs"], self._label_vocabulary
        if not isinstance(value, Mapping):
            return numbers_of(value, "class_weights", (count,), self.dtype, "a weight is a finite number")
        weights = np.ones(count, self.dtype)
        for label, weight in value.items():
            number = label_id(label, "class_weights", vocabulary, count)
            if number < 0:
                raise ValueError(f"class_weights: {number} is no label: there are 0...{count - 1}")
            weights[number] = not_negative(weight, f"class_weights[{label!r}]")
        return weights

    @property
    def _label_vocabulary(self) -> Vocabulary | None:
        return self.vocabulary if self._kind == "language_model" else self.target_vocabulary

    def logits(self, batch: Data, state: ModelState | None = None) -> Array:
        """Outputs of a batch at inference: logits, or with an adaptive softmax log-probabilities, or numbers.

        Parameters
        ----------
        batch : Batch or sequence of examples
            Arrays, or examples as `fit` takes them.
        state : ModelState, optional
            Where the sequences begin; moved on. None: they begin here.

        Returns
        -------
        logits : ndarray
            [T, N, outputs] of language models and taggers, [N, outputs] of classifiers and regressors, [S, N, outputs]
            of decoders.
        """
        checked = self._checked(batch)
        out = np.empty(checked.output_shape(), self.dtype)
        with self._handle.lock:
            c.model_predict(
                self._handle.pointer, c.byref(checked.struct), self._state_pointer(state), address(out), out.size
            )
        return out

    def _mean_loss(
        self, batch: Data, state: ModelState | None = None, by: NumberLoss = NumberLoss()
    ) -> tuple[float, int]:
        """The loss at inference, of numbers the loss `by`, and how many targets counted."""
        checked = self._checked(batch)
        mean, count = c.c_double(), c.c_int64()
        how = by.config()
        with self._handle.lock:
            c.model_evaluate(
                self._handle.pointer, c.byref(checked.struct), self._state_pointer(state), c.byref(how), c.byref(mean),
                c.byref(count),
            )  # fmt: skip
        return mean.value, count.value

    def _scores(self, batch: Data, state: ModelState | None = None) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """log P of the targets of each sequence, and how many counted."""
        checked = self._checked(batch)
        scores, counts = np.empty(checked.sequences), np.empty(checked.sequences, np.int64)
        with self._handle.lock:
            c.model_score(
                self._handle.pointer, c.byref(checked.struct), self._state_pointer(state),
                c.doubles(address(scores)), c.int64s(address(counts)),
            )  # fmt: skip
        return scores, counts

    def inspect(self, batch: Data, state: ModelState | None = None) -> Inspection:
        """A look inside, by a batch: how the gradient of the loss goes back in time (vanishing, exploding), the
        spectral radius of recurrent matrices, and which gates are shut or open. Without dropout; parameters, gradients
        and the state stay as they are. Takes a copy of the model, and the time of some passes of single steps.

        Parameters
        ----------
        batch : Batch or sequence of examples
            With targets.
        state : ModelState, optional
            Where the sequences begin; not moved on. None: they begin here.

        Raises
        ------
        SwiftRNNError
            UNSUPPORTED: models over trees, attention in a decoder's input, cells that draw masks.
        """
        checked = self._checked(batch)
        pointer = c.InspectionPointer()
        with self._handle.lock:
            c.inspection_create(
                self._handle.pointer, c.byref(checked.struct), self._state_pointer(state), c.byref(pointer)
            )
        try:
            text = c.bytes_of(lambda buffer, size, out: c.inspection_json(pointer, buffer, size, out))
        finally:
            c.inspection_destroy(pointer)
        return Inspection.of(json.loads(text))
