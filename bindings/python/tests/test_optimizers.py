"""The optimizers, step by step against torch in float64; their settings; and a network that learns."""

from __future__ import annotations

import collections
import copy
import math
import pickle
from typing import Any, Callable

import numpy as np
import pytest
import torch

import swiftrnn
from optimizer_cases import OPTIMIZERS, TYPES
from torch_reference import assert_same_bits
from workers import check_helpers

TOLERANCE = {"float64": 1e-12, "float32": 3e-6}
SIZES = [1, 7, 64, 4097, 10000]


@TYPES
@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("size", SIZES)
def test_against_torch(dtype: str, name: str, size: int) -> None:
    make, make_torch, options = OPTIMIZERS[name]
    rng = np.random.default_rng(size)
    mine = rng.standard_normal(size).astype(dtype)
    theirs = torch.nn.Parameter(torch.from_numpy(mine.astype(np.float64)))
    optimizer, reference = make(mine, **options), make_torch([theirs], **options)
    for step in range(8):
        gradient = rng.standard_normal(size).astype(dtype)
        if step == 4:  # a schedule
            optimizer.lr = reference.param_groups[0]["lr"] = options["lr"] / 3
        theirs.grad = torch.from_numpy(gradient.astype(np.float64))
        optimizer.step(gradient)
        reference.step()
        scale = max(1.0, float(theirs.detach().abs().max()))
        error = float(np.abs(mine - theirs.detach().numpy()).max())
        assert error <= TOLERANCE[dtype] * scale * (step + 1), (step, error)
    assert optimizer.steps == 8


@TYPES
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_bits_do_not_depend_on_threads_or_on_cutting_the_vector(dtype: str, name: str, default_threads: None) -> None:
    make, _, options = OPTIMIZERS[name]
    rng = np.random.default_rng(0)
    size = 300_001
    start, gradients = rng.standard_normal(size).astype(dtype), rng.standard_normal((3, size)).astype(dtype)

    def run(threads: int, cuts: list[int]) -> np.ndarray:
        swiftrnn.set_num_threads(threads)
        vector = start.copy()
        bounds = list(zip([0, *cuts], [*cuts, len(vector)]))
        optimizer = make([vector[a:b] for a, b in bounds], **options)
        for gradient in gradients[:2]:
            optimizer.step([gradient[a:b] for a, b in bounds])
        check_helpers(lambda: optimizer.step([gradients[2][a:b] for a, b in bounds]), threads)
        return vector

    expected = run(1, [])
    for threads, cuts in ((2, []), (3, []), (8, []), (1, [7, 200_000]), (2, [1, 4096, 4099])):
        assert_same_bits(run(threads, cuts), expected, (threads, cuts))


def test_optimizer_errors() -> None:
    network = swiftrnn.GRU(3, 4, seed=0)
    before = network.flat.copy()
    optimizer = swiftrnn.Adam([network, np.ones(3, np.float32)])
    with pytest.raises(ValueError, match="gradients: expected 2, got 1"):
        optimizer.step([np.zeros_like(network.flat)])
    with pytest.raises(TypeError, match=r"gradients\[1\]: expected float32, got float64"):
        optimizer.step([np.ones_like(network.flat), np.ones(3)])
    with pytest.raises(ValueError, match=r"gradients\[1\]: expected shape \[3\], got \[4\]"):
        optimizer.step([np.ones_like(network.flat), np.ones(4, np.float32)])
    assert_same_bits(network.flat, before, "nothing has changed")
    assert optimizer.steps == 0
    with pytest.raises(ValueError, match=r"parameters\[0\]: expected a C-contiguous"):
        swiftrnn.SGD(np.ones(6)[::2])
    with pytest.raises(TypeError, match=r"parameters\[0\]: expected float32 or float64, got int64"):
        swiftrnn.SGD(np.ones(3, np.int64))
    y, _, tape = network.forward(np.zeros((2, 1, 3), np.float32))
    for wrong in (tape, [tape, tape]):
        with pytest.raises(TypeError, match=r"gradients\[0\]: expected Gradients or an array, got Tape: tape.backward"):
            swiftrnn.Adam(network if wrong is tape else [network, swiftrnn.GRU(3, 4)]).step(wrong)
    for wrong in (3, "ab", tape.backward(y).parameters):
        with pytest.raises(TypeError, match="gradients: expected Gradients, an array, or a sequence of them, got"):
            optimizer.step(wrong)
    for wrong in (network.parameters, network.state_dict(), 3, "ab", None):
        with pytest.raises(TypeError, match=f"parameters: pass the network, or arrays.*; got {type(wrong).__name__}"):
            swiftrnn.Adam(wrong)
    with pytest.raises(ValueError, match="parameters: there are none to optimize"):
        swiftrnn.Adam([])
    with pytest.raises(TypeError, match=r"parameters\[0\]: .* \(nothing is cast: it is written in place"):
        swiftrnn.Adam(np.ones(3, int))
    frozen_later = np.ones(3)
    optimizer = swiftrnn.SGD(frozen_later)
    frozen_later.flags.writeable = False
    with pytest.raises(ValueError, match=r"parameters\[0\]: the array is read-only"):
        optimizer.step(np.ones(3))


