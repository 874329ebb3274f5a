"""--from trains a model further: with its vocabularies, from its parameters, and to another file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from program_cases import call, write_data
from swiftrnn import models
from swiftrnn.program import COMMANDS, make_parser
from swiftrnn.program._further import OF_NEW_MODELS

FEW = ("--epochs", 2, "-q", "--validation", 0)
TRAININGS: dict[str, tuple[Any, ...]] = {
    "train-lm": ("text.txt",),
    "train-tagger": ("tags.tsv",),
    "train-classifier": ("reviews.csv", "--columns", "text,label"),
    "train-seq2seq": ("pairs.tsv",),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("further")
    write_data(made)
    for command, told in TRAININGS.items():
        call(made, command, *told, "-o", command, "--hidden", 4, *FEW)
    call(made, "train-lm", "names.txt", "--lines", "-o", "lines", "--hidden", 4, *FEW)
    return made


@pytest.mark.parametrize("command", TRAININGS)
def test_a_training_goes_on_from_a_model(folder: Path, command: str) -> None:
    before = (folder / command).read_bytes()
    call(folder, command, *TRAININGS[command], "--from", command, "-o", f"{command}.2", *FEW, "--rate", 1e-7)
    assert (folder / command).read_bytes() == before
    start, further = models.load(folder / command), models.load(folder / f"{command}.2")
    assert start.configuration == further.configuration and start.vocabulary == further.vocabulary
    assert 0 < np.abs(start.flat - further.flat).max() < 1e-4  # steps of such a rate stay near
    again = call(folder, command, *TRAININGS[command], "--from", command, "-o", f"{command}.2", *FEW, status=2)
    assert f"{command}.2 is there already" in again.stderr


def test_lines_and_unknown_tokens(folder: Path) -> None:
    (folder / "more.txt").write_text("anna\nzoe\n" * 8)
    told = call(folder, "train-lm", "more.txt", "--lines", "--from", "lines", "-o", "lines.2", *FEW)
    assert told.stderr == "note: more.txt: the model knows 40 of 56 tokens, and reads others as <unk>\n"
    assert models.load(folder / "lines.2").vocabulary == models.load(folder / "lines").vocabulary


@pytest.mark.parametrize(
    "line, message",
    [
        ("train-lm text.txt --from lines", "--from: lines: --lines is missing, with which it was made"),
        ("train-lm text.txt --lines --from train-lm", "--from: train-lm: --lines does not fit to: it has no <bos>"),
        ("train-lm text.txt --from train-tagger", "train-tagger: is a tagger, and this command takes a language mode"),
        ("train-lm text.txt --from missing", "missing: "),
        ("train-lm text.txt --from train-lm --hidden 256", "--hidden: is of a new model; train-lm of --from is what"),
        ("train-lm text.txt --from train-lm --tokens=words", "--tokens: is of a new model; train-lm of --from is wha"),
        ("train-tagger tags.tsv --from train-tagger --no-bidirectional", "--no-bidirectional: is of a new model"),
        ("train-tagger tags.tsv --from train-tagger -o train-tagger --overwrite", "would be written over"),
        ("train-classifier other.csv --from train-classifier", "other.csv, line 1: the model has no label 'so so'"),
    ],
)
def test_what_does_not_go_with_a_model_is_refused(folder: Path, line: str, message: str) -> None:
    (folder / "other.csv").write_text("a film,so so\n" * 3)
    before = sorted(folder.iterdir())
    told = call(folder, *line.split(), *(() if " -o " in line else ("-o", "new")), status=2)
    assert message in told.stderr
    assert sorted(folder.iterdir()) == before


def test_each_option_of_new_models_is_refused() -> None:
    (commands,) = [action for action in make_parser()._actions if action.dest == "command"]
    kept = {"output", "overwrite", "start"}
    found = set()
    for name in COMMANDS:
        groups = commands.choices[name]._action_groups  # type: ignore[index]
        for group in groups:
            if group.title in ("model", "vocabulary") and name.startswith("train-"):
                found |= {action.dest for action in group._group_actions}
    assert found - kept == set(OF_NEW_MODELS)
