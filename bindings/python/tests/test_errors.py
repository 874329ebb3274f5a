"""Wrong arguments: a TypeError that names both types, a ValueError with the numbers, and nothing silent."""

from __future__ import annotations

import copy
import pickle
import warnings
from typing import Any

import numpy as np
import pytest
import torch

import swiftrnn
from swiftrnn import _c as c

F = np.float32


def zeros(*shape: int, dtype: Any = F) -> np.ndarray:
    return np.zeros(shape, dtype)


@pytest.fixture
def lstm() -> swiftrnn.LSTM:
    return swiftrnn.LSTM(3, 4, seed=0)


@pytest.mark.parametrize(
    "x, error, message",
    [
        (np.zeros((5, 2, 3)), TypeError, "x: expected float32, got float64"),
        (np.zeros((5, 2, 3), np.int64), TypeError, "x: expected float32, got int64"),
        (np.zeros((5, 2, 3), ">f4"), TypeError, "x: expected float32, got >f4"),
        (np.zeros((5, 2, 3), np.float16), TypeError, "x: expected float32, got float16"),
        ([[[0.0] * 3]], TypeError, "x: expected a numpy array of float32, got list"),
        (None, TypeError, "x: expected a numpy array of float32, got NoneType"),
        (zeros(5, 2, 4), ValueError, r"input_size = 3, got shape \[5, 2, 4\]"),
        (zeros(3), ValueError, r"got shape \[3\]"),
        (zeros(1, 5, 2, 3), ValueError, r"got shape \[1, 5, 2, 3\]"),
    ],
)
def test_x(lstm: swiftrnn.LSTM, x: Any, error: type, message: str) -> None:
    for call in (lstm, lstm.forward, lstm.freeze()):
        with pytest.raises(error, match=message):
            call(x)


def test_a_wrong_type_comes_with_a_way_out(lstm: swiftrnn.LSTM) -> None:
    advice = r"\(nothing is cast: use .astype\(np.float32\)\)$"
    with pytest.raises(TypeError, match=f"^x: expected float32, got float64 {advice}"):
        lstm(np.zeros((5, 2, 3)))
    lstm(np.zeros((5, 2, 3), ">f4").astype(np.float32))
    with pytest.raises(TypeError, match=r"^x: expected a numpy array of float32, got Tensor \(use .numpy\(\)\)$"):
        lstm(torch.zeros(5, 2, 3))
    lstm(torch.zeros(5, 2, 3).numpy())
    with pytest.raises(TypeError, match=r"^weight_ih_l0: .* got Tensor \(use .numpy\(\)\)$"):
        lstm.load_state_dict(torch.nn.LSTM(3, 4).state_dict())
    # A cast copy would take the result and be lost.
    with pytest.raises(TypeError, match=r"out: .*\(nothing is cast: it is written in place: make it as float32\)$"):
        lstm.stream().step(zeros(1, 3), out=np.zeros((1, 4)))


def test_the_base_class() -> None:
    for arguments in ((), (3, 8)):
        with pytest.raises(TypeError, match="swiftrnn.Network is the base of LSTM, GRU and RNN: make one of these"):
            swiftrnn.Network(*arguments)

    class Own(swiftrnn.Network):
        pass

    with pytest.raises(TypeError, match="swiftrnn.Network is the base of LSTM, GRU and RNN: derive from one of these"):
        Own(3, 8)


def test_names_are_pythons(lstm: swiftrnn.LSTM) -> None:
    for wrong in (4, -1):
        with pytest.raises(swiftrnn.SwiftRNNValueError, match=f"^proj_size is {wrong}, ") as caught:
            swiftrnn.LSTM(3, 4, proj_size=wrong)
        assert caught.value.status is swiftrnn.Status.INVALID_SIZE
    for stream in (lstm.stream, lstm.freeze().stream):
        with pytest.raises(swiftrnn.SwiftRNNValueError, match="^batch is -1, ") as caught:
            stream(-1)
        assert caught.value.status is swiftrnn.Status.INVALID_SIZE
    for value in ("1", None):
        with pytest.raises(TypeError, match="^temperature: expected a number, got "):
            swiftrnn.sample(zeros(2, 3), temperature=value)
        with pytest.raises(TypeError, match="^dropout: expected a number, got "):
            swiftrnn.LSTM(3, 4, 2, dropout=value)


