"""Every cell of the library where its gates and exponentials are at their limits: finite wherever the mathematics is,
and within the bounds of rounding.

Inputs and single numbers of parameters of up to 1e30 drive each gate alone, and all at once; outputs and all gradients
are held to the cell's text in numbers of extended range (`exact_cells`). A cell that comes to the library is among them
by itself; a function that comes to the language has to come to `exact_numbers`, which a test sees.
"""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any, Callable, Iterator

import numpy as np
import pytest

import exact_numbers as exact
import swiftrnn
from exact_cells import Cell, Text

DTYPES = (np.float32, np.float64)
LIMITS = [s * m for m in (30.0, 90.0, 1e4, 1e30) for s in (1, -1)]
#: Every other of them where a cell has two units.
ONE_AT_A_TIME = (90.0, -90.0, -1e30, 1e30)
#: Cells with kernels of their own, by configuration: the text that says what they compute.
FUSED: dict[str, tuple[str, Callable[..., Any]]] = {
    "RNN": ("rnn", lambda i, h, d: swiftrnn.RNN(i, h, dtype=d)),
    "RNN, relu": ("rnn_relu", lambda i, h, d: swiftrnn.RNN(i, h, nonlinearity="relu", dtype=d)),
    "LSTM": ("lstm", lambda i, h, d: swiftrnn.LSTM(i, h, dtype=d)),
    "GRU": ("gru", lambda i, h, d: swiftrnn.GRU(i, h, dtype=d)),
    "GRU, reset before": ("gru_before", lambda i, h, d: swiftrnn.GRU(i, h, reset_after=False, dtype=d)),
}


class Problem:
    """Networks of a cell in both types, and its text."""

    def __init__(self, text: str, make: Callable[[int, int, Any, dict[str, int]], Any]) -> None:
        self.text = Text(text)
        # Of one unit, where no function makes one number of a vector.
        self.units = 2 if any(f in text_of(self.text) for f in ("_norm(", "softmax(", "mean(", "sum(")) else 1
        self.sizes = dict.fromkeys(self.text.sizes, 1)
        self.networks = [make(self.units, self.units, dtype, self.sizes) for dtype in DTYPES]
        self.training = Cell(self.text, self.sizes, training=True)
        rng = np.random.default_rng(5)
        #: What stands where nothing is at its limit: no gate is at one then.
        self.moderate = {
            name: (rng.choice([-1, 1], p.shape) * rng.uniform(0.25, 1, p.shape)).astype(np.float32)
            for name, p in self.networks[0].parameters.items()
        }
        handle = self.networks[0]._handle
        names = getattr(handle, "state_names", ["h", "c"])
        self.widths = {
            name: handle.state_shape(index, 1)[-1] for index, name in enumerate(names) if name in self.text.states
        }
        self.input_widths = dict(getattr(self.networks[0], "inputs", {}))

    def check(self, x: np.ndarray, inputs: dict[str, np.ndarray], changed: dict[str, np.ndarray], what: str) -> None:
        """x [T, I]; `changed` parameters, the others moderate."""
        parameters = {**self.moderate, **changed}
        run = self.training.run(
            x, inputs, {name.removesuffix("_l0"): p for name, p in parameters.items()}, self.widths
        )
        dy = np.array([[1, -0.5], [0.75, 0.25], [-0.5, 1]], np.float32)[:, : len(run.y[0])]
        run.backward(dy)
        for t, (network, dtype) in enumerate(zip(self.networks, DTYPES)):
            for name, view in network.parameters.items():
                view[...] = parameters[name]
            given = {name: value[:, np.newaxis].astype(dtype) for name, value in inputs.items()}
            y, _, tape = network.forward(x[:, np.newaxis].astype(dtype), **given)
            gradients = tape.backward(np.broadcast_to(dy[:, np.newaxis], y.shape).astype(dtype))
            where = f"{dtype.__name__}, {what}"
            compare("y", y[:, 0], run.y, t, where)
            compare("dx", gradients.x[:, 0], run.x, t, where, of_gradient=True)
            for name, numbers in run.inputs.items():
                compare(f"d{name}", gradients.inputs[name][:, 0], numbers, t, where, of_gradient=True)
            for name, gradient in gradients.parameters.items():
                numbers = run.parameters[name.removesuffix("_l0")]
                compare(f"d{name}", np.atleast_2d(gradient), numbers, t, where, of_gradient=True)


def text_of(text: Text) -> str:
    return "\n".join(expression for _, expression in text.equations.values())


def compare(name: str, found: np.ndarray, numbers: Any, t: int, where: str, of_gradient: bool = False) -> None:
    for place, number in zip(itertools.count(), itertools.chain.from_iterable(numbers)):
        value = number.gradient if of_gradient else number.value
        error = number.gradient_errors[t] if of_gradient else number.errors[t]
        ours = float(found.reshape(-1)[place])
        diverges = number.gradient_diverges[t] if of_gradient else number.diverges[t]
        if diverges or not exact.size(value) < exact.LARGEST[t] / 4:
            continue  # as large as no number of the type
        message = f"{name}[{place}] is {ours:.9g}, right {float(value):.9g}, off by {error:.2g} at most; {where}"
        assert np.isfinite(ours), message
        # A bound that is no number says nothing.
        assert not exact.size(exact.mpf(ours) - value) > error + 4 * exact.SMALLEST[t], message


def sequences(units: int) -> Iterator[tuple[str, np.ndarray]]:
    signs = np.array([1, -0.75])[:units]
    for limit in LIMITS:
        yield f"x {limit:g} at one step", np.outer([0.5, limit, -0.25], signs).astype(np.float32)
        yield f"x {limit:g} at two steps", np.outer([limit, 0.5, -limit], signs).astype(np.float32)


