"""Cells in torch, a step each, from the papers' equations; and the loop over layers, directions and steps around them.

Not from the library's texts: those are what is tested. A step takes x, the states by name, the parameters by name
(without their layer), and the inputs beside x by name; it gives y and the new states.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Callable

import numpy as np
import torch
from torch import sigmoid, tanh
from torch.nn.functional import layer_norm, logsigmoid

import swiftrnn

Step = Callable[[Any, dict[str, Any], dict[str, Any], dict[str, Any]], tuple[Any, dict[str, Any]]]


def affine(p: dict[str, Any], gate: str, x: Any, h: Any, u: str = "U", bias: str = "b") -> Any:
    """W_gate x + U_gate h + b_gate, of a matrix per gate."""
    return x @ p["W" + gate].T + h @ p[u + gate].T + p[bias + gate]


def stacked(p: dict[str, Any], x: Any, h: Any, gates: int) -> Any:
    """W x + b + U h + d of torch's stacked matrices, cut into gates."""
    sums = x @ p["weight_ih"].T + p["bias_ih"] + h @ p["weight_hh"].T + p["bias_hh"]
    return sums.chunk(gates, 1)


def norm(v: Any) -> Any:
    return layer_norm(v, v.shape[-1:], eps=1e-5)


# ---- LSTMs -----------------------------------------------------------------------------------------------------------


def lstm_1997(x: Any, s: Any, p: Any, _: Any) -> Any:
    """Hochreiter, Schmidhuber 1997, appendix A.1: f in (0, 1), g in (-2, 2), h in (-1, 1)."""
    y_in, y_out = sigmoid(affine(p, "i", x, s["h"])), sigmoid(affine(p, "o", x, s["h"]))
    net = affine(p, "g", x, s["h"])
    c = s["c"] + y_in * (4 / (1 + torch.exp(-net)) - 2)
    h = y_out * (2 / (1 + torch.exp(-c)) - 1)
    return h, {"h": h, "c": c}


def lstm_peephole(x: Any, s: Any, p: Any, _: Any) -> Any:
    i, f, g, o = stacked(p, x, s["h"], 4)
    i, f = sigmoid(i + p["pi"] * s["c"]), sigmoid(f + p["pf"] * s["c"])
    c = f * s["c"] + i * tanh(g)
    h = sigmoid(o + p["po"] * c) * tanh(c)
    return h, {"h": h, "c": c}


def lstm_cifg(x: Any, s: Any, p: Any, _: Any) -> Any:
    i, _f, g, o = stacked(p, x, s["h"], 4)
    c = (1 - sigmoid(i)) * s["c"] + sigmoid(i) * tanh(g)
    h = sigmoid(o) * tanh(c)
    return h, {"h": h, "c": c}


def lstm_projected(x: Any, s: Any, p: Any, _: Any) -> Any:
    i, f, g, o = stacked(p, x, s["h"], 4)
    c = sigmoid(f) * s["c"] + sigmoid(i) * tanh(g)
    r = (sigmoid(o) * tanh(c)) @ p["weight_hr"].T
    return r, {"h": r, "c": c}


def lstm_layer_norm(x: Any, s: Any, p: Any, _: Any) -> Any:
    """Ba, Kiros, Hinton 2016, equations 20 to 22."""
    sums = norm(s["h"] @ p["weight_hh"].T) * p["gain_hh"] + norm(x @ p["weight_ih"].T) * p["gain_ih"]
    i, f, g, o = (sums + p["bias_ih"] + p["bias_hh"]).chunk(4, 1)
    c = sigmoid(f) * s["c"] + sigmoid(i) * tanh(g)
    h = sigmoid(o) * tanh(norm(c) * p["gain_c"] + p["bias_c"])
    return h, {"h": h, "c": c}


