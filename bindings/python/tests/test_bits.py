"""The contract on bits: what gives the same bits whatever the threads, the batch, the padding, the way of calling."""

from __future__ import annotations

import numpy as np
import pytest

import swiftrnn
from torch_reference import CELLS, Case, Data, Result, as_list, assert_same_bits, ours, pair

# Small work on one thread, batches cut over threads, few sequences with many hidden units, more sequences than a tile.
SIZES = [
    # T, N, I, H, P, L, bidirectional
    (6, 7, 5, 19, 7, 2, True),
    (12, 33, 40, 96, 40, 2, False),
    (8, 1, 33, 300, 130, 1, False),
    (5, 3, 64, 515, 128, 1, True),
]
EVERY = pytest.mark.parametrize("cell", CELLS)
TYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])
SHAPES = pytest.mark.parametrize("sizes", SIZES, ids=str)


def make(cell: str, dtype: str, sizes: tuple[int, ...], **options: object) -> Case:
    return Case(cell, dtype, *sizes, bias=True, **options)  # type: ignore[arg-type]


def assert_same_result(a: Result, b: Result, context: object) -> None:
    for (name, x), (_, y) in zip(a.items(), b.items()):
        assert_same_bits(x, y, f"{context} {name}")


def some_lengths(case: Case) -> list[int]:
    return np.random.default_rng(9).integers(0, case.steps + 1, case.sequences).tolist()


@EVERY
@TYPES
@SHAPES
@pytest.mark.parametrize("with_lengths", [False, True])
def test_thread_counts(
    cell: str, dtype: str, sizes: tuple[int, ...], with_lengths: bool, default_threads: None
) -> None:
    case = make(cell, dtype, sizes)
    case.lengths = some_lengths(case) if with_lengths else None
    data = case.data()
    one = ours(case, data, case.network(num_threads=1))
    y, state = case.network(num_threads=1)(data.x, pair(data.state), case.lengths)
    for threads in (2, 3, 8):
        network = case.network(num_threads=threads)
        assert_same_result(ours(case, data, network), one, f"{threads} threads")
        found_y, found_state = network(data.x, pair(data.state), case.lengths)
        assert_same_bits(found_y, y)
        assert_same_bits(as_list(found_state), as_list(state))
    swiftrnn.set_num_threads(3)
    assert_same_result(ours(case, data, case.network()), one, "the process's 3 threads")


@EVERY
@TYPES
@SHAPES
@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_any_cut_of_the_batch(cell: str, dtype: str, sizes: tuple[int, ...], dropout: float) -> None:
    case = make(cell, dtype, sizes, dropout=dropout)
    case.lengths = some_lengths(case)
    data, network = case.data(), case.network()
    whole = ours(case, data, network, seed=11)
    rng = np.random.default_rng(0)
    cuts = [[case.sequences], list(range(1, case.sequences + 1))]
    cuts += [sorted({*rng.integers(1, case.sequences + 1, 3).tolist(), case.sequences}) for _ in range(2)]
    for ends in cuts:
        start = 0
        for end in ends:
            part = _part(case, data, network, whole, slice(start, end))
            assert_same_bits(part.y, whole.y[:, start:end], f"y {start}..<{end}")
            assert_same_bits(part.dx, whole.dx[:, start:end], f"dx {start}..<{end}")
            for name in ("state", "dstate"):
                expected = [tensor[:, start:end] for tensor in getattr(whole, name)]
                assert_same_bits(getattr(part, name), expected, f"{name} {start}..<{end}")
            start = end


def _part(case: Case, data: Data, network: swiftrnn.Network, whole: Result, rows: slice) -> Result:
    y, state, tape = network.forward(
        data.x[:, rows],
        pair([s[:, rows] for s in data.state]),
        lengths=case.lengths[rows],
        seed=11,
        first_sequence=rows.start,
    )
    grads = tape.backward(data.dy[:, rows], pair([s[:, rows] for s in data.dstate]))
    return Result(y, as_list(state), grads.x, as_list(grads.state), dict(grads.parameters))


@EVERY
@TYPES
@SHAPES
def test_padded_or_not(cell: str, dtype: str, sizes: tuple[int, ...]) -> None:
    case = make(cell, dtype, sizes)
    case.lengths = some_lengths(case)
    data, network = case.data(), case.network()
    expected = ours(case, data, network)
    more = 5
    rng = np.random.default_rng(1)
    padded = Data(
        x=np.concatenate([data.x, rng.standard_normal((more, *data.x.shape[1:])).astype(dtype)]),
        state=data.state,
        dy=np.concatenate([data.dy, rng.standard_normal((more, *data.dy.shape[1:])).astype(dtype)]),
        dstate=data.dstate,
        state_shapes=data.state_shapes,
    )
    for sequence, length in enumerate(case.lengths):  # what lies past the end has no influence, whatever it is
        padded.x[length:, sequence] = np.nan
        padded.dy[length:, sequence] = np.inf
    found = ours(case, padded, network)
    assert (found.y[case.steps :] == 0).all() and (found.dx[case.steps :] == 0).all()
    found.y, found.dx = found.y[: case.steps], found.dx[: case.steps]
    assert_same_result(found, expected, "padded")
    for sequence, length in enumerate(case.lengths):
        assert (found.y[length:, sequence] == 0).all() and (found.dx[length:, sequence] == 0).all()


