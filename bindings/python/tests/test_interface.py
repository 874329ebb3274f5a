"""The interface as the design writes it; parameters in and out; pickling; tapes; streams; the docstrings' examples."""

from __future__ import annotations

import copy
import doctest
import gc
import importlib
import pickle
import threading
import weakref
from pathlib import Path

import numpy as np
import pytest
import torch

import swiftrnn
import swiftrnn.models
from torch_reference import CELLS, Case, as_list, assert_same_bits


def x_of(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def test_the_interface_of_the_design_runs() -> None:
    input_size, hidden_size = 5, 7
    lstm = swiftrnn.LSTM(
        input_size, hidden_size, num_layers=1, bias=True, batch_first=False, dropout=0.0, bidirectional=False,
        proj_size=0, dtype="float32", seed=None,
    )  # fmt: skip
    x = x_of(6, 3, input_size)
    h0, c0 = x_of(1, 3, hidden_size), x_of(1, 3, hidden_size)
    y, (h, c) = lstm(x, (h0, c0), lengths=[6, 0, 2])
    assert y.shape == (6, 3, 7) and h.shape == (1, 3, 7) and c.shape == (1, 3, 7)
    assert_same_bits(h[:, 1], h0[:, 1])
    assert_same_bits(c[:, 1], c0[:, 1])
    assert_same_bits(y[1, 2], h[0, 2])
    frozen = lstm.freeze()
    y, state = frozen(x)
    assert_same_bits(y, lstm(x)[0])
    y, state, tape = lstm.forward(x, state, lengths=None)
    dy = np.ones_like(y)
    grads = tape.backward(dy, dstate=None)
    assert grads.x.shape == x.shape and grads.state[0].shape == h.shape and grads.state[1].shape == c.shape
    assert list(grads.parameters) == list(lstm.parameters) and grads.flat.shape == lstm.flat.shape
    name = "weight_hh_l0"
    assert np.shares_memory(lstm.parameters[name], lstm.flat) and np.shares_memory(grads.parameters[name], grads.flat)
    stream = lstm.stream(batch=1)
    y = stream.step(x[0, :1])
    assert y.shape == (1, 7) and stream.run(x[1:, :1]).shape == (5, 1, 7)
    assert stream.state[0].shape == (1, 1, 7)
    stream.reset()
    assert not stream.state[0].any() and not stream.state[1].any()
    assert swiftrnn.isa() in ("baseline", "avx2", "avx512")
    threads = swiftrnn.get_num_threads()
    assert threads >= 1
    swiftrnn.set_num_threads(2)
    assert swiftrnn.get_num_threads() == 2
    swiftrnn.set_num_threads(0)
    assert swiftrnn.get_num_threads() == threads
    assert swiftrnn.__version__.count(".") == 2
    for network in (swiftrnn.RNN(5, 7, nonlinearity="tanh"), swiftrnn.GRU(5, 7, reset_after=True)):
        y, h = network(x)
        assert y.shape == (6, 3, 7) and h.shape == (1, 3, 7)


def test_the_interface_of_trees_runs() -> None:
    network = swiftrnn.Cell("tree_child_sum").layer(5, 7, num_layers=2, seed=0)
    forest, x = swiftrnn.Forest.from_trees([[2, 2, -1], [-1]]), x_of(4, 5)
    y, (h, c) = network.tree(forest, x)
    assert y.shape == (4, 7) and h.shape == c.shape == (2, 4, 7) and y[forest.roots].shape == (2, 7)
    y, state, tape = network.tree_forward(forest, x, seed=None, first_node=0)
    assert isinstance(tape, swiftrnn.ForestTape)
    grads = tape.backward(dy=np.ones_like(y), dstate=None, need_x=True, need_parameters=True, need_inputs=True)
    assert isinstance(grads, swiftrnn.Gradients) and grads.x.shape == x.shape and grads.state is None
    assert list(grads.parameters) == list(network.parameters) and grads.flat.shape == network.flat.shape
    swiftrnn.Adam(network).step(grads)
    edges = swiftrnn.Forest.from_edges(node_count=4, children=[0, 1], parents=[2, 2])
    assert len(edges) == edges.node_count == forest.node_count == 4 and edges.edge_count == forest.edge_count == 2


def test_docstring_examples() -> None:
    attempted = 0
    # Files, not pkgutil.iter_modules: that takes the library that lies beside them for a module.
    root = Path(swiftrnn.__file__).parent
    for path in sorted(root.rglob("*.py")):
        parts = [part for part in path.relative_to(root.parent).with_suffix("").parts if part != "__init__"]
        result = doctest.testmod(importlib.import_module(".".join(parts)), raise_on_error=False)
        assert result.failed == 0, path
        attempted += result.attempted
    assert attempted > 60


def test_every_public_name_has_a_docstring_with_an_example_or_attributes() -> None:
    named = [(module, name) for module in (swiftrnn, swiftrnn.models) for name in module.__all__]
    for module, name in named:
        value = getattr(module, name)
        assert name == "__version__" or (value.__doc__ and len(value.__doc__) > 20), name


# ---- Parameters ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("projected", [0, 3])
def test_names_shapes_and_order_are_torchs(bias: bool, bidirectional: bool, projected: int) -> None:
    options = dict(num_layers=2, bias=bias, bidirectional=bidirectional, proj_size=projected)
    ours = swiftrnn.LSTM(5, 8, **options)
    theirs = torch.nn.LSTM(5, 8, **options)
    assert list(ours.parameters) == list(theirs.state_dict())
    flat = torch.cat([p.detach().reshape(-1) for p in theirs._flat_weights])
    ours.load_state_dict({name: tensor.numpy() for name, tensor in theirs.state_dict().items()})
    assert_same_bits(ours.flat, flat.numpy())
    x = x_of(4, 2, 5)
    assert np.abs(ours(x)[0] - theirs(torch.from_numpy(x))[0].detach().numpy()).max() < 1e-5
    theirs.load_state_dict({name: torch.from_numpy(array) for name, array in ours.state_dict().items()})


def test_initialization() -> None:
    a, b, other = (swiftrnn.GRU(9, 25, num_layers=2, seed=seed) for seed in (4, 4, 5))
    assert_same_bits(a.flat, b.flat)
    assert (a.flat != other.flat).mean() > 0.99
    assert swiftrnn.GRU(9, 25).flat.tobytes() != swiftrnn.GRU(9, 25).flat.tobytes()
    for network in (swiftrnn.LSTM(64, 100, seed=0), swiftrnn.LSTM(64, 100, seed=0, dtype="float64")):
        bound = 1 / np.sqrt(100)
        assert np.abs(network.flat).max() <= bound
        for name, array in network.parameters.items():  # uniform: mean 0, variance bound^2 / 3, no two tensors alike
            error = bound / np.sqrt(3 * array.size)
            assert abs(float(array.mean())) < 5 * error, name
            assert abs(float((array.astype(float) ** 2).mean()) / (bound**2 / 3) - 1) < 5 / np.sqrt(array.size), name
        assert len(np.unique(network.flat)) > 0.95 * network.flat.size
    b.initialize(5)
    assert_same_bits(b.flat, other.flat)
    assert_same_bits(swiftrnn.GRU(9, 25, num_layers=2, seed=np.int64(5)).flat, other.flat)


def test_state_dict_holds_copies_and_loading_checks_before_it_copies() -> None:
    network = swiftrnn.RNN(3, 4, seed=0)
    saved = network.state_dict()
    saved["weight_ih_l0"][:] = 0
    assert network.parameters["weight_ih_l0"].any()
    before = network.flat.copy()
    with pytest.raises(ValueError, match=r"missing \['bias_hh_l0'\], unexpected \['extra'\]"):
        network.load_state_dict({**{k: v for k, v in saved.items() if k != "bias_hh_l0"}, "extra": before})
    with pytest.raises(ValueError, match=r"bias_hh_l0: expected shape \[4\], got \[5\]"):
        network.load_state_dict({**saved, "bias_hh_l0": np.zeros(5, np.float32)})
    with pytest.raises(TypeError, match="weight_hh_l0: expected float32, got float64"):
        network.load_state_dict({**saved, "weight_hh_l0": np.zeros((4, 4))})
    assert_same_bits(network.flat, before)
    with pytest.raises(KeyError, match="there is no parameter 'weight'"):
        network.parameters["weight"] = before
    with pytest.raises(ValueError, match=r"weight_hh_l0: expected shape \[4, 4\], got \[4\]"):
        network.parameters["weight_hh_l0"] = np.zeros(4, np.float32)


@pytest.mark.parametrize("cell", CELLS)
def test_pickle_and_copy(cell: str) -> None:
    case = Case(cell, "float32", 4, 3, 5, 8, 3, 2, True, True, dropout=0.5, seed=2)
    network, x = case.network(batch_first=True, num_threads=2), x_of(3, 4, 5)
    expected = network(x)[0]
    for twin in (pickle.loads(pickle.dumps(network)), copy.copy(network), copy.deepcopy(network)):
        assert type(twin) is type(network) and repr(twin) == repr(network) and twin.num_threads == 2
        assert_same_bits(twin(x)[0], expected)
        assert not np.shares_memory(twin.flat, network.flat)
    twin = copy.deepcopy(network)
    assert_same_bits(twin.forward(x)[0], network.forward(x)[0], "the next dropout seed is the same")
    twin.flat[:] = 0
    assert_same_bits(network(x)[0], expected)


def test_configuration_can_be_read_but_not_changed() -> None:
    network = swiftrnn.LSTM(3, 8, 2, False, True, 0.25, True, 4, "float64", num_threads=3)
    assert (network.input_size, network.hidden_size, network.num_layers, network.bias) == (3, 8, 2, False)
    assert (network.batch_first, network.dropout, network.bidirectional, network.proj_size) == (True, 0.25, True, 4)
    assert (network.dtype, network.num_threads) == (np.float64, 3)
    assert repr(network) == (
        "LSTM(3, 8, num_layers=2, bias=False, batch_first=True, dropout=0.25, bidirectional=True, proj_size=4, "
        "dtype='float64')"
    )
    assert repr(swiftrnn.RNN(1, 2, nonlinearity="relu")) == "RNN(1, 2, nonlinearity='relu')"
    assert repr(swiftrnn.GRU(1, 2, reset_after=False)) == "GRU(1, 2, reset_after=False)"
    with pytest.raises(AttributeError):
        network.hidden_size = 9  # type: ignore[misc]
    for dtype in (np.float64, np.dtype("float64"), "f8"):
        assert swiftrnn.GRU(1, 2, dtype=dtype).dtype == np.float64


# ---- Tapes -----------------------------------------------------------------------------------------------------------


def test_a_tape_notices_changed_parameters() -> None:
    network = swiftrnn.GRU(3, 4, seed=0)
    x = x_of(5, 2, 3)
    changes = [
        lambda: network.initialize(1),
        lambda: network.load_state_dict(network.state_dict()),
        lambda: network.parameters.__setitem__("bias_ih_l0", np.zeros(12, np.float32)),
        lambda: network.parameters.changed(),
        lambda: swiftrnn.SGD(network, lr=0.1).step(np.zeros_like(network.flat)),
        lambda: swiftrnn.Adam([network]).step([np.zeros_like(network.flat)]),
    ]
    for change in changes:
        y, _, tape = network.forward(x)
        tape.backward(np.ones_like(y))
        change()
        with pytest.raises(swiftrnn.SwiftRNNError, match="parameters have changed") as caught:
            tape.backward(np.ones_like(y))
        assert caught.value.status is swiftrnn.Status.MISMATCH


def test_accumulating() -> None:
    network = swiftrnn.LSTM(3, 9, seed=0, dtype="float64")
    x = x_of(5, 4, 3).astype(np.float64)
    y, _, tape = network.forward(x)
    dy = np.ones_like(y)
    once = tape.backward(dy)
    expected = once.flat * 2
    again = tape.backward(dy, accumulate_into=once)
    assert again.flat is once.flat
    assert np.abs(again.flat - expected).max() <= 1e-14 * np.abs(expected).max()
    total = np.zeros_like(network.flat)
    into = tape.backward(dy, need_x=False, accumulate_into=total)
    assert into.flat is total and into.x is None
    assert np.abs(total - expected / 2).max() <= 1e-14 * np.abs(expected).max()
    nothing = tape.backward(dy, need_parameters=False)
    assert nothing.parameters is None and nothing.flat is None

    with pytest.raises(ValueError, match="accumulate_into: expected gradients, got parameters"):
        tape.backward(dy, accumulate_into=network.flat)
    with pytest.raises(ValueError, match="need_parameters"):
        tape.backward(dy, accumulate_into=total, need_parameters=False)
    with pytest.raises(TypeError, match="expected float64, got float32"):
        tape.backward(dy, accumulate_into=total.astype(np.float32))
    with pytest.raises(ValueError, match="read-only"):
        total.flags.writeable = False
        tape.backward(dy, accumulate_into=total)


def test_closing_a_tape_gives_its_memory_to_the_next_one() -> None:
    network = swiftrnn.GRU(16, 64, seed=0)
    x = x_of(20, 8, 16)
    y, _, tape = network.forward(x)
    first = tape._buffer.ctypes.data
    with tape:
        expected = tape.backward(np.ones_like(y))
    with pytest.raises(ValueError, match="closed"):
        tape.backward(np.ones_like(y))
    y, _, second = network.forward(x)
    assert second._buffer.ctypes.data == first
    _, _, third = network.forward(x_of(20, 8, 16, seed=1))
    assert third._buffer.ctypes.data != first, "two tapes at once have two buffers"
    assert_same_bits(second.backward(np.ones_like(y)).flat, expected.flat)
    network.close()
    assert network(x)[0].shape == (20, 8, 64)


def test_tapes_outlive_the_name_of_their_network() -> None:
    network = swiftrnn.LSTM(3, 4, seed=0)
    y, _, tape = network.forward(x_of(5, 2, 3))
    expected = tape.backward(np.ones_like(y)).flat
    frozen, gone = network.freeze(), weakref.ref(network)
    stream = network.stream()
    whole = network(x_of(5, 1, 3))[0]
    del network
    gc.collect()
    assert gone() is not None, "the tape needs its network"
    assert_same_bits(tape.backward(np.ones_like(y)).flat, expected)
    del tape
    gc.collect()
    assert gone() is None
    assert_same_bits(frozen(x_of(5, 1, 3))[0], whole)
    del frozen
    gc.collect()
    assert_same_bits(stream.run(x_of(5, 1, 3)), whole)


def test_a_frozen_network_keeps_its_parameters() -> None:
    network = swiftrnn.RNN(3, 4, seed=0)
    x = x_of(5, 2, 3)
    frozen, stream, expected = network.freeze(), network.stream(2), network(x)[0]
    network.flat[:] = 0
    assert_same_bits(frozen(x)[0], expected)
    assert_same_bits(frozen.stream(2).run(x), expected)
    assert_same_bits(stream.run(x), expected)
    assert not network(x)[0].any()


# ---- Streams ---------------------------------------------------------------------------------------------------------


def test_stream_layouts() -> None:
    lstm = swiftrnn.LSTM(3, 6, num_layers=2, proj_size=2, seed=0)
    x = x_of(5, 1, 3)
    whole, _ = lstm(x)
    stream = lstm.stream()
    assert stream.batch == 1
    assert_same_bits(np.stack([stream.step(row[0]) for row in x]), whole[:, 0], "unbatched steps")
    stream.reset()
    assert_same_bits(stream.run(x[:, 0]), whole[:, 0], "unbatched run")
    stream.state = None
    out = np.full((1, 2), np.nan, np.float32)
    assert stream.step(x[0], out=out) is out
    assert_same_bits(out, whole[0])
    rest = np.empty((4, 1, 2), np.float32)
    assert stream.run(x[1:], out=rest) is rest
    assert_same_bits(rest, whole[1:])
    h, c = stream.state
    assert h.shape == (2, 1, 2) and c.shape == (2, 1, 6)
    stream.state = (h, None)
    assert not stream.state[1].any() and stream.state[0].any()

    batch_first = swiftrnn.LSTM(3, 6, batch_first=True, seed=0)
    x = x_of(4, 5, 3)
    stream = batch_first.stream(4)
    assert_same_bits(np.ascontiguousarray(stream.run(x)), batch_first(x)[0])
    stream.reset()
    wide = x_of(4, 10, 6)
    assert_same_bits(np.ascontiguousarray(stream.run(wide[:, ::2, ::2])), batch_first(wide[:, ::2, ::2].copy())[0])
    assert stream.run(x[:, :0]).shape == (4, 0, 6)


def test_stream_errors() -> None:
    stream = swiftrnn.LSTM(3, 4, seed=0).stream(2)
    with pytest.raises(swiftrnn.SwiftRNNError) as caught:
        swiftrnn.GRU(3, 4, bidirectional=True).stream()
    assert caught.value.status is swiftrnn.Status.UNSUPPORTED
    with pytest.raises(ValueError, match="-1"):
        swiftrnn.GRU(3, 4).stream(-1)
    with pytest.raises(ValueError, match=r"x: expected shape \[2, 3\], got \[3\]"):
        stream.step(x_of(3))
    with pytest.raises(ValueError, match=r"x: expected shape \[T, 2, 3\], got \[5, 3\]"):
        stream.run(x_of(5, 3))
    with pytest.raises(TypeError, match="x: expected float32, got float64"):
        stream.step(np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"out: expected shape \[2, 4\], got \[2, 3\]"):
        stream.step(x_of(2, 3), out=x_of(2, 3))
    square = swiftrnn.RNN(4, 4, seed=0).stream(2)
    buffer = x_of(2, 4)
    with pytest.raises(ValueError, match="overlaps"):
        square.step(buffer, out=buffer)
    with pytest.raises(ValueError, match=r"state c: expected shape \[1, 2, 4\], got \[1, 1, 4\]"):
        stream.state = (x_of(1, 2, 4), x_of(1, 1, 4))
    with pytest.raises(TypeError, match=r"pair \(h, c\)"):
        stream.state = x_of(1, 2, 4)
    before = as_list(stream.state)
    assert_same_bits(before, [np.zeros((1, 2, 4), np.float32)] * 2)
    with stream:
        stream.step(x_of(2, 3))
    for use in (lambda: stream.step(x_of(2, 3)), stream.reset, lambda: stream.state, lambda: stream.run(x_of(1, 2, 3))):
        with pytest.raises(ValueError, match="closed"):
            use()
    stream.close()


def test_a_stream_in_use_refuses_a_second_thread() -> None:
    stream = swiftrnn.RNN(3, 4, seed=0).stream()
    assert stream._lock.acquire()  # as a thread that is inside a call holds it
    refused: list[Exception] = []

    def second() -> None:
        for use in (lambda: stream.step(x_of(1, 3)), stream.close, stream.reset):
            try:
                use()
            except RuntimeError as error:
                refused.append(error)

    thread = threading.Thread(target=second)
    thread.start()
    thread.join()
    assert len(refused) == 3
    stream._lock.release()
    assert stream.step(x_of(1, 3)).shape == (1, 4)


def test_gradients_print_their_shapes_and_are_themselves() -> None:
    network = swiftrnn.LSTM(3, 4, seed=0)
    y, _, tape = network.forward(np.ones((5, 2, 3), np.float32))
    gradients, again = tape.backward(y), tape.backward(y)
    assert repr(gradients) == (
        "Gradients(x=float32[5, 2, 3], state=(float32[1, 2, 4], float32[1, 2, 4]), parameters=4 tensors, "
        "flat=float32[144])"
    )
    assert gradients == gradients and gradients != again