def greff(x: Any, s: Any, p: Any, _: Any) -> Any:
    """Greff et al. 2017, section II."""
    y, c = s["h"], s["c"]
    z = tanh(affine(p, "z", x, y, "R"))
    i = sigmoid(affine(p, "i", x, y, "R") + p["pi"] * c)
    f = sigmoid(affine(p, "f", x, y, "R") + p["pf"] * c)
    c = z * i + c * f
    o = sigmoid(affine(p, "o", x, y, "R") + p["po"] * c)
    y = tanh(c) * o
    return y, {"h": y, "c": c}


def tree_child_sum(x: Any, s: Any, p: Any, _: Any) -> Any:
    """Tai, Socher, Manning 2015, equations 2 to 8, with the one child that a node of a chain has."""
    children = [(s["h"], s["c"])]
    h_tilde = sum(h for h, _ in children)
    i, o, u = (affine(p, gate, x, h_tilde) for gate in "iou")
    c = sigmoid(i) * tanh(u) + sum(sigmoid(affine(p, "f", x, h_k)) * c_k for h_k, c_k in children)
    h = sigmoid(o) * tanh(c)
    return h, {"h": h, "c": c}


def slstm(x: Any, s: Any, p: Any, _: Any) -> Any:
    """Beck et al. 2024, equations 8 to 17, exponential input gate, sigmoid forget gate; the first m as in their code.
    The recurrent matrices are block-diagonal, a block per head."""
    h, c, n, m = s["h"], s["c"], s["n"], s["m"]

    def recurrent(gate: str) -> Any:
        matrix = p["U" + gate]  # [H, H / heads]: the blocks below each other
        return h @ torch.block_diag(*matrix.split(matrix.shape[1])).T

    i, f, z, o = (x @ p["W" + gate].T + recurrent(gate) + p["b" + gate] for gate in "ifzo")
    stabilizer = torch.where(n > 0, torch.maximum(logsigmoid(f) + m, i), i)
    i, f = torch.exp(i - stabilizer), torch.exp(logsigmoid(f) + m - stabilizer)
    f = torch.minimum(f, torch.ones_like(f))  # their code's bound; without it f may overflow in the first step
    c = f * c + i * tanh(z)
    n = f * n + i
    h = sigmoid(o) * c / n
    return h, {"h": h, "c": c, "n": n, "m": stabilizer}


# ---- GRUs and their kin ----------------------------------------------------------------------------------------------


def gru_before_gates(x: Any, h: Any, p: Any) -> tuple[Any, Any]:
    """z and the candidate of Cho et al. 2014, version 3: the reset gate before the product."""
    w_r, w_z, w_n = p["weight_ih"].chunk(3)
    u_r, u_z, u_n = p["weight_hh"].chunk(3)
    (b_r, b_z, b_n), (d_r, d_z, d_n) = p["bias_ih"].chunk(3), p["bias_hh"].chunk(3)
    r = sigmoid(x @ w_r.T + b_r + h @ u_r.T + d_r)
    z = sigmoid(x @ w_z.T + b_z + h @ u_z.T + d_z)
    return z, tanh(x @ w_n.T + b_n + (r * h) @ u_n.T + d_n)


def gru_before(x: Any, s: Any, p: Any, _: Any) -> Any:
    z, n = gru_before_gates(x, s["h"], p)
    h = z * s["h"] + (1 - z) * n
    return h, {"h": h}


def augru(x: Any, s: Any, p: Any, inputs: Any) -> Any:
    """Zhou et al. 2019 (DIEN), equations 14 and 15: u' = a u; h = (1 - u') h + u' n. Their u is the weight of n."""
    z, n = gru_before_gates(x, s["h"], p)
    u = inputs["a"] * (1 - z)
    h = (1 - u) * s["h"] + u * n
    return h, {"h": h}


def mgu(x: Any, s: Any, p: Any, _: Any) -> Any:
    f = sigmoid(affine(p, "f", x, s["h"]))
    h = (1 - f) * s["h"] + f * tanh(affine(p, "n", x, f * s["h"]))
    return h, {"h": h}


