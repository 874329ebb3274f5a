"""onnxruntime's side of the benchmark: a model per shape, inputs and outputs bound beforehand. Inference only.

Layers are a chain of operators of opset 14; a bidirectional layer's output is transposed for the next one. Weights are
constants of the model, so that the session packs them once.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from protocol import Refused, array_shapes, dtype_of, load, load_parameters, serve
from shapes import Shape

# Which of torch's gates each of ONNX's is: LSTM i o f c of i f g o; GRU z r h of r z n.
ORDERS = {"LSTM": [0, 3, 1, 2], "GRU": [1, 0, 2], "RNN": [0]}


def operator(shape: Shape) -> str:
    return {"lstm": "LSTM", "gru": "GRU", "gru_before": "GRU"}.get(shape.cell, "RNN")


def in_onnx_order(tensor: np.ndarray, order: list[int]) -> np.ndarray:
    """Rows of gates in ONNX's order."""
    gates = tensor.reshape(len(order), -1, *tensor.shape[1:])
    return gates[order].reshape(tensor.shape)


def constants(shape: Shape, tensors: list[np.ndarray], layer: int) -> list[onnx.TensorProto]:
    """W [D, G*H, I], R [D, G*H, H] and B [D, 2*G*H] of a layer."""
    order = ORDERS[operator(shape)]
    first = 4 * layer * shape.directions
    directions = [
        [in_onnx_order(tensor, order) for tensor in tensors[first + 4 * d : first + 4 * d + 4]]
        for d in range(shape.directions)
    ]
    w = np.stack([own[0] for own in directions])
    r = np.stack([own[1] for own in directions])
    b = np.stack([np.concatenate(own[2:]) for own in directions])
    return [numpy_helper.from_array(value, f"{name}{layer}") for name, value in (("W", w), ("R", r), ("B", b))]


def attributes(shape: Shape) -> dict:
    found: dict = {"hidden_size": shape.H, "direction": "bidirectional" if shape.directions == 2 else "forward"}
    if operator(shape) == "GRU":
        found["linear_before_reset"] = int(shape.cell == "gru")
    if shape.cell == "rnn_relu":
        found["activations"] = ["Relu"] * shape.directions
    return found


def model(shape: Shape, tensors: list[np.ndarray]) -> bytes:
    """The network as an ONNX model: x, h0_l, c0_l and lengths in; y and the final states out."""
    kind = TensorProto.DOUBLE if shape.dtype == "f64" else TensorProto.FLOAT
    D, states = shape.directions, ["h", "c"][: 1 + shape.has_cell_state]
    state_shape = [D, shape.N, shape.H]
    inputs = [helper.make_tensor_value_info("x0", kind, [shape.T, shape.N, shape.I])]
    outputs, nodes, initializers = [], [], []
    if shape.lengths:
        inputs.append(helper.make_tensor_value_info("lengths", TensorProto.INT32, [shape.N]))
    for layer in range(shape.layers):
        initializers += constants(shape, tensors, layer)
        begin, end = [f"{s}0_{layer}" for s in states], [f"{s}n_{layer}" for s in states]
        inputs += [helper.make_tensor_value_info(name, kind, state_shape) for name in begin]
        outputs += [helper.make_tensor_value_info(name, kind, state_shape) for name in end]
        lengths = "lengths" if shape.lengths else ""
        own = [f"x{layer}", f"W{layer}", f"R{layer}", f"B{layer}", lengths, *begin]
        nodes.append(helper.make_node(operator(shape), own, [f"y{layer}", *end], **attributes(shape)))
        if layer + 1 < shape.layers:  # [T, D, N, H] -> [T, N, D*H]
            initializers.append(numpy_helper.from_array(np.array([0, 0, -1]), f"flat{layer}"))
            nodes.append(helper.make_node("Transpose", [f"y{layer}"], [f"t{layer}"], perm=[0, 2, 1, 3]))
            nodes.append(helper.make_node("Reshape", [f"t{layer}", f"flat{layer}"], [f"x{layer + 1}"]))
    y = helper.make_tensor_value_info(f"y{shape.layers - 1}", kind, [shape.T, D, shape.N, shape.H])
    graph = helper.make_graph(nodes, "network", inputs, [y, *outputs], initializers)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    return made.SerializeToString()


class OnnxRuntimeCall:
    def __init__(self, shape: Shape, folder: Path, threads: int) -> None:
        if shape.training:
            raise Refused("inference only")
        self.shape = shape
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        options.add_session_config_entry("session.set_denormal_as_zero", "1")
        try:
            serialized = model(shape, load_parameters(folder, shape))
            self.session = onnxruntime.InferenceSession(serialized, options, providers=["CPUExecutionProvider"])
            self.bind(folder)
            self.run()
        except Exception as error:  # onnxruntime's own classes have nothing in common but their module
            if not (isinstance(error, RuntimeError) or type(error).__module__.startswith("onnxruntime")):
                raise
            raise Refused(str(error).splitlines()[0].rpartition("Status Message: ")[2]) from error

    def bind(self, folder: Path) -> None:
        shape, D = self.shape, self.shape.directions
        given = {"x0": load(folder, "x", shape)}
        for state in ["h0", "c0"][: 1 + shape.has_cell_state]:
            every = load(folder, state, shape)
            given |= {f"{state}_{layer}": every[layer * D : layer * D + D] for layer in range(shape.layers)}
        if shape.lengths:
            given["lengths"] = np.fromfile(folder / "lengths.bin", np.int64).astype(np.int32)
        self.binding = self.session.io_binding()
        # Values over numpy's memory do not keep it alive.
        self.inputs = {name: np.ascontiguousarray(array) for name, array in given.items()}
        self.outputs = {o.name: np.zeros(o.shape, dtype_of(shape)) for o in self.session.get_outputs()}
        self.values = {
            name: onnxruntime.OrtValue.ortvalue_from_numpy(array)
            for name, array in (self.inputs | self.outputs).items()
        }
        for name in self.inputs:
            self.binding.bind_ortvalue_input(name, self.values[name])
        for name in self.outputs:
            self.binding.bind_ortvalue_output(name, self.values[name])

    def run(self) -> None:
        self.session.run_with_iobinding(self.binding)

    def results(self) -> dict[str, np.ndarray]:
        shape = self.shape
        y = self.values[f"y{shape.layers - 1}"].numpy().transpose(0, 2, 1, 3)
        found = {"y": y.reshape(array_shapes(shape)["y"])}
        for state in ["hn", "cn"][: 1 + shape.has_cell_state]:
            found[state] = np.concatenate([self.values[f"{state}_{l}"].numpy() for l in range(shape.layers)])
        return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, required=True)
    threads = parser.parse_args().threads
    serve(
        f"onnxruntime {onnxruntime.__version__}", lambda shape, folder: OnnxRuntimeCall(shape, folder, threads)
    )
