"""Training by the program: a model's fit with the arguments of a command, its files, and Ctrl-C."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, Callable, Iterable, Sequence, TypeVar

from ..errors import SwiftRNNError, SwiftRNNFileError, SwiftRNNMemoryError
from ..models import History, Model, Vocabulary
from ..models._training import OtherTraining
from ._checkpoints import difference
from ._failures import DataError, Failed, UsageError, note
from ._options import RATE, RATE_OF_SGD
from ._readers import counted, name_of
from ._settings import optimizer_settings, schedule_settings
from ._training_files import best_of, checkpoint_of, clear

_Kind = TypeVar("_Kind", bound=Model)

STEPS_OF_EPOCH = 50
"""Steps that an epoch has at least, as far as data are enough."""


def make(build: Callable[[], _Kind]) -> _Kind:
    """A new model; arguments that do not fit together are errors of usage."""
    try:
        return build()
    except SwiftRNNMemoryError as error:
        raise Failed(f"a model of this size does not fit into memory: {error.message}") from None
    except (SwiftRNNError, ValueError) as error:
        reason = error.message if isinstance(error, SwiftRNNError) else error
        raise UsageError(f"no such model: {reason}") from None


# ---- Data ----


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
    if wanted is None:
        whole = counted(count, noun.removesuffix("s"))
        note(f"no validation: {share:g} of {whole} is nothing; --validation FILE gives other data")
    return None


def check_labels(path: str, labels: Sequence[tuple[int, str]], known: Vocabulary) -> None:
    """Refuses labels, each with its line, that a model lacks."""
    names = set(known.tokens)
    for line, label in labels:
        if label not in names:
            raise DataError(f"{name_of(path)}, line {line}: the model has no label {label!r}")


def in_bytes(texts: Iterable[str]) -> list[bytes]:
    """Texts that were read from files, for the package: as a str one might be the path of a file, and be refused."""
    return [text.encode() for text in texts]


# ---- Training ----


def train(model: Model, data: Any, arguments: argparse.Namespace, validation: Any, **more: Any) -> None:
    """Trains the model and writes its file."""
    checkpoint = checkpoint_of(arguments)
    if arguments.patience is not None and validation is None:
        raise UsageError("--patience: there is no validation to judge by: --validation FILE, or a larger SHARE")
    best, output = best_of(arguments), Path(arguments.output)
    clear(checkpoint, best, output)
    optimizer, schedule = optimizer_settings(arguments), schedule_settings(arguments, validation is not None)
    rate = RATE_OF_SGD if arguments.optimizer == "sgd" else RATE
    try:
        history = model.fit(
            data,
            epochs=arguments.epochs,
            optimizer=optimizer,
            rate=rate if arguments.rate is None else arguments.rate,
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
            f"{error.checkpoint}: is of another training: {difference(error, arguments)}. --restart begins anew, "
            "--checkpoint FILE keeps both"
        ) from None
    except FloatingPointError as error:
        what = str(error).partition(":")[0]  # what follows are arguments of Python
        again = "; --restart begins anew" if checkpoint.exists() else ""
        raise Failed(f"{what}: a lower --rate may help, or --clip 1{again}") from None
    except SwiftRNNFileError as error:
        raise Failed(error.message) from None
    try:
        model.save(arguments.output)
    except SwiftRNNFileError as error:
        advice = f"the training is saved in {checkpoint}, and the same command goes on from there"
        raise Failed(f"{error.message}: {advice}") from None
    if arguments.plot is not None:
        history.plot(arguments.plot)
    checkpoint.unlink(missing_ok=True)
    if arguments.patience is not None:
        best.unlink(missing_ok=True)
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
