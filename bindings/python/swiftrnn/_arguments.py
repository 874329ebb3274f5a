"""Single arguments, checked: numbers, truth values, names; and the errors for values that are not numpy arrays."""

from __future__ import annotations

import math
import operator
import re
from typing import Any

import numpy as np


def refuse_masked(value: Any, name: str) -> None:
    """Refuses a masked array, whose mask nothing would look at."""
    if isinstance(value, np.ma.MaskedArray):
        lost = f"{name}: got a numpy masked array, whose mask would be lost: pass {name}.filled(0) or {name}.data"
        if name == "x":
            lost += (
                ". Steps are left out by mask=~x.mask.any(axis=-1), True where a step counts, in a call of a network "
                "with options=LayerOptions(gaps=…)"
            )
        raise TypeError(lost)


def refuse_matrix(value: Any, name: str) -> None:
    """Refuses a numpy.matrix, which has two axes whatever is done with it."""
    if isinstance(value, getattr(np, "matrix", ())):
        raise TypeError(f"{name}: got a numpy.matrix, which never has other than two axes: use np.asarray({name})")


def wrong_type(value: Any, name: str, expected: str, wanted: str, *, written: bool) -> TypeError:
    """The error for `value` where a numpy array of `expected` is; `wanted` is the type that the advice names.

    `written` says that the library writes into the array: a cast copy would be of no use then.
    """
    if not isinstance(value, np.ndarray):
        return TypeError(f"{name}: expected a numpy array of {expected}, got {_kind(value)}{_way_out(value, wanted)}")
    if value.dtype.names is not None:
        advice = f"a structured array: pass one of its fields, {name}[{value.dtype.names[0]!r}]"
        return TypeError(f"{name}: expected {expected}, got {value.dtype} ({advice})")
    advice = f"it is written in place: make it as {wanted}" if written else f"use .astype(np.{wanted})"
    return TypeError(f"{name}: expected {expected}, got {value.dtype} (nothing is cast: {advice})")


def _kind(value: Any) -> str:
    name = type(value).__name__
    return f"the single number numpy.{name}" if isinstance(value, np.generic) else name


def _way_out(value: Any, wanted: str) -> str:
    """How to make a numpy array of `value`, if there is a way."""
    if type(value).__module__.partition(".")[0] == "torch" and hasattr(value, "numpy"):
        steps = ".detach()" if getattr(value, "requires_grad", False) else ""
        steps += "" if str(getattr(value, "device", "cpu")) == "cpu" else ".cpu()"
        return f" (use {steps}.numpy())"
    if hasattr(value, "to_numpy"):  # of pandas, polars, arrow
        return f" (use .to_numpy().astype(np.{wanted}))"
    arrays = ("__array__", "__array_interface__", "__dlpack__")
    if isinstance(value, (list, tuple)) or any(hasattr(type(value), name) for name in arrays):
        return f" (use np.asarray(…, np.{wanted}))"
    return ""


FLOAT_TYPES = (np.dtype(np.float32), np.dtype(np.float64))


def float_type(dtype: Any) -> np.dtype[Any]:
    """`dtype` as a numpy dtype, float32 or float64."""
    try:
        found: Any = np.dtype(dtype)
    except (TypeError, ValueError, SyntaxError):  # by what numpy makes of a text: it parses some as Python
        found = repr(dtype)
    if found not in FLOAT_TYPES:
        raise TypeError(f"dtype: expected float32 or float64, got {found}")
    return found  # type: ignore[no-any-return]


def mapping(value: Any, name: str) -> Any:
    """`value`, which must look names up: a mapping, or what ``np.load`` gives for an .npz file."""
    if not (hasattr(value, "keys") and hasattr(value, "__getitem__")):
        raise TypeError(f"{name}: expected a mapping of names to arrays, got {type(value).__name__}")
    return value


_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def text_name(name: str, of: str) -> str:
    """`name`, given as a keyword, which must be one that a cell's text can have: the library reads names up to a zero
    byte, and takes a number's name and value as a line of the text."""
    if _NAME.fullmatch(name) is None:
        raise ValueError(f'{name!r} is no name of a {of}: names are ASCII letters, digits and "_", a letter first')
    return name


def integer(value: Any, name: str, low: int = -(2**63), high: int = 2**63 - 1) -> int:
    """`value` as an int inside low...high: ctypes would cut a larger one without a word."""
    if isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name}: expected an integer, got bool")
    refuse_masked(value, name)
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name}: expected an integer, got {type(value).__name__}") from None
    if not low <= number <= high:
        raise ValueError(f"{name}: {number} is outside {low}...{high}")
    return number


def unsigned(value: Any, name: str) -> int:
    """`value` as an int inside 0...2^64 - 1."""
    return integer(value, name, 0, 2**64 - 1)


def real(value: Any, name: str) -> float:
    """`value` as a float: any number, but neither a truth value nor text that float() would parse."""
    refuse_masked(value, name)
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]  # so that text and truth values in files' arrays of no dimensions are told, too
    refused = isinstance(value, (bool, np.bool_, str, bytes, bytearray)) or getattr(value, "ndim", 0) != 0
    try:
        if not refused:
            return float(value)
    except TypeError:
        pass
    except OverflowError:
        raise ValueError(f"{name}: the number is too large for a float") from None
    raise TypeError(f"{name}: expected a number, got {type(value).__name__}")


def not_negative(value: Any, name: str) -> float:
    """`value` as a finite float, 0 or more."""
    number = real(value, name)
    if not 0 <= number < math.inf:
        raise ValueError(f"{name}: {number} is outside [0, inf)")
    return number


def below_one(value: Any, name: str) -> float:
    """`value` as a float in [0, 1)."""
    number = real(value, name)
    if not 0 <= number < 1:
        raise ValueError(f"{name}: {number} is outside [0, 1)")
    return number


def flag(value: Any, name: str) -> bool:
    """`value` as a bool, which it must be: any text would be true. Arrays of no dimensions count: files have them."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name}: expected a bool, got {type(value).__name__}")
    return bool(value)
