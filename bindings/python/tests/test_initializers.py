"""What parameters start with: torch.nn.init's formulas for each gate, forget gates, cells of equations, refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import swiftrnn
from philox import philox4x32

TORCH = {
    "glorot_uniform": torch.nn.init.xavier_uniform_,
    "glorot_normal": torch.nn.init.xavier_normal_,
    "he_uniform": lambda t: torch.nn.init.kaiming_uniform_(t, nonlinearity="relu"),
    "he_normal": lambda t: torch.nn.init.kaiming_normal_(t, nonlinearity="relu"),
    "lecun_uniform": lambda t: torch.nn.init.kaiming_uniform_(t, nonlinearity="linear"),
    "lecun_normal": lambda t: torch.nn.init.kaiming_normal_(t, nonlinearity="linear"),
}


def gates(array: np.ndarray, count: int) -> np.ndarray:
    """[count, rows of a gate, columns]"""
    return array.reshape(count, -1, *array.shape[1:])


@pytest.mark.parametrize("name", TORCH)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_each_gate_has_torchs_distribution(name: str, dtype: str) -> None:
    torch.manual_seed(0)
    network = swiftrnn.LSTM(120, 200, dtype=dtype)
    network.initialize(1, weights=name, recurrent=name)
    for parameter in ("weight_ih_l0", "weight_hh_l0"):
        for gate in gates(network.parameters[parameter], 4):
            theirs = torch.empty(gate.shape, dtype=torch.float64)
            TORCH[name](theirs)
            ours, expected = np.sort(gate.astype(float).ravel()), np.sort(theirs.numpy().ravel())
            # Kolmogorov and Smirnov: the largest distance of two empirical distributions, level 1e-6.
            both = np.concatenate([ours, expected])
            distance = np.abs(
                np.searchsorted(ours, both, "right") - np.searchsorted(expected, both, "right")
            ).max() / ours.size
            assert distance < np.sqrt(-np.log(1e-6 / 2) / ours.size)
            if name.endswith("uniform"):  # the bounds of both are those of the formula
                assert abs(np.abs(ours).max() / np.abs(expected).max() - 1) < 2e-3


def test_the_counters_are_those_of_the_documentation() -> None:
    seed, bound = 0x123456789ABCDEF0, 0.25
    network = swiftrnn.GRU(3, 16, dtype="float64")
    network.initialize(seed, weights=("uniform", bound))
    counter = np.zeros((16 * 9, 4), np.uint64)
    counter[:, 0] = np.arange(16 * 9)
    words = philox4x32(counter, (seed & 0xFFFFFFFF, seed >> 32))
    uniform = ((words[:, 1].astype(object) << 32) + words[:, 0].astype(object)) // 2**11
    expected = (2 * (uniform.astype(float) * 2.0**-53) - 1) * bound
    assert (network.parameters["weight_ih_l0"].ravel() == expected).all()


def test_the_default_is_that_of_a_new_network() -> None:
    a, b = swiftrnn.LSTM(3, 4, 2, proj_size=2, seed=5), swiftrnn.LSTM(3, 4, 2, proj_size=2)
    b.initialize(5)
    assert a.flat.tobytes() == b.flat.tobytes()
    b.initialize(5, weights="torch", recurrent="torch", bias="torch")
    assert a.flat.tobytes() == b.flat.tobytes()


@pytest.mark.parametrize("dtype, tolerance", [("float64", 1e-13), ("float32", 2e-6)])
@pytest.mark.parametrize("projected", [0, 30])
def test_orthogonal_gates(dtype: str, tolerance: float, projected: int) -> None:
    network = swiftrnn.LSTM(90, 64, 2, bidirectional=True, proj_size=projected, dtype=dtype)
    network.initialize(3, weights="orthogonal", recurrent=("orthogonal", 2))
    for name, array in network.parameters.items():
        if array.ndim == 1:
            continue
        for gate in gates(array.astype(float), 1 if "hr" in name else 4) / (2 if "hh" in name else 1):
            short = gate if gate.shape[0] <= gate.shape[1] else gate.T
            assert np.abs(short @ short.T - np.eye(len(short))).max() < tolerance, name


def test_identity_zeros_and_constants() -> None:
    network = swiftrnn.RNN(3, 4, nonlinearity="relu")
    network.initialize(weights="zeros", recurrent=("identity", 0.5), bias=0.125)
    assert (network.parameters["weight_ih_l0"] == 0).all()
    assert (network.parameters["weight_hh_l0"] == 0.5 * np.eye(4)).all()
    assert (network.flat[-8:] == 0.125).all()
    network.initialize(weights=2, recurrent="identity", bias=("constant", -1))
    assert (network.parameters["weight_ih_l0"] == 2).all() and (network.parameters["weight_hh_l0"] == np.eye(4)).all()
    assert (network.parameters["bias_hh_l0"] == -1).all()


def test_forget_bias_and_chrono() -> None:
    lstm = swiftrnn.LSTM(3, 500, 2, bidirectional=True)
    lstm.initialize(1, bias="zeros", forget_bias=1)
    for suffix in ("l0", "l0_reverse", "l1", "l1_reverse"):
        i, f, g, o = gates(lstm.parameters[f"bias_ih_{suffix}"], 4)
        assert (f == 1).all() and not (i.any() or g.any() or o.any()) and not lstm.parameters[f"bias_hh_{suffix}"].any()
    lstm.initialize(1, bias="zeros", chrono=784)
    i, f, g, o = gates(lstm.parameters["bias_ih_l1"], 4)
    assert (i == -f).all() and not (g.any() or o.any()) and not lstm.parameters["bias_hh_l1"].any()
    assert 0 <= f.min() and f.max() <= np.log(783) and abs(np.exp(f.astype(float)).mean() - 392) < 5 * 226 / 500**0.5
    gru = swiftrnn.GRU(3, 4)
    gru.initialize(forget_bias=-2.5)
    assert (gates(gru.parameters["bias_ih_l0"], 3)[1] == -2.5).all()


@pytest.mark.parametrize("cell, fused", [("lstm", swiftrnn.LSTM), ("gru", swiftrnn.GRU)])
def test_equations_start_as_the_cell_that_they_are(cell: str, fused: Any) -> None:
    ours, theirs = swiftrnn.Cell(cell).layer(5, 6, 2, bidirectional=True), fused(5, 6, 2, bidirectional=True)
    for options in ({}, {"weights": "he_normal", "recurrent": "orthogonal", "chrono": 50}, {"forget_bias": 3}):
        for network in (ours, theirs):
            network.initialize(11, **options)  # type: ignore[arg-type]
        assert ours.flat.tobytes() == theirs.flat.tobytes()


def test_init_lines() -> None:
    cell = swiftrnn.Cell(
        """
        h' = tanh(W @ x + U @ h + p * h + b)
        y = V @ h' + d
        size y = 2
        init U = identity(0.25)
        init p = uniform(-3, -2)
        """
    )
    network = cell.layer(3, 4)
    network.initialize(2, weights="zeros", recurrent="orthogonal", bias="zeros")
    assert (network.parameters["U_l0"] == 0.25 * np.eye(4)).all()
    assert not network.parameters["W_l0"].any() and not network.parameters["V_l0"].any()
    assert (np.abs(network.parameters["p_l0"] + 2.5) <= 0.5).all()
    assert not network.parameters["b_l0"].any() and not network.parameters["d_l0"].any()
    irnn = swiftrnn.Cell("rnn_relu").layer(3, 4)
    assert (irnn.parameters["weight_hh_l0"] == np.eye(4)).all() and not irnn.parameters["bias_hh_l0"].any()
    own = swiftrnn.Cell("like rnn_relu\ninit weight_hh = orthogonal(0.5)").layer(3, 4, dtype="float64")
    u = own.parameters["weight_hh_l0"]
    assert np.abs(u @ u.T - 0.25 * np.eye(4)).max() < 1e-14
    with pytest.raises(swiftrnn.SwiftRNNError, match='there is no distribution "identiy" .did you mean "identity"'):
        swiftrnn.Cell("h' = tanh(W @ x + U @ h)\ninit U = identiy")


@pytest.mark.parametrize(
    "options, message",
    [
        ({"weights": "xavier_uniform"}, "weights: there is no 'xavier_uniform'; it is called 'glorot_uniform' here"),
        ({"recurrent": "Kaiming-Normal"}, "recurrent: there is no 'Kaiming-Normal'; it is called 'he_normal' here"),
        ({"recurrent": "orthogonal_"}, "recurrent: there is no 'orthogonal_'; it is called 'orthogonal' here"),
        ({"recurrent": "ortogonal"}, "recurrent: there is no 'ortogonal'; did you mean 'orthogonal'?"),
        ({"weights": "sparse"}, "weights: there is no 'sparse'; expected one of torch, zeros, constant, uniform"),
        ({"bias": "orthogonal"}, "bias: 'orthogonal' is for matrices: a bias has no fans and no diagonal"),
        ({"bias": "xavier_normal"}, "bias: 'xavier_normal' is for matrices"),
        ({"weights": "uniform"}, "weights: 'uniform' needs its bound: ('uniform', 0.1)"),
        ({"bias": "normal"}, "bias: 'normal' needs its standard deviation: ('normal', 0.1)"),
        ({"weights": ("torch", 2)}, "weights: 'torch' takes no number, got ('torch', 2)"),
        ({"weights": ("normal",)}, "weights: expected a name and a number such as ('normal', 0.1), got ('normal',)"),
        ({"weights": (1, 2)}, "weights: expected a name and a number"),
        ({"forget_bias": 1, "chrono": 9}, "forget_bias, chrono: both say"),
        ({"weights": ("normal", -1)}, "weights is -1, must be in [0, 1e30]"),
        ({"recurrent": ("orthogonal", float("nan"))}, "recurrent is NaN, must be in [0, 1e30]"),
        ({"bias": float("inf")}, "bias is infinity, must be in [-1e30, 1e30]"),
        ({"forget_bias": float("nan")}, "forget_bias is NaN, must be in [-1e30, 1e30]"),
        ({"chrono": 1}, "chrono is 1, must be in [2, 1e15]"),
    ],
)
def test_what_is_no_initializer_is_a_value_error(options: dict[str, Any], message: str) -> None:
    network = swiftrnn.LSTM(3, 4, seed=0)
    before, version = network.flat.copy(), network.parameters.version
    with pytest.raises(ValueError) as caught:
        network.initialize(1, **options)
    assert str(caught.value).startswith(message)
    assert (network.flat == before).all() and network.parameters.version == version


def test_what_is_no_number_is_a_type_error() -> None:
    network = swiftrnn.LSTM(3, 4)
    wrong = ({"weights": None}, {"bias": [1]}, {"forget_bias": "1"}, {"chrono": True}, {"recurrent": ("normal", "1")})
    for options in wrong:
        with pytest.raises(TypeError, match=f"^{list(options)[0]}: expected a number"):
            network.initialize(1, **options)  # type: ignore[arg-type]


def test_cells_without_a_forget_gate() -> None:
    for network in (swiftrnn.RNN(3, 4), swiftrnn.Cell("mgu").layer(3, 4), swiftrnn.Cell("cifg").layer(3, 4)):
        with pytest.raises(swiftrnn.SwiftRNNError, match="no forget gate: no sigmoid") as caught:
            network.initialize(forget_bias=1)
        assert caught.value.status == swiftrnn.Status.UNSUPPORTED
    with pytest.raises(swiftrnn.SwiftRNNError, match="the forget gate has no bias"):
        swiftrnn.LSTM(3, 4, bias=False).initialize(chrono=100)


def test_a_tape_knows_that_parameters_were_drawn_anew() -> None:
    network = swiftrnn.LSTM(3, 4, seed=0)
    y, _, tape = network.forward(np.ones((2, 1, 3), np.float32))
    network.initialize(1, recurrent="orthogonal")
    with pytest.raises(Exception, match="parameters"):
        tape.backward(y)
