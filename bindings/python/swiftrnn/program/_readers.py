"""Files that the program reads: plain text, CSV and TSV. Errors say which line of which file, and what was expected."""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path
from typing import Iterator, NamedTuple, Sequence

from ._failures import DataError


def read_bytes(path: str) -> bytes:
    """All of a file; "-" is the standard input."""
    if path == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from None


def read_text(path: str) -> str:
    """All of a file of UTF-8; a byte order mark is left out."""
    data = read_bytes(path)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(f"{name_of(path)}, line {line}: is no UTF-8 ({error.reason} at byte {error.start})") from None


def read_lines(path: str) -> list[str]:
    """The lines of a text file, without their ends."""
    text = read_text(path).replace("\r\n", "\n").replace("\r", "\n")
    return text.removesuffix("\n").split("\n") if text else []


def name_of(path: str) -> str:
    """What messages call a file."""
    return "the standard input" if path == "-" else path


class Table(NamedTuple):
    """Which columns of a CSV or TSV file are read.

    Attributes
    ----------
    columns : sequence of str
        Of each column its number, from 1 on, or its name in the first row, which is a header then.
    header : bool
        Whether the first row is a header.
    delimiter : str or None
        None: a comma for names that end in ".csv", else a tab.
    """

    columns: Sequence[str]
    header: bool
    delimiter: str | None


def read_columns(path: str, table: Table) -> list[tuple[str, ...]]:
    """Some columns of each row; empty rows are left out."""
    rows = _rows(path, table)
    names = [column for column in table.columns if not column.isdecimal()]
    found: list[tuple[str, ...]] = []
    places: list[int] = []
    if names or table.header:
        line, header = next(rows, (1, []))
        for column in table.columns:
            if column.isdecimal():
                places.append(int(column) - 1)
            elif column in header:
                places.append(header.index(column))
            else:
                there = ", ".join(map(repr, header)) or "none"
                raise DataError(f"{name_of(path)}, line {line}: there is no column {column!r}: there are {there}")
    else:
        places = [int(column) - 1 for column in table.columns]
    for line, row in rows:
        if max(places) >= len(row):
            advice = "" if table.delimiter else f" ({_delimiter_name(path, table)} separates columns: see --delimiter)"
            raise DataError(f"{name_of(path)}, line {line}: has {len(row)} columns, needs {max(places) + 1}{advice}")
        found.append(tuple(row[place] for place in places))
    if not found:
        raise DataError(f"{name_of(path)}: has no rows")
    return found


def _delimiter(path: str, table: Table) -> str:
    return table.delimiter or ("," if path.lower().endswith(".csv") else "\t")


def _delimiter_name(path: str, table: Table) -> str:
    return "a comma" if _delimiter(path, table) == "," else "a tab"


def _rows(path: str, table: Table) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not empty, each with the number of its last line."""
    delimiter = _delimiter(path, table)
    # Tab-separated files have no quotes: a quotation mark is a character of the text.
    quoting = csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL
    reader = csv.reader(io.StringIO(read_text(path), newline=""), delimiter=delimiter, quoting=quoting, strict=True)
    try:
        for row in reader:
            if any(field.strip() for field in row):
                yield reader.line_num, row
    except csv.Error as error:
        raise DataError(f"{name_of(path)}, line {reader.line_num}: {error}") from None


def read_tagged(path: str, layout: str, table: Table) -> list[tuple[list[str], list[str]]]:
    """Sequences of tokens, each with its labels.

    `layout` "columns": a token and its label on each line, an empty line behind each sequence. "rows": a sequence on
    each line, its tokens in one column and its labels in another, separated by spaces. "auto": columns, if the file has
    an empty line between others.
    """
    if layout == "auto":
        lines = [line.strip() for line in read_text(path).strip().splitlines()]
        layout = "columns" if "" in lines else "rows"
    return _tagged_rows(path, table) if layout == "rows" else _tagged_columns(path, table)


def _tagged_rows(path: str, table: Table) -> list[tuple[list[str], list[str]]]:
    found = []
    for index, (tokens, labels) in enumerate(read_columns(path, table)):
        pair = (tokens.split(), labels.split())
        if len(pair[0]) != len(pair[1]):
            raise DataError(
                f"{name_of(path)}, row {index + 1}: has {len(pair[0])} tokens and {len(pair[1])} labels"
            )
        found.append(pair)
    return found


def _tagged_columns(path: str, table: Table) -> list[tuple[list[str], list[str]]]:
    if not all(column.isdecimal() for column in table.columns):
        raise DataError(f"{name_of(path)}: columns of tokens and labels have no names: give their numbers")
    first, second = (int(column) - 1 for column in table.columns)
    found: list[tuple[list[str], list[str]]] = []
    tokens: list[str] = []
    labels: list[str] = []
    for number, line in enumerate([*read_lines(path), ""], 1):
        if not line.strip():
            if tokens:
                found.append((tokens, labels))
                tokens, labels = [], []
            continue
        delimiter = table.delimiter or ("\t" if "\t" in line else "," if path.lower().endswith(".csv") else None)
        fields = [field.strip() for field in line.split(delimiter)]
        if max(first, second) >= len(fields):
            raise DataError(
                f"{name_of(path)}, line {number}: has {len(fields)} columns, needs {max(first, second) + 1}: a token "
                "and its label"
            )
        for field in (fields[first], fields[second]):
            if not field or field.split() != [field]:
                raise DataError(f"{name_of(path)}, line {number}: {field!r} is no token: it is empty or has white space")
        tokens.append(fields[first])
        labels.append(fields[second])
    if not found:
        raise DataError(f"{name_of(path)}: has no sequences")
    return found
