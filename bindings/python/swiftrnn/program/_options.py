"""Options that several commands have. Each help text ends with the default, "(default: ...)", unless the option is a
switch that is off, or has to be given to mean anything."""

from __future__ import annotations

import argparse
from typing import Any

from ..models._settings import RATES, SCHEDULES
from ..models._vocabulary import KINDS
from ._argument_types import CELLS, cell, cell_size, column, columns, cutoffs, delimiter, number, validation, whole
from ._further import add_from

TABLES = "CSV and TSV files"
RATE, RATE_OF_SGD, DECAY_OF_ADAMW = 0.003, 0.5, 0.01
"""Learning rates and weight decay where none is given."""
ADAPTIVE_DIVISOR = 4
"""The divisor of an adaptive softmax, where none is given."""
TOP_K, TOP_P, LENGTH_PENALTY = 0, 1.0, 0.0
"""Settings of writing where none is given."""
_INFINITY = float("inf")


def add_model(parser: argparse.ArgumentParser, output: str, hidden: int, *, bidirectional: bool | None = None) -> Any:
    """Options of a new model; returns their group."""
    group = parser.add_argument_group("model")
    group.add_argument("-o", "--output", metavar="FILE", default=output,
                       help="the model's file, which must not be there yet (default: %(default)s)")
    group.add_argument(
        "--overwrite", action="store_true", help="replace the files of --output and --plot, if they are there"
    )
    add_from(group)
    group.add_argument("--cell", type=cell, default="lstm", metavar="CELL",
                       help=f"{', '.join(CELLS)}, another cell of the library, or a text of equations "
                       "(default: %(default)s)")
    group.add_argument("--size", type=cell_size, action="append", default=[], metavar="NAME=K", dest="sizes",
                       help="a size that the cell's equations name, such as P=64 of lstm_projected; may be repeated")
    group.add_argument("--hidden", type=whole(1), default=hidden, metavar="H",
                       help="hidden units of each layer and direction (default: %(default)s)")
    group.add_argument("--embedding", type=whole(1), metavar="E",
                       help="numbers of a token's vector (default: those of --hidden)")
    group.add_argument("--layers", type=whole(1, 1024), default=1, metavar="L", help="layers (default: %(default)s)")
    group.add_argument("--dropout", type=number(0, 1, open_high=True), default=0.0, metavar="P",
                       help="share of numbers that training leaves out (default: %(default)g)")
    group.add_argument("--dtype", choices=("float32", "float64"), default="float32",
                       help="type of all numbers (default: %(default)s)")
    if bidirectional is not None:
        both = group.add_argument("--bidirectional", action=argparse.BooleanOptionalAction, default=bidirectional)
        # Here, since the action of Python 3.10 to 3.12 adds the default to the text that it is given.
        both.help = f"also read from the end (default: {'yes' if bidirectional else 'no'})"
    return group


def add_output(group: Any, tied: str) -> None:
    """Options of the output layer of a model that writes; `tied` is the embedding that the layer may share."""
    group.add_argument("--tie-embedding", action="store_true",
                       help=f"the last layer has the {tied} for its weights (E = H)")
    group.add_argument("--adaptive-cutoffs", type=cutoffs, metavar="K,...",
                       help="an adaptive softmax, for large vocabularies: the K most frequent tokens have the whole "
                       "width, those up to each further cutoff a narrower one (default: none, one softmax)")
    group.add_argument("--adaptive-divisor", type=whole(1), metavar="X",
                       help="how much narrower each further cluster of an adaptive softmax is "
                       f"(default: {ADAPTIVE_DIVISOR})")


def add_tokens(group: Any, default: str, flag: str = "--tokens", of: str = "texts") -> None:
    """The option that says what a token is."""
    group.add_argument(flag, choices=tuple(KINDS), default=default,
                       help=f"what a token of {of} is (default: %(default)s)")


def add_vocabulary(parser: argparse.ArgumentParser, *, lowercase: bool = True) -> Any:
    """Options of vocabularies; returns their group."""
    group = parser.add_argument_group("vocabulary")
    if lowercase:
        group.add_argument("--lowercase", action="store_true", help="words in lower case")
    group.add_argument("--minimum-count", type=whole(1), default=1, metavar="K",
                       help="tokens that are there less often are <unk> (default: %(default)s)")
    group.add_argument("--maximum-size", type=whole(1, 1 << 24), metavar="K", help="tokens at most (default: all)")
    return group


def add_training(parser: argparse.ArgumentParser, epochs: int, batch_size: int, share: float) -> None:
    """Options of a training."""
    group = parser.add_argument_group("training")
    group.add_argument("--epochs", type=whole(1), default=epochs, metavar="K",
                       help="times that the data are gone through (default: %(default)s)")
    group.add_argument("--batch-size", type=whole(1, 65536), metavar="N",
                       help=f"sequences of a batch (default: {batch_size}, fewer where data are few)")
    _add_optimizer(group)
    group.add_argument("--clip", type=number(0, _INFINITY), default=1.0, metavar="NORM",
                       help="largest norm of the gradients; 0: not clipped (default: %(default)g)")
    group.add_argument("--label-smoothing", type=number(0, 1), default=0.0, metavar="EPS",
                       help="share of a target's probability that goes to all tokens or labels alike "
                       "(default: %(default)g)")
    group.add_argument("--validation", type=validation, metavar="FILE|SHARE",
                       help=f"data of the same form, or the share that is held out; 0: none (default: {share:g})")
    group.add_argument("--patience", type=whole(0), metavar="K",
                       help="end after more than K reports without a smaller validation loss (default: train to the "
                       "end)")
    group.add_argument("--seed", type=whole(0, 2**63 - 1), default=0, metavar="K",
                       help="the same seed, the same model (default: %(default)s)")
    group.add_argument("--every", type=whole(1), metavar="K", help="steps between reports (default: one epoch)")
    group.add_argument("--checkpoint", metavar="FILE",
                       help="where the training is saved while it runs (default: the model's file with .checkpoint "
                       "behind)")
    group.add_argument("--checkpoint-every", type=whole(1), metavar="K",
                       help="steps between checkpoints (default: each report, and once a minute)")
    group.add_argument("--restart", action="store_true", help="do not go on from the checkpoint, if there is one")
    group.add_argument("-q", "--quiet", action="store_true", help="no progress")
    group.add_argument("--plot", metavar="FILE",
                       help="a picture of the learning curve, such as curve.png; needs matplotlib")
    parser.set_defaults(batch_size_default=batch_size, validation_default=share)
    add_common(parser)


