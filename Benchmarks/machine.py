"""The facts of the machine that a run is on: what it is, and what machine.c and latency.c measure on it."""

from __future__ import annotations

import datetime
import platform
import subprocess
from collections.abc import Iterable
from pathlib import Path

from processes import DRIVERS, HERE, process_cpus

LEVELS = ("l1", "l2", "l3", "memory")
LEVEL_NAMES = {"l1": "L1", "l2": "L2", "l3": "L3", "memory": "memory"}


def cpu_name() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def commit() -> str:
    """The commit that is checked out, with "changed" if the tree is not that."""

    def git(*words: str) -> str:
        return subprocess.run(["git", "-C", HERE, *words], capture_output=True, text=True, check=False).stdout.strip()

    return git("rev-parse", "--short=12", "HEAD") + (", changed" if git("status", "--porcelain") else "")


def _run(driver: str, arguments: Iterable[object], threads: int) -> list[str]:
    cpus = ",".join(map(str, process_cpus(threads)))
    command = ["taskset", "-c", cpus, DRIVERS / driver, *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def facts(threads: int) -> dict[str, float]:
    """machine.c's figures with this many threads, by name."""
    return _figures(_run("machine", [threads], threads))


def tile_per_cycle(threads: int) -> float:
    """The product tile's operations per cycle and thread, as they are now."""
    return per_cycle(_figures(_run("machine", [threads, "tile"], threads)), "tile", threads)


def per_cycle(facts: dict[str, float], name: str, threads: int) -> float:
    """Operations per cycle and thread of the "tile" or of the "peak", in the facts with this many threads."""
    return facts[f"{name}_gflops"] / facts[f"{name}_clock_ghz"] / threads


def _figures(lines: list[str]) -> dict[str, float]:
    return {name: float(value) for name, value in (line.split() for line in lines)}


def latency_floors(multiply_adds: list[int]) -> dict[int, float]:
    """Seconds of one step's shortest chain, by its number of dependent multiply-adds: latency.c."""
    if not multiply_adds:
        return {}
    lines = _run("latency", multiply_adds, 1)
    return {count: float(line) * 1e-9 for count, line in zip(multiply_adds, lines)}


def identity(versions: list[str]) -> dict[str, str]:
    """What does not depend on the thread count."""
    return {
        "date": datetime.date.today().isoformat(),
        "cpu": cpu_name(),
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "versions": ", ".join(versions),
        "commit": commit(),
    }


def describe(facts: dict[str, float], threads: int) -> list[str]:
    """The figures as lines of text."""
    bandwidths = ", ".join(f"{LEVEL_NAMES[level]} {facts[level + '_gbs']:.0f}" for level in LEVELS)
    return [
        f"{threads} thread{'s' * (threads > 1)}: clock {facts['clock_ghz']:.2f} GHz, "
        f"{facts['vector_clock_ghz']:.2f} beside busy vectors; multiply-add peak "
        f"{facts['peak_gflops']:.0f} GFLOP/s, {per_cycle(facts, 'peak', threads):.1f} per cycle and core; product tile "
        f"from L1 {facts['tile_gflops']:.0f} GFLOP/s; {facts['adds_per_cycle']:.2f} adds per cycle",
        f"read bandwidth in GB/s: {bandwidths}",
    ]
