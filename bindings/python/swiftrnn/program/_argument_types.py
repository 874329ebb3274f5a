"""Types of arguments: each reads the text of an argument, and refuses what makes no sense."""

from __future__ import annotations

import argparse
import csv
import difflib
from typing import Callable

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
    from ..cell import Cell, cells
    from ..errors import SwiftRNNError

    if text in CELLS:
        return text
    try:
        return Cell(text).text if "=" in text else _named_cell(text, [*CELLS, *cells()])
    except SwiftRNNError as error:
        raise argparse.ArgumentTypeError(f"is no cell: {error.message}") from None


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
    if len(made) != 1 or made in '"\r\n':
        raise argparse.ArgumentTypeError(f"expected one character, tab, comma, semicolon or space, got {text!r}")
    return made


def column(text: str) -> str:
    """Reads the number or name of a column."""
    if not text or (text.isdecimal() and int(text) == 0):
        raise argparse.ArgumentTypeError(f"{text!r} is no column: numbers begin with 1")
    return text


def columns(names: tuple[str, ...]) -> Callable[[str], tuple[str, ...]]:
    """Reads the numbers or names of columns, commas between: 1,3 or text,label; a name with a comma is in quotation
    marks."""

    def read(text: str) -> tuple[str, ...]:
        found = tuple(column(one.strip()) for one in next(csv.reader([text]), [""]))
        if len(found) != len(names):
            raise argparse.ArgumentTypeError(f"expected {','.join(names)}, such as 1,2 or names, got {text!r}")
        return found

    return read


def cutoffs(text: str) -> tuple[int, ...]:
    """Reads rising numbers of tokens, commas between."""
    found = tuple(whole(1)(one) for one in text.split(","))
    if any(low >= high for low, high in zip(found, found[1:])):
        raise argparse.ArgumentTypeError(f"expected rising numbers, got {text!r}")
    return found
