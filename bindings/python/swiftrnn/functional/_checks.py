"""Checks that the functions of arrays share."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _c as c
from .._arguments import refuse_masked
from .._arrays import Array, dense, integers, shaped, typed, writeable
from .._batch import Lengths
from .._memory import refuse_parameters

_REDUCTIONS = {"mean": c.REDUCTION_MEAN, "sum": c.REDUCTION_SUM}


def reduction_code(value: Any) -> int:
    """The ``swiftrnn_reduction`` of its name."""
    if not isinstance(value, str) or value not in _REDUCTIONS:
        raise ValueError(f"reduction: expected 'mean' or 'sum', got {value!r}")
    return _REDUCTIONS[value]


def gradient_target(value: Any, name: str, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Array:
    """An array that a gradient is added to."""
    array = writeable(value, name, dtype, shape)
    refuse_parameters(array, name, "added to")
    return array


def weights(value: Any, name: str, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Array | None:
    """Weights of rows, classes or columns, dense; None stays None."""
    return None if value is None else dense(shaped(value, name, dtype, shape))


def three(value: Any, name: str, axes: str) -> Array:
    """`value`, a float array of three dimensions, dense."""
    array = typed(value, name)
    if array.ndim != 3:
        raise ValueError(f"{name}: expected shape {axes}, got {list(array.shape)}")
    return dense(array)


def counted(steps: int, sequences: int, lengths: Lengths | None, mask: Any) -> tuple[Array | None, Array | None]:
    """Lengths as int64 [N] and a mask as bytes [T, N], or None."""
    found = None
    if lengths is not None:
        found = integers(lengths, "lengths")
        if found.shape != (sequences,):
            raise ValueError(f"lengths: expected shape [{sequences}], got {list(found.shape)}")
    if mask is None:
        return found, None
    refuse_masked(mask, "mask")
    array = np.asarray(mask)
    if array.dtype != np.bool_:
        raise TypeError(f"mask: expected booleans, True where a step counts, got {array.dtype}: use .astype(bool)")
    if array.shape != (steps, sequences):
        raise ValueError(f"mask: expected shape {[steps, sequences]}, got {list(array.shape)}")
    return found, np.array(array, np.uint8, order="C")


def parameter(value: Any, name: str, shape: tuple[int, ...]) -> Array | None:
    """A parameter of `shape`, dense; None stays None."""
    return None if value is None else dense(shaped(value, name, None, shape))


def target(into: Any, name: str, dtype: np.dtype[Any], shape: tuple[int, ...], adds: bool) -> Array:
    """Where a gradient goes: an array of the caller's that it is added to, or a new one, zeros if the call adds."""
    if into is None:
        return np.zeros(shape, dtype) if adds else np.empty(shape, dtype)
    array = writeable(into, f"accumulate_into {name}", dtype, shape)
    refuse_parameters(array, f"accumulate_into {name}", "added to")
    return array
