"""An optimizer with its moments, a schedule, clipping, and the count of steps: training step by step."""

from __future__ import annotations

import json
from typing import Any, Generic, Mapping, NamedTuple, TypeVar

from .. import _c as c
from .._arguments import real
from ._base import Data
from ._batch import Batch, CheckedBatch
from ._class_methods import advises, class_only
from ._handles import PathLike, TrainerHandle, path_bytes
from ._passes import Passes
from ._settings import trainer_settings
from ._state import ModelState
from ._vocabulary import text_bytes
from ._words import answers_words


class StepResult(NamedTuple):
    """Result of a step.

    Attributes
    ----------
    loss : float
        The loss, as `Model.loss` returns.
    count : int
        The number of targets that counted.
    norm : float
        Norm of the gradients before clipping.
    rate : float
        Learning rate of this step.
    step : int
        Steps so far, this one included.
    """

    loss: float
    count: int
    norm: float
    rate: float
    step: int


_Model = TypeVar("_Model", bound=Passes)


class Trainer(Generic[_Model]):
    """Trains a model step by step: what `Model.fit` is made of.

    Parameters
    ----------
    model : Model
        The model to train.
    optimizer, rate, schedule
        As for `Model.fit`.
    steps : int, optional
        Steps altogether, of a schedule that has an end.
    clip, seed, label_smoothing, class_weights, numbers, delta, sampling, sampled_classes, tape_limit
        As for `Model.fit`.

    Examples
    --------
    >>> from swiftrnn.models import Classifier, Trainer
    >>> model = Classifier(4, ["even", "odd"], hidden_size=8, seed=0)
    >>> trainer = Trainer(model, "adam", rate=0.02)
    >>> batch = model.batch([([0, 1, 1], "even"), ([1, 0], "odd")])
    >>> losses = [trainer.step(batch).loss for _ in range(50)]
    >>> losses[-1] < 0.1 * losses[0], trainer.steps
    (True, 50)
    """

    @answers_words("Trainer")
    def __init__(
        self,
        model: _Model,
        optimizer: str | Mapping[str, Any] = "adam",
        *,
        rate: float | None = None,
        schedule: str | Mapping[str, Any] | None = None,
        steps: int | None = None,
        clip: float | None = None,
        seed: int | None = None,
        label_smoothing: float = 0.0,
        class_weights: Any = None,
        numbers: str = "squared_error",
        delta: float | None = None,
        sampling: str | Mapping[str, Any] = "none",
        sampled_classes: int = 0,
        tape_limit: int | str | None = None,
    ) -> None:
        settings = trainer_settings(
            optimizer, rate=rate, schedule=schedule, steps=steps, clip=clip, seed=seed,
            label_smoothing=label_smoothing, sampling=sampling, numbers=numbers, delta=delta, tape_limit=tape_limit,
            class_weights=None if class_weights is None else model._class_weights(class_weights).tolist(),
            sampled_classes=sampled_classes,
        )  # fmt: skip
        self._adopt(model, TrainerHandle.created(model._handle, json.dumps(settings)))

    @classmethod
    def _of_settings(cls, model: _Model, settings: Mapping[str, Any]) -> "Trainer[_Model]":
        trainer: Trainer[_Model] = object.__new__(cls)
        trainer._adopt(model, TrainerHandle.created(model._handle, json.dumps(settings)))
        return trainer

    def _adopt(self, model: _Model, handle: TrainerHandle) -> None:
        self.model = model
        self._handle = handle

    @property
    def settings(self) -> dict[str, Any]:
        """All settings (docs/models.md)."""
        return json.loads(self._handle.settings())  # type: ignore[no-any-return]

    @property
    def steps(self) -> int:
        """Steps so far, those before a checkpoint included."""
        steps = c.c_int64()
        c.trainer_rate(self._handle.pointer, None, c.byref(steps))
        return steps.value

    @property
    def rate(self) -> float:
        """Learning rate of the next step: the schedule's, times a factor."""
        rate = c.c_double()
        c.trainer_rate(self._handle.pointer, c.byref(rate), None)
        return rate.value

    def set_rate_factor(self, factor: float) -> None:
        """Multiplies the schedule's rate from now on: 1 at first.

        Parameters
        ----------
        factor : float
            Finite, 0 or more. A plateau of the schedule goes on from there.
        """
        with self._handle.model.lock:
            c.trainer_set_rate_factor(self._handle.pointer, real(factor, "factor"))

    def step(self, batch: "Data", state: ModelState | None = None) -> StepResult:
        """One step: loss, gradients, clipping, optimizer.

        Parameters
        ----------
        batch : Batch or sequence of examples
        state : ModelState, optional
            Where the sequences begin; moved on. None: they begin here.
        """
        own = batch if isinstance(batch, Batch) else self.model._batch_of(batch)
        checked = CheckedBatch(own, self.model._configuration, self.model.dtype)
        result = c.TrainerResult()
        with self._handle.model.lock:
            c.trainer_step(
                self._handle.pointer, c.byref(checked.struct), self.model._state_pointer(state), c.byref(result)
            )
        return StepResult(result.loss, result.count, result.norm, result.rate, result.step)

    def update(self) -> StepResult:
        """Clipping and optimizer for the gradients that are in ``model.flat_gradients``: the second half of `step`, for
        gradients that were computed or changed elsewhere. The result's loss is NaN, its count 0.
        """
        result = c.TrainerResult()
        with self._handle.model.lock:
            c.trainer_update(self._handle.pointer, c.byref(result))
        return StepResult(result.loss, result.count, result.norm, result.rate, result.step)

    def report(self, validation_loss: float) -> bool:
        """Tells the loss of a validation, by which a plateau lowers the rate.

        Parameters
        ----------
        validation_loss : float
            The loss of the validation.

        Returns
        -------
        improved : bool
            The least loss so far.
        """
        improved = c.c_int32()
        with self._handle.model.lock:
            c.trainer_report(self._handle.pointer, real(validation_loss, "validation_loss"), c.byref(improved))
        return improved.value != 0

    def save(self, path: PathLike, state: ModelState | None = None, progress: str = "") -> None:
        """Writes a checkpoint: model, moments, steps, settings, state, and a text of the caller's, as one file that
        appears whole or not at all.

        Parameters
        ----------
        path : str or path
            The file, which is replaced if there is one.
        state : ModelState, optional
            Where the sequences of the batches are; None: none is kept.
        progress : str
            A text of the caller's.

        Raises
        ------
        SwiftRNNFileError
            The file cannot be written (also an OSError).
        """
        text = text_bytes(progress, "progress")
        with self._handle.model.lock:
            c.trainer_save(self._handle.pointer, self.model._state_pointer(state), text, len(text), path_bytes(path))

    @class_only
    @advises(
        "makes a new trainer and leaves this one as it is: write trainer, state, progress = Trainer.load(path)"
    )
    def load(cls, path: PathLike) -> "tuple[Trainer[Any], ModelState | None, str]":
        """Goes on where `save` was: the training ends with the same bits as one that was never cut. Makes a new trainer
        and a new model: of the class, not of a trainer that is there.

        Parameters
        ----------
        path : str or path
            The checkpoint, which is not trusted.

        Returns
        -------
        trainer : Trainer
            ``trainer.model`` is the model.
        state : ModelState or None
        progress : str
            The text of the caller's.

        Raises
        ------
        SwiftRNNFileError
            The file cannot be read (also an OSError).
        ValueError
            The file is no checkpoint, or is damaged.
        """
        handle, state = TrainerHandle.loaded(path)
        trainer = object.__new__(cls)
        trainer._adopt(Passes._of(handle.model), handle)
        return trainer, None if state is None else ModelState(state), handle.progress()
