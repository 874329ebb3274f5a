"""Rounds beside a neighbour are told from others, and taken again while there is patience."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "Benchmarks"))

import rounds  # noqa: E402
import watch  # noqa: E402
from watch import Patience, Watch  # noqa: E402

QUIET = {"tile_gflops": 150.0, "tile_clock_ghz": 2.5, "peak_gflops": 157.5, "peak_clock_ghz": 2.5}
# Two threads, measured beside a neighbour: two thirds of what they reach, and at another clock.
DISTURBED = {"tile_gflops": 160.0, "tile_clock_ghz": 2.0, "peak_gflops": 200.0, "peak_clock_ghz": 2.0}


@pytest.fixture
def tiles(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the tile reaches from now on, one figure after the other; the last one for ever."""
    figures: list[float] = []
    monkeypatch.setattr(watch, "tile_per_cycle", lambda threads: figures.pop(0) if len(figures) > 1 else figures[0])
    monkeypatch.setattr(watch.time, "sleep", lambda seconds: None)
    return figures


def test_quiet_is_as_much_per_cycle_and_thread_as_with_any_count(tiles: list[float]) -> None:
    both = Watch(2, {1: QUIET, 2: DISTURBED}, Patience(1))
    assert both.best == pytest.approx(60)
    tiles[:] = [54, 60, 40]
    assert [both.quiet() for _ in range(3)] == [False, True, False]


def test_the_best_only_grows(tiles: list[float]) -> None:
    one = Watch(1, {1: QUIET}, Patience(1))
    tiles[:] = [62, 56, 58]
    assert [one.quiet() for _ in range(3)] == [True, False, True]


def test_no_figure_is_better_than_the_peak(tiles: list[float]) -> None:
    one = Watch(1, {1: QUIET}, Patience(1))
    tiles[:] = [80, 60]
    assert [one.quiet() for _ in range(4)] == [True] * 4
    assert one.best == pytest.approx(63)


def test_waiting_ends_with_quiet_or_with_patience(tiles: list[float]) -> None:
    patience = Patience(10 * watch.PAUSE)
    one = Watch(1, {1: QUIET}, patience)
    tiles[:] = [40, 40, 40, 60, 40]
    assert one.wait()
    assert patience.left == pytest.approx(7 * watch.PAUSE)
    assert not one.wait()
    assert patience.left <= 0
    assert not one.wait()


class Library:
    """A worker whose rounds take a second each of `clock`, 2 seconds beside a neighbour."""

    def __init__(self, state: dict) -> None:
        self.state = state

    def round(self, warm: int, count: int) -> float:
        self.state["now"] += 1
        return 2.0 if self.state["neighbour"](self.state["now"]) else 1.0


@pytest.mark.parametrize(("seconds", "disturbed"), [(1000, 0), (1e-9, 2)])
def test_rounds_beside_a_neighbour_are_taken_again(
    tiles: list[float], monkeypatch: pytest.MonkeyPatch, seconds: float, disturbed: int
) -> None:
    state = {"now": 0, "neighbour": lambda now: now <= 4}
    monkeypatch.setattr(rounds, "calls_per_round", lambda worker: (0, 1))
    monkeypatch.setattr(rounds.time, "monotonic", lambda: float(state["now"]))
    monkeypatch.setattr(watch, "tile_per_cycle", lambda threads: 40.0 if state["neighbour"](state["now"] + 0.5) else 60.0)
    one = Watch(1, {1: QUIET}, Patience(seconds))
    workers = {rounds.OURS: Library(state), "torch": Library(state)}
    if disturbed == 0:
        # Waiting passes the time of the neighbour.
        monkeypatch.setattr(watch.time, "sleep", lambda pause: state.update(now=state["now"] + pause))
    times, found = rounds.interleave(workers, rounds.Budget(2.5, 4), one)
    assert found == disturbed
    assert [len(own) for own in times.values()] == [4, 4]
    assert times[rounds.OURS].count(2.0) == disturbed
