"""The loop of `fit`: steps, reports, validation, early stopping, checkpoints.

A checkpoint is what `Trainer.save` writes, with the place of the loop as its text. All that the loop does is a function
of the seed, the data and that place, so that a training which was killed at any moment ends with the bits of one that
was not.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

from ._handles import ModelHandle
from ._history import History, Report
from ._progress import Silent
from ._sources import Source
from ._trainer import Trainer

if TYPE_CHECKING:
    from ._evaluation import EvaluationResult
    from ._model import Model
    from ._state import ModelState

FORMAT = 1


class TrainingInterrupted(KeyboardInterrupt):
    """Ctrl-C during a training, heard between two steps: the model has the parameters of the last one.

    Attributes
    ----------
    checkpoint : str or None
        Where the training was saved; the same call of `fit` goes on from there.
    step : int
        Steps so far.
    """

    def __init__(self, checkpoint: str | None, step: int) -> None:
        where = f"saved in {checkpoint}" if checkpoint else "not saved"
        super().__init__(f"interrupted after {step} steps; the training is {where}")
        self.checkpoint, self.step = checkpoint, step


class OtherTraining(ValueError):
    """A checkpoint is of another training than the one that is to go on.

    Attributes
    ----------
    checkpoint : str
    difference : str
        Where the two differ.
    """

    def __init__(self, checkpoint: Path | None, difference: str) -> None:
        super().__init__(
            f"{checkpoint}: is of another training: {difference}. Give another checkpoint, remove the file, or pass "
            "resume=False"
        )
        self.checkpoint, self.difference = str(checkpoint), difference


@dataclasses.dataclass
class Plan:
    """What `fit` is asked for."""

    epochs: int
    settings: dict[str, Any]
    seed: int
    every: int | None
    patience: int | None
    checkpoint: Path | None
    checkpoint_every: int | None
    validate: Callable[[], "EvaluationResult"] | None
    callback: Callable[[Report], Any] | None
    progress: Silent


@dataclasses.dataclass
class Place:
    """Where the loop is: all of it but what the trainer has."""

    epoch: int = 0
    batch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    loss_count: int = 0
    norm_sum: float = 0.0
    steps_since: int = 0
    best_loss: float = math.inf
    worse: int = 0
    done: bool = False
    stopped_early: bool = False
    seconds: float = 0.0


class Training:
    """One call of `fit`."""

    CHECKPOINT_SECONDS = 60.0
    """The most time between two checkpoints, where nothing else is asked for."""

    def __init__(
        self, model: "Model", source: Source, plan: Plan, trainer: Trainer, state: "ModelState | None"
    ) -> None:
        self.model, self.source, self.plan = model, source, plan
        self.trainer, self.state = trainer, state
        self.place, self.history = Place(), History()
        self._best: Any = None
        self._saved = time.monotonic()
        self._interrupted = False

    # ---- Checkpoints ----

    @property
    def _best_path(self) -> Path | None:
        checkpoint = self.plan.checkpoint
        return None if checkpoint is None else checkpoint.with_name(checkpoint.name + ".best")

    def restore(self, progress: str) -> None:
        """Goes to the place that a checkpoint's text tells.

        Raises
        ------
        ValueError
            The text is not that of `fit`, or of another training.
        """
        try:
            told = json.loads(progress)
            assert told["format"] == FORMAT and isinstance(told["training"], dict)
            place, history = Place(**told["place"]), History.fromdict(told["history"])
        except (ValueError, KeyError, TypeError, AssertionError):
            raise ValueError(f"{self.plan.checkpoint}: is no checkpoint of fit") from None
        for name, own in self._identity().items():
            if told["training"].get(name) != own:
                raise OtherTraining(self.plan.checkpoint, _difference(name, told["training"].get(name), own))
        self.place, self.history = place, history
        self.history.stopped_early = place.stopped_early
        if place.done and self.plan.epochs > place.epoch and not place.stopped_early:
            place.done = False

    def _identity(self) -> dict[str, Any]:
        """What must be the same when a training goes on; the number of epochs may be another."""
        return {
            "data": self.source.fingerprint(),
            "settings": {key: value for key, value in self.plan.settings.items()},
            "every": self.plan.every,
            "patience": self.plan.patience,
        }

    def save(self) -> None:
        """Writes the checkpoint, if there is to be one."""
        if self.plan.checkpoint is None:
            return
        told = {
            "format": FORMAT,
            "seed": self.plan.seed,
            "training": self._identity_once(),
            "place": dataclasses.asdict(self.place),
            "history": self.history.asdict(),
        }
        self.trainer.save(self.plan.checkpoint, self.state, json.dumps(told))
        self._saved = time.monotonic()

    def _identity_once(self) -> dict[str, Any]:
        if not hasattr(self, "_identity_kept"):
            self._identity_kept = self._identity()
        return self._identity_kept

    # ---- The loop ----

    def run(self) -> History:
        """Trains until the epochs are over, or the patience is."""
        place, plan = self.place, self.plan
        started = time.monotonic() - place.seconds
        plan.progress.begin(self.source.batches * plan.epochs, place.step)
        try:
            with _heard(self):
                while not place.done:
                    self.source.seek(place.epoch, place.batch)
                    self._epoch(started)
        finally:
            plan.progress.end()
        self._take_best()
        return self.history

    def _epoch(self, started: float) -> None:
        """The rest of the epoch that the place is in."""
        place, plan = self.place, self.plan
        while not place.done and place.batch < self.source.batches:
            self._step()
            place.seconds = time.monotonic() - started
            ends = place.batch == self.source.batches
            last = ends and place.epoch + 1 == plan.epochs
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
                raise TrainingInterrupted(None if plan.checkpoint is None else str(plan.checkpoint), place.step)
            if ends:
                return

    def _step(self) -> None:
        place = self.place
        batch = self.source.next()
        if batch is None:
            raise RuntimeError("the data have fewer batches than at the beginning: a file has changed meanwhile")
        result = self.trainer.step(batch, self.state)
        if not (math.isfinite(result.loss) and math.isfinite(result.norm)):
            raise FloatingPointError(
                f"the loss is {result.loss:g}, and the norm of its gradients {result.norm:g}, in step {result.step}: a "
                f"lower rate, or clip=, may help; the last report was "
                f"{self.history.reports[-1] if self.history.reports else 'none'}"
            )
        place.batch, place.step = place.batch + 1, result.step
        place.loss_sum += result.loss * result.count
        place.loss_count += result.count
        place.norm_sum += result.norm
        place.steps_since += 1
        self._rate = result.rate
        self.plan.progress.step(result.loss)

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
        found = None if plan.validate is None else plan.validate()
        report = Report(
            epoch=place.epoch + place.batch / self.source.batches,
            step=place.step,
            train_loss=place.loss_sum / place.loss_count if place.loss_count else 0.0,
            validation_loss=None if found is None else found.loss,
            validation_accuracy=None if found is None else found.accuracy,
            rate=self._rate,
            norm=place.norm_sum / place.steps_since,
            seconds=place.seconds,
        )
        place.loss_sum, place.loss_count, place.norm_sum, place.steps_since = 0.0, 0, 0.0, 0
        self.history.reports.append(report)
        plan.progress.report(report)
        if found is not None:
            self.trainer.report(found.loss)
            self._judge(found.loss)
        if plan.callback is not None and plan.callback(report) is True:
            place.done = True

    # ---- Early stopping ----

    def _judge(self, loss: float) -> None:
        """Keeps the parameters of the smallest validation loss, and stops where it has not improved for too long."""
        place, patience = self.place, self.plan.patience
        if patience is None:
            return
        if loss < place.best_loss:
            place.best_loss, place.worse = loss, 0
            if self._best_path is not None:
                self.model.save(self._best_path)  # before the checkpoint that knows of it
            else:
                self._best = self.model.flat.copy()
            return
        place.worse += 1
        if place.worse > patience:
            place.done = place.stopped_early = self.history.stopped_early = True

    def _take_best(self) -> None:
        """With a patience, the model ends with the parameters of the smallest validation loss."""
        if self.plan.patience is None or math.isinf(self.place.best_loss):
            return
        if self._best is not None:
            self.model.flat[...] = self._best
        elif self._best_path is not None and os.path.exists(self._best_path):
            self.model.flat[...] = ModelHandle.loaded(self._best_path).vectors()[0]


def _difference(name: str, was: Any, now: Any) -> str:
    """Where two values differ; of two mappings only the keys that do."""
    if isinstance(was, dict) and isinstance(now, dict):
        keys = sorted(key for key in {*was, *now} if was.get(key) != now.get(key))
        return f"{name} differ: " + ", ".join(f"{key} was {was.get(key)}, and is {now.get(key)} now" for key in keys)
    return f"{name} was {was}, and is {now} now"


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
