"""Clipping by the common norm, against torch in float64."""

from __future__ import annotations

import copy
import math
import pickle
import time
from typing import Any

import numpy as np
import pytest
import torch

import swiftrnn
from optimizer_cases import TYPES
from torch_reference import assert_same_bits
from workers import check_helpers


@TYPES
@pytest.mark.parametrize("sizes", [[1], [5, 1, 33], [4095, 4097], [300_007, 3]])
def test_clipping(dtype: str, sizes: list[int], default_threads: None) -> None:
    rng = np.random.default_rng(1)
    gradients = [rng.standard_normal(size).astype(dtype) for size in sizes]
    expected = math.sqrt(sum(float((g.astype(np.float64) ** 2).sum()) for g in gradients))
    tolerance = 1e-12 if dtype == "float64" else 1e-6
    for max_norm in (expected / 3, expected * 2, math.inf):
        found = None
        for threads in (1, 2, 3, 8):
            swiftrnn.set_num_threads(threads)
            clipped = [g.copy() for g in gradients]
            norm = swiftrnn.clip_grad_norm(clipped, max_norm)
            if sizes[0] > 300_000:
                check_helpers(lambda: swiftrnn.clip_grad_norm([g.copy() for g in gradients], max_norm), threads)
            assert abs(norm / expected - 1) <= 1e-12
            if found is not None:
                assert norm == found[0]
                assert_same_bits(clipped, found[1])
            found = (norm, clipped)
        for before, after in zip(gradients, found[1]):
            if max_norm > expected:
                assert_same_bits(after, before)
            else:
                wanted = before.astype(np.float64) * (max_norm / expected)
                assert np.abs(after - wanted).max() <= tolerance * np.abs(wanted).max()


def test_clipping_options_and_errors() -> None:
    for value in (math.nan, math.inf):
        gradient = np.array([1.0, value, 3.0])
        before = gradient.copy()
        norm = swiftrnn.clip_grad_norm(gradient, 0.1)
        assert not math.isfinite(norm)
        assert np.array_equal(gradient, before, equal_nan=True)
    huge = np.array([1e30, 1e30], np.float32)
    assert abs(swiftrnn.clip_grad_norm(huge, 1.0) / (math.sqrt(2) * float(np.float32(1e30))) - 1) < 1e-12
    assert abs(float(np.linalg.norm(huge.astype(float))) - 1) < 1e-6
    assert swiftrnn.clip_grad_norm([], 1.0) == 0
    assert swiftrnn.clip_grad_norm(np.array([2.0]), 1) == 2
    y, _, tape = swiftrnn.GRU(3, 4, seed=0).forward(np.zeros((2, 1, 3), np.float32))
    for wrong in (tape, [tape]):
        with pytest.raises(TypeError, match=r"gradients\[0\]: expected Gradients or an array, got Tape: tape.backward"):
            swiftrnn.clip_grad_norm(wrong, 1)
    named = tape.backward(y).parameters
    assert swiftrnn.clip_grad_norm(named, math.inf) == swiftrnn.clip_grad_norm(list(named.values()), math.inf)
    for wrong in (3, None):
        with pytest.raises(TypeError, match="gradients: expected Gradients, an array, or a sequence of them, got"):
            swiftrnn.clip_grad_norm(wrong, 1)
    for wrong in ("1", None, True, [1.0]):
        with pytest.raises(TypeError, match="max_norm: expected a number, got"):
            swiftrnn.clip_grad_norm(np.ones(3), wrong)
    for wrong in (0.0, -1.0, math.nan):
        with pytest.raises(swiftrnn.SwiftRNNError) as caught:
            swiftrnn.clip_grad_norm(np.ones(3), wrong)
        assert caught.value.status is swiftrnn.Status.INVALID_VALUE
    with pytest.raises(TypeError, match=r"^gradients\[0\] is float64 and gradients\[1\] is float32: they must be"):
        swiftrnn.clip_grad_norm([np.ones(3), np.ones(3, np.float32)], 1.0)
    with pytest.raises(ValueError, match="need_parameters=False"):
        swiftrnn.clip_grad_norm(swiftrnn.Gradients(None, None, None, None), 1.0)


