"""The line protocol between the orchestrator and the workers, and the end of it that Python's workers use.

A worker is a process that holds one library. It reads a command per line from its input and answers each with a line:

    (at start)                            ready NAME VERSION
    prepare folder=... work=... cell=...  ok, or "refused REASON" where the library does not do that shape
    round WARM COUNT                      runs WARM calls, then times COUNT: "time SECONDS" of all of these together
    save FOLDER                           one call; writes its results there: ok
    memory                                SwiftRNN: sizes of tape and workspaces in bytes
    latency COUNT                         SwiftRNN: percentiles of COUNT single steps of a stream, in seconds
    quit

`folder` holds what the orchestrator wrote: raw arrays x, h0, c0, parameters, dy, lengths (data.py). Results are raw
arrays in torch's layouts: y, hn, cn, dx, dh0, dc0, gradients. Between commands a worker sleeps in a read.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np
from shapes import Shape


class Refused(Exception):
    """The library does not do this shape; the text says why."""


class Call(Protocol):
    """A prepared shape: run() is one call, results() are its arrays by name."""

    def run(self) -> None: ...

    def results(self) -> dict[str, np.ndarray]: ...


def parse_shape(fields: dict[str, str]) -> Shape:
    """The shape of a prepare command's fields."""
    numbers = {key: int(fields[key]) for key in ("N", "H", "T", "I", "layers", "directions")}
    return Shape(
        "", fields["cell"], fields["work"], dtype=fields["dtype"], lengths=fields["lengths"] == "1", **numbers
    )


def prepare_command(shape: Shape, folder: Path, threads: int, lengths: bool) -> str:
    """The prepare command for a shape whose arrays are in `folder`; without `lengths` all sequences are padded."""
    fields = {
        "folder": folder,
        "work": shape.work,
        "cell": shape.cell,
        "dtype": shape.dtype,
        "threads": threads,
        "lengths": int(lengths),
    }
    fields |= {key: getattr(shape, key) for key in ("N", "H", "T", "I", "layers", "directions")}
    return "prepare " + " ".join(f"{key}={value}" for key, value in fields.items())


def array_shapes(shape: Shape) -> dict[str, tuple[int, ...]]:
    """Shapes of all arrays but the parameters and their gradients, in torch's layouts."""
    state = (shape.layers * shape.directions, shape.N, shape.H)
    x, y = (shape.T, shape.N, shape.I), (shape.T, shape.N, shape.directions * shape.H)
    return {"x": x, "dx": x, "y": y, "dy": y} | dict.fromkeys(("h0", "c0", "hn", "cn", "dh0", "dc0"), state)


def dtype_of(shape: Shape) -> type:
    return np.float64 if shape.dtype == "f64" else np.float32


def load(folder: Path, name: str, shape: Shape) -> np.ndarray:
    """An input in its shape, writable."""
    return np.fromfile(folder / f"{name}.bin", dtype_of(shape)).reshape(array_shapes(shape)[name])


def load_parameters(folder: Path, shape: Shape) -> list[np.ndarray]:
    """The parameters' tensors in the flat order."""
    flat = np.fromfile(folder / "parameters.bin", dtype_of(shape))
    tensors, start = [], 0
    for dimensions in shape.parameter_shapes():
        size = int(np.prod(dimensions))
        tensors.append(flat[start : start + size].reshape(dimensions))
        start += size
    return tensors


def serve(greeting: str, prepare: Callable[[Shape, Path], Call]) -> None:
    """Answers commands until quit or the end of input. prepare(shape, folder) makes a Call or raises Refused."""
    call: Call | None = None
    print("ready", greeting, flush=True)
    for line in sys.stdin:
        command, *words = line.split()
        if command == "prepare":
            fields = dict(word.split("=", 1) for word in words)
            call, answer = None, "ok"
            try:
                call = prepare(parse_shape(fields), Path(fields["folder"]))
            except Refused as reason:
                answer = "refused " + " ".join(str(reason).split())
        elif command == "round":
            assert call is not None
            run, (warm, count) = call.run, map(int, words)
            for _ in range(warm):
                run()
            start = time.perf_counter()
            for _ in range(count):
                run()
            answer = f"time {time.perf_counter() - start:.9f}"
        elif command == "save":
            assert call is not None
            call.run()
            for name, array in call.results().items():
                np.ascontiguousarray(array).tofile(Path(words[0]) / f"{name}.bin")
            answer = "ok"
        elif command == "quit":
            return
        else:
            raise SystemExit(f"unknown command {line!r}")
        print(answer, flush=True)
