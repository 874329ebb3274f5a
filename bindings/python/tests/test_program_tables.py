"""Tables and labelled files of the program: columns, headers, layouts, and what users' files have beside."""

from __future__ import annotations

from pathlib import Path

import pytest

from program_cases import SENTENCES, call
from swiftrnn.models import Classifier, Tagger
from swiftrnn.program._headers import is_header, is_turned_round, suspicion

FEW = ("--hidden", 4, "--epochs", 1, "-q")
ROWS = [("A \"great\" film, really", "pos"), ("awful;\nslow", "neg"), ("good", "pos"), ("bad", "neg")] * 6


def quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The rows above as files of each form, and sentences with tags."""
    made = tmp_path_factory.mktemp("tables")
    plain = "".join(f"{quoted(text)},{label}\n" for text, label in ROWS)
    (made / "plain.csv").write_text(plain)
    (made / "named.csv").write_text(f"text,label\n{plain}")
    (made / "odd.csv").write_text(f"Kritik,Urteil\n{plain}")
    numbered = "".join(f"{number},{quoted(text)},{label}\n" for number, (text, label) in enumerate(ROWS))
    (made / "three.csv").write_text(f"id,review,sentiment\n{numbered}")
    windows = f"text,label\n\n{plain}\n\n".replace("\n", "\r\n").encode()
    (made / "windows.csv").write_bytes(b"\xef\xbb\xbf" + windows)
    (made / "conll.txt").write_text(conll(" "))
    (made / "conll.tsv").write_text(conll("\t"))
    (made / "headed.tsv").write_text("token\tpos\tlabel\n" + conll("\t"))
    (made / "sentences.txt").write_text("".join(" ".join(tokens) + "\n" for tokens, _ in SENTENCES))
    call(made, "train-tagger", "conll.txt", "--columns", "1,3", "-o", "tagger.st", "--hidden", 16, "--rate", 0.02, "-q",
        "--validation", 0)  # fmt: skip
    call(made, "train-classifier", "plain.csv", "-o", "c.st", *FEW)
    return made


def conll(separator: str) -> str:
    """Sentences with a token, a number and a label in each line."""
    sentences = (
        "".join(f"{token}{separator}7{separator}{label}\n" for token, label in zip(tokens, labels))
        for tokens, labels in SENTENCES * 6
    )
    return "\n".join(sentences)


# ---- Headers and columns ----


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("plain.csv", ""),
        ("plain.csv --no-header", ""),
        ("named.csv --header", ""),
        ("named.csv --columns text,label", ""),
        ("named.csv", "note: named.csv, line 1: 'text', 'label' is taken as a header"),
        ("odd.csv --header", ""),
        ("odd.csv --columns Kritik,Urteil", ""),
        ("three.csv --columns review,sentiment", ""),
        ("three.csv --columns 2,sentiment", ""),
        ("three.csv --columns 2,3 --header", ""),
        ("three.csv --columns 2,3", "note: three.csv, line 1: 'review', 'sentiment' is taken as a header"),
        ("windows.csv --header", ""),
    ],
)  # fmt: skip
def test_the_same_rows_give_the_same_model(folder: Path, told: str, shown: str) -> None:
    done = call(folder, "train-classifier", *told.split(), "-o", "same.st", "--overwrite", *FEW)
    assert done.stderr.startswith(shown) and done.stderr.count("\n") == (1 if shown else 0), done.stderr
    own, expected = Classifier.load(folder / "same.st"), Classifier.load(folder / "c.st")
    assert own.target_vocabulary is not None and expected.target_vocabulary is not None
    assert sorted(own.target_vocabulary.tokens) == ["neg", "pos"]
    if "windows" not in told:  # whose lines of a text end otherwise
        assert (folder / "same.st").read_bytes() == (folder / "c.st").read_bytes()


def test_a_likely_header_is_warned_about_and_is_data(folder: Path) -> None:
    done = call(folder, "train-classifier", "odd.csv", "-o", "odd.st", *FEW)
    assert done.stderr == (
        "warning: odd.csv, line 1: is taken as data, but no other row has the label 'Urteil': if the line is a header, "
        "give --header, else --no-header\n"
    )
    labels = Classifier.load(folder / "odd.st").target_vocabulary
    assert labels is not None and "Urteil" in labels.tokens
    assert call(folder, "train-classifier", "odd.csv", "--no-header", "-o", "odd2.st", *FEW).stderr == ""


def test_headers_are_told_by_names_and_numbers() -> None:
    data = [["a b", "x"], ["c", "y"], ["d", "x"], ["e", "y"]]
    assert is_header([["Text", " LABEL "], *data], (0, 1))
    assert not is_header([["text", "label"]], (0, 1))  # a file of one row
    assert not is_header([["text", "mine"], *data], (0, 1))
    assert not is_header([["text", "text"], *data], (0, 1))
    assert not is_header([["text", "x", "label"], ["a", "x", "label"]], (0, 2))  # which is there again
    assert not is_header([["text", "3", "label"], ["a", "4", "b"]], (0, 2))
    assert suspicion([["n", "word"], *[[str(n), "w"] for n in range(4)]], (0, 1), None) is not None
    assert suspicion([["1", "word"], *[[str(n), "w"] for n in range(4)]], (0, 1), None) is None
    assert suspicion([["t", "Urteil"], *data], (0, 1), 1) == "no other row has the label 'Urteil'"
    assert suspicion([["t", "x"], *data], (0, 1), 1) is None
    assert suspicion([["t", "z"], *data[:3]], (0, 1), 1) is None  # too few rows for anything
    assert is_turned_round(["Label", "text"]) and not is_turned_round(["text", "label"])


def test_what_is_likely_to_be_wrong_is_warned_about(folder: Path) -> None:
    (folder / "ids.tsv").write_text("".join(f"some text\t{number}\n" for number in range(20)))
    done = call(folder, "train-classifier", "ids.tsv", "-o", "ids.st", *FEW)
    assert done.stderr == (
        "warning: ids.tsv: has 20 labels in 20 rows: are the columns in the order of TEXT,LABEL? --columns chooses "
        "them\n"
    )
    (folder / "whole.tsv").write_text("a\tX\n" * 101)
    done = call(folder, "train-tagger", "whole.tsv", "-o", "whole.st", *FEW)
    assert done.stderr.startswith("warning: whole.tsv: has no empty line between sequences: all 101 tokens are one")
    (folder / "whole.tsv").write_text("a\tX\n" * 100)
    assert call(folder, "train-tagger", "whole.tsv", "-o", "whole2.st", *FEW).stderr == (
        "note: no validation: 0.1 of 1 sequence is nothing; --validation FILE gives other data\n"
    )


def test_a_table_is_not_read_as_lines(folder: Path) -> None:
    done = call(folder, "classify", "c.st", "named.csv", status=2)
    assert "has 2 columns (1 'text', 2 'label'): choose 1 column with --column TEXT" in done.stderr
    answers = call(folder, "classify", "c.st", "named.csv", "--column", "text").stdout
    assert len(answers.splitlines()) == len(ROWS)
    done = call(folder, "classify", "c.st", "named.csv", "--column", 1)
    assert done.stdout == answers and done.stderr.startswith("note: named.csv, line 1: 'text' is taken as a header")
    (folder / "one.csv").write_text("".join(f"{quoted(text)}\n" for text, _ in ROWS))
    assert call(folder, "classify", "c.st", "one.csv").stdout == answers
    done = call(folder, "classify", "c.st", "--delimiter", "comma", input=(folder / "one.csv").read_text())
    assert done.stdout == answers


# ---- Labelled tokens ----


def test_columns_of_tokens_may_have_a_header_and_names(folder: Path) -> None:
    call(folder, "train-tagger", "conll.tsv", "--columns", "1,3", "-o", "tabs.st", *FEW)
    call(folder, "train-tagger", "headed.tsv", "--columns", "token,label", "-o", "named.st", *FEW)
    done = call(folder, "train-tagger", "headed.tsv", "--columns", "1,3", "-o", "noted.st", *FEW)
    assert done.stderr.startswith("note: headed.tsv, line 1: 'token', 'pos', 'label' is taken as a header")
    for name in ("named.st", "noted.st"):
        assert (folder / name).read_bytes() == (folder / "tabs.st").read_bytes()


def test_commas_and_quotation_marks_may_be_tokens(folder: Path) -> None:
    (folder / "marks.csv").write_text('"a, b","X Y"\n""""" c,Z\n'.replace('""""" c', '""" c"') * 4)
    call(folder, "train-tagger", "marks.csv", "--layout", "rows", "-o", "marks.st", *FEW, status=2)  # 2 tokens, 1 label
    (folder / "marks.csv").write_text('",",COMMA\n"""",QUOTE\na,WORD\n\n' * 4)
    call(folder, "train-tagger", "marks.csv", "-o", "marks.st", *FEW)
    words = Tagger.load(folder / "marks.st").vocabulary
    assert words is not None and sorted(words.tokens) == ['"', ",", "<unk>", "a"]


