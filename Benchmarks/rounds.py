"""Measures one shape: prepares it in every worker, compares their results, then times them in interleaved rounds."""

from __future__ import annotations

import math
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from data import difference, write_inputs
from limits import Limit, limit, memory, stream_limit
from processes import OURS, PADDED, PEERS, Worker
from protocol import prepare_command
from shapes import Shape
from watch import Watch

# A round is to last this long, so that waking up does not count.
ROUND_SECONDS = 0.02
# From here on one call is a round, and warms itself.
LONG_CALL = 0.1
STREAM_STEPS = 50000


@dataclass(frozen=True)
class Budget:
    """How long to measure a shape: at least `rounds` rounds, then until `seconds` are used; fewer rounds, but 3, where
    those would take three times as long."""

    seconds: float
    rounds: int

    def over(self, done: int, used: float) -> bool:
        return used >= self.seconds and (done >= self.rounds or done >= 3 and used >= 3 * self.seconds)


class Mismatch(Exception):
    """Two libraries disagree."""


def compare(shape: Shape, workers: dict[str, Worker], folder: Path) -> None:
    """Raises Mismatch if a worker's results are not ours. A run without lengths has others by design."""
    results = {}
    for name in (name for name in workers if name != PADDED):
        results[name] = folder / name
        results[name].mkdir()
        workers[name].ask(f"save {results[name]}", "ok")
    for name in results:
        differs = difference(shape, results[OURS], results[name])
        if differs:
            raise Mismatch(f"{shape.name}: {OURS} and {name} differ in {differs}")


def calls_per_round(worker: Worker) -> tuple[int, int]:
    """Warm-up calls and timed calls of this worker's rounds."""
    count, seconds = 1, worker.round(0, 1)  # saving results has run it once
    while seconds < ROUND_SECONDS / 4 and count < 10**6:
        count = min(10 * count, math.ceil(ROUND_SECONDS / max(seconds / count, 1e-9)))
        seconds = worker.round(1, count)
    return int(seconds / count < LONG_CALL), max(1, math.ceil(ROUND_SECONDS * count / seconds))


def interleave(workers: dict[str, Worker], budget: Budget, watch: Watch) -> tuple[dict[str, list[float]], int]:
    """Seconds per call of each worker's rounds, taken in turn, and in how many rounds there was a neighbour. While there
    is patience, those are not counted but taken again."""
    plan = {name: calls_per_round(worker) for name, worker in workers.items()}
    times: dict[str, list[float]] = {name: [] for name in workers}
    used, disturbed = 0.0, 0
    while not budget.over(len(times[OURS]), used):
        quiet = watch.wait()
        start = time.monotonic()
        taken = {name: worker.round(*plan[name]) / plan[name][1] for name, worker in workers.items()}
        seconds = time.monotonic() - start
        quiet = watch.quiet() and quiet
        if not quiet and watch.patience.left > 0:
            watch.patience.spend(seconds)
            continue
        for name, own in taken.items():
            times[name].append(own)
        used += seconds
        disturbed += not quiet
    return times, disturbed


def summary(times: list[float]) -> dict[str, float]:
    first, median, third = np.quantile(times, [0.25, 0.5, 0.75])
    return {"median": median, "q1": first, "q3": third, "rounds": len(times)}


def bounds(row: dict, facts: dict[str, float], floors: dict[int, float]) -> dict:
    """The row's limit on a machine of these facts, and the share of it."""
    shape = Shape(**{name: row["shape"][name] for name in Shape.__dataclass_fields__})
    bound: Limit = (
        stream_limit(shape, facts, floors[shape.I + shape.H])
        if shape.streaming
        else limit(shape, facts, row["threads"], row["filled"])
    )
    found = {"limit": asdict(bound), "share": bound.seconds / row["times"][OURS]["median"]}
    return found | {"floor": floors[shape.I + shape.H]} if shape.streaming else found


def measure(
    shape: Shape, workers: dict[str, Worker], threads: int, facts: dict[str, float], floors: dict[int, float],
    budget: Budget, watch: Watch,
) -> dict:
    """One row of the results."""
    with tempfile.TemporaryDirectory(prefix="swiftrnn-bench-") as scratch:
        folder = Path(scratch)
        lengths = write_inputs(shape, folder)
        refused, able = {}, {}
        for name in (OURS, *PEERS, *([PADDED] if shape.lengths else [])):
            command = prepare_command(shape, folder, threads, shape.lengths and name != PADDED)
            reason = workers[name].prepare(command)
            if reason is None:
                able[name] = workers[name]
            else:
                refused[name] = reason
        compare(shape, able, folder)
        rounds, disturbed = interleave(able, budget, watch)
    times = {name: summary(own) for name, own in rounds.items()}
    share = float(lengths.sum()) / (shape.T * shape.N)
    row = {
        "shape": shape.as_dict(),
        "threads": threads,
        "times": times,
        "disturbed": disturbed,
        "refused": refused,
        "filled": share,
    }
    row |= bounds(row, facts, floors)
    peers = {name: times[name]["median"] for name in PEERS if name in times}
    if peers:
        best = min(peers, key=peers.__getitem__)
        row |= {"best": best, "ratio": peers[best] / times[OURS]["median"]}
    if shape.streaming:
        row["latency"] = workers[OURS].numbers(f"latency {STREAM_STEPS}", "latency")
    if shape.training:
        found = memory(shape, workers[OURS].numbers("memory", "memory"))
        row["memory"] = asdict(found) | {"met": found.met}
    return row