def mut3(x: Any, s: Any, p: Any, _: Any) -> Any:
    z = sigmoid(affine(p, "z", x, tanh(s["h"])))
    r = sigmoid(affine(p, "r", x, s["h"]))
    h = tanh((r * s["h"]) @ p["U"].T + x @ p["W"].T + p["b"]) * z + s["h"] * (1 - z)
    return h, {"h": h}


def ugrnn(x: Any, s: Any, p: Any, _: Any) -> Any:
    g = sigmoid(affine(p, "g", x, s["h"]))
    h = g * s["h"] + (1 - g) * tanh(affine(p, "n", x, s["h"]))
    return h, {"h": h}


def janet(x: Any, s: Any, p: Any, _: Any) -> Any:
    """Van der Westhuizen, Lasenby 2018, with beta = 1; the state is the cell."""
    gate = affine(p, "f", x, s["h"])
    h = sigmoid(gate) * s["h"] + (1 - sigmoid(gate - 1)) * tanh(affine(p, "n", x, s["h"]))
    return h, {"h": h}


def fast_grnn(x: Any, s: Any, p: Any, _: Any) -> Any:
    pre = x @ p["W"].T + s["h"] @ p["U"].T
    z = sigmoid(pre + p["bz"])
    h = (sigmoid(p["zeta"]) * (1 - z) + sigmoid(p["nu"])) * tanh(pre + p["bn"]) + z * s["h"]
    return h, {"h": h}


# ---- Elementwise, continuous, feedback from the output ---------------------------------------------------------------


def ind_rnn(x: Any, s: Any, p: Any, _: Any) -> Any:
    h = torch.relu(x @ p["W"].T + p["u"] * s["h"] + p["b"])
    return h, {"h": h}


def min_gru(x: Any, s: Any, p: Any, _: Any) -> Any:
    z = sigmoid(x @ p["Wz"].T + p["bz"])
    h = (1 - z) * s["h"] + z * (x @ p["Wn"].T + p["bn"])
    return h, {"h": h}


def sru(x: Any, s: Any, p: Any, _: Any) -> Any:
    """Lei et al. 2018, equations 1 to 4, with their alpha = sqrt(3)."""
    f = sigmoid(x @ p["Wf"].T + p["vf"] * s["c"] + p["bf"])
    c = f * s["c"] + (1 - f) * (x @ p["W"].T)
    r = sigmoid(x @ p["Wr"].T + p["vr"] * s["c"] + p["br"])
    return r * c + (1 - r) * x * 1.7320508, {"c": c}


def lem(x: Any, s: Any, p: Any, _: Any) -> Any:
    """Rusch et al. 2022, equation 3, with dt = 1."""
    y, z = s["y"], s["z"]
    dt_n = sigmoid(y @ p["W1"].T + x @ p["V1"].T + p["b1"])
    dt_bar = sigmoid(y @ p["W2"].T + x @ p["V2"].T + p["b2"])
    z = (1 - dt_n) * z + dt_n * tanh(y @ p["Wz"].T + x @ p["Vz"].T + p["bz"])
    y = (1 - dt_bar) * y + dt_bar * tanh(z @ p["Wy"].T + x @ p["Vy"].T + p["by"])
    return y, {"y": y, "z": z}


def cornn(x: Any, s: Any, p: Any, _: Any) -> Any:
    """Rusch, Mishra 2021, equation 3, with dt = 0.05, gamma = 1, epsilon = 1."""
    y, z, dt = s["y"], s["z"], 0.05
    z = z + dt * (tanh(y @ p["W"].T + z @ p["Wz"].T + x @ p["V"].T + p["b"]) - y - z)
    y = y + dt * z
    return y, {"y": y, "z": z}


