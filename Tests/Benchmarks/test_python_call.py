"""Benchmarks/python_call.py times every call of both checkouts and of torch."""

import os
import pathlib
import re
import subprocess
import sys

from swiftrnn import _c as c

ROOT = pathlib.Path(__file__).resolve().parents[2]
CALLS = ["frozen call", "frozen call, with a state", "call", "call, with a state", "step of a stream",
         "step into an array", "forward and backward"]  # fmt: skip


def run(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, str(ROOT / "Benchmarks/python_call.py"), *arguments]
    environment = {**os.environ, "SWIFTRNN_LIBRARY": str(pathlib.Path(c.library._name).resolve())}
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)


def test_it_times_each_call_of_each() -> None:
    for before in ([], ["--before", str(ROOT)]):
        done = run("--rounds", "2", "--milliseconds", "0.5", *before)
        assert done.returncode == 0, done.stderr
        title, header, *lines = done.stdout.splitlines()
        assert header.split() == ["now", *(["before", "ratio"] if before else []), "torch", "ratio"]
        assert [re.split(r"  +", line)[0] for line in lines] == CALLS
        for line in lines:
            ours, *others = map(float, line[28:].split())
            assert ours > 0 and len(others) == (4 if before else 2)
            for theirs, ratio in zip(others[::2], others[1::2]):
                assert abs(ours / theirs - ratio) < 0.01 + 0.02 * ratio


def test_a_folder_that_is_no_checkout_is_refused(tmp_path: pathlib.Path) -> None:
    done = run("--before", str(tmp_path))
    assert done.returncode == 2 and "has no bindings/python/swiftrnn" in done.stderr