@pytest.mark.parametrize("kind", [swiftrnn.SGD, swiftrnn.Adam])
def test_parameters_that_share_memory(kind: Callable[..., Any]) -> None:
    network, table = swiftrnn.GRU(3, 4, seed=0), np.ones((5, 3))
    for given, pair in (
        ([table, table], (0, 1)),
        ([np.ones(2), network, np.ones(3), network], (1, 3)),
        ([network.flat, network], (0, 1)),
        ([network.parameters["bias_hh_l0"], np.ones(3), network], (0, 2)),
        ([table[2:], table[:3]], (0, 1)),
        ([table, np.ones(3), torch.from_numpy(table[4]).numpy()], (0, 2)),
    ):
        with pytest.raises(ValueError, match=r"^parameters\[%d\] and parameters\[%d\] share memory: .* twice" % pair):
            kind(given)
    kind([table[:2], table[2:3], table[3:], table[:0], network])
    # The gradients of two parameters may be one array, as those of a sum are: they are only read.
    both = [np.ones(3), np.ones(3)]
    kind(both, lr=0.5).step([np.ones(3)] * 2)
    assert_same_bits(both[0], both[1])


SETTINGS: list[tuple[Callable[..., Any], str, Any, type, str]] = [
    *[(make, name, -0.1, ValueError, rf"^{name}: -0.1 is outside \[0, inf\)$")
      for make in (swiftrnn.SGD, swiftrnn.Adam, swiftrnn.AdamW) for name in ("lr", "weight_decay")],
    (swiftrnn.SGD, "momentum", -1, ValueError, r"^momentum: -1.0 is outside \[0, inf\)$"),
    (swiftrnn.SGD, "momentum", "0.9", TypeError, "^momentum: expected a number, got str$"),
    (swiftrnn.SGD, "lr", True, TypeError, "^lr: expected a number, got bool$"),
    (swiftrnn.SGD, "lr", None, TypeError, "^lr: expected a number, got NoneType$"),
    (swiftrnn.SGD, "lr", np.ones(1), TypeError, "^lr: expected a number, got ndarray$"),
    (swiftrnn.SGD, "lr", np.array(True), TypeError, "^lr: expected a number, got bool_?$"),
    (swiftrnn.SGD, "lr", np.array("0.5"), TypeError, "^lr: expected a number, got str_$"),
    (swiftrnn.SGD, "lr", math.nan, ValueError, "^lr: nan is outside"),
    (swiftrnn.SGD, "lr", math.inf, ValueError, "^lr: inf is outside"),
    (swiftrnn.SGD, "lr", 10**400, ValueError, "^lr: the number is too large"),
    (swiftrnn.SGD, "nesterov", "no", TypeError, "^nesterov: expected a bool, got str$"),
    (swiftrnn.Adam, "eps", -1e-8, ValueError, "^eps: -1e-08 is outside"),
    (swiftrnn.Adam, "betas", (1.0, 0.9), ValueError, r"^betas\[0\]: 1.0 is outside \[0, 1\)$"),
    (swiftrnn.AdamW, "betas", (0.9, -0.1), ValueError, r"^betas\[1\]: -0.1 is outside \[0, 1\)$"),
    (swiftrnn.Adam, "betas", 0.9, TypeError, "^betas: expected a pair of numbers, got float$"),
    (swiftrnn.Adam, "betas", "ab", TypeError, "^betas: expected a pair of numbers, got str$"),
    (swiftrnn.Adam, "betas", {0: 0.9, 1: 0.9}, TypeError, "^betas: expected a pair of numbers, got dict$"),
    (swiftrnn.Adam, "betas", (0.9,), TypeError, "^betas: expected a pair of numbers, got 1 items$"),
    (swiftrnn.Adam, "betas", ("0.9", 0.99), TypeError, r"^betas\[0\]: expected a number, got str$"),
]  # fmt: skip


