"""Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011) in numpy, written from the paper, and the dropout masks from it."""

from __future__ import annotations

import numpy as np

_MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_WEYL = (0x9E3779B9, 0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)


def philox4x32(counter: np.ndarray, key: tuple[int, int]) -> np.ndarray:
    """`counter` [..., 4] of 32-bit words in uint64, `key` two words; returns four words per counter."""
    c0, c1, c2, c3 = (counter[..., i].astype(np.uint64) for i in range(4))
    for turn in range(10):
        k0 = np.uint64((key[0] + turn * _WEYL[0]) & 0xFFFFFFFF)
        k1 = np.uint64((key[1] + turn * _WEYL[1]) & 0xFFFFFFFF)
        product0, product1 = c0 * _MULTIPLIERS[0], c2 * _MULTIPLIERS[1]
        c0, c1, c2, c3 = (
            (product1 >> _SHIFT) ^ c1 ^ k0, product1 & _LOW, (product0 >> _SHIFT) ^ c3 ^ k1, product0 & _LOW
        )  # fmt: skip
    return np.stack([c0, c1, c2, c3], -1)


def dropout_mask(
    seed: int, probability: float, steps: int, sequences: int, units: int, layer: int, directions: int,
    first_sequence: int = 0,
) -> np.ndarray:  # fmt: skip
    """What a layer's output [T, N, D*P] is multiplied by: 0, or 1 / (1 - probability)."""
    key = (seed & 0xFFFFFFFF, seed >> 32)
    threshold = np.uint64(np.floor(probability * 2.0**32))
    t, n, unit = np.meshgrid(np.arange(steps), np.arange(sequences), np.arange(units), indexing="ij")
    masks = []
    for direction in range(directions):
        counter = np.stack([unit // 4, t, n + first_sequence, np.full_like(t, 2 * layer + direction)], -1)
        words = philox4x32(counter.astype(np.uint64), key)
        word = np.take_along_axis(words, (unit % 4)[..., np.newaxis], -1)[..., 0]
        masks.append(np.where(word >= threshold, 1.0 / (1.0 - probability), 0.0))
    return np.concatenate(masks, -1)
