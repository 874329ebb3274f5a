"""``owner.attribute += array`` and ``mapping[name] *= number``: written in place, then the same object is assigned."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
import torch

import swiftrnn
from torch_reference import assert_same_bits

X = np.ones((5, 2, 3), np.float32)


@pytest.fixture
def network() -> swiftrnn.LSTM:
    return swiftrnn.LSTM(3, 4, seed=0)


def test_the_vector(network: swiftrnn.LSTM) -> None:
    vector, expected = network.flat, network.flat.copy()
    y, _, tape = network.forward(X)
    network.flat += 1
    network.flat *= 2
    network.flat -= expected
    expected = (expected + 1) * 2 - expected
    assert network.flat is vector
    assert_same_bits(network.flat, expected)
    assert np.shares_memory(network.parameters["weight_ih_l0"], vector)
    with pytest.raises(swiftrnn.SwiftRNNError, match="parameters have changed"):
        tape.backward(y)
    other = swiftrnn.LSTM(3, 4, seed=1)
    _, _, tape = network.forward(X)
    network.flat = other.flat
    assert network.flat is vector and not np.shares_memory(network.flat, other.flat)
    assert_same_bits(network(X)[0], other(X)[0])
    with pytest.raises(swiftrnn.SwiftRNNError, match="parameters have changed"):
        tape.backward(y)


@pytest.mark.parametrize(
    "value, error, message",
    [
        (np.zeros(144), TypeError, "^flat: expected float32, got float64"),
        (np.zeros(143, np.float32), ValueError, r"^flat: expected shape \[144\], got \[143\]"),
        (np.zeros((144, 1), np.float32), ValueError, r"^flat: expected shape \[144\], got \[144, 1\]"),
        (0.0, TypeError, "^flat: expected a numpy array of float32, got float"),
        (None, TypeError, "^flat: expected a numpy array of float32, got NoneType"),
        ([0.0] * 144, TypeError, r"^flat: .* got list \(use np.asarray"),
        (torch.zeros(144), TypeError, r"^flat: .* got Tensor \(use .numpy\(\)\)"),
    ],
)
def test_what_is_no_vector_of_it(network: swiftrnn.LSTM, value: Any, error: type, message: str) -> None:
    before, version = network.flat.copy(), network.parameters.version
    with pytest.raises(error, match=message):
        network.flat = value
    assert_same_bits(network.flat, before)
    assert network.parameters.version == version
    with pytest.raises(TypeError):  # numpy's own: the result is float64
        network.flat += np.ones(144) * 1j
    assert_same_bits(network.flat, before)


def test_results_that_overlap_what_is_read() -> None:
    """The library does not look: numbers would be read that are results already."""
    numbers = np.arange(400.0)
    before = numbers.copy()

    def cut(start: int, *shape: int) -> np.ndarray:
        return numbers[start : start + int(np.prod(shape))].reshape(shape)

    network = swiftrnn.GRU(3, 4, dtype="float64", seed=0)
    size = network.flat.size
    _, h, tape = network.forward(cut(0, 2, 1, 3), cut(10, 1, 1, 4))
    ones = np.ones((2, 1, 4))
    forest = swiftrnn.Forest([1, -1])
    augmented = swiftrnn.Cell("input a\nh' = tanh(W @ x + U @ sum_children(h) + V @ a)\nsize a = 2")
    of_trees = augmented.layer(3, 4, dtype="float64", seed=0)
    _, _, of_forest = of_trees.tree_forward(forest, cut(0, 2, 3), a=cut(10, 2, 2))
    of_steps = augmented.layer(3, 4, dtype="float64", seed=0).forward(np.ones((2, 3)), a=cut(10, 2, 2))[2]
    x, weight = np.ones((2, 3)), np.ones((2, 3))
    for call, message in (
        (lambda: swiftrnn.cross_entropy(cut(0, 3, 4), [0, 1, 2], out=cut(4, 3, 4)), "out overlaps logits"),
        (lambda: swiftrnn.cross_entropy(cut(0, 3, 4), [0, 1, 2], row_losses=cut(11, 3)), "row_losses overlaps logits"),
        (lambda: swiftrnn.cross_entropy(np.ones((3, 4)), [0, 1, 2], out=cut(0, 3, 4), row_losses=cut(9, 3)),
         "row_losses overlaps out"),
        (lambda: swiftrnn.embedding_backward(cut(0, 2, 3), [0, 1], 3, accumulate_into=cut(5, 3, 3)),
         "accumulate_into overlaps dout"),
        (lambda: swiftrnn.linear_backward(cut(0, 2, 2), x, weight, accumulate_into=(cut(3, 2, 3), np.ones(2))),
         "accumulate_into weight overlaps dy"),
        (lambda: swiftrnn.linear_backward(x[:, :2], cut(0, 2, 3), weight, accumulate_into=(np.ones((2, 3)), cut(5, 2))),
         "accumulate_into bias overlaps x"),
        (lambda: swiftrnn.linear_backward(x[:, :2], x, weight, accumulate_into=(cut(0, 2, 3), cut(4, 2))),
         "accumulate_into weight overlaps accumulate_into bias"),
        (lambda: tape.backward(cut(20, 2, 1, 4), accumulate_into=cut(27, size)), "accumulate_into overlaps dy"),
        (lambda: tape.backward(ones, accumulate_into=cut(5, size)), "accumulate_into overlaps x"),
        (lambda: tape.backward(ones, accumulate_into=cut(13, size)), "accumulate_into overlaps state h"),
        (lambda: tape.backward(dstate=cut(20, 1, 1, 4), accumulate_into=cut(23, size)),
         "accumulate_into overlaps dstate h"),
        (lambda: of_forest.backward(cut(20, 2, 4), accumulate_into=cut(27, of_trees.flat.size)),
         "accumulate_into overlaps dy"),
        (lambda: of_forest.backward(ones[:, 0], accumulate_into=cut(12, of_trees.flat.size)),
         "accumulate_into overlaps input a"),
        (lambda: of_steps.backward(ones[:, 0], accumulate_into=cut(12, of_trees.flat.size)),
         "accumulate_into overlaps input a"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=f"^{message}: the one is written while the other is in use$"):
            call()
        assert_same_bits(numbers, before, message)
    # Side by side they may lie, and dlogits in place of the logits.
    swiftrnn.cross_entropy(cut(0, 3, 4), [0, 1, 2], out=cut(0, 3, 4), row_losses=cut(12, 3))
    tape.backward(cut(20, 2, 1, 4), accumulate_into=cut(28, size))


def test_a_parameter_by_name(network: swiftrnn.LSTM) -> None:
    view, before = network.parameters["bias_hh_l0"], network.parameters["bias_hh_l0"].copy()
    y, _, tape = network.forward(X)
    network.parameters["bias_hh_l0"] += 1
    assert network.parameters["bias_hh_l0"] is view
    assert_same_bits(view, before + 1)
    with pytest.raises(swiftrnn.SwiftRNNError, match="parameters have changed"):
        tape.backward(y)


def test_parameters_from_each_other() -> None:
    """What is written is read before, whatever it is a view of."""
    gru = swiftrnn.GRU(3, 4, bidirectional=True, dtype="float64", seed=0)
    before = gru.state_dict()

    def swapped(name: str) -> str:
        return name.removesuffix("_reverse") if name.endswith("_reverse") else name + "_reverse"

    torchs = torch.from_numpy(gru.flat).numpy()  # an array of its own over the same numbers
    of_torch = {name: torchs[info.offset :][: info.elements].reshape(info.shape)
                for name, info in zip(gru.parameters, gru._handle.parameters)}  # fmt: skip
    for views in (dict(gru.parameters), of_torch):
        gru.load_state_dict(before)
        gru.load_state_dict({swapped(name): view for name, view in views.items()})
        for name, array in before.items():
            assert_same_bits(gru.parameters[swapped(name)], array, name)
    # Tensors that begin in the middle of others; and all of them backwards.
    gru.load_state_dict(before)
    flat = gru.flat.copy()
    shifted = {name: np.roll(flat, 5)[info.offset :][: info.elements].reshape(info.shape)
               for name, info in zip(before, gru._handle.parameters)}  # fmt: skip
    for info in gru._handle.parameters[1:]:
        shifted[info.name] = gru.flat[info.offset - 5 :][: info.elements].reshape(info.shape)
    gru.load_state_dict(shifted)
    assert_same_bits(gru.flat, np.roll(flat, 5))
    gru.flat = gru.flat[::-1]
    assert_same_bits(gru.flat, np.roll(flat, 5)[::-1])
    weight = gru.parameters["weight_hh_l0"].copy()
    gru.parameters["weight_hh_l0"] = gru.parameters["weight_hh_l0"][::-1]
    assert_same_bits(gru.parameters["weight_hh_l0"], weight[::-1])


def test_moments_from_each_other() -> None:
    optimizer = swiftrnn.Adam([np.ones(3), np.ones(3)])
    optimizer.step([np.full(3, 1.0), np.full(3, 2.0)])
    (a, b), state = (array.copy() for array in optimizer._first), optimizer.state_dict()
    optimizer.load_state_dict({**state, "first.0": optimizer._first[1], "first.1": optimizer._first[0]})
    assert_same_bits(optimizer._first, [b, a])


def test_a_state_is_read_once() -> None:
    """A mapping that makes its values may make others the next time, and they are checked before any is written."""

    class Once(dict):
        def __getitem__(self, name: str) -> Any:
            return self.pop(name)

    network, other = swiftrnn.GRU(3, 4, seed=0), swiftrnn.GRU(3, 4, seed=1)
    network.load_state_dict(Once(other.state_dict()))
    assert_same_bits(network.flat, other.flat)


def test_gradients(network: swiftrnn.LSTM) -> None:
    y, _, tape = network.forward(X)
    gradients = tape.backward(y)
    flat, before = gradients.flat, gradients.flat.copy()
    gradients.flat *= 2
    assert gradients.flat is flat
    assert_same_bits(flat, before * 2)
    name = "weight_hh_l0"
    gradients.parameters[name] *= 2
    gradients.parameters["bias_ih_l0"] = np.full(16, 7, np.float32)  # arrives in the vector, which a step reads
    assert_same_bits(gradients.parameters[name].ravel(), before[48:112] * 4)
    assert_same_bits(flat[48:112], before[48:112] * 4)
    assert (flat[112:128] == 7).all()
    with pytest.raises(ValueError, match=r"bias_ih_l0: expected shape \[16\], got \[4\]"):
        gradients.parameters["bias_ih_l0"] = np.zeros(4, np.float32)
    twin = pickle.loads(pickle.dumps(gradients))
    twin.parameters[name] *= 0
    assert not twin.flat[48:112].any() and list(twin.parameters) == list(network.parameters)


def test_the_state_of_a_stream() -> None:
    stream = swiftrnn.GRU(3, 4, seed=0).stream()
    stream.step(X[0, :1])
    before = stream.state
    stream.state += 1
    assert_same_bits(stream.state, before + 1)
    stream.state *= 0
    assert not stream.state.any()


def test_settings_of_an_optimizer() -> None:
    p = np.ones(3)
    optimizer = swiftrnn.SGD(p, lr=0.5)
    optimizer.lr *= 0.5
    optimizer.step(np.ones(3))
    assert optimizer.lr == 0.25 and (p == 0.75).all()