@pytest.mark.parametrize("name", ["conll.tsv", "headed.tsv"])
def test_labels_of_a_labelled_file_are_not_tagged(folder: Path, name: str) -> None:
    done = call(folder, "tag", "tagger.st", name)
    expected = "".join(
        "".join(f"{token}\t{label}\n" for token, label in zip(*pair)) + "\n" for pair in SENTENCES * 6
    )
    assert done.stdout == expected
    assert call(folder, "tag", "tagger.st", "--layout", "columns", input=conll("\t")).stdout == expected
    assert call(folder, "tag", "tagger.st", "--column", 1, input=conll("\t")).stdout == expected
    rows = "".join(" ".join(labels) + "\n" for _, labels in SENTENCES * 6)
    assert call(folder, "tag", "tagger.st", name, "--output-layout", "rows").stdout == rows


def test_columns_of_spaces_are_refused_unless_they_are_asked_for(folder: Path) -> None:
    done = call(folder, "tag", "tagger.st", "conll.txt", status=2)
    assert done.stdout == "" and "'the 7 D' ends with a label of the model: --layout columns reads" in done.stderr
    columns = call(folder, "tag", "tagger.st", "conll.txt", "--layout", "columns").stdout
    assert columns == call(folder, "tag", "tagger.st", "conll.tsv").stdout
    rows = call(folder, "tag", "tagger.st", "--layout", "rows", "--output-layout", "rows", input="the D\n").stdout
    assert len(rows.split()) == 2


