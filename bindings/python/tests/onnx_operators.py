"""ONNX's operators RNN, LSTM and GRU: what onnxruntime makes of a node on the CPU, and what the same node is as a text
of equations, with the same parameters.

The specification is that of the operators' version 14 (github.com/onnx/onnx, docs/Operators.md).
"""

from __future__ import annotations

import dataclasses
import functools
import re
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

import swiftrnn

DIRECTIONS = ("forward", "reverse", "bidirectional")
# Where ONNX's gates are in ours: it has i, o, f, c and z, r, h; torch, and so the library, i, f, g, o and r, z, n.
GATES = {"RNN": [0], "LSTM": [0, 3, 1, 2], "GRU": [1, 0, 2]}
DEFAULTS = {"RNN": ["Tanh"], "LSTM": ["Sigmoid", "Tanh", "Tanh"], "GRU": ["Sigmoid", "Tanh"]}

# A name, with alpha or alpha and beta behind it if the function has them.
Activation = tuple[Any, ...]


def written(activation: Activation, sums: str) -> str:
    """The call that says it: ("LeakyRelu", 0.1) is leaky_relu(sums, 0.1)."""
    name, *numbers = activation
    return f"{re.sub('(?<!^)(?=[A-Z])', '_', name).lower()}({', '.join([sums, *map(str, numbers)])})"


@dataclasses.dataclass(frozen=True)
class Node:
    """A node's attributes. `activations` are those of one direction; with two directions both have them."""

    operator: str
    activations: tuple[Activation, ...] = ()
    clip: float | None = None
    peepholes: bool = False
    input_forget: bool = False
    linear_before_reset: bool = False

    def functions(self) -> list[Activation]:
        return list(self.activations) or [(name,) for name in DEFAULTS[self.operator]]

    def text(self, clip_cell: bool | None = None) -> str:
        """The node as a cell. `clip_cell`: whether `clip` is also before the activation of the cell; None: as this
        onnxruntime has it."""
        functions = self.functions()

        def activated(index: int, sums: str, clip: bool = True) -> str:
            if clip and self.clip is not None:
                sums = f"clip({sums}, -{self.clip}, {self.clip})"
            return written(functions[index], sums)

        if self.operator == "RNN":
            sums = "weight_ih @ x + weight_hh @ h + bias_ih + bias_hh"
            return f"like rnn\nh' = {activated(0, sums)}"
        if self.operator == "GRU":
            if self.linear_before_reset:
                base, r, z, n = "gru", "ri + rh", "zi + zh", "ni + r * nh"
            else:
                base, r, z, n = "gru_before", "ri + Ur @ h + br", "zi + Uz @ h + bz", "ni + Un @ (r * h) + bn"
            return f"like {base}\nr = {activated(0, r)}\nz = {activated(0, z)}\nn = {activated(1, n)}"
        i, f, o = ("ai + pi * c", "af + pf * c", "ao + po * c'") if self.peepholes else ("ai", "af", "ao")
        if clip_cell is None:
            clip_cell = self.clip is not None and onnxruntime_clips_the_cell()
        h = activated(2, "c'", clip_cell)
        return "\n".join(
            [
                "like lstm",
                f"i = {activated(0, i)}",
                f"f = {'1 - i' if self.input_forget else activated(0, f)}",
                f"g = {activated(1, 'ag')}",
                f"o = {activated(0, o)}",
                f"h' = o * {h}",
            ]
        )

    def attributes(self, directions: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if self.activations:
            found = activation_attributes(self.activations * directions)
        if self.clip is not None:
            found["clip"] = self.clip
        if self.input_forget:
            found["input_forget"] = 1
        if self.linear_before_reset:
            found["linear_before_reset"] = 1
        return found


def activation_attributes(activations: Any) -> dict[str, Any]:
    """Alphas and betas are a list each, of those functions only that have one."""
    found = {
        "activations": [name for name, *_ in activations],
        "activation_alpha": [float(numbers[0]) for _, *numbers in activations if len(numbers) > 0],
        "activation_beta": [float(numbers[1]) for _, *numbers in activations if len(numbers) > 1],
    }
    return {name: values for name, values in found.items() if values}


@dataclasses.dataclass
class Data:
    """What a node gets beside its parameters. The state has a row per direction."""

    x: np.ndarray
    state: list[np.ndarray] | None
    lengths: list[int] | None

    @classmethod
    def draw(
        cls, node: Node, directions: int, shape: tuple[int, int, int, int], lengths: list[int] | None, state: bool
    ) -> "Data":
        steps, sequences, inputs, hidden = shape
        rng = np.random.default_rng(sum(shape))

        def normal(*shape: int) -> np.ndarray:
            return rng.standard_normal(shape).astype(np.float32)

        states = 2 if node.operator == "LSTM" else 1
        return cls(
            x=normal(steps, sequences, inputs),
            state=[normal(directions, sequences, hidden) for _ in range(states)] if state else None,
            lengths=lengths,
        )


def network_of(
    text: str, inputs: int, hidden: int, bidirectional: bool = False, bias: bool = True, scale: float = 0.6
) -> swiftrnn.CellNetwork:
    """Networks of the same sizes have the same parameters, whatever their texts are."""
    network = swiftrnn.Cell(text).layer(inputs, hidden, bidirectional=bidirectional, seed=0)
    for name, parameter in network.parameters.items():
        # A generator of its own each: not all texts have all peepholes.
        rng = np.random.default_rng(list(name.encode()))
        parameter[:] = rng.uniform(-scale, scale, parameter.shape)
        if "bias" in name and not bias:
            parameter[:] = 0
    return network


def by_onnxruntime(
    operator: str, network: swiftrnn.CellNetwork, data: Data, direction: str, bias: bool = True, y_only: bool = False,
    **attributes: Any,
) -> dict[str, np.ndarray]:  # fmt: skip
    """A model of the one node, with the network's parameters; y is [T, N, directions * H]."""
    suffixes = {"forward": ["_l0"], "reverse": ["_l0_reverse"], "bidirectional": ["_l0", "_l0_reverse"]}[direction]
    own, hidden = network.parameters, network.hidden_size

    def gates(name: str, suffix: str) -> np.ndarray:
        blocks = np.split(own[name + suffix], len(GATES[operator]))
        return np.concatenate([blocks[gate] for gate in GATES[operator]])

    def peephole(name: str, suffix: str) -> np.ndarray:
        # With coupled gates there is no pf; onnxruntime then does not read it.
        return own.get(name + suffix, np.full(hidden, 9, np.float32))

    initializers = {
        "W": np.stack([gates("weight_ih", s) for s in suffixes]),
        "R": np.stack([gates("weight_hh", s) for s in suffixes]),
    }
    if bias:
        initializers["B"] = np.stack([np.concatenate([gates("bias_ih", s), gates("bias_hh", s)]) for s in suffixes])
    if "pi" + suffixes[0] in own:
        initializers["P"] = np.stack([np.concatenate([peephole(p, s) for p in ("pi", "po", "pf")]) for s in suffixes])
    feeds = {"X": data.x}
    if data.lengths is not None:
        feeds["sequence_lens"] = np.array(data.lengths, np.int32)
    feeds.update(zip(["initial_h", "initial_c"], data.state or []))

    given = {**initializers, **feeds}
    names = ["X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P"]
    inputs = [name if name in given else "" for name in names]
    while not inputs[-1]:
        inputs.pop()
    outputs = ["Y", "Y_h", "Y_c"][: 1 if y_only else 3 if operator == "LSTM" else 2]
    node = helper.make_node(operator, inputs, outputs, hidden_size=hidden, direction=direction, **attributes)
    types = {"sequence_lens": TensorProto.INT32}
    state_shape = (len(suffixes), data.x.shape[1], hidden)
    shapes = {"Y": (data.x.shape[0], *state_shape), "Y_h": state_shape, "Y_c": state_shape}
    graph = helper.make_graph(
        [node],
        "node",
        [helper.make_tensor_value_info(n, types.get(n, TensorProto.FLOAT), a.shape) for n, a in feeds.items()],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, shapes[n]) for n in outputs],
        [onnx.numpy_helper.from_array(array, name) for name, array in initializers.items()],
    )
    # Older than what onnx writes by default, which is younger than what onnxruntime reads.
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    found = dict(zip(outputs, session.run(outputs, feeds)))
    y = found.pop("Y")
    return {"y": y.transpose(0, 2, 1, 3).reshape(*y.shape[::2], -1), **found}


