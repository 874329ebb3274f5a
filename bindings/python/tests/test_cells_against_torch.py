"""Cells of equations against the papers' equations in torch, in float64: 1e-10 in float64, 3e-5 in float32; and against
the cells with kernels of their own: 1e-13 and 2e-6."""

from __future__ import annotations

from typing import Any, Callable

import numpy as np
import pytest
import torch

import swiftrnn
from cell_reference import KNOWN, Problem, assert_near, by_swiftrnn, by_torch
from swiftrnn import _c as c

TOLERANCE = {"float64": 1e-10, "float32": 3e-5}

# T, N, L, bidirectional, lengths
SHAPES = [
    (6, 3, 1, False, None),
    (7, 5, 1, True, [7, 0, 3, 1, 5]),
    (5, 4, 2, False, [5, 2, 0, 4]),
    (4, 9, 2, True, None),
]


def network_of(name: str, dtype: str, layers: int, bidirectional: bool, hidden: int = 9) -> swiftrnn.CellNetwork:
    known = KNOWN[name]
    # A cell that needs I = H cannot be stacked on two directions.
    layers = 1 if known.square and bidirectional else layers
    cell = swiftrnn.Cell(name, **known.numbers)
    network = cell.layer(
        hidden if known.square else 6, hidden, layers, bidirectional=bidirectional, dtype=dtype, seed=1, **known.sizes
    )
    # All numbers of the network matter: none is what `init` says.
    network.flat[:] = np.random.default_rng(2).uniform(-0.6, 0.6, network.flat.size)
    return network


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_cells_of_papers(name: str, shape: tuple[Any, ...], dtype: str) -> None:
    steps, sequences, layers, bidirectional, lengths = shape
    network = network_of(name, dtype, layers, bidirectional)
    problem = Problem.draw(network, steps, sequences, lengths)
    expected = by_torch(network, problem, KNOWN[name].step)
    assert_near(by_swiftrnn(network, problem), expected, TOLERANCE[dtype], (network, shape))


@pytest.mark.parametrize("name", KNOWN)
def test_longer_and_wider(name: str) -> None:
    network = network_of(name, "float64", 1, False, hidden=48)
    problem = Problem.draw(network, 30, 17)
    assert_near(by_swiftrnn(network, problem), by_torch(network, problem, KNOWN[name].step), 1e-10, network)


@pytest.mark.parametrize("name", ["lstm_peephole", "slstm", "sru", "lem", "jordan"])
def test_states_that_are_left_out_are_zeros(name: str) -> None:
    network = network_of(name, "float64", 1, True)
    problem = Problem.draw(network, 5, 3, [5, 2, 0])
    problem.states = {state: np.zeros_like(value) for state, value in problem.states.items()}
    expected = by_torch(network, problem, KNOWN[name].step)
    y, _, tape = network.forward(problem.x, lengths=problem.lengths)
    gradients = tape.backward(problem.dy)
    assert_near({"y": y}, {"y": expected["y"]}, 1e-10, network)
    problem.dstates = {state: np.zeros_like(value) for state, value in problem.dstates.items()}
    expected = by_torch(network, problem, KNOWN[name].step)
    found = {"dx": gradients.x, **{f"d{key}": value for key, value in gradients.parameters.items()}}
    assert_near(found, {key: expected[key] for key in found}, 1e-10, network)


# ---- What went wrong once -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lengths", [None, [0, 0]])
def test_two_inputs_in_one_product(lengths: list[int] | None) -> None:
    # dL/d of both is one product; e stands before x.
    text = "input e\nsize e = 2\nh' = tanh(W @ x + V @ e + U @ h)"
    network = swiftrnn.Cell(text).layer(3, 4, 2, bidirectional=True, dtype="float64", seed=0)

    def step(x: Any, s: Any, p: Any, inputs: Any) -> Any:
        h = torch.tanh(x @ p["W"].T + inputs["e"] @ p["V"].T + s["h"] @ p["U"].T)
        return h, {"h": h}

    problem = Problem.draw(network, 5, 2, lengths)
    assert_near(by_swiftrnn(network, problem), by_torch(network, problem, step), 1e-10, text)