@EVERY
@TYPES
@SHAPES
def test_stream_or_whole(cell: str, dtype: str, sizes: tuple[int, ...]) -> None:
    case = make(cell, dtype, sizes)
    case.bidirectional = False
    data, network = case.data(), case.network()
    y, state = network(data.x, pair(data.state))

    stream = network.stream(case.sequences)
    stream.state = pair(data.state)
    steps = np.stack([stream.step(x) for x in data.x])
    assert_same_bits(steps, y, "steps")
    assert_same_bits(as_list(stream.state), as_list(state), "state after steps")

    stream.state = pair(data.state)
    cuts = [0, 1, case.steps // 2, case.steps]
    parts = [stream.run(data.x[a:b]) for a, b in zip(cuts, cuts[1:])]
    assert_same_bits(np.concatenate(parts), y, "runs")
    assert_same_bits(as_list(stream.state), as_list(state), "state after runs")

    single = network.stream(1)
    single.state = pair([s[:, :1] for s in data.state])
    assert_same_bits(single.run(data.x[:, :1]), y[:, :1], "one sequence alone")
    single.reset()
    assert_same_bits(single.run(data.x[:, :1]), network(data.x)[0][:, :1], "after reset")


@EVERY
@TYPES
@SHAPES
def test_whole_or_in_pieces_of_time(cell: str, dtype: str, sizes: tuple[int, ...]) -> None:
    case = make(cell, dtype, sizes)
    case.bidirectional = False
    data, network = case.data(), case.network()
    y, state = network(data.x, pair(data.state))
    first, middle = network(data.x[:2], pair(data.state))
    second, final = network(data.x[2:], middle)
    assert_same_bits(np.concatenate([first, second]), y)
    assert_same_bits(as_list(final), as_list(state))


@EVERY
@TYPES
@SHAPES
def test_inference_or_training_and_frozen_or_not(cell: str, dtype: str, sizes: tuple[int, ...]) -> None:
    case = make(cell, dtype, sizes)
    case.lengths = some_lengths(case)
    data, network = case.data(), case.network()
    y, state, _ = network.forward(data.x, pair(data.state), case.lengths)
    for callee in (network, network.freeze(), case.network(dropout=0.5)):
        found_y, found_state = callee(data.x, pair(data.state), case.lengths)
        assert_same_bits(found_y, y, callee)
        assert_same_bits(as_list(found_state), as_list(state), callee)


@EVERY
@TYPES
def test_again(cell: str, dtype: str) -> None:
    """The same call gives the same bits; a second backward from one tape too; what is not wanted changes nothing."""
    case = make(cell, dtype, SIZES[1])
    data, network = case.data(), case.network()
    y, state, tape = network.forward(data.x, pair(data.state))
    first = tape.backward(data.dy, pair(data.dstate))
    second = tape.backward(data.dy, pair(data.dstate))
    assert_same_bits(second.flat, first.flat)
    assert_same_bits(second.x, first.x)
    assert_same_bits(tape.backward(data.dy, pair(data.dstate), need_parameters=False, need_state=False).x, first.x)
    only = tape.backward(data.dy, pair(data.dstate), need_x=False, need_state=False)
    assert only.x is None and only.state is None
    assert_same_bits(only.flat, first.flat)
    assert_same_bits(as_list(tape.backward(data.dy, pair(data.dstate), need_x=False).state), as_list(first.state))
    again_y, again_state, _ = network.forward(data.x, pair(data.state))
    assert_same_bits(again_y, y)
    assert_same_bits(as_list(again_state), as_list(state))


@EVERY
def test_left_out_means_zeros(cell: str) -> None:
    case = make(cell, "float32", SIZES[0])
    data, network = case.data(), case.network()
    zeros = [np.zeros(shape, np.float32) for shape in data.state_shapes]
    y, state, tape = network.forward(data.x)
    zero_y, zero_state, zero_tape = network.forward(data.x, pair(zeros))
    assert_same_bits(y, zero_y)
    assert_same_bits(as_list(state), as_list(zero_state))
    a = tape.backward(None, pair(data.dstate))
    b = zero_tape.backward(np.zeros_like(y), pair(data.dstate))
    assert_same_bits([a.x, a.flat, *as_list(a.state)], [b.x, b.flat, *as_list(b.state)])
    a, b = tape.backward(data.dy), zero_tape.backward(data.dy, pair(zeros))
    assert_same_bits([a.x, a.flat, *as_list(a.state)], [b.x, b.flat, *as_list(b.state)])
    nothing = tape.backward(np.zeros_like(y))
    assert not nothing.flat.any() and not nothing.x.any()
    if len(zeros) == 2:
        assert_same_bits(network(data.x, (data.state[0], None))[0], network(data.x, (data.state[0], zeros[1]))[0])
        assert_same_bits(network(data.x, (None, data.state[1]))[0], network(data.x, (zeros[0], data.state[1]))[0])
