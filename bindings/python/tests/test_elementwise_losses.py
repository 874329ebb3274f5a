"""Losses of numbers against numbers, against torch in float64; weights, lengths, bits, extremes."""

from __future__ import annotations

from typing import Any, Callable

import numpy as np
import pytest
import torch

import swiftrnn
from torch_reference import assert_same_bits

TYPES = pytest.mark.parametrize("dtype", ["float64", "float32"])
TOLERANCE = {"float64": 1e-13, "float32": 2e-6}
functional = torch.nn.functional

LOSSES: dict[str, tuple[Callable[..., Any], Callable[..., Any], dict[str, Any]]] = {
    "binary": (swiftrnn.binary_cross_entropy_with_logits, functional.binary_cross_entropy_with_logits, {}),
    "mse": (swiftrnn.mse_loss, functional.mse_loss, {}),
    "l1": (swiftrnn.l1_loss, functional.l1_loss, {}),
    "huber": (swiftrnn.huber_loss, functional.huber_loss, {}),
    "huber 0.3": (swiftrnn.huber_loss, functional.huber_loss, dict(delta=0.3)),
}
EACH = pytest.mark.parametrize("name", LOSSES)


def draw(name: str, dtype: str, *shape: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    targets = rng.random(shape) if name == "binary" else rng.standard_normal(shape)
    return (rng.standard_normal(shape) * 3).astype(dtype), targets.astype(dtype)


@TYPES
@EACH
@pytest.mark.parametrize("shape", [(1,), (3, 1), (7, 2), (5, 3, 17), (1, 4097), (300, 33), (4096, 1)])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("weighted", [False, True])
def test_against_torch(dtype: str, name: str, shape: tuple[int, ...], reduction: str, weighted: bool) -> None:
    call, reference, options = LOSSES[name]
    predictions, targets = draw(name, dtype, *shape)
    rng = np.random.default_rng(1)
    mine, theirs = dict(options), dict(options)
    if name == "binary" and weighted:
        mine["pos_weight"] = (rng.random(shape[-1]) * 3).astype(dtype)
        theirs["pos_weight"] = torch.from_numpy(mine["pos_weight"].astype(np.float64))
    p = torch.from_numpy(predictions.astype(np.float64)).requires_grad_()
    t = torch.from_numpy(targets.astype(np.float64))
    if weighted:
        mine["row_weights"] = np.asarray(rng.random(shape[:-1]) + 0.1, dtype)
        rows = torch.from_numpy(mine["row_weights"].astype(np.float64)).reshape(*shape[:-1], 1)
        expected = (reference(p, t, reduction="none", **theirs) * rows).sum()
        if reduction == "mean":
            expected = expected / (rows.sum() * shape[-1])
    else:
        expected = reference(p, t, reduction=reduction, **theirs)
    expected.backward()
    found = call(predictions, targets, reduction=reduction, **mine)
    assert abs(found.loss - float(expected.detach())) <= TOLERANCE[dtype] * max(1, float(expected.detach()))
    scale = max(1.0, float(p.grad.abs().max()))
    assert np.abs(found.gradient - p.grad.numpy()).max() <= TOLERANCE[dtype] * scale
    in_place = predictions.copy()
    again = call(in_place, targets, out=in_place, reduction=reduction, **mine)
    assert again.gradient is in_place and again.loss == found.loss
    assert_same_bits(in_place, found.gradient)
    without = call(predictions, targets, need_gradient=False, reduction=reduction, **mine)
    assert without.gradient is None and without.loss == found.loss


@EACH
def test_gradients_against_finite_differences(name: str) -> None:
    call, _, options = LOSSES[name]
    predictions, targets = draw(name, "float64", 4, 5)
    weights = np.array([1, 0.5, 0, 2])
    gradient = call(predictions, targets, row_weights=weights, **options).gradient
    for i in np.ndindex(predictions.shape):
        losses = []
        for step in (1e-6, -1e-6):
            moved = predictions.copy()
            moved[i] += step
            losses.append(call(moved, targets, row_weights=weights, **options).loss)
        assert abs(gradient[i] - (losses[0] - losses[1]) / 2e-6) <= 1e-8


@TYPES
@EACH
def test_bits_do_not_depend_on_threads(dtype: str, name: str, default_threads: None) -> None:
    call, _, options = LOSSES[name]
    predictions, targets = draw(name, dtype, 9001, 33)
    weights = np.random.default_rng(2).random(9001).astype(dtype)
    results = []
    for threads in (1, 2, 3, 8):
        swiftrnn.set_num_threads(threads)
        results.append(call(predictions, targets, row_weights=weights, **options))
    for other in results[1:]:
        assert other.loss == results[0].loss
        assert_same_bits(other.gradient, results[0].gradient)


@TYPES
@EACH
def test_lengths(dtype: str, name: str) -> None:
    """Rows behind the lengths weigh nothing, whatever stands there."""
    call, _, options = LOSSES[name]
    predictions, targets = draw(name, dtype, 6, 4, 5)
    lengths = [6, 0, 3, 1]
    valid = np.arange(6)[:, None] < np.array(lengths)
    damaged, other = predictions.copy(), targets.copy()
    damaged[~valid], other[~valid] = np.nan, np.inf
    found = call(damaged, other, lengths=lengths, **options)
    part = call(predictions[valid], targets[valid], **options)
    assert abs(found.loss - part.loss) <= TOLERANCE[dtype] * max(1, part.loss)
    assert np.abs(found.gradient[valid] - part.gradient).max() <= TOLERANCE[dtype]
    assert not found.gradient[~valid].any()
    weights = np.random.default_rng(5).random((6, 4)).astype(dtype)
    both = call(damaged, other, lengths=lengths, row_weights=weights, **options)
    masked = call(predictions, targets, row_weights=weights * valid, **options)
    assert both.loss == masked.loss
    assert_same_bits(both.gradient[valid], masked.gradient[valid])
    nothing = call(damaged, other, lengths=[0] * 4, **options)
    assert nothing.loss == 0 and not nothing.gradient.any()


@TYPES
def test_extremes(dtype: str) -> None:
    logits = np.array([[1e30, -1e30, 1e30, -1e30, 1000, -1000, 0, np.inf, -np.inf]]).astype(dtype)
    targets = np.array([[1, 0, 0, 1, 1, 0, 1, 1, 0]], dtype)
    found = swiftrnn.binary_cross_entropy_with_logits(logits, targets, reduction="sum")
    assert abs(found.loss / (2 * float(logits[0, 0])) - 1) < 1e-12
    assert found.gradient.tolist() == [[0, 0, 1, -1, 0, 0, -0.5, 0, 0]]
    small = np.array([[-50.0, 50.0]], dtype)
    found = swiftrnn.binary_cross_entropy_with_logits(small, np.array([[0, 1]], dtype), reduction="sum")
    assert abs(found.loss / (2 * np.exp(-50.0)) - 1) < 1e-6, "log(1 + e) where e is small"
    assert np.abs(found.gradient / (np.exp(-50.0) * np.array([1, -1])) - 1).max() < 1e-6
    p, t = np.array([[1e30, -1e30]], dtype), np.array([[-1e30, 1e30]], dtype)
    assert abs(swiftrnn.l1_loss(p, t).loss / 2e30 - 1) < 1e-6
    assert abs(swiftrnn.mse_loss(p, t).loss / 4e60 - 1) < 1e-6, "no overflow of float's squares"
    assert swiftrnn.huber_loss(p, t, delta=2.0).gradient.tolist() == [[1, -1]]
    assert abs(swiftrnn.huber_loss(p, t, delta=2.0).loss / 4e30 - 1) < 1e-6
    if dtype == "float64":
        many = np.full((1, 100), 1e307)
        assert abs(swiftrnn.l1_loss(many, -many).loss / 2e307 - 1) < 1e-12, "a sum beyond the largest double"
    nan = swiftrnn.huber_loss(np.array([[np.nan, 1]], dtype), np.array([[0, 0]], dtype))
    assert np.isnan(nan.loss) and np.isnan(nan.gradient[0, 0]) and nan.gradient[0, 1] == 0.5


def test_refusals_and_nothing() -> None:
    p = np.ones((2, 3))
    for call, given, error, text in (
        (swiftrnn.mse_loss, dict(reduction="none"), ValueError, "reduction: expected 'mean' or 'sum'"),
        (swiftrnn.huber_loss, dict(delta=0.0), ValueError, "delta is 0, must be finite and above 0"),
        (swiftrnn.huber_loss, dict(delta="1"), TypeError, "delta: expected a number, got str"),
        (swiftrnn.l1_loss, dict(row_weights=np.array([1, -2.0])), ValueError, r"row_weights\[1\] has -2"),
        (swiftrnn.l1_loss, dict(row_weights=np.ones(3)), ValueError, r"row_weights: expected shape \[2\], got \[3\]"),
        (swiftrnn.l1_loss, dict(lengths=[1, 2]), ValueError, "lengths: expected one for each of N sequences"),
        (swiftrnn.l1_loss, dict(out=np.ones((2, 3)), need_gradient=False), ValueError, "out was given"),
    ):  # fmt: skip
        with pytest.raises(error, match=text):
            call(p, p, **given)
    with pytest.raises(ValueError, match=r"targets: expected shape \[2, 3\], got \[3, 2\]"):
        swiftrnn.mse_loss(p, np.ones((3, 2)))
    with pytest.raises(TypeError, match="targets: expected float64, got float32"):
        swiftrnn.mse_loss(p, np.ones((2, 3), np.float32))
    with pytest.raises(ValueError, match=r"lengths\[1\] is 3, must be in 0...2"):
        swiftrnn.mse_loss(np.ones((2, 2, 3)), np.ones((2, 2, 3)), lengths=[0, 3])
    for shape in ((0, 3), (3, 0), (0, 0, 4)):
        found = swiftrnn.mse_loss(np.ones(shape), np.ones(shape))
        assert found.loss == 0 and found.gradient.shape == shape
    with pytest.raises(ValueError, match=r"pos_weight\[1\] has -1, must be finite and 0 or more"):
        swiftrnn.binary_cross_entropy_with_logits(p, p, pos_weight=np.array([1, -1.0, 1]))
