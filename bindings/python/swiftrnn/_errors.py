"""The exceptions that a status of the C library becomes."""

from __future__ import annotations

import contextlib
import enum
import re
from typing import Iterator


class Status(enum.IntEnum):
    """What a call of the C library came to: ``swiftrnn_status``."""

    OK = 0
    NULL_POINTER = 1
    INVALID_VALUE = 2
    INVALID_SIZE = 3
    OVERFLOW = 4
    BUFFER_TOO_SMALL = 5
    MISALIGNED = 6
    MISMATCH = 7
    OUT_OF_MEMORY = 8
    UNSUPPORTED = 9


class SwiftRNNError(Exception):
    """A call that the library refused, or could not finish.

    Attributes
    ----------
    status : Status or int
        Why; an int if the library is newer than this package and has a status that it does not know.
    message : str
        The library's message, with the numbers in it.

    Examples
    --------
    >>> import swiftrnn
    >>> try:
    ...     swiftrnn.LSTM(0, 8)
    ... except swiftrnn.SwiftRNNError as error:
    ...     error.status.name in ("INVALID_VALUE", "INVALID_SIZE"), isinstance(error, ValueError)
    (True, True)
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(status, message)
        self.status: int = status
        self.message = message

    def __str__(self) -> str:
        name = self.status.name if isinstance(self.status, Status) else str(int(self.status))
        return f"{self.message} [{name}]"


class SwiftRNNValueError(SwiftRNNError, ValueError):
    """A value, size or combination outside what the library computes."""


class SwiftRNNMemoryError(SwiftRNNError, MemoryError):
    """The system had no memory left for the library. Nothing was computed; the process goes on."""


for _public in (Status, SwiftRNNError, SwiftRNNValueError, SwiftRNNMemoryError):
    _public.__module__ = "swiftrnn"  # where users find it: tracebacks and pickles say so

_VALUE_STATUSES = (Status.INVALID_VALUE, Status.INVALID_SIZE, Status.OVERFLOW)


def error_of(status: int, message: str) -> SwiftRNNError:
    """The exception for a status that is not OK."""
    known = Status(status) if status in Status._value2member_map_ else status
    if known == Status.OUT_OF_MEMORY:
        return SwiftRNNMemoryError(known, message)
    if known in _VALUE_STATUSES:
        return SwiftRNNValueError(known, message)
    return SwiftRNNError(known, message)


@contextlib.contextmanager
def renamed(theirs: str, ours: str) -> Iterator[None]:
    """Errors of the block say `ours` where the C contract says `theirs`."""
    try:
        yield
    except SwiftRNNError as error:
        message = re.sub(rf"\b{re.escape(theirs)}\b", ours, error.message)
        raise type(error)(error.status, message) from None
