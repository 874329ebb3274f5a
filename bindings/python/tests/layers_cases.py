"""Layers by name that several tests take."""

from __future__ import annotations

import swiftrnn


def layers(dtype: str = "float32", seed: int = 0) -> swiftrnn.Layers:
    return swiftrnn.Layers(
        embedding=swiftrnn.Embedding(9, 4, dtype=dtype, seed=seed),
        encoder=swiftrnn.LSTM(4, 5, bidirectional=True, dtype=dtype, seed=seed),
        drop=swiftrnn.Dropout(0.5, dtype=dtype, seed=seed),
        pool=swiftrnn.Pool("attention", 10, 3, dtype=dtype, seed=seed),
        output=swiftrnn.Linear(10, 2, dtype=dtype, seed=seed),
    )
