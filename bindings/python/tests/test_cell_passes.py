"""Passes of cells of equations in Python: streams, batches, further inputs, copies, training."""

from __future__ import annotations

import copy
import pickle
from typing import Any, Callable

import numpy as np
import pytest

import swiftrnn
from cell_cases import CELLS, F, SIZES, TWO_INPUTS, inputs_of, network_of, normal
from torch_reference import as_list, assert_same_bits

# ---- Streams, batches, threads ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", CELLS)
def test_the_same_bits_streamed_frozen_padded_alone(name: str, dtype: str) -> None:
    square = SIZES.get(name, {}).get("O", 9) == 9
    network = network_of(name, num_layers=2 if square else 1, dtype=dtype)
    x, inputs = normal(6, 5, 9, dtype=dtype), inputs_of(network, 6, 5)
    y, state = network(x, **inputs)
    assert np.isfinite(y).all() and y.any()
    stream = network.stream(5)
    steps = [stream.step(x[t], **{key: a[t] for key, a in inputs.items()}) for t in range(6)]
    assert_same_bits(np.stack(steps), y, "step by step")
    assert_same_bits(as_list(stream.state), as_list(state))
    stream.reset()
    assert_same_bits(stream.run(x, **inputs), y, "in one run")
    frozen, frozen_state = network.freeze()(x, **inputs)
    assert_same_bits([frozen, *as_list(frozen_state)], [y, *as_list(state)], "frozen")
    one, _ = network(x[:, 2:3], **{key: a[:, 2:3] for key, a in inputs.items()})
    assert_same_bits(one, y[:, 2:3], "alone")
    padded, _ = network(x, lengths=[6, 0, 4, 6, 1], **inputs)
    assert_same_bits(padded[:4, 2], y[:4, 2], "padded")
    text = swiftrnn.cell_text(name)
    if "batch_norm" in text:  # the one function whose result depends on the rest of the batch, in training
        trained, _, tape = network.forward(x, **inputs)
        assert (trained != y).any()
    elif not any(mask in text for mask in ("dropout", "zoneout", "drop_connect")):
        trained, trained_state, tape = network.forward(x, **inputs)
        assert_same_bits([trained, *as_list(trained_state)], [y, *as_list(state)], "training")
    else:
        trained, _, tape = network.forward(x, seed=1, **inputs)
        assert (trained != y).any()
        part, _, _ = network.forward(x[:, 2:], seed=1, first_sequence=2, **{k: a[:, 2:] for k, a in inputs.items()})
        assert_same_bits(part, trained[:, 2:], "parts of a batch have the whole's masks")
    gradients = tape.backward(trained)
    threaded = network_of(name, num_layers=network.num_layers, dtype=dtype, num_threads=2)
    other = threaded.forward(x, seed=1, **inputs)[2].backward(trained)
    assert_same_bits([gradients.x, gradients.flat], [other.x, other.flat], "threads")


def test_streams_with_inputs() -> None:
    network = swiftrnn.Cell(TWO_INPUTS).layer(3, 4, E=2, seed=0)
    x, a, e = normal(5, 2, 3), normal(5, 2, 1), normal(5, 2, 2)
    y, _ = network(x, a=a, e=e)
    stream = network.stream(2)
    out = np.empty((5, 2, 4), F)
    assert stream.run(x[:3], out=out[:3], a=a[:3, :, 0], e=e[:3]) is not None
    for t in (3, 4):
        assert stream.step(x[t], out=out[t], a=a[t, :, 0], e=np.asfortranarray(e[t])) is not None
    assert_same_bits(out, y)
    single = network.stream()
    row = [single.step(x[t, 0], a=a[t, 0, 0], e=e[t, 0]) for t in range(5)]
    assert_same_bits(np.stack(row), y[:, 0], "one sequence, a number per step")
    single.reset()
    assert_same_bits(single.run(x[:, 0], a=a[:, 0, 0], e=e[:, 0]), y[:, 0])
    by_batch = swiftrnn.Cell(TWO_INPUTS).layer(3, 4, batch_first=True, E=2, seed=0)
    swapped = {key: np.ascontiguousarray(value.swapaxes(0, 1)) for key, value in dict(a=a, e=e).items()}
    assert_same_bits(by_batch.stream(2).run(x.swapaxes(0, 1), **swapped).swapaxes(0, 1), y)
    empty = network.stream(0)
    nothing = empty.run(np.zeros((3, 0, 3), F), a=np.zeros((3, 0), F), e=np.zeros((3, 0, 2), F))
    assert nothing.shape == (3, 0, 4)

    with pytest.raises(TypeError, match="^missing input 'e': pass e=…; this network's inputs beside x are a, e"):
        stream.step(x[0], a=a[0])
    with pytest.raises(TypeError, match="^unexpected argument 'b': this network's inputs beside x are a, e"):
        stream.run(x, a=a, e=e, b=a)
    with pytest.raises(ValueError, match=r"^a: expected shape \[2, 1\] or \[2\], got \[1, 2\]"):
        stream.step(x[0], a=a[0].T, e=e[0])
    with pytest.raises(ValueError, match=r"^e: expected shape \[5, 2, 2\], got \[4, 2, 2\]"):
        stream.run(x, a=a, e=e[1:])
    with pytest.raises(TypeError, match="^e: expected float32, got float64"):
        stream.step(x[0], a=a[0], e=e[0].astype(float))
    square = swiftrnn.Cell("input e\nsize e = H\nh' = tanh(W @ x + e)").layer(3, 4, seed=0).stream(2)
    buffer = normal(2, 4)
    with pytest.raises(ValueError, match="^out overlaps e"):
        square.step(normal(2, 3), out=buffer, e=buffer)
    with pytest.raises(TypeError, match="^unexpected argument 'a': this network has no inputs beside x"):
        swiftrnn.GRU(3, 4).stream().step(normal(1, 3), a=a)
    stream.close()
    with pytest.raises(ValueError, match="closed"):
        stream.step(x[0], a=a[0], e=e[0])


