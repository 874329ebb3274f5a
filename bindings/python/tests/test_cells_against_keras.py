"""Cells of equations against Keras 3 on torch, forward and backward, in float32: 2e-6 relative to max(1, largest
entry).

Not in float64: Keras's products of matrices are float32 in layers of float64 too.
"""

from __future__ import annotations

import os
import tempfile
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch

# It writes its settings into a folder, and the reader's own may name another backend.
with tempfile.TemporaryDirectory() as _home:
    with mock.patch.dict(os.environ, KERAS_BACKEND="torch", KERAS_HOME=_home):
        import keras

import swiftrnn
from cell_reference import Problem, assert_near, by_swiftrnn

TOLERANCE = 2e-6

LAYERS = {
    "rnn": keras.layers.SimpleRNN,
    "lstm": keras.layers.LSTM,
    "gru": keras.layers.GRU,
    "gru_before": lambda units, **options: keras.layers.GRU(units, reset_after=False, **options),
}
# Where Keras's gates are in ours: i, f, c, o are torch's order, z, r, h are not.
GATES = {"rnn": [0], "lstm": [0, 1, 2, 3], "gru": [1, 0, 2], "gru_before": [1, 0, 2]}

# T, N, L, bidirectional, lengths
SHAPES = [
    (6, 3, 1, False, None),
    (7, 5, 1, False, [7, 0, 3, 1, 5]),
    (7, 5, 1, True, [7, 0, 3, 1, 5]),
    (4, 4, 2, True, None),
    (5, 4, 2, True, [5, 2, 0, 4]),
]


def network_of(
    cell: str, text: str, layers: int = 1, bidirectional: bool = False, scale: float = 0.6
) -> swiftrnn.CellNetwork:
    """6 inputs, 9 numbers in a state."""
    network = swiftrnn.Cell(text).layer(6, 9, layers, bidirectional=bidirectional, seed=0)
    network.flat[:] = np.random.default_rng(1).uniform(-scale, scale, network.flat.size)
    if cell != "gru":  # the only one that has two biases
        for name, parameter in network.parameters.items():
            if name.startswith("bias_hh"):
                parameter[:] = 0
    return network


def regrouped(cell: str, array: np.ndarray) -> np.ndarray:
    """Gates (the last axis) in the other's order; the permutation is its own inverse."""
    blocks = np.split(array, len(GATES[cell]), -1)
    return np.concatenate([blocks[gate] for gate in GATES[cell]], -1)


def load(cell: str, layer: Any, parameters: dict[str, np.ndarray], suffix: str) -> None:
    layer.cell.kernel.assign(regrouped(cell, parameters["weight_ih" + suffix].T))
    layer.cell.recurrent_kernel.assign(regrouped(cell, parameters["weight_hh" + suffix].T))
    if layer.cell.use_bias:
        biases = [regrouped(cell, parameters[name + suffix]) for name in ("bias_ih", "bias_hh")]
        layer.cell.bias.assign(np.stack(biases) if cell == "gru" else biases[0])


def gradients_of(cell: str, layer: Any, suffix: str) -> dict[str, np.ndarray]:
    def gradient(variable: Any) -> np.ndarray:
        return regrouped(cell, variable.value.grad.numpy())

    bias = gradient(layer.cell.bias)
    return {
        f"dweight_ih{suffix}": gradient(layer.cell.kernel).T,
        f"dweight_hh{suffix}": gradient(layer.cell.recurrent_kernel).T,
        f"dbias_ih{suffix}": bias[0] if cell == "gru" else bias,
        f"dbias_hh{suffix}": bias[1] if cell == "gru" else bias,
    }