def test_parameters_are_refused_whatever_holds_them() -> None:
    network, table = swiftrnn.GRU(3, 4, seed=0), np.ones((5, 3), np.float32)
    optimizer = swiftrnn.Adam([network, table])
    y, _, tape = network.forward(np.ones((2, 1, 3), np.float32))
    gradients = tape.backward(y)
    twin = pickle.loads(pickle.dumps(swiftrnn.GRU(3, 4, seed=1), protocol=5))
    of_optimizer = copy.deepcopy(swiftrnn.SGD(np.ones(3)))
    given: list[Any] = [
        network.parameters,
        network.parameters.values(),
        list(network.parameters.values()),
        network.flat,
        [network.flat[3:9]],
        network.flat.reshape(2, -1),
        network.parameters["weight_ih_l0"][2:],
        torch.from_numpy(network.flat).numpy(),  # an array of its own over the same numbers
        np.frombuffer(memoryview(network.flat), np.float32)[:5].view(),
        table,
        table[1:],
        [gradients, table],
        [gradients.flat, network.parameters["bias_ih_l0"]],
        twin.flat,
        twin.parameters["bias_hh_l0"],
        of_optimizer._owners[0],
    ]
    before = [network.flat.copy(), table.copy(), gradients.flat.copy(), twin.flat.copy()]
    for wrong in given:
        with pytest.raises(ValueError, match=r"^gradients\[\d\]: expected gradients, got parameters, .*tape.backward"):
            swiftrnn.clip_grad_norm(wrong, 1e-3)
    for wrong in (network, [network]):
        with pytest.raises(TypeError, match=r"^gradients\[0\]: .* got the network GRU: tape.backward makes gradients"):
            swiftrnn.clip_grad_norm(wrong, 1e-3)
    assert_same_bits([network.flat, table, gradients.flat, twin.flat], before, "nothing was scaled")

    # Where gradients are read or added to.
    for call in (
        lambda: swiftrnn.SGD(network).step(network.flat),
        lambda: optimizer.step([gradients, table]),
        lambda: optimizer.step([network.parameters["bias_ih_l0"], table]),
        lambda: tape.backward(y, accumulate_into=network.flat),
        lambda: tape.backward(y, accumulate_into=twin.flat),
        lambda: swiftrnn.embedding_backward(np.ones((2, 3), np.float32), [0, 1], 5, accumulate_into=table),
        lambda: swiftrnn.linear_backward(
            np.ones((2, 5), np.float32), np.ones((2, 3), np.float32), np.ones((5, 3), np.float32),
            need_bias=False, accumulate_into=(table, None),
        ),
    ):  # fmt: skip
        with pytest.raises(ValueError, match="expected gradients, got parameters"):
            call()
    weight = np.ones((5, 3))
    with pytest.raises(ValueError, match="accumulate_into weight overlaps weight: "):
        swiftrnn.linear_backward(
            np.ones((2, 5)), np.ones((2, 3)), weight, need_bias=False, accumulate_into=(weight, None)
        )
    assert_same_bits([network.flat, table, twin.flat], [before[0], before[1], before[3]])
    assert optimizer.steps == 0 and (weight == 1).all()


