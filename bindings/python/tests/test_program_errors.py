"""Wrong arguments and files of the program: a message that says what is wrong, and a status; nothing is written."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

import swiftrnn.program
from program_cases import run, write_data
from swiftrnn.models import Classifier, Features, LanguageModel, Regressor, Tagger

USAGE, DATA, FAILED = 2, 2, 1


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data, good and bad, and models that were not trained."""
    made = tmp_path_factory.mktemp("errors")
    write_data(made)
    (made / "empty").write_bytes(b"")
    (made / "latin.txt").write_bytes("eins\nzwei\ndrei und f\xfcnf\n".encode("latin-1"))
    (made / "short.tsv").write_text("a\tb\n\nc\n")
    (made / "open.csv").write_text('a,b\nc,"d\n')
    (made / "unlabelled.tsv").write_text("a\tb\nc\t\n")
    (made / "one.tsv").write_text("a\tx\nb\tx\n")
    (made / "uneven.tsv").write_text("a b c\tX Y\n")
    (made / "column.txt").write_text("a X\nb\n\nc Y\n")
    (made / "spaces.tsv").write_text("a b\tX\n\nc\tY\n")
    (made / "three.tsv").write_text("a\tb\tc\n")
    (made / "stray.tsv").write_text("a\tb\nc\td\te\n")
    (made / "semicolons.csv").write_text("a;b\nc;d\n")
    (made / "heading.csv").write_text("any,thing\n")
    (made / "conll.txt").write_text("EU NNP B-NP B-ORG\nrejects VBZ B-VP O\n\nPeter NNP B-NP B-PER\n")
    (made / "turned.csv").write_text("label,text\ngood,a film\nbad,a book\n")
    (made / "utf16.txt").write_text("eins", "utf-16")
    (made / "twice.csv").write_text("text,text,label\na,b,x\n")
    (made / "swapped.csv").write_text("good," + "text " * 59 + "a" * 5 + "\n")
    os.mkfifo(made / "pipe")  # and not a device: a mistake of the program would replace that on the machine
    (made / "few.txt").write_text("1\n2\n")
    (made / "other.tsv").write_text("a good film\tso so\n")
    tagger, lm = Tagger(5, 3, 4, seed=0), LanguageModel(5, 4, seed=0)
    tagger.save(made / "ids.safetensors")
    lm.save(made / "lm_ids.safetensors")
    Classifier(Features(2), ["a", "b"], 4, seed=0).save(made / "features.safetensors")
    Regressor(5, 1, 4, seed=0).save(made / "regressor.safetensors")
    whole = (made / "ids.safetensors").read_bytes()
    (made / "cut.safetensors").write_bytes(whole[:-40])
    (made / "damaged.safetensors").write_bytes(whole[:-5] + bytes([whole[-5] ^ 1]) + whole[-4:])
    run(made, "train-classifier", "reviews.csv", "--columns", "text,label", "-o", "c.safetensors", "--hidden", 4,
        "--epochs", 1, "-q")  # fmt: skip
    return made


