"""Training by the program: a model's fit with the arguments of a command, its files, and Ctrl-C."""

from __future__ import annotations

import argparse
import os
import re
import sys
from pathlib import Path
from typing import Any, Callable, Sequence

from .._errors import SwiftRNNError
from ..models import History, Model, Vocabulary
from ..models._training import OtherTraining
from ._failures import DataError, UsageError
from ._readers import name_of

STEPS_OF_EPOCH = 50
"""Steps that an epoch has at least, as far as data are enough."""


def make(build: Callable[[], Model]) -> Model:
    """A new model; arguments that do not fit together are errors of usage."""
    try:
        return build()
    except (SwiftRNNError, ValueError) as error:
        raise UsageError(f"no such model: {error}") from None


# ---- Files ----


def check_files(arguments: argparse.Namespace) -> None:
    """Refuses, before anything is computed, files that cannot be written or that would write over others, and a picture
    without matplotlib."""
    read = [arguments.file, getattr(arguments, "targets", None), getattr(arguments, "validation_targets", None)]
    read.append(arguments.validation if isinstance(arguments.validation, str) else None)
    if read.count("-") > 1:
        raise UsageError("the standard input is given as two files")
    taken = {os.path.realpath(path): path for path in read if path not in (None, "-")}
    for flag, path in (
        ("--output", arguments.output), ("--checkpoint", str(checkpoint_of(arguments))), ("--plot", arguments.plot)
    ):  # fmt: skip
        if path is None:
            continue
        if os.path.realpath(path) in taken:
            raise UsageError(f"{flag}: {path} is another file of this command, and would be written over")
        taken[os.path.realpath(path)] = path
        _check_writable(path)
    if arguments.plot is not None:
        _check_plot(arguments.plot)


def checkpoint_of(arguments: argparse.Namespace) -> Path:
    """Where the training is saved while it runs."""
    return Path(arguments.checkpoint or f"{arguments.output}.checkpoint")


