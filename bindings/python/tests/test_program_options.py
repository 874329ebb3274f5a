"""Options of the program: help and docs have each default, names of other programs are understood, effects are asked
for, and files of others are not replaced."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path
from typing import Iterator

import pytest

from program_cases import call, write_data
from swiftrnn.models import LanguageModel
from swiftrnn.program import COMMANDS, make_parser
from swiftrnn.program._option_names import _OTHERS, suggestion

ROOT = Path(__file__).resolve().parents[3]
WITHOUT_DEFAULT = {"--size", "--plot", "--validation-targets", "--sampling-k", "--version"}
"""Options that take a value and have no default: without them something is left out."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("options")
    write_data(made)
    return made


def actions() -> Iterator[tuple[str, argparse.Action]]:
    """The arguments of all commands."""
    parsers = next(one for one in make_parser()._actions if isinstance(one, argparse._SubParsersAction))
    for command, parser in parsers.choices.items():
        for action in parser._actions:
            yield command, action


def test_help_has_each_default() -> None:
    seen = set()
    for command, action in actions():
        flag = action.option_strings[-1] if action.option_strings else str(action.metavar)
        text = (action.help or "") % {"default": action.default}
        where = f"{command} {flag}: {text}"
        is_switch = action.nargs == 0 and not isinstance(action, argparse.BooleanOptionalAction)
        if is_switch or flag in WITHOUT_DEFAULT or (not action.option_strings and action.nargs is None):
            assert "(default" not in text, where
            continue
        assert text.count("(default: ") == 1 and text.endswith(")"), where
        if action.default not in (None, "", "-") and not isinstance(action.default, bool):
            shown = f"{action.default:g}" if isinstance(action.default, float) else str(action.default)
            assert text.endswith(f"(default: {shown})") or f"(default: {shown}, " in text, where
        seen.add(flag)
    assert {"--rate", "--columns", "--header", "--no-header", "--temperature", "--steps", "--output"} <= seen | {
        "--no-header", "--header"
    }  # fmt: skip


def test_the_page_has_the_program_s_options() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts/program_page.py"), "--check"], capture_output=True, text=True,
        env=os.environ,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    text = (ROOT / "docs/program-options.md").read_text()
    for _, action in actions():
        assert all(f"`{flag}" in text or f", {flag}" in text for flag in action.option_strings if "help" not in flag and
                   flag != "-h"), action.option_strings  # fmt: skip


def test_options_of_the_page_are_options() -> None:
    known = {flag for _, action in actions() for flag in action.option_strings}
    page = (ROOT / "docs/program.md").read_text().split("## Data")[1]
    told = {word for word in page.replace("`", " ").replace(",", " ").split() if word.startswith("--")}
    assert len(told) > 15 and told - known == set()


def test_names_of_other_programs_lead_to_options_that_exist() -> None:
    known = {flag for _, action in actions() for flag in action.option_strings}
    assert set(_OTHERS) <= known
    for own, others in _OTHERS.items():
        for other in others.split():
            assert suggestion(f"--{other}=1", [own]) == own and suggestion(f"--{other.replace('-', '_')}", [own]) == own
    assert suggestion("--lr", ["--help", "--seed"]) is None
    assert suggestion("--Hidden", ["--hidden"]) == "--hidden"


@pytest.mark.parametrize("command", sorted(name for name in COMMANDS if name.startswith("train-")))
def test_a_file_that_is_there_is_not_replaced(folder: Path, command: str) -> None:
    data = {"train-lm": "text.txt", "train-seq2seq": "pairs.tsv", "train-tagger": "tags.tsv"}.get(command, "pairs.tsv")
    output = folder / f"{command}.st"
    told = (command, data, "-o", output.name, "--hidden", 4, "--epochs", 1, "-q")
    call(folder, *told)
    before = output.read_bytes()
    for other in ((), ("--seed", 7), ("--restart",)):
        shown = call(folder, *told, *other, status=2)
        assert f"--output: {output.name} is there already: --overwrite replaces it" in shown.stderr
        assert shown.stdout == "" and output.read_bytes() == before
    call(folder, *told, "--overwrite", "--seed", 7)
    assert output.read_bytes() != before
    call(folder, *told, "--overwrite")
    assert output.read_bytes() == before


