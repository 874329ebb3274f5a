"""torch's side of the benchmark: torch.nn modules under inference_mode, or autograd.grad for all gradients.

torch itself picks oneDNN for a float32 LSTM without lengths. Batches with lengths are packed beforehand, and their
output stays packed: only the network is timed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from protocol import Refused, load, load_parameters, serve
from shapes import Shape
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

MODULES = {"rnn_tanh": torch.nn.RNN, "rnn_relu": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}


class TorchCall:
    def __init__(self, shape: Shape, folder: Path) -> None:
        if shape.cell not in MODULES:
            raise Refused("has no GRU with the reset gate before the product")
        self.shape = shape
        dtype = torch.float64 if shape.dtype == "f64" else torch.float32
        options = {"nonlinearity": "relu"} if shape.cell == "rnn_relu" else {}
        self.module = MODULES[shape.cell](
            shape.I, shape.H, shape.layers, bidirectional=shape.directions == 2, dtype=dtype, **options
        )
        with torch.no_grad():
            for parameter, value in zip(self.module.parameters(), load_parameters(folder, shape)):
                parameter.copy_(torch.from_numpy(value))
        training = shape.training
        self.module.train(training).requires_grad_(training)
        tensors = {
            name: torch.from_numpy(load(folder, name, shape))
            for name in ["x", "h0"] + ["c0"] * shape.has_cell_state + ["dy"] * training
        }
        x, self.dy = tensors["x"], tensors.get("dy")
        self.lengths: torch.Tensor | None = None
        self.order: PackedSequence | None = None
        if shape.lengths:
            self.lengths = torch.from_numpy(np.fromfile(folder / "lengths.bin", np.int64))
            self.order = pack_padded_sequence(x, self.lengths, enforce_sorted=False)
            x = self.order.data
            if training:
                self.dy = pack_padded_sequence(self.dy, self.lengths, enforce_sorted=False).data
        self.x = x.requires_grad_(training)
        states = tuple(tensors[name].requires_grad_(training) for name in ("h0", "c0") if name in tensors)
        self.states = states
        self.state = states if shape.has_cell_state else states[0]
        self.leaves = [self.x, *states, *self.module.parameters()]
        self.run = self.train if training else self.infer

    def forward(self):
        return self.module(self.order._replace(data=self.x) if self.order is not None else self.x, self.state)

    def infer(self) -> None:
        with torch.inference_mode():
            self.y, self.final = self.forward()

    def train(self) -> None:
        self.y, _ = self.forward()
        y = self.y.data if self.order is not None else self.y
        self.gradients = torch.autograd.grad([y], self.leaves, [self.dy])

    def padded(self, packed: PackedSequence) -> torch.Tensor:
        return pad_packed_sequence(packed, total_length=self.shape.T)[0]

    def results(self) -> dict[str, np.ndarray]:
        ragged = self.order is not None
        found = {"y": self.padded(self.y) if ragged else self.y}
        if self.shape.training:
            dx, *rest = self.gradients
            found["dx"] = self.padded(self.order._replace(data=dx)) if ragged else dx
            for name in ["dh0", "dc0"][: len(self.states)]:
                found[name] = rest.pop(0)
            found["gradients"] = torch.cat([gradient.flatten() for gradient in rest])
        else:
            final = self.final if self.shape.has_cell_state else (self.final,)
            found |= dict(zip(("hn", "cn"), final))
        return {name: value.detach().numpy() for name, value in found.items()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.set_num_interop_threads(1)
    serve(f"torch {torch.__version__}", TorchCall)
