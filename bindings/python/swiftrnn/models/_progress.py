"""Progress of a training while it runs: a bar on a terminal, plain lines elsewhere, both on the standard error."""

from __future__ import annotations

import sys
import time
from typing import Any, TextIO

from ._history import Report


class Silent:
    """Shows nothing."""

    def begin(self, steps: int, done: int) -> None:
        """`done` of `steps` steps are behind."""

    def step(self, loss: float) -> None:
        """One step more."""

    def report(self, report: Report) -> None:
        """A report."""

    def note(self, text: str) -> None:
        """Something that the user is to know."""

    def end(self) -> None:
        """The training is over, or cut."""


class Lines(Silent):
    """A line for each report."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def report(self, report: Report) -> None:
        self.note(str(report))

    def note(self, text: str) -> None:
        print(text, file=self._file, flush=True)


class PlainBar(Lines):
    """A bar of text that is written over again, and a line above it for each report."""

    WIDTH = 30

    def begin(self, steps: int, done: int) -> None:
        self._steps, self._done, self._first = steps, done, done
        self._start, self._shown = time.monotonic(), 0.0

    def step(self, loss: float) -> None:
        self._done += 1
        now = time.monotonic()
        if now - self._shown >= 0.2:
            self._shown = now
            share = min(1.0, self._done / max(1, self._steps))
            bar = "#" * int(share * self.WIDTH)
            left = (now - self._start) / max(1, self._done - self._first) * max(0, self._steps - self._done)
            text = f"[{bar:<{self.WIDTH}}] {self._done}/{self._steps} loss {loss:.4f}, {_time(left)} left"
            print(f"\r{text}\033[K", end="", file=self._file, flush=True)

    def note(self, text: str) -> None:
        print(f"\r{text}\033[K", file=self._file, flush=True)

    def end(self) -> None:
        print("\r\033[K", end="", file=self._file, flush=True)


class TqdmBar(Lines):
    """A bar of tqdm."""

    def __init__(self, file: TextIO, tqdm: Any) -> None:
        super().__init__(file)
        self._tqdm = tqdm

    def begin(self, steps: int, done: int) -> None:
        self._bar = self._tqdm(total=steps, initial=done, file=self._file, unit="step", leave=False, dynamic_ncols=True)

    def step(self, loss: float) -> None:
        self._bar.set_postfix_str(f"loss {loss:.4f}", refresh=False)
        self._bar.update()

    def note(self, text: str) -> None:
        self._tqdm.write(text, file=self._file)

    def end(self) -> None:
        self._bar.close()


def progress_of(wanted: bool, file: TextIO | None = None) -> Silent:
    """The display of a training's progress: a bar if `file` (None: the standard error) is a terminal, else lines."""
    if not wanted:
        return Silent()
    file = sys.stderr if file is None else file
    if not file.isatty():
        return Lines(file)
    try:
        from tqdm import tqdm
    except ImportError:
        return PlainBar(file)
    return TqdmBar(file, tqdm)


def _time(seconds: float) -> str:
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
