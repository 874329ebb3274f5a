"""Sequences with a label for each token, and sequences of tokens to label. Errors say which line of which file, and
what was expected."""

from __future__ import annotations

import argparse
import csv
import itertools
from typing import Iterator, NamedTuple, Sequence

from ._failures import DataError, UsageError, warn
from ._headers import is_header
from ._readers import counted, line_chunks, lines_of, name_of, read_text
from ._tables import Table, check_row, columns_of, note_header, places_of, reader_of, table_of

ROLES = ("TOKENS", "LABELS")
LONG = 100
"""Tokens above which the only sequence of a file is taken for several, between which empty lines are missing."""
LAYOUTS = ("auto", "columns", "rows")


class Tagged(NamedTuple):
    """A sequence of tokens with a label for each, and the number of its last line."""

    line: int
    tokens: list[str]
    labels: list[str]


def read_tagged(path: str, layout: str, table: Table) -> list[Tagged]:
    """Sequences of tokens, each with its labels.

    `layout` "columns": a token and its label on each line, an empty line behind each sequence. "rows": a sequence on
    each line, its tokens in one column and its labels in another, separated by spaces. "auto": columns, if the file has
    an empty line between others, or no more than two words on any line.
    """
    text = read_text(path)
    if layout == "auto":
        lines = [line.split() for line in text.strip().splitlines()]
        layout = "columns" if [] in lines or all(len(line) <= 2 for line in lines) else "rows"
    return _tagged_rows(text, path, table) if layout == "rows" else _tagged_columns(text, path, table)


def _tagged_rows(text: str, path: str, table: Table) -> list[Tagged]:
    found = []
    for line, fields in columns_of(text, path, table):
        tokens, labels = (field.split() for field in fields)
        if len(tokens) != len(labels):
            raise DataError(
                f"{name_of(path)}, line {line}: has {counted(len(tokens), 'token')} and "
                f"{counted(len(labels), 'label')}"
            )
        found.append(Tagged(line, tokens, labels))
    return found


def _tagged_columns(text: str, path: str, table: Table) -> list[Tagged]:
    found: list[Tagged] = []
    tokens: list[str] = []
    labels: list[str] = []
    reader = LineReader(path, table)
    for number, line in enumerate([*lines_of(text), ""], 1):
        fields = reader.fields(number, line)
        if fields is not None:
            tokens.append(fields[0])
            labels.append(fields[1])
        elif not line.strip() and tokens:
            found.append(Tagged(number - 1, tokens, labels))
            tokens, labels = [], []
    if not found:
        raise DataError(f"{name_of(path)}: has no sequences")
    if len(found) == 1 and len(found[0].tokens) > LONG:
        warn(
            f"{name_of(path)}: has no empty line between sequences: all {len(found[0].tokens)} tokens are one "
            "sequence; if each line is a sequence, give --layout rows"
        )
    return found


class LineReader:
    """Reads lines of the layout "columns": the chosen fields of each, none of which has white space."""

    def __init__(self, path: str, table: Table) -> None:
        self._path, self._table = path, table
        self._places: list[int] | None = None

    def fields(self, number: int, line: str) -> tuple[str, ...] | None:
        """The chosen fields of a line; None: the line is empty, or the header."""
        if not line.strip():
            return None
        row, table = self._split(number, line), self._table
        if self._places is None:
            self._places = places_of(number, row, self._path, table)
            if table.has_names or table.header:
                return None
            # A second row of nothing: one line is all that is read ahead of.
            if table.header is None and len(row) > 1 and is_header([row, [""] * len(row)], range(len(row))):
                note_header(self._path, number, row)
                return None
        if max(self._places) >= len(row):
            both = ": a token and its label" if len(self._places) > 1 else ""
            raise DataError(
                f"{name_of(self._path)}, line {number}: has {counted(len(row), 'column')}, needs "
                f"{max(self._places) + 1}{both}"
            )
        chosen = check_row(number, row, self._path, table, self._places)
        for field in chosen:
            if field.split() != [field]:
                what = "is empty" if not field else f"{field!r} has white space"
                raise DataError(
                    f"{name_of(self._path)}, line {number}: a token or label {what} (--layout rows reads a sequence on "
                    "each line)"
                )
        return chosen

    def _split(self, number: int, line: str) -> list[str]:
        own = self._table.character(self._path)
        if self._table.delimiter is None and own not in line:
            return line.split()
        try:
            row = next(reader_of(iter([line]), self._path, self._table))
        except csv.Error as error:
            raise DataError(f"{name_of(self._path)}, line {number}: {error}") from None
        return [field.strip() for field in row]


# ---- Sequences to label ----


def token_chunks(
    path: str, arguments: argparse.Namespace, tokens: Sequence[str], labels: Sequence[str]
) -> Iterator[list[list[str]]]:
    """Sequences of tokens, as many at once as are there already; `tokens` and `labels` are those of the model.

    The layout "columns" has a token on each line, in the first column or that of --column, and an empty line behind
    each sequence; other columns, such as labels, are not read. "rows": a sequence on each line, or in each row of a
    table in the column of --column; an empty line is an empty sequence. "auto": columns, if the first line that is not
    empty has columns without white space in them.
    """
    table = table_of(arguments, "TOKENS")
    chunks, first = _peeked(line_chunks(path))
    layout, delimiter = arguments.layout, table.character(path)
    is_table = table.columns is not None or table.delimiter is not None or path.lower().endswith((".csv", ".tsv"))
    if layout == "auto":
        parts = first.split(delimiter)
        if table.has_names or table.header or len(parts) == 1:
            layout = "rows"
            _refuse_labelled(first, path, set(labels).difference(tokens))
        else:
            layout = "rows" if any(len(part.split()) > 1 for part in parts) else "columns"
            is_table = True
    if layout == "columns":
        yield from _column_sequences(chunks, path, table)
    elif is_table:
        text = "".join(f"{line}\n" for lines in chunks for line in lines)
        yield [row.fields[0].split() for row in columns_of(text, path, table)] if first else []
    else:
        if table.header is not None:
            raise UsageError("--header, --no-header: are of files with columns: give --column, too")
        for lines in chunks:
            yield [line.split() for line in lines]


def _peeked(chunks: Iterator[list[str]]) -> tuple[Iterator[list[str]], str]:
    """The chunks, and the first line that is not empty; "" if there is none."""
    seen = []
    for lines in chunks:
        seen.append(lines)
        first = next((line for line in lines if line.strip()), None)
        if first is not None:
            return itertools.chain(seen, chunks), first
    return iter(seen), ""


def _refuse_labelled(line: str, path: str, labels: set[str]) -> None:
    """Refuses a token and its label, separated by spaces, as a sequence of two tokens; `labels` are no tokens."""
    words = line.split()
    if len(words) > 1 and words[-1] in labels:
        raise DataError(
            f"{name_of(path)}: {line!r} ends with a label of the model: --layout columns reads the first of the "
            "columns as tokens, --layout rows each word"
        )


def _column_sequences(chunks: Iterator[list[str]], path: str, table: Table) -> Iterator[list[list[str]]]:
    first = table if table.columns is not None else table._replace(columns=("1",))
    reader, number = LineReader(path, first), 0
    tokens: list[str] = []
    for lines in chunks:
        sequences = []
        for line in lines:
            number += 1
            fields = reader.fields(number, line)
            if fields is not None:
                tokens.append(fields[0])
            elif not line.strip() and tokens:
                sequences.append(tokens)
                tokens = []
        yield sequences
    if tokens:
        yield [tokens]
