"""Pooling over steps against torch ops in float64 with autograd, and dropout by itself against Philox's counters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import swiftrnn
from philox import philox4x32
from swiftrnn import PoolGradients
from torch_reference import assert_same_bits
from workers import check_helpers

TOLERANCE = {"float64": 1e-10, "float32": 3e-5}
TYPES = pytest.mark.parametrize("dtype", ["float64", "float32"])
KINDS = ("last", "mean", "max", "attention")
SIZES = [(1, 1, 2, 1), (7, 3, 6, 5), (33, 5, 34, 17), (20, 2, 130, 31), (300, 4, 16, 16), (0, 3, 4, 2), (4, 0, 4, 2)]


def close(found: Any, expected: Any, dtype: str, what: str = "") -> None:
    theirs = expected.detach().numpy() if isinstance(expected, torch.Tensor) else expected
    assert found.shape == theirs.shape and found.dtype == dtype, what
    scale = max(1.0, float(np.abs(theirs).max(initial=0)))
    assert np.abs(found - theirs).max(initial=0) <= TOLERANCE[dtype] * scale, what


def reference(kind: str, y: Any, counts: Any, bidirectional: bool, p: Any) -> Any:
    """[N, W] and the weights [T, N], by torch, sequence by sequence."""
    outs, weights = [], torch.zeros(y.shape[:2], dtype=torch.float64)
    for n in range(y.shape[1]):
        own = y[torch.from_numpy(counts[:, n]), n]
        if len(own) == 0:
            outs.append(torch.zeros(y.shape[2], dtype=torch.float64))
        elif kind == "last":
            half = y.shape[2] // 2 if bidirectional else y.shape[2]
            outs.append(torch.cat([own[-1, :half], own[0, half:]]))
        elif kind == "mean":
            outs.append(own.mean(0))
        elif kind == "max":
            outs.append(own.max(0).values)
        else:
            w = torch.softmax(torch.tanh(own @ p["weight"].T + p.get("bias", 0)) @ p["query"], 0)
            weights[torch.from_numpy(counts[:, n]), n] = w.detach()
            outs.append(w @ own)
    return torch.stack(outs) if outs else torch.zeros((0, y.shape[2]), dtype=torch.float64), weights


def case(sizes: Any, kind: str, dtype: str, which: str, bias: bool = True) -> Any:
    steps, sequences, width, size = sizes
    rng = np.random.default_rng(0)
    y = rng.standard_normal((steps, sequences, width)).astype(dtype)
    options: dict[str, Any] = {}
    counts = np.ones((steps, sequences), bool)
    if "lengths" in which:
        options["lengths"] = rng.integers(0, steps + 1, sequences)
        counts &= np.arange(steps)[:, None] < options["lengths"]
    if "mask" in which:
        options["mask"] = rng.random((steps, sequences)) < 0.7
        counts &= options["mask"]
    y[~counts] = np.nan
    p = {}
    if kind == "attention":
        shapes = {"weight": (size, width), "bias": (size,), "query": (size,)}
        p = {name: rng.standard_normal(shape).astype(dtype) for name, shape in shapes.items() if bias or name != "bias"}
    return y, counts, p, options


@TYPES
@pytest.mark.parametrize("kind", [*KINDS, "last of two directions", "attention without bias"])
@pytest.mark.parametrize("which", ["all", "lengths", "mask", "lengths and mask"])
@pytest.mark.parametrize("sizes", SIZES)
def test_pool_against_torch(dtype: str, kind: str, which: str, sizes: Any, default_threads: None) -> None:
    kind, bidirectional, bias = kind.split()[0], "directions" in kind, "without" not in kind
    y, counts, p, options = case(sizes, kind, dtype, which, bias)
    if bidirectional:
        options["bidirectional"] = True
    attends = kind == "attention"
    out, weights = swiftrnn.pool(y, kind, **p, **options, need_weights=attends)
    ty = torch.from_numpy(np.nan_to_num(y.astype(np.float64))).requires_grad_()
    tp = {name: torch.from_numpy(a.astype(np.float64)).requires_grad_() for name, a in p.items()}
    expected, theirs = reference(kind, ty, counts, bidirectional, tp)
    close(out, expected, dtype)
    if attends:
        close(weights, theirs, dtype)
    else:
        assert weights is None
    dout = np.random.default_rng(1).standard_normal(out.shape).astype(dtype)
    inputs = [ty, *tp.values()]
    loss = (expected * torch.from_numpy(dout)).sum() + 0 * ty.sum()
    wanted = torch.autograd.grad(loss, inputs, allow_unused=True)
    wanted = [torch.zeros_like(x) if g is None else g for x, g in zip(inputs, wanted)]
    found = swiftrnn.pool_backward(dout, y, kind, **p, **options)
    for name, gradient in zip(["y", *p], wanted):
        close(getattr(found, name), gradient, dtype, name)
    assert not found.y[~counts].any()
    into = PoolGradients(None, *(None if g is None else np.ones_like(g) for g in found[1:]))
    added = swiftrnn.pool_backward(dout, y, kind, **p, **options, need_y=False, accumulate_into=into)
    assert added.y is None
    for name, gradient in zip(p, wanted[1:]):
        assert getattr(added, name) is getattr(into, name)
        close(getattr(added, name), 1 + gradient.numpy(), dtype, name)
    for threads in (1, 2, 3, 8):
        swiftrnn.set_num_threads(threads)
        assert_same_bits(swiftrnn.pool(y, kind, **p, **options).out, out)
        again = swiftrnn.pool_backward(dout, y, kind, **p, **options)
        assert_same_bits([g for g in again if g is not None], [g for g in found if g is not None])


@TYPES
def test_pool_of_extreme_numbers(dtype: str) -> None:
    large = float(np.finfo(dtype).max)
    y = np.array([[large, 1, -large], [large, 2, -large], [large / 2, 6, large]], dtype)[:, None]
    with np.errstate(over="ignore"):
        expected = (y.astype(np.longdouble).mean(0)).astype(dtype)
    close(swiftrnn.pool(y, "mean").out / dtype_scale(dtype), expected / dtype_scale(dtype), dtype)
    assert swiftrnn.pool(np.full((3, 1, 2), np.inf, dtype), "mean").out.tolist() == [[np.inf, np.inf]]
    y = np.array([[1, np.nan, -np.inf, 3], [2, 5, -np.inf, 3], [2, np.nan, -np.inf, -1]], dtype)[:, None]
    out, _ = swiftrnn.pool(y, "max")
    assert out[0, 0] == 2 and np.isnan(out[0, 1]) and out[0, 2] == -np.inf and out[0, 3] == 3
    dy = swiftrnn.pool_backward(np.arange(1, 5, dtype=dtype)[None], y, "max").y
    assert dy[:, 0].tolist() == [[0, 2, 3, 4], [1, 0, 0, 0], [0, 0, 0, 0]]  # the first of equals, and of NaNs
    query = np.array([1e30], dtype)
    out, weights = swiftrnn.pool(
        np.array([1, -1, 1], dtype).reshape(3, 1, 1), "attention", weight=np.full((1, 1), 1e30, dtype), query=query,
        need_weights=True,
    )  # fmt: skip
    assert weights.ravel().tolist() == [0.5, 0, 0.5] and out.tolist() == [[1]]


def dtype_scale(dtype: str) -> Any:
    return np.array(np.finfo(dtype).max / 4, dtype)


def test_pool_refusals() -> None:
    y, weight, query = np.zeros((5, 3, 4)), np.zeros((6, 4)), np.zeros(6)
    for text, attempt in [
        ("kind: 'first' is none of", lambda: swiftrnn.pool(y, "first")),
        (r"y: expected shape \[T, N, W\], got \[3, 4\]", lambda: swiftrnn.pool(y[0])),
        ("pooling by 'mean' has no parameters", lambda: swiftrnn.pool(y, "mean", weight=weight)),
        ("pooling by attention needs", lambda: swiftrnn.pool(y, "attention", weight=weight)),
        (r"weight: expected shape \[6, 4\]", lambda: swiftrnn.pool(y, "attention", weight=weight.T, query=query)),
        ("need_weights", lambda: swiftrnn.pool(y, "max", need_weights=True)),
        (r"lengths\[0\] is 6", lambda: swiftrnn.pool(y, lengths=[6, 1, 1])),
        (r"dout: expected shape \[3, 4\]", lambda: swiftrnn.pool_backward(y, y)),
    ]:
        with pytest.raises(ValueError, match=text):
            attempt()
    with pytest.raises(swiftrnn.SwiftRNNError, match="directions") as caught:
        swiftrnn.pool(y, "mean", bidirectional=True)
    assert caught.value.status is swiftrnn.Status.INVALID_VALUE
    with pytest.raises(swiftrnn.SwiftRNNError, match="even number of columns") as caught:
        swiftrnn.pool(y[..., :3].copy(), bidirectional=True)
    assert caught.value.status is swiftrnn.Status.UNSUPPORTED


# ---- Dropout ---------------------------------------------------------------------------------------------------------


def kept_numbers(
    shape: tuple[int, int, int], p: float, seed: int, word: int, first_step: int = 0, first_sequence: int = 0
) -> np.ndarray:
    """Which numbers are kept, by the counters of docs/equations.md, whose last word is `word`."""
    t, n, unit = np.meshgrid(*(np.arange(size) for size in shape), indexing="ij")
    counter = np.stack([unit // 4, t + first_step, n + first_sequence, np.full_like(t, word)], -1)
    words = philox4x32(counter.astype(np.uint64), (seed & 0xFFFFFFFF, seed >> 32))
    return np.take_along_axis(words, (unit % 4)[..., np.newaxis], -1)[..., 0] >= np.uint64(p * 2**32)


@TYPES
@pytest.mark.parametrize("width", [1, 4, 63, 64, 65, 130])
def test_dropout_is_the_counters(dtype: str, width: int) -> None:
    x = np.random.default_rng(0).standard_normal((3, 2, width)).astype(dtype)
    for p, seed, layer in ((0.5, 5, 0), (0.1, 2**64 - 1, 2**31 - 1), (0.999, 3, 7)):
        kept = kept_numbers(x.shape, p, seed, 2**31 + layer)
        scale = np.array(1 / (1 - p), dtype)
        expected = np.where(kept, x * scale, 0).astype(dtype)
        y, told = swiftrnn.dropout(x, p, seed=seed, layer=layer)
        assert told == seed
        assert_same_bits(y, expected)
        assert_same_bits(swiftrnn.dropout_backward(x, p, seed, layer=layer), expected)
        parts = swiftrnn.dropout(x[1:], p, seed=seed, layer=layer, first_step=1).y
        assert_same_bits(parts, expected[1:])
        part = swiftrnn.dropout(x[:, 1:], p, seed=seed, layer=layer, first_sequence=1).y
        assert_same_bits(part, expected[:, 1:])
        own = x.copy()
        assert swiftrnn.dropout(own, p, seed=seed, layer=layer, out=own).y is own
        assert_same_bits(own, expected)


def test_dropout_of_other_shapes_threads_and_seeds(default_threads: None) -> None:
    x = np.ones((6, 5, 400), np.float32)
    y, seed = swiftrnn.dropout(x, 0.25, seed=9)
    assert_same_bits(swiftrnn.dropout(x.reshape(2, 3, 5, 400), 0.25, seed=9).y.reshape(x.shape), y)
    assert_same_bits(swiftrnn.dropout(x[0], 0.25, seed=9).y, y[0])
    assert_same_bits(swiftrnn.dropout(x[0, 0], 0.25, seed=9).y, y[0, 0])
    assert abs((y != 0).mean() - 0.75) < 0.02 and set(np.unique(y)) == {np.float32(0), np.float32(1 / 0.75)}
    wide = np.ones((50, 4, 700), np.float32)
    swiftrnn.set_num_threads(1)
    expected = swiftrnn.dropout(wide, 0.5, seed=1).y
    for threads in (2, 3, 8):
        swiftrnn.set_num_threads(threads)
        assert_same_bits(swiftrnn.dropout(wide, 0.5, seed=1).y, expected)
        check_helpers(lambda: swiftrnn.dropout(wide, 0.5, seed=1), threads)
    masks = {swiftrnn.dropout(x, 0.5).y.tobytes() for _ in range(4)}
    layers = {swiftrnn.dropout(x, 0.5, seed=1, layer=layer).y.tobytes() for layer in range(4)}
    assert len(masks) == len(layers) == 4
    y, seed = swiftrnn.dropout(x, 0.5)
    assert_same_bits(swiftrnn.dropout_backward(x, 0.5, seed), y)
    same, seed = swiftrnn.dropout(x, 0)
    assert_same_bits(same, x)
    assert seed == 0
    assert swiftrnn.dropout(np.ones((3, 0, 4)), 0.5).y.shape == (3, 0, 4)


def test_dropout_differs_from_a_networks_masks() -> None:
    """A network's dropout between layers is drawn with the last word 2 layer + direction, ours with 2^31 and more."""
    n, width, seed = 3, 64, 11
    ones = np.ones((1, n, width), np.float32)
    ours = {swiftrnn.dropout(ones, 0.5, seed=seed, layer=layer).y.tobytes() for layer in range(8)}
    theirs = {
        (kept_numbers(ones.shape, 0.5, seed, word) * np.float32(2)).astype(np.float32).tobytes() for word in range(8)
    }
    assert len(ours) == len(theirs) == 8 and not ours & theirs


def test_dropout_refusals() -> None:
    x = np.ones((3, 2, 4))
    for text, attempt in [
        (r"p: 1.0 is outside \[0, 1\)", lambda: swiftrnn.dropout(x, 1)),
        ("p: nan", lambda: swiftrnn.dropout(x, np.nan)),
        ("layer: 2147483648", lambda: swiftrnn.dropout(x, 0.5, layer=2**31)),
        ("seed: -1", lambda: swiftrnn.dropout(x, 0.5, seed=-1)),
        ("first_step is 1, but there is no seed", lambda: swiftrnn.dropout(x, 0.5, first_step=1)),
        ("first_sequence is 2, but there is no seed", lambda: swiftrnn.dropout(x, 0.5, first_sequence=2)),
        ("first_step: 4294967294", lambda: swiftrnn.dropout(x, 0.5, seed=1, first_step=2**32 - 2)),
        (r"out: expected shape \[3, 2, 4\]", lambda: swiftrnn.dropout(x, 0.5, out=x[0].copy())),
    ]:
        with pytest.raises(ValueError, match=text):
            attempt()
