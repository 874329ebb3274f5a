"""Copies and pickles: of networks, with their optimizers, and of what must not be copied."""

from __future__ import annotations

import copy
import gc
import pickle
from typing import Any, Callable

import numpy as np
import pytest

import swiftrnn
from torch_reference import assert_same_bits


def by_pickle(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))


def out_of_band(value: Any, writeable: bool) -> Any:
    """Through protocol 5, with the arrays' bytes in buffers of the caller's: as they come from a file or from shared
    memory, not aligned."""
    buffers: list[pickle.PickleBuffer] = []
    text = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
    assert buffers
    copies = [bytearray(b"x" + buffer.raw()) for buffer in buffers]
    views = [memoryview(buffer)[1:] for buffer in copies]
    return pickle.loads(text, buffers=views if writeable else [view.toreadonly() for view in views])


WAYS = pytest.mark.parametrize(
    "way",
    [copy.deepcopy, by_pickle, lambda value: out_of_band(value, True), lambda value: out_of_band(value, False)],
    ids=["deepcopy", "pickle", "buffers", "read-only buffers"],
)
MAKERS = pytest.mark.parametrize(
    "make",
    [
        lambda p: swiftrnn.SGD(p, lr=0.1),
        lambda p: swiftrnn.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
        lambda p: swiftrnn.Adam(p, lr=0.1),
        lambda p: swiftrnn.AdamW(p, lr=0.1, weight_decay=0.5),
    ],
    ids=["sgd", "momentum", "adam", "adamw"],
)


def train(network: swiftrnn.Network, optimizer: Any, steps: int = 2) -> None:
    x = np.random.default_rng(0).standard_normal((4, 2, 3)).astype(np.float32)
    for _ in range(steps):
        y, _, tape = network.forward(x)
        gradients = tape.backward(y)
        optimizer.step(gradients)
        with pytest.raises(swiftrnn.SwiftRNNError, match="parameters have changed"):
            tape.backward(y)


@WAYS
@MAKERS
@pytest.mark.parametrize("optimizer_first", [False, True])
def test_a_copied_optimizer_trains_the_copied_network(way: Any, make: Any, optimizer_first: bool) -> None:
    network = swiftrnn.GRU(3, 4, seed=0)
    optimizer = make(network)
    train(network, optimizer)
    if optimizer_first:
        twin_optimizer, twin = way((optimizer, network))
    else:
        twin, twin_optimizer = way((network, optimizer))
    before = network.flat.copy()
    assert twin is not network and not np.shares_memory(twin.flat, network.flat)
    train(twin, twin_optimizer)
    assert_same_bits(network.flat, before, "the original stays")
    train(network, optimizer)
    assert_same_bits(twin.flat, network.flat, "and both take the same way")
    assert repr(twin_optimizer) == repr(optimizer) and (twin.flat != before).any()


@pytest.mark.parametrize("way", [copy.deepcopy, by_pickle], ids=["deepcopy", "pickle"])
@MAKERS
def test_an_optimizer_by_itself_takes_its_parameters_along(way: Any, make: Any) -> None:
    network, table = swiftrnn.GRU(3, 4, seed=0), np.ones((2, 3), np.float32)
    optimizer = make([network, table])
    gradients = [np.ones_like(network.flat), np.ones_like(table)]
    optimizer.step(gradients)
    before, twin = [network.flat.copy(), table.copy()], way(optimizer)
    twin.step(gradients)
    assert_same_bits([network.flat, table], before)
    optimizer.step(gradients)
    assert_same_bits([twin._owners[0].flat, twin._owners[1]], [network.flat, table])


def test_an_array_from_a_read_only_buffer_is_not_written_to() -> None:
    # It is also its other holders': a copy for the optimizer alone would part them.
    table = np.ones(3)
    other, twin = out_of_band((table, swiftrnn.Adam(table)), writeable=False)
    for _ in range(2):
        with pytest.raises(ValueError, match=r"parameters\[0\]: "):
            twin.step(np.ones(3))
    assert twin._owners[0] is other and twin.steps == 0 and (other == 1).all()


