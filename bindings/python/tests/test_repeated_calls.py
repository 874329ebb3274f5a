"""Calls of a shape that the network has seen before: the same results as the first call, and nobody else's memory."""

from __future__ import annotations

import gc
import pickle
import threading
import weakref
from typing import Any, Callable

import numpy as np
import pytest

import swiftrnn
from swiftrnn.frozen import _MOST_OF_ALL, _MOST_READY
from torch_reference import assert_same_bits

NETWORKS: dict[str, Callable[[], swiftrnn.Network]] = {
    "lstm": lambda: swiftrnn.LSTM(3, 5, num_layers=2, bidirectional=True, seed=0),
    "projected": lambda: swiftrnn.LSTM(3, 5, proj_size=2, dtype="float64", seed=0),
    "gru": lambda: swiftrnn.GRU(3, 5, batch_first=True, seed=0),
    "rnn": lambda: swiftrnn.RNN(3, 5, seed=0),
    "cell": lambda: swiftrnn.Cell("lem").layer(3, 5, seed=0),
    "options": lambda: swiftrnn.LSTM(
        3, 5, 2, seed=0,
        options=swiftrnn.LayerOptions(dilations=[1, 2], hidden_sizes=[5, 4], learned_initial_states=True),
    ),
}
SHAPES = [(4, 2, 3), (1, 1, 3), (4, 3), (0, 2, 3), (4, 0, 3)]


def x_of(network: swiftrnn.Network, shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(network.dtype)


def tensors(result: tuple[np.ndarray, Any]) -> list[np.ndarray]:
    y, state = result
    return [y, *(state if isinstance(state, tuple) else (state,))]


def ready(owner: Any, shape: tuple[int, ...]) -> bool:
    return shape in owner._inference._ready


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", NETWORKS)
def test_the_same_bits_as_the_first_call(name: str, shape: tuple[int, ...]) -> None:
    network = NETWORKS[name]()
    xs = [x_of(network, shape, seed) for seed in range(4)]
    # A network of its own for each first call.
    expected = [tensors(NETWORKS[name]()(x)) for x in xs]
    states = [NETWORKS[name]()(x)[1] for x in xs]
    continued = [tensors(NETWORKS[name]()(x, state)) for x, state in zip(xs, states[::-1])]
    for call in (network, network.freeze()):
        for _ in range(3):
            for x, wanted, state, wanted_next in zip(xs, expected, states[::-1], continued):
                assert_same_bits(tensors(call(x)), wanted)
                assert_same_bits(tensors(call(x, state)), wanted_next)
        assert ready(call, shape)


@pytest.mark.parametrize("name", NETWORKS)
def test_results_are_nobody_elses(name: str) -> None:
    network = NETWORKS[name]()
    x = x_of(network, (4, 2, 3))
    for call in (network, network.freeze()):
        kept: list[list[np.ndarray]] = []
        state: Any = None
        for _ in range(6):
            y, state = call(x, state)
            found = tensors((y, state))
            for array in found:
                assert array.flags.c_contiguous and array.flags.writeable and type(array) is np.ndarray
                assert not np.shares_memory(array, x)
                assert not any(np.shares_memory(array, other) for arrays in kept for other in arrays)
            kept.append(found)
        first = tensors(call(x))
        for array in tensors(call(x)):
            array[...] = np.nan
        assert_same_bits(tensors(call(x)), first)


def test_any_layout_of_x_and_of_a_state() -> None:
    network = swiftrnn.LSTM(3, 5, seed=0)
    x = x_of(network, (4, 2, 3))
    y, (h, c) = network(x)
    expected = tensors(network(x, (h, c)))
    wide, unaligned = np.repeat(x, 2, axis=2)[:, :, ::2], np.zeros(x.nbytes + 1, np.uint8)[1:].view(np.float32)
    unaligned = unaligned.reshape(x.shape)
    unaligned[...] = x
    read_only = x.copy()
    read_only.flags.writeable = False
    for call in (network, network.freeze()):
        for _ in range(3):
            for array in (x, wide, unaligned, read_only, np.asfortranarray(x), x[::-1][::-1]):
                assert_same_bits(tensors(call(array, (np.asfortranarray(h), c))), expected)
            assert_same_bits(tensors(call(x, [h, c])), expected)
            assert_same_bits(tensors(call(x, (None, c))), tensors(swiftrnn.LSTM(3, 5, seed=0)(x, (None, c))))
    assert ready(network, x.shape)


def test_errors_stay_the_same() -> None:
    network = swiftrnn.LSTM(3, 5, seed=0)
    x = x_of(network, (4, 2, 3))
    h, c = network(x)[1]
    wrong: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
        ((x.astype(float),), {}),
        ((x.tolist(),), {}),
        ((np.ma.array(x),), {}),
        ((x, h), {}),
        ((x, (h,)), {}),
        ((x, (h, c.astype(float))), {}),
        ((x, (h, c[:, :1])), {}),
        ((x, (h[0], c[0])), {}),
        ((x,), {"lengths": [5, 1]}),
        ((x,), {"mask": np.ones((4, 2), bool)}),
        ((x,), {"a": x}),
    ]
    for call in (network, network.freeze()):
        messages: list[str] = []
        for repeat in range(3):
            for number, (arguments, named) in enumerate(wrong):
                with pytest.raises((TypeError, ValueError, swiftrnn.SwiftRNNError)) as caught:
                    call(*arguments, **named)
                if repeat == 0:
                    messages.append(f"{caught.type} {caught.value}")
                assert messages[number] == f"{caught.type} {caught.value}"
            assert_same_bits(tensors(call(x, (h, c))), tensors(swiftrnn.LSTM(3, 5, seed=0)(x, (h, c))))
        assert ready(call, x.shape)


