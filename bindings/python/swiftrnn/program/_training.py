"""Training by the program: a model's fit with the arguments of a command, its files, and Ctrl-C."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any, Callable

from .._errors import SwiftRNNError
from ..models import Model
from ._failures import DataError, UsageError


def make(build: Callable[[], Model]) -> Model:
    """A new model; arguments that do not fit together are errors of usage."""
    try:
        return build()
    except (SwiftRNNError, ValueError) as error:
        raise UsageError(f"no such model: {error}") from None


def check_outputs(arguments: argparse.Namespace) -> None:
    """Refuses, before anything is computed, files that cannot be written, and a picture without matplotlib."""
    for path in (arguments.output, arguments.checkpoint, arguments.plot):
        if path is None:
            continue
        folder = Path(path).absolute().parent
        if not folder.is_dir():
            raise DataError(f"{path}: there is no folder {folder}")
        if Path(path).is_dir():
            raise DataError(f"{path}: is a folder")
        if not os.access(folder, os.W_OK):
            raise DataError(f"{path}: the folder {folder} cannot be written to")
    if arguments.plot is not None:
        try:
            import matplotlib  # noqa: F401
        except ImportError:
            raise DataError("--plot needs matplotlib: pip install 'swiftrnn[plot]'") from None


def train(model: Model, data: Any, arguments: argparse.Namespace, validation: Any, **more: Any) -> None:
    """Trains the model and writes its file."""
    checkpoint = Path(arguments.checkpoint or f"{arguments.output}.checkpoint")
    schedule: Any = {"schedule": arguments.schedule}
    if arguments.warm_up:
        schedule["warm_up"] = arguments.warm_up
    rate = arguments.rate if arguments.rate is not None else (0.5 if arguments.optimizer == "sgd" else 0.003)
    if arguments.patience is not None and validation is None:
        raise UsageError("--patience needs --validation")
    history = model.fit(
        data,
        epochs=arguments.epochs,
        optimizer=arguments.optimizer,
        rate=rate,
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
    model.save(arguments.output)
    for path in (checkpoint, checkpoint.with_name(checkpoint.name + ".best")):
        path.unlink(missing_ok=True)
    if arguments.plot is not None:
        try:
            history.plot(arguments.plot)
        except (OSError, ValueError) as error:
            raise DataError(f"{arguments.plot}: {error}") from None
    if history.stopped_early and not arguments.quiet:
        print(f"ended early: the best report was at epoch {history.best.epoch:g}", file=sys.stderr)  # type: ignore[union-attr]
    print(f"saved {arguments.output}: {model.flat.size} parameters, {history.reports[-1]}")


def held_out(arguments: argparse.Namespace, count: int, read: Callable[[str], Any]) -> Any:
    """The validation's data of the arguments: of a file, or a share; None: there are none."""
    wanted = arguments.validation
    if wanted is None:
        share = float(arguments.validation_default)
        return share if round(share * count) >= 1 else None
    if isinstance(wanted, str):
        return read(wanted)
    return float(wanted) if wanted and 0 < round(wanted * count) < count else None


def batch_size(arguments: argparse.Namespace) -> int:
    """Sequences of a batch."""
    return int(arguments.batch_size or arguments.batch_size_default)
