"""Initial values of a single matrix or vector, drawn by the library as the parameters of a network are."""

from __future__ import annotations

import functools
import hashlib
from typing import Any

from .. import _c as c
from .._arrays import Array, address
from .._handles import Config, NetworkHandle
from .._initializers import Distribution, initializer
from ..cell import Cell

# One gate without a state: W [H, I] is its matrix, b [H] its bias.
_TEXT = "h' = W @ x + b"


@functools.lru_cache(maxsize=1)
def _cell() -> Cell:
    return Cell(_TEXT)


def derived_seed(seed: int, name: str) -> int:
    """A seed for the part called `name` of what `seed` is of, the same on every machine."""
    return int.from_bytes(hashlib.blake2b(f"{seed} {name}".encode(), digest_size=8).digest(), "little")


def check_distributions(weights: Distribution, bias: Distribution) -> None:
    """Refuses what `draw` would, before anything is drawn."""
    initializer(weights, "torch", bias, None, None)


def draw(array: Array, inputs: int, weights: Distribution, bias: Distribution, *, is_bias: bool, seed: int) -> None:
    """Fills a parameter from a distribution, as `Network.initialize` has them.

    Parameters
    ----------
    array : ndarray [rows, inputs] or [n]
        C-contiguous. A vector that is no bias is drawn as a matrix of one row.
    inputs : int
        Terms of a sum: the columns of the matrix; for a bias, the columns of the matrix that it goes with.
    weights, bias : str, float or (str, float)
        Both are checked; `is_bias` says which one counts.
    seed : int
    """
    rows = array.shape[0] if is_bias or array.ndim == 2 else 1
    made = initializer(weights, "torch", bias, None, None)
    config = Config(
        cell="equations", dtype=array.dtype.name, input_size=inputs, hidden_size=rows, num_layers=1, bias=True,
        batch_first=False, dropout=0.0, bidirectional=False, proj_size=0, num_threads=1, equations=_cell(),
    )  # fmt: skip
    handle = NetworkHandle(config)
    wanted = "b_l0" if is_bias else "W_l0"
    pointers: Any = c.pointers([address(array) if info.name == wanted else None for info in handle.parameters])
    c.network_initialize_with(handle.pointer, c.byref(made), seed, pointers, len(handle.parameters))
