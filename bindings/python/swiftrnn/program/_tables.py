"""CSV and TSV files. Errors say which line of which file, and what was expected."""

from __future__ import annotations

import argparse
import csv
import io
import sys
from typing import Iterator, NamedTuple, Sequence

from ._failures import DataError, UsageError, note, warn
from ._headers import is_header, is_turned_round, suspicion
from ._readers import counted, name_of, read_text

_DELIMITERS = {",": "comma", "\t": "tab", ";": "semicolon", "|": "'|'"}
_SHOWN = 30
"""Characters of a field that a message has."""


class Table(NamedTuple):
    """The columns of a CSV or TSV file that are read.

    Attributes
    ----------
    roles : tuple of str
        A word for each of the columns, as messages have them: "TEXT", "LABEL".
    columns : tuple of str or None
        The number of each column, from 1 on, or its name in the first row, which is a header then. None: the file has
        these columns and no others.
    header : bool or None
        Whether the first row is a header. None: it is if it looks like one.
    delimiter : str or None
        None: a comma for names that end in ".csv", else a tab.
    """

    roles: tuple[str, ...]
    columns: tuple[str, ...] | None
    header: bool | None
    delimiter: str | None

    @property
    def has_names(self) -> bool:
        """Whether a column is given by its name."""
        return self.columns is not None and not all(column.isdecimal() for column in self.columns)

    @property
    def flag(self) -> str:
        """The option that chooses columns."""
        return "--columns" if len(self.roles) > 1 else "--column"

    def character(self, path: str) -> str:
        """The character between columns of a file."""
        return self.delimiter or ("," if path.lower().endswith(".csv") else "\t")


class Row(NamedTuple):
    """The columns of a row that are read, and the number of its last line."""

    line: int
    fields: tuple[str, ...]


def table_of(arguments: argparse.Namespace, *roles: str) -> Table:
    """The columns that a command's arguments choose."""
    chosen = arguments.columns if len(roles) > 1 else (None if arguments.column is None else (arguments.column,))
    table = Table(roles, chosen, arguments.header, arguments.delimiter)
    if table.has_names and table.header is False:
        raise UsageError(f"{table.flag}: names of columns are in a header: not with --no-header")
    return table


def read_columns(path: str, table: Table) -> list[Row]:
    """The chosen columns of each row; empty rows are left out."""
    return columns_of(read_text(path), path, table)


def columns_of(text: str, path: str, table: Table) -> list[Row]:
    """The chosen columns of each row of a text that a file has."""
    rows = list(_rows(text, path, table))
    if not rows:
        raise DataError(f"{name_of(path)}: has no rows")
    places = places_of(*rows[0], path, table)
    label = places[-1] if table.roles[-1] == "LABEL" else None
    if _first_is_header(rows, path, table, places, label):
        rows = rows[1:]
    if not rows:
        raise DataError(f"{name_of(path)}: has a header, and no rows")
    return [Row(line, check_row(line, row, path, table, places)) for line, row in rows]


def places_of(line: int, first: list[str], path: str, table: Table) -> list[int]:
    """The places of the chosen columns, given the first row of a file and its line."""
    if table.columns is None:
        if len(first) > len(table.roles):
            raise DataError(f"{name_of(path)}, line {line}: {_list_columns(first, table)}")
        return list(range(len(table.roles)))
    places = []
    for column in table.columns:
        if column.isdecimal():
            places.append(int(column) - 1)
        elif first.count(column) > 1:
            raise DataError(
                f"{name_of(path)}, line {line}: has {first.count(column)} columns {column!r}: give the number of one"
            )
        elif column in first:
            places.append(first.index(column))
        else:
            there = ", ".join(map(repr, first)) or "none"
            raise DataError(f"{name_of(path)}, line {line}: there is no column {column!r}: there are {there}")
    return places