def test_dropout_of_one_layer_warns_as_torch_does() -> None:
    for make in (swiftrnn.LSTM, swiftrnn.GRU, swiftrnn.RNN):
        with pytest.warns(UserWarning, match="dropout=0.5 does nothing with num_layers=1") as caught:
            network = make(3, 4, dropout=0.5)
        assert [warning.filename for warning in caught] == [__file__], "the line that made the network"
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            copy.deepcopy(network)
            make(3, 4, 2, dropout=0.5)
            make(3, 4)


def test_x_of_a_float64_network() -> None:
    with pytest.raises(TypeError, match="x: expected float64, got float32"):
        swiftrnn.GRU(3, 4, dtype="float64")(zeros(5, 2, 3))


@pytest.mark.parametrize(
    "state, error, message",
    [
        (zeros(1, 2, 4), TypeError, r"state: expected a pair \(h, c\), got ndarray"),
        ((zeros(1, 2, 4),), TypeError, r"state: expected a pair \(h, c\), got 1 items"),
        ((zeros(1, 2, 4), zeros(1, 2, 4, dtype=float)), TypeError, "state c: expected float32, got float64"),
        ((zeros(1, 2, 4), zeros(1, 3, 4)), ValueError, r"state c: expected shape \[1, 2, 4\], got \[1, 3, 4\]"),
        ((zeros(2, 4), zeros(2, 4)), ValueError, r"state h: expected shape \[1, 2, 4\], got \[2, 4\]"),
        ((zeros(2, 2, 4), zeros(1, 2, 4)), ValueError, r"state h: expected shape \[1, 2, 4\], got \[2, 2, 4\]"),
    ],
)
def test_states(lstm: swiftrnn.LSTM, state: Any, error: type, message: str) -> None:
    x = zeros(5, 2, 3)
    for call in (lstm, lstm.forward, lstm.freeze()):
        with pytest.raises(error, match=message):
            call(x, state)
    _, _, tape = lstm.forward(x)
    with pytest.raises(error, match="d" + message):
        tape.backward(dstate=state)


def test_states_of_the_other_networks() -> None:
    gru, x = swiftrnn.GRU(3, 4), zeros(5, 2, 3)
    with pytest.raises(TypeError, match="state h: expected a numpy array of float32, got tuple"):
        gru(x, (zeros(1, 2, 4), zeros(1, 2, 4)))
    with pytest.raises(ValueError, match=r"state h: expected shape \[1, 4\], got \[1, 1, 4\]"):
        gru(x[:, 0], zeros(1, 1, 4))


@pytest.mark.parametrize(
    "lengths, error, message",
    [
        ([5], ValueError, r"lengths: expected shape \[2\], got \[1\]"),
        ([[5, 5]], ValueError, r"lengths: expected shape \[2\], got \[1, 2\]"),
        ([5, 6], ValueError, r"lengths\[1\]: 6 is outside 0...5"),
        ([-1, 5], ValueError, r"lengths\[0\]: -1 is outside 0...5"),
        ([2**63 - 1, 0], ValueError, "9223372036854775807 is outside 0...5"),
        ([5.0, 2.0], TypeError, "lengths: expected integers, got float64"),
        ([True, False], TypeError, "lengths: expected integers, got bool"),
        ("ab", TypeError, "lengths: expected integers"),
    ],
)
def test_lengths(lstm: swiftrnn.LSTM, lengths: Any, error: type, message: str) -> None:
    for call in (lstm, lstm.forward, lstm.freeze()):
        with pytest.raises(error, match=message):
            call(zeros(5, 2, 3), lengths=lengths)


def test_gradients(lstm: swiftrnn.LSTM) -> None:
    y, _, tape = lstm.forward(zeros(5, 2, 3))
    with pytest.raises(TypeError, match="dy: expected float32, got float64"):
        tape.backward(y.astype(float))
    with pytest.raises(ValueError, match=r"dy: expected shape \[5, 2, 4\], got \[2, 5, 4\]"):
        tape.backward(np.ascontiguousarray(y.swapaxes(0, 1)))
    with pytest.raises(ValueError, match=r"accumulate_into: expected shape \[144\], got \[143\]"):
        tape.backward(y, accumulate_into=np.zeros(143, F))
    with pytest.raises(ValueError, match="accumulate_into: expected a C-contiguous"):
        tape.backward(y, accumulate_into=np.zeros(288, F)[::2])


