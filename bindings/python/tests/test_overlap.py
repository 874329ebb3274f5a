"""Arrays that share memory with what a call reads, or with parameters: refused where a number is in both, and nowhere
else, and found in a time that grows as the number of arrays does."""

from __future__ import annotations

import copy
import gc
import math
import pickle
import threading
from typing import Any, Callable

import numpy as np
import pytest

import swiftrnn
from swiftrnn import _memory
from torch_reference import assert_same_bits

IN_USE = "the one is written while the other is in use$"


def test_results_over_identifiers() -> None:
    """Integers and results of one buffer, as shared memory between processes may be."""
    buffer = np.zeros(40, np.int64)
    numbers = buffer.view(np.float64)
    logits, dout = np.ones((3, 4)), np.ones((2, 3))
    for call, message in (
        (lambda: swiftrnn.cross_entropy(logits, buffer[11:14], out=numbers[:12].reshape(3, 4)), "out overlaps targets"),
        (lambda: swiftrnn.cross_entropy(logits, buffer[2:5], row_losses=numbers[:3]), "row_losses overlaps targets"),
        (lambda: swiftrnn.embedding_backward(dout, buffer[8:10], 3, accumulate_into=numbers[:9].reshape(3, 3)),
         "accumulate_into overlaps ids"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=f"^{message}: {IN_USE}"):
            call()
        assert not buffer.any(), message
    # End to end.
    swiftrnn.cross_entropy(logits, buffer[12:15], out=numbers[:12].reshape(3, 4), row_losses=numbers[15:18])
    swiftrnn.embedding_backward(dout, buffer[30:32], 3, accumulate_into=numbers[21:30].reshape(3, 3))
    assert numbers[:12].any() and numbers[15:18].all() and not buffer[12:15].any()
    swiftrnn.embedding_backward(np.ones((2, 0)), buffer[30:32], 3, accumulate_into=numbers[31:][:0].reshape(3, 0))
    empty = np.empty((0, 4))
    assert swiftrnn.cross_entropy(empty, np.empty(0, int), out=numbers[4:4].reshape(0, 4)).loss == 0


def test_gradients_of_trees_over_what_the_pass_read() -> None:
    numbers = np.arange(400.0)
    before = numbers.copy()
    network = swiftrnn.Cell("h' = tanh(W @ x + U @ sum_children(h))").layer(3, 4, dtype="float64", seed=0)
    size = network.flat.size
    y, _, tape = network.tree_forward(swiftrnn.Forest([1, -1]), numbers[100:106].reshape(2, 3))
    dstate = numbers[200:208].reshape(1, 2, 4)
    for call, message in (
        (lambda: tape.backward(y, accumulate_into=numbers[105 : 105 + size]), "accumulate_into overlaps x"),
        (lambda: tape.backward(dstate=dstate, accumulate_into=numbers[207 : 207 + size]),
         "accumulate_into overlaps dstate h"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=f"^{message}: {IN_USE}"):
            call()
        assert_same_bits(numbers, before, message)
    tape.backward(dstate=dstate, accumulate_into=numbers[208 : 208 + size])


def test_a_result_between_the_rows_of_what_is_read() -> None:
    """The ends of the one are around the other, and no number is in both."""
    lines = np.zeros((2, 200))
    numbers = lines.ravel()
    assert np.shares_memory(lines, numbers)
    x = lines[:, np.newaxis, :3]
    x[...] = np.arange(6.0).reshape(2, 1, 3)
    network = swiftrnn.GRU(3, 4, dtype="float64", seed=0)
    y, _, tape = network.forward(x)
    expected = tape.backward(np.ones_like(y)).flat
    between = numbers[3 : 3 + network.flat.size]
    assert np.may_share_memory(between, x) and not np.shares_memory(between, x)
    tape.backward(np.ones_like(y), accumulate_into=between)
    assert_same_bits(between, expected)
    with pytest.raises(ValueError, match=f"^accumulate_into overlaps x: {IN_USE}"):
        tape.backward(np.ones_like(y), accumulate_into=numbers[2 : 2 + network.flat.size])


def test_gradients_between_parameters() -> None:
    buffer = np.ones((8, 3))
    optimizers = [swiftrnn.SGD(buffer[row], lr=1.0) for row in (1, 3, 5)]
    assert swiftrnn.clip_grad_norm([buffer[row] for row in (0, 2, 4)], math.inf) == 3
    column = swiftrnn.SGD(np.ones(4))
    column.step(buffer[::2, 0])  # rows 0, 2, 4 and 6, between which the parameters are
    column.step(buffer[::-2, 0][:1].repeat(4))
    for wrong in (buffer[1::2, 0], buffer[::-1][:4, 1], buffer[:4, 2], buffer[3:7, 0][::-1]):
        with pytest.raises(ValueError, match="expected gradients, got parameters"):
            column.step(wrong)
    pair = swiftrnn.SGD(np.ones(2))
    for wrong in (buffer[1::3, 0][:2], buffer[:2, 0]):  # around the second of the parameters, too; up to the first one
        with pytest.raises(ValueError, match="expected gradients, got parameters"):
            pair.step(wrong)
    assert column.steps == 2 and pair.steps == 0 and len(optimizers) == 3


def test_parameters_as_long_as_they_are_some() -> None:
    """What holds them comes and goes, and is copied, after others have been looked for."""
    buffer = np.ones(40)

    def refused(array: np.ndarray) -> bool:
        try:
            swiftrnn.clip_grad_norm(array, math.inf)
        except ValueError:
            return True
        return False

    assert not refused(buffer[:4])
    optimizer = swiftrnn.Adam([buffer[:4], buffer[8:12]])
    assert refused(buffer[3:5]) and refused(buffer[8:9]) and not refused(buffer[4:8])
    shallow, deep, twin = copy.copy(optimizer), copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer))
    del optimizer
    gc.collect()
    for owner in (shallow, deep, twin):
        assert all(refused(array) for array in owner._owners)
    assert refused(buffer[:1])
    ranges = len(_memory._index.starts)
    del shallow, owner
    gc.collect()
    assert not refused(buffer[:1]) and not refused(buffer[:12]) and refused(deep._owners[1])
    assert len(_memory._index.starts) <= ranges - 2

    network = swiftrnn.GRU(3, 4, seed=0)
    flat, first = network.flat, network.parameters["weight_ih_l0"]
    of_views = swiftrnn.SGD(list(network.parameters.values())[:2])
    assert refused(flat) and refused(flat[40:41]) and refused(flat[-1:])
    del network
    gc.collect()
    assert refused(first) and refused(flat) and not refused(flat[-1:])
    del of_views
    gc.collect()
    assert not refused(first) and not refused(flat)


