"""The reference that the tests compare with: torch in float64, by its own modules, and by plain loops with autograd.

The modules know packed sequences but not length 0, other GRUs or given dropout masks; the loops know all of that, and
a test compares the two with each other.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Sequence

import numpy as np
import torch

import swiftrnn

CELLS = ("rnn_tanh", "rnn_relu", "lstm", "lstm_projected", "gru", "gru_reset_before")

torch.set_num_threads(2)


@dataclasses.dataclass
class Case:
    """One configuration with its data, all of one dtype. `projected` is P of lstm_projected; other cells ignore it."""

    cell: str
    dtype: str
    steps: int
    sequences: int
    inputs: int
    hidden: int
    projected: int
    layers: int
    bidirectional: bool
    bias: bool
    dropout: float = 0.0
    lengths: list[int] | None = None
    with_state: bool = True
    with_dy: bool = True
    with_dstate: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        if self.cell != "lstm_projected":
            self.projected = 0

    def network(self, **options: Any) -> swiftrnn.Network:
        common = dict(
            num_layers=self.layers, bias=self.bias, dropout=self.dropout, bidirectional=self.bidirectional,
            dtype=self.dtype, seed=self.seed,
        )  # fmt: skip
        common.update(options)
        if self.cell.startswith("lstm"):
            return swiftrnn.LSTM(self.inputs, self.hidden, proj_size=self.projected, **common)
        if self.cell.startswith("gru"):
            return swiftrnn.GRU(self.inputs, self.hidden, reset_after=self.cell == "gru", **common)
        return swiftrnn.RNN(self.inputs, self.hidden, nonlinearity=self.cell[4:], **common)

    @property
    def directions(self) -> int:
        return 2 if self.bidirectional else 1

    @property
    def outputs(self) -> int:
        return self.projected or self.hidden

    def data(self) -> "Data":
        rng = np.random.default_rng(self.seed)

        def draw(*shape: int) -> np.ndarray:
            return rng.standard_normal(shape).astype(self.dtype)

        rows = self.layers * self.directions
        shapes = [(rows, self.sequences, self.outputs)]
        if self.cell.startswith("lstm"):
            shapes.append((rows, self.sequences, self.hidden))
        return Data(
            x=draw(self.steps, self.sequences, self.inputs),
            state=[draw(*shape) for shape in shapes] if self.with_state else None,
            dy=draw(self.steps, self.sequences, self.directions * self.outputs) if self.with_dy else None,
            dstate=[draw(*shape) for shape in shapes] if self.with_dstate else None,
            state_shapes=shapes,
        )


@dataclasses.dataclass
class Data:
    x: np.ndarray
    state: list[np.ndarray] | None
    dy: np.ndarray | None
    dstate: list[np.ndarray] | None
    state_shapes: list[tuple[int, int, int]]


@dataclasses.dataclass
class Result:
    """Outputs and gradients of a case."""

    y: np.ndarray
    state: list[np.ndarray]
    dx: np.ndarray
    dstate: list[np.ndarray]
    parameters: dict[str, np.ndarray]

    def items(self) -> list[tuple[str, np.ndarray]]:
        named = [("y", self.y), ("dx", self.dx)]
        named += [(f"state[{i}]", s) for i, s in enumerate(self.state)]
        named += [(f"dstate[{i}]", s) for i, s in enumerate(self.dstate)]
        return named + [(f"d{name}", value) for name, value in self.parameters.items()]


def pair(tensors: Sequence[np.ndarray] | None) -> Any:
    """A list of state tensors as swiftrnn takes it."""
    if tensors is None:
        return None
    return tensors[0] if len(tensors) == 1 else tuple(tensors)


def as_list(state: Any) -> list[np.ndarray]:
    return list(state) if isinstance(state, tuple) else [state]


def ours(case: Case, data: Data, network: swiftrnn.Network | None = None, **forward: Any) -> Result:
    """What swiftrnn computes."""
    network = network or case.network()
    y, state, tape = network.forward(data.x, pair(data.state), lengths=case.lengths, **forward)
    grads = tape.backward(data.dy, pair(data.dstate))
    return Result(y, as_list(state), grads.x, as_list(grads.state), dict(grads.parameters))


def _tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(array.astype(np.float64)).requires_grad_()


def _result(case: Case, data: Data, run: Any, parameters: dict[str, np.ndarray]) -> Result:
    """Runs `run(x, states, parameters) -> y, states` in float64 and differentiates it."""
    x = _tensor(data.x)
    start = data.state or [np.zeros(shape) for shape in data.state_shapes]
    states = [_tensor(s) for s in start]
    tensors = {name: _tensor(array) for name, array in parameters.items()}
    y, final = run(x, states, tensors)
    loss = torch.zeros((), dtype=torch.float64)
    if data.dy is not None:
        loss = loss + (y * torch.from_numpy(data.dy.astype(np.float64))).sum()
    if data.dstate is not None:
        for value, gradient in zip(final, data.dstate):
            loss = loss + (value * torch.from_numpy(gradient.astype(np.float64))).sum()
    wanted = [x, *states, *tensors.values()]
    if loss.requires_grad:
        found = torch.autograd.grad(loss, wanted, allow_unused=True)
    else:
        found = [None] * len(wanted)
    arrays = [np.zeros(w.shape) if g is None else g.numpy() for w, g in zip(wanted, found)]
    count = 1 + len(states)
    return Result(
        y.detach().numpy(),
        [s.detach().numpy() for s in final],
        arrays[0],
        arrays[1:count],
        dict(zip(tensors, arrays[count:])),
    )


# ---- By torch's modules ----------------------------------------------------------------------------------------------


def by_modules(case: Case, parameters: dict[str, np.ndarray]) -> Result:
    """torch.nn with packed sequences; rows of length 0 are left out and get what the contract says."""
    data = case.data()

    def run(x: Any, states: Any, tensors: Any) -> Any:
        options = dict(
            num_layers=case.layers, bias=case.bias, bidirectional=case.bidirectional, dtype=torch.float64
        )
        if case.cell.startswith("lstm"):
            module: Any = torch.nn.LSTM(case.inputs, case.hidden, proj_size=case.projected, **options)
        elif case.cell == "gru":
            module = torch.nn.GRU(case.inputs, case.hidden, **options)
        else:
            module = torch.nn.RNN(case.inputs, case.hidden, nonlinearity=case.cell[4:], **options)
        lengths = np.full(case.sequences, case.steps) if case.lengths is None else np.array(case.lengths, int)
        kept = torch.from_numpy(np.flatnonzero(lengths))
        y = torch.zeros((case.steps, case.sequences, case.directions * case.outputs), dtype=torch.float64)
        if len(kept) == 0:
            return y, states
        packed: Any = x[:, kept]
        if case.lengths is not None:
            packed = torch.nn.utils.rnn.pack_padded_sequence(packed, lengths[kept.numpy()], enforce_sorted=False)
        given = [s[:, kept] for s in states]
        out, final = torch.func.functional_call(
            module, tensors, (packed, tuple(given) if len(given) == 2 else given[0])
        )
        if case.lengths is not None:
            out, _ = torch.nn.utils.rnn.pad_packed_sequence(out, total_length=case.steps)
        final = list(final) if isinstance(final, tuple) else [final]
        return y.index_copy(1, kept, out), [s.index_copy(1, kept, f) for s, f in zip(states, final)]

    return _result(case, data, run, parameters)


# ---- By loops --------------------------------------------------------------------------------------------------------


def _step(cell: str, x: Any, h: Any, c: Any, w: Any, u: Any, b: Any, d: Any, r: Any) -> tuple[Any, Any]:
    a, q = x @ w.T + b, h @ u.T + d
    if cell == "rnn_tanh":
        return torch.tanh(a + q), c
    if cell == "rnn_relu":
        return torch.relu(a + q), c
    if cell.startswith("lstm"):
        i, f, g, o = (a + q).chunk(4, 1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        return (h if r is None else h @ r.T), c
    ar, az, an = a.chunk(3, 1)
    qr, qz, qn = q.chunk(3, 1)
    reset, update = torch.sigmoid(ar + qr), torch.sigmoid(az + qz)
    if cell == "gru":
        n = torch.tanh(an + reset * qn)
    else:
        hidden = h.shape[1]
        n = torch.tanh(an + (reset * h) @ u[2 * hidden :].T + d[2 * hidden :])
    return (1 - update) * n + update * h, c


def by_loops(case: Case, parameters: dict[str, np.ndarray], masks: list[np.ndarray] | None = None) -> Result:
    """A loop over time; masks[layer] [T, N, D*P] multiplies that layer's output."""
    data = case.data()
    lengths = torch.tensor([case.steps] * case.sequences if case.lengths is None else case.lengths, dtype=torch.int64)

    def run(x: Any, states: Any, tensors: Any) -> Any:
        hs, cs = [], []
        rows: Any = x
        zero = torch.zeros(1, dtype=torch.float64)
        for layer in range(case.layers):
            outputs = []
            for direction in range(case.directions):
                suffix = f"_l{layer}" + ("_reverse" if direction else "")
                index = layer * case.directions + direction
                h = states[0][index]
                c = states[1][index] if len(states) > 1 else torch.zeros(1, dtype=torch.float64)
                b, d = tensors.get("bias_ih" + suffix, zero), tensors.get("bias_hh" + suffix, zero)
                if not case.bias:
                    b = d = torch.zeros(tensors["weight_ih" + suffix].shape[0], dtype=torch.float64)
                ys: list[Any] = [None] * case.steps
                for t in reversed(range(case.steps)) if direction else range(case.steps):
                    valid = (t < lengths)[:, None]
                    h2, c2 = _step(
                        case.cell, rows[t], h, c, tensors["weight_ih" + suffix], tensors["weight_hh" + suffix], b, d,
                        tensors.get("weight_hr" + suffix),
                    )  # fmt: skip
                    h, c = torch.where(valid, h2, h), torch.where(valid, c2, c)
                    ys[t] = torch.where(valid, h2, torch.zeros_like(h2))
                shape = (0, case.sequences, case.outputs)
                outputs.append(torch.stack(ys) if ys else torch.zeros(shape, dtype=torch.float64))
                hs.append(h)
                cs.append(c)
            rows = torch.cat(outputs, 2)
            if masks is not None and layer + 1 < case.layers:
                rows = rows * torch.from_numpy(masks[layer])
        final = [torch.stack(hs)] + ([torch.stack(cs)] if len(states) > 1 else [])
        return rows, final

    return _result(case, data, run, parameters)