@pytest.mark.parametrize("cell", ["lstm", "gru", "y = tanh(W @ x + b)"])
def test_a_backward_pass_needs_a_gradient_to_start_from(cell: str) -> None:
    network = swiftrnn.Cell(cell).layer(3, 4, seed=0)
    y, state, tape = network.forward(zeros(5, 2, 3))
    into = np.ones_like(network.flat)
    of_the_state = (None,) * len(state) if isinstance(state, tuple) else None
    for nothing in ({}, {"dy": None}, {"dstate": of_the_state}, {"accumulate_into": into}, {"need_x": False}):
        with pytest.raises(ValueError, match="^no gradient arrives: give dy, .*, or dstate, its gradient for the st"):
            tape.backward(**nothing)
    assert (into == 1).all()
    assert not tape.backward(np.zeros_like(y)).flat.any(), "zeros that are meant can be given"
    if isinstance(state, tuple) and state:
        assert tape.backward(dstate=(np.ones_like(state[0]), None)).flat.any()


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ((0, 4), ValueError, "0"),
        ((3, -4), ValueError, "-4"),
        ((3, 4, 0), ValueError, "0"),
        ((3, 4, 1025), ValueError, "1025"),
        ((2**63, 4), ValueError, "input_size: 9223372036854775808 is outside"),
        ((2**64 + 3, 4), ValueError, "input_size: 18446744073709551619 is outside"),
        ((2**62, 2**62), ValueError, "."),
        ((3.0, 4), TypeError, "input_size: expected an integer, got float"),
        ((True, 4), TypeError, "input_size: expected an integer, got bool"),
        (("3", 4), TypeError, "input_size: expected an integer, got str"),
    ],
)
def test_sizes(arguments: tuple[Any, ...], error: type, message: str) -> None:
    for network in (swiftrnn.LSTM, swiftrnn.GRU, swiftrnn.RNN):
        with pytest.raises(error, match=message):
            network(*arguments)


@pytest.mark.parametrize(
    "options, error",
    [
        ({"dropout": 1.0}, ValueError),
        ({"dropout": -0.1}, ValueError),
        ({"dropout": float("nan")}, ValueError),
        ({"proj_size": 4}, ValueError),
        ({"proj_size": -1}, ValueError),
        ({"num_threads": -1}, ValueError),
        ({"num_threads": 1025}, ValueError),
        ({"dtype": "float16"}, TypeError),
        ({"dtype": "int64"}, TypeError),
        ({"dtype": "f99"}, TypeError),
        ({"bias": 2}, TypeError),
        ({"batch_first": None}, TypeError),
        ({"bidirectional": "no"}, TypeError),
        ({"seed": -1}, ValueError),
        ({"seed": 2**64}, ValueError),
        ({"seed": 1.5}, TypeError),
    ],
)
def test_options(options: dict[str, Any], error: type) -> None:
    with pytest.raises(error, match="."):
        swiftrnn.LSTM(3, 4, **options)


@pytest.mark.parametrize("dtype", ["f99", "f,,"])
def test_an_unknown_dtype_is_named(dtype: str) -> None:
    with pytest.raises(TypeError, match=f"^dtype: expected float32 or float64, got '{dtype}'$"):
        swiftrnn.LSTM(3, 4, dtype=dtype)


def test_reset_after_is_a_bool() -> None:
    with pytest.raises(TypeError, match="reset_after: expected a bool, got str"):
        swiftrnn.GRU(3, 4, reset_after="no")  # type: ignore[arg-type]


def test_errors_are_found_where_they_are_public() -> None:
    for error in (swiftrnn.SwiftRNNError, swiftrnn.SwiftRNNValueError, swiftrnn.SwiftRNNMemoryError):
        assert error.__module__ == "swiftrnn"
        twin = pickle.loads(pickle.dumps(error(swiftrnn.Status.MISMATCH, "text")))
        assert type(twin) is error and twin.status is swiftrnn.Status.MISMATCH and str(twin) == "text [MISMATCH]"


def test_nonlinearity() -> None:
    with pytest.raises(ValueError, match="nonlinearity: expected 'tanh' or 'relu', got 'sigmoid'"):
        swiftrnn.RNN(3, 4, nonlinearity="sigmoid")


