"""Equations drawn at random against the same in torch, in float64: 1e-8; and the contract on bits for them."""

from __future__ import annotations

import numpy as np
import pytest

import swiftrnn
from cell_reference import Problem, assert_near, by_swiftrnn, by_torch, joined
from random_cells import HIDDEN, INPUTS, RandomCell
from torch_reference import as_list, assert_same_bits


def network_of(cell: RandomCell, seed: int) -> swiftrnn.CellNetwork:
    rng = np.random.default_rng([seed, 1])
    layers, bidirectional = [(1, False), (1, True), (2, False)][rng.integers(3)]
    if "input e" not in cell.text and rng.random() < 0.3:
        layers, bidirectional = 2, True
    return swiftrnn.Cell(cell.text).layer(
        INPUTS, HIDDEN, layers, bidirectional=bidirectional, dtype="float64", seed=seed
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(120))
def test_a_random_cell(seed: int) -> None:
    rng = np.random.default_rng([seed, 2])
    cell = RandomCell(seed)
    network = network_of(cell, seed)
    steps, sequences = int(rng.integers(1, 7)), int(rng.integers(1, 6))
    lengths = rng.integers(0, steps + 1, sequences).tolist() if rng.random() < 0.5 else None
    problem = Problem.draw(network, steps, sequences, lengths, seed=seed)
    assert_near(by_swiftrnn(network, problem), by_torch(network, problem, cell.step), 1e-8, cell.text)

    y, final, tape = network.forward(problem.x, joined(problem.states), **problem.inputs)
    inference, state = network(problem.x, joined(problem.states), **problem.inputs)
    assert_same_bits([inference, *as_list(state)], [y, *as_list(final)], "training")
    if not network.bidirectional:
        stream = network.stream(sequences)
        stream.state = joined(problem.states)
        assert_same_bits(stream.run(problem.x, **problem.inputs), y, "streamed")
        assert_same_bits(as_list(stream.state), as_list(final), "streamed")
    last = {name: value[:, -1:] for name, value in problem.inputs.items()}
    states = {name: value[:, -1:] for name, value in problem.states.items()}
    alone, _, alone_tape = network.forward(problem.x[:, -1:], joined(states), **last)
    assert_same_bits(alone, y[:, -1:], "alone")
    assert_same_bits(alone_tape.backward(y[:, -1:]).x, tape.backward(y).x[:, -1:], "alone, backward")