def by_keras(cell: str, network: swiftrnn.CellNetwork, problem: Problem, **options: Any) -> dict[str, np.ndarray]:
    """Outputs and all gradients, by our names. Keras has sequences first."""

    def tensor(array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(array.copy()).requires_grad_()

    directions = 2 if network.bidirectional else 1
    steps = problem.x.shape[0]
    mask = None if problem.lengths is None else np.arange(steps) < np.array(problem.lengths)[:, None]
    x, states = tensor(problem.x.swapaxes(0, 1)), {name: tensor(value) for name, value in problem.states.items()}
    finals: dict[str, list[Any]] = {name: [] for name in states}
    single, rows = [], x
    for index in range(network.num_layers):
        layer: Any = LAYERS[cell](
            network.hidden_size, return_sequences=True, return_state=True, zero_output_for_mask=True,
            **options,
        )  # fmt: skip
        if network.bidirectional:
            layer = keras.layers.Bidirectional(layer, merge_mode="concat")
        layer.build(tuple(rows.shape))
        both = [layer.forward_layer, layer.backward_layer] if network.bidirectional else [layer]
        for suffix, one in zip(["", "_reverse"], both):
            load(cell, one, network.state_dict(), f"_l{index}{suffix}")
            single.append((one, f"_l{index}{suffix}"))
        initial = [s[index * directions + d] for d in range(directions) for s in states.values()]
        rows, *final = layer(rows, mask=mask, initial_state=initial)
        for place, name in enumerate(finals):
            finals[name] += final[place :: len(finals)]
    final_states = {name: torch.stack(value) for name, value in finals.items()}
    loss = (rows.transpose(0, 1) * torch.from_numpy(problem.dy)).sum()
    for name, gradient in problem.dstates.items():
        loss = loss + (final_states[name] * torch.from_numpy(gradient)).sum()
    loss.backward()
    found = {
        "y": rows.detach().numpy().swapaxes(0, 1),
        **{f"final {name}": value.detach().numpy() for name, value in final_states.items()},
        "dx": x.grad.numpy().swapaxes(0, 1),  # type: ignore[union-attr]
        **{f"dinitial {name}": value.grad.numpy() for name, value in states.items()},  # type: ignore[union-attr]
    }
    for one, suffix in single:
        found.update(gradients_of(cell, one, suffix))
    return found


def check(cell: str, text: str, shape: Any = SHAPES[2], scale: float = 0.6, **options: Any) -> None:
    steps, sequences, layers, bidirectional, lengths = shape
    network = network_of(cell, text, layers, bidirectional, scale)
    problem = Problem.draw(network, steps, sequences, lengths)
    expected, found = by_keras(cell, network, problem, **options), by_swiftrnn(network, problem)
    assert set(found) == set(expected)
    assert_near(found, {name: expected[name] for name in found}, TOLERANCE, (text, shape, options))


# ---- Cells -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("cell", LAYERS)
def test_cells(cell: str, shape: Any) -> None:
    check(cell, f"like {cell}", shape)


@pytest.mark.parametrize("cell", LAYERS)
def test_without_biases(cell: str) -> None:
    network = network_of(cell, f"like {cell}")
    problem = Problem.draw(network, 5, 3)
    layer = LAYERS[cell](9, return_sequences=True, use_bias=False)
    layer.build((3, 5, 6))
    load(cell, layer, network.state_dict(), "_l0")
    for name in ("bias_ih_l0", "bias_hh_l0"):
        network.parameters[name][:] = 0
    expected = layer(torch.from_numpy(problem.x.swapaxes(0, 1))).detach().numpy().swapaxes(0, 1)
    assert_near({"y": network(problem.x)[0]}, {"y": expected}, TOLERANCE, cell)


@pytest.mark.parametrize("zeros", [True, False])
@pytest.mark.parametrize("lengths", [None, [7, 0, 3, 1, 5]])
@pytest.mark.parametrize("cell", LAYERS)
def test_going_backwards(cell: str, lengths: list[int] | None, zeros: bool) -> None:
    """go_backwards gives the steps in the order in which it went; without zero_output_for_mask a step without input
    repeats the output before it."""
    steps, sequences = 7, 5
    network = network_of(cell, f"like {cell}", bidirectional=True)
    problem = Problem.draw(network, steps, sequences, lengths)
    y, final = network(problem.x, tuple(problem.states.values()) if cell == "lstm" else problem.states["h"], lengths)
    ours = {"y": y[..., 9:], **dict(zip(problem.states, final if cell == "lstm" else [final]))}
    layer = LAYERS[cell](
        9, return_sequences=True, return_state=True, go_backwards=True, zero_output_for_mask=zeros
    )
    layer.build((sequences, steps, 6))
    load(cell, layer, network.state_dict(), "_l0_reverse")
    mask = None if lengths is None else np.arange(steps) < np.array(lengths)[:, None]
    results = layer(
        torch.from_numpy(problem.x.swapaxes(0, 1).copy()), mask=mask,
        initial_state=[torch.from_numpy(value[1]) for value in problem.states.values()],
    )  # fmt: skip
    rows, *finals = [result.detach().numpy() for result in results]
    # Backwards the steps without input come first, when there is no output to repeat yet: zeros in either case.
    expected = {"y": rows.swapaxes(0, 1)[::-1], **dict(zip(problem.states, finals))}
    found = {name: value if name == "y" else value[1] for name, value in ours.items()}
    assert_near(found, expected, TOLERANCE, (cell, lengths, zeros))


@pytest.mark.parametrize("cell", LAYERS)
def test_outputs_repeated_behind_the_end(cell: str) -> None:
    """Keras's default, without zero_output_for_mask: the last output again, zeros where there was none."""
    lengths = np.array([7, 0, 3, 1, 5])
    network = network_of(cell, f"like {cell}")
    problem = Problem.draw(network, 7, 5)
    layer = LAYERS[cell](9, return_sequences=True)
    layer.build((5, 7, 6))
    load(cell, layer, network.state_dict(), "_l0")
    mask = np.arange(7) < lengths[:, None]
    expected = layer(torch.from_numpy(problem.x.swapaxes(0, 1).copy()), mask=mask).detach().numpy().swapaxes(0, 1)
    y, _ = network(problem.x, None, lengths.tolist())
    last = np.where(mask.T, np.arange(7)[:, None], np.maximum(lengths - 1, 0))
    assert_near({"y": np.take_along_axis(y, last[:, :, None], 0)}, {"y": expected}, TOLERANCE, cell)


# ---- Activations -----------------------------------------------------------------------------------------------------

ACTIVATIONS = {
    "linear": "{}",
    "relu": "relu({})",
    "relu6": "clip({}, 0, 6)",
    "leaky_relu": "leaky_relu({}, 0.2)",
    "elu": "elu({})",
    "celu": "elu({})",
    "selu": "selu({})",
    "gelu": "gelu({})",
    "silu": "silu({})",
    "mish": "{0} * tanh(softplus({0}))",
    "softplus": "softplus({})",
    "softsign": "softsign({})",
    "sigmoid": "sigmoid({})",
    "log_sigmoid": "log_sigmoid({})",
    "exponential": "exp({})",
    "hard_sigmoid": "hard_sigmoid({}, 1 / 6, 1 / 2)",
    "hard_silu": "{0} * hard_sigmoid({0}, 1 / 6, 1 / 2)",
    "hard_tanh": "hard_tanh({})",
    "hard_shrink": "where(abs({0}) > 0.5, {0}, 0)",
    "soft_shrink": "sign({0}) * max(abs({0}) - 0.5, 0)",
    "tanh_shrink": "{0} - tanh({0})",
    "squareplus": "({0} + sqrt({0} * {0} + 4)) / 2",
    "sparse_sigmoid": "clip(({} + 1) / 2, 0, 1)",
    "softmax": "softmax({})",
    "log_softmax": "log(softmax({}))",
}
# What the gates may have: bounded, so that states hardly grow.
GATE_ACTIVATIONS = ["hard_sigmoid", "softsign", "sparse_sigmoid", "softmax", "hard_tanh"]


def text_of(cell: str, activation: str, gate: str = "sigmoid") -> str:
    def g(v: str) -> str:
        return ACTIVATIONS[activation].format(v)

    def s(v: str) -> str:
        return ACTIVATIONS[gate].format(v)

    if cell == "rnn":
        return f"like rnn\na = weight_ih @ x + weight_hh @ h + bias_ih + bias_hh\nh' = {g('a')}"
    if cell == "lstm":
        cell_activated = g("c'")
        return (
            f"like lstm\ni = {s('ai')}\nf = {s('af')}\ng = {g('ag')}\no = {s('ao')}\nh' = o * ({cell_activated})"
        )
    if cell == "gru":
        return f"like gru\nar = ri + rh\naz = zi + zh\nan = ni + r * nh\nr = {s('ar')}\nz = {s('az')}\nn = {g('an')}"
    return (
        "like gru_before\nar = ri + Ur @ h + br\naz = zi + Uz @ h + bz\nan = ni + Un @ (r * h) + bn\n"
        f"r = {s('ar')}\nz = {s('az')}\nn = {g('an')}"
    )


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("cell", LAYERS)
def test_activations(cell: str, activation: str) -> None:
    # Weights so small that what has no bound does not let the states grow.
    scale = 0.02 if activation == "exponential" else 0.3
    check(cell, text_of(cell, activation), scale=scale, activation=activation)


@pytest.mark.parametrize("gate", GATE_ACTIVATIONS)
@pytest.mark.parametrize("cell", ["lstm", "gru", "gru_before"])
def test_activations_of_gates(cell: str, gate: str) -> None:
    check(cell, text_of(cell, "softsign", gate), scale=0.3, activation="softsign", recurrent_activation=gate)


# ---- Dropout ---------------------------------------------------------------------------------------------------------

DROPOUT = {
    "rnn": "like rnn\nh' = tanh(weight_ih @ x + weight_hh @ dropout(h, 0.2, per_sequence) + bias_ih + bias_hh)",
    "lstm": "like lstm_dropout_keras",
    "gru": "like gru_dropout_keras",
    "gru_before": """\
like gru_before
r = sigmoid(ri + Ur @ dropout(h, 0.2, per_sequence) + br)
z = sigmoid(zi + Uz @ dropout(h, 0.2, per_sequence) + bz)
n = tanh(ni + Un @ (r * dropout(h, 0.2, per_sequence)) + bn)""",
}


@pytest.mark.parametrize("cell", DROPOUT)
def test_recurrent_dropout_at_inference(cell: str) -> None:
    """Nothing is dropped, and nothing is scaled, by either."""
    steps, sequences, layers, bidirectional, lengths = SHAPES[2]
    network = network_of(cell, DROPOUT[cell], layers, bidirectional)
    problem = Problem.draw(network, steps, sequences, lengths)
    expected = by_keras(cell, network, problem, recurrent_dropout=0.2, dropout=0.3)
    states = list(problem.states.values())
    y, final = network(problem.x, states[0] if len(states) == 1 else tuple(states), lengths)
    found = {"y": y}
    for name, value in zip(problem.states, final if isinstance(final, tuple) else (final,)):
        found[f"final {name}"] = value
    assert_near(found, {name: expected[name] for name in found}, TOLERANCE, cell)
    # In training there are masks.
    trained = network.forward(problem.x, seed=1, lengths=lengths)[0]
    assert np.abs(trained - network(problem.x, None, lengths)[0]).max() > 1e-3
