"""The translator of scripts/bench --cells from equations to torch, against the same written by hand; and its masks."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "Benchmarks"))

import cell_language as language  # noqa: E402
import cell_masks  # noqa: E402
from cell_loop import drawn_masks  # noqa: E402
from cell_torch import TorchCell  # noqa: E402

F = torch.nn.functional
WIDTH = 6


def no_builtin(name: str) -> str:
    raise AssertionError(f"reads {name}")


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape))


class Step:
    """One step of a text in float64. Upper case parameters are square matrices, others vectors."""

    def __init__(self, text: str, builtin: Callable[[str], str] = no_builtin, **parameters: torch.Tensor) -> None:
        self.parameters = parameters
        shapes_of = {name: tuple(value.shape) for name, value in parameters.items()}
        self.cell = TorchCell(text, builtin, shapes_of, {"k": 2})
        self.x, self.h = normal(3, WIDTH, seed=8), normal(3, WIDTH, seed=9)

    def __call__(self) -> torch.Tensor:
        once, moments, step = self.cell.functions(torch.float64)
        states, fixed = [self.h] * len(self.cell.states), once(*self.parameters.values())
        return step(self.x, *states, *fixed, *moments(self.x[None], *fixed))[0]


A, B, M = normal(WIDTH, seed=1), normal(WIDTH, seed=2).abs(), normal(WIDTH, WIDTH, seed=3)
T, S = normal(2 * WIDTH, WIDTH, seed=4), M[:, :3]


# ---- The language ----


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("h' = -M @ x + h", lambda x, h: -(x @ M.T) + h),
        ("h' = 1 - x - h", lambda x, h: 1 - x - h),
        ("h' = x - (h - 1)", lambda x, h: x - h + 1),
        ("h' = -x + 2 - h", lambda x, h: 2 - x - h),
        ("h' = x / b / 2 * h", lambda x, h: x / B / 2 * h),
        ("h' = 2 / b * x * -h", lambda x, h: 2 / B * x * -h),
        ("h' = --x", lambda x, h: x),
        ("h' = M @ M @ x", lambda x, h: x @ M.T @ M.T),
        ("h' = M @ (x * h)", lambda x, h: (x * h) @ M.T),
        ("h' = M @ x * h", lambda x, h: (x @ M.T) * h),
        ("h' = M @ -x", lambda x, h: -(x @ M.T)),
        ("u, v = T @ x\nh' = u * h - v", lambda x, h: (x @ T.T)[:, :WIDTH] * h - (x @ T.T)[:, WIDTH:]),
        ("U, V = T\nh' = V @ x + U @ h", lambda x, h: x @ T[WIDTH:].T + h @ T[:WIDTH].T),
        ("u, v = t\nh' = u * h + v", lambda x, h: T[:WIDTH, 0] * h + T[WIDTH:, 0]),
        ("h' = h * two + x / two - one\ntwo = one + 1\none = 1", lambda x, h: 2 * h + x / 2 - 1),
        ("h' = blocks(S, 2) @ x", lambda x, h: torch.cat([x[:, :3] @ S[:3].T, x[:, 3:] @ S[3:].T], 1)),
        ("h' = blocks(S, k) @ x", lambda x, h: torch.cat([x[:, :3] @ S[:3].T, x[:, 3:] @ S[3:].T], 1)),
        ("h' = where(x > h, x, 0.5)", lambda x, h: torch.where(x > h, x, torch.full_like(x, 0.5))),
        ("h' = where(sum_children(1) > 0, x, h)", lambda x, h: x),
        ("h' = where(1 <= 0, x, h)", lambda x, h: h),
        ("h' = min(x, 0.3) + max(x, h)", lambda x, h: x.clamp(max=0.3) + torch.maximum(x, h)),
        ("h' = h[1] + M @ h[2] + x * h[2]", lambda x, h: h),
        ("y = c' - h\nc' = x + c\nh' = c'", lambda x, h: x),
        ("h' = mean(x) * h + sum(h)", lambda x, h: x.mean(1, keepdim=True) * h + h.sum(1, keepdim=True)),
        ("h' = hard_sigmoid(x) + hard_sigmoid(h, 0.5, 0)",
         lambda x, h: (0.2 * x + 0.5).clamp(0, 1) + (h / 2).clamp(0, 1)),
        ("h' = clip(x, -0.2, 0.1) + leaky_relu(h)", lambda x, h: x.clamp(-0.2, 0.1) + F.leaky_relu(h, 0.01)),
        ("h' = scaled_tanh(x, 2, 0.5) + affine(h, 3)", lambda x, h: 2 * torch.tanh(x / 2) + 3 * h),
        ("h' = thresholded_relu(x) + elu(h, 2)", lambda x, h: torch.where(x > 1, x, 0 * x) + F.elu(h, 2.0)),
        ("h' = batch_norm(x, a, b) + layer_norm(h)",
         lambda x, h: F.batch_norm(x, None, None, training=True) + F.layer_norm(h, (WIDTH,))),
        ("# a comment\n\nsize M = H\nh' = (x  # goes on\n  + h)\n", lambda x, h: x + h),
        ("size = 2\nh' = size * x + 1.5e-1", lambda x, h: 2 * x + 0.15),
    ],
)  # fmt: skip
def test_a_step_computes_what_the_text_says(text: str, expected: Callable) -> None:
    step = Step(text, a=A, b=B, M=M, T=T, t=T[:, 0], S=S)
    torch.testing.assert_close(step(), expected(step.x, step.h), rtol=1e-12, atol=1e-12)




def test_like_replaces_in_place_and_drops_what_nothing_reads() -> None:
    texts = {
        "first": "# title\ninput a\nu = M @ x\nv = u + h\nh' = tanh(v)\ninit b = -2",
        "second": "like first\nv = h * b",
    }
    cell = language.parse("\n# more\nlike second\nh' = v - 1", texts.__getitem__)
    assert list(cell.equations) == ["u", "v", "h"] and cell.inputs == ["a"] and cell.initials == {"b": -2.0}
    order, states = cell.order()
    assert [equation.name for equation in order] == ["v", "h"] and [state.name for state in states] == ["h"]


def test_states_are_h_first_then_as_their_equations_stand() -> None:
    cell = language.parse("m' = m + n\nn' = x + n\nh' = h + m'\nu' = x", no_builtin)
    assert [state.name for state in cell.order()[1]] == ["h", "m", "n"]


@pytest.mark.parametrize(
    "text", ["h' = x +", "h' = (x", "h' = x $ h", "h' x", "h' = tnah(x)", "h' = 2 @ x", "h' = x y"]
)
def test_what_is_no_text_is_refused(text: str) -> None:
    with pytest.raises((ValueError, KeyError)):
        Step(text)


def test_draws_are_counted_in_the_order_of_the_text() -> None:
    lines = [
        "u = dropout(x, 0.5)", "v = dropout(x, 0.1, per_sequence)",
        "h' = zoneout(v + drop_connect(M, 0.2) @ h, dropout(h, 0.3), 0.4)",
    ]  # fmt: skip
    cell = Step("\n".join(lines), M=M).cell
    assert {(draw.number, draw.kind, draw.probability) for draw in cell.draws} == {
        (1, "dropout", 0.1), (2, "zoneout", 0.4), (3, "drop_connect", 0.2), (4, "dropout", 0.3),
    }  # fmt: skip
    assert [draw.number for draw in cell.sequence_masks] == [1] and [draw.number for draw in cell.matrix_masks] == [3]


# ---- Masks ----


def test_philox_has_its_authors_answers() -> None:
    """kat_vectors of Random123, philox4x32 10."""
    cases = [
        ([0] * 4, 0, "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ([0xFFFFFFFF] * 4, 2**64 - 1, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        ([0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344], 0x299F31D0A4093822, "d16cfe09 94fdcceb 5001e420 24126ea1"),
    ]
    for counter, key, words in cases:
        found = cell_masks.philox(tuple(np.array([word], np.uint64) for word in counter), key)
        assert " ".join(f"{int(word):08x}" for word in found[0]) == words


def test_masks_of_torch_are_as_likely_and_as_large() -> None:
    text = "h' = zoneout(dropout(x, 0.25), h, 0.5) * dropout(1 + 0 * x, 0.2, per_sequence)"
    draws = {draw.number: draw for draw in Step(text).cell.draws}
    masks = drawn_masks({draw: (40, 100) for draw in draws.values()}, 30, torch.float32)
    zone, drop, sequence = (masks[draws[number]] for number in (0, 1, 2))
    assert zone.dtype == torch.bool and abs(float(zone.float().mean()) - 0.5) < 0.02
    assert drop.shape == (30, 40, 100) and abs(float(drop.mean()) - 1) < 0.02
    assert drop.unique().tolist() == [0, pytest.approx(4 / 3)]
    assert sequence.shape == (40, 100) and sorted(sequence.unique().tolist()) == [0, 1.25]
