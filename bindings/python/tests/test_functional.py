"""Embedding, linear layer and cross-entropy, against torch in float64 and against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import swiftrnn
from torch_reference import assert_same_bits
from workers import check_helpers

TOLERANCE = {"float64": 1e-10, "float32": 3e-5}
TYPES = pytest.mark.parametrize("dtype", ["float64", "float32"])
SIZES = [(1, 1, 1), (7, 5, 3), (3, 17, 33), (65, 31, 90), (300, 64, 128), (33, 129, 257)]


def close(found: np.ndarray, expected: torch.Tensor | np.ndarray, dtype: str) -> None:
    theirs = expected.detach().numpy() if isinstance(expected, torch.Tensor) else expected
    assert found.shape == theirs.shape and found.dtype == dtype
    scale = max(1.0, float(np.abs(theirs).max(initial=0)))
    assert np.abs(found - theirs).max(initial=0) <= TOLERANCE[dtype] * scale


def draw(rng: np.random.Generator, dtype: str, *shape: int) -> np.ndarray:
    return rng.standard_normal(shape).astype(dtype)


def tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(array.astype(np.float64)).requires_grad_()


# ---- Embedding -------------------------------------------------------------------------------------------------------


@TYPES
@pytest.mark.parametrize(
    "vocabulary, width, shape", [(1, 1, (3,)), (11, 5, (4, 6)), (300, 33, (50, 7)), (5, 64, (2000,)), (40, 70, (4500,))]
)
def test_embedding(dtype: str, vocabulary: int, width: int, shape: tuple[int, ...], default_threads: None) -> None:
    rng = np.random.default_rng(0)
    weight, ids = draw(rng, dtype, vocabulary, width), rng.integers(0, vocabulary, shape)
    out = swiftrnn.embedding(weight, ids)
    assert_same_bits(out, weight[ids])
    dout = draw(rng, dtype, *shape, width)
    found = swiftrnn.embedding_backward(dout, ids, vocabulary)
    expected = np.zeros((vocabulary, width), dtype)  # the contract's order: ascending tokens, from zero
    for token, gradient in zip(ids.ravel(), dout.reshape(-1, width)):
        expected[token] += gradient
    assert_same_bits(found, expected)
    into = np.ones((vocabulary, width), dtype)
    assert swiftrnn.embedding_backward(dout, ids, vocabulary, accumulate_into=into) is into
    close(into, 1 + expected, dtype)
    for threads in (1, 2, 3, 8):
        swiftrnn.set_num_threads(threads)
        assert_same_bits(swiftrnn.embedding_backward(dout, ids, vocabulary), found)
        assert_same_bits(swiftrnn.embedding(weight, ids), out)
        if dout.size > 300_000:
            check_helpers(lambda: swiftrnn.embedding(weight, ids), threads)
            check_helpers(lambda: swiftrnn.embedding_backward(dout, ids, vocabulary), threads)


def test_embedding_layouts_and_errors() -> None:
    weight, ids = np.arange(12.0).reshape(4, 3), np.array([[3, 0], [1, 1]])
    assert_same_bits(swiftrnn.embedding(np.asfortranarray(weight), ids.T), weight[ids.T])
    assert swiftrnn.embedding(weight, ids[:0]).shape == (0, 2, 3)
    assert not swiftrnn.embedding_backward(np.zeros((0, 3)), ids[0, :0], 4).any()
    for wrong in (-1, 4, 2**62):
        with pytest.raises(swiftrnn.SwiftRNNError, match=str(wrong)) as caught:
            swiftrnn.embedding(weight, np.array([0, wrong]))
        assert isinstance(caught.value, ValueError)
        into = np.ones((4, 3))
        with pytest.raises(swiftrnn.SwiftRNNError, match=str(wrong)):
            swiftrnn.embedding_backward(np.zeros((2, 3)), np.array([0, wrong]), 4, accumulate_into=into)
        assert (into == 1).all()
    with pytest.raises(TypeError, match="ids: expected integers, got float64"):
        swiftrnn.embedding(weight, ids.astype(float))
    with pytest.raises(TypeError, match="weight: expected float32 or float64, got int64"):
        swiftrnn.embedding(ids, ids)
    with pytest.raises(ValueError, match=r"dout: expected shape \[2, 2\] \+ \[width\], got \[2, 3\]"):
        swiftrnn.embedding_backward(np.zeros((2, 3)), ids, 4)
    with pytest.raises(ValueError, match="vocabulary: -1"):
        swiftrnn.embedding_backward(np.zeros((2, 2, 3)), ids, -1)


# ---- Linear ----------------------------------------------------------------------------------------------------------


@TYPES
@pytest.mark.parametrize("rows, inputs, outputs", SIZES)
@pytest.mark.parametrize("with_bias", [True, False])
def test_linear(
    dtype: str, rows: int, inputs: int, outputs: int, with_bias: bool, default_threads: None
) -> None:
    rng = np.random.default_rng(1)
    x, weight, dy = draw(rng, dtype, rows, inputs), draw(rng, dtype, outputs, inputs), draw(rng, dtype, rows, outputs)
    bias = draw(rng, dtype, outputs) if with_bias else None
    tensors = [tensor(x), tensor(weight), *([tensor(bias)] if with_bias else [])]
    expected = torch.nn.functional.linear(*tensors)
    y = swiftrnn.linear(x, weight, bias)
    close(y, expected, dtype)
    gradients = torch.autograd.grad((expected * torch.from_numpy(dy)).sum(), tensors)
    found = swiftrnn.linear_backward(dy, x, weight)
    close(found.x, gradients[0], dtype)
    close(found.weight, gradients[1], dtype)
    close(found.bias, dy.astype(np.float64).sum(0), dtype)
    for threads in (1, 2, 3, 8):
        swiftrnn.set_num_threads(threads)
        assert_same_bits(swiftrnn.linear(x, weight, bias), y)
        assert_same_bits(list(swiftrnn.linear_backward(dy, x, weight)), list(found))
        if rows == 300:  # 2.4 million multiply-adds; half a million for each thread
            check_helpers(lambda: swiftrnn.linear(x, weight, bias), threads)
            check_helpers(lambda: swiftrnn.linear_backward(dy, x, weight), threads)
    cut = rows // 2  # a row's result does not depend on the others
    assert_same_bits(swiftrnn.linear(x[cut:], weight, bias), y[cut:])
    assert_same_bits(swiftrnn.linear_backward(dy[cut:], x[cut:], weight).x, found.x[cut:])


def test_linear_options_and_errors() -> None:
    rng = np.random.default_rng(2)
    x, weight, dy = draw(rng, "float32", 4, 5, 3), draw(rng, "float32", 7, 3), draw(rng, "float32", 4, 5, 7)
    full = swiftrnn.linear_backward(dy, x, weight)
    assert full.x.shape == x.shape
    assert swiftrnn.linear(x, weight).shape == (4, 5, 7)
    assert_same_bits(swiftrnn.linear(x.transpose(1, 0, 2), weight), swiftrnn.linear(x, weight).transpose(1, 0, 2))
    for wanted in ("x", "weight", "bias"):
        options = {f"need_{name}": name == wanted for name in ("x", "weight", "bias")}
        found = swiftrnn.linear_backward(dy, x, weight, **options)
        assert_same_bits(getattr(found, wanted), getattr(full, wanted))
        assert sum(part is not None for part in found) == 1
    into = (np.ones((7, 3), np.float32), np.ones(7, np.float32))
    added = swiftrnn.linear_backward(dy, x, weight, need_x=False, accumulate_into=into)
    assert added.weight is into[0] and added.bias is into[1]
    close(into[0], full.weight.astype(float) + 1, "float32")
    close(into[1], full.bias.astype(float) + 1, "float32")
    empty = swiftrnn.linear_backward(dy[:0], x[:0], weight)
    assert not empty.weight.any() and not empty.bias.any() and empty.x.shape == (0, 5, 3)
    with pytest.raises(ValueError, match=r"x: expected shape \[..., 3\], got \[4, 2\]"):
        swiftrnn.linear(np.zeros((4, 2), np.float32), weight)
    mismatch = r"^x is float64 and weight is float32: they must be of one type"
    with pytest.raises(TypeError, match=mismatch):
        swiftrnn.linear(x.astype(float), weight)
    with pytest.raises(TypeError, match=mismatch):
        swiftrnn.linear_backward(dy, x.astype(float), weight)
    with pytest.raises(TypeError, match="^x is float32 and bias is float64: they must"):
        swiftrnn.linear(x, weight, np.zeros(7))
    with pytest.raises(TypeError, match="^x is float32 and dy is float64: they must"):
        swiftrnn.linear_backward(dy.astype(float), x, weight)
    with pytest.raises(ValueError, match=r"bias: expected shape \[7\], got \[3\]"):
        swiftrnn.linear(x, weight, np.zeros(3, np.float32))
    with pytest.raises(ValueError, match=r"dy: expected shape \[4, 5, 7\], got \[4, 5, 3\]"):
        swiftrnn.linear_backward(x, x, weight)


# ---- Cross-entropy ---------------------------------------------------------------------------------------------------


@TYPES
@pytest.mark.parametrize("rows, classes", [(1, 1), (6, 2), (50, 33), (9, 4097), (5000, 7), (333, 100), (3001, 101)])
@pytest.mark.parametrize("ignored", [0.0, 0.3, 1.0])
def test_cross_entropy(dtype: str, rows: int, classes: int, ignored: float, default_threads: None) -> None:
    rng = np.random.default_rng(3)
    logits, targets = draw(rng, dtype, rows, classes) * 5, rng.integers(0, classes, rows)
    targets[rng.random(rows) < ignored] = -100
    count = int((targets != -100).sum())
    expected_logits = tensor(logits)
    expected = torch.nn.functional.cross_entropy(expected_logits, torch.from_numpy(targets), reduction="none")
    mean = expected.sum() / max(count, 1)
    gradient = torch.autograd.grad(mean, expected_logits)[0]

    row_losses = np.full(rows, np.nan)
    loss, dlogits, perplexity = swiftrnn.cross_entropy(logits, targets, row_losses=row_losses)
    close(dlogits, gradient, dtype)
    assert np.abs(row_losses - expected.detach().numpy()).max() <= TOLERANCE[dtype] * 50
    assert (row_losses[targets == -100] == 0).all()
    assert abs(loss - float(mean.detach())) <= TOLERANCE[dtype] * max(1, loss)
    assert abs(perplexity / np.exp(loss) - 1) <= 1e-14
    assert loss == 0 or count
    in_place = logits.copy()
    again = swiftrnn.cross_entropy(in_place, targets, out=in_place)
    assert again.dlogits is in_place
    assert_same_bits(in_place, dlogits)
    for threads in (1, 2, 3, 8):
        swiftrnn.set_num_threads(threads)
        found = swiftrnn.cross_entropy(logits, targets)
        assert (found.loss, found.perplexity) == (loss, perplexity)
        assert_same_bits(found.dlogits, dlogits)
        if logits.size > 300_000:
            check_helpers(lambda: swiftrnn.cross_entropy(logits, targets), threads)
    without = swiftrnn.cross_entropy(logits, targets, need_gradient=False)
    assert without.dlogits is None and without.loss == loss


@TYPES
def test_cross_entropy_of_extreme_logits(dtype: str) -> None:
    logits = np.array([[1000.0, 0.0, -1000.0], [-1e30, -1e30, -1e30], [80.0, 80.0, -np.inf]]).astype(dtype)
    loss, dlogits, _ = swiftrnn.cross_entropy(logits, np.array([0, 1, 1]))
    assert np.isfinite(loss) and abs(loss - (0 + np.log(3) + np.log(2)) / 3) < 1e-6
    assert np.isfinite(dlogits).all()
    assert np.abs(dlogits.sum(1)).max() < 1e-6


@TYPES
def test_cross_entropy_of_classes_that_a_mask_leaves_out(dtype: str) -> None:
    logits = draw(np.random.default_rng(4), dtype, 6, 5)
    logits[::2, 1] = logits[1, 3:] = -np.inf
    targets = np.array([0, 2, 4, 1, 3, 0])
    theirs = tensor(logits)
    expected = torch.nn.functional.cross_entropy(theirs, torch.from_numpy(targets))
    loss, dlogits, _ = swiftrnn.cross_entropy(logits, targets)
    assert abs(loss - float(expected)) < TOLERANCE[dtype]
    close(dlogits, torch.autograd.grad(expected, theirs)[0], dtype)
    assert not dlogits[np.isneginf(logits)].any()
    of_rows = np.empty(6)
    targets[2] = 1
    loss, dlogits, perplexity = swiftrnn.cross_entropy(logits, targets, row_losses=of_rows)
    assert loss == perplexity == np.inf and np.isposinf(of_rows).tolist() == [False, False, True, False, False, False]
    assert np.isfinite(dlogits).all()


def test_cross_entropy_options_and_errors() -> None:
    logits = np.random.default_rng(0).standard_normal((4, 3, 5))
    targets = np.array([[0, 4, 7], [1, 1, 7], [2, 0, 0], [7, 7, 7]])
    found = swiftrnn.cross_entropy(logits, targets, ignore_index=7)
    assert found.dlogits.shape == logits.shape and not found.dlogits[3].any()
    flat = swiftrnn.cross_entropy(logits.reshape(12, 5), targets.ravel(), ignore_index=7)
    assert flat.loss == found.loss
    before = logits.copy()
    with pytest.raises(swiftrnn.SwiftRNNError, match="7"):
        swiftrnn.cross_entropy(logits, targets, out=logits)
    assert_same_bits(logits, before, "nothing was written")
    with pytest.raises(ValueError, match=r"targets: expected shape \[4, 3\], got \[12\]"):
        swiftrnn.cross_entropy(logits, targets.ravel())
    with pytest.raises(TypeError, match="row_losses: expected float64, got float32"):
        swiftrnn.cross_entropy(logits, targets, ignore_index=7, row_losses=np.zeros((4, 3), np.float32))
    empty = swiftrnn.cross_entropy(logits[:0], targets[:0])
    assert empty.loss == 0 and empty.perplexity == 1
