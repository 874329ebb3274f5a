"""The text of `fit` in a checkpoint, beside all that the trainer has: where the loop is, and of which training."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any, Mapping

from ._history import History
from ._passes import Passes

FORMAT = 2
HASHED = ("content", "lengths", "inputs", "targets", "trees")
"""Entries of identities that are hashes: an error names these, without the numbers."""


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
class Place:
    """Where the loop is: all of it but what the trainer has."""

    epoch: int = 0
    batch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    loss_weight: float = 0.0
    """Weight of the targets of `loss_sum`: their number, or the sum of their classes' weights."""
    loss_count: int = 0
    norm_sum: float = 0.0
    steps_since: int = 0
    best_loss: float = math.inf
    best_parameters: str = ""
    """The hash of the parameters that had `best_loss`."""
    worse: int = 0
    done: bool = False
    stopped_early: bool = False
    seconds: float = 0.0


@dataclasses.dataclass
class Progress:
    """The whole text.

    Parameters
    ----------
    seed : int
        Seed of the training.
    start : str
        The hash of the parameters that the training began with.
    training : mapping
        Identity of the training, which must be the same when it goes on.
    place : Place
    history : History
    """

    seed: int
    start: str
    training: Mapping[str, Any]
    place: Place
    history: History

    def text(self) -> str:
        """The JSON that a checkpoint has."""
        return json.dumps({
            "format": FORMAT, "seed": self.seed, "start": self.start, "training": self.training,
            "place": dataclasses.asdict(self.place), "history": self.history.asdict(),
        })  # fmt: skip

    @classmethod
    def of(cls, text: str, checkpoint: Path | None) -> "Progress":
        """The progress of a checkpoint's text.

        Raises
        ------
        OtherTraining
            The checkpoint is of a `Trainer`.
        ValueError
            The text is not that of `fit`, or of another version of the package.
        """
        if not text:
            raise OtherTraining(checkpoint, "the checkpoint is of a Trainer, and not of fit")
        try:
            told = json.loads(text)
            if told["format"] != FORMAT:
                raise OtherTraining(checkpoint, "the checkpoint is of another version of swiftrnn")
            seed, start, training = told["seed"], told["start"], told["training"]
            place, history = Place(**told["place"]), History.fromdict(told["history"])
            if not (isinstance(seed, int) and isinstance(start, str) and isinstance(training, dict)):
                raise TypeError
        except OtherTraining:
            raise
        except (ValueError, KeyError, TypeError):
            raise ValueError(f"{checkpoint}: is no checkpoint of fit: give another one, or remove the file") from None
        history.stopped_early = place.stopped_early
        return cls(seed, start, training, place, history)

    def check(self, training: Mapping[str, Any], checkpoint: Path | None) -> None:
        """Refuses to go on with another training.

        Raises
        ------
        OtherTraining
        """
        for name, own in training.items():
            if self.training.get(name) != own:
                raise OtherTraining(checkpoint, difference(name, self.training.get(name), own))


def check_model(model: Passes, other: Passes, checkpoint: Path | None) -> None:
    """Refuses a checkpoint whose model `other` is of another configuration, type or vocabulary.

    Raises
    ------
    OtherTraining
    """
    own, others = model.configuration, other.configuration
    if own != others:
        keys = ", ".join(sorted(key for key in {*own, *others} if own.get(key) != others.get(key)))
        raise OtherTraining(checkpoint, f"the model has another configuration ({keys})")
    if model.dtype != other.dtype:
        raise OtherTraining(checkpoint, f"the model was of {other.dtype}, and is of {model.dtype} now")
    if (model.vocabulary, model.target_vocabulary) != (other.vocabulary, other.target_vocabulary):
        raise OtherTraining(checkpoint, "the model has other vocabularies")


def difference(name: str, was: Any, now: Any) -> str:
    """Where two values differ; of two mappings only the keys that do."""
    if isinstance(was, dict) and isinstance(now, dict):
        keys = sorted(key for key in {*was, *now} if was.get(key) != now.get(key))
        return f"{name} differ: " + ", ".join(
            f"other {key}" if key in HASHED else f"{key} was {was.get(key)}, and is {now.get(key)} now" for key in keys
        )
    if isinstance(was, dict) or isinstance(now, dict):
        return f"there was {'no ' if now else ''}{name}, and there is {'no ' if was else ''}{name} now"
    return f"{name} was {was}, and is {now} now"
