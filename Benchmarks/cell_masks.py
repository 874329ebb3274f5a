"""The library's masks within a cell, in numpy: so that a loop in torch can have the same and be compared.

Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011), keyed by the seed. The unit u of the call that is the k-th of the text
to draw, counted from 0, in step t of sequence n, is kept if word u mod 4 of the counter (u / 4, t, n, 2048 (k + 1)) is
at least p 2^32; t is 2^32 - 1 for a mask of a whole sequence. The element e of a matrix: (e / 4, 0, 0, 2048 (k + 1)).
"""

from __future__ import annotations

import numpy as np

MULTIPLIERS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
WEYL = 0x9E3779B9, 0xBB67AE85
LOW, HALF = np.uint64(0xFFFFFFFF), np.uint64(32)
SEQUENCE = 0xFFFFFFFF


def philox(counter: tuple[np.ndarray, ...], seed: int) -> np.ndarray:
    """Four words, along a new last axis, for each counter of four words in uint64."""
    c0, c1, c2, c3 = counter
    halves = seed & 0xFFFFFFFF, seed >> 32
    for turn in range(10):
        k0, k1 = (np.uint64((half + turn * step) & 0xFFFFFFFF) for half, step in zip(halves, WEYL))
        p0, p1 = c0 * MULTIPLIERS[0], c2 * MULTIPLIERS[1]
        c0, c1, c2, c3 = (p1 >> HALF) ^ c1 ^ k0, p1 & LOW, (p0 >> HALF) ^ c3 ^ k1, p0 & LOW
    return np.stack([c0, c1, c2, c3], -1)


def kept(seed: int, number: int, probability: float, steps: list[int], sequences: int, units: int) -> np.ndarray:
    """Whether each unit is kept: [steps, sequences, units] of bool, for call `number` of the text."""
    groups = -(-units // 4)
    axes = (np.array(steps, np.uint64), np.arange(sequences, dtype=np.uint64), np.arange(groups, dtype=np.uint64))
    t, n, group = np.meshgrid(*axes, indexing="ij")
    words = philox((group, t, n, np.full_like(t, 2048 * (number + 1))), seed)
    flat = words.reshape(len(steps), sequences, 4 * groups)[..., :units]
    return flat >= np.uint64(int(probability * 2.0**32))