def test_threads(default_threads: None) -> None:
    swiftrnn.set_num_threads(3)
    for wrong in (-1, 1025):
        with pytest.raises(swiftrnn.SwiftRNNError, match=str(wrong)) as caught:
            swiftrnn.set_num_threads(wrong)
        assert caught.value.status is swiftrnn.Status.INVALID_VALUE
    with pytest.raises(ValueError, match="threads: 18446744073709551618 is outside"):
        swiftrnn.set_num_threads(2**64 + 2)
    assert swiftrnn.get_num_threads() == 3


def test_the_librarys_own_errors_carry_status_and_message() -> None:
    with pytest.raises(swiftrnn.SwiftRNNError) as caught:
        swiftrnn.LSTM(0, 4)
    error = caught.value
    assert isinstance(error, ValueError) and isinstance(error.status, swiftrnn.Status)
    assert "0" in error.message and error.message in str(error) and error.status.name in str(error)
    assert c.last_error().decode() == error.message


def test_errors_below_the_python_checks() -> None:
    """What Python refuses first, the library refuses too: the same structs, filled wrongly."""
    lstm = swiftrnn.LSTM(3, 4, seed=0)
    handle = lstm._handle.pointer
    x, y = zeros(5, 2, 3), np.full((5, 2, 4), 7, F)
    workspace = np.empty(lstm._handle.workspace_size(c.WORKSPACE_FORWARD, 5, 2) + 64, np.uint8)

    def arguments(**changes: Any) -> Any:
        fields = dict(
            steps=5, sequences=2, x=x.ctypes.data, y=y.ctypes.data, parameters=lstm._pointers(), parameter_count=4,
            workspace=workspace.ctypes.data, workspace_size=workspace.nbytes,
        )  # fmt: skip
        return c.ForwardArgs(**{**fields, **changes})

    wrong: list[tuple[dict[str, Any], swiftrnn.Status]] = [
        ({"x": None}, swiftrnn.Status.NULL_POINTER),
        ({"steps": -1}, swiftrnn.Status.INVALID_SIZE),
        ({"sequences": 2**62}, swiftrnn.Status.INVALID_SIZE),
        ({"steps": 2**31, "sequences": 2**31}, swiftrnn.Status.OVERFLOW),
        ({"x_step_stride": -3}, swiftrnn.Status.INVALID_SIZE),
        ({"x": x.ctypes.data + 1}, swiftrnn.Status.MISALIGNED),
        ({"workspace_size": 1}, swiftrnn.Status.BUFFER_TOO_SMALL),
        ({"lengths": c.int64s(np.array([6, 1]).ctypes.data)}, swiftrnn.Status.INVALID_SIZE),
        ({"parameter_count": 3}, swiftrnn.Status.INVALID_SIZE),
        ({"parameters": None}, swiftrnn.Status.NULL_POINTER),
    ]
    for changes, status in wrong:
        changes = dict(changes)
        with pytest.raises(swiftrnn.SwiftRNNError) as caught:
            c.network_forward(handle, c.byref(arguments(**changes)))
        assert caught.value.status == status, (changes, caught.value)
        assert caught.value.message
        assert (y == 7).all(), f"{changes}: something was written"
    c.network_forward(handle, c.byref(arguments()))
    assert (y != 7).all()
    with pytest.raises(swiftrnn.SwiftRNNError) as caught:
        c.network_forward(None, c.byref(arguments()))
    assert caught.value.status is swiftrnn.Status.NULL_POINTER


def test_a_tape_of_another_shape_is_a_mismatch() -> None:
    lstm = swiftrnn.LSTM(3, 4, seed=0)
    y, _, tape = lstm.forward(zeros(5, 2, 3))
    _, _, other = lstm.forward(zeros(2, 5, 3))
    tape._buffer, other._buffer = other._buffer, tape._buffer
    for wrong, dy in ((tape, y), (other, y.reshape(2, 5, 4))):
        with pytest.raises(swiftrnn.SwiftRNNError) as caught:
            wrong.backward(dy)
        assert caught.value.status in (swiftrnn.Status.MISMATCH, swiftrnn.Status.BUFFER_TOO_SMALL)
    _, _, lengths_tape = lstm.forward(zeros(5, 2, 3), lengths=[5, 3])
    lengths_tape._batch.lengths = np.array([5, 4])
    with pytest.raises(swiftrnn.SwiftRNNError) as caught:
        lengths_tape.backward(y)
    assert caught.value.status is swiftrnn.Status.MISMATCH
