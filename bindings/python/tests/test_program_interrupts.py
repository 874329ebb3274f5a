"""Trainings of the program that are cut: by Ctrl-C, and by kill -9 at random moments; the bar of a terminal."""

from __future__ import annotations

import errno
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from program_cases import command, environment, run, start, write_data

KILLS = 20
TRAIN_LM = (
    "train-lm", "text.txt", "--hidden", 8, "--epochs", 22, "--batch-size", 2, "--steps", 24, "--every", 4,
    "--checkpoint-every", 2, "--dropout", 0.2, "--patience", 1000, "--validation", 0.1,
)  # fmt: skip
TRAIN_TAGGER = ("train-tagger", "tags.tsv", "--hidden", 8, "--epochs", 4000, "--batch-size", 4, "--dropout", 0.2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("interrupts")
    write_data(made)
    return made


def test_ctrl_c_saves_and_the_same_command_goes_on(folder: Path) -> None:
    whole = (*TRAIN_TAGGER[:5], 80, *TRAIN_TAGGER[6:])
    run(folder, *whole, "-o", "whole.safetensors")
    cut = (*whole, "-o", "cut.safetensors", "--checkpoint", "place")
    with start(folder, *cut) as process:
        assert process.stderr is not None and process.stdout is not None
        for _ in range(3):
            assert process.stderr.readline().startswith("epoch ")
        process.send_signal(signal.SIGINT)
        told = process.stderr.read().splitlines()[-1]
        assert process.wait(60) == 130 and process.stdout.read() == ""
    found = re.fullmatch(
        r"swiftrnn train-tagger: interrupted after (\d+) steps; the training is saved in place; the same command goes "
        r"on from there", told,
    )  # fmt: skip
    assert found is not None, told
    assert not (folder / "cut.safetensors").exists()
    assert run(folder, "info", "place").stdout.startswith("place: a tagger")
    # A checkpoint of another training is refused, and not harmed.
    other = run(folder, *cut, "--rate", 0.5, status=2).stderr
    assert "--rate was 0.003, and is 0.5 now. --restart" in other and "--restart" in other
    assert "--seed was 0, and is 7 now. --restart" in run(folder, *cut, "--seed", 7, status=2).stderr
    wide = run(folder, *cut, "--hidden", 9, "--layers", 2, status=2).stderr
    assert "another training: --hidden was 8, and is 9 now, --layers was 1, and is 2 now. --restart" in wide
    lines = run(folder, *cut).stderr.splitlines()
    assert lines[0] == f"going on from place after {found[1]} steps"
    assert (folder / "cut.safetensors").read_bytes() == (folder / "whole.safetensors").read_bytes()
    assert not (folder / "place").exists()


def test_restart_begins_anew(folder: Path) -> None:
    short = ("train-tagger", "tags.tsv", "--hidden", 8, "--epochs", 2, "-q")
    run(folder, *short, "-o", "first.safetensors")
    with start(folder, *TRAIN_TAGGER, "-o", "second.safetensors") as process:
        assert process.stderr is not None
        process.stderr.readline()
        process.send_signal(signal.SIGINT)
        process.stderr.read()
        assert process.wait(60) == 130
    run(folder, *short, "-o", "second.safetensors", "--restart")
    assert (folder / "first.safetensors").read_bytes() == (folder / "second.safetensors").read_bytes()


def test_ctrl_c_ends_other_commands_at_once(folder: Path) -> None:
    run(folder, "train-lm", "text.txt", "--hidden", 8, "--epochs", 1, "-q", "-o", "lm.safetensors")
    with start(folder, "score", "lm.safetensors", "--lines") as process:
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        process.stdin.write("the\n")
        process.stdin.flush()
        assert process.stdout.readline().endswith("the\n")
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == -signal.SIGINT and process.stderr.read() == ""


def test_twenty_kills_at_random_moments_end_with_the_same_bits(folder: Path) -> None:
    run(folder, *TRAIN_LM, "-o", "unkilled.safetensors", "-q")
    told = [*map(str, TRAIN_LM), "-o", "killed.safetensors"]
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("kills_program.py")), "1", str(KILLS), *told], cwd=folder,
        capture_output=True, text=True, timeout=120, env=environment(),
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{KILLS}\n", "")
    assert not (folder / "killed.safetensors").exists()
    assert (folder / "killed.safetensors.checkpoint").exists()
    done = run(folder, *TRAIN_LM, "-o", "killed.safetensors")
    assert done.stderr.startswith("going on from killed.safetensors.checkpoint after ")
    assert (folder / "killed.safetensors").read_bytes() == (folder / "unkilled.safetensors").read_bytes()
    assert [path.name for path in folder.glob("killed*")] == ["killed.safetensors"]


@pytest.mark.parametrize("without", [None, "tqdm"])
def test_a_terminal_has_a_bar(folder: Path, without: str | None) -> None:
    own, other = pty.openpty()
    fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))  # else a terminal of no columns
    told = ("train-tagger", "tags.tsv", "--hidden", 8, "--epochs", 30, "--batch-size", 1, "-o", "bar.safetensors",
            "--overwrite")  # fmt: skip
    with subprocess.Popen(
        command(*told, without=without), cwd=folder, stdout=subprocess.PIPE, stderr=other, stdin=subprocess.DEVNULL,
        env=environment(),
    ) as process:  # fmt: skip
        os.close(other)
        shown = read_all(own)
        assert process.wait(60) == 0 and process.stdout is not None
        assert process.stdout.read().startswith(b"saved bar.safetensors")
    os.close(own)
    steps = 30 * 22  # a tenth of 24 sequences is held out
    assert "\r" in shown and f"/{steps}" in shown and "loss" in shown
    assert ("step/s" in shown) == (without is None) and (f"] 1/{steps} loss" in shown) == (without == "tqdm")
    # Each report stays, on a line of its own.
    lines = [line.rsplit("\r", 1)[-1].removesuffix("\x1b[K").strip() for line in shown.split("\r\n")]
    assert sum(line.startswith("epoch ") for line in lines) == 30


def read_all(terminal: int) -> str:
    """What a program writes to its terminal, until it ends."""
    parts = []
    while True:
        try:
            data = os.read(terminal, 1 << 16)
        except OSError as error:
            if error.errno != errno.EIO:  # the other side is closed
                raise
            break
        if not data:
            break
        parts.append(data)
    return b"".join(parts).decode()
