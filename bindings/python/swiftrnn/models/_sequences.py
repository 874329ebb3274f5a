"""One sequence as users have it (text, tokens, numbers) as the array that a batch is made of."""

from __future__ import annotations

import difflib
from typing import Any, Mapping

import numpy as np

from .._arrays import Array, integers, place
from ._vocabulary import Vocabulary, is_path_of_file, looks_like_path


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
        advice = "" if found.ndim else in_a_list(name)
        raise ValueError(f"{name}: expected one axis of ids, got shape {list(found.shape)}{advice}")
    check_ids(found, name, count)
    return found


def refuse_path(text: Any, name: str) -> None:
    """Refuses a str that is the path of a file where a text is meant: it would be read as the text itself."""
    if is_path_of_file(text):
        raise ValueError(
            f"{name}: {text!r} is the path of a file, and a str is the text itself: pass pathlib.Path({text!r}) for "
            "the file, or bytes for this text"
        )


def refuse_missing_path(text: Any, name: str) -> None:
    """Refuses a whole text that is written as a path: its file is not there."""
    if looks_like_path(text):
        raise ValueError(
            f"{name}: {text!r} looks like the path of a file that is not there, and a str is the text itself: pass "
            "pathlib.Path for a file, or bytes for this text"
        )


def check_ids(ids: Array, name: str, count: int) -> None:
    """Refuses ids outside 0 ..< count."""
    if ids.size and not (0 <= int(ids.min()) and int(ids.max()) < count):
        at = int(np.argmax((ids < 0) | (ids >= count)))
        raise ValueError(f"{name}[{at}]: {int(ids.flat[at])} is no id: there are 0...{count - 1}")


def numbers(
    value: Any, name: str, shape: tuple[int | None, ...], dtype: np.dtype[Any],
    advice: str = "leave the example out, or put a number in its place",
) -> Array:  # fmt: skip
    """Finite numbers of any type as an array of the model's type; None in `shape` is any size. A last axis of 1 may
    lack. `advice` is for numbers that are not finite."""
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
        several = in_a_list(name) if found.ndim < len(shape) else ""
        raise ValueError(f"{name}: expected shape [{', '.join(wanted)}], got {list(found.shape)}{several}")
    with np.errstate(over="ignore"):  # told below
        made = np.ascontiguousarray(found, dtype).reshape(found.shape)
    if not np.isfinite(made).all():
        raise _not_finite(found, made, name, advice)
    return made


def _not_finite(found: Array, made: Array, name: str, advice: str) -> ValueError:
    """The error for numbers that a model cannot learn from: says where the first is."""
    first = int(np.argmin(np.isfinite(made)))
    value, at = found.flat[first], f"{name}{place(first, made.shape)}"
    if np.isfinite(value):
        return ValueError(f"{at}: {value:g} is too large for {made.dtype}: scale it, or make a model of float64")
    step, column = np.unravel_index(first, made.shape) if made.ndim == 2 else (0, 0)
    where = f" (step {step}, column {column})" if made.ndim == 2 else ""
    return ValueError(f"{at}: is {value:g}{where}: {advice}")


def in_a_list(name: str) -> str:
    """Advice for the first of several examples, which may be what was meant as one example."""
    whole, _, rest = name.partition("[")
    return f": put a single example in a list, {whole}=[...]" if rest == "0]" else ""


def type_of(value: Any) -> str:
    """The type of a value, with its length if that is a list or tuple."""
    name = type(value).__name__
    return f"{name} of {len(value)}" if isinstance(value, (list, tuple)) else name


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
        number = vocabulary._numbers.get(value)
        if number is None and vocabulary.lowercase:
            number = vocabulary._numbers.get(value.lower())
        if number is None:
            raise unknown_label(value, name, vocabulary)
        return number
    found = integers(value, name)
    if found.ndim:
        raise ValueError(f"{name}: expected one label, got shape {list(found.shape)}")
    if int(found) != -100 and not 0 <= int(found) < count:
        raise ValueError(f"{name}: {int(found)} is no label: there are 0...{count - 1}")
    return int(found)


def unknown_label(label: str, name: str, vocabulary: Vocabulary) -> ValueError:
    """The error for a label that a model does not have; <unk> is no label for all others."""
    near = difflib.get_close_matches(label, vocabulary.tokens, 3)
    hint = f" (did you mean {' or '.join(map(repr, near))}?)" if near else ""
    return ValueError(f"{name}: there is no label {label!r}{hint}: correct it, or make the model with it")
