"""bindings/c/stream: the same bits as Python's, for networks that Python saved, and a message for everything else."""

import os
import subprocess
import sys
import unittest.mock

import numpy as np
import pytest
import safetensors.torch
import torch
from conftest import ROOT
from safetensors.numpy import save_file

# This tree's package and library, for this module only.
LIBRARY = os.environ.get("SWIFTRNN_LIBRARY", str(ROOT / "build/release/libswiftrnn.so"))
sys.path.insert(0, str(ROOT / "bindings/python"))
with unittest.mock.patch.dict(os.environ, SWIFTRNN_LIBRARY=LIBRARY):
    import swiftrnn

C = ROOT / "bindings/c"
NETWORKS = {
    "lstm": [
        lambda: swiftrnn.LSTM(1, 32, proj_size=1, seed=0),
        lambda: swiftrnn.LSTM(3, 5, num_layers=3, bias=False, seed=1),
        lambda: swiftrnn.LSTM(2, 7, num_layers=2, proj_size=4, seed=2),
    ],
    "gru": [lambda: swiftrnn.GRU(1, 16, seed=3), lambda: swiftrnn.GRU(4, 3, num_layers=2, seed=4)],
    "gru_reset_before": [lambda: swiftrnn.GRU(2, 6, reset_after=False, seed=5)],
    "rnn_tanh": [lambda: swiftrnn.RNN(2, 8, seed=6)],
    "rnn_relu": [lambda: swiftrnn.RNN(2, 8, nonlinearity="relu", bias=False, seed=7)],
}


@pytest.fixture(scope="module")
def stream(tmp_path_factory):
    """A program of this tree's header and library."""
    folder = tmp_path_factory.mktemp("stream")
    for name in ("libswiftrnn.so", "libswiftrnn.so.0"):
        (folder / name).symlink_to(LIBRARY)
    flags = ["-std=c11", "-O1", "-Wall", "-Wextra", "-Wpedantic", "-Werror", f"-I{ROOT / 'include'}"]
    link = [f"-L{folder}", "-lswiftrnn", f"-Wl,-rpath,{folder}"]
    subprocess.run(["cc", *flags, C / "stream.c", "-o", folder / "stream", *link], check=True)

    def stream(*arguments, x: bytes = b"", **options) -> subprocess.CompletedProcess:
        command = [folder / "stream", *arguments]
        options = options or {"capture_output": True}
        return subprocess.run(command, input=x, check=False, timeout=60, **options)

    return stream


@pytest.mark.parametrize("cell, make", [(cell, make) for cell, makers in NETWORKS.items() for make in makers])
def test_bits_are_pythons(stream, tmp_path, cell, make):
    network, path = make(), tmp_path / "model.safetensors"
    save_file(network.state_dict(), path, metadata={"cell": cell})
    x = np.random.default_rng(1).uniform(-1, 1, (1000, 1, network.input_size)).astype(np.float32)
    expected = network(x)[0].tobytes()
    for arguments in (), ("1",), ("7",), ("1000",), ("1048576",):
        result = stream(path, *arguments, x=x.tobytes())
        assert result.returncode == 0 and result.stderr == b""
        assert result.stdout == expected, arguments
    assert stream(path).stdout == b""


def test_torchs_file(stream, tmp_path):
    """Saved by torch, read in C: the same bits as in Python, and torch's numbers."""
    module, path = torch.nn.LSTM(2, 12, num_layers=2), tmp_path / "model.safetensors"
    safetensors.torch.save_file(module.state_dict(), path, metadata={"cell": "lstm"})
    lstm = swiftrnn.LSTM(2, 12, num_layers=2)
    lstm.load_state_dict({name: tensor.numpy() for name, tensor in module.state_dict().items()})
    x = np.random.default_rng(2).uniform(-1, 1, (100, 1, 2)).astype(np.float32)
    y = np.frombuffer(stream(path, x=x.tobytes()).stdout, np.float32).reshape(100, 1, 12)
    assert (y == lstm(x)[0]).all()
    with torch.no_grad():
        assert np.abs(y - module(torch.from_numpy(x))[0].numpy()).max() < 3e-5