def nearest_kink(case: Case) -> float:
    """How near to 0, where its derivative jumps, a pre-activation of max(0, .) comes in this case."""
    data = case.data()
    lengths = torch.tensor([case.steps] * case.sequences if case.lengths is None else case.lengths, dtype=torch.int64)
    tensors = {name: torch.from_numpy(value.astype(np.float64)) for name, value in case.network().state_dict().items()}
    start = data.state[0] if data.state else np.zeros(data.state_shapes[0])
    rows, nearest = torch.from_numpy(data.x.astype(np.float64)), np.inf
    for layer in range(case.layers):
        outputs = []
        for direction in range(case.directions):
            suffix = f"_l{layer}" + ("_reverse" if direction else "")
            fixed = rows @ tensors["weight_ih" + suffix].T
            if case.bias:
                fixed = fixed + tensors["bias_ih" + suffix] + tensors["bias_hh" + suffix]
            h = torch.from_numpy(start[layer * case.directions + direction].astype(np.float64))
            ys = torch.zeros((case.steps, *h.shape), dtype=torch.float64)
            for t in reversed(range(case.steps)) if direction else range(case.steps):
                valid = t < lengths
                preactivation = fixed[t] + h @ tensors["weight_hh" + suffix].T
                if valid.any():
                    nearest = min(nearest, float(preactivation[valid].abs().min()))
                h = torch.where(valid[:, None], torch.relu(preactivation), h)
                ys[t] = torch.where(valid[:, None], h, ys[t])
            outputs.append(ys)
        rows = torch.cat(outputs, 2)
    return nearest