def test_a_file_of_another_kind_is_not_replaced(folder: Path) -> None:
    (folder / "thesis.txt").write_text("years of work")
    call(folder, "train-lm", "text.txt", "-o", "thesis.txt", "--epochs", 1, "--hidden", 4, "-q", status=2)
    assert (folder / "thesis.txt").read_text() == "years of work"
    told = ("train-lm", "text.txt", "-o", "thesis.txt", "--overwrite", "--epochs", 1, "--hidden", 4, "-q")
    assert "--overwrite: only models are replaced: thesis.txt: " in call(folder, *told, status=2).stderr
    assert (folder / "thesis.txt").read_text() == "years of work"
    # A checkpoint that is another file is refused, too.
    told = ("train-lm", "text.txt", "-o", "own.st", "--epochs", 1, "--hidden", 4, "-q", "--checkpoint")
    call(folder, *told, "thesis.txt", status=2)
    done = call(folder, *told, "thesis.txt", "--restart", status=2)
    assert "--restart: only models are replaced: thesis.txt: " in done.stderr
    assert (folder / "thesis.txt").read_text() == "years of work" and not (folder / "own.st").exists()
    before = sorted(path.name for path in folder.iterdir())
    for name in ("-o", "--checkpoint"):
        done = call(folder, "train-lm", "text.txt", name, "m\udcff", "-q", status=2)
        assert "the name is no UTF-8, as names of model files must be" in done.stderr
    assert "is no UTF-8" in call(folder, "info", "m\udcff", status=2).stderr
    assert "--prompt: is no UTF-8" in call(folder, "sample", "m", "--prompt", "\udcff", status=2).stderr
    assert sorted(path.name for path in folder.iterdir()) == before
    os.mkfifo(folder / "pipe")
    done = call(folder, *told[:3], "pipe", "--overwrite", status=2)
    assert "pipe: is a device or a pipe, and no file that could be replaced" in done.stderr


def test_an_adaptive_softmax_and_a_look_back_are_the_model_s(folder: Path) -> None:
    own = ("--tokens", "words", "--hidden", 16, "--epochs", 2, "-q", "--steps", 4, "--batch-size", 2)
    call(folder, "train-lm", "text.txt", "-o", "plain.st", *own)
    adaptive = ("--adaptive-cutoffs", "3,6", "--adaptive-divisor", 2)
    call(folder, "train-lm", "text.txt", "-o", "adaptive.st", *own, *adaptive)
    configuration = LanguageModel.load(folder / "adaptive.st").configuration
    assert configuration["adaptive_cutoffs"] == [3, 6] and configuration["adaptive_divisor"] == 2
    call(folder, "train-lm", "text.txt", "-o", "far.st", *own, "--look-back", 4)
    call(folder, "train-lm", "text.txt", "-o", "none.st", *own, "--look-back", 0)
    plain = (folder / "plain.st").read_bytes()
    assert (folder / "far.st").read_bytes() != plain and (folder / "none.st").read_bytes() == plain
    call(folder, "train-seq2seq", "pairs.tsv", "-o", "as.st", "--hidden", 16, "--epochs", 1, "-q", *adaptive[:1], 4)
    assert "adaptive_cutoffs" in call(folder, "info", "as.st").stdout


def test_settings_of_writing_are_passed_on(folder: Path) -> None:
    call(folder, "train-lm", "text.txt", "-o", "w.st", "--hidden", 16, "--epochs", 2, "-q", "--rate", 0.02)
    model = LanguageModel.load(folder / "w.st")
    told = ("sample", "w.st", "--length", 30, "--seed", 2)
    more = {
        (): {"temperature": 0.8}, ("--temperature", 2): {"temperature": 2.0}, ("--top-k", 3): {"top_k": 3},
        ("--top-p", 0.4): {"top_p": 0.4}, ("--repetition-penalty", 3): {"repetition_penalty": 3.0},
    }  # fmt: skip
    for flags, settings in more.items():
        expected = model.generate("", 30, seed=2, **{"temperature": 0.8, **settings})
        assert call(folder, *told, *flags).stdout == expected + "\n"
    expected = model.generate("", 12, beams=3, length_penalty=2.0)
    assert call(folder, "sample", "w.st", "--length", 12, "--beams", 3, "--length-penalty", 2).stdout == expected + "\n"


def test_only_files_of_the_same_training_are_taken_for_its_best_parameters(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("the cat sat on the mat. " * 20)
    (tmp_path / "plain").write_text("precious")
    told = ("train-lm", "t.txt", "--epochs", 1, "--hidden", 8, "-q")
    call(tmp_path, *told, "-o", "a")
    for name in ("a", "plain"):
        (tmp_path / "b.checkpoint.best").write_bytes((tmp_path / name).read_bytes())
        done = call(tmp_path, *told, "-o", "b", status=2)
        assert "--checkpoint: " in done.stderr and "b.checkpoint.best" in done.stderr
    same = call(tmp_path, *told, "-o", "c.best", "--checkpoint", "c", status=2)
    assert "c.best is another file of this command" in same.stderr
    before = (tmp_path / "a").read_bytes()
    done = call(tmp_path, *told, "-o", "d", "--checkpoint", "a", "--restart", status=2)
    assert "--restart: a is a model, and no checkpoint" in done.stderr and (tmp_path / "a").read_bytes() == before


def test_a_corpus_is_read_alike_whatever_files_there_are(tmp_path: Path) -> None:
    for name in ("apple", "banana"):
        (tmp_path / name).touch()
    (tmp_path / "lines.txt").write_text("apple\nbanana\napple banana\n")
    (tmp_path / "pairs.tsv").write_text("apple\tbanana\n")
    (tmp_path / "tags.tsv").write_text("apple\tX\n\nbanana\tY\n")
    short = ("--epochs", 1, "--hidden", 8, "-q")
    call(tmp_path, "train-lm", "lines.txt", "--lines", *short, "-o", "a")
    call(tmp_path, "train-seq2seq", "pairs.tsv", *short, "-o", "b")
    call(tmp_path, "train-tagger", "tags.tsv", *short, "-o", "c")