# ---- Inputs of whole sequences ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("layers", [1, 2])
def test_layouts_of_inputs(flat: bool, layers: int) -> None:
    cell = swiftrnn.Cell(TWO_INPUTS)
    network = cell.layer(3, 4, layers, bidirectional=True, E=2, seed=0)
    by_batch = cell.layer(3, 4, layers, batch_first=True, bidirectional=True, E=2, seed=0)
    x, a, e, dy = normal(5, 2, 3), normal(5, 2, 1), normal(5, 2, 2), normal(5, 2, 8)
    lengths = [3, 5]
    y, h, tape = network.forward(x, lengths=lengths, a=a, e=e)
    expected = tape.backward(dy)
    assert list(expected.inputs) == ["a", "e"]
    assert expected.inputs["a"].shape == (5, 2, 1) and not expected.inputs["e"][3:, 0].any()

    given = {"a": a[..., 0] if flat else a, "e": e}
    _, _, tape = network.forward(x, lengths=lengths, **given)
    found = tape.backward(dy)
    assert found.inputs["a"].shape == given["a"].shape
    assert_same_bits(found.inputs["a"].ravel(), expected.inputs["a"].ravel())

    swapped = {key: value.swapaxes(0, 1) for key, value in given.items()}
    y_swapped, _, tape = by_batch.forward(x.swapaxes(0, 1), lengths=lengths, **swapped)
    assert_same_bits(y_swapped.swapaxes(0, 1), y)
    found = tape.backward(dy.swapaxes(0, 1))
    for key, gradient in found.inputs.items():
        assert gradient.flags.c_contiguous and gradient.shape == swapped[key].shape
        assert_same_bits(gradient.swapaxes(0, 1).ravel(), expected.inputs[key].ravel())
    assert_same_bits(found.flat, expected.flat)

    y_one, _, tape = network.forward(x[:, 1], **{key: value[:, 1] for key, value in given.items()})
    assert_same_bits(y_one, y[:, 1])
    found = tape.backward(dy[:, 1])
    for key, gradient in found.inputs.items():
        assert gradient.shape == given[key][:, 1].shape
        assert_same_bits(gradient.ravel(), expected.inputs[key][:, 1].ravel())
    assert_same_bits(network.freeze()(x, lengths=lengths, **given)[0], y)


def test_what_backward_may_leave_out() -> None:
    network = swiftrnn.Cell(TWO_INPUTS).layer(3, 4, E=2, seed=0)
    inputs = {"a": normal(5, 2, 1), "e": normal(5, 2, 2)}
    y, _, tape = network.forward(normal(5, 2, 3), **inputs)
    whole = tape.backward(y)
    without = tape.backward(y, need_inputs=False)
    assert without.inputs is None and repr(without) == repr(whole).partition(", inputs")[0] + ")"
    assert repr(whole).endswith(", inputs={a: float32[5, 2, 1], e: float32[5, 2, 2]})")
    only = tape.backward(y, need_x=False, need_state=False, need_parameters=False)
    assert only.x is None and only.flat is None
    assert_same_bits(list(only.inputs.values()), list(whole.inputs.values()))
    assert_same_bits(without.flat, whole.flat)
    again = tape.backward(y, accumulate_into=whole)
    assert_same_bits(again.flat, 2 * without.flat)
    gru = swiftrnn.GRU(3, 4, seed=0)
    y, _, tape = gru.forward(normal(5, 2, 3))
    assert tape.backward(y).inputs == {}


@pytest.mark.parametrize("steps, sequences", [(0, 2), (5, 0), (0, 0)])
def test_nothing_to_do(steps: int, sequences: int) -> None:
    network = swiftrnn.Cell(TWO_INPUTS).layer(3, 4, E=2, seed=0)
    x, a, e = (np.zeros((steps, sequences, width), F) for width in (3, 1, 2))
    y, h, tape = network.forward(x, a=a, e=e)
    gradients = tape.backward(y)
    assert y.shape == (steps, sequences, 4) and h.shape == (1, sequences, 4) and not gradients.flat.any()
    assert gradients.inputs["e"].shape == e.shape


