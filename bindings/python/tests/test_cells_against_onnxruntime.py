"""Cells of equations against ONNX's RNN, LSTM and GRU as onnxruntime runs them on the CPU, in float32: 2e-6 relative to
max(1, largest entry).

Each text is made from a node's attributes, as an importer of models would. Where onnxruntime 1.32 departs from the
specification, a test says so and takes either: a later version may mend it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cell_reference import assert_near
from onnx_operators import (
    DIRECTIONS, Activation, Data, Node, activation_attributes, by_onnxruntime, by_swiftrnn, network_of, written,
)  # fmt: skip

TOLERANCE = 2e-6
# T, N, I, H
SHAPE = (6, 5, 7, 9)
LENGTHS = [6, 1, 3, 5, 4]

ACTIVATIONS: list[Activation] = [
    ("Relu",), ("Tanh",), ("Sigmoid",), ("Softsign",), ("Softplus",), ("Affine", 0.7, -0.2), ("LeakyRelu", 0.3),
    ("ThresholdedRelu", 0.4), ("ScaledTanh", 1.7159, 0.6667), ("HardSigmoid", 0.3, 0.4), ("Elu", 0.8),
]  # fmt: skip


def check(
    node: Node, direction: str, shape: tuple[int, int, int, int] = SHAPE, lengths: list[int] | None = None,
    state: bool = True, bias: bool = True, scale: float = 0.6,
) -> None:  # fmt: skip
    directions = 2 if direction == "bidirectional" else 1
    network = network_of(node.text(), *shape[2:], direction != "forward", bias, scale)
    data = Data.draw(node, directions, shape, lengths, state)
    expected = by_onnxruntime(node.operator, network, data, direction, bias, **node.attributes(directions))
    assert_near(by_swiftrnn(network, data, direction), expected, TOLERANCE, (node, direction, shape))


# ---- Attributes ------------------------------------------------------------------------------------------------------

NODES = {
    "rnn": Node("RNN"),
    "rnn clip": Node("RNN", clip=0.7),
    "rnn relu clip": Node("RNN", (("Relu",),), clip=0.7),
    "lstm": Node("LSTM"),
    "lstm peepholes": Node("LSTM", peepholes=True),
    "lstm clip": Node("LSTM", clip=0.5),
    "lstm peepholes clip": Node("LSTM", peepholes=True, clip=0.5),
    "lstm input_forget": Node("LSTM", input_forget=True),
    "lstm activations": Node("LSTM", (("HardSigmoid", 0.2, 0.5), ("Softsign",), ("LeakyRelu", 0.01))),
    "lstm everything": Node(
        "LSTM", (("HardSigmoid", 0.3, 0.4), ("ScaledTanh", 1.2, 0.8), ("Elu", 0.7)), 0.9, True, True
    ),
    "gru": Node("GRU"),
    "gru clip": Node("GRU", clip=0.5),
    "gru activations clip": Node("GRU", (("HardSigmoid", 0.3, 0.4), ("Softsign",)), clip=0.8),
    "gru linear_before_reset": Node("GRU", linear_before_reset=True),
    "gru linear_before_reset clip": Node("GRU", clip=0.5, linear_before_reset=True),
    "gru linear_before_reset activations clip": Node(
        "GRU", (("HardSigmoid", 0.3, 0.4), ("ScaledTanh", 1.2, 0.8)), clip=0.8, linear_before_reset=True
    ),
}


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("name", NODES)
def test_attributes(name: str, direction: str) -> None:
    check(NODES[name], direction)


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("name", NODES)
def test_lengths(name: str, direction: str) -> None:
    check(NODES[name], direction, lengths=LENGTHS)


@pytest.mark.parametrize("state, bias", [(False, True), (True, False), (False, False)])
@pytest.mark.parametrize("name", NODES)
def test_inputs_that_are_left_out_are_zeros(name: str, state: bool, bias: bool) -> None:
    check(NODES[name], "bidirectional", lengths=LENGTHS, state=state, bias=bias)


@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (2, 1, 8, 7), (9, 2, 17, 16), (5, 33, 3, 35), (40, 3, 12, 48)])
@pytest.mark.parametrize("name", ["rnn clip", "lstm peepholes clip", "lstm everything", "gru", "gru activations clip"])
def test_shapes(name: str, shape: tuple[int, int, int, int]) -> None:
    check(NODES[name], "bidirectional", shape, scale=1.5 / shape[3] ** 0.5)


LIBRARY = {
    "rnn_any": Node("RNN", (("ScaledTanh", 1.7159, 0.6667),)),
    "lstm_peephole": Node("LSTM", peepholes=True),
    "lstm_cifg": Node("LSTM", input_forget=True),
    "lstm_onnx": Node("LSTM", (("HardSigmoid", 0.2, 0.5), ("Softsign",), ("LeakyRelu", 0.01)), clip=3.0),
    "gru_before": Node("GRU"),
}


@pytest.mark.parametrize("name", LIBRARY)
def test_cells_of_the_library(name: str) -> None:
    """Two steps from zeros: the cell of lstm_onnx stays below 3/2, where it does not matter whether it is clipped."""
    node = LIBRARY[name]
    network = network_of(name, *SHAPE[2:], bidirectional=True, scale=2.0)
    data = Data.draw(node, 2, (2, *SHAPE[1:]), None, False)
    expected = by_onnxruntime(node.operator, network, data, "bidirectional", **node.attributes(2))
    assert_near(by_swiftrnn(network, data, "bidirectional"), expected, TOLERANCE, name)
    if node.clip is not None:
        attributes = activation_attributes(node.activations * 2)
        unclipped = by_onnxruntime(node.operator, network, data, "bidirectional", **attributes)
        assert np.abs(unclipped["y"] - expected["y"]).max() > 1e-2


# ---- Activations -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=lambda activation: activation[0])
@pytest.mark.parametrize("operator, place", [("RNN", 0), ("LSTM", 0), ("LSTM", 1), ("LSTM", 2), ("GRU", 0), ("GRU", 1)])
def test_each_activation_in_each_place(operator: str, place: int, activation: Activation) -> None:
    functions = Node(operator).functions()
    functions[place] = activation
    for linear_before_reset in [False, True] if operator == "GRU" else [False]:
        # Weights so small that gates without a bound do not let the states grow.
        check(
            Node(operator, tuple(functions), linear_before_reset=linear_before_reset), "bidirectional",
            lengths=LENGTHS, scale=0.3,
        )  # fmt: skip


@pytest.mark.parametrize("operator", ["LSTM", "GRU"])
def test_alphas_and_betas_that_are_left_out(operator: str) -> None:
    """Those of the operators LeakyRelu, HardSigmoid and Elu; they are the language's defaults too."""
    names = ["HardSigmoid", "LeakyRelu", "Elu"][: len(Node(operator).functions())]
    node = Node(operator, tuple((name,) for name in names))
    assert "activation_alpha" not in node.attributes(1)
    check(node, "forward")