def cfc(x: Any, s: Any, p: Any, inputs: Any) -> Any:
    """Hasani et al. 2022, equation 10, with the backbone of their code: LeCun's tanh."""
    backbone = 1.7159 * tanh(0.666 * affine(p, "u", x, s["h"]))
    heads = {name: backbone @ p["W" + name].T + p["b" + name] for name in "gkab"}
    gate = sigmoid(heads["a"] * inputs["t"] + heads["b"])
    h = (1 - gate) * tanh(heads["g"]) + gate * tanh(heads["k"])
    return h, {"h": h}


def jordan(x: Any, s: Any, p: Any, _: Any) -> Any:
    hidden = tanh(x @ p["W"].T + s["y"] @ p["U"].T + p["b"])
    y = hidden @ p["V"].T + p["d"]
    return y, {"y": y}


@dataclasses.dataclass(frozen=True)
class Known:
    """A cell with its step. `square`: it needs I = H, and the output of one layer as wide as the next one's input."""

    step: Step
    square: bool = False
    sizes: dict[str, int] = dataclasses.field(default_factory=dict)
    numbers: dict[str, float] = dataclasses.field(default_factory=dict)


KNOWN = {
    "lstm_1997": Known(lstm_1997),
    "lstm_peephole": Known(lstm_peephole),
    "lstm_cifg": Known(lstm_cifg),
    "lstm_projected": Known(lstm_projected, sizes={"P": 4}),
    "lstm_layer_norm": Known(lstm_layer_norm),
    "greff": Known(greff),
    "tree_child_sum": Known(tree_child_sum),
    "slstm": Known(slstm, sizes={"heads": 3}),
    "gru_before": Known(gru_before),
    "augru": Known(augru),
    "mgu": Known(mgu),
    "mut3": Known(mut3),
    "ugrnn": Known(ugrnn),
    "janet": Known(janet),
    "fast_grnn": Known(fast_grnn),
    "ind_rnn": Known(ind_rnn),
    "min_gru": Known(min_gru),
    "sru": Known(sru, square=True),
    "lem": Known(lem),
    "cornn": Known(cornn, numbers={"dt": 0.05}),
    "cfc": Known(cfc, sizes={"B": 5}),
    "jordan": Known(jordan, sizes={"O": 5}),
}


@dataclasses.dataclass
class Problem:
    """Data for a network, and gradients that arrive at its results. Steps first."""

    x: np.ndarray
    inputs: dict[str, np.ndarray]
    states: dict[str, np.ndarray]
    dy: np.ndarray
    dstates: dict[str, np.ndarray]
    lengths: list[int] | None

    @classmethod
    def draw(
        cls, network: swiftrnn.CellNetwork, steps: int, sequences: int, lengths: list[int] | None = None, seed: int = 0
    ) -> "Problem":
        rng = np.random.default_rng(seed)

        def normal(*shape: int) -> np.ndarray:
            return rng.standard_normal(shape).astype(network.dtype)

        handle = network._handle
        shapes = {
            name: handle.state_shape(index, sequences) for index, name in enumerate(handle.state_names)
        }
        states = {name: normal(*shape) for name, shape in shapes.items()}
        if "n" in states:  # sLSTM's sum of positive terms
            states["n"] = np.abs(states["n"]) + states["n"].dtype.type(0.5)
        return cls(
            x=normal(steps, sequences, network.input_size),
            inputs={name: np.abs(normal(steps, sequences, width)) for name, width in network.inputs.items()},
            states=states,
            dy=normal(steps, sequences, handle.output_size),
            dstates={name: normal(*shape) for name, shape in shapes.items()},
            lengths=lengths,
        )


def joined(states: dict[str, np.ndarray]) -> Any:
    """States by name as swiftrnn takes them."""
    return next(iter(states.values())) if len(states) == 1 else tuple(states.values())


