"""What the demo says is so: the same text from C, the same parameters on any number of threads, the perplexities."""

import json
import math
import re
import subprocess

import numpy as np
import pytest
import torch
from conftest import DEMO, PROGRAM, ROOT


def test_c_samples_the_same_text(run):
    assert "byte for byte the same" in run.output
    swift, c = ((ROOT / f"build/demo/sample-from-{language}.txt").read_bytes() for language in ("swift", "c"))
    assert swift == c and len(swift) == 400


def test_progress_is_plain_lines_where_nobody_watches(run):
    assert "\r" not in run.output and "\x1b" not in run.output
    assert re.search(r"step 60  loss \d+\.\d{3}  perplexity \d+\.\d\d  \d+ bytes/s  0:00 left\n", run.output)


def test_threads_do_not_change_the_parameters(run, tmp_path):
    alone = tmp_path / "alone.safetensors"
    subprocess.run(
        ["taskset", "-c", "0", PROGRAM, "--text", run.text, *run.settings, "--save", alone],
        check=True,
        capture_output=True,
    )
    assert alone.read_bytes() == run.parameters.read_bytes()


def printed(run, name: str) -> float:
    return float(re.search(rf"^  {name} +([\d.]+)$", run.output, re.MULTILINE)[1])


def load(path):
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    metadata = header.pop("__metadata__")
    data = content[8 + size :]
    return metadata, {
        name: torch.from_numpy(np.frombuffer(data[slice(*entry["data_offsets"])], "<f4").reshape(entry["shape"]).copy())
        for name, entry in header.items()
    }


def test_perplexity_is_torchs(run):
    """The same parameters in torch, in float64, over the held-out bytes with the state carried."""
    metadata, parameters = load(run.parameters)
    configuration = json.loads(metadata["configuration"])
    network = configuration["network"]
    lstm = torch.nn.LSTM(configuration["input"]["embedding_size"], network["hidden_size"], network["num_layers"])
    prefix = "network."
    lstm.load_state_dict({n.removeprefix(prefix): value for n, value in parameters.items() if n.startswith(prefix)})
    lstm.double()
    ids = torch.tensor(list(run.text.read_bytes()))
    # 2000 held-out bytes are one piece.
    ids = ids[len(ids) - len(ids) // 10 :]
    with torch.no_grad():
        y = lstm(parameters["embedding.weight"].double()[ids[:-1]][:, None])[0][:, 0]
        logits = y @ parameters["output.weight"].double().T + parameters["output.bias"].double()
        expected = math.exp(torch.nn.functional.cross_entropy(logits, ids[1:]))
    assert expected < 60, "has learned something"
    assert printed(run, "LSTM") == pytest.approx(expected, abs=2e-3)


def test_bigram_model(run):
    """Weights that a search over a grid can't improve on, and probabilities that are counted another way."""
    ids = np.frombuffer(run.text.read_bytes(), np.uint8).astype(int)
    split = len(ids) - len(ids) // 10
    tuning = split - split // 10

    def terms(counted: int, begin: int, end: int) -> np.ndarray:
        pairs = np.zeros((256, 256))
        np.add.at(pairs, (ids[: counted - 1], ids[1:counted]), 1)
        firsts = pairs.sum(1)
        a, b = ids[begin - 1 : end - 1], ids[begin:end]
        singles = np.bincount(ids[:counted], minlength=256)[b] / counted
        return np.stack([pairs[a, b] / np.maximum(firsts[a], 1), singles, np.full(len(a), 1 / 256), firsts[a] > 0])

    def parts(weights, terms) -> np.ndarray:
        """The three terms of p. After a byte that has never been followed by any, two must do."""
        p = np.asarray(weights)[:, None] * terms[:3]
        return np.where(terms[3], p, p / (1 - weights[0]))

    def perplexity(weights, terms) -> float:
        return math.exp(-np.log(parts(weights, terms).sum(0)).mean())

    weights = np.full(3, 1 / 3)
    fitted = terms(tuning, tuning, split)
    for _ in range(20):
        p = parts(weights, fitted)
        weights = (1 + (p / p.sum(0)).sum(1)) / (3 + split - tuning)
    expected = perplexity(weights, terms(split, split, len(ids)))
    assert printed(run, "interpolated bigram") == pytest.approx(expected, abs=1e-3)
    assert printed(run, "ratio") == pytest.approx(printed(run, "LSTM") / expected, abs=1e-3)
    grid = np.linspace(0.005, 0.99, 80)
    best = min(perplexity((w2, w1, 1 - w2 - w1), fitted) for w2 in grid for w1 in grid if w2 + w1 < 0.9999)
    assert perplexity(weights, fitted) < 1.01 * best


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--text", "/nowhere/text"], "can't read"),
        (["--steps"], "--steps needs a value"),
        (["--steps="], "--steps needs a value"),
        (["--stride", "3"], "unknown option --stride"),
        (["--text", __file__, "--seconds", "soon"], "--seconds is soon, must be in 0.1...10000000"),
        (["--seconds=0.05"], "--seconds is 0.05, must be in 0.1...10000000"),
        (["--steps", "0"], "--steps is 0, must be in 1...1000000000"),
        (["--hidden", "4097"], "--hidden is 4097, must be in 1...4096"),
        (["--layers", "-1"], "--layers is -1, must be in 1...16"),
        (["--seed", "18446744073709551616"], "--seed is 18446744073709551616, must be in 0...18446744073709551615"),
        (["--temperature", "1e3"], "--temperature is 1e3, must be in 0.0...100"),
        (["--length", "1.5"], "--length is 1.5, must be in 0...100000000"),
        (["--text", "/"], "can't read /"),
        (["--text", DEMO.parent / "requirements-build.txt"], "bytes; at least 4096 are needed"),
        (["--save", "/nowhere/model"], "can't write /nowhere/model: there is no folder /nowhere"),
        (["--save", "/"], "can't write /"),
    ],
)
def test_refusals_of_the_script(arguments, message):
    """Before anything is built."""
    result = subprocess.run([DEMO, *arguments], capture_output=True, text=True, check=False)
    assert result.returncode == 1 and message in result.stderr and not result.stdout


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "4095 bytes; at least 4096"),
        (["--text", "/nowhere/text"], "No such file"),
        (["how", "3"], "unknown option how"),
        (["--steps"], "--steps needs a value"),
        (["--hidden", "0"], "--hidden is 0, must be in 1...4096"),
        (["--seconds", "nan"], "--seconds is nan"),
        (["--save", "/nowhere/model"], "can't write /nowhere/model"),
    ],
)
def test_refusals_of_the_program(run, tmp_path, arguments, message):
    short = tmp_path / "short"
    short.write_bytes(run.text.read_bytes()[: 4096 if "--save" in arguments else 4095])
    result = subprocess.run([PROGRAM, "--text", short, *arguments], capture_output=True, text=True, check=False)
    assert result.returncode == 1 and message in result.stderr


def test_a_missed_goal_fails(run):
    result = subprocess.run(
        [PROGRAM, "--text", run.text, "--steps", "1", "--hidden", "1", "--length", "0", "--largest-ratio", "0.75"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1 and "times the bigram model's after 1 steps" in result.stderr


def test_any_bytes_will_do(tmp_path):
    binary, sample = tmp_path / "binary", tmp_path / "sample"
    binary.write_bytes(bytes(range(256)) * 16)
    subprocess.run(
        [PROGRAM, "--text", binary, "--steps", "2", "--layers", "1", "--length", "7", "--sample", sample],
        check=True,
        capture_output=True,
    )
    assert len(sample.read_bytes()) == 7
