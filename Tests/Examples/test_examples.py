"""The examples in Python: each runs with --quick, prints figures that make sense, and writes its picture."""

from __future__ import annotations

import subprocess
import sys

import pytest
from conftest import EXAMPLES, environment

PROGRAMS = sorted(path.name for path in EXAMPLES.glob("*.py") if path.name not in ("common.py", "phonemes_torch.py"))


@pytest.mark.parametrize("name", PROGRAMS)
def test_help_lists_the_options_and_says_what_the_example_is(name):
    done = subprocess.run(
        [sys.executable, EXAMPLES / name, "--help"], capture_output=True, text=True, timeout=60, env=environment()
    )
    assert done.returncode == 0, done.stderr
    for option in ("--quick", "--seed", "--threads", "--output", "--no-progress"):
        assert option in done.stdout
    assert len(done.stdout.split("\n\n")) >= 4  # usage, what it is, what it does, options


def test_every_program_is_in_the_table():
    table = (EXAMPLES / "README.md").read_text()
    assert [name for name in PROGRAMS if f"`{name}" not in table] == []


@pytest.mark.parametrize("arguments", [["--epochs", "0"], ["--epochs", "some"], ["--threads", "-1"], ["--unknown"]])
def test_wrong_arguments_end_with_a_message(arguments):
    done = subprocess.run(
        [sys.executable, EXAMPLES / "numbers_to_words.py", *arguments],
        capture_output=True, text=True, timeout=60, env=environment(),
    )  # fmt: skip
    assert done.returncode == 2
    assert "error: " in done.stderr and "Traceback" not in done.stderr


def test_word_language_model(run):
    done = run("word_language_model.py", "--epochs", "3")
    bigram, lstm = done.numbers("bigram, interpolated"), done.numbers("LSTM")
    assert len(bigram) == len(lstm) == 3
    assert all(20 < perplexity < 200 for perplexity in bigram)
    # 1000 words drawn alike would be 1000.
    assert all(20 < perplexity < 250 for perplexity in lstm)
    assert "the expression ... " in done.text
    done.picture("word_language_model.png")


def test_numbers_to_words(run):
    done = run("numbers_to_words.py")
    attention, none = done.numbers("attention"), done.numbers("no attention")
    assert min(attention) >= 0.9
    assert max(none) <= 1
    assert attention[1] >= attention[0] - 0.02  # beam search beside greedy
    done.picture("numbers_to_words.png")


def test_words_to_numbers(run):
    done = run("numbers_to_words.py", "--reverse")
    assert min(done.numbers("attention")) >= 0.9
    done.picture("words_to_numbers.png")


def test_iso_dates(run):
    done = run("iso_dates.py")
    assert min(done.numbers("vector -> ISO")) >= 0.9
    assert min(done.numbers("English -> ISO")) >= 0.95
    assert min(done.numbers("ISO -> English")) >= 0.9
    done.picture("iso_dates.png")


def test_phonemes_here_and_in_torch(run):
    done = run("phonemes.py", "--torch", "--words", "2000", "--epochs", "3")
    loss, errors, words, _ = done.numbers("swiftrnn, greedy")
    torch_loss, torch_errors, *_ = done.numbers("torch, greedy")
    assert 0 < errors < words <= 1
    assert errors < 0.75
    assert loss == pytest.approx(torch_loss, rel=0.01)
    assert errors == pytest.approx(torch_errors, abs=0.05)
    assert done.numbers("swiftrnn, 4 beams")[0] <= errors + 0.1
    done.picture("phonemes.png")


def test_tagger(run):
    done = run("tagger.py")
    both, forward = done.numbers("both directions"), done.numbers("forward only")
    assert both[0] > 0.75
    assert both[0] > forward[0] + 0.05
    assert all(0 <= number <= 1 for number in [*both, *forward])
    assert both[1] == pytest.approx(sum(both[2:]) / 8, abs=1e-3)  # macro F1 is the mean of F1 by label
    done.picture("tagger.png")


def test_digits(run):
    done = run("digits.py")
    assert done.numbers("nearest training picture")[0] > 0.95
    assert done.numbers("GRU, forward, last state")[1] > 0.6
    assert done.numbers("GRU, both directions, attention")[1] > 0.4
    done.picture("digits.png")


def test_sunspots(run):
    done = run("sunspots.py")
    one_step, persistence = done.numbers("one step")
    assert one_step < 0.9 * persistence
    free, cycle = done.numbers("free running, 11 years")
    assert 0 < free < 2 * cycle
    done.picture("sunspots.png")


def test_long_lags(run):
    done = run("long_lags.py")
    assert done.numbers("echo, LSTM")[0] > 0.99
    assert done.numbers("echo, GRU")[0] > 0.99
    assert done.numbers("echo, vanilla")[0] < 0.5
    assert "never" in next(line for line in done.text.splitlines() if line.startswith("echo, vanilla"))
    assert all(0 < done.numbers(f"adding, {name}")[0] < 0.3 for name in ("LSTM", "GRU", "vanilla"))
    done.picture("long_lags.png")


def test_scheduled_sampling(run):
    done = run("scheduled_sampling.py")
    for name in ("teacher forcing", "linear", "exponential", "inverse sigmoid"):
        loss, deviation, distance, *_ = done.numbers(f"waves, {name}")
        assert 0 < loss < 3 and deviation >= 0
        assert 0 < distance <= 8
        loss, deviation, errors, *_ = done.numbers(f"phonemes, {name}")
        assert 0 < loss < 4 and deviation >= 0
        assert 0 < errors <= 1.2
    assert done.text.count(": fewest errors by ") == 2
    done.picture("scheduled_sampling.png")