@pytest.mark.parametrize("operator", ["RNN", "LSTM", "GRU"])
def test_directions_with_activations_of_their_own(operator: str) -> None:
    """The list has those of the forward direction, then those of the reverse one. Here a network has one text, so each
    direction has its network; the numbers are consumed over both."""
    kinds = {
        "RNN": [[("LeakyRelu", 0.2)], [("Elu", 0.6)]],
        "LSTM": [
            [("HardSigmoid", 0.3, 0.4), ("Tanh",), ("LeakyRelu", 0.1)],
            [("Sigmoid",), ("Elu", 0.6), ("Softsign",)],
        ],
        "GRU": [[("Sigmoid",), ("ScaledTanh", 1.2, 0.8)], [("HardSigmoid", 0.3, 0.4), ("LeakyRelu", 0.1)]],
    }
    nodes = [Node(operator, tuple(kind)) for kind in kinds[operator]]
    attributes = activation_attributes(nodes[0].activations + nodes[1].activations)
    data = Data.draw(nodes[0], 2, SHAPE, LENGTHS, True)
    networks = [network_of(node.text(), *SHAPE[2:], bidirectional=True) for node in nodes]
    expected = by_onnxruntime(operator, networks[0], data, "bidirectional", **attributes)
    found = [by_swiftrnn(network, data, "bidirectional") for network in networks]
    hidden = SHAPE[3]
    joined = {"y": np.concatenate([found[0]["y"][..., :hidden], found[1]["y"][..., hidden:]], 2)}
    joined.update({name: np.stack([found[0][name][0], found[1][name][1]]) for name in found[0] if name != "y"})
    assert_near(joined, expected, TOLERANCE, nodes)


# ---- Where onnxruntime departs from the specification ----------------------------------------------------------------


def check_either(
    operator: str, by_specification: str, by_onnxruntime_1_32: str, direction: str = "forward", **attributes: Any
) -> None:
    """onnxruntime does as exactly one of the two texts says."""
    errors = []
    for text in (by_specification, by_onnxruntime_1_32):
        network = network_of(text, *SHAPE[2:], direction != "forward")
        data = Data.draw(Node(operator), 2 if direction == "bidirectional" else 1, SHAPE, LENGTHS, True)
        expected = by_onnxruntime(operator, network, data, direction, **attributes)
        found = by_swiftrnn(network, data, direction)
        assert list(found) == list(expected)
        # Of the last direction: a network has one text, and the forward direction may have another activation.
        errors.append(np.abs(found["y"] - expected["y"])[..., -SHAPE[3] :].max() / max(1, np.abs(expected["y"]).max()))
    assert min(errors) <= TOLERANCE and max(errors) > 1e-3, errors


