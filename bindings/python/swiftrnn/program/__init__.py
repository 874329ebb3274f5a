"""The program `swiftrnn`: trains and uses models from the command line. ``swiftrnn --help`` lists its commands.

It ends with status 0; with 1 where a file is missing or does not have what it should; with 2 where an argument is wrong;
with 130 after Ctrl-C, before which a training is saved; a message says where. Results go to the standard output, all else to the standard
error.
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import io
import os
import signal
import sys
import threading
from typing import Callable, Iterator, NamedTuple, NoReturn, Sequence

from .. import set_num_threads
from .._errors import SwiftRNNError
from .._version import __version__
from ..models import TrainingInterrupted
from . import _classification, _info, _language, _tagging, _translation
from ._failures import BROKEN_PIPE, DATA, INTERRUPTED, USAGE, DataError, UsageError
from ._training import checkpoint_of


class Command(NamedTuple):
    """A command of the program: what it does, what it is told, and examples."""

    run: Callable[[argparse.Namespace], None]
    add: Callable[[argparse.ArgumentParser], None]
    summary: str
    examples: str


COMMANDS = {
    "train-lm": Command(
        _language.train_lm, _language.add_train, "train a language model on a text",
        "swiftrnn train-lm book.txt -o book.safetensors\n"
        "swiftrnn train-lm news.txt --tokens words --minimum-count 3 --layers 2 --dropout 0.3 --epochs 20\n"
        "swiftrnn train-lm names.txt --lines -o names.safetensors --plot names.png",
    ),
    "sample": Command(
        _language.sample, _language.add_sample, "write text with a language model",
        "swiftrnn sample book.safetensors --prompt 'Once upon a time'\n"
        "swiftrnn sample book.safetensors --temperature 1 --top-p 0.9 --seed 1 --count 5",
    ),
    "score": Command(
        _language.score, _language.add_score, "tell how good a model is on a file",
        "swiftrnn score book.safetensors test.txt\n"
        "swiftrnn score book.safetensors sentences.txt --lines\n"
        "swiftrnn score tagger.safetensors test.tsv",
    ),
    "train-seq2seq": Command(
        _translation.train_seq2seq, _translation.add_train, "train an encoder and decoder on pairs of texts",
        "swiftrnn train-seq2seq pairs.tsv -o translate.safetensors\n"
        "swiftrnn train-seq2seq numbers.csv --columns number words --source-tokens characters\n"
        "swiftrnn train-seq2seq train.en train.de --validation dev.en --validation-targets dev.de --attention additive",
    ),
    "translate": Command(
        _translation.translate, _translation.add_translate, "write the target of each line",
        "swiftrnn translate translate.safetensors < sources.txt\n"
        "swiftrnn translate translate.safetensors sources.txt --beams 8 --length-penalty 0.6\n"
        "swiftrnn translate translate.safetensors numbers.csv --column number",
    ),
    "train-tagger": Command(
        _tagging.train_tagger, _tagging.add_train, "train a model that labels each token",
        "swiftrnn train-tagger train.tsv --validation dev.tsv -o tagger.safetensors\n"
        "swiftrnn train-tagger sentences.csv --layout rows --columns text tags",
    ),
    "tag": Command(
        _tagging.tag, _tagging.add_tag, "label each token of a text",
        "echo 'the cat sat' | swiftrnn tag tagger.safetensors\n"
        "swiftrnn tag tagger.safetensors sentences.txt --layout rows > tags.txt",
    ),
    "train-classifier": Command(
        _classification.train_classifier, _classification.add_train, "train a model that labels texts",
        "swiftrnn train-classifier reviews.csv --columns review sentiment -o reviews.safetensors\n"
        "swiftrnn train-classifier names.tsv --tokens characters --pooling last",
    ),
    "classify": Command(
        _classification.classify, _classification.add_classify, "label each line of a text",
        "swiftrnn classify reviews.safetensors < reviews.txt\n"
        "swiftrnn classify reviews.safetensors reviews.txt --probabilities",
    ),
    "info": Command(
        _info.info, _info.add_info, "print configuration, parameters and vocabularies of a file",
        "swiftrnn info book.safetensors\nswiftrnn info book.safetensors --json | python3 -m json.tool",
    ),
}  # fmt: skip


class Parser(argparse.ArgumentParser):
    """A parser of a command's arguments: files may come before, between and behind flags; what is unknown is refused with
    the command's usage and near names."""

    _mixes = False

    def parse_known_args(self, args=None, namespace=None):  # type: ignore[no-untyped-def]
        if self._subparsers is not None or self._mixes:
            return super().parse_known_args(args, namespace)
        self._mixes = True  # the method below calls this one
        try:
            found, rest = self.parse_known_intermixed_args(args, namespace)
        finally:
            self._mixes = False
        if rest:
            self._refuse(rest)
        return found, rest

    def _refuse(self, rest: list[str]) -> NoReturn:
        flags = [flag for action in self._actions for flag in action.option_strings]
        near = [difflib.get_close_matches(word.partition("=")[0], flags, 1) for word in rest if word.startswith("-")]
        hints = [found[0] for found in near if found]
        self.error(f"unrecognized arguments: {' '.join(rest)}" + (f" (did you mean {hints[0]}?)" if hints else ""))


def make_parser() -> argparse.ArgumentParser:
    """The program's arguments."""
    parser = argparse.ArgumentParser(
        prog="swiftrnn", description="Trains and uses recurrent networks: language models, encoders and decoders, "
        "taggers, classifiers.", epilog="swiftrnn COMMAND --help tells the arguments of a command, with examples.",
        allow_abbrev=False,
    )  # fmt: skip
    parser.add_argument("--version", action="version", version=f"swiftrnn {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)
    for name, command in COMMANDS.items():
        own = commands.add_parser(
            name, help=command.summary, description=f"{command.summary[0].upper()}{command.summary[1:]}.",
            epilog="examples:\n" + "\n".join(f"  {line}" for line in command.examples.splitlines()),
            formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False,
        )  # fmt: skip
        command.add(own)
    return parser


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
            status, message = DATA, f"{arguments.command}: error: the standard output: {error.strerror}"
    if message:
        print(f"swiftrnn {message}", file=sys.stderr)
    return status


def _run(arguments: argparse.Namespace) -> tuple[int, str]:
    """Runs a command; its status, and a message."""
    try:
        if isinstance(sys.stdout, io.TextIOWrapper):
            # Texts are UTF-8, whatever the locale; paths may have any bytes.
            sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")
        if getattr(arguments, "threads", None) is not None:
            set_num_threads(arguments.threads)
        with _ends_at_interrupt(not arguments.command.startswith("train-")):
            COMMANDS[arguments.command].run(arguments)
        return 0, ""
    except UsageError as error:
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
    except (DataError, SwiftRNNError, ValueError, TypeError) as error:
        return DATA, f"{arguments.command}: error: {error}"
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return DATA, f"{arguments.command}: error: {where}{error.strerror or error}"
    except MemoryError:
        return DATA, f"{arguments.command}: error: there is not enough memory"


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
