"""Norms whose squares overflow or vanish: of gradients that are clipped, and of rows in cells' equations."""

from __future__ import annotations

import numpy as np
import pytest

import swiftrnn


@pytest.mark.parametrize(
    ("gradient", "limit", "norm", "clipped"),
    [
        ([3e154, 4e154], 1.0, 5e154, [0.6, 0.8]),
        ([3e-200, 4e-200], 1.0, 5e-200, [3e-200, 4e-200]),
        ([3e-200, 4e-200], 1e-200, 5e-200, [0.6e-200, 0.8e-200]),
        ([3e307, -4e307], 1e-300, 5e307, [0.6e-300, -0.8e-300]),
        ([1.5e308, 1.5e308], 2.0, np.inf, [2**0.5, 2**0.5]),
    ],
)
def test_clipping(gradient: list[float], limit: float, norm: float, clipped: list[float]) -> None:
    array = np.array(gradient)
    np.testing.assert_allclose(swiftrnn.clip_grad_norm([array], limit), norm, rtol=1e-14)
    np.testing.assert_allclose(array, clipped, rtol=1e-14)


def test_what_is_not_finite_stays() -> None:
    for bad in (np.nan, np.inf):
        array = np.array([3e200, bad])
        assert not np.isfinite(swiftrnn.clip_grad_norm([array], 1.0))
        assert array[0] == 3e200


@pytest.mark.parametrize("name", ["layer_norm", "rms_norm"])
@pytest.mark.parametrize(
    ("dtype", "scale"),
    [("float32", 2.0**67), ("float32", 2.0**126), ("float64", 2.0**670), ("float64", 2.0**1000)],
)
def test_rows_of_cells(name: str, dtype: str, scale: float) -> None:
    """Beside such squares eps is nothing: the norm of a multiple of a row is that of the row, and its gradient is that
    of the row, divided by the factor."""
    layer = swiftrnn.Cell(f"h' = {name}(x)").layer(9, 9, dtype=dtype)
    rng = np.random.default_rng(1)
    row = rng.uniform(-1, 1, (1, 1, 9))
    slope = rng.uniform(-1, 1, (1, 1, 9)).astype(dtype)

    center = row.mean() if name == "layer_norm" else 0.0
    deviation = np.sqrt(((row - center) ** 2).mean())
    normed = (row - center) / deviation
    wide = slope.astype(np.float64)
    gradient = (wide - (wide.mean() if name == "layer_norm" else 0) - normed * (wide * normed).mean()) / deviation

    x = (row * scale).astype(dtype)
    y, _, tape = layer.forward(x)
    tolerance = 2e-6 if dtype == "float32" else 1e-14
    np.testing.assert_allclose(y, normed, rtol=0, atol=4 * tolerance)
    # Times the square root of the factor, twice, so that nothing leaves the type's range.
    root = np.asarray(scale**0.5, dtype)
    dx = tape.backward(slope * root).x * root
    np.testing.assert_allclose(dx, gradient, rtol=0, atol=16 * tolerance)
