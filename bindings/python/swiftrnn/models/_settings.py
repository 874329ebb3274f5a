"""Settings of a trainer, of the arguments of `fit`: the JSON object of docs/models.md."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

import numpy as np

from .._arguments import integer, not_negative, real, unsigned
from ._number_loss import NumberLoss

RATES = {"adam": 1e-3, "adamw": 1e-3, "sgd": 0.1, "rmsprop": 1e-3}
"""Learning rates that are taken where none is given."""
SCHEDULES = ("constant", "step", "exponential", "cosine", "linear", "plateau")
SAMPLINGS = ("none", "linear", "exponential", "inverse_sigmoid")
PLATEAU_PATIENCE = 10
"""Reports without an improvement that a plateau waits for, as torch's does, where none is given."""
_WITH_END = ("cosine", "linear")


def trainer_settings(
    optimizer: str | Mapping[str, Any],
    *,
    rate: float | None,
    schedule: str | Mapping[str, Any] | None,
    steps: int | None,
    clip: float | None,
    seed: int | None,
    label_smoothing: float = 0.0,
    sampling: str | Mapping[str, Any] = "none",
    class_weights: Sequence[float] | None = None,
    numbers: str = "squared_error",
    delta: float | None = None,
    tape_limit: int | str | None = None,
    sampled_classes: int = 0,
) -> dict[str, Any]:
    """The settings. `optimizer`, `schedule` and `sampling` are a name, or a mapping with further settings."""
    settings = _named(optimizer, "optimizer", tuple(RATES))
    if rate is not None:
        settings["rate"] = not_negative(rate, "rate")
    settings.setdefault("rate", RATES[settings["optimizer"]])
    if schedule is not None:
        settings.update(_with_plateau(_named(schedule, "schedule", SCHEDULES)))
        if settings.get("schedule") in _WITH_END and "steps" not in settings:
            if steps is None:
                raise ValueError(f"steps: the schedule {settings['schedule']!r} ends after so many: give them")
            settings["steps"] = integer(steps, "steps", 1)
    if clip is not None:
        settings["clip_norm"] = not_negative(clip, "clip")
    if seed is not None:
        number = unsigned(seed, "seed")
        settings["seed"] = number - 2**64 if number >= 2**63 else number  # JSON has the bits as an int64
    if label_smoothing:
        settings["label_smoothing"] = real(label_smoothing, "label_smoothing")
    if class_weights is not None:
        settings["class_weights"] = list(class_weights)
    if NumberLoss(numbers, delta).name != "squared_error":
        settings["loss"] = numbers
    if delta is not None:
        settings["delta"] = real(delta, "delta")
    if tape_limit is not None:
        settings["tape_limit"] = 0 if tape_limit == "sqrt" else integer(tape_limit, "tape_limit", 1)
    if integer(sampled_classes, "sampled_classes", 0):
        settings["sampled_classes"] = sampled_classes
    own = _named(sampling, "sampling", SAMPLINGS)
    if own["sampling"] != "none":
        settings.update(own)
    return {key: _plain(value) for key, value in settings.items()}


def _plain(value: Any) -> Any:
    """A value as JSON gives it back: of numpy's numbers Python's, of tuples and arrays lists."""
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return value


def _with_plateau(settings: dict[str, Any]) -> dict[str, Any]:
    """The schedule "plateau" is a constant rate that reports of validation lower."""
    if settings["schedule"] != "plateau":
        return settings
    own: dict[str, Any] = {"plateau_patience": PLATEAU_PATIENCE}
    # A warm-up is of the constant rate; all else is the plateau's.
    own.update(
        {key if key == "warm_up" else f"plateau_{key}": value for key, value in settings.items() if key != "schedule"}
    )
    return own


def _named(value: Any, name: str, known: tuple[str, ...]) -> dict[str, Any]:
    """A name, or a mapping that has the name under its own key and further settings."""
    if isinstance(value, str):
        settings: dict[str, Any] = {name: value}
    elif isinstance(value, Mapping):
        settings = dict(value)
        if name not in settings:
            raise ValueError(f"{name}: expected a mapping with the key {name!r}, got {sorted(map(str, value))}")
    else:
        raise TypeError(f"{name}: expected a name or a mapping, got {type(value).__name__}")
    if not isinstance(settings[name], str) or settings[name] not in known:
        raise ValueError(f"{name}: expected one of {', '.join(map(repr, known))}, got {settings[name]!r}")
    return settings
