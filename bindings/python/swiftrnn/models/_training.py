"""The loop of `fit`: steps, reports, validation, early stopping, checkpoints.

A checkpoint is a file of `Trainer.save`, with the place of the loop as its text. The loop is a function of the seed,
the data and that place: a training that was killed at any moment ends with the bits of one that was not.
"""

from __future__ import annotations

import dataclasses
import math
import signal
import threading
import time
from pathlib import Path
from typing import Any, Callable

import numpy as np

from ._batch import IGNORED, Batch
from ._checkpoint import OtherTraining, Place, Progress, check_model
from ._digests import digest
from ._evaluation import counted_targets
from ._handles import ModelHandle
from ._history import History, Report
from ._passes import Passes
from ._progress import Silent
from ._sources import Source, Validation
from ._state import ModelState
from ._trainer import StepResult, Trainer


class TrainingInterrupted(KeyboardInterrupt):
    """Ctrl-C during a training, heard between two steps: the model has the parameters of the last one; with `patience`
    the best ones, if the training is over, or if there is no checkpoint to go on from.

    Attributes
    ----------
    checkpoint : str or None
        Where the training was saved; the same call of `fit` goes on from there.
    step : int
        Steps so far.
    over : bool
        Whether that was the last step: the model is trained.
    """

    def __init__(self, checkpoint: str | None, step: int, over: bool = False) -> None:
        where = f"saved in {checkpoint}" if checkpoint else "over, and the model trained" if over else "not saved"
        super().__init__(f"interrupted after {step} steps; the training is {where}")
        self.checkpoint, self.step, self.over = checkpoint, step, over


@dataclasses.dataclass
class Plan:
    """Settings of a `fit`."""

    epochs: int
    settings: dict[str, Any]
    seed: int
    every: int | None
    patience: int | None
    checkpoint: Path | None
    checkpoint_every: int | None
    validation: Validation | None
    callback: Callable[[Report], Any] | None
    look_back: int
    progress: Silent


BEST_KEY = "fit.best"
"""Entry of the metadata of a file with the best parameters: what tells its training from others."""


