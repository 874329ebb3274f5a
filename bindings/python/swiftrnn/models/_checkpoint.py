"""The text of `fit` in a checkpoint, beside all that the trainer has: where the loop is, and of which training."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any, Mapping, NamedTuple, Sequence

from ._history import History
from ._passes import Passes

FORMAT = 3
HASHED = ("content", "lengths", "inputs", "targets", "trees")
"""Entries of identities that are hashes: an error names these, without the numbers."""


class Change(NamedTuple):
    """A number or word that a checkpoint's training had, and the one that is to go on has not."""

    of: str
    """Where the name is one: "model", "settings", "data", "validation" or "fit", whose argument it is."""
    name: str
    """As "network.hidden_size" of a model, or "rate" of the settings."""
    was: Any
    now: Any

    def __str__(self) -> str:
        return f"{self.name} was {_told(self.was)}, and is {_told(self.now)} now"


def _told(value: Any) -> str:
    return "not given" if value is None else str(value)


class OtherTraining(ValueError):
    """A checkpoint is of another training than the one that is to go on.

    Attributes
    ----------
    checkpoint : str
    difference : str
        Where the two differ.
    changes : tuple of Change
        Numbers and words that were others, by their names; empty where the difference is another one.
    """

    def __init__(self, checkpoint: Path | None, difference: str, changes: Sequence[Change] = ()) -> None:
        super().__init__(
            f"{checkpoint}: is of another training: {difference}. Give another checkpoint, remove the file, or pass "
            "resume=False"
        )
        self.checkpoint, self.difference, self.changes = str(checkpoint), difference, tuple(changes)


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
                raise _other_training(checkpoint, name, self.training.get(name), own)


def check_model(model: Passes, other: Passes, checkpoint: Path | None) -> None:
    """Refuses a checkpoint whose model `other` is of another configuration, type or vocabulary.

    Raises
    ------
    OtherTraining
    """
    own, others = model.configuration, other.configuration
    if own != others:
        changes = _changes("model", _flat(others), _flat(own))
        raise OtherTraining(checkpoint, f"of the model {', '.join(map(str, changes))}", changes)
    if model.dtype != other.dtype:
        change = Change("model", "dtype", other.dtype, model.dtype)
        raise OtherTraining(checkpoint, f"of the model {change}", [change])
    if (model.vocabulary, model.target_vocabulary) != (other.vocabulary, other.target_vocabulary):
        raise OtherTraining(checkpoint, "the model has other vocabularies")


def _other_training(checkpoint: Path | None, name: str, was: Any, now: Any) -> OtherTraining:
    """The error for an entry of two identities that differs; of two mappings the keys that do."""
    if isinstance(was, dict) and isinstance(now, dict):
        changes = _changes(name, was, now)
        if name == "settings":
            return OtherTraining(checkpoint, ", ".join(map(str, changes)), changes)
        told = ", ".join(f"other {one.name}" if one.name in HASHED else str(one) for one in changes)
        return OtherTraining(checkpoint, f"{name} differ: {told}", [one for one in changes if one.name not in HASHED])
    if isinstance(was, dict) or isinstance(now, dict):
        absent = ("no ", "") if isinstance(now, dict) else ("", "no ")
        return OtherTraining(checkpoint, f"there was {absent[0]}{name}, and there is {absent[1]}{name} now")
    change = Change("fit", name, was, now)
    reason = ": the schedule ends with the last one" if name == "epochs" else ""
    return OtherTraining(checkpoint, f"{change}{reason}", [change])


def _changes(of: str, was: Mapping[str, Any], now: Mapping[str, Any]) -> list[Change]:
    names = [*was, *(name for name in now if name not in was)]
    return [Change(of, name, was.get(name), now.get(name)) for name in names if was.get(name) != now.get(name)]


def _flat(configuration: Mapping[str, Any], of: str = "") -> dict[str, Any]:
    """A configuration with the names of inner objects before those of their keys: "network.hidden_size"."""
    found: dict[str, Any] = {}
    for key, value in configuration.items():
        found.update(_flat(value, f"{of}{key}.") if isinstance(value, dict) else {f"{of}{key}": value})
    return found