CASES: list[tuple[str, int, str]] = [
    # Arguments that do not parse.
    ("", USAGE, "required: COMMAND"),
    ("train", USAGE, "invalid choice: 'train'"),
    ("train-lm", USAGE, "required: TEXT"),
    ("train-lm text.txt --hiden 8", USAGE, "unrecognized arguments: --hiden 8 (did you mean --hidden?)"),
    ("train-lm text.txt more.txt", USAGE, "unrecognized arguments: more.txt"),
    ("train-lm text.txt --lr 0.1", USAGE, "unrecognized arguments: --lr 0.1 (did you mean --rate?)"),
    ("train-lm --learning_rate=0.1 text.txt", USAGE, "(did you mean --rate?)"),
    ("train-lm text.txt --batch 8 --hidden-size 8 --num-layers 2", USAGE, "--batch-size, --hidden, --layers?)"),
    ("train-lm text.txt --seq-len 8 --epoch 2", USAGE, "(did you mean --steps, --epochs?)"),
    ("train-lm text.txt --optimizer adm", USAGE, "--optimizer: invalid choice: 'adm'"),
    ("train-lmm text.txt", USAGE, "invalid choice: 'train-lmm' (did you mean train-lm?"),
    ("sample c.safetensors --lr 1", USAGE, "unrecognized arguments: --lr 1; see swiftrnn sample --help"),
    ("train-lm text.txt --hidden 0", USAGE, "--hidden: 0 is outside 1...2147483648"),
    ("train-lm text.txt --hidden x", USAGE, "--hidden: expected a whole number, got 'x'"),
    ("train-lm text.txt --dropout 1", USAGE, "--dropout: 1 is outside [0, 1)"),
    ("train-lm text.txt --rate nan", USAGE, "--rate: nan is outside (0, inf)"),
    ("train-lm text.txt --rate fast", USAGE, "--rate: expected a number, got 'fast'"),
    ("train-lm text.txt --cell lsmt", USAGE, "there is no cell 'lsmt' (did you mean lstm"),
    ("train-lm text.txt --cell y=x+", USAGE, "--cell: is no cell: line 1, column 5"),
    ("train-lm text.txt --size P", USAGE, "--size: expected NAME=K, got 'P'"),
    ("train-lm text.txt --validation 1", USAGE, "--validation: 1 is no share in [0, 1), and no file"),
    ("train-classifier one.tsv --columns 0,1", USAGE, "'0' is no column: numbers begin with 1"),
    ("train-classifier one.tsv --delimiter ab", USAGE, "--delimiter: expected one character"),
    ("sample c.safetensors --prompt -x", USAGE, "--prompt: expected one argument (one that begins with - is written as "
     "--prompt=-...)"),
    ("train-lm text.txt -o m --hidden 2000000", FAILED, "a model of this size does not fit into memory: "),
    ("sample c.safetensors --top-p 0", USAGE, "--top-p: 0 is outside (0, 1]"),
    # Arguments that do not go together.
    ("train-lm text.txt --lowercase", USAGE, "--lowercase: is of --tokens words"),
    ("train-lm text.txt --lines --steps 3", USAGE, "--steps: is not of --lines"),
    ("train-lm text.txt --tie-embedding --embedding 3", USAGE, "no such model: embedding_size"),
    ("train-lm text.txt --cell lstm_projected", USAGE, "the size \"P\" must be given"),
    ("train-lm text.txt --patience 3 --validation 0", USAGE, "--patience: there is no validation to judge by"),
    ("train-lm text.txt --schedule step", USAGE, "--schedule step needs --factor"),
    ("train-lm text.txt --schedule step --factor 0.5", USAGE, "--schedule step needs --factor-every"),
    ("train-lm text.txt --schedule plateau --validation 0", USAGE, "--schedule plateau: there is no validation to ju"),
    ("train-lm text.txt --factor 0.5", USAGE, "--factor: is of the schedules"),
    ("train-lm text.txt --momentum 0.9", USAGE, "--momentum: is of --optimizer sgd"),
    ("train-lm text.txt --validation 0.00001", USAGE, "leaves nothing on one side"),
    ("train-lm text.txt -o text.txt", USAGE, "--output: text.txt is another file of this command"),
    ("train-lm text.txt -o m --checkpoint m", USAGE, "--checkpoint: m is another file"),
    ("train-lm text.txt -o m --plot curve.foo", USAGE, "ends in no format of pictures"),
    ("train-seq2seq pairs.tsv --sampling linear", USAGE, "--sampling linear needs --sampling-k K: the target's share"),
    ("train-seq2seq pairs.tsv --sampling exponential --sampling-k 2", USAGE, "2 is no K of exponential"),
    ("train-seq2seq pairs.tsv --sampling-k 2", USAGE, "are of --sampling"),
    ("train-seq2seq sources.txt targets.txt --validation pairs.tsv", USAGE, "give --validation-targets, too"),
    ("train-seq2seq - -", USAGE, "the standard input is given as two files"),
    ("train-seq2seq sources.txt targets.txt --columns 1,2", USAGE, "--columns: is of one file with columns"),
    ("train-seq2seq pairs.tsv --sampling-floor 0", USAGE, "are of --sampling"),
    ("train-lm text.txt --tokens bytes --minimum-count 2", USAGE, "--minimum-count: has no effect on bytes"),
    ("train-lm text.txt --lines --look-back 2", USAGE, "--look-back: is not of --lines"),
    ("train-lm text.txt --adaptive-divisor 2", USAGE, "--adaptive-divisor: is of --adaptive-cutoffs"),
    ("train-lm text.txt --adaptive-cutoffs 4,2", USAGE, "--adaptive-cutoffs: expected rising numbers, got '4,2'"),
    ("train-lm text.txt --adaptive-cutoffs 4 --tie-embedding", USAGE, "no such model: with adaptive_cutoffs"),
    ("train-lm text.txt --adaptive-cutoffs 4 --label-smoothing 0.1", USAGE, "does not go with --adaptive-cutoffs"),
    ("sample c.safetensors --beams 2 --count 3", USAGE, "--count: 3 is more than 2 beams"),
    ("sample c.safetensors --beams 2 --temperature 1", USAGE, "--temperature: has no effect with --beams"),
    ("sample c.safetensors --beams 2 --seed 1", USAGE, "--seed: has no effect with --beams"),
    ("translate c.safetensors --beams 2 --top-k 3", USAGE, "--top-k: has no effect with --beams"),
    ("translate c.safetensors --top-p 0.5", USAGE, "--top-p: has no effect at temperature 0"),
    ("translate c.safetensors --count 2", USAGE, "--count: at temperature 0 all 2 would be the same"),
    ("sample c.safetensors --length-penalty 1", USAGE, "--length-penalty: is of a search, and needs --beams"),
    ("score c.safetensors --layout rows", USAGE, "--layout: is of taggers"),
    ("score c.safetensors --lines --columns 1,2", USAGE, "--columns: has no effect with --lines"),
    ("train-classifier reviews.csv --columns text,label --no-header", USAGE, "not with --no-header"),
    ("train-classifier reviews.csv --columns text", USAGE, "--columns: expected TEXT,LABEL, such as 1,2 or names"),
    # Files that are there, or are no files.
    ("train-lm text.txt -o c.safetensors", USAGE, "--output: c.safetensors is there already: --overwrite replaces it"),
    ("train-lm text.txt -o pipe", DATA, "pipe: is a device or a pipe"),
    ("train-lm text.txt -o pipe --overwrite", DATA, "pipe: is a device or a pipe"),
    ("train-lm text.txt -o m --checkpoint pipe", DATA, "pipe: is a device or a pipe"),
    ("train-lm text.txt -o m --plot pipe", DATA, "pipe: is a device or a pipe"),
    ("info .", DATA, ".: is a folder, and no file of a model"),
    ("classify c.safetensors text.txt --header", USAGE, "give --column, too"),
    # Files that are not there, or cannot be read or written.
    ("train-lm nothing.txt", DATA, "nothing.txt: No such file or directory"),
    ("train-lm .", DATA, "Is a directory"),
    ("train-lm text.txt --validation nothing.txt", DATA, "nothing.txt: No such file or directory"),
    ("train-lm text.txt -o nowhere/m", DATA, "nowhere/m: there is no folder"),
    ("train-lm text.txt -o .", DATA, "is a folder"),
    ("tag ids.safetensors nothing.txt", DATA, "has no vocabulary: use it from Python"),
    ("classify c.safetensors nothing.txt", DATA, "nothing.txt: No such file or directory"),
    ("info nothing", DATA, "nothing: No such file or directory"),
    # Files without what they should have.
    ("train-lm empty", DATA, "empty: has 0 tokens, too few to learn from"),
    ("train-lm -", DATA, "the standard input: has 0 tokens"),
    ("train-lm latin.txt", DATA, "latin.txt, line 3: is no UTF-8 (invalid start byte at byte 20)"),
    ("train-lm empty --lines", DATA, "empty: has no lines"),
    ("train-classifier empty", DATA, "empty: has no rows"),
    ("train-classifier short.tsv", DATA, "short.tsv, line 3: has 1 column, needs 2 (a tab separates columns"),
    ("train-classifier open.csv", DATA, "open.csv, line 2: unexpected end of data"),
    ("train-classifier three.tsv", DATA, "three.tsv, line 1: has 3 columns (1 'a', 2 'b', 3 'c'): choose 2 columns "
     "with --columns TEXT,LABEL, such as --columns 2,3"),
    ("train-seq2seq stray.tsv", DATA, "stray.tsv, line 2: has 3 columns (1 'c', 2 'd', 3 'e'): choose 2 columns with"),
    ("train-classifier semicolons.csv", DATA, "needs 2 (a comma separates columns; --delimiter semicolon if a "),
    ("train-classifier twice.csv --columns text,label", DATA,
     "twice.csv, line 1: has 2 columns 'text': give the number"),
    ("train-classifier swapped.csv", DATA,
     "swapped.csv, line 1: has a label of 300 characters: are the columns in the"),
    ("train-classifier heading.csv --header", DATA, "heading.csv: has a header, and no rows"),
    ("train-tagger conll.txt", DATA, "conll.txt, line 1: has 4 columns (1 'EU', 2 'NNP', 3 'B-NP', 4 'B-ORG'): "
     "choose 2 columns with --columns TOKENS,LABELS, such as --columns 1,4"),
    ("classify c.safetensors three.tsv", DATA, "choose 1 column with --column TEXT, such as --column 1"),
    ("train-classifier unlabelled.tsv", DATA, "unlabelled.tsv, line 2: has no label"),
    ("train-classifier one.tsv", DATA, "one.tsv: each row has the label 'x'"),
    ("train-classifier reviews.csv --columns text,lable", DATA,
     "there is no column 'lable': there are 'label', 'text'"),
    ("train-classifier turned.csv", DATA, "has the columns 'label' and 'text', and is read as TEXT and LABEL: give "
     "--columns text,label, or else 1,2"),
    ("train-classifier reviews.csv --columns 2,1 --header --validation pairs.tsv", DATA,
     "pairs.tsv, line 2: the model has no label '2'"),
    ("train-classifier latin.txt", DATA, "latin.txt, line 3: is no UTF-8"),
    ("train-tagger uneven.tsv --layout rows", DATA, "uneven.tsv, line 1: has 3 tokens and 2 labels"),
    ("train-tagger column.txt", DATA, "column.txt, line 2: has 1 column, needs 2: a token and its label"),
    ("train-tagger spaces.tsv", DATA, "spaces.tsv, line 1: a token or label 'a b' has white space"),
    ("train-seq2seq sources.txt few.txt", DATA, "sources.txt has 60 lines, and few.txt 2"),
    ("score c.safetensors other.tsv", DATA, "other.tsv, line 1: the model has no label 'so so'"),
    ("classify c.safetensors latin.txt", DATA, "latin.txt, line 3: is no UTF-8"),
    ("classify c.safetensors utf16.txt", DATA, "is no UTF-8 (invalid start byte at byte 0): is it a text?"),
    # Files that are no models, or others.
    ("info text.txt", DATA, "(not a safetensors file, or only the beginning of one: its first 8 bytes"),
    ("info cut.safetensors", DATA, "cut.safetensors: is no file of a model, or is damaged (the file ends"),
    ("info damaged.safetensors", DATA, "damaged.safetensors: "),
    ("sample c.safetensors", DATA, "is a classifier, and this command takes a language model"),
    ("tag c.safetensors", DATA, "is a classifier, and this command takes a tagger"),
    ("translate c.safetensors", DATA, "is a classifier, and this command takes an encoder and decoder"),
    ("score c.safetensors --lines text.txt", DATA, "is a classifier, and this command takes a language model"),
    ("classify features.safetensors", DATA, "reads numbers, and not texts: use it from Python"),
    ("sample lm_ids.safetensors", DATA, "has no vocabulary: use it from Python"),
    ("score regressor.safetensors text.txt", DATA, "is a regressor, which no command of the program takes"),
    ("train-lm text.txt -o m --checkpoint-every 1 --checkpoint c2", DATA, "c2: no checkpoint"),
    ("train-lm text.txt --rate 1e39 --optimizer sgd --clip 0 -q -o m", FAILED,
     ": a lower --rate may help, or --clip 1\n"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "status", "message"), CASES, ids=[line or "nothing" for line, _, _ in CASES])
