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
    return saved


if __name__ == "__main__":
    wanted, path = sys.argv[1:]
    assert swiftrnn.isa() == wanted, (swiftrnn.isa(), wanted)
    np.savez(path, **results())
