"""Dropout, and its gradient."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from .. import _c as c
from .._arguments import below_one, integer, unsigned
from .._arrays import Array, address, rows, writeable
from .._batch import needs_seed


class Dropped(NamedTuple):
    """Results of `dropout`: y, and the seed of the mask."""

    y: Array
    seed: int


def _dropout(
    x: Array, name: str, p: float, seed: int | None, layer: int, first_step: int, first_sequence: int, out: Array | None
) -> Dropped:
    array = rows(x, name)
    y = np.empty_like(array) if out is None else writeable(out, "out", array.dtype, array.shape)
    steps, sequences = math.prod(array.shape[:-2]), math.prod(array.shape[-2:-1])
    first_step = integer(first_step, "first_step", 0, 2**32 - min(steps, 2**32))
    first_sequence = integer(first_sequence, "first_sequence", 0, 2**32 - min(sequences, 2**32))
    needs_seed(seed, first_step, "first_step", "parts of a sequence")
    needs_seed(seed, first_sequence, "first_sequence", "parts of a batch")
    config = c.DropoutConfig(
        p=below_one(p, "p"),
        layer=integer(layer, "layer", 0, 2**31 - 1),
        seed=0 if seed is None else unsigned(seed, "seed"),
        first_step=first_step,
        first_sequence=first_sequence,
        seeded=seed is not None,
    )
    used = np.empty(1, np.uint64)
    c.dropout(
        c.dtype_code(array.dtype), c.byref(config), steps, sequences, array.shape[-1], address(array), address(y),
        c.uint64s(address(used)),
    )  # fmt: skip
    return Dropped(y, int(used[0]))


def dropout(
    x: Array,
    p: float,
    *,
    seed: int | None = None,
    layer: int = 0,
    first_step: int = 0,
    first_sequence: int = 0,
    out: Array | None = None,
) -> Dropped:
    """Inverted dropout (Srivastava et al. 2014): ``y = mask * x / (1 - p)``.

    Parameters
    ----------
    x : ndarray [..., N, width]
        All dimensions before the last two are steps.
    p : float
        In [0, 1): how likely a number becomes 0.
    seed : int, optional
        In 0...2^64 - 1: seed, layer, step, sequence and unit decide what is dropped. None: each call draws anew.
    layer : int
        In 0...2^31 - 1: tells the dropout layers of a model apart that have one seed. Networks of the same seed have
        other masks in any case.
    first_step, first_sequence : int
        Added to a step's and a sequence's index in the mask, so that an array in parts has the masks of the whole. With
        a seed only.
    out : ndarray, optional
        In x's shape, C-contiguous: receives y. May be `x` itself.

    Returns
    -------
    y : ndarray
        As x.
    seed : int
        The seed of the mask: for `dropout_backward`.

    Examples
    --------
    >>> import numpy as np, swiftrnn
    >>> x = np.ones((5, 2, 100))
    >>> y, seed = swiftrnn.dropout(x, 0.5)
    >>> sorted(set(y.ravel().tolist()))
    [0.0, 2.0]
    >>> dx = swiftrnn.dropout_backward(np.ones_like(y), 0.5, seed)
    >>> bool((dx == y).all())
    True
    """
    return _dropout(x, "x", p, seed, layer, first_step, first_sequence, out)


def dropout_backward(
    dy: Array,
    p: float,
    seed: int,
    *,
    layer: int = 0,
    first_step: int = 0,
    first_sequence: int = 0,
    out: Array | None = None,
) -> Array:
    """The gradient of `dropout` for x: ``dx = mask * dy / (1 - p)``, by the mask of the same seed and places.

    Parameters
    ----------
    dy : ndarray [..., N, width]
    p : float
        As for `dropout`.
    seed : int
        The seed that `dropout` returned.
    layer, first_step, first_sequence
        As for `dropout`.
    out : ndarray, optional
        Receives dx. May be `dy` itself.

    Returns
    -------
    ndarray
        As dy.

    Examples
    --------
    >>> import numpy as np, swiftrnn
    >>> y, seed = swiftrnn.dropout(np.ones((4, 3)), 0.25, seed=7)
    >>> bool((swiftrnn.dropout_backward(np.ones((4, 3)), 0.25, seed) == y).all())
    True
    """
    return _dropout(dy, "dy", p, unsigned(seed, "seed"), layer, first_step, first_sequence, out).y
