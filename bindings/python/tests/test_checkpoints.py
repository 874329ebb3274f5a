"""What optimizers keep between steps: checkpoints, and the tapes that a step makes stale."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import swiftrnn
from optimizer_cases import OPTIMIZERS
from torch_reference import assert_same_bits


def test_checkpoint() -> None:
    for name, (make, _, options) in OPTIMIZERS.items():
        rng = np.random.default_rng(0)
        gradients = rng.standard_normal((6, 20))
        straight, resumed = np.ones(20), np.ones(20)
        optimizer, first = make(straight, **options), make(resumed, **options)
        for gradient in gradients:
            optimizer.step(gradient)
        for gradient in gradients[:3]:
            first.step(gradient)
        second = make(resumed, **options)
        second.load_state_dict(first.state_dict())
        for gradient in gradients[3:]:
            second.step(gradient)
        assert_same_bits(resumed, straight, name)
    optimizer = swiftrnn.Adam(np.ones(3))
    with pytest.raises(ValueError, match="state dict"):
        optimizer.load_state_dict({"steps": 1})
    with pytest.raises(ValueError, match=r"first\[0\]: expected shape \[3\], got \[2\]"):
        optimizer.load_state_dict({"steps": 1, "first": [np.ones(2)], "second": [np.ones(3)]})
    assert optimizer.steps == 0


def test_a_checkpoint_holds_the_settings() -> None:
    for name, (make, make_torch, options) in OPTIMIZERS.items():
        optimizer = make(np.ones(3), **options)
        optimizer.step(np.ones(3))
        state, fresh = optimizer.state_dict(), make(np.ones(3))
        # torch's groups hold more: what it offers and this library does not.
        theirs = make_torch([torch.nn.Parameter(torch.ones(3))], **options).state_dict()["param_groups"][0]
        assert {key: state[key] for key in optimizer._settings} == {key: theirs[key] for key in optimizer._settings}
        fresh.load_state_dict(state)
        assert repr(fresh) == repr(optimizer), name
        for ours, theirs in zip(fresh._moments().values(), optimizer._moments().values()):
            assert_same_bits(ours, theirs, name)
            assert not any(np.shares_memory(a, b) for a, b in zip(ours, theirs))
        fresh.lr = 0.125
        del state["lr"]
        fresh.load_state_dict(state)
        assert fresh.lr == 0.125, "what is left out stays"
        with pytest.raises(ValueError, match=r"state dict: missing \[\], unexpected \['rate'\]"):
            fresh.load_state_dict({**state, "rate": 1.0})
    with pytest.raises(ValueError, match="first: expected 1 arrays, got 0"):
        swiftrnn.Adam(np.ones(3)).load_state_dict({"steps": 1, "first": [], "second": []})


@pytest.mark.parametrize("name", ["sgd", "momentum", "adam", "adamw"])
def test_checkpoint_by_savez(name: str, tmp_path: Path) -> None:
    make, _, options = OPTIMIZERS[name]
    rng = np.random.default_rng(1)
    gradients = rng.standard_normal((6, 50))
    parameter = rng.standard_normal(50)
    optimizer = make(parameter, **options)
    for gradient in gradients[:3]:
        optimizer.step(gradient)
    np.savez(tmp_path / "checkpoint.npz", **optimizer.state_dict())
    other = parameter.copy()
    resumed = make(other)
    resumed.load_state_dict(np.load(tmp_path / "checkpoint.npz"))
    assert repr(resumed) == repr(optimizer)
    for gradient in gradients[3:]:
        optimizer.step(gradient)
        resumed.step(gradient)
    assert_same_bits(other, parameter)


@pytest.mark.parametrize("name", ["sgd", "nesterov", "adam", "adamw"])
def test_checkpoint_of_a_network_by_savez(name: str, tmp_path: Path) -> None:
    make, _, options = OPTIMIZERS[name]
    network = swiftrnn.GRU(3, 4, seed=0)
    optimizer = make(network, **options)
    optimizer.step(np.ones_like(network.flat))
    np.savez(tmp_path / "network.npz", **network.state_dict())
    np.savez(tmp_path / "optimizer.npz", **optimizer.state_dict())
    other = swiftrnn.GRU(3, 4, seed=1)
    resumed = make(other)
    other.load_state_dict(np.load(tmp_path / "network.npz"))
    resumed.load_state_dict(np.load(tmp_path / "optimizer.npz"))
    assert repr(resumed) == repr(optimizer)
    for trained, by in ((network, optimizer), (other, resumed)):
        by.step(np.ones_like(trained.flat))
    assert_same_bits(other.flat, network.flat)


@pytest.mark.parametrize("of", ["network", "flat", "named", "one of them"])
def test_a_step_makes_tapes_stale(of: str) -> None:
    network = swiftrnn.GRU(3, 4, seed=0)
    y, _, tape = network.forward(np.ones((5, 2, 3), np.float32))
    gradients = tape.backward(y)
    named = list(network.parameters.values())
    parameters, given = {
        "network": (network, gradients),
        "flat": (network.flat, gradients.flat),
        "named": (named, list(gradients.parameters.values())),
        "one of them": (named[1], gradients.parameters["weight_hh_l0"]),
    }[of]
    optimizer = swiftrnn.SGD(parameters)
    tape.backward(y)
    optimizer.step(given)
    with pytest.raises(swiftrnn.SwiftRNNError, match="have changed"):
        tape.backward(y)


@pytest.mark.parametrize("state", ["x.npz", None, [1, 2]])
def test_a_state_is_a_mapping(state: Any) -> None:
    network = swiftrnn.GRU(3, 4)
    for owner in (network, swiftrnn.Adam(network)):
        with pytest.raises(TypeError, match=f"^state: expected a mapping .* got {type(state).__name__}$"):
            owner.load_state_dict(state)