def test_a_change_of_the_parameters_is_seen() -> None:
    network = swiftrnn.GRU(3, 5, seed=0)
    x = x_of(network, (1, 1, 3))
    for seed in range(4):
        network.initialize(seed)
        assert_same_bits(tensors(network(x)), tensors(swiftrnn.GRU(3, 5, seed=seed)(x)))
    network.flat[:] = 0
    assert not network(x)[0].any() and ready(network, x.shape)


def test_many_threads_with_one_network() -> None:
    network = swiftrnn.LSTM(3, 5, seed=0)
    frozen = network.freeze()
    xs = [x_of(network, (4, 2, 3), seed) for seed in range(8)]
    expected = [tensors(swiftrnn.LSTM(3, 5, seed=0)(x)) for x in xs]
    wrong: list[int] = []
    start = threading.Barrier(len(xs))

    def run(index: int) -> None:
        start.wait()
        for turn in range(300):
            found = tensors((network if turn % 2 else frozen)(xs[index]))
            if not all((a == b).all() for a, b in zip(found, expected[index])):
                wrong.append(index)

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(xs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive()
    assert not wrong
    for owner in (network, frozen):
        assert 1 <= len(owner._inference._ready[xs[0].shape]) <= _MOST_READY


def test_what_is_kept_has_a_bound() -> None:
    network = swiftrnn.RNN(3, 64, seed=0)
    for _ in range(3):
        for steps in range(1, 400, 7):
            y, h = network(x_of(network, (steps, 1, 3)))
            assert_same_bits(y[-1:], h)
            assert network._inference._bytes <= _MOST_OF_ALL
    large = x_of(network, (3000, 4, 3))
    for _ in range(3):
        network(large)
    assert network._inference._ready and not ready(network, large.shape)
    network.close()
    assert not network._inference._ready and network._inference._bytes == 0
    assert network(x_of(network, (1, 1, 3)))[0].shape == (1, 1, 64)


def test_networks_go_and_copies_have_their_own() -> None:
    network = swiftrnn.RNN(3, 4, seed=0)
    x = x_of(network, (1, 1, 3))
    for _ in range(3):
        expected = network(x)[0]
    twin, gone = pickle.loads(pickle.dumps(network)), weakref.ref(network)
    network.flat[:] = 0
    del network
    gc.collect()
    assert gone() is None
    for _ in range(3):
        assert_same_bits(twin(x)[0], expected)


@pytest.mark.parametrize("batch", [1, 3])
def test_steps_of_a_stream_are_nobody_elses(batch: int) -> None:
    network = swiftrnn.Cell("augru").layer(3, 4, seed=0) if batch == 3 else swiftrnn.LSTM(3, 4, seed=0)
    x = x_of(network, (6, batch, 3))
    a = {"a": x_of(network, (6, batch), 1)} if batch == 3 else {}
    whole, _ = network(x, **a)
    stream = network.stream(batch)
    steps = [stream.step(x[t], **{name: value[t] for name, value in a.items()}) for t in range(6)]
    assert_same_bits(np.stack(steps), whole)
    assert not any(np.shares_memory(p, q) for i, p in enumerate(steps) for q in steps[:i])
    stream.reset()
    assert_same_bits(stream.run(x, **a), whole)
