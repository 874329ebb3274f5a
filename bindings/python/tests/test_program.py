"""The program `swiftrnn`, end to end, as a process of its own whose output is a pipe."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest

import swiftrnn
from swiftrnn.models import LanguageModel, load
from swiftrnn.program import COMMANDS, main

Run = Callable[..., "subprocess.CompletedProcess[str]"]
PACKAGE = str(Path(swiftrnn.__file__).resolve().parent.parent)
ENVIRONMENT = {**os.environ, "PYTHONPATH": PACKAGE}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a command in a temporary folder, and checks its status."""

    def call(*arguments: str, status: int = 0, text: str = "") -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "swiftrnn", *arguments], cwd=tmp_path, env=ENVIRONMENT, input=text,
            capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == status, (arguments, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        return done

    return call


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Callable[..., tuple[int, str, str]]:
    """Calls the program's function in a temporary folder: status, output, errors."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str, str]:
        try:
            status = main(arguments)
        except SystemExit as ended:  # argparse
            status = int(ended.code or 0)
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return call


def test_language_models(run: Run, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("the cat sat on the mat. " * 40)
    trained = run("train-lm", "text.txt", "-o", "lm", "--hidden", "32", "--steps", "16", "--epochs", "12",
                  "--batch-size", "4", "--rate", "0.02")  # fmt: skip
    lines = trained.stderr.splitlines()
    assert len(lines) == 12, "plain lines in a pipe"
    assert lines[0].startswith("epoch 1, step ") and "validation" in lines[0]
    assert trained.stdout.startswith("saved lm: ") and not (tmp_path / "lm.checkpoint").exists()
    sampled = run("sample", "lm", "--prompt", "the c", "--length", "13", "--temperature", "0").stdout
    assert sampled == "the cat sat on the\n"
    twice = [run("sample", "lm", "--seed", "4", "--count", "2", "--length", "20").stdout for _ in range(2)]
    assert twice[0] == twice[1] and len(twice[0].splitlines()) >= 2
    output = run("score", "lm", "-", text="the cat sat on the mat. " * 3).stdout
    scored = dict(line.split("\t") for line in output.splitlines())
    assert float(scored["perplexity"]) < 1.5 and float(scored["bits per character"]) < 0.6
    output = run("score", "lm", "-", "--lines", text="the cat\ntta ceh\n").stdout
    rows = [line.split("\t") for line in output.splitlines()]
    assert [row[3] for row in rows] == ["the cat", "tta ceh"] and float(rows[0][0]) > float(rows[1][0])
    assert [row[1] for row in rows] == ["6", "6"]
    told = run("info", "lm").stdout
    assert "a language model" in told and "embedding.weight" in told and "kind characters" in told
    made = json.loads(run("info", "lm", "--json").stdout)
    model = load(tmp_path / "lm")
    assert made["configuration"] == model.configuration and made["parameters"] == model.flat.size
    broken = subprocess.Popen(
        [sys.executable, "-m", "swiftrnn", "info", "lm"], cwd=tmp_path, env=ENVIRONMENT, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    assert broken.stdout is not None and broken.stderr is not None
    broken.stdout.close()
    assert broken.stderr.read() == b"" and broken.wait() == 141
    broken.stderr.close()


def test_encoders_and_decoders(inside: Any, tmp_path: Path) -> None:
    digits = "zero one two three four".split()
    pairs = [(f"{a}{b}", f"{digits[a]} {digits[b]}") for a in range(5) for b in range(5)]
    (tmp_path / "pairs.csv").write_text("number,words\n" + "".join(f'{a},"{b}"\n' for a, b in pairs))
    arguments = ("--source-tokens", "characters", "--hidden", "32", "--epochs", "60", "--batch-size", "8", "--rate",
                 "0.01", "--validation", "0", "-q")  # fmt: skip
    assert inside("train-seq2seq", "pairs.csv", "--columns", "number", "words", "-o", "a", *arguments)[0] == 0
    (tmp_path / "numbers").write_text("12\n40\n")
    assert inside("translate", "a", "numbers") == (0, "one two\nfour zero\n", "")
    status, out, _ = inside("translate", "a", "numbers", "--beams", "3", "--count", "2")
    assert status == 0 and [line.split("\t")[1] for line in out.split("\n\n")[0].splitlines()][0] == "one two"
    assert inside("score", "a", "pairs.csv", "--header")[1].splitlines()[2] == "exact\t1"
    # The same of two text files.
    (tmp_path / "sources").write_text("".join(f"{a}\n" for a, _ in pairs))
    (tmp_path / "targets").write_text("".join(f"{b}\n" for _, b in pairs))
    assert inside("train-seq2seq", "sources", "targets", "-o", "b", *arguments)[0] == 0
    assert (load(tmp_path / "a").flat == load(tmp_path / "b").flat).all()


def test_taggers(inside: Any, tmp_path: Path) -> None:
    rows = [("the cat sat", "DET NOUN VERB"), ("a dog ran", "DET NOUN VERB"), ("cat ran", "NOUN VERB")] * 4
    (tmp_path / "rows.tsv").write_text("".join(f"{a}\t{b}\n" for a, b in rows))
    columns = ["".join(f"{t}\t{l}\n" for t, l in zip(a.split(), b.split())) for a, b in rows]
    (tmp_path / "columns.tsv").write_text("\n".join(columns))
    for name in ("rows", "columns"):
        status, out, err = inside("train-tagger", f"{name}.tsv", "-o", name, "--hidden", "16", "--epochs", "25",
                                  "--rate", "0.02", "--validation", "rows.tsv")  # fmt: skip
        assert status == 0 and "accuracy 1.0000" in err.splitlines()[-1]
    assert (load(tmp_path / "rows").flat == load(tmp_path / "columns").flat).all()
    (tmp_path / "text").write_text("the dog sat\n\na cat\n")
    assert inside("tag", "rows", "text")[1] == "the\tDET\ndog\tNOUN\nsat\tVERB\n\na\tDET\ncat\tNOUN\n\n"
    assert inside("tag", "rows", "text", "--layout", "rows")[1] == "DET NOUN VERB\n\nDET NOUN\n"
    assert "accuracy\t1\n" in inside("score", "rows", "columns.tsv")[1]


def test_classifiers(inside: Any, tmp_path: Path) -> None:
    rows = [("very good", "positive"), ("so bad", "negative"), ("good", "positive"), ("bad bad", "negative")] * 5
    (tmp_path / "data.csv").write_text("label,text\n" + "".join(f"{b},{a}\n" for a, b in rows))
    status, _, err = inside("train-classifier", "data.csv", "--columns", "text", "label", "-o", "m", "--hidden", "8",
                            "--epochs", "20", "--rate", "0.02", "--pooling", "attention", "--patience", "3")  # fmt: skip
    assert status == 0 and "accuracy 1.0000" in err
    (tmp_path / "text").write_text("good\nso bad\n")
    assert inside("classify", "m", "text") == (0, "positive\nnegative\n", "")
    first = inside("classify", "m", "text", "--probabilities")[1].splitlines()[0].split("\t")
    assert first[0] == "positive" and float(first[1]) + float(first[3]) == pytest.approx(1, abs=2e-4)
    assert "accuracy\t1\n" in inside("score", "m", "data.csv", "--columns", "text", "label")[1]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_examples_that_parse(command: str, inside: Any) -> None:
    status, out, _ = inside(command, "--help")
    assert status == 0 and "examples:" in out
    from shlex import split

    from swiftrnn.program import make_parser

    for line in COMMANDS[command].examples.splitlines():
        words = split(line.split("|")[-1].split("<")[0])
        assert words[0] == "swiftrnn" and make_parser().parse_args(words[1:]).command


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "COMMAND"),
        (["trian-lm"], "invalid choice"),
        (["train-lm"], "TEXT"),
        (["train-lm", "text", "--hidden", "0"], "outside 1..."),
        (["train-lm", "text", "--hidden", "many"], "whole number"),
        (["train-lm", "text", "--dropout", "1"], "outside [0, 1)"),
        (["train-lm", "text", "--rate", "nan"], "outside"),
        (["train-lm", "text", "--cell", "lstn"], "did you mean"),
        (["train-lm", "text", "--cell", "h' = foo(x)"], "no cell"),
        (["train-lm", "text", "--tokens", "letters"], "invalid choice"),
        (["train-lm", "text", "--tie-embedding", "--embedding", "3"], "embedding_size"),
        (["train-lm", "text", "--lowercase"], "--tokens words"),
        (["train-lm", "text", "--validation", "2"], "no share"),
        (["train-lm", "text", "--validation", "0", "--patience", "1"], "--validation"),
        (["train-lm", "text", "--hid", "3"], "unrecognized"),
        (["sample", "model", "--count", "3", "--beams", "2"], "more than 2 beams"),
        (["train-classifier", "data.csv", "--columns", "0", "1"], "begin with 1"),
        (["train-classifier", "data.csv", "--delimiter", "ab"], "one character"),
    ],
)
def test_wrong_arguments_end_with_status_2(arguments: list[str], message: str, inside: Any, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("some text of letters " * 20)
    status, out, err = inside(*arguments)
    assert (status, out) == (2, "") and message in err and "error: " in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["text"]


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["train-lm", "missing.txt"], "missing.txt: No such file"),
        (["train-lm", "folder"], "folder: Is a directory"),
        (["train-lm", "empty"], "empty: has 0 tokens"),
        (["train-lm", "text", "-o", "nowhere/lm"], "there is no folder"),
        (["train-lm", "text", "-o", "folder"], "is a folder"),
        (["train-lm", "text", "--validation", "missing.txt"], "missing.txt"),
        (["train-lm", "text", "--checkpoint", "text"], "text"),
        (["sample", "missing"], "missing"),
        (["sample", "text"], "text"),
        (["info", "empty"], "empty"),
        (["info", "cut"], "cut"),
        (["classify", "lm", "text"], "is a language model, and this command takes a classifier"),
        (["score", "lm", "text"], "has no vocabulary"),
        (["train-classifier", "empty"], "has no rows"),
        (["train-classifier", "one.csv"], "one.csv, line 2: has 1 columns, needs 2"),
        (["train-classifier", "one.csv", "--columns", "x", "y"], "no column 'y'"),
        (["train-classifier", "latin.tsv"], "latin.tsv, line 2: is no UTF-8"),
        (["train-classifier", "quote.csv"], "quote.csv, line "),
        (["train-tagger", "uneven.tsv"], "row 2: has 3 tokens and 2 labels"),
        (["train-tagger", "one.csv", "--layout", "columns"], "one.csv, line 2: has 1 columns"),
        (["train-seq2seq", "text", "one.csv"], "lines"),
    ],
)
def test_wrong_files_end_with_status_1(arguments: list[str], message: str, inside: Any, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("some text of letters " * 20)
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    (tmp_path / "one.csv").write_text("x,z\nalone\n")
    (tmp_path / "latin.tsv").write_bytes(b"a\tb\ncaf\xe9\tb\n")
    (tmp_path / "quote.csv").write_text('a,"b\nc,d\n')
    (tmp_path / "uneven.tsv").write_text("a b\tx y\na b c\tx y\n")
    LanguageModel(5, 4, seed=0).save(tmp_path / "lm")
    (tmp_path / "cut").write_bytes((tmp_path / "lm").read_bytes()[:-1])
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    status, out, err = inside(*arguments, "-q") if arguments[0] != "info" else inside(*arguments)
    assert (status, out) == (1, "") and message in err, err
    assert err.startswith(f"swiftrnn {arguments[0]}: error: ") and len(err.splitlines()) == 1
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before


def train(tmp_path: Path) -> "subprocess.Popen[str]":
    (tmp_path / "text").write_text("the cat sat on the mat. " * 60)
    return subprocess.Popen(
        [sys.executable, "-m", "swiftrnn", "train-lm", "text", "-o", "lm", "--hidden", "24", "--steps", "8",
         "--epochs", "40", "--batch-size", "4", "--dropout", "0.1", "--checkpoint-every", "20"],
        cwd=tmp_path, env=ENVIRONMENT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def test_interrupted_and_killed_it_goes_on(tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    whole.mkdir()
    process = train(whole)
    assert process.communicate()[0].startswith("saved lm") and process.returncode == 0
    moments, interrupted, killed = random.Random(1), 0, 0
    for attempt in range(30):
        process = train(tmp_path)
        assert process.stderr is not None
        first = process.stderr.readline()  # the training has begun
        assert first.startswith("going on from" if attempt else "epoch 1"), first
        time.sleep(moments.uniform(0, 0.02))
        process.send_signal(signal.SIGKILL if attempt % 2 else signal.SIGINT)
        _, err = process.communicate()
        if process.returncode == 0:
            break
        if attempt % 2:
            assert process.returncode == -signal.SIGKILL
            killed += 1
        else:
            assert process.returncode == 130
            assert "saved in lm.checkpoint; the same command goes on from there" in err.splitlines()[-1]
            interrupted += 1
        if interrupted >= 2 and killed >= 2:
            break
    assert interrupted >= 1
    if process.returncode:
        process = train(tmp_path)
        process.communicate()
    assert process.returncode == 0 and not (tmp_path / "lm.checkpoint").exists()
    assert np.array_equal(load(tmp_path / "lm").flat, load(whole / "lm").flat)
    assert (tmp_path / "lm").read_bytes() == (whole / "lm").read_bytes()
