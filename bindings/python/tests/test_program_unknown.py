"""The program tells of tokens that a model does not know, in each command that reads texts."""

from __future__ import annotations

from pathlib import Path

import pytest

from program_cases import call, write_data

FEW = ("--hidden", 4, "--epochs", 1, "-q")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("unknown")
    write_data(made)
    (made / "known.txt").write_text("one two three\n" * 40)
    call(made, "train-lm", "known.txt", "--tokens", "words", "-o", "lm", *FEW)
    call(made, "train-lm", "known.txt", "--tokens", "words", "--lines", "-o", "lines", *FEW)
    call(made, "train-tagger", "tags.tsv", "-o", "tagger", *FEW)
    call(made, "train-classifier", "reviews.csv", "--columns", "text,label", "-o", "classifier", *FEW)
    call(made, "train-seq2seq", "pairs.tsv", "-o", "pairs", *FEW)
    return made


NOTE = ": the model knows {} of {}, and reads others as <unk>\n"


@pytest.mark.parametrize(
    "command, text, known, count",
    [
        ("translate pairs", "zzz yyy\n\nzzz\n", 0, "3 tokens"),
        ("classify classifier", "a zzz\nyyy\n", 1, "3 tokens"),
        ("tag tagger", "zzz\n", 0, "1 token"),
        ("score lm --lines", "one zzz three\none two\n", 4, "5 tokens"),
    ],
)
def test_unknown_tokens_are_told(folder: Path, command: str, text: str, known: int, count: str) -> None:
    assert call(folder, *command.split(), input=text).stderr == "note: the standard input" + NOTE.format(known, count)


def test_known_tokens_are_not_told(folder: Path) -> None:
    for command, text in (("translate pairs", "\n"), ("score lm --lines", "one two\n"), ("sample lm", "")):
        assert call(folder, *command.split(), input=text).stderr == ""
    told = call(folder, "sample", "lm", "--prompt", "one zzz", "--length", 2)
    assert told.stderr == "note: --prompt" + NOTE.format(1, "2 tokens")


def test_a_score_has_the_share_of_unknown_tokens(folder: Path) -> None:
    (folder / "some.txt").write_text("one zzz three one\n" * 4)
    rows = dict(line.split("\t") for line in call(folder, "score", "lm", "some.txt").stdout.splitlines())
    assert float(rows["unknown"]) == pytest.approx(4 / 15, rel=1e-5)
    assert call(folder, "score", "lines", "some.txt").stderr == ""
    (folder / "all.txt").write_text("zzz yyy\n" * 9)
    assert call(folder, "score", "lm", "all.txt").stderr.startswith("warning: data: the vocabulary lacks 100% of the")
