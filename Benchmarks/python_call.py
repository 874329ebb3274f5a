"""What a call from Python takes where next to nothing is computed: LSTM(4, 8), one step of one sequence, float32.
Beside it torch's nn.LSTM under no_grad, and the same package of an older checkout, if one is given:

    python Benchmarks/python_call.py
    python Benchmarks/python_call.py --before ../older-checkout --rounds 50

Each runs in a process of its own, on the same CPU, with one thread. In each round all have their turn, and each times
each call some milliseconds long, slice by slice. The least are printed: what others do on the machine only adds to them.
Both checkouts use the library that SWIFTRNN_LIBRARY names, or this one's build/release/libswiftrnn.so.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import timeit
from pathlib import Path
from typing import Any, Callable

ROOT = Path(__file__).resolve().parents[1]
INPUTS, HIDDEN = 4, 8
# Milliseconds that are timed at a time: so short that on a busy machine some are not interrupted.
SLICE = 0.2

Calls = dict[str, Callable[[], Any]]


def swiftrnn_calls() -> Calls:
    import numpy as np
    import swiftrnn

    network = swiftrnn.LSTM(INPUTS, HIDDEN, seed=0)
    frozen, stream, stream_out = network.freeze(), network.stream(), network.stream()
    x = np.ones((1, 1, INPUTS), np.float32)
    row, out = x[0], np.empty((1, HIDDEN), np.float32)
    y, state = network(x)

    def train() -> None:
        y, _, tape = network.forward(x)
        tape.backward(y)
        tape.close()

    return {
        "frozen call": lambda: frozen(x),
        "frozen call, with a state": lambda: frozen(x, state),
        "call": lambda: network(x),
        "call, with a state": lambda: network(x, state),
        "step of a stream": lambda: stream.step(row),
        "step into an array": lambda: stream_out.step(row, out=out),
        "forward and backward": train,
    }


def torch_calls() -> Calls:
    import torch

    torch.set_num_threads(1)
    module = torch.nn.LSTM(INPUTS, HIDDEN)
    x = torch.ones(1, 1, INPUTS)
    _, state = module(x)
    state = tuple(tensor.detach() for tensor in state)

    def call() -> None:
        with torch.no_grad():
            module(x)

    def with_a_state() -> None:
        with torch.no_grad():
            module(x, state)

    leaves = [x.clone().requires_grad_(), *module.parameters()]

    def train() -> None:
        y, _ = module(leaves[0])
        torch.autograd.grad([y], leaves, [y.detach()])

    return {
        "frozen call": call,
        "frozen call, with a state": with_a_state,
        "call": call,
        "call, with a state": with_a_state,
        "step of a stream": with_a_state,
        "step into an array": with_a_state,
        "forward and backward": train,
    }


def work(calls: Calls, milliseconds: float) -> None:
    """For each line that comes in: times all calls, and prints the least microseconds of each as one line of JSON."""
    slices = max(1, round(milliseconds / SLICE))
    numbers = {}
    for name, call in calls.items():
        timeit.timeit(call, number=50)
        numbers[name] = max(1, int(SLICE * 1e-3 / (min(timeit.repeat(call, number=5, repeat=20)) / 5)))
    for _ in sys.stdin:
        times = {
            name: min(timeit.repeat(call, number=numbers[name], repeat=slices)) / numbers[name] * 1e6
            for name, call in calls.items()
        }
        print(json.dumps(times), flush=True)


class Worker:
    """A process that times the calls of one library when it is asked."""

    def __init__(self, kind: str, milliseconds: float, package: Path) -> None:
        library = os.environ.get("SWIFTRNN_LIBRARY", str(ROOT / "build" / "release" / "libswiftrnn.so"))
        command = [sys.executable, __file__, "--worker", kind, "--milliseconds", str(milliseconds)]
        environment = {**os.environ, "PYTHONPATH": str(package), "SWIFTRNN_LIBRARY": library, "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        self.times: dict[str, float] = {}

    def turn(self) -> None:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.process.args} ended: {self.process.wait()}")
        for name, time in json.loads(line).items():
            self.times[name] = min(time, self.times.get(name, time))

    def close(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition(":\n")[0])
    parser.add_argument("--before", type=Path, metavar="CHECKOUT", help="an older checkout to time, too")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--milliseconds", type=float, default=5, help="of each call in a round")
    parser.add_argument("--worker", choices=["swiftrnn", "torch"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        work(swiftrnn_calls() if options.worker == "swiftrnn" else torch_calls(), options.milliseconds)
        return

    package = Path("bindings") / "python"
    if options.before and not (options.before / package / "swiftrnn").is_dir():
        parser.error(f"{options.before} has no {package / 'swiftrnn'}")
    workers = {"now": Worker("swiftrnn", options.milliseconds, ROOT / package)}
    if options.before:
        workers["before"] = Worker("swiftrnn", options.milliseconds, options.before.resolve() / package)
    workers["torch"] = Worker("torch", options.milliseconds, ROOT / package)
    for _ in range(options.rounds):
        for worker in workers.values():
            worker.turn()
    for worker in workers.values():
        worker.close()

    now, *others = workers
    print(f"LSTM({INPUTS}, {HIDDEN}), T 1, N 1: microseconds, least of {options.rounds} rounds; ratios of now to others")
    print(f"{'':28}{now:>9}" + "".join(f"{name:>9}{'ratio':>7}" for name in others))
    for call, ours in workers[now].times.items():
        columns = (workers[name].times[call] for name in others)
        print(f"{call:28}{ours:9.2f}" + "".join(f"{theirs:9.2f}{ours / theirs:7.2f}" for theirs in columns))


if __name__ == "__main__":
    main()
