"""Drawing classes from logits: `sample`, one call by itself, and `Sampler`, which goes on from token to token."""

from __future__ import annotations

import secrets

import numpy as np
from numpy.typing import NDArray

from .. import _c as c
from .._arguments import integer, real, unsigned
from .._arrays import Array, address, placed, rows
from .._keywords import ChecksAttributes, answers_keywords
from ..errors import SwiftRNNError

Ids = NDArray[np.int64]


def sample(
    logits: Array,
    *,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    seed: int | None = None,
    position: int | None = None,
) -> Ids:
    """Draws a class per row of logits.

    Parameters
    ----------
    logits : ndarray [..., classes]
        Finite, or -inf for a class that is never drawn, as masks make it; not all -inf in a row.
    temperature : float
        Divides the logits; 0: the largest logit, the first of equals.
    top_k : int
        Only the k largest logits; 0: all.
    top_p : float
        Only the smallest set of most likely classes that reaches this probability, after top_k; 0 or 1: all.
    seed, position : int, optional
        In 0...2^64 - 1, both or neither. Neither: each call draws anew, with a seed from the operating system. Both:
        seed, position and row number give the random number, whatever was drawn before; the position is the token's
        place in its text. `Sampler` counts positions by itself.

    Returns
    -------
    ndarray of int64 [...]

    Raises
    ------
    ValueError
        A seed without a position, or a position without a seed; or a value is out of its range. A row of logits has NaN
        or inf, or nothing but -inf.

    Examples
    --------
    >>> import numpy as np, swiftrnn
    >>> swiftrnn.sample(np.array([[0.0, 3.0, 1.0], [2.0, 2.0, 0.0]]), temperature=0)
    array([1, 0])
    >>> logits = np.zeros(100)
    >>> bool(swiftrnn.sample(logits, seed=1, position=7) == swiftrnn.sample(logits, seed=1, position=7))
    True
    """
    array = rows(logits, "logits")
    if seed is None and position is None:
        seed, position = secrets.randbits(64), 0
    elif position is None:
        raise ValueError(
            "a seed needs a position, the token's place in its text: the same two draw the same number again. "
            "swiftrnn.Sampler(seed=…) counts positions by itself"
        )
    elif seed is None:
        raise ValueError("a position needs a seed: without one each call draws anew")
    ids = np.empty(array.shape[:-1], np.int64)
    config = c.SampleConfig(
        temperature=real(temperature, "temperature"),
        top_k=integer(top_k, "top_k"),
        top_p=real(top_p, "top_p"),
        seed=unsigned(seed, "seed"),
        seeded=1,
        position=unsigned(position, "position"),
    )
    code, drawn = c.dtype_code(array.dtype), c.int64s(address(ids))
    try:
        c.sample(code, c.byref(config), ids.size, array.shape[-1], address(array), drawn)
    except SwiftRNNError as error:
        raise placed(error, "logits", ids.shape) from None
    return ids


@answers_keywords
class Sampler(ChecksAttributes):
    """Draws one token after another: a call is `sample` with the sampler's seed and the next position.

    The same seed draws the same tokens from the same logits. A sampler can be pickled and copied, and goes on where it
    was. One thread at a time: give each text a sampler of its own.

    Parameters
    ----------
    temperature, top_k, top_p
        As for `sample`; attributes that may be changed between calls.
    seed : int, optional
        In 0...2^64 - 1. None: from the operating system.

    Attributes
    ----------
    seed : int
    position : int
        The position of the next call: 0 at first. May be set.

    Examples
    --------
    >>> import numpy as np, swiftrnn
    >>> sampler, again = swiftrnn.Sampler(temperature=0.8, seed=1), swiftrnn.Sampler(temperature=0.8, seed=1)
    >>> logits = np.zeros((1, 1000))
    >>> text = [int(sampler(logits)[0]) for _ in range(20)]
    >>> text == [int(again(logits)[0]) for _ in range(20)], len(set(text)) > 10, sampler.position
    (True, True, 20)
    """

    _attributes = ("temperature", "top_k", "top_p", "seed", "position")

    def __init__(self, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0, seed: int | None = None) -> None:
        self.temperature, self.top_k, self.top_p = temperature, top_k, top_p
        self.seed = secrets.randbits(64) if seed is None else unsigned(seed, "seed")
        self.position = 0
        self._draw(np.empty((0, 1)))  # the library checks the numbers

    def __call__(self, logits: Array) -> Ids:
        """Draws a class per row of logits [..., classes], and moves on by one position."""
        ids = self._draw(logits)
        self.position += 1
        return ids

    def _draw(self, logits: Array) -> Ids:
        return sample(
            logits,
            temperature=self.temperature,
            top_k=self.top_k,
            top_p=self.top_p,
            seed=self.seed,
            position=self.position,
        )

    def __repr__(self) -> str:
        settings = f"temperature={self.temperature!r}, top_k={self.top_k!r}, top_p={self.top_p!r}"
        return f"Sampler({settings}, seed={self.seed}, position={self.position})"
