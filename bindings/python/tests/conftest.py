"""The tests run against the installed package; where none is installed, against the sources beside them."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable

import pytest

if importlib.util.find_spec("swiftrnn") is None:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import swiftrnn  # noqa: E402

TESTS = Path(__file__).resolve().parent


@pytest.fixture
def run_python() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a program text in a fresh interpreter that sees the same package and the tests' own modules."""

    def run(program: str, *, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
        package = str(Path(swiftrnn.__file__).resolve().parent.parent)
        variables: dict[str, Any] = {**os.environ, "PYTHONPATH": os.pathsep.join([package, str(TESTS)]), **environment}
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, timeout=240, env=variables
        )
        if check:
            assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    return run


@pytest.fixture
def default_threads() -> Any:
    """Puts the process's thread count back to its default after the test."""
    yield
    swiftrnn.set_num_threads(0)
