"""The orchestrator's end of the line protocol: one process per library, all on the same CPUs with as many threads.

Only one worker computes at a time. The others sleep in a read; that their threads do sleep, and do not spin for the next
piece of work, is looked up in /proc before another one starts.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
DRIVERS = HERE.parent / "build" / "bench"
OURS, PADDED = "SwiftRNN", "SwiftRNN padded"
# Not a library's: the process of scripts/bench --cells.
CELLS = "cells"
PEERS = ("torch", "onnxruntime", "oneDNN")

# Within a round gomp's threads spin between two parallel regions, but not for the 20 ms that are its default.
SPINS = 50000


class WorkerFailed(Exception):
    """A worker ended, or answered what it should not."""


def process_cpus(threads: int | None = None) -> list[int]:
    """The CPUs for this many threads: the first ones that this process may use, or all."""
    return sorted(os.sched_getaffinity(0))[:threads]


def commands(threads: int) -> dict[str, list[str]]:
    python = [sys.executable, "-u"]
    return {
        OURS: [str(DRIVERS / "swiftrnn_worker")],
        PADDED: [str(DRIVERS / "swiftrnn_worker")],
        "torch": [*python, str(HERE / "torch_worker.py"), "--threads", str(threads)],
        "onnxruntime": [*python, str(HERE / "onnxruntime_worker.py"), "--threads", str(threads)],
        "oneDNN": [str(DRIVERS / "onednn_worker")],
        CELLS: [*python, str(HERE / "cell_worker.py"), "--threads", str(threads)],
    }


def environment(threads: int) -> dict[str, str]:
    """The environment of a worker: OpenMP's threads one to a CPU; no setting of the caller's for them."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("OMP_", "GOMP_", "KMP_", "MKL_"))}
    return kept | {
        "OMP_NUM_THREADS": str(threads),
        "OMP_DYNAMIC": "false",
        "OMP_PROC_BIND": "close",
        "OMP_PLACES": ",".join(f"{{{cpu}}}" for cpu in process_cpus(threads)),
        "GOMP_SPINCOUNT": str(SPINS),
    }


class Worker:
    """A running worker. `version` is what it calls itself."""

    def __init__(self, name: str, threads: int) -> None:
        self.name, cpus = name, process_cpus(threads)
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            commands(threads)[name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            env=environment(threads),
            preexec_fn=lambda: os.sched_setaffinity(0, cpus),
        )
        self.version = self.read("ready")

    def fail(self, what: str) -> WorkerFailed:
        self.process.kill()
        self.process.wait()
        self.errors.seek(0)
        return WorkerFailed(f"{self.name}: {what}\n{self.errors.read()[-2000:]}")

    def read(self, expected: str) -> str:
        line = self.process.stdout.readline()
        if not line:
            raise self.fail(f"ended with status {self.process.wait()} instead of answering")
        word, _, rest = line.strip().partition(" ")
        if word != expected:
            raise self.fail(f"answered {line.strip()!r} instead of {expected}")
        return rest

    def write(self, command: str) -> None:
        try:
            self.process.stdin.write(command + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise self.fail(f"ended with status {self.process.wait()}") from None

    def ask(self, command: str, expected: str) -> str:
        """The rest of the answer to a command. Returns when all of the worker's threads sleep again."""
        self.write(command)
        answer = self.read(expected)
        self.wait_until_asleep()
        return answer

    def prepare(self, command: str) -> str | None:
        """None, or why the worker refuses."""
        self.write(command)
        line = self.process.stdout.readline().strip()
        if line.startswith("refused "):
            return line.removeprefix("refused ")
        if line != "ok":
            raise self.fail(f"answered {line!r} to {command!r}")
        self.wait_until_asleep()
        return None

    def round(self, warm: int, count: int) -> float:
        """Seconds of `count` calls together, after `warm` that do not count."""
        return float(self.ask(f"round {warm} {count}", "time"))

    def numbers(self, command: str, expected: str) -> dict[str, float]:
        """An answer of the form "key=number ..."."""
        return {key: float(value) for key, value in (w.split("=") for w in self.ask(command, expected).split())}

    def is_asleep(self) -> bool:
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            try:
                state = (task / "stat").read_text().rpartition(") ")[2][0]
            except (FileNotFoundError, ProcessLookupError):
                continue
            if state == "R":
                return False
        return True

    def wait_until_asleep(self) -> None:
        start = time.monotonic()
        while not self.is_asleep():
            if time.monotonic() - start > 5:
                raise self.fail("its threads still run 5 seconds after it has answered")
            time.sleep(0.0005)

    def close(self) -> None:
        if self.process.poll() is None:
            self.write("quit")
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.errors.close()