def by_swiftrnn(network: swiftrnn.CellNetwork, data: Data, direction: str) -> dict[str, np.ndarray]:
    """The same by name; the direction alone that the node has. Asserts that the pass of training gives the same y."""
    rows = slice(1, 2) if direction == "reverse" else slice(None)
    state: Any = None
    if data.state is not None:
        # The reverse direction alone does not exist here: the forward one, beside it, gets the same state.
        given = [np.concatenate([value, value]) if direction == "reverse" else value for value in data.state]
        state = given[0] if len(given) == 1 else tuple(given)
    y, final = network(data.x, state, data.lengths)
    trained = network.forward(data.x, state, data.lengths)[0]
    np.testing.assert_allclose(trained, y, rtol=0, atol=2e-6 * max(1, np.abs(y).max()))
    finals = final if isinstance(final, tuple) else (final,)
    return {
        "y": y[..., network.hidden_size :] if direction == "reverse" else y,
        **{name: value[rows] for name, value in zip(["Y_h", "Y_c"], finals)},
    }


@functools.lru_cache(maxsize=None)
def onnxruntime_clips_the_cell() -> bool:
    """Whether it applies `clip` to what the LSTM's activation h takes, as to "the input of activations" in the
    specification. 1.32 does not (microsoft/onnxruntime issue 27224; pull request 27239 would)."""
    network = network_of("lstm", 1, 1, scale=0.0)
    zeros = np.zeros((1, 1, 1), np.float32)
    data = Data(x=zeros, state=[zeros, zeros + 8], lengths=None)
    h = float(by_onnxruntime("LSTM", network, data, "forward", clip=1.0)["Y_h"].item())
    # Gates are 1/2, so the cell is 4.
    by_clip = {True: 0.5 * np.tanh(1.0), False: 0.5 * np.tanh(4.0)}
    found = [clips for clips, value in by_clip.items() if abs(h - value) < 1e-6]
    assert len(found) == 1, (h, by_clip)
    return found[0]