def test_wrong_inputs() -> None:
    network, x = swiftrnn.Cell(TWO_INPUTS).layer(3, 4, E=2, seed=0), normal(5, 2, 3)
    a, e = normal(5, 2), normal(5, 2, 2)
    wrong: list[tuple[dict[str, Any], type, str]] = [
        ({}, TypeError, "^missing input 'a': pass a=…; this network's inputs beside x are a, e$"),
        ({"a": a}, TypeError, "^missing input 'e': pass e=…; this network's inputs beside x are a, e$"),
        ({"a": a, "e": e, "E": e}, TypeError, "^unexpected argument 'E': this network's inputs beside x are a, e$"),
        ({"a": a, "e": None}, TypeError, "^e: expected a numpy array of float32, got NoneType"),
        ({"a": 0.5, "e": e}, TypeError, "^a: expected a numpy array of float32, got float"),
        ({"a": a.astype(float), "e": e}, TypeError, r"^a: expected float32, got float64 \(nothing is cast: use"),
        ({"a": a.T, "e": e}, ValueError, r"^a: expected shape \[5, 2, 1\] or \[5, 2\], got \[2, 5\]"),
        ({"a": a, "e": e[..., 0]}, ValueError, r"^e: expected shape \[5, 2, 2\], got \[5, 2\]"),
        ({"a": a[:4], "e": e}, ValueError, r"^a: expected shape \[5, 2, 1\] or \[5, 2\], got \[4, 2\]"),
        ({"a": a[:, 0], "e": e[:, 0]}, ValueError, r"^a: expected shape \[5, 2, 1\] or \[5, 2\], got \[5\]"),
    ]
    for given, error, message in wrong:
        for call in (network, network.forward, network.freeze()):
            with pytest.raises(error, match=message):
                call(x, **given)
    for call in (swiftrnn.LSTM(3, 4), swiftrnn.GRU(3, 4).forward, swiftrnn.RNN(3, 4).freeze()):
        message = r"^unexpected argument 'length' \(did you mean 'lengths'\?\): this network has"
        with pytest.raises(TypeError, match=message):
            call(x, length=[5, 2])  # type: ignore[operator]


# ---- Copies, checkpoints, training -----------------------------------------------------------------------------------


WAYS = pytest.mark.parametrize(
    "way",
    [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))],
    ids=["copy", "deepcopy", "pickle"],
)


@WAYS
def test_copies(way: Callable[[Any], Any]) -> None:
    cell = swiftrnn.Cell("like lstm_projected\nf = 1 - i")
    assert way(cell) == cell
    network = cell.layer(3, 8, 2, dropout=0.5, seed=0, P=4)
    network.note = "added"  # type: ignore[attr-defined]
    twin = way(network)
    assert type(twin) is swiftrnn.CellNetwork and repr(twin) == repr(network) and twin.note == "added"
    assert twin.cell == cell and twin.sizes == {"P": 4} and not np.shares_memory(twin.flat, network.flat)
    x = normal(5, 2, 3)
    assert_same_bits([twin.flat, twin.forward(x)[0]], [network.flat, network.forward(x)[0]])
    other = cell.layer(3, 8, 2, seed=1, P=4)
    other.load_state_dict(network.state_dict())
    assert_same_bits(other(x)[0], network(x)[0])


def test_pickles_hold_the_text_and_no_handle() -> None:
    cell = swiftrnn.Cell("cornn", dt=0.05)
    assert cell.__reduce__() == (swiftrnn.Cell, ("like cornn\ndt = 0.05",))
    assert copy.deepcopy([cell])[0] is cell


class Own(swiftrnn.CellNetwork):
    """A subclass with a cell of its own."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__(swiftrnn.Cell("mgu"), 1, hidden_size, seed=0)
        self.head = np.zeros((1, hidden_size), F)


def test_a_network_of_a_cell_trains() -> None:
    network = Own(16)
    assert repr(network) == "Own('mgu', 1, 16)"
    optimizer = swiftrnn.Adam([network, network.head], lr=0.02)
    x = np.random.default_rng(0).uniform(-1, 1, (10, 32, 1)).astype(F)
    target = np.cumsum(x, axis=0) / np.arange(1, 11, dtype=F)[:, None, None]
    losses = []
    for _ in range(150):
        y, _, tape = network.forward(x)
        error = swiftrnn.linear(y, network.head) - target
        losses.append(float((error**2).mean()))
        head = swiftrnn.linear_backward(2 * error / error.size, y, network.head)
        gradients = [tape.backward(head.x), head.weight]
        swiftrnn.clip_grad_norm(gradients, 1.0)
        optimizer.step(gradients)
        with pytest.raises(swiftrnn.SwiftRNNError, match="parameters have changed"):
            tape.backward(y)
    assert losses[-1] < 0.05 * losses[0]
    twin, twin_optimizer = copy.deepcopy((network, optimizer))
    assert type(twin) is Own and twin_optimizer._owners[0] is twin and twin_optimizer._owners[1] is twin.head