def test_the_program_is_short():
    assert (C / "stream.c").read_text().count("\n") < 80, "README.md and docs/c.md say so"


def test_misuse(stream, tmp_path):
    state = swiftrnn.LSTM(1, 4, seed=0).state_dict()

    def saved(metadata={"cell": "lstm"}, **changes):
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.safetensors"
        tensors = {name: array for name, array in {**state, **changes}.items() if array is not None}
        save_file(tensors, path, metadata=metadata)
        return path

    path = saved()
    both = swiftrnn.LSTM(1, 4, bidirectional=True).state_dict()
    (tmp_path / "text").write_text("no model")
    (tmp_path / "cut").write_bytes(path.read_bytes()[:-1])
    cases = [
        ((), "usage: stream MODEL.safetensors [STEPS in 1 ... 1048576] < x > y"),
        *[((path, steps), "usage: ") for steps in ("0", "-1", "", "x", "1x", "1048577", "9" * 30)],
        ((path, "1", "2"), "usage: "),
        ((tmp_path / "nowhere",), f"file: {tmp_path}/nowhere: No such file or directory"),
        ((tmp_path,), f"file: {tmp_path}: is not a regular file"),
        ((tmp_path / "text",), f"{tmp_path}/text: not a safetensors file, or "),
        ((tmp_path / "cut",), f"{tmp_path}/cut: the file ends 1 bytes early"),
        ((saved(None),), 'metadata "cell" must be'),
        ((saved({"cell": "LSTM"}),), 'metadata "cell" must be'),
        ((saved({"cell": "gru"}),), "tensor weight_ih_l0: has the shape [16, 1], must have [12, 1]"),
        ((saved(weight_ih_l0=None),), "no matrices weight_ih_l0, weight_hh_l0"),
        ((saved(weight_hh_l0=np.zeros(16, np.float32)),), "no matrices weight_ih_l0, weight_hh_l0"),
        ((saved(bias_hh_l0=None),), "the tensor bias_hh_l0 is missing"),
        ((saved(bias_hh_l0=np.zeros(16)),), "tensor bias_hh_l0: is of F64, must be of F32"),
        ((saved(bias_hh_l0=np.zeros((16, 1), np.float32)),), "has the shape [16, 1], must have [16]"),
        ((saved(bias_hh_l0=np.zeros((1, 4, 4), np.float32)),), "has the shape [1, 4, 4], must have [16]"),
        ((saved(weight_hh_l0=np.zeros((0, 0), np.float32)),), "no matrices"),
        ((saved(head=np.zeros(3, np.float32)),), "the tensor head is none of the network's"),
        ((saved(**both),), "_reverse is none of the network's"),
        ((saved(**{"weight_ih_l1": np.zeros((16, 4), np.float32)}),), "the tensor weight_hh_l1 is missing"),
        ((saved(weight_hr_l0=np.zeros((4, 4), np.float32)),), "invalid size: projection_size"),
    ]  # fmt: skip
    for arguments, message in cases:
        result = stream(*arguments, x=bytes(16))
        error = result.stderr.decode()
        assert result.returncode == 1 and not result.stdout, (arguments, error)
        assert error.startswith("stream: ") and error.count("\n") == 1 and message in error, (arguments, error)
    for size in (1, 2, 3, 5, 4097):
        result = stream(path, x=bytes(size))
        assert result.returncode == 1 and result.stderr == b"stream: standard input: ends inside a step\n"
    with open("/dev/full", "wb") as full:
        result = stream(path, x=bytes(400), stdout=full, stderr=subprocess.PIPE)
        assert result.returncode == 1 and result.stderr == b"stream: standard output: can't be written\n"