def test_a_shallow_copy_of_an_optimizer_has_its_own_moments() -> None:
    for make in (swiftrnn.Adam, lambda p: swiftrnn.SGD(p, momentum=0.9)):
        p = np.ones(3)
        optimizer = make(p)
        optimizer.step(np.ones(3))
        saved, twin = optimizer.state_dict(), copy.copy(optimizer)
        twin.lr = 0.5
        before = p.copy()
        twin.step(np.ones(3))
        assert (p != before).all(), "the same parameters"
        assert repr(optimizer.state_dict()) == repr(saved)
        assert twin.steps == 2 and optimizer.steps == 1


def test_views_of_one_vector_stay_views() -> None:
    network = swiftrnn.RNN(3, 4, seed=0)
    for order in (1, -1):
        for arrays in (list(network.parameters.values()), [network.flat[:10], network.flat[10:]]):
            optimizer = swiftrnn.SGD(arrays, lr=1.0)
            found = copy.deepcopy((network, optimizer)[::order])[::order]
            twin, twin_optimizer = found
            before, original = twin.flat.copy(), network.flat.copy()
            twin_optimizer.step([np.ones_like(array) for array in arrays])
            assert_same_bits(twin.flat, before - 1)
            assert_same_bits(network.flat, original)
    strided = [np.asfortranarray(np.ones((3, 4)))[:, 1], np.ones(3)]
    twin = copy.deepcopy(swiftrnn.SGD(strided, lr=1.0))
    twin.step([np.ones(3), np.ones(3)])
    assert not any(array.any() for array in twin._owners) and strided[0].all()


@pytest.mark.parametrize("way", [copy.deepcopy, by_pickle], ids=["deepcopy", "pickle"])
def test_what_is_copied_with_a_network_stays_with_it(way: Any) -> None:
    network = swiftrnn.LSTM(3, 4, seed=0)
    twin, flat = way((network, network.flat))
    assert twin.flat is flat
    twin, parameters, view = copy.deepcopy((network, network.parameters, network.parameters["bias_ih_l0"]))
    assert twin.parameters is parameters and view is twin.parameters["bias_ih_l0"]


class Tagger(swiftrnn.LSTM):
    """A subclass with attributes, one of which refers back to it."""

    def __init__(self, tags: list[str], hidden_size: int) -> None:
        super().__init__(3, hidden_size, seed=0)
        self.tags = tags
        self.head = np.ones((len(tags), hidden_size), np.float32)
        self.optimizer = swiftrnn.Adam([self, self.head])


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, by_pickle], ids=["copy", "deepcopy", "pickle"])
def test_attributes_go_along(way: Callable[[Any], Any]) -> None:
    tagger = Tagger(["noun", "verb"], 4)
    tagger.note = "added later"  # type: ignore[attr-defined]
    twin = way(tagger)
    assert type(twin) is Tagger and twin.tags == tagger.tags and twin.note == "added later"
    assert_same_bits([twin.flat, twin.head], [tagger.flat, tagger.head])
    assert not np.shares_memory(twin.flat, tagger.flat)
    shallow = way is copy.copy
    assert (twin.tags is tagger.tags) == shallow and (twin.optimizer is tagger.optimizer) == shallow
    if not shallow:
        assert twin.optimizer._owners[0] is twin and twin.optimizer._owners[1] is twin.head
        twin.optimizer.step([np.ones_like(twin.flat), np.ones_like(twin.head)])
        assert (twin.flat != tagger.flat).all() and (twin.head != tagger.head).all()
    plain = swiftrnn.GRU(2, 2)
    plain.note = 1  # type: ignore[attr-defined]
    assert way(plain).note == 1


@pytest.mark.parametrize("writeable", [True, False])
def test_a_network_from_buffers(writeable: bool) -> None:
    network = swiftrnn.GRU(3, 4, num_layers=2, dropout=0.5, dtype="float64", seed=0)
    twin = out_of_band(network, writeable)
    assert twin.flat.flags.writeable and twin.flat.flags.aligned
    assert_same_bits(twin.flat, network.flat)
    x = np.ones((4, 2, 3))
    assert_same_bits(twin.forward(x)[0], network.forward(x)[0])
    twin.initialize(1)
    assert (twin.flat != network.flat).any()


