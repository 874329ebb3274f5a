"""Attention against its equations in torch ops in float64, with autograd: all kinds, lengths and masks, one query and
many, by a memory and without one; bits, extreme scores and refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import swiftrnn
from swiftrnn import AttentionGradients
from torch_reference import assert_same_bits
from workers import check_helpers

TOLERANCE = {"float64": 1e-10, "float32": 5e-5}
TYPES = pytest.mark.parametrize("dtype", ["float64", "float32"])
KINDS = ("dot", "general", "concat", "additive")
# Tq, Tk, N, Q, K, V (0: the keys), A: a single number, few and many queries, around vectors, empty ones, and more than
# a chain of 256.
SIZES = [
    (1, 1, 1, 1, 1, 0, 1), (1, 7, 3, 5, 5, 0, 4), (1, 33, 5, 17, 17, 9, 16), (3, 6, 2, 4, 4, 0, 17),
    (4, 9, 2, 8, 8, 3, 5), (5, 9, 2, 8, 8, 3, 5), (9, 17, 3, 31, 31, 0, 33), (20, 33, 4, 16, 16, 40, 15),
    (300, 40, 2, 6, 6, 5, 7),
    (2, 0, 3, 4, 4, 5, 3), (0, 4, 2, 3, 3, 0, 2), (2, 5, 0, 3, 3, 0, 2),
]  # fmt: skip


def close(found: Any, expected: Any, dtype: str, what: str = "") -> None:
    theirs = expected.detach().numpy() if isinstance(expected, torch.Tensor) else expected
    assert found.shape == theirs.shape and found.dtype == dtype, what
    scale = max(1.0, float(np.abs(theirs).max(initial=0)))
    assert np.abs(found - theirs).max(initial=0) <= TOLERANCE[dtype] * scale, what


def parameters(kind: str, q: int, k: int, a: int, rng: np.random.Generator, dtype: str, bias: bool = True) -> Any:
    shapes = {
        "dot": {},
        "general": {"weight": (q, k)},
        "concat": {"weight": (a, q + k), "bias": (a,), "score": (a,)},
        "additive": {"query_weight": (a, q), "weight": (a, k), "bias": (a,), "score": (a,)},
    }[kind]
    return {
        name: (0.7 * rng.standard_normal(shape)).astype(dtype)
        for name, shape in shapes.items()
        if bias or name != "bias"
    }


def reference(kind: str, queries: Any, keys: Any, values: Any, counts: Any, p: Any, scale: float) -> Any:
    """Context and weights, by torch; counts [Tk, N]: which keys do."""
    tq, tk = queries.shape[0], keys.shape[0]
    if kind == "dot":
        scores = torch.einsum("inq,knq->ink", queries, keys)
    elif kind == "general":
        scores = torch.einsum("inq,qj,knj->ink", queries, p["weight"], keys)
    else:
        q, k = queries[:, None].expand(tq, tk, *queries.shape[1:]), keys[None].expand(tq, tk, *keys.shape[1:])
        bias = p.get("bias", 0)
        if kind == "concat":
            inner = torch.cat([q, k], -1) @ p["weight"].T + bias
        else:
            inner = q @ p["query_weight"].T + k @ p["weight"].T + bias
        scores = (torch.tanh(inner) @ p["score"]).permute(0, 2, 1)
    there = torch.from_numpy(counts.T.copy())[None]
    scores = torch.where(there, scale * scores, -torch.inf)
    some = there.any(-1, keepdim=True)
    weights = torch.where(some, torch.softmax(torch.where(some, scores, 0.0), -1), 0.0)
    return torch.einsum("ink,knv->inv", weights, values), weights


def case(sizes: Any, kind: str, dtype: str, which: str, seed: int = 0, bias: bool = True) -> Any:
    tq, tk, n, q, k, v, a = sizes
    k = k if kind == "dot" else k + 2
    rng = np.random.default_rng(seed)
    queries, keys = rng.standard_normal((tq, n, q)).astype(dtype), rng.standard_normal((tk, n, k)).astype(dtype)
    values = rng.standard_normal((tk, n, v)).astype(dtype) if v else None
    options: dict[str, Any] = {"kind": kind, "scale": 0.5 if kind == "dot" else 1.0}
    counts = np.ones((tk, n), bool)
    if "lengths" in which:
        options["lengths"] = rng.integers(0, tk + 1, n)
        counts &= np.arange(tk)[:, None] < options["lengths"]
    if "mask" in which:
        options["mask"] = rng.random((tk, n)) < 0.7
        counts &= options["mask"]
    keys[~counts] = np.nan  # nobody reads them
    if values is not None:
        values[~counts] = np.nan
    return queries, keys, values, counts, parameters(kind, q, k, a, rng, dtype, bias), options


def tensors(*arrays: Any) -> Any:
    return [
        None if a is None else torch.from_numpy(np.nan_to_num(a.astype(np.float64))).requires_grad_() for a in arrays
    ]


@TYPES
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("which", ["all", "lengths", "mask", "lengths and mask"])
@pytest.mark.parametrize("sizes", SIZES)
def test_against_torch(dtype: str, kind: str, which: str, sizes: Any, default_threads: None) -> None:
    queries, keys, values, counts, p, options = case(sizes, kind, dtype, which)
    context, weights = swiftrnn.attention(queries, keys, values, **p, **options)
    tq, tk, tv = tensors(queries, keys, values)
    tp = dict(zip(p, tensors(*p.values())))
    expected, theirs = reference(kind, tq, tk, tk if tv is None else tv, counts, tp, options["scale"])
    close(context, expected, dtype, "context")
    close(weights, theirs, dtype, "weights")
    assert not weights[:, ~counts.T].any()
    rng = np.random.default_rng(1)
    dcontext = rng.standard_normal(context.shape).astype(dtype)
    inputs = [tq, tk, *([] if tv is None else [tv]), *tp.values()]
    wanted = torch.autograd.grad((expected * torch.from_numpy(dcontext)).sum(), inputs, allow_unused=True)
    wanted = [torch.zeros_like(x) if g is None else g for x, g in zip(inputs, wanted)]
    names = ["queries", "keys", *([] if tv is None else ["values"]), *p]

    found = swiftrnn.attention_backward(dcontext, weights, queries, keys, values, **p, **options)
    for name, gradient in zip(names, wanted):
        close(getattr(found, name), gradient, dtype, name)
    assert not found.keys[~counts].any() and found.memory is None
    assert (found.values is None) == (values is None)
    again = AttentionGradients(*(None if g is None else np.ones_like(g) for g in found))
    added = swiftrnn.attention_backward(
        dcontext, weights, queries, keys, values, **p, **options, accumulate_into=again, need_queries=False
    )
    assert added.queries is None and added.keys is again.keys
    for name, gradient in zip(names[1:], wanted[1:]):
        assert getattr(added, name) is getattr(again, name)
        close(getattr(added, name), 1 + gradient.numpy(), dtype, name)

    # By a memory, and a step at a time: the bits of the context are the same.
    with_keys = {name: array for name, array in p.items() if name in ("weight", "bias")}
    of_keys = {name: value for name, value in options.items() if name != "scale"}
    memory = swiftrnn.attention_memory(keys, **with_keys, **of_keys)
    assert not memory[~counts].any() and not np.isnan(memory).any()
    total = AttentionGradients()
    steps = []
    for t in range(queries.shape[0]):
        part, w = swiftrnn.attention(queries[t : t + 1], keys, values, memory=memory, **p, **options)
        assert_same_bits([part, w], [context[t : t + 1], weights[t : t + 1]])
        total = swiftrnn.attention_backward(
            dcontext[t : t + 1], w, queries[t : t + 1], keys, values, memory=memory, **p, **options,
            accumulate_into=total,
        )  # fmt: skip
        steps.append(total.queries)
    if not steps:
        return
    close(np.concatenate(steps), wanted[0], dtype, "queries by steps")
    through = AttentionGradients(
        keys=total.values.copy() if values is None else np.zeros_like(keys), weight=total.weight,
    )  # fmt: skip
    back = swiftrnn.attention_memory_backward(total.memory, keys, **with_keys, **of_keys, accumulate_into=through)
    by_steps = total._replace(keys=back.keys, weight=back.weight, bias=back.bias)
    for name, gradient in zip(names[1:], wanted[1:]):
        close(getattr(by_steps, name), gradient, dtype, f"{name} by steps")
    if kind != "concat" and values is not None:  # overwriting, and from nothing
        fresh = swiftrnn.attention_memory_backward(total.memory, keys, **with_keys, **of_keys)
        close(fresh.keys, wanted[1], dtype, "keys from nothing")


@TYPES
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "sizes", [(1, 40, 64, 48, 48, 0, 48), (37, 53, 7, 48, 48, 30, 40), (64, 48, 24, 32, 32, 0, 32)]
)
def test_bits(dtype: str, kind: str, sizes: Any, default_threads: None) -> None:
    queries, keys, values, counts, p, options = case(sizes, kind, dtype, "lengths", bias=False)

    def run() -> list[Any]:
        context, weights = swiftrnn.attention(queries, keys, values, **p, **options)
        gradients = swiftrnn.attention_backward(context, weights, queries, keys, values, **p, **options)
        memory = swiftrnn.attention_memory(keys, **{k: v for k, v in p.items() if k == "weight"}, kind=kind)
        return [context, weights, *(g for g in gradients if g is not None), memory[counts]]

    swiftrnn.set_num_threads(1)
    expected = run()
    for threads in (2, 3, 8):
        swiftrnn.set_num_threads(threads)
        assert_same_bits(run(), expected)
    if sizes[0] == 64 and kind in ("concat", "additive"):
        check_helpers(lambda: swiftrnn.attention(queries, keys, values, **p, **options), 8)
    # In another batch, and with more padding: each sequence by itself.
    names = ("queries", "keys", *(["values"] if values is not None else []))
    context, weights = expected[:2]
    whole = swiftrnn.attention_backward(context, weights, queries, keys, values, **p, **options)
    for n in (0, sizes[2] // 2, sizes[2] - 1):
        length = int(options["lengths"][n])
        own = slice(n, n + 1)
        rest = {name: value for name, value in options.items() if name != "lengths"}
        k, v = keys[:length, own], None if values is None else values[:length, own]
        c, w = swiftrnn.attention(queries[:, own], k, v, **p, **rest)
        assert_same_bits([c, w], [context[:, own], weights[:, own, :length]])
        g = swiftrnn.attention_backward(context[:, own], w, queries[:, own], k, v, **p, **rest)
        for name in names:
            mine = getattr(whole, name)[:, own]
            assert_same_bits(getattr(g, name), mine if name == "queries" else mine[:length])


@TYPES
def test_extreme_scores(dtype: str) -> None:
    for large in (1e30, 3e38 if dtype == "float32" else 1e308):
        queries = np.ones((2, 1, 1), dtype)
        keys = np.array([large, -large, large, 0, -large], dtype).reshape(5, 1, 1)
        values = np.arange(5, dtype=dtype).reshape(5, 1, 1)
        context, weights = swiftrnn.attention(queries, keys, values)
        assert weights[0, 0].tolist() == [0.5, 0, 0.5, 0, 0] and context.ravel().tolist() == [1, 1]
        found = swiftrnn.attention_backward(np.ones_like(context), weights, queries, keys, values)
        assert all(np.isfinite(g).all() for g in found if g is not None)
        score = np.array([large], dtype)
        for kind, p in {
            "additive": dict(query_weight=np.ones((1, 1), dtype), weight=np.ones((1, 1), dtype)),
            "concat": dict(weight=np.ones((1, 2), dtype)),
        }.items():
            context, weights = swiftrnn.attention(queries, keys, values, kind=kind, score=score, **p)
            assert weights[0, 0].tolist() == [0.5, 0, 0.5, 0, 0]
            found = swiftrnn.attention_backward(
                np.ones_like(context), weights, queries, keys, values, kind=kind, score=score, **p
            )
            assert all(np.isfinite(g).all() for g in found if g is not None)
    keys = np.array([-np.inf, 1, -np.inf, 2], dtype).reshape(4, 1, 1)
    values = np.arange(4, dtype=dtype).reshape(4, 1, 1)
    context, weights = swiftrnn.attention(np.ones((1, 1, 1), dtype), keys, values)
    expected = np.exp([1.0, 2.0]) / np.exp([1.0, 2.0]).sum()
    close(weights[0, 0, 1::2], expected, dtype)
    assert not weights[0, 0, ::2].any()
    context, weights = swiftrnn.attention(np.ones((1, 1, 1), dtype), np.full_like(keys, -np.inf), values)
    assert not context.any() and not weights.any()
    context, weights = swiftrnn.attention(np.full((1, 1, 1), np.nan, dtype), values)
    assert np.isnan(context).all() and np.isnan(weights).all()


def test_finite_differences() -> None:
    for kind in KINDS:
        queries, keys, values, _, p, options = case((3, 5, 2, 4, 4, 3, 6), kind, "float64", "all", seed=4)
        rng = np.random.default_rng(5)
        weights = swiftrnn.attention(queries, keys, values, **p, **options).weights
        dcontext = rng.standard_normal((3, 2, 3))
        found = swiftrnn.attention_backward(dcontext, weights, queries, keys, values, **p, **options)
        inputs = {"queries": queries, "keys": keys, "values": values, **p}
        for name, array in inputs.items():
            direction = rng.standard_normal(array.shape)
            losses = []
            for sign in (1, -1):
                moved = {**inputs, name: array + sign * 1e-5 * direction}
                losses.append(float((swiftrnn.attention(**moved, **options).context * dcontext).sum()))
            slope = (losses[0] - losses[1]) / 2e-5
            assert abs(slope - float((getattr(found, name) * direction).sum())) < 1e-7 * max(1, abs(slope)), name


def test_refusals() -> None:
    queries, keys = np.zeros((2, 3, 4)), np.zeros((5, 3, 4))
    weight, score = np.zeros((6, 8)), np.zeros(6)
    call = swiftrnn.attention
    for error, text, attempt in [
        (ValueError, "kind: 'cosine' is none of", lambda: call(queries, keys, kind="cosine")),
        (ValueError, r"queries: expected shape \[Tq, N, Q\], got \[3, 4\]", lambda: call(queries[0], keys)),
        (ValueError, r"queries: expected shape \[2, 2, 4\]", lambda: call(queries, keys[:, :2])),
        (ValueError, r"queries: expected shape \[2, 3, 3\]", lambda: call(queries, keys[..., :3].copy())),
        (TypeError, "keys is float64 and queries is float32", lambda: call(queries.astype("float32"), keys)),
        (ValueError, "weight: attention of kind 'dot' has none", lambda: call(queries, keys, weight=weight)),
        (ValueError, "weight: attention of kind 'general' needs it", lambda: call(queries, keys, kind="general")),
        (ValueError, r"weight: expected shape \[6, 8\], got \[6, 7\]",
         lambda: call(queries, keys, kind="concat", weight=weight[:, :7], score=score)),
        (ValueError, r"score: expected shape \[6\], got \[5\]",
         lambda: call(queries, keys, kind="concat", weight=weight, score=score[:5])),
        (ValueError, r"lengths: expected shape \[3\]", lambda: call(queries, keys, lengths=[1, 2])),
        (ValueError, r"lengths\[1\] is 6", lambda: call(queries, keys, lengths=[1, 6, 2])),
        (TypeError, "mask: expected booleans", lambda: call(queries, keys, mask=np.ones((5, 3)))),
        (ValueError, r"mask: expected shape \[5, 3\]", lambda: call(queries, keys, mask=np.ones((3, 5), bool))),
        (ValueError, r"values: expected shape \[5, 3, V\]", lambda: call(queries, keys, keys[:4])),
        (ValueError, r"memory: expected shape \[5, 3, 4\]", lambda: call(queries, keys, memory=keys[:4])),
        (ValueError, "scale: 0.0", lambda: call(queries, keys, scale=0)),
        (ValueError, "scale: nan", lambda: call(queries, keys, scale=np.nan)),
        (ValueError, r"weights: expected shape \[2, 3, 5\]",
         lambda: swiftrnn.attention_backward(queries, queries, queries, keys)),
    ]:  # fmt: skip
        with pytest.raises(error, match=text):
            attempt()
    with pytest.raises(ValueError, match="accumulate_into keys: the array is read-only"):
        frozen = np.zeros_like(keys)
        frozen.flags.writeable = False
        swiftrnn.attention_backward(
            queries, np.zeros((2, 3, 5)), queries, keys, accumulate_into=AttentionGradients(keys=frozen)
        )