def test_gradients_that_share_memory() -> None:
    network, vector = swiftrnn.GRU(3, 4, seed=0), np.arange(1.0, 13.0)
    y, _, tape = network.forward(np.ones((2, 1, 3), np.float32))
    gradients = tape.backward(y)
    again = tape.backward(y, accumulate_into=gradients)
    of_network = [gradients.flat.copy(), vector.copy()]
    given: list[tuple[Any, tuple[int, int]]] = [
        ([vector, vector], (0, 1)),
        ([gradients.flat, gradients.parameters["weight_ih_l0"]], (0, 1)),
        ([gradients.parameters["bias_hh_l0"], gradients], (0, 1)),
        ([gradients, np.ones(3, np.float32), again], (0, 2)),
        ([vector[5:], np.ones(4), vector[:6]], (0, 2)),
        ([vector, vector[2:3], vector[9:10]], (0, 1)),
        ([vector[2:3], vector[9:10], vector], (0, 2)),
        ([vector.reshape(3, 4), torch.from_numpy(vector[11:]).numpy()], (0, 1)),
        ({"a": vector[:7], "b": vector[6:]}, (0, 1)),
    ]
    for wrong, pair in given:
        with pytest.raises(ValueError, match=r"^gradients\[%d\] and gradients\[%d\] share memory: .* twice" % pair):
            swiftrnn.clip_grad_norm(wrong, 1e-3)
    assert_same_bits([gradients.flat, vector], of_network, "nothing was scaled")
    # Neighbours in one vector, in any order, and empty arrays anywhere in it.
    parts = [vector[8:], vector[:3], vector[3:3], vector[3:8], vector[5:5], np.empty(0)]
    assert abs(swiftrnn.clip_grad_norm(parts, math.inf) - math.sqrt(650)) < 1e-12


def test_looking_for_shared_memory_is_quick() -> None:
    """By the ends of ranges, not pair by pair: of 20000 arrays there are 200 million pairs."""
    vector = np.ones(20_000)
    start = time.process_time()
    swiftrnn.clip_grad_norm([vector[index : index + 1] for index in range(len(vector))], 9.0)
    assert time.process_time() - start < 20


def test_gradients_are_taken_as_the_documentation_says() -> None:
    network = swiftrnn.GRU(3, 4, seed=0)
    optimizer = swiftrnn.SGD(network, lr=0)
    y, _, tape = network.forward(np.ones((2, 1, 3), np.float32))
    norm = float(np.linalg.norm(tape.backward(y).flat.astype(float)))
    for form in (
        lambda g: g, lambda g: g.flat, lambda g: [g], lambda g: g.parameters.values(),
        lambda g: list(g.parameters.values()), lambda g: (array for array in g.parameters.values()),
    ):  # fmt: skip
        gradients = tape.backward(y)
        assert abs(swiftrnn.clip_grad_norm(form(gradients), norm / 2) / norm - 1) < 1e-6
        assert abs(float(np.linalg.norm(gradients.flat.astype(float))) / (norm / 2) - 1) < 1e-5
    optimizer.step(gradients)
    p = np.ones(3)
    swiftrnn.SGD(p)  # gone at once
    assert swiftrnn.clip_grad_norm(p, 9.0) == math.sqrt(3)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_clipping_by_value_against_torch(dtype: str) -> None:
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(size).astype(dtype) for size in (1, 7, 4097, 200_000)]
    arrays[1][:3] = [np.nan, np.inf, -np.inf]
    theirs = [torch.nn.Parameter(torch.zeros(array.size, dtype=torch.float64)) for array in arrays]
    for parameter, array in zip(theirs, arrays):
        parameter.grad = torch.from_numpy(array.astype(np.float64))
    torch.nn.utils.clip_grad_value_(theirs, 0.5)
    assert swiftrnn.clip_grad_value(arrays, 0.5) is None
    for parameter, array in zip(theirs, arrays):
        assert np.array_equal(array, parameter.grad.numpy().astype(dtype), equal_nan=True)
    for value in (0.0, -1.0, np.nan):
        with pytest.raises(ValueError, match="clip_value is .*, must be above 0"):
            swiftrnn.clip_grad_value(arrays, value)
    with pytest.raises(TypeError, match="clip_value: expected a number, got str"):
        swiftrnn.clip_grad_value(arrays, "1")
    swiftrnn.clip_grad_value([], 1.0)
    network = swiftrnn.GRU(3, 4, seed=0)
    with pytest.raises(ValueError, match="parameters"):
        swiftrnn.clip_grad_value(network.flat, 1.0)