# Protocol 5 gives an array over a buffer, itself a view: views of it have the same base, not the array.
@pytest.mark.parametrize(
    "way",
    [copy.copy, copy.deepcopy, by_pickle, lambda value: pickle.loads(pickle.dumps(value, protocol=5))],
    ids=["copy", "deepcopy", "pickle", "protocol 5"],
)
@pytest.mark.parametrize("of", ["flat", "named", "slice"])
def test_a_step_on_a_copys_arrays_makes_its_tapes_stale(way: Callable[[Any], Any], of: str) -> None:
    network = swiftrnn.GRU(3, 4, seed=0)
    twin = way(network)
    x = np.ones((5, 2, 3), np.float32)
    (y, _, tape), (_, _, of_network) = twin.forward(x), network.forward(x)
    arrays = {"flat": [twin.flat], "named": list(twin.parameters.values()), "slice": [twin.flat[2:9]]}[of]
    swiftrnn.SGD(arrays).step([np.ones_like(array) for array in arrays])
    with pytest.raises(swiftrnn.SwiftRNNError, match="have changed"):
        tape.backward(y)
    of_network.backward(y)  # the network itself has not changed


# ---- What has one owner ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, pickle.dumps])
def test_tapes_and_streams_cannot_be_copied(way: Callable[[Any], Any]) -> None:
    network = swiftrnn.LSTM(3, 4, seed=0)
    x = np.ones((5, 2, 3), np.float32)
    y, _, tape = network.forward(x)
    expected = tape.backward(y).flat
    with pytest.raises(TypeError, match="a Tape cannot be copied or pickled.*run forward again"):
        way(tape)
    gc.collect()
    network.forward(x + 1)  # would have the buffer if a copy had given it back
    assert_same_bits(tape.backward(y).flat, expected)
    with pytest.raises(TypeError, match="a Stream cannot be copied or pickled.*set its state"):
        way(network.stream())


def test_a_frozen_network_is_its_own_copy() -> None:
    network = swiftrnn.LSTM(3, 4, seed=0)
    frozen = network.freeze()
    assert copy.copy(frozen) is frozen and copy.deepcopy([frozen])[0] is frozen
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="a Frozen cannot be pickled.*pickle its network"):
            pickle.dumps(frozen, protocol)


def test_how_they_show_themselves() -> None:
    network = Tagger(["noun"], 4)
    assert repr(network) == "Tagger(3, 4)"
    y, _, tape = network.forward(np.ones((5, 2, 3), np.float32))
    assert repr(tape) == f"Tape(Tagger(3, 4), steps=5, sequences=2, nbytes={tape.nbytes})"
    tape.close()
    assert repr(tape).endswith(", closed)")
    frozen = swiftrnn.RNN(3, 4, nonlinearity="relu", batch_first=True).freeze()
    assert repr(frozen) == "Frozen(RNN(3, 4, nonlinearity='relu', batch_first=True))"
    stream = frozen.stream(2)
    assert repr(stream) == "Stream(RNN(3, 4, nonlinearity='relu', batch_first=True), batch=2)"
    stream.close()
    assert repr(stream).endswith("batch=2, closed)")
    assert repr(swiftrnn.GRU(3, 4, reset_after=False).stream()) == "Stream(GRU(3, 4, reset_after=False), batch=1)"


# ---- What is accepted without a word, as the documentation says ------------------------------------------------------


def test_nothing_to_do() -> None:
    network = swiftrnn.LSTM(3, 4, seed=0)
    stream = network.stream(0)
    assert stream.step(np.zeros((0, 3), np.float32)).shape == (0, 4)
    assert stream.run(np.zeros((5, 0, 3), np.float32)).shape == (5, 0, 4)
    assert stream.state[0].shape == (1, 0, 4)
    _, _, tape = network.forward(np.ones((5, 2, 3), np.float32))
    nothing = np.zeros((5, 2, 4), np.float32)
    gradients = tape.backward(nothing)
    assert not gradients.flat.any() and not gradients.x.any() and not any(part.any() for part in gradients.state)
    into = np.ones_like(network.flat)
    assert (tape.backward(nothing, accumulate_into=into).flat == 1).all()
