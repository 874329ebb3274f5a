"""Proof that a call ran on more than one thread: Linux counts, for each thread of the process, how long it has run."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Callable

TASKS = Path("/proc/self/task")


def _read(task: Path, name: str) -> str:
    try:
        return (task / name).read_text()
    except OSError:  # the thread is gone
        return ""


def _settle() -> None:
    """Waits until every other thread sleeps, so that all that has run is counted and nothing is left over."""
    mine, end = str(threading.get_native_id()), time.monotonic() + 20
    # The state follows the thread's name, which is in parentheses.
    while any(
        _read(task, "stat").rpartition(")")[2].startswith(" R") for task in TASKS.iterdir() if task.name != mine
    ):
        assert time.monotonic() < end, "some thread never sleeps"
        time.sleep(0.0005)


def _pool() -> dict[str, int]:
    """Nanoseconds that each thread of the library's pool has run. It is Dispatch's; torch's have other names."""
    times = {}
    for task in TASKS.iterdir():
        if _read(task, "comm").strip().endswith("-qos"):
            times[task.name] = int((_read(task, "schedstat") or "0").split()[0])
    return times


def check_helpers(call: Callable[[], object], threads: int) -> None:
    """`call`, which may use `threads` and has work enough for two, does run on threads beside the caller's, or does not
    if `threads` is 1. With one CPU, Dispatch leaves all to the caller."""
    _settle()
    before = _pool()
    call()
    _settle()
    helped = any(ran > before.get(task, 0) for task, ran in _pool().items())
    assert helped == (threads > 1 and len(os.sched_getaffinity(0)) > 1), f"{threads} threads, helped: {helped}"
