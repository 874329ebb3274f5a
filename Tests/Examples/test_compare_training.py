"""Benchmarks/compare_training.py: both libraries train alike; times are not tested."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from conftest import ROOT, environment


@pytest.mark.parametrize("model", ["words", "characters"])
def test_losses_are_torchs(model, tmp_path):
    options = ["--model", model, "--steps", "10", "--held-out", "2000", "--threads", "1", "--output", tmp_path]
    done = subprocess.run(
        [sys.executable, ROOT / "Benchmarks/compare_training.py", *options],
        capture_output=True, text=True, timeout=300, env=environment(),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads((tmp_path / "compare_training.json").read_text())[model]
    ours, torchs = result["losses"]["swiftrnn"], result["losses"]["torch"]
    assert len(ours) == len(torchs) == 11
    assert ours[-1] < ours[0] - 0.5  # both have learned
    assert ours == pytest.approx(torchs, rel=1e-3)
    assert all(seconds > 0 for column in result["seconds"].values() for seconds in column)
    assert (tmp_path / "compare_training.png").read_bytes().startswith(b"\x89PNG")