def _clear(*paths: Path) -> None:
    """Removes what processes that were killed left of files which they were writing."""
    for path in paths:
        for other in path.absolute().parent.iterdir():
            found = re.fullmatch(re.escape(path.name) + r"\.tmp-(\d+)-[0-9a-f]+", other.name)
            if found and not _is_alive(int(found[1])):
                other.unlink(missing_ok=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True


def _check_writable(path: str) -> None:
    folder = Path(path).absolute().parent
    if not folder.is_dir():
        raise DataError(f"{path}: there is no folder {folder}")
    if Path(path).is_dir():
        raise DataError(f"{path}: is a folder")
    if not os.access(folder, os.W_OK):
        raise DataError(f"{path}: the folder {folder} cannot be written to")


def _check_plot(path: str) -> None:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise DataError("--plot needs matplotlib: pip install 'swiftrnn[plot]'") from None
    formats = Figure().canvas.get_supported_filetypes()
    suffix = Path(path).suffix.lower().removeprefix(".")
    if suffix not in formats:
        raise UsageError(f"--plot: {path} ends in no format of pictures: {', '.join(sorted(formats))}")


# ---- Settings ----


def _optimizer(arguments: argparse.Namespace) -> dict[str, Any]:
    settings: dict[str, Any] = {"optimizer": arguments.optimizer}
    if arguments.momentum is not None:
        if arguments.optimizer != "sgd":
            raise UsageError(f"--momentum: is of --optimizer sgd, not of {arguments.optimizer}")
        settings["momentum"] = arguments.momentum
    decay = arguments.weight_decay
    if decay is None and arguments.optimizer == "adamw":
        decay = 0.01
    if decay is not None:
        settings["weight_decay"] = decay
    return settings


def _schedule(arguments: argparse.Namespace, validated: bool) -> dict[str, Any]:
    name, factor, every = arguments.schedule, arguments.factor, arguments.factor_every
    if factor is not None and name not in ("step", "exponential", "plateau"):
        raise UsageError(f"--factor: is of the schedules step, exponential and plateau, not of {name}")
    if every is not None and name not in ("step", "plateau"):
        raise UsageError(f"--factor-every: is of the schedules step and plateau, not of {name}")
    if name in ("step", "exponential") and factor is None:
        raise UsageError(f"--schedule {name} needs --factor")
    if name == "step" and every is None:
        raise UsageError("--schedule step needs --factor-every")
    if name == "plateau" and not validated:
        raise UsageError("--schedule plateau needs --validation")
    schedule: dict[str, Any] = {"schedule": name}
    if arguments.warm_up:
        schedule["warm_up"] = arguments.warm_up
    if factor is not None:
        schedule["factor"] = factor
    if every is not None:
        schedule["patience" if name == "plateau" else "every"] = every
    return schedule


def held_out(arguments: argparse.Namespace, count: int, noun: str, read: Callable[[str], Any]) -> Any:
    """The validation's data of the arguments: of a file, or a share of `count` nouns; None: there are none."""
    wanted = arguments.validation
    if isinstance(wanted, str):
        return read(wanted)
    share = float(arguments.validation_default if wanted is None else wanted)
    if 0 < round(share * count) < count:
        return share
    if wanted:
        raise UsageError(f"--validation: {wanted:g} of {count} {noun} leaves nothing on one side")
    return None


def check_labels(path: str, labels: Sequence[tuple[int, str]], known: Vocabulary) -> None:
    """Refuses labels, each with its line, that a model lacks."""
    names = set(known.tokens)
    for line, label in labels:
        if label not in names:
            raise DataError(f"{name_of(path)}, line {line}: the model has no label {label!r}")


# ---- Training ----


def train(model: Model, data: Any, arguments: argparse.Namespace, validation: Any, **more: Any) -> None:
    """Trains the model and writes its file."""
    checkpoint = checkpoint_of(arguments)
    if arguments.patience is not None and validation is None:
        raise UsageError("--patience needs --validation")
    best, output = checkpoint.with_name(checkpoint.name + ".best"), Path(arguments.output)
    _clear(checkpoint, best, output)
    optimizer, schedule = _optimizer(arguments), _schedule(arguments, validation is not None)
    try:
        history = model.fit(
            data,
            epochs=arguments.epochs,
            optimizer=optimizer,
            rate=arguments.rate if arguments.rate is not None else (0.5 if arguments.optimizer == "sgd" else 0.003),
            schedule=schedule,
            validation=validation,
            patience=arguments.patience,
            clip=arguments.clip or None,
            label_smoothing=arguments.label_smoothing,
            seed=arguments.seed,
            progress=not arguments.quiet,
            checkpoint=checkpoint,
            resume=not arguments.restart,
            every=arguments.every,
            checkpoint_every=arguments.checkpoint_every,
            **more,
        )
    except OtherTraining as error:
        raise DataError(
            f"{error.checkpoint}: is of another training: {error.difference}. --restart begins anew, --checkpoint FILE "
            "keeps both"
        ) from None
    except FloatingPointError as error:
        raise DataError(f"{error}; then --restart") from None
    model.save(arguments.output)
    if arguments.plot is not None:
        history.plot(arguments.plot)
    for path in (checkpoint, best):
        path.unlink(missing_ok=True)
    _tell(model, history, arguments)


def _tell(model: Model, history: History, arguments: argparse.Namespace) -> None:
    best = history.best
    if history.stopped_early and best is not None and not arguments.quiet:
        print(f"ended early: the best report was at epoch {best.epoch:g}", file=sys.stderr)
    shown = best if arguments.patience is not None else history.reports[-1]
    print(f"saved {arguments.output}: {model.flat.size} parameters, {shown}")
    if arguments.plot is not None:
        print(f"saved {arguments.plot}: the learning curve")


def batch_size(arguments: argparse.Namespace, count: int, least: int = 4) -> int:
    """Sequences of a batch, of `count` sequences: where nothing is asked for, fewer than the default if an epoch would
    have too few steps otherwise."""
    default = int(arguments.batch_size_default)
    return int(arguments.batch_size or max(least, min(default, count // STEPS_OF_EPOCH)))
