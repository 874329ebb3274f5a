"""Recursive cells as their papers have them, by plain recursion over the nodes in torch, float64, with autograd."""

from __future__ import annotations

import dataclasses
from typing import Any, Callable

import numpy as np
import torch

import swiftrnn
from torch_reference import as_list

Tensor = torch.Tensor
Parameters = dict[str, Tensor]
State = tuple[Tensor, ...]
Cell = Callable[[Parameters, Tensor, "list[State]"], State]
"""Of parameters, x of a node and the states of its children: the states of the node."""

PARENTS = [2, 2, -1, 2, 6, 6, 9, 9, 4, -1, -1]
"""Of a small forest: trees of 4, 6 and 1 nodes, in no order."""


def x_of(*shape: int, seed: int = 0, dtype: Any = np.float32) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def child_sum_layer(hidden: int = 4, layers: int = 1, **options: Any) -> swiftrnn.CellNetwork:
    return swiftrnn.Cell("tree_child_sum").layer(3, hidden, layers, seed=0, **options)


def child_sum(p: Parameters, x: Tensor, children: list[State]) -> State:
    """Tai, Socher, Manning 2015, equations 2 to 8."""
    s = sum((h for h, _ in children), torch.zeros_like(p["bi"]))
    i = torch.sigmoid(p["Wi"] @ x + p["Ui"] @ s + p["bi"])
    o = torch.sigmoid(p["Wo"] @ x + p["Uo"] @ s + p["bo"])
    u = torch.tanh(p["Wu"] @ x + p["Uu"] @ s + p["bu"])
    c = i * u
    for h_k, c_k in children:
        c = c + torch.sigmoid(p["Wf"] @ x + p["Uf"] @ h_k + p["bf"]) * c_k
    return o * torch.tanh(c), c


def binary(p: Parameters, x: Tensor, children: list[State]) -> State:
    """Tai, Socher, Manning 2015, equations 9 to 14 with N = 2."""
    nothing = torch.zeros_like(p["bi"])
    (h1, c1), (h2, c2) = (children + [(nothing, nothing)] * 2)[:2]
    i = torch.sigmoid(p["Wi"] @ x + p["Ui1"] @ h1 + p["Ui2"] @ h2 + p["bi"])
    f1 = torch.sigmoid(p["Wf"] @ x + p["Uf11"] @ h1 + p["Uf12"] @ h2 + p["bf"])
    f2 = torch.sigmoid(p["Wf"] @ x + p["Uf21"] @ h1 + p["Uf22"] @ h2 + p["bf"])
    o = torch.sigmoid(p["Wo"] @ x + p["Uo1"] @ h1 + p["Uo2"] @ h2 + p["bo"])
    u = torch.tanh(p["Wu"] @ x + p["Uu1"] @ h1 + p["Uu2"] @ h2 + p["bu"])
    c = i * u + f1 * c1 + f2 * c2
    return o * torch.tanh(c), c


def socher(p: Parameters, x: Tensor, children: list[State]) -> State:
    """Socher, Lin, Ng, Manning 2011: a leaf is its vector, a node is made of its two children."""
    if not children:
        return (x,)
    nothing = (torch.zeros_like(p["b"]),)
    (h1,), (h2,) = (children + [nothing] * 2)[:2]
    return (torch.tanh(p["W1"] @ h1 + p["W2"] @ h2 + p["b"]),)


CELLS: dict[str, Cell] = {"tree_child_sum": child_sum, "tree_binary": binary, "socher": socher}


def children_of(forest: swiftrnn.Forest) -> list[list[int]]:
    """The children of each node, in their order."""
    found: list[list[int]] = [[] for _ in range(len(forest))]
    for child, parent in zip(*forest.edges):
        found[parent].append(int(child))
    return found


@dataclasses.dataclass
class Problem:
    """A forest, rows for its nodes, and gradients of a loss."""

    forest: swiftrnn.Forest
    x: np.ndarray
    dy: np.ndarray
    dstates: list[np.ndarray]

    @classmethod
    def draw(cls, network: swiftrnn.CellNetwork, forest: swiftrnn.Forest, seed: int = 0) -> "Problem":
        rng, handle = np.random.default_rng(seed), network._handle

        def normal(*shape: int) -> np.ndarray:
            return rng.standard_normal(shape).astype(network.dtype)

        return cls(
            forest=forest,
            x=normal(len(forest), network.input_size),
            dy=normal(len(forest), handle.output_size),
            dstates=[normal(*handle.state_shape(k, len(forest))) for k in range(len(handle.state_names))],
        )


def by_swiftrnn(network: swiftrnn.CellNetwork, problem: Problem, **options: Any) -> dict[str, np.ndarray]:
    """Outputs, states and all gradients, by name."""
    y, state, tape = network.tree_forward(problem.forest, problem.x, **options)
    dstates = problem.dstates
    gradients = tape.backward(problem.dy, dstates[0] if len(dstates) == 1 else tuple(dstates))
    return {
        "y": y,
        **{f"state {k}": value for k, value in enumerate(as_list(state))},
        "dx": gradients.x,
        **{f"d{name}": value for name, value in gradients.parameters.items()},
    }


def by_torch(network: swiftrnn.CellNetwork, problem: Problem, cell: Cell) -> dict[str, np.ndarray]:
    """The same by recursion."""

    def tensor(array: np.ndarray) -> Tensor:
        return torch.from_numpy(array.astype(np.float64)).requires_grad_()

    children = children_of(problem.forest)
    x = tensor(problem.x)
    parameters = {name: tensor(array) for name, array in network.state_dict().items()}
    rows, states = list(x), []
    for layer in range(network.num_layers):
        suffix, known = f"_l{layer}", dict[int, State]()
        own = {name[: -len(suffix)]: p for name, p in parameters.items() if name.endswith(suffix)}

        def node(m: int) -> State:
            if m not in known:
                known[m] = cell(own, rows[m], [node(child) for child in children[m]])
            return known[m]

        found = [node(m) for m in range(len(rows))]
        states.append([torch.stack(of_all) for of_all in zip(*found)])
        rows = [of_node[0] for of_node in found]
    y = torch.stack(rows)
    all_states = [torch.stack(of_layers) for of_layers in zip(*states)]
    loss = (y * tensor(problem.dy)).sum()
    for value, gradient in zip(all_states, problem.dstates):
        loss = loss + (value * tensor(gradient)).sum()
    wanted = {"dx": x, **{f"d{name}": value for name, value in parameters.items()}}
    gradients = torch.autograd.grad(loss, list(wanted.values()), allow_unused=True)
    return {
        "y": y.detach().numpy(),
        **{f"state {k}": value.detach().numpy() for k, value in enumerate(all_states)},
        **{
            name: np.zeros(value.shape) if gradient is None else gradient.numpy()
            for (name, value), gradient in zip(wanted.items(), gradients)
        },
    }


def random_parents(rng: np.random.Generator, nodes: int, most_children: int, roots: float = 0.1) -> list[int]:
    """Trees of `nodes` nodes in all, with children before and behind their parents."""
    names = rng.permutation(nodes)
    parents, counts = np.full(nodes, -1), np.zeros(nodes, int)
    for place in range(1, nodes):
        free = np.flatnonzero(counts[:place] < most_children)
        if free.size and rng.random() >= roots:
            above = rng.choice(free)
            counts[above] += 1
            parents[names[place]] = names[above]
    return [int(parent) for parent in parents]
