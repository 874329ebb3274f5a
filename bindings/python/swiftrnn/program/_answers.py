"""Texts that a command works on, and their answers, in the order of the lines."""

from __future__ import annotations

import argparse
from typing import Any, Callable, Iterator, Sequence

from ._failures import UsageError
from ._readers import line_chunks
from ._tables import read_columns, table_of


def source_chunks(path: str, arguments: argparse.Namespace, role: str) -> Iterator[list[str]]:
    """The texts that a command is to work on: lines of a text; or a column of a CSV or TSV file, which has such a name
    or is said to be one by --column or --delimiter."""
    table = table_of(arguments, role)
    if table.columns is None and table.delimiter is None and not path.lower().endswith((".csv", ".tsv")):
        if table.header is not None:
            raise UsageError("--header, --no-header: are of files with columns: give --column, too")
        yield from line_chunks(path)
    else:
        # A text of several lines would be several answers.
        yield [" ".join(row.fields[0].splitlines()) for row in read_columns(path, table)]


def answered(texts: Sequence[Any], answer: Callable[[list[Any]], Sequence[Any]]) -> Iterator[tuple[Any, Any]]:
    """Each text, or sequence of tokens, with its answer; an empty one has None, and is not asked for."""
    full = [text for text in texts if _is_full(text)]
    answers = iter(answer(full) if full else ())
    for text in texts:
        yield text, next(answers) if _is_full(text) else None


def _is_full(text: Any) -> bool:
    return bool(text.strip() if isinstance(text, str) else text)
