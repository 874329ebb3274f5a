"""Files that a training reads and writes: checked before anything is computed, so that none is lost."""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path

from ..errors import SwiftRNNValueError
from ..models import Model, Trainer
from ..models._training import BEST_KEY
from ._failures import DataError, UsageError
from ._loading import check_path, read_model


def check_files(arguments: argparse.Namespace) -> None:
    """Refuses, before anything is computed, files that cannot be written or that would write over others, and a picture
    without matplotlib."""
    read = [arguments.file, arguments.start]
    read += [getattr(arguments, name, None) for name in ("targets", "validation_targets")]
    read.append(arguments.validation if isinstance(arguments.validation, str) else None)
    if read.count("-") > 1:
        raise UsageError("the standard input is given as two files")
    taken = {os.path.realpath(path): path for path in read if path not in (None, "-")}
    for flag, path in (
        ("--output", arguments.output), ("--checkpoint", str(checkpoint_of(arguments))),
        ("--checkpoint", str(best_of(arguments))), ("--plot", arguments.plot),
    ):  # fmt: skip
        if path is None:
            continue
        if os.path.realpath(path) in taken:
            raise UsageError(f"{flag}: {path} is another file of this command, and would be written over")
        taken[os.path.realpath(path)] = path
        _check_writable(path)
    if os.path.exists(arguments.output) and not arguments.overwrite:
        raise UsageError(
            f"--output: {arguments.output} is there already: --overwrite replaces it when the training is over, -o "
            "FILE writes another file"
        )
    if os.path.exists(arguments.output):
        _check_replaced("--overwrite", arguments.output)
    if arguments.restart and checkpoint_of(arguments).exists():
        _check_restarted(str(checkpoint_of(arguments)))
    if best_of(arguments).exists():
        _check_best(str(best_of(arguments)))
    if arguments.plot is not None:
        _check_plot(arguments.plot)
        if os.path.exists(arguments.plot) and not arguments.overwrite:
            raise UsageError(f"--plot: {arguments.plot} is there already: --overwrite replaces it")


def _check_replaced(flag: str, path: str) -> Model:
    """Refuses to replace a file that is no model: its name was meant for another option, most likely."""
    try:
        return read_model(path)
    except DataError as error:
        raise DataError(f"{flag}: only models are replaced: {error}: remove the file, or give another name") from None


def _check_restarted(path: str) -> None:
    """Refuses to begin anew over a finished model."""
    _check_replaced("--restart", path)
    try:
        Trainer.load(path)
    except SwiftRNNValueError:
        raise DataError(
            f"--restart: {path} is a model, and no checkpoint: remove the file, or give --checkpoint another name"
        ) from None


def _check_best(path: str) -> None:
    """Refuses to replace a file that no training has written for its best parameters."""
    if _check_replaced("--checkpoint", path).get_metadata(BEST_KEY) is None:
        raise DataError(
            f"--checkpoint: {path} is a model, and not the best parameters of a training: remove the file, or give "
            "--checkpoint another name"
        )


def checkpoint_of(arguments: argparse.Namespace) -> Path:
    """Where the training is saved while it runs."""
    return Path(arguments.checkpoint or f"{arguments.output}.checkpoint")


def best_of(arguments: argparse.Namespace) -> Path:
    """Where the best parameters so far are, of a training with --patience."""
    checkpoint = checkpoint_of(arguments)
    return checkpoint.with_name(checkpoint.name + ".best")


def clear(*paths: Path) -> None:
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
    check_path(path)
    folder = Path(path).absolute().parent
    if not folder.is_dir():
        raise DataError(f"{path}: there is no folder {folder}")
    if Path(path).is_dir():
        raise DataError(f"{path}: is a folder")
    if Path(path).exists() and not Path(path).is_file():
        raise DataError(f"{path}: is a device or a pipe, and no file that could be replaced")
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
