"""How the program fails: the statuses that it ends with, and their messages; and what it tells beside."""

from __future__ import annotations

import sys

USAGE, FAILED, INTERRUPTED, BROKEN_PIPE = 2, 1, 130, 141


class Refused(Exception):
    """The program does not begin: status 2."""


class DataError(Refused):
    """A file that is not there, cannot be read, or does not have what it should."""


class UsageError(Refused):
    """An argument that makes no sense, or not together with others."""


class Failed(Exception):
    """Work that began and could not be finished, as on a full disk: status 1."""


def note(message: str) -> None:
    """Tells on the standard error what the program takes for granted, and how to say otherwise."""
    print(f"note: {message}", file=sys.stderr)


def warn(message: str) -> None:
    """Tells on the standard error what is likely to be a mistake."""
    print(f"warning: {message}", file=sys.stderr)
