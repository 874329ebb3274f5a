"""Arguments that several commands have, and the types that check them."""

from __future__ import annotations

import argparse
import difflib
from typing import Any, Callable

from ..models._settings import RATES, SCHEDULES
from ..models._vocabulary import KINDS

CELLS = ("lstm", "gru", "gru_before", "rnn", "rnn_relu")


def whole(low: int, high: int = 2**31) -> Callable[[str], int]:
    """Reads a whole number in low...high."""

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"expected a whole number, got {text!r}") from None
        if not low <= number <= high:
            raise argparse.ArgumentTypeError(f"{number} is outside {low}...{high}")
        return number

    return read


def number(low: float, high: float, *, open_low: bool = False, open_high: bool = False) -> Callable[[str], float]:
    """Reads a number from `low` to `high`; an open end is not allowed itself."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"expected a number, got {text!r}") from None
        inside = (low < value if open_low else low <= value) and (value < high if open_high else value <= high)
        if not inside:
            ends = f"{'(' if open_low else '['}{low:g}, {high:g}{')' if open_high else ']'}"
            raise argparse.ArgumentTypeError(f"{text} is outside {ends}")
        return value

    return read


def cell(text: str) -> str:
    """Reads the name of a cell, or a text of equations, by making it."""
    from .._equations import Cell, cells
    from .._errors import SwiftRNNError

    if text in CELLS:
        return text
    try:
        return Cell(text).text if "=" in text else _named_cell(text, [*CELLS, *cells()])
    except SwiftRNNError as error:
        raise argparse.ArgumentTypeError(f"is no cell: {error}") from None


def _named_cell(text: str, known: list[str]) -> str:
    if text in known:
        return text
    near = difflib.get_close_matches(text, sorted(set(known)), 3)
    hint = f" (did you mean {' or '.join(near)}?)" if near else ""
    raise argparse.ArgumentTypeError(f"there is no cell {text!r}{hint}: {', '.join(CELLS)}, or one of swiftrnn.cells()")


def cell_size(text: str) -> tuple[str, int]:
    """Reads NAME=K."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"expected NAME=K, got {text!r}")
    return name, whole(1)(value)


def validation(text: str) -> float | str:
    """Reads a share of the data, or the path of a file."""
    try:
        share = float(text)
    except ValueError:
        return text
    if not 0 <= share < 1:
        raise argparse.ArgumentTypeError(f"{text} is no share in [0, 1), and no file")
    return share


def delimiter(text: str) -> str:
    """Reads one character, or its name."""
    made = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "space": " "}.get(text, text)
    if len(made) != 1:
        raise argparse.ArgumentTypeError(f"expected one character, tab, comma, semicolon or space, got {text!r}")
    return made


def add_model(parser: argparse.ArgumentParser, output: str, hidden: int, *, bidirectional: bool | None = None) -> None:
    """Arguments of a new model."""
    group = parser.add_argument_group("model")
    group.add_argument("-o", "--output", metavar="FILE", default=output, help=f"the model's file (default: {output})")
    group.add_argument("--cell", type=cell, default="lstm", metavar="CELL",
                       help=f"{', '.join(CELLS)}, another cell of the library, or a text of equations (default: lstm)")
    group.add_argument("--size", type=cell_size, action="append", default=[], metavar="NAME=K", dest="sizes",
                       help="a size that the cell's equations name, such as P=64 of lstm_projected; may be repeated")
    group.add_argument("--hidden", type=whole(1), default=hidden, metavar="H",
                       help=f"hidden units of each layer and direction (default: {hidden})")
    group.add_argument("--embedding", type=whole(1), metavar="E", help="numbers of a token's vector (default: H)")
    group.add_argument("--layers", type=whole(1, 1024), default=1, metavar="L", help="layers (default: 1)")
    group.add_argument("--dropout", type=number(0, 1, open_high=True), default=0.0, metavar="P",
                       help="share of numbers that training leaves out (default: 0)")
    group.add_argument("--dtype", choices=("float32", "float64"), default="float32",
                       help="of all numbers (default: float32)")
    if bidirectional is not None:
        group.add_argument("--bidirectional", action=argparse.BooleanOptionalAction, default=bidirectional,
                           help=f"also read from the end (default: {'yes' if bidirectional else 'no'})")


def add_tokens(parser: Any, default: str, flag: str = "--tokens", of: str = "texts") -> None:
    """The argument that says what a token is."""
    parser.add_argument(flag, choices=tuple(KINDS), default=default, help=f"what a token of {of} is (default: {default})")


def add_vocabulary(parser: argparse.ArgumentParser, *, lowercase: bool = True) -> Any:
    """Arguments of vocabularies; returns their group."""
    group = parser.add_argument_group("vocabulary")
    if lowercase:
        group.add_argument("--lowercase", action="store_true", help="words in lower case")
    group.add_argument("--minimum-count", type=whole(1), default=1, metavar="K",
                       help="tokens that are there less often are <unk> (default: 1)")
    group.add_argument("--maximum-size", type=whole(1, 1 << 24), metavar="K", help="tokens at most (default: all)")
    return group


