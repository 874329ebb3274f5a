"""The demo, run once on a small text with a small model."""

import dataclasses
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEMO = ROOT / "scripts/demo"
SAMPLE = ROOT / "build/demo/c/sample"
PROGRAM = ROOT / "build/release/CharacterLanguageModel"


@dataclasses.dataclass
class Run:
    text: pathlib.Path
    parameters: pathlib.Path
    settings: list[str]
    # Without the sample, which may hold any byte.
    output: str


@pytest.fixture(scope="session")
def run(tmp_path_factory) -> Run:
    scratch = tmp_path_factory.mktemp("demo")
    text, parameters = scratch / "text", scratch / "model.safetensors"
    text.write_bytes((ROOT / "include/swiftrnn.h").read_bytes()[:20_000])
    settings = ["--steps", "60", "--hidden", "24", "--length", "400", "--seed", "7", "--temperature", "1"]
    result = subprocess.run(
        [DEMO, "--text", text, *settings, "--save", parameters], capture_output=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    before, _, after = result.stdout.partition(b"400 bytes, sampled")
    return Run(text, parameters, settings, before.decode() + after[after.rindex(b"\nParameters saved") :].decode())
