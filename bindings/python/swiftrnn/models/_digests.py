"""Hashes by which a checkpoint tells the data and parameters of its training from others."""

from __future__ import annotations

import hashlib
from typing import Any, Iterable

import numpy as np

from ._handles import PathLike

BLOCK = 1 << 20
"""Bytes of a file that are read at once."""


def digest(arrays: Iterable[Any]) -> str:
    """The hash of the numbers of arrays, one behind the other: not of their lengths."""
    found = hashlib.blake2b(digest_size=16)
    for array in arrays:
        found.update(np.ascontiguousarray(array).reshape(-1).data)
    return found.hexdigest()


def file_digest(path: PathLike) -> str:
    """The hash of a file's content, which is read in blocks."""
    found = hashlib.blake2b(digest_size=16)
    with open(path, "rb") as file:
        while block := file.read(BLOCK):
            found.update(block)
    return found.hexdigest()
