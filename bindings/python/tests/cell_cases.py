"""Networks of cells of equations that tests share, and what they read."""

from __future__ import annotations

from typing import Any

import numpy as np

import swiftrnn

F = np.float32
CELLS = swiftrnn.cells()
SIZES: dict[str, dict[str, int]] = {
    "jordan": {"O": 5}, "lstm_projected": {"P": 4}, "lstm_projected_bias": {"P": 4},
    "fast_grnn_low_rank": {"Rw": 2, "Ru": 3}, "cfc": {"B": 5}, "slstm": {"heads": 3}, "slstm_exp": {"heads": 3},
    "slstm_flashrnn": {"heads": 3},
}  # fmt: skip
TWO_INPUTS = """
input a
input e
size e = E
h' = tanh(W @ x + V @ e + U @ h) * a
"""


def normal(*shape: int, seed: int = 0, dtype: Any = F) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def network_of(name: str, **options: Any) -> swiftrnn.CellNetwork:
    """A network of a cell of the library, I = H = 9: some cells need that."""
    network = swiftrnn.Cell(name).layer(9, 9, seed=0, **options, **SIZES.get(name, {}))
    for parameter, view in network.parameters.items():
        if parameter[:2] in ("vz", "vn"):  # Li-GRU's variances
            view[:] = 1
    return network


def inputs_of(network: swiftrnn.CellNetwork, *lead: int) -> dict[str, np.ndarray]:
    return {name: np.abs(normal(*lead, width, dtype=network.dtype)) for name, width in network.inputs.items()}