def test_parameters_that_another_thread_makes() -> None:
    """None is overlooked while the list of those that live changes."""
    stop, overlooked, gradient = threading.Event(), [], np.ones(3)

    def make() -> None:
        while not stop.is_set():
            parameter = np.ones(5)
            optimizer = swiftrnn.SGD(parameter)
            try:
                swiftrnn.clip_grad_norm(parameter, math.inf)
                overlooked.append(optimizer)
            except ValueError:
                pass

    threads = [threading.Thread(target=make) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(1500):
        swiftrnn.clip_grad_norm(gradient, math.inf)
    stop.set()
    for thread in threads:
        thread.join()
    assert overlooked == []


# ---- How often memory is compared ----


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Grows by each question of numpy whether two arrays share memory, and each range that is looked at anew."""
    questions: list[Any] = []

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *arguments: (questions.append(arguments), function(*arguments))[1]

    for name in ("shares_memory", "may_share_memory"):
        monkeypatch.setattr(np, name, counted(getattr(np, name)))
    monkeypatch.setattr(_memory, "bounds", counted(_memory.bounds))
    return questions


def test_a_step_of_many_arrays_compares_each_once(compared: list[Any]) -> None:
    """Not each gradient with each parameter: 3000 took 5 s."""
    counts = []
    for size in (100, 400):
        arrays, gradients = ([np.ones(2) for _ in range(size)] for _ in range(2))
        optimizer = swiftrnn.SGD(arrays, lr=1.0)
        for call in (lambda: optimizer.step(gradients), lambda: swiftrnn.clip_grad_norm(gradients, math.inf)):
            call()
            compared.clear()
            call()
            counts.append(len(compared))
    step, clip, step_of_four, clip_of_four = counts
    assert step <= 200 and clip <= 400
    assert step_of_four <= 4 * step and clip_of_four <= 4 * clip


def test_unrelated_networks_cost_a_clip_nothing(compared: list[Any]) -> None:
    gradient = np.ones(3)
    swiftrnn.clip_grad_norm(gradient, math.inf)
    compared.clear()
    swiftrnn.clip_grad_norm(gradient, math.inf)
    alone = len(compared)
    networks = [swiftrnn.RNN(1, 1, seed=0) for _ in range(200)]
    swiftrnn.clip_grad_norm(gradient, math.inf)
    compared.clear()
    swiftrnn.clip_grad_norm(gradient, math.inf)
    assert len(compared) == alone <= 2 and len(networks) == 200


def test_names_of_a_checkpoint_are_looked_up() -> None:
    """In a mapping, not in a list: of thousands of arrays each name was compared with each."""

    class Counted(str):
        compared = 0

        def __eq__(self, other: object) -> bool:
            Counted.compared += 1
            return str.__eq__(self, other)

        __hash__ = str.__hash__

    size = 300
    optimizer = swiftrnn.Adam([np.ones(1) for _ in range(size)])
    optimizer.load_state_dict({Counted(name): value for name, value in optimizer.state_dict().items()})
    assert Counted.compared < 20 * size
