"""Tells rounds beside a neighbour from others: on a shared machine somebody else may run on the other half of our cores."""

from __future__ import annotations

import time

from machine import per_cycle, tile_per_cycle

# Of the best that was seen. A neighbour takes a third or more of a product tile's issue slots. Per cycle, because the
# clock may move as much: 2.4 to 2.9 GHz within minutes on an Emerald Rapids.
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

    `best` is what the product tile reaches per cycle and thread when it is quiet: the most in `machines`, the facts by
    thread count, or later; no more than their peak, so that one figure that is too good does not make all others bad.
    """

    def __init__(self, threads: int, machines: dict[int, dict[str, float]], patience: Patience) -> None:
        self.threads = threads
        self.patience = patience
        self.peak = max(per_cycle(facts, "peak", count) for count, facts in machines.items())
        self.best = min(self.peak, max(per_cycle(facts, "tile", count) for count, facts in machines.items()))

    def quiet(self) -> bool:
        now = tile_per_cycle(self.threads)
        self.best = min(self.peak, max(self.best, now))
        return now >= QUIET * self.best

    def wait(self) -> bool:
        """Returns when it is quiet, or when patience is at its end: then False."""
        while not self.quiet():
            if self.patience.left <= 0:
                return False
            time.sleep(PAUSE)
            self.patience.spend(PAUSE)
        return True
