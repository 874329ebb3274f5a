"""Runs the examples as their users do: each a process, with --quick."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "Examples/python"


@dataclass(frozen=True)
class Run:
    """An example that has ended: what it printed, and the folder with its pictures."""

    text: str
    folder: Path

    def numbers(self, row: str) -> list[float]:
        """The numbers of the line that begins with `row`, behind that; percent as shares."""
        lines = [line for line in self.text.splitlines() if line.startswith(row)]
        assert len(lines) == 1, f"{len(lines)} lines begin with {row!r}:\n{self.text}"
        words = re.findall(r"-?\d+(?:\.\d+)?(?:e-?\d+)?%?", lines[0][len(row) :])
        return [float(word[:-1]) / 100 if word.endswith("%") else float(word) for word in words]

    def picture(self, name: str) -> None:
        """Checks that a picture was written: a PNG file of some size."""
        found = (self.folder / name).read_bytes()
        assert found.startswith(b"\x89PNG") and len(found) > 5000
        assert f"picture: {self.folder / name}" in self.text


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Run]:
    """Runs an example with --quick, and further arguments."""

    def run(name: str, *arguments: str) -> Run:
        command = [sys.executable, EXAMPLES / name, "--quick", "--no-progress", "--output", tmp_path, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment(), cwd=tmp_path)
        assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return Run(done.stdout, tmp_path)

    return run


def environment() -> dict[str, str]:
    """The environment, with backends of matplotlib that would need a screen left out."""
    return {**os.environ, "MPLBACKEND": "agg", "PYTHONIOENCODING": "utf-8"}
