"""Run by test_bits_instruction_sets.py in processes of their own: saves many results of one instruction set."""

from __future__ import annotations

import sys

import numpy as np

import swiftrnn
from test_bits import CELLS, SIZES, make, some_lengths
from torch_reference import ours


def results() -> dict[str, np.ndarray]:
    saved = {}
    for cell in CELLS:
        for dtype in ("float32", "float64"):
            for sizes in SIZES:
                case = make(cell, dtype, sizes, dropout=0.3)
                case.lengths = some_lengths(case)
                for name, array in ours(case, case.data(), seed=5).items():
                    saved[f"{cell} {dtype} {sizes} {name}"] = array
    rng = np.random.default_rng(0)
    for dtype in ("float32", "float64"):
        x, weight = rng.standard_normal((37, 45)).astype(dtype), rng.standard_normal((301, 45)).astype(dtype)
        logits = swiftrnn.linear(x, weight, weight[:, 0].copy())
        loss, dlogits, _ = swiftrnn.cross_entropy(logits, rng.integers(0, 301, 37))
        gradients = swiftrnn.linear_backward(dlogits, x, weight)
        norm = swiftrnn.clip_grad_norm([gradients.weight], 1e-3)
        own, targets = rng.random(301).astype(dtype), rng.integers(0, 301, 37)
        fused = swiftrnn.linear_cross_entropy(
            x, weight, targets, label_smoothing=0.1, class_weights=own, row_weights=own[:37]
        )
        binary = swiftrnn.binary_cross_entropy_with_logits(logits, logits, row_weights=own[:37], pos_weight=own)
        huber = swiftrnn.huber_loss(logits, -logits, delta=0.3)
        swiftrnn.AdamW(weight, lr=0.1).step(gradients.weight)
        swiftrnn.RMSprop(own, centered=True, momentum=0.5).step(gradients.weight[:, 0].copy())
        scalars = np.array([loss, norm, fused.loss, binary.loss, huber.loss])
        for name, array in dict(
            logits=logits, dlogits=dlogits, dx=gradients.x, dweight=gradients.weight, dbias=gradients.bias,
            scalars=scalars, weight=weight, own=own, fused=fused.weight, binary=binary.gradient, huber=huber.gradient,
            samples=swiftrnn.sample(logits, top_k=40, top_p=0.9, seed=3, position=0),
        ).items():  # fmt: skip
            saved[f"{dtype} {name}"] = array
        for name, array in enumerate(around(numbers_around(dtype))):
            saved[f"{dtype} around {name}"] = array
    return saved


def numbers_around(dtype: str) -> dict[str, np.ndarray]:
    """What `around` computes with; drawn before, as numpy draws otherwise where the caller rounds otherwise."""
    rng = np.random.default_rng(1)
    shapes = dict(
        queries=(9, 5, 33), keys=(35, 5, 33), q=(37, 33), k=(37, 33), square=(33, 33), bias=(37,), score=(37,)
    )
    found = {name: rng.standard_normal(shape).astype(dtype) for name, shape in shapes.items()}
    return {**found, "lengths": rng.integers(0, 36, 5), "both": np.concatenate([found["q"], found["k"]], 1)}


def around(given: dict[str, np.ndarray]) -> list[np.ndarray]:
    """Dropout, pooling and attention, forward and backward."""
    keys, bias, score, lengths = given["keys"], given["bias"], given["score"], given["lengths"]
    found = [swiftrnn.dropout(keys, 0.3, seed=3).y]
    for kind in ("last", "mean", "max", "attention"):
        p = dict(weight=given["k"], bias=bias, query=score) if kind == "attention" else {}
        out = swiftrnn.pool(keys, kind, lengths=lengths, **p).out
        found += [out, *swiftrnn.pool_backward(out, keys, kind, lengths=lengths, **p)]
    for kind, p in {
        "dot": {}, "general": dict(weight=given["square"]), "concat": dict(weight=given["both"], bias=bias, score=score),
        "additive": dict(query_weight=given["q"], weight=given["k"], bias=bias, score=score),
    }.items():  # fmt: skip
        for queries in (given["queries"], given["queries"][:1]):
            options = dict(kind=kind, lengths=lengths, scale=0.3, **p)
            context, weights = swiftrnn.attention(queries, keys, **options)
            found += [context, weights]
            found += swiftrnn.attention_backward(context, weights, queries, keys, **options)
    return [array for array in found if array is not None]


if __name__ == "__main__":
    wanted, path = sys.argv[1:]
    assert swiftrnn.isa() == wanted, (swiftrnn.isa(), wanted)
    np.savez(path, **results())
