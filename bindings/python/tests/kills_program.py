"""Kills the program `swiftrnn` at random moments, again and again: python kills_program.py SEED KILLS ARGUMENTS...

Each run is a process of its own, forked from this one before anything is computed, so that importing the package takes its time
only once. Prints how many were killed; the others had come to their end.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time

from swiftrnn.program import main


def killed(arguments: list[str], reports: int, seconds: float) -> bool:
    """Starts the program, kills it so many seconds after so many lines of its standard error, and tells whether it was still
    there."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.dup2(writer, 2)
            os.close(reader)
            os.close(writer)
            os._exit(main(arguments))
        finally:
            os._exit(99)
    os.close(writer)
    with open(reader) as lines:
        for _ in range(reports):
            lines.readline()
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


if __name__ == "__main__":
    moments, kills = random.Random(int(sys.argv[1])), int(sys.argv[2])
    count = 0
    for kill in range(kills):
        # Every fifth one before a report: while it starts, or reads the checkpoint.
        reports, longest = (moments.randint(1, 2), 0.004) if kill % 5 != 4 else (0, 0.02)
        count += killed(sys.argv[3:], reports, moments.uniform(0, longest))
    print(count)
