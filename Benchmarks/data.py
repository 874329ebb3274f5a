"""Seeded weights and inputs of a shape, written where every worker reads them, and the comparison of what they return."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
from protocol import array_shapes, dtype_of
from shapes import Shape

# Largest difference, as a share of the largest entry of ours or of 1.
TOLERANCE = 1e-4


def write_inputs(shape: Shape, folder: Path) -> np.ndarray:
    """Writes x, h0, c0, parameters (U(-1/sqrt(H), 1/sqrt(H)), as torch draws them), dy and lengths. Returns lengths."""
    random = np.random.default_rng(zlib.crc32(shape.name.encode()))
    dtype = dtype_of(shape)
    for name in ["x", "h0"] + ["c0"] * shape.has_cell_state + ["dy"] * shape.training:
        random.standard_normal(array_shapes(shape)[name], dtype).tofile(folder / f"{name}.bin")
    count = sum(int(np.prod(dimensions)) for dimensions in shape.parameter_shapes())
    uniform = 2 * random.random(count, dtype) - 1
    (uniform / dtype(np.sqrt(shape.H))).tofile(folder / "parameters.bin")
    lengths = np.full(shape.N, shape.T, np.int64)
    if shape.lengths:
        lengths = random.integers(10, shape.T + 1, shape.N, np.int64)
        lengths.tofile(folder / "lengths.bin")
    return lengths


def difference(shape: Shape, ours: Path, theirs: Path) -> str | None:
    """What differs between two folders of results, in words; None if nothing does."""
    for path in sorted(ours.glob("*.bin")):
        other = theirs / path.name
        if not other.exists():
            return f"{path.stem}: there is none"
        mine, their = np.fromfile(path, dtype_of(shape)), np.fromfile(other, dtype_of(shape))
        if mine.shape != their.shape:
            return f"{path.stem}: {mine.size} numbers against {their.size}"
        if mine.size == 0:
            continue
        largest = max(1.0, float(np.abs(mine).max()))
        apart = float(np.abs(mine - their).max())
        if not apart <= TOLERANCE * largest:  # true for NaN
            where = int(np.argmax(np.abs(mine - their)))
            return f"{path.stem}: {apart:.3g} apart at number {where}, the largest entry is {largest:.3g}"
    return None
