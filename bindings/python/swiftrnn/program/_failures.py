"""How the program fails: the statuses that it ends with, and their messages."""

from __future__ import annotations

USAGE, DATA, INTERRUPTED, BROKEN_PIPE = 2, 1, 130, 141


class DataError(Exception):
    """A file that is not there, cannot be read, or does not have what it should: status 1."""


class UsageError(Exception):
    """An argument that makes no sense, or not together with others: status 2."""
