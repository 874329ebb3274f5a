"""What optimizers keep between steps: checkpoints, and the tapes that a step makes stale."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
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
    with pytest.raises(ValueError, match=r"first.0: expected shape \[3\], got \[2\]"):
        optimizer.load_state_dict({"steps": 1, "first.0": np.ones(2), "second.0": np.ones(3)})
    assert optimizer.steps == 0


def test_a_checkpoint_holds_the_settings() -> None:
    for name, (make, make_torch, options) in OPTIMIZERS.items():
        optimizer = make(np.ones(3), **options)
        optimizer.step(np.ones(3))
        state, fresh = optimizer.state_dict(), make(np.ones(3))
        # torch's groups hold more: what it offers and this library does not.
        theirs = make_torch([torch.nn.Parameter(torch.ones(3))], **options).state_dict()["param_groups"][0]
        assert {key: state[key].tolist() for key in optimizer._settings} == {
            key: list(theirs[key]) if key == "betas" else theirs[key] for key in optimizer._settings
        }
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
    with pytest.raises(ValueError, match=r"missing \['second.0'\], unexpected \['first.1'\]"):
        swiftrnn.Adam(np.ones(3)).load_state_dict({"steps": 1, "first.0": np.ones(3), "first.1": np.ones(3)})


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


def by_savez(state: Any, path: Path) -> Any:
    np.savez(path, **state)
    return np.load(path)


def by_savez_compressed(state: Any, path: Path) -> Any:
    np.savez_compressed(path, **state)
    return dict(np.load(path))


def by_safetensors(state: Any, path: Path) -> Any:
    safetensors.numpy.save_file(state, path)
    return safetensors.numpy.load_file(path)


def by_pickle(state: Any, path: Path) -> Any:
    path.write_bytes(pickle.dumps(state))
    return pickle.loads(path.read_bytes())


@pytest.mark.parametrize("save", [by_savez, by_savez_compressed, by_safetensors, by_pickle])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_checkpoint_of_several_parameters(name: str, save: Any, tmp_path: Path) -> None:
    make, _, options = OPTIMIZERS[name]

    def start(seed: int) -> list[Any]:
        rng = np.random.default_rng(seed)
        # Some of the same shape, an empty one, both types.
        arrays = [rng.standard_normal(shape) for shape in [(3, 2), (7,), (3, 2), (0,)]]
        return [swiftrnn.GRU(3, 4, seed=seed), *arrays, np.ones(5, np.float32)]

    def step(optimizer: Any, seed: int) -> None:
        rng = np.random.default_rng(seed)
        optimizer.step([rng.standard_normal(array.shape).astype(array.dtype) for array in optimizer._arrays()])

    trained, others = start(0), start(1)
    optimizer = make(trained, **options)
    for seed in range(3):
        step(optimizer, seed)
    state = optimizer.state_dict()
    assert all(type(value) is np.ndarray and value.dtype != object for value in state.values())
    resumed = make(others)
    resumed.load_state_dict(save(state, tmp_path / "optimizer.npz"))
    others[0].load_state_dict(save(trained[0].state_dict(), tmp_path / "network.npz"))
    for mine, theirs in zip(others[1:], trained[1:]):
        mine[...] = theirs
    assert repr(resumed).partition("lr=")[2] == repr(optimizer).partition("lr=")[2]
    for seed in (3, 4):
        step(optimizer, seed)
        step(resumed, seed)
    for mine, theirs in zip(resumed._arrays(), optimizer._arrays()):
        assert_same_bits(mine, theirs)


def test_a_checkpoint_of_other_parameters_is_refused(tmp_path: Path) -> None:
    optimizer = swiftrnn.Adam([np.ones(3), np.ones(2)])
    optimizer.step([np.ones(3), np.ones(2)])
    state, before = optimizer.state_dict(), repr(optimizer.state_dict())
    for wrong, message in (
        ({name: value for name, value in state.items() if name != "second.1"}, r"missing \['second.1'\]"),
        ({**state, "first.2": np.ones(2)}, r"unexpected \['first.2'\]"),
        ({**state, "first.1": np.ones(3)}, r"first.1: expected shape \[2\], got \[3\]"),
        (swiftrnn.Adam(np.ones(3)).state_dict(), r"missing \['first.1', 'second.1'\]"),
        (swiftrnn.SGD([np.ones(3), np.ones(2)], momentum=0.5).state_dict(), "unexpected .*'velocities.0'"),
    ):
        with pytest.raises(ValueError, match=message):
            optimizer.load_state_dict(by_savez(wrong, tmp_path / "state.npz"))
        assert repr(optimizer.state_dict()) == before
    half = swiftrnn.SGD([np.ones(3), np.ones(2)], momentum=0.5)
    with pytest.raises(ValueError, match=r"missing \['velocities.1'\]"):
        half.load_state_dict({name: value for name, value in half.state_dict().items() if name != "velocities.1"})


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


def test_checkpoints_of_rmsprop_need_the_squares_and_not_what_is_not_there_yet() -> None:
    gradient = np.array([1.0, -2.0])

    def make(**options: Any) -> tuple[np.ndarray, swiftrnn.RMSprop]:
        array = np.array([3.0, 4.0])
        return array, swiftrnn.RMSprop(array, lr=0.1, **options)

    for options in (dict(), dict(momentum=0.9), dict(centered=True), dict(momentum=0.9, centered=True)):
        p, optimizer = make(**options)
        optimizer.step(gradient)
        q, other = make()
        q[:] = p
        other.load_state_dict(optimizer.state_dict())
        optimizer.step(gradient), other.step(gradient)
        assert p.tolist() == q.tolist() and other.state_dict().keys() == optimizer.state_dict().keys()
    state = make()[1].state_dict()
    assert list(state) == ["steps", "lr", "alpha", "eps", "weight_decay", "momentum", "centered", "squares.0"]
    with pytest.raises(ValueError, match=r"missing \['squares.0'\]"):
        make()[1].load_state_dict({name: value for name, value in state.items() if name != "squares.0"})
    p, optimizer = make()
    optimizer.step(gradient)
    optimizer.momentum, optimizer.centered = 0.5, True
    optimizer.step(gradient)
    assert np.isfinite(p).all()
