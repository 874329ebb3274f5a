"""Outputs and all gradients against torch in float64: 1e-10 in float64, 3e-5 in float32."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from torch_reference import (
    CELLS,
    Case,
    as_list,
    assert_close,
    away_from_kinks,
    by_loops,
    by_modules,
    ours,
    pair,
    reference,
)

TOLERANCE = {"float64": 1e-10, "float32": 3e-5}
SEEDS = 36


def random_case(cell: str, dtype: str, seed: int) -> Case:
    rng = np.random.default_rng([CELLS.index(cell), dtype == "float32", seed])
    steps = int(rng.integers(1, 14)) if rng.random() < 0.97 else 0
    sequences = int(rng.choice([1, 2, 3, 5, 7, 8, 12, 17]))
    hidden = int(rng.integers(1, 91)) if cell != "lstm_projected" else int(rng.integers(2, 91))
    inputs = int(rng.integers(1, 91))
    through = int(rng.integers(3))  # gradients arrive through y, through the final state, or both
    lengths = None
    if rng.random() < 0.6:
        lengths = rng.integers(0, steps + 1, sequences).tolist()
    return Case(
        cell=cell,
        dtype=dtype,
        steps=steps,
        sequences=sequences,
        inputs=inputs,
        hidden=hidden,
        projected=int(rng.integers(1, hidden)) if cell == "lstm_projected" else 0,
        layers=int(rng.choice([1, 1, 2, 3])),
        bidirectional=bool(rng.random() < 0.4),
        bias=bool(rng.random() < 0.7),
        lengths=lengths,
        with_state=bool(rng.random() < 0.6),
        with_dy=through != 1,
        with_dstate=through != 0,
        seed=seed,
    )


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("seed", range(SEEDS))
def test_random_configurations(cell: str, dtype: str, seed: int) -> None:
    case = away_from_kinks(random_case(cell, dtype, seed))
    network = case.network()
    assert_close(ours(case, case.data(), network), reference(case, network.state_dict()), TOLERANCE[dtype], case)


LARGE = [
    # T, N, I, H, P, L, bidirectional
    (100, 3, 64, 256, 64, 1, False),
    (40, 16, 40, 256, 100, 2, False),
    (12, 33, 128, 512, 96, 1, False),
    (30, 1, 512, 512, 250, 1, False),
    (25, 9, 65, 257, 129, 2, True),
    (42, 33, 40, 48, 16, 1, True),  # more rows than the weight gradients take at a time, 4 chains of 256
]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("sizes", LARGE, ids=str)
def test_large_configurations_in_both_types(cell: str, sizes: tuple[int, ...]) -> None:
    steps, sequences = sizes[:2]
    # Nearly full, and one of them empty: the number of rows decides over chains and tiles.
    lengths = None
    if sequences > 1:
        lengths = [0, *np.random.default_rng(0).integers(steps - steps // 8, steps + 1, sequences - 1).tolist()]
    case = away_from_kinks(Case(cell, "float32", *sizes, bias=True, lengths=lengths, seed=1))
    data, network = case.data(), case.network()
    expected = reference(case, network.state_dict())
    assert_close(ours(case, data, network), expected, TOLERANCE["float32"], case)
    wide = dataclasses.replace(case, dtype="float64")
    wide_network = wide.network()
    wide_network.flat[:] = network.flat  # the same values
    wide_data = dataclasses.replace(
        data, x=data.x.astype(float), dy=data.dy.astype(float), state=[s.astype(float) for s in data.state],
        dstate=[s.astype(float) for s in data.dstate],
    )  # fmt: skip
    assert_close(ours(wide, wide_data, wide_network), expected, TOLERANCE["float64"], wide)


@pytest.mark.parametrize("cell", CELLS[:-1])
def test_the_loops_of_the_reference_agree_with_torchs_modules(cell: str) -> None:
    for seed in range(100, 108):
        case = random_case(cell, "float64", seed)
        parameters = case.network().state_dict()
        assert_close(by_loops(case, parameters), by_modules(case, parameters), 1e-10, case)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_one_step_of_one_cell(cell: str, dtype: str) -> None:
    case = away_from_kinks(Case(cell, dtype, 1, 4, 6, 19, 5, 1, False, True, seed=3))
    network = case.network()
    assert_close(ours(case, case.data(), network), reference(case, network.state_dict()), TOLERANCE[dtype], case)


@pytest.mark.parametrize("cell", CELLS)
def test_a_loop_of_single_steps_gives_the_whole_sequences_gradients(cell: str) -> None:
    case = Case(cell, "float64", 6, 4, 3, 19, 5, 2, False, True, seed=4)
    data, network = case.data(), case.network()
    whole = ours(case, data, network)

    state = pair(data.state)
    tapes = []
    for x in data.x:
        _, state, tape = network.forward(x[np.newaxis], state)
        tapes.append(tape)
    gradient = pair(data.dstate)
    total = np.zeros_like(network.flat)
    for t in reversed(range(case.steps)):
        grads = tapes[t].backward(data.dy[t : t + 1], gradient, accumulate_into=total)
        gradient = grads.state
        assert np.abs(grads.x[0] - whole.dx[t]).max() <= 1e-12
    for found, expected in zip(as_list(gradient), whole.dstate):
        assert np.abs(found - expected).max() <= 1e-12
    flat = np.concatenate([whole.parameters[name].ravel() for name in network.parameters])
    assert np.abs(total - flat).max() <= 1e-11


@pytest.mark.parametrize("cell", CELLS)
def test_finite_differences(cell: str) -> None:
    case = Case(cell, "float64", 4, 3, 3, 5, 2, 2, True, True, lengths=[4, 0, 2], seed=5)
    data, network = case.data(), case.network()
    grads = ours(case, data, network)
    step = 1e-6

    def loss() -> float:
        y, state = network(data.x, pair(data.state), lengths=case.lengths)
        return float((y * data.dy).sum() + sum((s * d).sum() for s, d in zip(as_list(state), data.dstate)))

    def difference(array: np.ndarray, index: tuple[int, ...]) -> float:
        before = array[index]
        array[index] = before + step
        above = loss()
        array[index] = before - step
        below = loss()
        array[index] = before
        return (above - below) / (2 * step)

    rng = np.random.default_rng(0)
    targets = [(data.x, grads.dx)] + list(zip(data.state, grads.dstate))
    targets += [(network.parameters[name], grads.parameters[name]) for name in network.parameters]
    for array, gradient in targets:
        for flat_index in rng.choice(array.size, min(12, array.size), replace=False):
            index = np.unravel_index(int(flat_index), array.shape)
            expected = difference(array, index)
            assert abs(gradient[index] - expected) <= 1e-6 * max(1.0, abs(expected)), (gradient[index], expected)