def test_other_columns_than_the_first_may_have_the_tokens(folder: Path) -> None:
    turned = "".join(f"{label}\t{token}\n" for token, label in zip(*SENTENCES[0]))
    done = call(folder, "tag", "tagger.st", "--column", 2, input=turned)
    assert done.stdout == "the\tD\ncat\tN\nsat\tV\n\n"
    (folder / "rows.csv").write_text("id,words\n1,the cat sat\n2,cat ran\n")
    done = call(folder, "tag", "tagger.st", "rows.csv", "--column", "words", "--output-layout", "rows")
    assert done.stdout == "D N V\nN V\n"
    done = call(folder, "tag", "tagger.st", "rows.csv", "--header", status=2)
    assert "choose 1 column with --column TOKENS" in done.stderr


def test_scores_by_label_are_those_of_the_definitions(folder: Path) -> None:
    shown = call(folder, "score", "tagger.st", "conll.txt", "--columns", "1,3", "--by-label").stdout
    above, _, table = shown.partition("\n\n")
    assert "accuracy\t1" in above
    rows = [line.split("\t") for line in table.splitlines()]
    assert rows[0] == ["label", "precision", "recall", "F1", "count"]
    counts = {label: sum(labels.count(label) for _, labels in SENTENCES * 6) for label in "DNVA"}
    assert {row[0]: int(row[4]) for row in rows[1:-1]} == counts
    assert all(row[1:4] == ["1.0000"] * 3 for row in rows[1:])
    # Labels that are wrong on purpose: of every N half is V, of which the model knows nothing.
    wrong = "".join("cat\t7\tN\ncat\t7\tV\n\n" for _ in range(4))
    predicted = call(folder, "tag", "tagger.st", "--output-layout", "rows", input="cat\t\ncat\t\n\n").stdout.split()
    shown = call(folder, "score", "tagger.st", "--columns", "1,3", "--by-label", input=wrong).stdout
    found = {row[0]: row[1:] for row in (line.split("\t") for line in shown.partition("\n\n")[2].splitlines())}
    for place, label in enumerate("NV"):
        right = 4 * (predicted[place] == label)
        given = 4 * predicted.count(label)
        precision, recall = right / given if given else 0, right / 4
        mean = 2 * precision * recall / (precision + recall) if right else 0
        assert [float(one) for one in found[label]] == pytest.approx([precision, recall, mean, 4], abs=1e-4)


def test_classes_are_scored_by_label(folder: Path) -> None:
    shown = call(folder, "score", "c.st", "plain.csv", "--by-label").stdout
    assert "\nneg\t" in shown and "\npos\t" in shown and "\nmean of labels\t" in shown and "rows\t24" in shown