class Training:
    """One call of `fit`."""

    CHECKPOINT_SECONDS = 60.0
    """The most time between two checkpoints, where nothing else is asked for."""

    def __init__(
        self, model: Passes, source: Source, plan: Plan, trainer: Trainer[Any], state: ModelState | None
    ) -> None:
        self.model, self.source, self.plan = model, source, plan
        self.trainer, self.state = trainer, state
        self.place, self.history = Place(), History()
        self._identity: dict[str, Any] = {}
        self._start = ""
        if plan.checkpoint is not None:  # takes the time of reading all data
            self._identity, self._start = self._identify(), digest([model.flat])
        self._best: Any = None
        self._saved = time.monotonic()
        self._interrupted = False

    # ---- Checkpoints ----

    @property
    def _best_path(self) -> Path | None:
        checkpoint = self.plan.checkpoint
        return None if checkpoint is None else checkpoint.with_name(checkpoint.name + ".best")

    def restore(self, progress: Progress) -> None:
        """Goes to the place that a checkpoint tells, with the parameters that the trainer has from there.

        Raises
        ------
        OtherTraining
            The checkpoint is of another training; the model is as it was.
        ValueError
            The file with the best parameters so far is missing.
        """
        plan, place = self.plan, progress.place
        progress.check(self._identity, plan.checkpoint)
        self._check_parameters(progress)
        self._start = progress.start
        if self.plan.patience is not None and math.isfinite(place.best_loss):
            self._load_best()
        self.place, self.history = place, progress.history
        place.done = place.stopped_early or place.epoch >= plan.epochs  # there may be more or fewer epochs than before
        # In place: views of the parameters and other trainers of the model stay what they are.
        self.model.flat[...] = self.trainer.model.flat

    def _check_parameters(self, progress: Progress) -> None:
        """Refuses to write over parameters of another model: they must be those that the training began with, or ended
        with; as long as it is not over, also those of a model that was in it until now, or is as it was drawn.

        Raises
        ------
        OtherTraining
        """
        place, own = progress.place, digest([self.model.flat])
        if own in (progress.start, place.best_parameters, digest([self.trainer.model.flat])):
            return
        if place.done:
            raise OtherTraining(
                self.plan.checkpoint,
                "that one is over, and its model began with other parameters (load() has that model)",
            )
        if self.model._left_at != (progress.start, own) and not self.model._is_as_drawn():
            raise OtherTraining(
                self.plan.checkpoint,
                "its model began with other parameters, and those of this model, which was trained or loaded, would be "
                "lost",
            )

    def _identify(self) -> dict[str, Any]:
        """Identity of the training, which must be the same when it goes on; the number of epochs may be another, unless
        the schedule ends with them."""
        plan = self.plan
        return {
            "data": self.source.fingerprint(),
            "validation": None if plan.validation is None else plan.validation.fingerprint(),
            "epochs": plan.epochs if "steps" in plan.settings else None,  # the schedule ends with the last
            "settings": dict(plan.settings),
            "every": plan.every if self._is_judged() else None,
            "look_back": plan.look_back,
            "patience": plan.patience,
        }

    def _is_judged(self) -> bool:
        """Whether reports change the training: others do nothing but tell."""
        return self.plan.patience is not None or "plateau_patience" in self.plan.settings

    def save(self) -> None:
        """Writes the checkpoint, if there is to be one."""
        if self.plan.checkpoint is None:
            return
        told = Progress(self.plan.seed, self._start, self._identity, self.place, self.history)
        self._to_trainer()
        self.trainer.save(self.plan.checkpoint, self.state, told.text())
        self._saved = time.monotonic()

    # The trainer of a checkpoint has a model of its own, whose numbers go to and fro: copies take little of a step.

    def _to_trainer(self) -> None:
        if self.trainer.model is not self.model:
            self.trainer.model.flat[...] = self.model.flat  # which a callback may have changed

    def _from_trainer(self) -> None:
        if self.trainer.model is not self.model:
            self.model.flat[...] = self.trainer.model.flat
            self.model.flat_gradients[...] = self.trainer.model.flat_gradients

    # ---- The loop ----

    def run(self) -> History:
        """Trains until the epochs are over, or the patience is."""
        place, plan = self.place, self.plan
        self.model._left_at = ("", "")
        started = time.monotonic() - place.seconds
        plan.progress.begin(self.source.batches * plan.epochs, place.step)
        try:
            with _heard(self):
                while not place.done:
                    self.source.seek(place.epoch, place.batch)
                    self._epoch(started)
                self._hear()
        except (KeyboardInterrupt, FloatingPointError):
            if place.done or plan.checkpoint is None:
                self._take_best()  # nothing else has the best parameters, or the training is over
            raise
        finally:
            plan.progress.end()
            if plan.checkpoint is not None:
                self.model._left_at = self._start, digest([self.model.flat])
        self._take_best()
        return self.history

    def _epoch(self, started: float) -> None:
        """The rest of the epoch that the place is in."""
        place, plan = self.place, self.plan
        while not place.done and place.batch < self.source.batches:
            self._step()
            place.seconds = time.monotonic() - started
            ends = place.batch == self.source.batches
            last = ends and place.epoch + 1 >= plan.epochs
            due = place.step % plan.every == 0 if plan.every else ends
            if ends:
                place.epoch, place.batch = place.epoch + 1, 0
                if self.state is not None:
                    self.state.reset()
            if due or last:
                self._report()
            if last:
                place.done = True
            if place.done or due or self._is_time_to_save():
                self.save()
            if self._interrupted:
                if not (place.done or due):
                    self.save()
                self._hear()
            if ends:
                return

    def _hear(self) -> None:
        """Ends the training, if Ctrl-C was pressed; it is saved."""
        if self._interrupted:
            checkpoint = None if self.plan.checkpoint is None else str(self.plan.checkpoint)
            raise TrainingInterrupted(checkpoint, self.place.step, self.place.done)

    def _step(self) -> None:
        place = self.place
        batch = self.source.next()
        if batch is None:
            raise RuntimeError("the data have fewer batches than at the beginning: a file has changed meanwhile")
        self._to_trainer()
        result = self.trainer.step(batch, self.state)
        self._from_trainer()
        if not (math.isfinite(result.loss) and math.isfinite(result.norm)):
            raise FloatingPointError(self._not_finite(result))
        place.batch, place.step = place.batch + 1, result.step
        weight = self._weight(batch, result.count)
        place.loss_sum += result.loss * weight
        place.loss_weight += weight
        place.loss_count += result.count
        place.norm_sum += result.norm
        place.steps_since += 1
        self._rate = result.rate
        self.plan.progress.step(result.loss)

    def _weight(self, batch: Batch, count: int) -> float:
        """Weight of the targets of a batch together, by which the mean loss of a batch is divided."""
        weights = self.plan.settings.get("class_weights")
        if weights is None:
            return count
        targets = counted_targets(batch)
        return math.fsum(np.asarray(weights)[targets[targets != IGNORED]])

    def _not_finite(self, result: StepResult) -> str:
        """The error of a step, with advice."""
        if self.place.step == 0:
            advice = "no step was made before it: the numbers of the data or the parameters are too large, scale them"
        else:
            last = self.history.reports[-1] if self.history.reports else "none"
            advice = f"a lower rate, or clip=, may help; the last report was {last}"
        found = f"the loss is {result.loss:g}, and the norm of its gradients {result.norm:g}"
        return f"{found}, in step {result.step}: {advice}"

    def _is_time_to_save(self) -> bool:
        if self.plan.checkpoint is None:
            return False
        if self.plan.checkpoint_every is not None:
            return self.place.step % self.plan.checkpoint_every == 0
        return time.monotonic() - self._saved >= self.CHECKPOINT_SECONDS

    def _report(self) -> None:
        place, plan = self.place, self.plan
        if place.loss_count == 0:
            raise ValueError(
                "data: there is nothing to predict: texts of one token, sequences of no steps, or targets that all are "
                "ignored"
            )
        found = None if plan.validation is None else plan.validation.evaluate()
        report = Report(
            epoch=place.epoch + place.batch / self.source.batches,
            step=place.step,
            train_loss=place.loss_sum / place.loss_weight if place.loss_weight else 0.0,
            validation_loss=None if found is None else found.loss,
            validation_accuracy=None if found is None else found.accuracy,
            rate=self._rate,
            norm=place.norm_sum / place.steps_since,
            seconds=place.seconds,
        )
        place.loss_sum, place.loss_weight, place.loss_count, place.norm_sum, place.steps_since = 0.0, 0.0, 0, 0.0, 0
        self.history.reports.append(report)
        plan.progress.report(report)
        if found is not None:
            if not math.isfinite(found.loss):
                raise FloatingPointError(
                    f"the loss of the validation is {found.loss:g}, after step {place.step}: the numbers of its data "
                    "are too large, or a lower rate, or clip=, may help"
                )
            self.trainer.report(found.loss)
            self._judge(found.loss)
        if plan.callback is not None and _is_true(plan.callback(report)):
            place.done = place.stopped_early = self.history.stopped_early = True

    # ---- Early stopping ----

    def _judge(self, loss: float) -> None:
        """Keeps the parameters of the smallest validation loss, and stops where it has not improved for too long."""
        place, patience = self.place, self.plan.patience
        if patience is None:
            return
        if loss < place.best_loss:
            # The parameters first, then what tells of them: a second Ctrl-C may come between.
            if self._best_path is not None:
                self._save_best(self._best_path)
                place.best_parameters = digest([self.model.flat])
            else:
                self._best = self.model.flat.copy()
            place.best_loss, place.worse = loss, 0
            return
        place.worse += 1
        if place.worse > patience:
            place.done = place.stopped_early = self.history.stopped_early = True

    def _save_best(self, path: Path) -> None:
        """Writes the parameters as the best ones, with what tells the training: a later resume asks for that."""
        self.model.set_metadata({BEST_KEY: f"{self._start} {self.plan.seed}"})
        try:
            self.model.save(path)
        finally:
            self.model.set_metadata({BEST_KEY: None})

    def _take_best(self) -> None:
        """With a patience, the model ends with the parameters of the smallest validation loss."""
        if self.plan.patience is None or math.isinf(self.place.best_loss):
            return
        if self._best is None:
            best = self._load_best()
            if digest([best.flat]) != self.place.best_parameters:
                raise OtherTraining(self._best_path, "the best parameters are others than those of this training")
            self.model.flat[...] = best.flat
        else:
            self.model.flat[...] = self._best

    def _load_best(self) -> Passes:
        """The model of the file with the best parameters.

        Raises
        ------
        OtherTraining
            The file is of another model, or of another training.
        ValueError
            There is no such file.
        """
        path, checkpoint = self._best_path, self.plan.checkpoint
        assert path is not None
        if not path.exists():
            raise ValueError(
                f"{path}: is missing, and has the best parameters of the training in {checkpoint}: put it back, or "
                "pass resume=False"
            )
        best: Passes = type(self.model)._of(ModelHandle.loaded(path))
        check_model(self.model, best, path)
        if best.get_metadata(BEST_KEY) != f"{self._start} {self.plan.seed}":
            raise OtherTraining(path, "its parameters are not the best ones of this training")
        return best


class _heard:
    """Ctrl-C is noted, and heard between two steps; a second one at once. In other threads nothing changes."""

    def __init__(self, training: Training) -> None:
        self._training = training
        self._before: Any = None

    def __enter__(self) -> None:
        if threading.current_thread() is threading.main_thread():
            before = signal.getsignal(signal.SIGINT)
            if before is signal.default_int_handler:
                self._before = before
                signal.signal(signal.SIGINT, self._note)

    def _note(self, number: int, frame: Any) -> None:
        if self._training._interrupted:
            raise KeyboardInterrupt
        self._training._interrupted = True

    def __exit__(self, *_: Any) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)


def _is_true(answer: Any) -> bool:
    """Whether a callback's answer is True, Python's or numpy's; any other value, such as a list, is no answer."""
    return isinstance(answer, (bool, np.bool_)) and bool(answer)