@pytest.mark.parametrize("lengths", [None, [3, 0], [0, 0]])
def test_gradients_that_are_made_of_sums_over_all_rows(lengths: list[int] | None) -> None:
    text = "h' = tanh(W @ (sigmoid(p) * x) + U @ h) + rms_norm(q)"
    network = swiftrnn.Cell(text).layer(3, 4, 2, dtype="float64", seed=0)

    def step(x: Any, s: Any, p: Any, _: Any) -> Any:
        norm = p["q"] / torch.sqrt((p["q"] ** 2).mean() + 1e-5)
        h = torch.tanh((torch.sigmoid(p["p"]) * x) @ p["W"].T + s["h"] @ p["U"].T) + norm
        return h, {"h": h}

    problem = Problem.draw(network, 5, 2, lengths)
    expected = by_torch(network, problem, step)
    for byte in (0, 77):  # whatever is in the scratch
        network._pools.backward.clear()
        size = network._handle.workspace_size(c.WORKSPACE_BACKWARD, 5, 2)
        network._pools.backward.give(np.full(size, byte, np.uint8))
        assert_near(by_swiftrnn(network, problem), expected, 1e-10, text)


def test_a_state_that_parameters_alone_make() -> None:
    text = "h' = tanh(p)\ny = X @ (h * h')"
    network = swiftrnn.Cell(text).layer(3, 4, 2, dtype="float64", seed=0)

    def step(x: Any, s: Any, p: Any, _: Any) -> Any:
        h = torch.tanh(p["p"]).expand(s["h"].shape)
        return (s["h"] * h) @ p["X"].T, {"h": h}

    problem = Problem.draw(network, 5, 2, [5, 2])
    assert_near(by_swiftrnn(network, problem), by_torch(network, problem, step), 1e-10, text)


# ---- The same cell twice ---------------------------------------------------------------------------------------------

# Text, sizes and what makes the network with kernels of its own.
TWINS: dict[str, tuple[dict[str, int], Callable[..., swiftrnn.Network]]] = {
    "lstm": ({}, swiftrnn.LSTM),
    "lstm_no_bias": ({}, lambda *sizes, **options: swiftrnn.LSTM(*sizes, bias=False, **options)),
    "lstm_projected": ({"P": 7}, lambda *sizes, **options: swiftrnn.LSTM(*sizes, proj_size=7, **options)),
    "gru": ({}, swiftrnn.GRU),
    "gru_before": ({}, lambda *sizes, **options: swiftrnn.GRU(*sizes, reset_after=False, **options)),
    "rnn": ({}, swiftrnn.RNN),
    "rnn_relu": ({}, lambda *sizes, **options: swiftrnn.RNN(*sizes, nonlinearity="relu", **options)),
}