@pytest.mark.parametrize(
    "make, name, wrong, error, message",
    SETTINGS,
    ids=[f"{make.__name__} {name} {i}" for i, (make, name, *_) in enumerate(SETTINGS)],
)
def test_settings_are_checked_where_they_are_set(
    make: Callable[..., Any], name: str, wrong: Any, error: type, message: str
) -> None:
    with pytest.raises(error, match=message):
        make(np.ones(3), **{name: wrong})
    optimizer = make(np.ones(3))
    before = getattr(optimizer, name)
    with pytest.raises(error, match=message):
        setattr(optimizer, name, wrong)
    assert getattr(optimizer, name) == before
    saved = optimizer.state_dict()
    with pytest.raises(error, match=message):
        optimizer.load_state_dict({**saved, "steps": 5, name: wrong})
    assert repr(optimizer.state_dict()) == repr(saved), "nothing has changed"


@pytest.mark.parametrize(
    "name, meant",
    [("learning_rate", "lr"), ("rate", "lr"), ("weightdecay", "weight_decay"), ("beta1", "betas"), ("beta", "betas"),
     ("epsilon", "eps"), ("epochs", None), ("note", None), ("_own", None)],
)  # fmt: skip
def test_a_mistyped_setting_is_refused(name: str, meant: str | None) -> None:
    """It would be set, and never looked at. Attributes that resemble none may be added."""
    for make in (swiftrnn.Adam, swiftrnn.AdamW):
        optimizer = make(np.ones(3))
        if meant is None:
            setattr(optimizer, name, 0.5)
            for twin in (optimizer, copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer))):
                assert getattr(twin, name) == 0.5
            continue
        with pytest.raises(AttributeError, match=f"^{make.__name__} has no attribute '{name}'; did you mean '{meant}'"):
            setattr(optimizer, name, 0.5)
        assert not hasattr(optimizer, name)


@pytest.mark.parametrize("steps", [-1, 2**63])
def test_numbers_of_steps_that_do_not_exist(steps: int) -> None:
    optimizer = swiftrnn.Adam(np.ones(3))
    with pytest.raises(ValueError, match=f"steps: {steps} is outside 0...{2**63 - 1}$"):
        optimizer.load_state_dict({**optimizer.state_dict(), "steps": steps})


@pytest.mark.parametrize("kind", [swiftrnn.SGD, swiftrnn.Adam])
def test_the_last_step(kind: type) -> None:
    parameter = np.ones(3)
    optimizer = kind(parameter, lr=0.5)
    optimizer.load_state_dict({**optimizer.state_dict(), "steps": 2**63 - 2})
    optimizer.step(np.ones(3))
    after = parameter.copy()
    optimizer.load_state_dict(optimizer.state_dict())
    with pytest.raises(ValueError, match=f"steps: {2**63} is outside 1...{2**63 - 1}$"):
        optimizer.step(np.ones(3))
    assert optimizer.steps == 2**63 - 1 and (parameter == after).all()


def test_settings_of_any_number_type() -> None:
    numbers = dict(lr=np.float32(0.5), betas=[0, np.float64(0.25)], eps=1, weight_decay=np.array(2))
    optimizer = swiftrnn.Adam(np.ones(3), **numbers)
    assert repr(optimizer) == "Adam(float64[3], lr=0.5, betas=(0.0, 0.25), eps=1.0, weight_decay=2.0, steps=0)"
    optimizer.step(np.ones(3))
    pair = swiftrnn.SGD([swiftrnn.GRU(3, 4, bias=False), np.ones((2, 1), np.float32)], lr=1, nesterov=np.True_)
    assert repr(pair) == (
        "SGD([GRU(3, 4, bias=False), float32[2, 1]], lr=1.0, momentum=0.0, weight_decay=0.0, nesterov=True, steps=0)"
    )


