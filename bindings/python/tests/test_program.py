"""The program `swiftrnn`: each command from end to end, as a process with pipes."""

from __future__ import annotations

import importlib
import json
import math
import shlex
from pathlib import Path
from typing import Any

import pytest

from program_cases import PAIRS, REVIEWS, SENTENCES, TEXT, run, start, write_data
from swiftrnn.models import Classifier, EncoderDecoder, LanguageModel, Tagger
from swiftrnn.program import COMMANDS, main, make_parser


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data, and a small model of each kind that the program trained on these."""
    made = tmp_path_factory.mktemp("program")
    write_data(made)
    run(made, "train-lm", "text.txt", "-o", "lm.safetensors", "--hidden", 48, "--epochs", 12, "--rate", 0.02,
        "--batch-size", 4, "--steps", 16, "-q")  # fmt: skip
    run(made, "train-tagger", "tags.tsv", "-o", "tagger.safetensors", "--hidden", 16, "--rate", 0.02, "-q",
        "--validation", 0)  # fmt: skip
    run(made, "train-classifier", "reviews.csv", "--columns", "text,label", "-o", "classifier.safetensors", "--hidden",
        16, "--rate", 0.02, "-q", "--validation", 0)  # fmt: skip
    run(made, "train-seq2seq", "pairs.tsv", "-o", "seq2seq.safetensors", "--hidden", 32, "--epochs", 40, "--batch-size",
        8, "--rate", 0.01, "-q", "--validation", 0)  # fmt: skip
    return made


def numbers(output: str) -> dict[str, float]:
    return {name: float(value) for name, value in (line.split("\t") for line in output.splitlines())}


# ---- Language models ----


def test_a_training_prints_plain_lines_in_a_pipe_and_tells_its_file(folder: Path) -> None:
    done = run(folder, "train-lm", "text.txt", "-o", "a.safetensors", "--hidden", 8, "--epochs", 3)
    lines = done.stderr.splitlines()
    assert [line.split(",")[0] for line in lines] == ["epoch 1", "epoch 2", "epoch 3"]
    assert all("validation" in line and "\r" not in line for line in lines)
    assert done.stdout.startswith("saved a.safetensors: ") and done.stdout.count("\n") == 1
    assert not (folder / "a.safetensors.checkpoint").exists()
    assert isinstance(LanguageModel.load(folder / "a.safetensors"), LanguageModel)


def test_a_text_of_the_standard_input_gives_the_bits_of_its_file(folder: Path) -> None:
    told = ("--hidden", 8, "--epochs", 1, "-q", "--seed", 3)
    run(folder, "train-lm", "text.txt", "-o", "f.safetensors", *told)
    run(folder, "train-lm", "-", "-o", "s.safetensors", *told, input=TEXT)
    run(folder, "train-lm", "text.txt", "-o", "t.safetensors", *told, "--threads", 1)
    assert (folder / "f.safetensors").read_bytes() == (folder / "s.safetensors").read_bytes()
    assert (folder / "f.safetensors").read_bytes() == (folder / "t.safetensors").read_bytes()


def test_a_sample_is_what_the_model_writes(folder: Path) -> None:
    model = LanguageModel.load(folder / "lm.safetensors")
    greedy = run(folder, "sample", "lm.safetensors", "--prompt", "the c", "--temperature", 0, "--length", 40).stdout
    assert greedy == "the c" + model.generate("the c", 40, temperature=0) + "\n"
    assert greedy[:7] == "the cat"
    drawn = run(folder, "sample", "lm.safetensors", "--seed", 5, "--count", 3, "--length", 9, "--prompt", "a").stdout
    assert drawn == "".join(
        f"a{text}\n" for text in model.generate("a", 9, temperature=0.8, seed=5, count=3)
    )
    beams = run(folder, "sample", "lm.safetensors", "--beams", 3, "--count", 2, "--length", 9, "--prompt", "a").stdout
    assert beams == "".join(f"a{text}\n" for text in model.generate("a", 9, beams=3, count=2))


def test_a_text_is_scored_whole_and_by_lines(folder: Path) -> None:
    model = LanguageModel.load(folder / "lm.safetensors")
    found = numbers(run(folder, "score", "lm.safetensors", "text.txt").stdout)
    expected = model.evaluate(TEXT)
    assert found["loss"] == pytest.approx(expected.loss, rel=1e-5) and found["loss"] < 1
    assert found["perplexity"] == pytest.approx(math.exp(found["loss"]), rel=1e-5)
    assert found["bits per character"] == pytest.approx(found["loss"] / math.log(2), rel=1e-5)
    lines = ["the cat sat", "tac eht"]
    done = run(folder, "score", "lm.safetensors", "--lines", input="\n".join([lines[0], "", lines[1]]))
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert [row[3] for row in rows] == lines and [int(row[1]) for row in rows] == [10, 6]
    assert [float(row[0]) for row in rows] == pytest.approx(list(model.score(lines)), abs=1e-4)
    for chance, count, perplexity, _ in rows:
        assert float(perplexity) == pytest.approx(math.exp(-float(chance) / int(count)), rel=1e-3)


def test_lines_are_texts_with_a_beginning_and_an_end(folder: Path) -> None:
    run(folder, "train-lm", "names.txt", "--lines", "-o", "names.safetensors", "--hidden", 32, "--epochs", 60, "--rate",
        0.02, "--batch-size", 8, "-q")  # fmt: skip
    written = run(folder, "sample", "names.safetensors", "--count", 8, "--seed", 0, "--temperature", 0.3).stdout
    assert set(written.split()) <= {"anna", "bob", "hannah", "otto"} and len(written.splitlines()) == 8
    assert numbers(run(folder, "score", "names.safetensors", "names.txt").stdout)["tokens"] == 6 * (5 + 4 + 7 + 5)


def test_a_file_above_the_limit_of_memory_is_read_as_a_stream(folder: Path, monkeypatch: Any, capsys: Any) -> None:
    import swiftrnn.program._language as language

    monkeypatch.setattr(language, "IN_MEMORY", 100)
    monkeypatch.chdir(folder)
    own = ["--hidden", "8", "--epochs", "2", "-q", "--batch-size", "4", "--steps", "16", "-o", "stream.safetensors",
           "--overwrite"]  # fmt: skip
    assert main(["train-lm", "text.txt", *own, "--validation", "text.txt"]) == 0
    assert "validation" in capsys.readouterr().out
    streamed = (folder / "stream.safetensors").read_bytes()
    assert main(["score", "stream.safetensors", "text.txt"]) == 0
    by_stream = capsys.readouterr().out
    assert main(["train-lm", "text.txt", *own, "--validation", "0.5"]) == 2
    assert "no share of a file" in capsys.readouterr().err
    monkeypatch.setattr(language, "IN_MEMORY", 1 << 20)
    assert main(["train-lm", "text.txt", *own, "--validation", "text.txt"]) == 0
    capsys.readouterr()
    assert (folder / "stream.safetensors").read_bytes() == streamed
    assert main(["score", "stream.safetensors", "text.txt"]) == 0
    assert capsys.readouterr().out == by_stream


# ---- Encoders and decoders ----


def test_sources_are_translated_line_by_line(folder: Path) -> None:
    told = "".join(f"{source}\n" for source, _ in PAIRS)
    shown = run(folder, "translate", "seq2seq.safetensors", input=told).stdout
    assert shown.splitlines() == [target for _, target in PAIRS]
    # Empty lines stay where they are; a line without an end is a line.
    assert run(folder, "translate", "seq2seq.safetensors", input="2\n\n1").stdout == "two\n\none\n"
    beams = run(folder, "translate", "seq2seq.safetensors", "--beams", 4, "--count", 2, input="3\n").stdout
    best, second, end = beams.split("\n", 2)
    assert best.split("\t")[1] == "three" and float(best.split("\t")[0]) > float(second.split("\t")[0]) and end == "\n"
    assert run(folder, "translate", "seq2seq.safetensors").stdout == ""


def test_sources_may_be_a_column(folder: Path) -> None:
    (folder / "s.csv").write_text('id,source\n7,"1 2"\n8,3\n')
    done = run(folder, "translate", "seq2seq.safetensors", "s.csv", "--column", "source")
    assert done.stdout == "one two\nthree\n"


def test_pairs_of_two_files_give_the_bits_of_pairs_in_columns(folder: Path) -> None:
    told = ("--hidden", 8, "--epochs", 1, "-q", "--validation-targets", "targets.txt", "--validation", "sources.txt")
    run(folder, "train-seq2seq", "sources.txt", "targets.txt", "-o", "two.safetensors", *told)
    run(folder, "train-seq2seq", "pairs.tsv", "-o", "one.safetensors", *told[:5], "--validation", "pairs.tsv")
    assert (folder / "two.safetensors").read_bytes() == (folder / "one.safetensors").read_bytes()


def test_what_is_drawn_is_a_function_of_the_seed(folder: Path) -> None:
    told = ("translate", "seq2seq.safetensors", "--temperature", 3, "--seed", 4)
    first = run(folder, *told, input="1\n2\n3\n").stdout
    assert first == run(folder, *told, input="1\n2\n3\n").stdout and first.count("\n") == 3
    model = EncoderDecoder.load(folder / "seq2seq.safetensors")
    assert first.splitlines() == model.generate(["1", "2", "3"], temperature=3.0, seed=4)


def test_pairs_are_scored(folder: Path) -> None:
    found = numbers(run(folder, "score", "seq2seq.safetensors", "pairs.tsv").stdout)
    assert found["exact"] == 1 and 0 < found["loss"] < 0.2 and found["tokens"] == 10 * 15


# ---- Taggers ----


def test_tokens_are_tagged(folder: Path) -> None:
    columns = run(folder, "tag", "tagger.safetensors", input="the dog sat\n\ncat ran\n").stdout
    assert columns == "the\tD\ndog\tN\nsat\tV\n\ncat\tN\nran\tV\n\n"
    rows = run(folder, "tag", "tagger.safetensors", "--output-layout", "rows", input="the dog sat\n\ncat ran\n").stdout
    assert rows == "D N V\n\nN V\n"


def test_both_layouts_of_tags_give_the_same_bits(folder: Path) -> None:
    told = ("--hidden", 8, "--epochs", 1, "-q", "--seed", 2)
    run(folder, "train-tagger", "tags.tsv", "-o", "columns.safetensors", *told)
    run(folder, "train-tagger", "tags.csv", "--columns", "words,tags", "-o", "rows.safetensors", *told)
    run(folder, "train-tagger", "-", "-o", "input.safetensors", *told, input=(folder / "tags.tsv").read_text())
    assert (folder / "columns.safetensors").read_bytes() == (folder / "rows.safetensors").read_bytes()
    assert (folder / "columns.safetensors").read_bytes() == (folder / "input.safetensors").read_bytes()
    assert isinstance(Tagger.load(folder / "rows.safetensors"), Tagger)


def test_tags_are_scored(folder: Path) -> None:
    found = numbers(run(folder, "score", "tagger.safetensors", "tags.tsv").stdout)
    assert found["accuracy"] == 1 and found["tokens"] == 6 * sum(len(tokens) for tokens, _ in SENTENCES)


# ---- Classifiers ----


def test_texts_are_classified(folder: Path) -> None:
    told = "".join(f"{text}\n" for text, _ in REVIEWS)
    assert run(folder, "classify", "classifier.safetensors", input=told).stdout.split() == [one for _, one in REVIEWS]
    assert run(folder, "classify", "classifier.safetensors", input="so good\n\n").stdout == "good\n\n"
    found = run(folder, "classify", "classifier.safetensors", "--probabilities", input="so good\n").stdout
    first, high, second, low = found.split()
    assert (first, second) == ("good", "bad") and float(high) > float(low)
    assert float(high) + float(low) == pytest.approx(1, abs=2e-4)
    model = Classifier.load(folder / "classifier.safetensors")
    assert model.predict(["so good"]) == ["good"]


def test_texts_may_be_a_column_and_are_scored(folder: Path) -> None:
    done = run(folder, "classify", "classifier.safetensors", "reviews.csv", "--column", 2, "--header")
    assert done.stdout.split() == [label for _, label in REVIEWS * 8]
    found = numbers(run(folder, "score", "classifier.safetensors", "reviews.csv", "--columns", "text,label").stdout)
    assert found["accuracy"] == 1 and found["rows"] == 32


# ---- Files, help ----


@pytest.mark.parametrize("kind", ["lm", "tagger", "classifier", "seq2seq"])
def test_info_tells_what_a_file_has(folder: Path, kind: str) -> None:
    shown = run(folder, "info", f"{kind}.safetensors").stdout
    assert "hidden_size" in shown and "\nparameters\n" in shown and "\nvocabulary\n" in shown
    told = json.loads(run(folder, "info", f"{kind}.safetensors", "--json").stdout)
    assert told["parameters"] == sum(math.prod(shape) for shape in told["tensors"].values())
    assert told["bytes"] == (folder / f"{kind}.safetensors").stat().st_size and told["vocabularies"]["vocabulary"]


def test_an_answer_comes_before_the_next_line_is_read(folder: Path) -> None:
    for name, model, line, answer in (
        ("translate", "seq2seq", "2 3", "two three"), ("classify", "classifier", "so good", "good"),
        ("tag", "tagger", "the", "the\tD"),
    ):  # fmt: skip
        with start(folder, name, f"{model}.safetensors") as process:
            assert process.stdin is not None and process.stdout is not None
            process.stdin.write(f"{line}\n")
            process.stdin.flush()
            assert process.stdout.readline() == f"{answer}\n"
            process.stdin.close()
            assert process.wait(60) == 0


def test_a_reader_that_leaves_is_no_error(folder: Path) -> None:
    with start(folder, "sample", "lm.safetensors", "--count", "400", "--length", "400") as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.wait(60) == 141
        assert process.stderr.read() == ""


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_help_has_examples_that_parse(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        make_parser().parse_args([name, "--help"])
    shown = capsys.readouterr().out
    assert ended.value.code == 0 and "examples:" in shown and f"usage: swiftrnn {name}" in shown
    for line in COMMANDS[name].examples.splitlines():
        assert f"  {line}\n" in shown
        words = shlex.split(line)
        words = words[words.index("swiftrnn") + 1 :]
        ends = [words.index(mark) for mark in ("<", ">", "|") if mark in words]
        assert make_parser().parse_args(words[: min(ends, default=len(words))]).command == name


def test_the_program_lists_its_commands(tmp_path: Path) -> None:
    shown = run(tmp_path, "--help").stdout
    assert all(f"    {name}" in shown for name in COMMANDS)
    import swiftrnn

    assert run(tmp_path, "--version").stdout == f"swiftrnn {swiftrnn.__version__}\n"


def test_files_may_be_between_flags() -> None:
    for line in (
        "m f --count 2 --beams 3", "--count 2 m --beams 3 f", "m --count 2 f --beams 3", "m --count 2 --beams 3 f"
    ):  # fmt: skip
        found = make_parser().parse_args(["translate", *line.split()])
        assert (found.model, found.file, found.count, found.beams) == ("m", "f", 2, 3)
    assert make_parser().parse_args(["translate", "--beams", "3", "m"]).file == "-"


def test_the_entry_point_is_the_program() -> None:
    project = (Path(__file__).resolve().parents[1] / "pyproject.toml").read_text()
    scripts = project.partition("[project.scripts]\n")[2].splitlines()[0]
    module, name = scripts.partition(" = ")[2].strip('"').split(":")
    assert scripts.startswith("swiftrnn = ") and getattr(importlib.import_module(module), name) is main


def test_commands_of_the_page_parse() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "program.md").read_text()
    lines = [line for line in page.splitlines() if line.startswith("$ ") and "swiftrnn " in line]
    assert len(lines) == 8
    for line in lines:
        words = shlex.split(line.removeprefix("$ ").split("| ")[-1])
        assert words[0] == "swiftrnn" and make_parser().parse_args(words[1:]).command == words[1]
    assert all(f"| `{name}" in page for name in COMMANDS)