def add_training(parser: argparse.ArgumentParser, epochs: int, batch_size: int, share: float) -> None:
    """Arguments of a training."""
    group = parser.add_argument_group("training")
    group.add_argument("--epochs", type=whole(1), default=epochs, metavar="K",
                       help=f"times that the data are gone through (default: {epochs})")
    group.add_argument("--batch-size", type=whole(1, 65536), metavar="N", 
                       help=f"sequences of a batch (default: {batch_size}, fewer where data are few)")
    group.add_argument("--optimizer", choices=tuple(RATES), default="adam", help="default: adam")
    group.add_argument("--momentum", type=number(0, 1, open_high=True), metavar="M", help="of sgd (default: 0)")
    group.add_argument("--weight-decay", type=number(0, float("inf"), open_high=True), metavar="W",
                       help="default: 0, of adamw 0.01")
    group.add_argument("--rate", type=number(0, float("inf"), open_low=True, open_high=True), metavar="R",
                       help="learning rate (default: 0.003, of sgd 0.5)")
    group.add_argument("--schedule", choices=SCHEDULES, default="cosine", help="of the rate (default: cosine)")
    group.add_argument("--warm-up", type=whole(0), default=0, metavar="K",
                       help="steps in which the rate rises (default: 0)")
    group.add_argument("--factor", type=number(0, 1, open_low=True), metavar="X",
                       help="what the schedules step, exponential and plateau multiply the rate with")
    group.add_argument("--factor-every", type=whole(1), metavar="K",
                       help="of step: steps between two factors; of plateau: reports without a smaller validation loss "
                       "before a factor (default: 10)")
    group.add_argument("--clip", type=number(0, float("inf")), default=1.0, metavar="NORM",
                       help="largest norm of the gradients; 0: not clipped (default: 1)")
    group.add_argument("--label-smoothing", type=number(0, 1), default=0.0, metavar="EPS", help="default: 0")
    group.add_argument("--validation", type=validation, metavar="FILE|SHARE",
                       help=f"data of the same form, or the share that is held out; 0: none (default: {share})")
    group.add_argument("--patience", type=whole(0), metavar="K",
                       help="end after more than K reports without a smaller validation loss")
    group.add_argument("--seed", type=whole(0, 2**63 - 1), default=0, metavar="K",
                       help="the same seed, the same model (default: 0)")
    group.add_argument("--every", type=whole(1), metavar="K", help="steps between reports (default: one epoch)")
    group.add_argument("--checkpoint", metavar="FILE", help="default: the model's file with .checkpoint behind")
    group.add_argument("--checkpoint-every", type=whole(1), metavar="K",
                       help="steps between checkpoints (default: each report, and once a minute)")
    group.add_argument("--restart", action="store_true", help="do not go on from the checkpoint, if there is one")
    group.add_argument("-q", "--quiet", action="store_true", help="no progress")
    group.add_argument("--plot", metavar="FILE", help="a picture of the learning curve, such as curve.png; needs matplotlib")
    parser.set_defaults(batch_size_default=batch_size, validation_default=share)
    add_common(parser)


def add_table(parser: argparse.ArgumentParser, names: tuple[str, ...], default: tuple[str, ...]) -> None:
    """Arguments that say where the columns of a CSV or TSV file are."""
    group = parser.add_argument_group("CSV and TSV files")
    group.add_argument("--columns", nargs=len(names), metavar=names, default=list(default), type=column,
                       help=f"numbers from 1 on, or names in the first row (default: {' '.join(default)})")
    _add_form(group)


def _add_form(group: Any) -> None:
    group.add_argument("--header", action="store_true", help="the first row is a header; it is, if columns have names")
    group.add_argument("--delimiter", type=delimiter, metavar="C",
                       help="between columns: a character, tab or comma (default: a comma in .csv files, else a tab)")


def column(text: str) -> str:
    """Reads the number or name of a column."""
    if not text or (text.isdecimal() and int(text) == 0):
        raise argparse.ArgumentTypeError(f"{text!r} is no column: numbers begin with 1")
    return text


def add_common(parser: argparse.ArgumentParser) -> None:
    """Arguments of every command that computes."""
    group = parser.add_argument_group("other")
    group.add_argument("--threads", type=whole(1, 4096), metavar="K", help="threads (default: those of the machine)")


def add_source(parser: argparse.ArgumentParser, what: str) -> None:
    """Arguments that say where the texts are that a command works on."""
    parser.add_argument("file", metavar="FILE", nargs="?", default="-", help=f"{what} (default: the standard input)")
    group = parser.add_argument_group("CSV and TSV files")
    group.add_argument("--column", type=column, metavar="COLUMN",
                       help="FILE is CSV or TSV, and this column has the texts: its number from 1 on, or its name in the "
                       "first row")
    _add_form(group)


def add_search(parser: argparse.ArgumentParser, temperature: float) -> None:
    """Arguments of writing."""
    group = parser.add_argument_group("writing")
    group.add_argument("--temperature", type=number(0, float("inf"), open_high=True), default=temperature, metavar="T",
                       help=f"0: the likeliest token; 1: as the model says (default: {temperature:g})")
    group.add_argument("--top-k", type=whole(0), default=0, metavar="K", help="only the K likeliest tokens (default: all)")
    group.add_argument("--top-p", type=number(0, 1, open_low=True), default=1.0, metavar="P",
                       help="only the likeliest tokens that together have P (default: 1)")
    group.add_argument("--repetition-penalty", type=number(0, float("inf"), open_low=True, open_high=True), default=1.0,
                       metavar="X", help="above 1: of tokens that are there already (default: 1)")
    group.add_argument("--beams", type=whole(1, 4096), default=1, metavar="B",
                       help="beams of a search, in the place of drawing (default: 1, no search)")
    group.add_argument("--length-penalty", type=number(0, 100), default=0.0, metavar="A",
                       help="of a search: larger for longer texts (default: 0)")
    group.add_argument("--seed", type=whole(0, 2**63 - 1), metavar="K", help="the same seed, the same text")