def test_clip_before_the_activation_of_the_cell() -> None:
    """The specification has `clip` before every activation, onnxruntime not before h: see
    `onnxruntime_clips_the_cell`. The tests above have what this version does."""
    node = Node("LSTM", clip=0.4)
    texts = node.text(clip_cell=True), node.text(clip_cell=False)
    assert texts[0].splitlines()[-1] == "h' = o * tanh(clip(c', -0.4, 0.4))"
    check_either("LSTM", *texts, **node.attributes(1))


def test_thresholded_relu_without_alpha() -> None:
    """The operator ThresholdedRelu has 1, onnxruntime's LSTM and GRU have 0."""
    texts = (Node("LSTM", (("Sigmoid",), ("Tanh",), ("ThresholdedRelu", alpha))).text() for alpha in (1, 0))
    check_either("LSTM", *texts, activations=["Sigmoid", "Tanh", "ThresholdedRelu"])


@pytest.mark.parametrize("name, default", [("LeakyRelu", 0.01), ("Elu", 1.0)])
def test_rnn_without_alpha(name: str, default: float) -> None:
    """onnxruntime's RNN knows no defaults: alpha is 0."""
    texts = (Node("RNN", ((name, alpha),)).text() for alpha in (default, 0))
    check_either("RNN", *texts, activations=[name])


def test_alphas_of_an_rnn_with_two_directions() -> None:
    """By the specification LeakyRelu consumes the first alpha, because Tanh has none; onnxruntime's RNN gives a
    direction the alpha at its place."""
    texts = (Node("RNN", (("LeakyRelu", alpha),)).text() for alpha in (0.7, 0.1))
    check_either(
        "RNN", *texts, direction="bidirectional", activations=["Tanh", "LeakyRelu"], activation_alpha=[0.7, 0.1]
    )


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("node", [Node("LSTM", peepholes=True), Node("GRU"), Node("GRU", linear_before_reset=True)])
def test_sequences_of_length_0(node: Node, direction: str) -> None:
    """y is zero in both. The last state is the initial one here, as it is the state after no step; onnxruntime's is
    zero, about which the specification says nothing."""
    directions = 2 if direction == "bidirectional" else 1
    lengths = [0, 6, 2, 0, 5]
    network = network_of(node.text(), *SHAPE[2:], direction != "forward")
    data = Data.draw(node, directions, SHAPE, lengths, True)
    expected = by_onnxruntime(node.operator, network, data, direction, **node.attributes(directions))
    found = by_swiftrnn(network, data, direction)
    assert data.state is not None
    for name, initial in zip(["Y_h", "Y_c"], data.state):
        for row in (0, 3):
            assert (found[name][:, row] == initial[:, row]).all()
            assert (expected[name][:, row] == 0).all() or (expected[name][:, row] == initial[:, row]).all()
            expected[name][:, row] = initial[:, row]
    assert_near(found, expected, TOLERANCE, (node, direction))


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_sequences_of_length_0_in_an_rnn(direction: str) -> None:
    """y only: for Y_h of such a sequence onnxruntime reads the step before the first, outside of its memory."""
    network = network_of("rnn", *SHAPE[2:], direction != "forward")
    data = Data.draw(Node("RNN"), 2 if direction == "bidirectional" else 1, SHAPE, [0, 6, 2, 0, 5], True)
    expected = by_onnxruntime("RNN", network, data, direction, y_only=True)
    assert_near({"y": by_swiftrnn(network, data, direction)["y"]}, expected, TOLERANCE, direction)


# ---- The texts -------------------------------------------------------------------------------------------------------


def test_texts() -> None:
    """What an importer would write, to be read."""
    assert written(("LeakyRelu", 0.1), "v") == "leaky_relu(v, 0.1)" and written(("Softsign",), "v") == "softsign(v)"
    assert NODES["lstm everything"].text(clip_cell=True) == """\
like lstm
i = hard_sigmoid(clip(ai + pi * c, -0.9, 0.9), 0.3, 0.4)
f = 1 - i
g = scaled_tanh(clip(ag, -0.9, 0.9), 1.2, 0.8)
o = hard_sigmoid(clip(ao + po * c', -0.9, 0.9), 0.3, 0.4)
h' = o * elu(clip(c', -0.9, 0.9), 0.7)"""
    assert NODES["gru clip"].text() == """\
like gru_before
r = sigmoid(clip(ri + Ur @ h + br, -0.5, 0.5))
z = sigmoid(clip(zi + Uz @ h + bz, -0.5, 0.5))
n = tanh(clip(ni + Un @ (r * h) + bn, -0.5, 0.5))"""
    assert NODES["rnn relu clip"].text() == """\
like rnn
h' = relu(clip(weight_ih @ x + weight_hh @ h + bias_ih + bias_hh, -0.7, 0.7))"""
