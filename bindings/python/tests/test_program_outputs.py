"""What the program writes: pictures, and a standard output that is full, closed, or of another encoding."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from program_cases import command, environment, run, write_data


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("outputs")
    write_data(made)
    run(made, "train-classifier", "reviews.csv", "--columns", "text,label", "-o", "c.safetensors", "--hidden", 4,
        "--epochs", 1, "-q")  # fmt: skip
    return made


def test_a_plot_without_matplotlib_is_refused_before_the_training(folder: Path) -> None:
    done = run(folder, "train-lm", "text.txt", "-o", "p.safetensors", "--plot", "p.png", status=2, without="matplotlib")
    assert done.stderr == "swiftrnn train-lm: error: --plot needs matplotlib: pip install 'swiftrnn[plot]'\n"
    assert not list(folder.glob("p.*"))


def test_a_plot_is_a_picture(folder: Path) -> None:
    told = ("train-lm", "text.txt", "-o", "q.safetensors", "--hidden", 4, "--epochs", 2, "-q")
    assert run(folder, *told, "--plot", "q.png").stdout.splitlines()[1] == "saved q.png: the learning curve"
    assert (folder / "q.png").read_bytes().startswith(b"\x89PNG")
    run(folder, *told, "--plot", "q.svg", "--overwrite")
    assert b"validation" in (folder / "q.svg").read_bytes() or b"<svg" in (folder / "q.svg").read_bytes()


@pytest.mark.parametrize("buffered", [False, True])
@pytest.mark.parametrize(
    "line", ["info c.safetensors", "classify c.safetensors text.txt", "score c.safetensors many.tsv"]
)
def test_a_full_disk_or_a_closed_output_is_told_in_one_line(folder: Path, line: str, buffered: bool) -> None:
    assert Path("/dev/full").is_char_device(), "Linux has it"
    variables = environment()
    if buffered:  # by Python, until the program ends
        del variables["PYTHONUNBUFFERED"]
    (folder / "many.tsv").write_text("a good film\tgood\n" * 3)
    with Path("/dev/full").open("w") as output:
        done = subprocess.run(
            command(*line.split()), cwd=folder, stdout=output, stderr=subprocess.PIPE, text=True, timeout=60,
            env=variables,
        )  # fmt: skip
    name = line.split()[0]
    assert done.returncode == 1
    assert done.stderr == f"swiftrnn {name}: error: the standard output: No space left on device\n"
    closed = subprocess.run(
        command(*line.split()), cwd=folder, stderr=subprocess.PIPE, text=True, timeout=60, env=variables,
        preexec_fn=lambda: os.close(1),
    )  # fmt: skip
    assert closed.returncode == 1
    assert closed.stderr == f"swiftrnn {name}: error: the standard output is closed: there is nowhere to print to\n"


def test_the_standard_output_is_utf_8_in_any_locale(folder: Path) -> None:
    (folder / "umlauts.txt").write_text("ä ö ü ß 漢字\n" * 40)
    run(folder, "train-lm", "umlauts.txt", "-o", "u.safetensors", "--hidden", 4, "--epochs", 1, "-q")
    done = run(
        folder, "sample", "u.safetensors", "--prompt", "ä", "--length", 3, "--seed", 1, PYTHONIOENCODING="ascii",
        LC_ALL="C.UTF-8",
    )  # fmt: skip
    assert done.stdout.startswith("ä")
