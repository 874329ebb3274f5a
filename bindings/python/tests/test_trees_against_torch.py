"""Recursive cells over trees against the papers' equations in torch, in float64: 1e-12 in float64, 3e-5 in float32."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import swiftrnn
from cell_reference import assert_near
from tree_reference import CELLS, Problem, by_swiftrnn, by_torch, random_parents

TOLERANCE = {"float64": 1e-12, "float32": 3e-5}

# Children before and behind their parents, several roots, single nodes; at most two children.
SHAPES = [[-1], [-1, -1, -1], [1, -1], [-1, 0], [2, 2, -1, 6, 6, -1, 9, 4, 4, -1], [1, 2, 3, -1], [-1, 0, 1, 2]]


def network_of(cell: str, dtype: str = "float64", layers: int = 1, hidden: int = 9) -> swiftrnn.CellNetwork:
    network = swiftrnn.Cell(cell).layer(hidden if cell == "socher" else 6, hidden, layers, dtype=dtype, seed=1)
    network.flat[:] = np.random.default_rng(2).uniform(-0.6, 0.6, network.flat.size)
    return network


def check(network: swiftrnn.CellNetwork, cell: str, forest: swiftrnn.Forest, seed: int = 0) -> None:
    problem = Problem.draw(network, forest, seed)
    expected = by_torch(network, problem, CELLS[cell])
    assert_near(by_swiftrnn(network, problem), expected, TOLERANCE[network.dtype.name], (network, forest, seed))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("cell", CELLS)
def test_trees_of_papers(cell: str, layers: int, dtype: str) -> None:
    network = network_of(cell, dtype, layers)
    for number, parents in enumerate(SHAPES):
        check(network, cell, swiftrnn.Forest(parents), number)


@pytest.mark.parametrize("cell", CELLS)
def test_random_forests(cell: str) -> None:
    for seed in range(12):
        rng = np.random.default_rng(seed)
        nodes, layers = int(rng.integers(1, 60)), int(rng.integers(1, 3))
        parents = random_parents(rng, nodes, 5 if cell == "tree_child_sum" else 2, rng.choice([0.02, 0.2]))
        check(network_of(cell, layers=layers, hidden=int(rng.integers(1, 20))), cell, swiftrnn.Forest(parents), seed)


@pytest.mark.parametrize("layers", [1, 2])
def test_nodes_of_several_parents(layers: int) -> None:
    network = network_of("tree_child_sum", layers=layers)
    check(network, "tree_child_sum", swiftrnn.Forest.from_edges(5, [0, 0, 1, 2, 3], [1, 2, 3, 3, 4]))
    check(network, "tree_child_sum", swiftrnn.Forest.from_edges(2, [0, 0], [1, 1]))  # twice the same child
    for seed in range(6):
        rng = np.random.default_rng(seed)
        names = rng.permutation(20)
        pairs = [(c, p) for c in range(20) for p in range(c + 1, 20) if rng.random() < 0.15]
        rng.shuffle(pairs)
        children, parents = names[np.array(pairs)].T
        check(network, "tree_child_sum", swiftrnn.Forest.from_edges(20, children, parents), seed)


@pytest.mark.parametrize("cell", ["tree_binary", "socher"])
def test_the_order_of_edges_is_that_of_children(cell: str) -> None:
    network = network_of(cell)
    by_edges = swiftrnn.Forest.from_edges(4, [1, 0, 2], [3, 3, 0])
    check(network, cell, by_edges)
    x = Problem.draw(network, by_edges).x
    assert (network.tree(by_edges, x)[0][3] != network.tree(swiftrnn.Forest([3, 3, 0, -1]), x)[0][3]).any()


def test_children_beyond_those_that_a_cell_numbers_are_not_read() -> None:
    network = network_of("tree_binary")
    check(network, "tree_binary", swiftrnn.Forest([3, 3, 3, -1]))


def test_wide_and_deep() -> None:
    rng = np.random.default_rng(0)
    check(network_of("tree_binary", hidden=70), "tree_binary", swiftrnn.Forest(random_parents(rng, 200, 2)))
    check(network_of("tree_child_sum", hidden=48), "tree_child_sum", swiftrnn.Forest([*range(1, 150), -1]))
    check(network_of("tree_child_sum", hidden=48), "tree_child_sum", swiftrnn.Forest([-1] + [0] * 149))


def test_inputs_beside_x() -> None:
    cell = swiftrnn.Cell("input a\ninput e\nsize e = E\nh' = tanh(W @ x + V @ e + U @ sum_children(h)) * a")
    network = cell.layer(3, 5, dtype="float64", seed=0, E=2)
    rng, forest = np.random.default_rng(0), swiftrnn.Forest([2, 2, -1, 2])
    x, a, e, dy = (rng.standard_normal(shape) for shape in ((4, 3), 4, (4, 2), (4, 5)))
    y, _, tape = network.tree_forward(forest, x, e=e, a=a)
    found = tape.backward(dy)

    p = {name: torch.from_numpy(array) for name, array in network.state_dict().items()}
    tensors = {name: torch.from_numpy(value).requires_grad_() for name, value in (("x", x), ("a", a), ("e", e))}

    def node(m: int, below: torch.Tensor) -> torch.Tensor:
        row = {name: tensor[m] for name, tensor in tensors.items()}
        return torch.tanh(p["W_l0"] @ row["x"] + p["V_l0"] @ row["e"] + p["U_l0"] @ below) * row["a"]

    leaves = {m: node(m, torch.zeros(5, dtype=torch.float64)) for m in (0, 1, 3)}
    expected = torch.stack([leaves[0], leaves[1], node(2, leaves[0] + leaves[1] + leaves[3]), leaves[3]])
    (expected * torch.from_numpy(dy)).sum().backward()
    assert found.inputs is not None and list(found.inputs) == ["a", "e"]
    assert_near(
        {"y": y, "dx": found.x, "da": found.inputs["a"], "de": found.inputs["e"]},
        {
            "y": expected.detach().numpy(),
            **{f"d{name}": tensor.grad.numpy() for name, tensor in tensors.items()},
        },
        1e-13,
        "inputs",
    )
    column = network.tree_forward(forest, x, e=e, a=a[:, np.newaxis])[2].backward(dy)
    assert column.inputs is not None and column.inputs["a"].shape == (4, 1)
    assert (column.inputs["a"][:, 0] == found.inputs["a"]).all()


def test_a_chain_is_a_sequence() -> None:
    for cell, layers in (("tree_child_sum", 1), ("tree_child_sum", 2), ("tree_binary", 2)):
        network = network_of(cell, layers=layers)
        problem = Problem.draw(network, swiftrnn.Forest([1, 2, 3, 4, -1]))
        y, (h, c), tape = network.tree_forward(problem.forest, problem.x)
        whole, (last_h, last_c), sequence_tape = network.forward(problem.x)
        ours, theirs = tape.backward(problem.dy), sequence_tape.backward(problem.dy)
        assert_near(
            {"y": y, "h": h[:, -1], "c": c[:, -1], "dx": ours.x, "flat": ours.flat},
            {"y": whole, "h": last_h, "c": last_c, "dx": theirs.x, "flat": theirs.flat},
            1e-13,
            cell,
        )


@pytest.mark.parametrize(
    "text",
    [
        "like tree_child_sum\nu = dropout(tanh(Wu @ x + Uu @ s + bu), 0.4)",
        "h' = tanh(W @ x + sum_children(dropout(h, 0.4)))",
        "h' = tanh(W @ x + sum_children(U @ dropout(h, 0.4)))",
        "h' = tanh(W @ x + sum_children(dropout(h * h, 0.4, per_sequence)))",
        "h' = tanh(W @ x + sum_children(zoneout(tanh(U @ h), h, 0.4)))",
        "h' = tanh(W @ x + sum_children(dropout(tanh(V @ x), 0.4) * h))",
        "h' = tanh(W @ x + dropout(h[1], 0.4) + dropout(U @ h[2], 0.4))",
        "h' = tanh(W @ x + sum_children(drop_connect(U, 0.4) @ h))",
    ],
)
def test_masks_are_the_same_forward_and_backward(text: str) -> None:
    """Gradients along a direction against differences, with dropout between layers and masks in the cell."""
    cell = swiftrnn.Cell(text)
    network = cell.layer(4, 6, 2, dropout=0.5, dtype="float64", seed=0)
    problem = Problem.draw(network, swiftrnn.Forest([2, 2, -1, 2, 3, -1]))
    _, _, tape = network.tree_forward(problem.forest, problem.x, seed=7)
    gradients = tape.backward(problem.dy)
    rng = np.random.default_rng(1)
    along_flat, along_x = rng.standard_normal(network.flat.shape), rng.standard_normal(problem.x.shape)
    start = network.flat.copy()

    def loss(step: float) -> float:
        network.flat[:] = start + step * along_flat
        y, _, _ = network.tree_forward(problem.forest, problem.x + step * along_x, seed=7)
        return float((y * problem.dy).sum())

    step = 1e-4
    difference = (8 * (loss(step) - loss(-step)) - (loss(2 * step) - loss(-2 * step))) / (12 * step)
    found = float((gradients.flat * along_flat).sum() + (gradients.x * along_x).sum())
    assert abs(found - difference) < 1e-8 * max(1, abs(found))
