"""Tells rounds beside a neighbour from others: on a shared machine somebody else may run on the other half of our cores."""

from __future__ import annotations

import time

from machine import tile_gflops

# Of the best that was seen. A neighbour takes a third or more of a product tile's issue slots; the clock moves by 2 %.
QUIET = 0.93
PAUSE = 0.25


class Patience:
    """Seconds that a run may yet wait for quiet, or spend on rounds that it does not count."""

    def __init__(self, seconds: float) -> None:
        self.left = seconds

    def spend(self, seconds: float) -> None:
        self.left -= seconds


class Watch:
    """Watches the cores that this many threads run on, between rounds.

    `best` is what the product tile reaches when it is quiet: what was measured now, or, if there was more per cycle and
    thread in `machines`, the facts by thread count, that.
    """

    def __init__(self, threads: int, machines: dict[int, dict[str, float]], patience: Patience) -> None:
        self.threads = threads
        self.patience = patience
        per_cycle = max(m["tile_gflops"] / m["vector_clock_ghz"] / count for count, m in machines.items())
        self.best = per_cycle * threads * machines[threads]["vector_clock_ghz"]

    def quiet(self) -> bool:
        now = tile_gflops(self.threads)
        self.best = max(self.best, now)
        return now >= QUIET * self.best

    def wait(self) -> bool:
        """Returns when it is quiet, or when patience is at its end: then False."""
        while not self.quiet():
            if self.patience.left <= 0:
                return False
            time.sleep(PAUSE)
            self.patience.spend(PAUSE)
        return True
