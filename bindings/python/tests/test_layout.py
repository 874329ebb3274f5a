"""batch_first, strides, unbatched, T = 0, N = 0: the same numbers however they lie in memory."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import swiftrnn
from swiftrnn._arrays import strided
from torch_reference import CELLS, Case, as_list, assert_same_bits, ours, pair


def make(cell: str, dtype: str = "float32", **options: object) -> Case:
    return Case(cell, dtype, 5, 4, 6, 9, 3, 2, True, True, seed=1, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("lengths", [None, [5, 0, 3, 1]])
def test_batch_first(cell: str, lengths: list[int] | None) -> None:
    case = make(cell, lengths=lengths)
    data = case.data()
    expected = ours(case, data)
    network = case.network(batch_first=True)
    x, dy = (np.ascontiguousarray(a.swapaxes(0, 1)) for a in (data.x, data.dy))
    y, state, tape = network.forward(x, pair(data.state), lengths)
    assert y.flags.c_contiguous and y.shape[:2] == (4, 5)
    grads = tape.backward(dy, pair(data.dstate))
    assert_same_bits(y.swapaxes(0, 1), expected.y)
    assert_same_bits(grads.x.swapaxes(0, 1), expected.dx)
    assert_same_bits([*as_list(state), *as_list(grads.state)], [*expected.state, *expected.dstate])
    assert_same_bits(list(grads.parameters.values()), list(expected.parameters.values()))
    assert_same_bits(network(x, pair(data.state), lengths)[0], y)
    assert_same_bits(network.freeze()(x, pair(data.state), lengths)[0], y)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("batch_first", [False, True])
def test_unbatched(cell: str, batch_first: bool) -> None:
    case = make(cell)
    data = case.data()
    network = case.network(batch_first=batch_first)
    one = slice(2, 3)
    whole = case.network()
    y, state, tape = whole.forward(data.x[:, one], pair([s[:, one] for s in data.state]))
    grads = tape.backward(data.dy[:, one], pair([s[:, one] for s in data.dstate]))

    flat_state, flat_dstate = [s[:, 2] for s in data.state], [s[:, 2] for s in data.dstate]
    found_y, found_state, found_tape = network.forward(data.x[:, 2], pair(flat_state))
    assert found_y.shape == (5, y.shape[2])
    assert_same_bits(found_y, y[:, 0])
    assert_same_bits(as_list(found_state), [s[:, 0] for s in as_list(state)])
    found = found_tape.backward(data.dy[:, 2], pair(flat_dstate))
    assert_same_bits(found.x, grads.x[:, 0])
    assert_same_bits(as_list(found.state), [s[:, 0] for s in as_list(grads.state)])
    assert_same_bits(found.flat, grads.flat)
    short = network(data.x[:3, 2], pair(flat_state))[0]
    assert_same_bits(network(data.x[:, 2], pair(flat_state), lengths=[3])[0][:3], short)
    assert network(data.x[:0, 2])[0].shape == (0, y.shape[2])


def views(array: np.ndarray) -> dict[str, np.ndarray]:
    """The same [T, N, I] numbers, laid out in many ways."""
    steps, sequences, features = array.shape
    found = {}

    def put(name: str, view: np.ndarray) -> None:
        view[...] = array
        found[name] = view

    put("gaps between steps", np.full((steps * 3, sequences, features), np.nan, array.dtype)[::3])
    put("gaps between sequences", np.full((steps, sequences * 2, features), np.nan, array.dtype)[:, 1::2])
    put("rows of a wider array", np.full((steps, sequences, features + 5), np.nan, array.dtype)[..., 2:-3])
    put("batch first, wider", np.full((sequences, steps, features + 1), np.nan, array.dtype)[..., 1:].swapaxes(0, 1))
    put("features apart", np.full((steps, sequences, features * 2), np.nan, array.dtype)[..., ::2])
    put("features first", np.full((features, steps, sequences), np.nan, array.dtype).transpose(1, 2, 0))
    put("steps backwards", np.empty_like(array)[::-1])
    put("sequences backwards", np.empty_like(array)[:, ::-1])
    put("features backwards", np.empty_like(array)[..., ::-1])
    shifted = np.empty(array.nbytes + 1, np.uint8)[1:].view(array.dtype).reshape(array.shape)
    assert not shifted.flags.aligned
    put("not aligned", shifted)
    records = np.zeros((steps, sequences), [("skip", "u1"), ("row", array.dtype, (features,))])
    put("strides that are no multiple of an element", records["row"])
    return found


COPIED = {
    "features apart", "features first", "steps backwards", "sequences backwards", "features backwards", "not aligned",
    "strides that are no multiple of an element",
}  # fmt: skip


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_views(cell: str, dtype: str) -> None:
    case = make(cell, dtype, lengths=[5, 0, 3, 1])
    data, network = case.data(), case.network()
    expected = ours(case, data, network)
    xs, dys = views(data.x), views(data.dy)
    for name, x in xs.items():
        assert (strided(x)[0] is x) == (name not in COPIED), name
        y, state, tape = network.forward(x, pair(data.state), case.lengths)
        assert_same_bits(y, expected.y, name)
        grads = tape.backward(dys[name], pair(data.dstate))
        assert_same_bits(grads.x, expected.dx, name)
        assert_same_bits(list(grads.parameters.values()), list(expected.parameters.values()), name)
        assert_same_bits(network.freeze()(x, pair(data.state), case.lengths)[0], expected.y, name)
    states = [np.asfortranarray(s) for s in data.state]
    assert_same_bits(network(data.x, pair(states), case.lengths)[0], expected.y, "states that are not dense")
    read_only = data.x.copy()
    read_only.flags.writeable = False
    assert_same_bits(network(read_only, pair(data.state), case.lengths)[0], expected.y, "read-only")


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 4), st.integers(0, 4), st.integers(1, 3), st.integers(1, 3), st.booleans(), st.booleans(),
    st.integers(-2, 2), st.integers(-2, 2),
)  # fmt: skip
def test_any_view_gives_the_bits_of_its_dense_copy(
    steps: int, sequences: int, step_gap: int, sequence_gap: int, swap: bool, wide: bool, a: int, b: int
) -> None:
    base = np.random.default_rng(0).standard_normal((4 * 3, 4 * 3, 8)).astype(np.float32)
    view = base[: steps * step_gap : step_gap, : sequences * sequence_gap : sequence_gap]
    view = view[:: a or 1, :: b or 1]
    view = (view.swapaxes(0, 1) if swap else view)[..., 1:7] if wide else view[..., :6]
    network = make("gru").network()
    y, h = network(view)
    dense_y, dense_h = network(view.copy())
    assert_same_bits(y, dense_y)
    assert_same_bits(h, dense_h)


def test_broadcast_and_sliding_windows() -> None:
    network = swiftrnn.GRU(6, 9, seed=0)
    signal = np.random.default_rng(0).standard_normal(40).astype(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(signal, 6)[:, np.newaxis, :]  # [35, 1, 6], one element apart
    assert_same_bits(network(windows)[0], network(windows.copy())[0], "overlapping rows")
    step = np.broadcast_to(signal[:6], (5, 4, 6))
    assert_same_bits(network(step)[0], network(step.copy())[0], "one row for all")
    same_steps = np.broadcast_to(signal[:24].reshape(1, 4, 6), (5, 4, 6))
    assert_same_bits(network(same_steps)[0], network(same_steps.copy())[0], "the same input at every step")
    same_sequences = np.broadcast_to(signal[:30].reshape(5, 1, 6), (5, 4, 6))
    assert_same_bits(network(same_sequences)[0], network(same_sequences.copy())[0], "every sequence the same")


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("steps,sequences", [(0, 4), (5, 0), (0, 0)])
def test_no_steps_or_no_sequences(cell: str, dtype: str, steps: int, sequences: int) -> None:
    for with_state in (True, False):
        for lengths in (None, [0] * sequences):
            case = Case(cell, dtype, steps, sequences, 6, 9, 3, 2, True, True, lengths=lengths, with_state=with_state)
            data, network = case.data(), case.network()
            result = ours(case, data, network)
            assert result.y.shape == (steps, sequences, 2 * case.outputs) and result.dx.shape == data.x.shape
            start = data.state or [np.zeros(shape, dtype) for shape in data.state_shapes]
            assert_same_bits(result.state, start)
            assert_same_bits(result.dstate, data.dstate)
            for name, gradient in result.parameters.items():
                assert not gradient.any(), name
            y, state = network.freeze()(data.x, pair(data.state), lengths)
            assert_same_bits([y, *as_list(state)], [result.y, *start])
    stream = case.network(bidirectional=False).stream(sequences)
    assert stream.run(data.x).shape == (steps, sequences, case.outputs)


def test_lengths_may_be_any_integers() -> None:
    network = swiftrnn.LSTM(6, 9, seed=0)
    x = np.random.default_rng(0).standard_normal((5, 4, 6)).astype(np.float32)
    expected = network(x, lengths=[3, 5, 0, 1])[0]
    for lengths in (
        (3, 5, 0, 1), np.array([3, 5, 0, 1]), np.array([3, 5, 0, 1], np.int8), np.array([3, 5, 0, 1], np.uint64),
        np.array([3, 9, 5, 9, 0, 9, 1, 9])[::2], [np.int32(3), 5, 0, 1],
    ):  # fmt: skip
        assert_same_bits(network(x, lengths=lengths)[0], expected)
    mine = np.array([3, 5, 0, 1])
    y, _, tape = network.forward(x, lengths=mine)
    first = tape.backward(np.ones_like(y)).flat
    mine[:] = 5  # the tape has its own copy
    assert_same_bits(tape.backward(np.ones_like(y)).flat, first)