def by_swiftrnn(network: swiftrnn.CellNetwork, problem: Problem, **options: Any) -> dict[str, np.ndarray]:
    """Outputs and all gradients, by name."""
    y, final, tape = network.forward(
        problem.x, joined(problem.states), problem.lengths, **problem.inputs, **options
    )
    gradients = tape.backward(problem.dy, joined(problem.dstates))
    names = list(problem.states)
    finals, dinitials = ((v if isinstance(v, tuple) else (v,)) for v in (final, gradients.state))
    return {
        "y": y,
        **{f"final {name}": value for name, value in zip(names, finals)},
        "dx": gradients.x,
        **{f"d{name}": value for name, value in gradients.inputs.items()},
        **{f"dinitial {name}": value for name, value in zip(names, dinitials)},
        **{f"d{name}": value for name, value in gradients.parameters.items()},
    }


def by_torch(network: swiftrnn.CellNetwork, problem: Problem, step: Step) -> dict[str, np.ndarray]:
    """The same by a loop over the step, in float64."""

    def tensors(arrays: dict[str, Any]) -> dict[str, torch.Tensor]:
        return {name: torch.from_numpy(a.astype(np.float64)).requires_grad_() for name, a in arrays.items()}

    steps, sequences = problem.x.shape[:2]
    lengths = torch.tensor([steps] * sequences if problem.lengths is None else problem.lengths)
    x, inputs = tensors({"x": problem.x})["x"], tensors(problem.inputs)
    states, parameters = tensors(problem.states), tensors(network.state_dict())
    directions = 2 if network.bidirectional else 1
    rows, finals = x, {name: [] for name in states}
    for layer in range(network.num_layers):
        outputs = []
        for direction in range(directions):
            suffix = f"_l{layer}" + ("_reverse" if direction else "")
            own = {name[: -len(suffix)]: p for name, p in parameters.items() if name.endswith(suffix)}
            s = {name: state[layer * directions + direction] for name, state in states.items()}
            ys: list[Any] = [None] * steps
            for t in reversed(range(steps)) if direction else range(steps):
                valid = (t < lengths)[:, None]
                y, new = step(rows[t], s, own, {name: value[t] for name, value in inputs.items()})
                s = {name: torch.where(valid, new[name], old) for name, old in s.items()}
                ys[t] = torch.where(valid, y, torch.zeros_like(y))
            outputs.append(torch.stack(ys))
            for name, value in s.items():
                finals[name].append(value)
        rows = torch.cat(outputs, 2)
    final = {name: torch.stack(values) for name, values in finals.items()}
    loss = (rows * torch.from_numpy(problem.dy.astype(np.float64))).sum()
    for name, gradient in problem.dstates.items():
        loss = loss + (final[name] * torch.from_numpy(gradient.astype(np.float64))).sum()
    wanted = {"dx": x}
    wanted.update({f"d{name}": value for name, value in inputs.items()})
    wanted.update({f"dinitial {name}": value for name, value in states.items()})
    wanted.update({f"d{name}": value for name, value in parameters.items()})
    found = torch.autograd.grad(loss, list(wanted.values()), allow_unused=True)
    return {
        "y": rows.detach().numpy(),
        **{f"final {name}": value.detach().numpy() for name, value in final.items()},
        **{
            name: np.zeros(value.shape) if gradient is None else gradient.numpy()
            for (name, value), gradient in zip(wanted.items(), found)
        },
    }


def assert_near(found: dict[str, np.ndarray], expected: dict[str, np.ndarray], tolerance: float, context: Any) -> None:
    """Every array within `tolerance`, relative to max(1, largest entry of the expected one)."""
    assert list(found) == list(expected)
    for name, theirs in expected.items():
        ours = found[name]
        assert ours.shape == theirs.shape, (name, ours.shape, theirs.shape)
        if theirs.size:
            error = float(np.abs(ours - theirs).max()) / max(1.0, float(np.abs(theirs).max()))
            assert error <= tolerance, f"{name}: off by {error:.3g} > {tolerance:.3g}, {context}"
            assert np.isfinite(ours).all(), name
