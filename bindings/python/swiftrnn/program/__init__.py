"""The program `swiftrnn`: trains and uses models from the command line. ``swiftrnn --help`` lists its commands.

It ends with status 0; with 1 where a file is missing or does not have what it should; with 2 where an argument is wrong;
with 130 after Ctrl-C, which saves a training and says where. Results go to the standard output, all else to the standard
error.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import Callable, NamedTuple, Sequence

from .. import set_num_threads
from .._errors import SwiftRNNError
from .._version import __version__
from ..models import TrainingInterrupted
from . import _classification, _info, _language, _tagging, _translation
from ._failures import BROKEN_PIPE, DATA, INTERRUPTED, USAGE, DataError, UsageError


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
        "swiftrnn train-lm news.txt --tokens words --minimum-count 3 --layers 2 --dropout 0.3 --epochs 20",
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
        "swiftrnn train-seq2seq train.en train.de --attention additive",
    ),
    "translate": Command(
        _translation.translate, _translation.add_translate, "write the target of each line",
        "swiftrnn translate translate.safetensors < sources.txt\n"
        "swiftrnn translate translate.safetensors sources.txt --beams 8 --length-penalty 0.6",
    ),
    "train-tagger": Command(
        _tagging.train_tagger, _tagging.add_train, "train a model that labels each token",
        "swiftrnn train-tagger train.tsv --validation dev.tsv -o tagger.safetensors\n"
        "swiftrnn train-tagger sentences.csv --layout rows --columns text tags",
    ),
    "tag": Command(
        _tagging.tag, _tagging.add_tag, "label each token of a text",
        "echo 'the cat sat' | swiftrnn tag tagger.safetensors",
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
        "swiftrnn info book.safetensors",
    ),
}  # fmt: skip


def make_parser() -> argparse.ArgumentParser:
    """The program's arguments."""
    parser = argparse.ArgumentParser(
        prog="swiftrnn", description="Trains and uses recurrent networks: language models, encoders and decoders, "
        "taggers, classifiers.", epilog="swiftrnn COMMAND --help tells the arguments of a command, with examples.",
        allow_abbrev=False,
    )  # fmt: skip
    parser.add_argument("--version", action="version", version=f"swiftrnn {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
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
    """
    parser = make_parser()
    arguments = parser.parse_args(argv)
    try:
        if getattr(arguments, "threads", None) is not None:
            set_num_threads(arguments.threads)
        COMMANDS[arguments.command].run(arguments)
        sys.stdout.flush()
        return 0
    except UsageError as error:
        return _failed(USAGE, f"{arguments.command}: error: {error}")
    except TrainingInterrupted as interrupted:
        advice = "the same command goes on from there" if interrupted.checkpoint else ""
        return _failed(INTERRUPTED, f"{interrupted}" + (f"; {advice}" if advice else ""))
    except KeyboardInterrupt:
        return _failed(INTERRUPTED, "interrupted")
    except BrokenPipeError:
        # The reader is gone: nothing is to be written at the exit, either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except (DataError, SwiftRNNError, ValueError, TypeError, FloatingPointError) as error:
        return _failed(DATA, f"{arguments.command}: error: {error}")
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _failed(DATA, f"{arguments.command}: error: {where}{error.strerror or error}")
    except MemoryError:
        return _failed(DATA, f"{arguments.command}: error: there is not enough memory")


def _failed(status: int, message: str) -> int:
    print(f"swiftrnn {message}" if ": error: " in message else f"swiftrnn: {message}", file=sys.stderr)
    return status
