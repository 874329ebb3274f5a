"""Lengths, masks and arrays of the caller's in the layout of the library, steps first."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._arguments import refuse_masked
from .._arrays import Array, integers
from .._batch import Lengths


def kept(lengths: Lengths | None, mask: Any) -> dict[str, Any]:
    """Copies of lengths and mask, for a tape that needs them as they were."""
    return {
        "lengths": None if lengths is None else np.array(integers(lengths, "lengths")),
        "mask": None if mask is None else np.array(mask),
    }


def mask_by_step(mask: Any, shape: tuple[int, ...], batch_first: bool) -> Any:
    """A mask of the caller's, whose shape must be `shape`, as [T, N]. What is no mask is left to `pool` to refuse."""
    refuse_masked(mask, "mask")
    found = None if mask is None else np.asarray(mask)
    if found is None or found.dtype != np.bool_:
        return found
    if found.shape != shape:
        raise ValueError(f"mask: expected shape {list(shape)}, got {list(found.shape)}")
    return found[:, np.newaxis] if found.ndim == 1 else swapped(found, batch_first)


def swapped(array: Array, batch_first: bool) -> Array:
    """From the caller's layout to [T, N, ...], and back: a view."""
    return array.swapaxes(0, 1) if batch_first else array
