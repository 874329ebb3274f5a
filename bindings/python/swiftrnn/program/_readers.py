"""Text files that the program reads. Errors say which line of which file, and what was expected."""

from __future__ import annotations

import codecs
import sys
from pathlib import Path
from typing import BinaryIO, Iterator

from ._failures import DataError, note

LINES_AT_ONCE = 128
"""Lines that a model is given in one call, at most. Does not matter to what it gives back."""
_BOM = codecs.BOM_UTF8


def name_of(path: str) -> str:
    """The name of a file in messages."""
    return "the standard input" if path == "-" else path


def counted(count: int, noun: str) -> str:
    """A number with its noun: "1 column", "2 columns"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _standard_input() -> BinaryIO:
    if sys.stdin is None:
        raise DataError("the standard input is closed")
    if sys.stdin.isatty():
        note("reading the standard input, to its end: Ctrl-D")
    return sys.stdin.buffer


def _opened(path: str) -> BinaryIO:
    try:
        return open(path, "rb")
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from None


def read_bytes(path: str) -> bytes:
    """All of a file; "-" is the standard input."""
    try:
        return _standard_input().read() if path == "-" else Path(path).read_bytes()
    except OSError as error:
        raise DataError(f"{name_of(path)}: {error.strerror or error}") from None


def _decoded(data: bytes, path: str, first_line: int = 1) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = first_line + data.count(b"\n", 0, error.start)
        # Files of texts have no zero bytes, whatever their encoding is; those of UTF-16, pictures and models do.
        advice = "is it a text?" if b"\0" in data else "iconv -f latin1 -t utf-8 converts a file of Latin-1"
        raise DataError(
            f"{name_of(path)}, line {line}: is no UTF-8 ({error.reason} at byte {error.start}): {advice}"
        ) from None


def read_text(path: str) -> str:
    """All of a file of UTF-8; a byte order mark is left out."""
    return _decoded(read_bytes(path).removeprefix(_BOM), path)


def check_text(path: str) -> None:
    """Reads a file, of any size, through to its end: it must be UTF-8."""
    decoder, line = codecs.getincrementaldecoder("utf-8")(), 1
    with _opened(path) as file:
        while True:
            data = file.read(1 << 20)
            try:
                decoder.decode(data, final=not data)
            except UnicodeDecodeError as error:
                line += error.object.count(b"\n", 0, error.start)
                raise DataError(f"{path}, line {line}: is no UTF-8 ({error.reason}): convert the file") from None
            if not data:
                return
            line += data.count(b"\n")


def read_lines(path: str) -> list[str]:
    """The lines of a text file, without their ends."""
    return lines_of(read_text(path))


def lines_of(text: str) -> list[str]:
    """The lines of a text, without their ends."""
    return [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")] if text else []


def line_chunks(path: str) -> Iterator[list[str]]:
    """The lines of a text file, as many at once as are there already: so a line of a terminal or a pipe is answered
    before the next one is waited for, and a long file is never whole in memory."""
    stream = _standard_input() if path == "-" else _opened(path)
    try:
        for lines, first in _whole_lines(stream):
            texts = _decoded(b"\n".join(lines), path, first).split("\n")
            for start in range(0, len(texts), LINES_AT_ONCE):
                yield [text.removesuffix("\r") for text in texts[start : start + LINES_AT_ONCE]]
    except OSError as error:
        raise DataError(f"{name_of(path)}: {error.strerror or error}") from None
    finally:
        if path != "-":
            stream.close()


def _whole_lines(stream: BinaryIO) -> Iterator[tuple[list[bytes], int]]:
    """Lines as bytes, and the number of the first one."""
    pending, number = [], 1
    while data := stream.read1(1 << 16):  # type: ignore[attr-defined]
        pending.append(data)
        if b"\n" not in data:
            continue
        *whole, rest = b"".join(pending).split(b"\n")
        if number == 1:
            whole[0] = whole[0].removeprefix(_BOM)
        yield whole, number
        number += len(whole)
        pending = [rest] if rest else []
    if pending:
        last = b"".join(pending)
        yield [last.removeprefix(_BOM) if number == 1 else last], number