def check_row(line: int, row: Sequence[str], path: str, table: Table, places: Sequence[int]) -> tuple[str, ...]:
    """The chosen fields of a row, which must have them."""
    if table.columns is None and len(row) > len(table.roles):
        raise DataError(f"{name_of(path)}, line {line}: {_list_columns(row, table)}")
    if max(places) >= len(row):
        raise DataError(
            f"{name_of(path)}, line {line}: has {counted(len(row), 'column')}, needs {max(places) + 1}"
            f"{_delimiter_advice(row, path, table)}"
        )
    return tuple(row[place] for place in places)


def _list_columns(row: Sequence[str], table: Table) -> str:
    shown = ", ".join(f"{number} {_cut(field)!r}" for number, field in enumerate(row, 1))
    # Texts are often behind a number; tokens come first, and their last labels are mostly those that are wanted.
    example = "1" if len(table.roles) == 1 else f"{1 if table.roles[0] == 'TOKENS' else len(row) - 1},{len(row)}"
    return (
        f"has {counted(len(row), 'column')} ({shown}): choose {counted(len(table.roles), 'column')} with {table.flag} "
        f"{','.join(table.roles)}, such as {table.flag} {example}"
    )


def _cut(field: str) -> str:
    return field if len(field) <= _SHOWN else field[: _SHOWN - 3] + "..."


def _delimiter_advice(row: Sequence[str], path: str, table: Table) -> str:
    if table.delimiter is not None:
        return ""
    own = table.character(path)
    for other, name in _DELIMITERS.items():
        if len(row) == 1 and other != own and other in row[0]:
            return f" (a {_DELIMITERS[own]} separates columns; --delimiter {name} if a {name} does)"
    return f" (a {_DELIMITERS[own]} separates columns: see --delimiter)"


def _first_is_header(
    rows: Sequence[tuple[int, list[str]]], path: str, table: Table, places: Sequence[int], label: int | None
) -> bool:
    line, first = rows[0]
    if table.has_names or table.header is False or max(places) >= len(first):
        return table.has_names
    plain = [row for _, row in rows]
    found = table.header or is_header(plain, places)
    if found and table.columns is None and is_turned_round(first):
        raise DataError(
            f"{name_of(path)}, line {line}: has the columns {first[0]!r} and {first[1]!r}, and is read as "
            f"{' and '.join(table.roles)}: give --columns {first[1]},{first[0]}, or else 1,2"
        )
    if table.header:
        return True
    if found:
        note_header(path, line, [first[place] for place in places])
        return True
    reason = suspicion(plain, places, label)
    if reason is not None:
        warn(
            f"{name_of(path)}, line {line}: is taken as data, but {reason}: if the line is a header, give --header, "
            "else --no-header"
        )
    return False


def note_header(path: str, line: int, fields: Sequence[str]) -> None:
    """Tells that a line is taken as a header."""
    shown = ", ".join(map(repr, fields))
    note(f"{name_of(path)}, line {line}: {shown} is taken as a header: --header says so, --no-header that it is data")


def _rows(text: str, path: str, table: Table) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not empty, each with the number of its last line."""
    reader = reader_of(io.StringIO(text, newline=""), path, table)
    try:
        for row in reader:
            if any(field.strip() for field in row):
                yield reader.line_num, row
    except csv.Error as error:
        quotes = table.character(path) != "\t"
        advice = " (a quotation mark inside of quotes is written twice)" if quotes else ""
        raise DataError(f"{name_of(path)}, line {reader.line_num}: {error}{advice}") from None


def reader_of(lines: Iterator[str], path: str, table: Table) -> "csv._reader":  # type: ignore[name-defined]
    """A reader of the rows of a file."""
    delimiter = table.character(path)
    csv.field_size_limit(sys.maxsize)
    # Tab-separated files have no quotes: a quotation mark is a character of the text.
    quoting = csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL
    return csv.reader(lines, delimiter=delimiter, quoting=quoting, strict=True)
