"""The program `swiftrnn`: trains and uses models from the command line. ``swiftrnn --help`` lists its commands.

The program ends with status 0; with 2 where an argument or a file is wrong, before anything is computed; with 1 where
work could not be finished; with 130 after Ctrl-C, before which a training is saved: a message says where. Results go to
the standard output, everything else to the standard error.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import signal
import sys
import threading
import warnings
from typing import Iterator, Sequence

from .. import set_num_threads
from ..errors import SwiftRNNError, SwiftRNNMemoryError
from ..models import TrainingInterrupted
from ._commands import COMMANDS, make_parser
from ._failures import BROKEN_PIPE, FAILED, INTERRUPTED, USAGE, Failed, Refused, warn
from ._training_files import checkpoint_of

__all__ = ["COMMANDS", "main", "make_parser"]


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the program.

    Parameters
    ----------
    argv : sequence of str, optional
        Its arguments. None: those of the process.

    Returns
    -------
    status : int
        What the process is to end with.

    Raises
    ------
    SystemExit
        Help or the version was asked for, or the arguments do not parse: with the status.
    """
    arguments = make_parser().parse_args(argv)
    status, message = _run(arguments)
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        # Nothing is to be written at the exit, either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            return status or BROKEN_PIPE
        if status == 0:
            status, message = FAILED, f"{arguments.command}: error: the standard output: {error.strerror}"
    if message:
        print(f"swiftrnn {message}", file=sys.stderr)
    return status


def _run(arguments: argparse.Namespace) -> tuple[int, str]:
    """Runs a command; its status, and a message."""
    try:
        if isinstance(sys.stdout, io.TextIOWrapper):
            # Texts are UTF-8, whatever the locale; paths may have any bytes.
            sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")
        elif sys.stdout is None and not arguments.command.startswith("train-"):
            raise Failed("the standard output is closed: there is nowhere to print to")
        if getattr(arguments, "threads", None) is not None:
            set_num_threads(arguments.threads)
        with _told_warnings(), _ends_at_interrupt(not arguments.command.startswith("train-")):
            COMMANDS[arguments.command].run(arguments)
        return 0, ""
    except Refused as error:
        return USAGE, f"{arguments.command}: error: {error}"
    except TrainingInterrupted as interrupted:
        advice = "; the same command goes on from there" if interrupted.checkpoint else ""
        return INTERRUPTED, f"{arguments.command}: {interrupted}{advice}"
    except KeyboardInterrupt:
        # Outside of the training's loop, or the second one in it.
        saved = checkpoint_of(arguments) if arguments.command.startswith("train-") else None
        advice = f"; {saved} is there: the same command goes on from it" if saved and saved.exists() else ""
        return INTERRUPTED, f"{arguments.command}: interrupted{advice}"
    except BrokenPipeError:
        return BROKEN_PIPE, ""
    except (MemoryError, SwiftRNNMemoryError):
        return FAILED, f"{arguments.command}: error: there is not enough memory"
    except Failed as error:
        return FAILED, f"{arguments.command}: error: {error}"
    except SwiftRNNError as error:
        return USAGE, f"{arguments.command}: error: {error.message}"
    except (ValueError, TypeError) as error:
        return USAGE, f"{arguments.command}: error: {error}"
    except OSError as error:
        # Files are read and written with their names; what is left is what commands print.
        where = f"{error.filename}: " if error.filename else "the standard output: "
        return FAILED, f"{arguments.command}: error: {where}{error.strerror or error}"
    except RuntimeError as error:
        return FAILED, f"{arguments.command}: error: {error}"


@contextlib.contextmanager
def _told_warnings() -> Iterator[None]:
    """Warnings of the package are lines of the program, without a place in a source."""
    with warnings.catch_warnings():
        warnings.simplefilter("once", UserWarning)
        warnings.showwarning = lambda message, *_, **__: warn(str(message))
        yield


@contextlib.contextmanager
def _ends_at_interrupt(wanted: bool) -> Iterator[None]:
    """Ctrl-C ends the process at once, in the middle of a call of the library, too: there is nothing to save."""
    main_thread = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGINT)
    if not (wanted and main_thread and before is signal.default_int_handler):
        yield
        return
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