def check_all(problem: Problem) -> None:
    moderate = np.outer([0.5, 1.25, -0.75], np.array([1, -0.75])[: problem.units]).astype(np.float32)
    inputs = {name: np.full((3, width), 0.5, np.float32) for name, width in problem.input_widths.items()}
    # All gates at once.
    for what, x in sequences(problem.units):
        problem.check(x, inputs, {}, what)
    for name, limit in itertools.product(inputs, LIMITS):
        extreme = {**inputs, name: inputs[name] * np.float32([[1], [2 * limit], [1]])}
        problem.check(moderate, extreme, {}, f"input {name} {limit:g}")
    # One at a time: each row of each matrix alone, each bias.
    for name, p in problem.moderate.items():
        for row, limit in itertools.product(range(len(p)), ONE_AT_A_TIME[:: problem.units]):
            changed = p.copy()
            changed[row] = limit
            problem.check(moderate, inputs, {name: changed}, f"row {row} of {name} {limit:g}")


@pytest.mark.parametrize("name", swiftrnn.cells())
def test_cells_of_the_library(name: str) -> None:
    text = Text(swiftrnn.cell_text(name)).without_masks(name)
    check_all(Problem(text, lambda i, h, dtype, sizes: swiftrnn.Cell(text).layer(i, h, dtype=dtype, **sizes)))


@pytest.mark.parametrize("name", FUSED)
def test_fused_cells(name: str) -> None:
    text, make = FUSED[name]
    check_all(Problem(swiftrnn.cell_text(text), lambda i, h, dtype, sizes: make(i, h, dtype)))


NUMBERS = {"clip": "-0.5, 0.75", "affine": "0.5, 0.25", "scaled_tanh": "1.7159, 0.6667", "elu": "1.5"}


@pytest.mark.parametrize("name", exact.FUNCTIONS)
def test_functions(name: str) -> None:
    """Value and derivative of each function, over all of its range."""
    behind = f", {NUMBERS[name]}" if name in NUMBERS else ""
    text = f"y = {name}(x{behind})"
    problem = Problem(text, lambda i, h, dtype, sizes: swiftrnn.Cell(text).layer(i, h, dtype=dtype))
    magnitudes = [1e-30, 1e-8, 0.1, 0.5, 0.9, 1.5, 2.9, 5.5, 8.5, 13.0, 16.0, 17.0, 20.0, 36.0, 40.0, 60.0, 86.0, 90.0]
    for m in [*magnitudes, 600.0, 800.0, 1e4, 1e15, 1e30]:
        for x in (m,) if name in ("log", "sqrt") else (m, -m):
            problem.check(np.float32([[x], [0.5], [x]]), {}, {}, f"x {x:g}")


def test_all_functions_of_the_language() -> None:
    """docs/cells.md lists them."""
    page = (Path(__file__).resolve().parents[3] / "docs/cells.md").read_text()
    listed = page.split("**Functions of each number.**")[1].split("At kinks")[0]
    plain, _, others = listed.partition("; with numbers behind")
    assert set(re.findall(r"\w+", plain)) | set(re.findall(r"(\w+)\(v", others)) == set(exact.FUNCTIONS)


def one_unit(text: str, dtype: Any, x: float, *ones: str, **sizes: int) -> tuple[float, float]:
    """y and dy/dx of a step of one unit, whose parameters are 0 but for `ones`."""
    network = swiftrnn.Cell(text).layer(1, 1, dtype=dtype, **sizes)
    network.flat[...] = 0
    for name in ones:
        network.parameters[name][...] = 1
    y, _, tape = network.forward(np.full((1, 1, 1), x, dtype))
    return float(y[0, 0, 0]), float(tape.backward(np.ones_like(y)).x[0, 0, 0])


@pytest.mark.parametrize("dtype", DTYPES)
def test_values_that_were_lost(dtype: Any) -> None:
    """f / (f + i) is 0 / 0 where both vanish, min(exp(v), 1) has 0 * inf on the way back, and elu(x) + 1 is 0."""
    for x in (-20.0, -200.0, -1e4, 200.0):
        assert one_unit("min_lstm", dtype, x, "Wf_l0", "Wi_l0", "Wn_l0") == (x / 2, 0.5)
    for x in (-90.0, -1e4, 1e4):
        for cell in ("slstm", "slstm_exp", "slstm_flashrnn"):
            assert one_unit(cell, dtype, x, "Wi_l0", heads=1) == (0, 0)
            y, dx = one_unit(cell, dtype, x, "Wi_l0", "bz_l0", heads=1)
            assert dx == 0 and np.isclose(y, np.tanh(1) / 2, rtol=1e-6)
    for text, scale in (("elu(x)", 1), ("elu(x, 1.5)", 1.5), ("selu(x)", exact.SELU[0] * exact.SELU[1])):
        assert np.isclose(one_unit(f"y = {text}", dtype, -17.0)[1], scale * np.exp(-17), rtol=1e-6), text


@pytest.mark.parametrize("dtype", DTYPES)
def test_norms_of_large_rows(dtype: Any) -> None:
    """Squares that overflow do not make a row zero, in layer_norm and rms_norm."""
    large = float(np.finfo(dtype).max) / 8
    for text, right in (("y = layer_norm(x)", [1, -1]), ("y = rms_norm(x)", [1, -1])):
        network = swiftrnn.Cell(text).layer(2, 2, dtype=dtype)
        for size in (large, large**0.75, 3.0):
            y, _, tape = network.forward(np.array([[[size, -size]]], dtype))
            assert np.allclose(y[0, 0], right, rtol=1e-5)
            assert np.isfinite(tape.backward(np.ones_like(y)).x).all()
