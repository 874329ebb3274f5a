"""Instruction sets: AVX2 and AVX-512 give the same bits; the baseline, which has no fused multiply-add, is close."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest

import swiftrnn
from torch_reference import assert_same_bits

ALL = ("baseline", "avx2", "avx512")
NEEDS = {"baseline": set(), "avx2": {"avx2", "fma", "bmi2"}, "avx512": {"avx512f", "avx512bw", "avx512vl", "avx512dq"}}


def cpu_has(instruction_set: str) -> bool:
    """By the operating system's word, not by the library's."""
    if instruction_set != "baseline" and platform.machine() != "x86_64":
        return False
    found = re.search(r"^flags\s*:(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return NEEDS[instruction_set] <= set(found.group(1).split() if found else ())


AVAILABLE = [name for name in ALL if cpu_has(name)]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, np.ndarray]]:
    """Each available instruction set's results, from a process of its own."""
    found = {}
    tests, package = Path(__file__).parent, Path(swiftrnn.__file__).resolve().parent.parent
    for name in AVAILABLE:
        path = tmp_path_factory.mktemp("bits") / f"{name}.npz"
        environment = {
            **os.environ, "SWIFTRNN_ISA": name, "PYTHONPATH": os.pathsep.join([str(package), str(tests)])
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, str(tests / "bits_program.py"), name, str(path)], env=environment, capture_output=True,
            text=True, timeout=240,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        with np.load(path) as file:
            found[name] = dict(file)
    return found


@pytest.mark.parametrize("name", AVAILABLE)
def test_each_available_set_agrees_with_the_others_to_rounding_and_fma_sets_bit_for_bit(
    name: str, results: dict[str, dict[str, np.ndarray]]
) -> None:
    mine = results[name]
    assert len(mine) > 500
    for other, theirs in results.items():
        assert mine.keys() == theirs.keys()
        for key, array in mine.items():
            assert np.isfinite(array).all(), key
            if {name, other} <= {"avx2", "avx512"}:
                assert_same_bits(array, theirs[key], f"{name} and {other}: {key}")
            elif array.dtype.kind == "f":
                scale = max(1.0, float(np.abs(array).max(initial=0)))
                tolerance = 3e-5 if "float32" in key else 1e-10
                assert np.abs(array - theirs[key]).max(initial=0) <= tolerance * scale, f"{name} and {other}: {key}"


def test_the_strongest_available_set_is_the_default_and_gives_its_bits(
    results: dict[str, dict[str, np.ndarray]]
) -> None:
    from bits_program import results as compute

    assert swiftrnn.isa() == os.environ.get("SWIFTRNN_ISA", AVAILABLE[-1])
    expected = results[swiftrnn.isa()]
    for key, array in compute().items():
        assert_same_bits(array, expected[key], key)


@pytest.mark.parametrize("name", ["neon", "AVX2", "avx2 "] + [name for name in ALL if name not in AVAILABLE])
def test_an_unknown_or_missing_set_is_an_error_at_the_first_computation(
    name: str, run_python: Callable[..., Any]
) -> None:
    program = """
import numpy as np, swiftrnn
def status(call):
    try:
        call()
    except swiftrnn.SwiftRNNError as error:
        assert "SWIFTRNN_ISA" in error.message, error.message
        return error.status.name
print(status(swiftrnn.isa))
print(status(lambda: swiftrnn.LSTM(3, 4)(np.zeros((2, 1, 3), np.float32))))
print(status(lambda: swiftrnn.linear(np.zeros((2, 3)), np.zeros((4, 3)))))
"""
    assert run_python(program, SWIFTRNN_ISA=name).stdout.split() == ["UNSUPPORTED"] * 3