@pytest.mark.parametrize("kind", [tuple, list, np.array, collections.deque])
def test_betas_may_be_any_sequence(kind: Callable[..., Any]) -> None:
    assert swiftrnn.Adam(np.ones(3), betas=kind([0.5, 0.25])).betas == (0.5, 0.25)


@TYPES
def test_momentum_may_come_and_go(dtype: str) -> None:
    rng = np.random.default_rng(0)
    mine = rng.standard_normal(50).astype(dtype)
    theirs = torch.nn.Parameter(torch.from_numpy(mine.astype(np.float64)))
    optimizer, reference = swiftrnn.SGD(mine, lr=0.1), torch.optim.SGD([theirs], lr=0.1)
    for step, momentum in enumerate((0, 0, 0.9, 0.9, 0.5, 0, 0, 0.9)):
        optimizer.momentum = reference.param_groups[0]["momentum"] = momentum
        if step == 4:  # through a checkpoint, into an optimizer that has no velocity yet
            saved = optimizer.state_dict()
            optimizer = swiftrnn.SGD(mine)
            optimizer.load_state_dict(saved)
            assert (optimizer.lr, optimizer.momentum, optimizer.steps) == (0.1, 0.5, 4)
        gradient = rng.standard_normal(50).astype(dtype)
        theirs.grad = torch.from_numpy(gradient.astype(np.float64))
        optimizer.step(gradient)
        reference.step()
        assert np.abs(mine - theirs.detach().numpy()).max() <= TOLERANCE[dtype] * 4 * (step + 1), step


def test_a_language_model_learns_a_text() -> None:
    """Embedding, LSTM, linear layer, loss, clipping, AdamW, sampling: the loss falls and the text comes back."""
    text = np.frombuffer(b"the quick brown fox jumps over the lazy dog. " * 12, np.uint8)
    letters, ids = np.unique(text, return_inverse=True)
    ids = ids.astype(np.int64)
    vocabulary, width, steps, sequences = len(letters), 16, 15, 6
    rng = np.random.default_rng(0)
    table = (rng.standard_normal((vocabulary, width)) * 0.1).astype(np.float32)
    lstm = swiftrnn.LSTM(width, 64, num_layers=2, dropout=0.1, seed=0)
    head, bias = (rng.standard_normal((vocabulary, 64)) * 0.1).astype(np.float32), np.zeros(vocabulary, np.float32)
    optimizer = swiftrnn.AdamW([table, lstm, head, bias], lr=1e-2)
    losses = []
    for _ in range(150):
        starts = rng.integers(0, len(ids) - steps - 1, sequences)
        inputs = np.stack([ids[s : s + steps] for s in starts], 1)
        targets = np.stack([ids[s + 1 : s + steps + 1] for s in starts], 1)
        y, _, tape = lstm.forward(swiftrnn.embedding(table, inputs))
        loss, dlogits, _ = swiftrnn.cross_entropy(swiftrnn.linear(y, head, bias), targets)
        top = swiftrnn.linear_backward(dlogits, y, head)
        grads = tape.backward(top.x)
        everything = [swiftrnn.embedding_backward(grads.x, inputs, vocabulary), grads, top.weight, top.bias]
        swiftrnn.clip_grad_norm(everything, 5.0)
        optimizer.step(everything)
        losses.append(loss)
    assert losses[0] > 2.5 and np.mean(losses[-10:]) < 0.4, losses[::15]

    prompt, stream = ids[:20], lstm.stream()
    for token in prompt:
        y = stream.step(swiftrnn.embedding(table, np.array([token])))
    written = []
    sampler = swiftrnn.Sampler(temperature=0)
    for _ in range(25):
        token = int(sampler(swiftrnn.linear(y, head, bias))[0])
        written.append(token)
        y = stream.step(swiftrnn.embedding(table, np.array([token])))
    assert letters[written].tobytes() == text[20:45].tobytes()
