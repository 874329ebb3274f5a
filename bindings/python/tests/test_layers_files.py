"""Dictionaries and safetensors files of layers by name: torch's names, strict or not, prefixes, files that are none."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import torch

import swiftrnn
from layers_cases import layers
from torch_reference import assert_same_bits


class Module(torch.nn.Module):
    """The same parameters in torch."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = torch.nn.Embedding(9, 4)
        self.encoder = torch.nn.LSTM(4, 5, bidirectional=True)
        self.output = torch.nn.Linear(10, 2)


def test_dictionaries_are_torchs() -> None:
    module, model = Module(), layers()
    theirs = {name: tensor.numpy() for name, tensor in module.state_dict().items()}
    with pytest.raises(ValueError, match=r"missing \['pool.weight', 'pool.bias', 'pool.query'\], unexpected \[\]"):
        model.load_state_dict(theirs)
    done = model.load_state_dict(theirs, strict=False)
    assert done.missing_keys == ["pool.weight", "pool.bias", "pool.query"] and done.unexpected_keys == []
    x = np.random.default_rng(0).integers(0, 9, (6, 3))
    expected = module.output(module.encoder(module.embedding(torch.from_numpy(x)))[0]).detach().numpy()
    found = model["output"](model["encoder"](model["embedding"](x))[0])
    assert np.abs(found - expected).max() < 1e-5
    saved = {name: torch.from_numpy(array) for name, array in model.state_dict().items() if "pool" not in name}
    module.load_state_dict(saved, strict=True)
    encoder = swiftrnn.LSTM(4, 5, bidirectional=True, seed=9)
    encoder.load_state_dict(theirs, prefix="encoder.")
    assert_same_bits(encoder.flat, model["encoder"].flat)
    model.initialize(5)
    model.load_state_dict({f"module.{name}": array for name, array in theirs.items()}, False, "module.")
    assert_same_bits(encoder.flat, model["encoder"].flat)
    before = model.flat.copy()
    with pytest.raises(ValueError, match=r"output.bias: expected shape \[2\], got \[3\]"):
        model.load_state_dict({**theirs, "output.bias": np.zeros(3, np.float32)}, strict=False)
    assert_same_bits(model.flat, before, "nothing is copied unless all fits")


def test_files(tmp_path: Path) -> None:
    model, other, path = layers("float64"), layers("float64", seed=1), tmp_path / "model.safetensors"
    model.save(path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["model.safetensors"]
    contents = safetensors.numpy.load_file(path)
    assert sorted(contents) == sorted(model.parameters)
    assert_same_bits([contents[name] for name in model.parameters], list(model.parameters.values()))
    assert other.load(path) == ([], [])
    assert_same_bits(other.flat, model.flat)
    encoder = swiftrnn.LSTM(4, 5, bidirectional=True, dtype="float64")
    encoder.load(str(path), prefix="encoder.")
    assert_same_bits(encoder.flat, model["encoder"].flat)
    encoder.save(path)  # replaces it
    assert sorted(model.load(path, strict=False).unexpected_keys) == sorted(encoder.parameters)
    with pytest.raises(ValueError, match=r"missing \['embedding.weight'"):
        model.load(path)
    with pytest.raises(TypeError, match="weight_ih_l0: expected float32, got float64"):
        swiftrnn.LSTM(4, 5, bidirectional=True).load(path)


def test_files_that_are_none(tmp_path: Path) -> None:
    model, path = layers(), tmp_path / "model.safetensors"
    before = model.flat.copy()
    model.save(path)
    good = path.read_bytes()
    for wrong in (b"", b"x" * 100, good[:-1], good[:40], good + b"x"):
        path.write_bytes(wrong)
        with pytest.raises(ValueError, match="model.safetensors: no safetensors file that numpy can hold"):
            model.load(path)
    with pytest.raises(FileNotFoundError):
        model.load(tmp_path / "none")
    with pytest.raises(FileNotFoundError):
        model.save(tmp_path / "none" / "model.safetensors")
    assert_same_bits(model.flat, before)


def test_a_file_that_cannot_be_replaced_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, path = layers(), tmp_path / "model.safetensors"
    model.save(path)
    before = path.read_bytes()
    model.initialize(3)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        model.save(path)
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1


def test_without_the_package_safetensors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "safetensors", None)
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    for use in (layers().save, layers().load):
        with pytest.raises(ImportError, match="need the package safetensors: pip install safetensors.*np.savez"):
            use(tmp_path / "model.safetensors")
    assert list(tmp_path.iterdir()) == []
    importlib.import_module("swiftrnn")