def _add_optimizer(group: Any) -> None:
    group.add_argument("--optimizer", choices=tuple(RATES), default="adam",
                       help="how gradients change parameters (default: %(default)s)")
    group.add_argument("--momentum", type=number(0, 1, open_high=True), metavar="M", help="of sgd (default: 0)")
    group.add_argument("--weight-decay", type=number(0, _INFINITY, open_high=True), metavar="W",
                       help=f"pull of the parameters to 0 (default: 0, of adamw {DECAY_OF_ADAMW:g})")
    group.add_argument("--rate", type=number(0, _INFINITY, open_low=True, open_high=True), metavar="R",
                       help=f"learning rate (default: {RATE:g}, of sgd {RATE_OF_SGD:g})")
    group.add_argument("--schedule", choices=SCHEDULES, default="cosine", help="of the rate (default: %(default)s)")
    group.add_argument("--warm-up", type=whole(0), default=0, metavar="K",
                       help="steps in which the rate rises (default: %(default)s)")
    group.add_argument("--factor", type=number(0, 1, open_low=True), metavar="X",
                       help="what the schedules step, exponential and plateau multiply the rate with (default: of "
                       "plateau 0.1; others need it)")
    group.add_argument("--factor-every", type=whole(1), metavar="K",
                       help="of step: steps between two factors; of plateau: reports without a smaller validation loss "
                       "before a factor (default: of plateau 10; step needs it)")


def add_table(parser: argparse.ArgumentParser, names: tuple[str, ...]) -> None:
    """Options that say where the columns of a CSV or TSV file are."""
    group = parser.add_argument_group(TABLES)
    group.add_argument("--columns", type=columns(names), metavar=",".join(names),
                       help="numbers from 1 on, or names in the first row (default: 1,2 of files with two columns; "
                       "others need it)")
    _add_form(group)


def _add_form(group: Any) -> None:
    group.add_argument("--header", action=argparse.BooleanOptionalAction, default=None,
                       help="whether the first row is a header (default: yes, if columns have names or the row has "
                       "nothing but usual names, such as text and label)")
    group.add_argument("--delimiter", type=delimiter, metavar="C",
                       help="between columns: a character, tab, comma, semicolon or space (default: a comma in .csv "
                       "files, else a tab)")


def add_common(parser: argparse.ArgumentParser) -> None:
    """Options of every command that computes."""
    group = parser.add_argument_group("other")
    group.add_argument("--threads", type=whole(1, 1024), metavar="K", help="threads (default: those of the machine)")


def add_source(parser: argparse.ArgumentParser, what: str) -> None:
    """Arguments that say where the texts are that a command works on."""
    parser.add_argument("file", metavar="FILE", nargs="?", default="-",
                        help=f"{what}; or a CSV or TSV file (default: the standard input)")
    group = parser.add_argument_group(TABLES)
    group.add_argument("--column", type=column, metavar="COLUMN",
                       help="FILE is CSV or TSV, and this column has the texts: its number from 1 on, or its name in "
                       "the first row (default: the only column of a file whose name ends in .csv or .tsv)")
    _add_form(group)


def add_search(parser: argparse.ArgumentParser, temperature: float) -> None:
    """Options of writing."""
    group = parser.add_argument_group("writing")
    group.add_argument("--temperature", type=number(0, _INFINITY, open_high=True), metavar="T",
                       help=f"0: the likeliest token; 1: as the model says (default: {temperature:g})")
    group.add_argument("--top-k", type=whole(0), metavar="K", help="only the K likeliest tokens (default: all)")
    group.add_argument("--top-p", type=number(0, 1, open_low=True), metavar="P",
                       help=f"only the likeliest tokens that together have P (default: {TOP_P:g})")
    group.add_argument("--repetition-penalty", type=number(0, _INFINITY, open_low=True, open_high=True), default=1.0,
                       metavar="X", help="above 1: of tokens that are there already (default: %(default)g)")
    group.add_argument("--beams", type=whole(1, 4096), default=1, metavar="B",
                       help="beams of a search, in the place of drawing (default: %(default)s, no search)")
    group.add_argument("--length-penalty", type=number(0, 100), metavar="A",
                       help=f"of a search: larger for longer texts (default: {LENGTH_PENALTY:g})")
    group.add_argument("--seed", type=whole(0, 2**63 - 1), metavar="K",
                       help="the same seed, the same text (default: another text each time)")
    parser.set_defaults(temperature_default=temperature)
