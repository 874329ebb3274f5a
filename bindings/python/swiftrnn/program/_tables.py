"""CSV and TSV files, and sequences with a label for each token. Errors say which line of which file, and what was
expected."""

from __future__ import annotations

import argparse
import csv
import io
import sys
from typing import Iterator, NamedTuple, Sequence

from ._failures import DataError, UsageError
from ._readers import counted, line_chunks, lines_of, name_of, read_text


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


class Row(NamedTuple):
    """Some columns of a row, and the number of its last line."""

    line: int
    fields: tuple[str, ...]


class Tagged(NamedTuple):
    """A sequence of tokens with a label for each, and the number of its last line."""

    line: int
    tokens: list[str]
    labels: list[str]


def table_of(arguments: argparse.Namespace) -> Table:
    """The columns that a command's arguments choose."""
    return Table(arguments.columns, arguments.header, arguments.delimiter)


def read_columns(path: str, table: Table) -> list[Row]:
    """Some columns of each row; empty rows are left out."""
    return _columns(read_text(path), path, table)


def _columns(text: str, path: str, table: Table) -> list[Row]:
    rows = _rows(text, path, table)
    places: list[int] = []
    if table.header or not all(column.isdecimal() for column in table.columns):
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
    found: list[Row] = []
    for line, row in rows:
        if max(places) >= len(row):
            advice = "" if table.delimiter else f" ({_delimiter_name(path, table)} separates columns: see --delimiter)"
            raise DataError(
                f"{name_of(path)}, line {line}: has {counted(len(row), 'column')}, needs {max(places) + 1}{advice}"
            )
        found.append(Row(line, tuple(row[place] for place in places)))
    if not found:
        raise DataError(f"{name_of(path)}: has no rows")
    return found


def _delimiter(path: str, table: Table) -> str:
    return table.delimiter or ("," if path.lower().endswith(".csv") else "\t")


def _delimiter_name(path: str, table: Table) -> str:
    return "a comma" if _delimiter(path, table) == "," else "a tab"


def _rows(text: str, path: str, table: Table) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not empty, each with the number of its last line."""
    delimiter = _delimiter(path, table)
    # Tab-separated files have no quotes: a quotation mark is a character of the text.
    quoting = csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL
    csv.field_size_limit(sys.maxsize)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=quoting, strict=True)
    try:
        for row in reader:
            if any(field.strip() for field in row):
                yield reader.line_num, row
    except csv.Error as error:
        advice = " (a quotation mark inside of quotes is written twice)" if delimiter != "\t" else ""
        raise DataError(f"{name_of(path)}, line {reader.line_num}: {error}{advice}") from None


def source_chunks(path: str, arguments: argparse.Namespace) -> Iterator[list[str]]:
    """The texts that a command is to work on: lines of a text, or with --column a column of a CSV or TSV file."""
    if arguments.column is None:
        if arguments.header or arguments.delimiter is not None:
            raise UsageError("--header, --delimiter: are of files with columns: give --column, too")
        yield from line_chunks(path)
    else:
        # A text of several lines would be several answers.
        rows = read_columns(path, Table([arguments.column], arguments.header, arguments.delimiter))
        yield [" ".join(row.fields[0].splitlines()) for row in rows]


def read_tagged(path: str, layout: str, table: Table) -> list[Tagged]:
    """Sequences of tokens, each with its labels.

    `layout` "columns": a token and its label on each line, an empty line behind each sequence. "rows": a sequence on
    each line, its tokens in one column and its labels in another, separated by spaces. "auto": columns, if the file has
    an empty line between others, or no more than one token on any line.
    """
    text = read_text(path)
    if layout == "auto":
        lines = [line.split() for line in text.strip().splitlines()]
        layout = "columns" if [] in lines or all(len(line) <= 2 for line in lines) else "rows"
    return _tagged_rows(text, path, table) if layout == "rows" else _tagged_columns(text, path, table)


def _tagged_rows(text: str, path: str, table: Table) -> list[Tagged]:
    found = []
    for line, fields in _columns(text, path, table):
        tokens, labels = (field.split() for field in fields)
        if len(tokens) != len(labels):
            raise DataError(
                f"{name_of(path)}, line {line}: has {counted(len(tokens), 'token')} and "
                f"{counted(len(labels), 'label')}"
            )
        found.append(Tagged(line, tokens, labels))
    return found


def _tagged_columns(text: str, path: str, table: Table) -> list[Tagged]:
    if not all(column.isdecimal() for column in table.columns):
        raise DataError(f"{name_of(path)}: columns of tokens and labels have no names: give their numbers")
    first, second = (int(column) - 1 for column in table.columns)
    found: list[Tagged] = []
    tokens: list[str] = []
    labels: list[str] = []
    for number, line in enumerate([*lines_of(text), ""], 1):
        if number == 1 and table.header:
            continue
        if not line.strip():
            if tokens:
                found.append(Tagged(number - 1, tokens, labels))
                tokens, labels = [], []
            continue
        delimiter = table.delimiter or ("\t" if "\t" in line else "," if path.lower().endswith(".csv") else None)
        fields = [field.strip() for field in line.split(delimiter)]
        if max(first, second) >= len(fields):
            raise DataError(
                f"{name_of(path)}, line {number}: has {counted(len(fields), 'column')}, needs {max(first, second) + 1}: "
                "a token and its label"
            )
        for field in (fields[first], fields[second]):
            if field.split() != [field]:
                what = "is empty" if not field else f"{field!r} has white space"
                raise DataError(f"{name_of(path)}, line {number}: a token or label {what}")
        tokens.append(fields[first])
        labels.append(fields[second])
    if not found:
        raise DataError(f"{name_of(path)}: has no sequences")
    return found
