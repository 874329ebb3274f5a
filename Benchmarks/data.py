"""Seeded weights and inputs of a shape, written where every worker reads them, and the comparison of what they return."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
from protocol import array_shapes, dtype_of
from shapes import Shape

# Largest difference, as a share of the largest entry of ours or of 1.
TOLERANCE = 1e-4
# The derivative of relu jumps at 0, where the last bit of a sum decides: at H 1760 and T 50 some 50 of 2.8 million units
# differ, each in a whole row of the weights' gradients. There the 2-norm of the difference is compared, as a share of
# the 2-norm of ours.
RELU_TOLERANCE = 1e-2


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
        if shape.cell == "rnn_relu" and (path.stem.startswith("d") or path.stem == "gradients"):
            apart = float(np.linalg.norm(mine - their) / np.linalg.norm(mine))
            if not apart <= RELU_TOLERANCE:  # true for NaN
                return f"{path.stem}: {apart:.3g} of its 2-norm apart"
            continue
        apart, largest = np.abs(mine - their), max(1.0, float(np.abs(mine).max()))
        if not float(apart.max()) <= TOLERANCE * largest:
            where = int(np.argmax(apart))
            return f"{path.stem}: {apart[where]:.3g} apart at number {where}, the largest entry is {largest:.3g}"
    return None