def away_from_kinks(case: Case) -> Case:
    """The case, or the same with another seed: the first with no pre-activation of max(0, .) so near 0 that float32 may
    round it to the other side. Where one is, float32 and float64 rightly differentiate different pieces."""
    while case.cell == "rnn_relu" and case.dtype == "float32" and nearest_kink(case) < 1e-6:
        case = dataclasses.replace(case, seed=case.seed + 1000)
    return case


def reference(case: Case, parameters: dict[str, np.ndarray]) -> Result:
    """torch's own module where it has the cell, otherwise the loop."""
    if case.cell == "gru_reset_before":
        return by_loops(case, parameters)
    return by_modules(case, parameters)


def assert_close(found: Result, expected: Result, tolerance: float, context: Any) -> None:
    """Every array within `tolerance`, relative to max(1, largest entry of the expected one)."""
    pairs = list(zip(found.items(), expected.items()))
    assert len(found.items()) == len(expected.items())
    for (name, ours_), (expected_name, theirs) in pairs:
        assert name == expected_name and ours_.shape == theirs.shape, (name, ours_.shape, theirs.shape)
        if theirs.size == 0:
            continue
        scale = max(1.0, float(np.abs(theirs).max()))
        error = float(np.abs(ours_ - theirs).max()) / scale
        assert error <= tolerance, f"{name}: off by {error:.3g} > {tolerance:.3g}, {context}"
        assert np.isfinite(ours_).all(), name


def assert_same_bits(a: Any, b: Any, context: Any = "") -> None:
    """Two arrays, or lists of arrays, bit for bit."""
    if isinstance(a, (list, tuple)):
        assert len(a) == len(b)
        for i, (x, y) in enumerate(zip(a, b)):
            assert_same_bits(x, y, f"{context}[{i}]")
        return
    assert a.dtype == b.dtype and a.shape == b.shape, (context, a.dtype, b.dtype, a.shape, b.shape)
    unsigned = np.dtype(f"u{a.itemsize}")
    different = np.ascontiguousarray(a).view(unsigned) != np.ascontiguousarray(b).view(unsigned)
    first = np.argwhere(different)[:1].tolist()
    assert not different.any(), f"{context}: {int(different.sum())} of {a.size} differ, the first at {first}"