@pytest.mark.parametrize("dtype, tolerance", [("float64", 1e-13), ("float32", 2e-6)])
@pytest.mark.parametrize("name", TWINS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_as_the_cells_with_kernels_of_their_own(
    name: str, shape: tuple[Any, ...], dtype: str, tolerance: float
) -> None:
    steps, sequences, layers, bidirectional, lengths = shape
    sizes, make = TWINS[name]
    options: dict[str, Any] = dict(num_layers=layers, bidirectional=bidirectional, dtype=dtype, seed=3)
    fused = make(11, 19, **options)
    network = swiftrnn.Cell(name).layer(11, 19, **options, **sizes)
    assert sorted(network.parameters) == sorted(fused.parameters)
    network.load_state_dict(fused.state_dict())
    problem = Problem.draw(network, steps, sequences, lengths)
    found, expected = by_swiftrnn(network, problem), by_swiftrnn(fused, problem)  # type: ignore[arg-type]
    assert_near({key: found[key] for key in expected}, expected, tolerance, network)


# ---- Masks -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["lstm_zoneout", "lstm_dropout_keras", "gru_dropout_keras", "lstm_dropout_gal", "gru_dropout_semeniuta",
     "lstm_drop_connect", "li_gru_layer_norm"],
)  # fmt: skip
def test_gradients_through_masks_are_finite_differences(name: str) -> None:
    network = swiftrnn.Cell(name).layer(3, 6, 2, bidirectional=True, dropout=0.3, dtype="float64", seed=0)
    problem = Problem.draw(network, 4, 3, [4, 1, 3])
    found = by_swiftrnn(network, problem, seed=5)
    assert np.abs(found["y"] - by_swiftrnn(network, problem, seed=6)["y"]).max() > 1e-3

    def loss() -> float:
        results = by_swiftrnn(network, problem, seed=5)
        sums = [(results["y"] * problem.dy).sum()]
        sums += [(results[f"final {state}"] * d).sum() for state, d in problem.dstates.items()]
        return float(sum(sums))

    rng = np.random.default_rng(0)
    for array, gradient in [(problem.x, found["dx"]), (network.flat, None)]:
        flat = array.reshape(-1)
        if gradient is None:
            gradient = np.concatenate([found[f"d{key}"].ravel() for key in network.parameters])
        for index in rng.choice(flat.size, 12, replace=False):
            before, losses = flat[index], []
            for change in (1e-6, -1e-6):
                flat[index] = before + change
                losses.append(loss())
            flat[index] = before
            expected = (losses[0] - losses[1]) / 2e-6
            assert abs(gradient.reshape(-1)[index] - expected) <= 1e-6 * max(1.0, abs(expected)), (name, index)


def test_batch_norm_as_in_torch() -> None:
    """Statistics of the batch in training, over all steps of all sequences; running ones at inference."""
    network = swiftrnn.Cell("h' = tanh(batch_norm(W @ x, m, s) * g + U @ h)").layer(4, 5, dtype="float64", seed=1)
    assert not network.parameters["m_l0"].any() and (network.parameters["s_l0"] == 1).all()
    rng = np.random.default_rng(2)
    network.parameters["m_l0"][:] = rng.uniform(-1, 1, 5)
    network.parameters["s_l0"][:] = rng.uniform(0.5, 1.5, 5)
    x, dy = rng.standard_normal((6, 3, 4)), rng.standard_normal((6, 3, 5))
    net = {
        name: torch.tensor(value.copy(), requires_grad=name[0] in "WgU") for name, value in network.parameters.items()
    }
    theirs = torch.tensor(x, requires_grad=True)

    def loop(training: bool) -> torch.Tensor:
        v = (theirs @ net["W_l0"].T).reshape(18, 5)
        n = torch.nn.functional.batch_norm(v, net["m_l0"], net["s_l0"], training=training, momentum=0.3)
        h, rows = torch.zeros(3, 5, dtype=torch.float64), []
        for row in n.reshape(6, 3, 5):
            h = torch.tanh(row * net["g_l0"] + h @ net["U_l0"].T)
            rows.append(h)
        return torch.stack(rows)

    near = {"rtol": 0, "atol": 1e-12}
    np.testing.assert_allclose(network(x)[0], loop(False).detach(), **near)
    y = loop(True)
    (y * torch.tensor(dy)).sum().backward()
    ours, _, tape = network.forward(x)
    np.testing.assert_allclose(ours, y.detach(), **near)
    gradients = tape.backward(dy)
    np.testing.assert_allclose(gradients.x, theirs.grad, **near)
    for name in ("W_l0", "U_l0", "g_l0"):
        np.testing.assert_allclose(gradients.parameters[name], net[name].grad, **near)
    assert not gradients.parameters["m_l0"].any() and not gradients.parameters["s_l0"].any()
    tape.update_statistics(0.3)
    for name in ("m_l0", "s_l0"):
        np.testing.assert_allclose(network.parameters[name], net[name], **near)