def test_what_is_wrong_is_told(
    folder: Path, line: str, status: int, message: str, monkeypatch: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    with open(os.devnull) as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        (folder / "c2").write_bytes((folder / "c.safetensors").read_bytes())
        before = {path.name for path in folder.iterdir()}
        try:
            ended = swiftrnn.program.main(line.split())
        except SystemExit as error:  # argparse's own
            ended = error.code
    shown = capsys.readouterr()
    assert ended == status, shown.err
    assert message in shown.err and shown.out == ""
    command = line.split()[0] if line and line.split()[0] in swiftrnn.program.COMMANDS else ""
    # One line; behind the first one there is only a place in a cell's equations.
    assert shown.err.startswith(f"swiftrnn {command}".strip() + ": error: ")
    assert shown.err.count("\n") == 1 or shown.err.endswith("^\n")
    assert {path.name for path in folder.iterdir()} == before


def test_a_process_ends_with_the_status(folder: Path) -> None:
    assert run(folder, "train-lm", status=2).stderr.splitlines()[-1].startswith("swiftrnn train-lm: error: ")
    done = run(folder, "info", "text.txt", status=2)
    assert done.stdout == "" and done.stderr.count("\n") == 1
    assert done.stderr.startswith("swiftrnn info: error: text.txt: is no file of a model, or is damaged (")


@pytest.mark.parametrize("schedule", ["constant", "linear", "step", "exponential", "plateau"])
@pytest.mark.parametrize("optimizer", ["sgd", "adamw", "rmsprop"])
def test_each_schedule_and_optimizer_trains(
    folder: Path, schedule: str, optimizer: str, monkeypatch: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    more = {"step": "--factor 0.5 --factor-every 10", "exponential": "--factor 0.99", "plateau": "--factor 0.5 "
            "--factor-every 1"}.get(schedule, "")  # fmt: skip
    own = f"--optimizer {optimizer} --schedule {schedule} {more}"
    line = f"train-lm text.txt -o s.safetensors --overwrite --hidden 4 --epochs 3 -q {own}"
    assert swiftrnn.program.main(f"{line} --warm-up 5".split()) == 0
    loss = float(capsys.readouterr().out.split("loss ")[1].split(",")[0])
    assert loss < 3.2  # 22 tokens: log 22 is 3.09, of a model that knows nothing
