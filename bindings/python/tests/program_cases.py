"""The program `swiftrnn` as a process, and small data for its commands."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import swiftrnn

TEXT = "the cat sat on the mat. the dog sat on the log. a cat and a dog ran to the mat.\n" * 12
SENTENCES = [
    (["the", "cat", "sat"], ["D", "N", "V"]), (["a", "dog", "ran"], ["D", "N", "V"]),
    (["the", "dog", "sat", "here"], ["D", "N", "V", "A"]), (["cat", "ran"], ["N", "V"]),
]  # fmt: skip
REVIEWS = [("a good film", "good"), ("a bad film", "bad"), ("so good", "good"), ("it was bad", "bad")]
PAIRS = [("1", "one"), ("2", "two"), ("3", "three"), ("1 2", "one two"), ("2 3", "two three"), ("3 1", "three one")]


def environment(**more: str) -> dict[str, str]:
    """The variables of a process that sees this package."""
    package = str(Path(swiftrnn.__file__).resolve().parent.parent)
    return {**os.environ, "PYTHONPATH": package, "PYTHONUNBUFFERED": "1", **more}


def command(*arguments: Any, without: str | None = None) -> list[str]:
    """A command line of the program; `without` is a module that it does not find."""
    if without is None:
        return [sys.executable, "-m", "swiftrnn", *map(str, arguments)]
    program = f"import sys; sys.modules[{without!r}] = None; from swiftrnn.program import main; sys.exit(main())"
    return [sys.executable, "-c", program, *map(str, arguments)]


def run(
    folder: Path, *arguments: Any, input: str | bytes = "", status: int = 0, without: str | None = None,
    **variables: str,
) -> subprocess.CompletedProcess[str]:
    """Runs the program to its end in a folder, with pipes; it must end with the status."""
    data = input.encode() if isinstance(input, str) else input
    raw = subprocess.run(
        command(*arguments, without=without), cwd=folder, input=data, capture_output=True, timeout=120,
        env=environment(**variables),
    )  # fmt: skip
    done = subprocess.CompletedProcess(raw.args, raw.returncode, raw.stdout.decode(), raw.stderr.decode())
    assert done.returncode == status, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr, done.stderr
    return done


def call(folder: Path, *arguments: Any, input: str = "", status: int = 0) -> subprocess.CompletedProcess[str]:
    """As `run`, in this process: a fraction of the time."""
    from swiftrnn.program import main

    told, before = list(map(str, arguments)), (os.getcwd(), sys.stdin, sys.stdout, sys.stderr)
    output, errors = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
    os.chdir(folder)
    sys.stdin, sys.stdout, sys.stderr = io.TextIOWrapper(io.BytesIO(input.encode())), output, errors
    try:
        ended = main(told)
    except SystemExit as error:  # argparse's own
        ended = error.code
    finally:
        os.chdir(before[0])
        _, sys.stdin, sys.stdout, sys.stderr = before
    output.flush()
    shown = output.buffer.getvalue().decode()  # type: ignore[attr-defined]
    assert ended == status, f"exit {ended}\n{shown}\n{errors.getvalue()}"
    return subprocess.CompletedProcess(told, ended, shown, errors.getvalue())


def start(folder: Path, *arguments: Any, **more: Any) -> subprocess.Popen[str]:
    """Starts the program in a folder, with pipes. Ctrl-C is heard, even where the tests themselves do not hear it."""
    return subprocess.Popen(
        command(*arguments), cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env=environment(), preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL), **more,
    )  # fmt: skip


def write_data(folder: Path) -> None:
    """Files of each form that the commands read."""
    (folder / "text.txt").write_text(TEXT)
    (folder / "names.txt").write_text("anna\nbob\nhannah\notto\n" * 6)
    columns = ["".join(f"{token}\t{label}\n" for token, label in zip(*pair)) for pair in SENTENCES * 6]
    (folder / "tags.tsv").write_text("\n".join(columns))
    rows = [f"{' '.join(tokens)},{' '.join(labels)}\n" for tokens, labels in SENTENCES * 6]
    (folder / "tags.csv").write_text("words,tags\n" + "".join(rows))
    (folder / "reviews.csv").write_text("label,text\n" + "".join(f'{label},"{text}"\n' for text, label in REVIEWS * 8))
    (folder / "pairs.tsv").write_text("".join(f"{source}\t{target}\n" for source, target in PAIRS * 10))
    (folder / "sources.txt").write_text("".join(f"{source}\n" for source, _ in PAIRS * 10))
    (folder / "targets.txt").write_text("".join(f"{target}\n" for _, target in PAIRS * 10))
