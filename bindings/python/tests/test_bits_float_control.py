"""A caller's own flushing or rounding mode does not change the bits, and is as before after the call."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path
from typing import Any, Callable, Iterator

import numpy as np
import pytest

import swiftrnn
from bits_program import around, numbers_around
from test_bits import CELLS, SIZES, make, some_lengths
from torch_reference import as_list, assert_same_bits, ours, pair


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    path = tmp_path_factory.mktemp("float_control") / "float_control.so"
    source = Path(__file__).parent / "float_control.c"
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", str(source), "-o", str(path)], check=True)
    library = ctypes.CDLL(str(path))
    library.control.restype = library.mode.restype = ctypes.c_uint64
    library.mode.argtypes = (ctypes.c_int64,)
    library.set_control.argtypes = (ctypes.c_uint64,)
    before = library.control()
    yield library
    library.set_control(before)
    assert library.control() == before


def under(control: Any, mode: int, call: Callable[[], Any]) -> Any:
    """`call()` with the register set to `mode`; the register is as before after it."""
    before = control.control()
    control.set_control(mode)
    try:
        assert control.control() == mode
        result = call()
        after = control.control()
    finally:
        control.set_control(before)
    assert after == mode, f"the register was {mode:#x} before the call and {after:#x} after it"
    return result


@pytest.mark.parametrize("mode_index", range(1, 6))
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("cell", CELLS)
def test_networks(cell: str, dtype: str, mode_index: int, control: Any) -> None:
    mode = control.mode(mode_index)
    for sizes in SIZES[:3]:
        for threads in (1, 3):
            case = make(cell, dtype, sizes)
            case.lengths = some_lengths(case)
            data, network = case.data(), case.network(num_threads=threads)
            expected = ours(case, data, network)
            found = under(control, mode, lambda: ours(case, data, network))
            for (name, x), (_, y) in zip(found.items(), expected.items()):
                assert_same_bits(x, y, name)
            frozen = network.freeze()
            y, state = frozen(data.x, pair(data.state), case.lengths)
            found_y, found_state = under(control, mode, lambda: frozen(data.x, pair(data.state), case.lengths))
            assert_same_bits([found_y, *as_list(found_state)], [y, *as_list(state)])


@pytest.mark.parametrize("mode_index", range(1, 6))
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_streams_initialization_and_what_stands_around(dtype: str, mode_index: int, control: Any) -> None:
    rng = np.random.default_rng(0)
    x, weight = rng.standard_normal((37, 45)).astype(dtype), rng.standard_normal((301, 45)).astype(dtype)
    targets, own = rng.integers(0, 301, 37), rng.random(301).astype(dtype)
    given = numbers_around(dtype)

    def compute() -> list[np.ndarray]:
        network = swiftrnn.LSTM(45, 33, dtype=dtype, seed=1)
        stream = network.stream(37)
        hidden = stream.step(x)
        looked_up = swiftrnn.embedding(weight, targets)
        embedded = swiftrnn.embedding_backward(looked_up, targets, 301)
        logits = swiftrnn.linear(x, weight)
        loss, dlogits, perplexity = swiftrnn.cross_entropy(logits, targets)
        gradients = swiftrnn.linear_backward(dlogits, x, weight)
        norm = swiftrnn.clip_grad_norm([gradients.weight], 1e-3)
        options = dict(label_smoothing=0.1, class_weights=own[:301], row_weights=own[:37])
        weighted = swiftrnn.cross_entropy(logits, targets, **options)
        fused = swiftrnn.linear_cross_entropy(x, weight, targets, **options)
        binary = swiftrnn.binary_cross_entropy_with_logits(logits, logits, row_weights=own[:37])
        huber = swiftrnn.huber_loss(x, -x, delta=0.3)
        updated = [weight.copy() for _ in range(4)]
        swiftrnn.SGD(updated[0], 0.1, momentum=0.9).step(gradients.weight)
        swiftrnn.Adam(updated[1]).step(gradients.weight)
        swiftrnn.AdamW(updated[2]).step(gradients.weight)
        swiftrnn.RMSprop(updated[3], centered=True, momentum=0.5).step(gradients.weight)
        samples = swiftrnn.sample(logits, temperature=0.7, top_k=50, top_p=0.9, seed=3, position=0)
        scalars = np.array([loss, perplexity, norm, weighted.loss, fused.loss, binary.loss, huber.loss])
        return [
            network.flat, hidden, *as_list(stream.state), looked_up, embedded, logits, dlogits, gradients.x,
            gradients.weight, gradients.bias, weighted.dlogits, fused.x, fused.weight, binary.gradient, huber.gradient,
            *updated, samples, scalars, *around(given),
        ]  # fmt: skip

    expected = compute()
    assert_same_bits(under(control, control.mode(mode_index), compute), expected)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_subnormal_inputs_count_as_zeros(cell: str, dtype: str) -> None:
    case = make(cell, dtype, SIZES[0])
    data, network = case.data(), case.network()
    small = np.random.default_rng(0).random(data.x.shape) < 0.3
    data.x[small] = np.finfo(dtype).smallest_subnormal * 1000
    with_subnormals = ours(case, data, network)
    data.x[small] = 0
    for (name, x), (_, y) in zip(with_subnormals.items(), ours(case, data, network).items()):
        assert_same_bits(x, y, name)
        assert not ((x != 0) & (np.abs(x) < np.finfo(dtype).tiny)).any(), f"{name} has subnormal results"
