"""The options of scripts/bench: what it refuses, it refuses before anything is set up."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

OPTIONS = pathlib.Path(__file__).resolve().parents[2] / "Benchmarks/options.py"
RESULTS = {"command": "", "identity": {}, "machine": {"1": {}}, "results": []}


def run(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, str(OPTIONS), *arguments], capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--quick", "--only", "GRU"],
        ["--threads", "1", "--only", "stream", "--rounds", "7", "--seconds", "0.5"],
        ["--cells"],
        ["--cells", "--quick", "--compile", "--only", "lstm_.*|mgu"],
    ],
)
def test_good_options_print_nothing(arguments: list[str]) -> None:
    result = run(*arguments, "--threads", "1")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_the_list() -> None:
    result = run("--list", "--only", "stream", "--threads", "1", "999")
    lines = result.stdout.splitlines()
    assert result.returncode == 0 and lines[-1] == f"{len(lines) - 1} shapes" and len(lines) > 10
    assert all("stream" in line for line in lines[:-1])


def test_the_list_of_cells() -> None:
    lines = run("--cells", "--list").stdout.splitlines()
    assert lines[-1] == f"{len(lines) - 1} cells" and len(lines) > 72
    quick = [line for line in lines if line.endswith("  (quick)")]
    assert run("--cells", "--quick", "--list").stdout.splitlines() == [*quick, f"{len(quick)} cells"]
    assert run("--cells", "--list", "--only", "gru").stdout.splitlines() == ["gru", "1 cells"]


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--threads", "0"], "0 is not 1 or more"),
        (["--threads", "x"], "invalid count value: 'x'"),
        (["--threads", "1", "4096"], f"4096 threads need as many CPUs; there are {len(os.sched_getaffinity(0))}"),
        (["--rounds", "1.5"], "invalid count value: '1.5'"),
        (["--seconds", "0"], "0 is not above 0 and finite"),
        (["--seconds", "inf"], "inf is not above 0 and finite"),
        (["--only", "["], "unterminated character set"),
        (["--only", "nothing has this name"], "no shape matches"),
        (["--only", "stream", "--threads", "2"], "no shape matches"),
        (["--list", "--only", "nothing has this name"], "no shape matches"),
        (["--write-docs", "--quick"], "--write-docs wants a whole run"),
        (["--write-docs", "--threads", "1"], "--write-docs wants a whole run"),
        (["--json", os.sep], f"{os.sep} is not where a file can be written"),
        (["--from", os.sep], "Is a directory"),
        (["--from", str(OPTIONS)], "Extra data"),
        (["--compile"], "--compile is for --cells"),
        (["--cells", "--only", "lst"], "no cell matches"),
        (["--cells", "--quick", "--only", "fast_rnn"], "no cell matches"),
        (["--cells", "--threads", "4096"], "4096 threads need as many CPUs"),
        (["--cells", "--write-docs", "--only", "lstm"], "--write-docs wants a whole run"),
        (["--lis"], "unrecognized arguments: --lis"),
        (["more"], "unrecognized arguments: more"),
    ],
)
def test_wrong_options(arguments: list[str], message: str) -> None:
    result = run(*arguments)
    assert result.returncode == 2 and result.stdout == ""
    assert result.stderr.startswith("usage: scripts/bench") and message in result.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    "content, arguments, message",
    [
        ([], [], "holds no results of scripts/bench"),
        ({}, [], "holds no results of scripts/bench"),
        (RESULTS, ["--json", "other.json"], "--json is for new results"),
        (RESULTS, ["--write-docs"], "with 1 and 2 threads"),
        (RESULTS, ["--cells"], "holds results without --cells"),
        (RESULTS | {"cells": True}, [], "holds results of --cells"),
    ],
)
def test_wrong_results(tmp_path: pathlib.Path, content: object, arguments: list[str], message: str) -> None:
    file = tmp_path / "results.json"
    file.write_text(json.dumps(content))
    result = run("--from", str(file), *arguments)
    assert result.returncode == 2 and message in result.stderr.splitlines()[-1]
    assert run("--from", str(file)).returncode == (0 if content is RESULTS else 2)
