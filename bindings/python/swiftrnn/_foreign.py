"""What was given instead of a numpy array of numbers, and what to do about it: the texts of those errors."""

from __future__ import annotations

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
