"""One sequence as users have it (text, tokens, numbers) as the array that a batch is made of."""

from __future__ import annotations

from typing import Any, Mapping

import numpy as np

from .._arrays import Array, integers
from ._vocabulary import Vocabulary


def token_ids(value: Any, name: str, vocabulary: Vocabulary | None, count: int) -> Array:
    """Ids of a text, of tokens one by one, or ids themselves: int64 [T].

    Raises
    ------
    TypeError, ValueError
        The value is no sequence of tokens, or a token or id is not in the vocabulary of `count` tokens.
    """
    if isinstance(value, (str, bytes, bytearray)):
        if vocabulary is None:
            raise TypeError(f"{name}: the model has no vocabulary: expected ids, got {type(value).__name__}")
        try:
            return vocabulary.encode(value)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    if isinstance(value, (list, tuple)) and value and isinstance(value[0], str):
        if vocabulary is None:
            raise TypeError(f"{name}: the model has no vocabulary: expected ids, got tokens")
        try:
            return vocabulary.ids(value)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{name}: {error}") from None
    found = integers(value, name)
    if found.ndim != 1:
        raise ValueError(f"{name}: expected one axis of ids, got shape {list(found.shape)}")
    check_ids(found, name, count)
    return found


def check_ids(ids: Array, name: str, count: int) -> None:
    """Refuses ids outside 0 ..< count."""
    if ids.size and not (0 <= int(ids.min()) and int(ids.max()) < count):
        at = int(np.argmax((ids < 0) | (ids >= count)))
        raise ValueError(f"{name}[{at}]: {int(ids.flat[at])} is no id: there are 0...{count - 1}")


def numbers(value: Any, name: str, shape: tuple[int | None, ...], dtype: np.dtype[Any]) -> Array:
    """Numbers of any type as an array of the model's type; None in `shape` is any size. A last axis of 1 may lack."""
    try:
        found = np.asarray(value)
    except ValueError:
        raise ValueError(f"{name}: expected numbers, got lists of different lengths") from None
    if found.dtype.kind not in "fiu":
        raise TypeError(f"{name}: expected numbers, got {found.dtype}")
    if found.ndim == len(shape) - 1 and shape[-1] == 1:
        found = found[..., np.newaxis]
    if found.ndim != len(shape) or any(want not in (None, have) for want, have in zip(shape, found.shape)):
        wanted = ["T" if size is None else str(size) for size in shape]
        raise ValueError(f"{name}: expected shape [{', '.join(wanted)}], got {list(found.shape)}")
    return np.ascontiguousarray(found, dtype)


def read(
    value: Any, name: str, described: Mapping[str, Any], vocabulary: Vocabulary | None, dtype: np.dtype[Any]
) -> Array:
    """A sequence that a model with the input `described` reads: ids [T] or features [T, F]."""
    if "features" in described:
        return numbers(value, name, (None, described["features"]), dtype)
    return token_ids(value, name, vocabulary, described["vocabulary"])


def label_id(value: Any, name: str, vocabulary: Vocabulary | None, count: int) -> int:
    """The id of a label by its text, or an id itself; -100 is a label that does not count."""
    if isinstance(value, str):
        if vocabulary is None:
            raise TypeError(f"{name}: the model has no vocabulary of labels: expected an id, got str")
        number = vocabulary._numbers.get(value, vocabulary._id("<unk>"))
        if number < 0:
            raise ValueError(f"{name}: there is no label {value!r}")
        return number
    found = integers(value, name)
    if found.ndim:
        raise ValueError(f"{name}: expected one label, got shape {list(found.shape)}")
    if int(found) != -100 and not 0 <= int(found) < count:
        raise ValueError(f"{name}: {int(found)} is no label: there are 0...{count - 1}")
    return int(found)
