"""Times SwiftRNN beside torch on whole sequences, in one run, and prints each as a share of the multiply-add peak.

Rounds are interleaved (ours, torch, ours, torch, ...) and medians are compared, because machines are shared and noisy.
Outputs and gradients are compared before anything is timed. Run it by scripts/bench.
"""

from __future__ import annotations

import argparse
import datetime
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import swiftrnn
import torch

GATES = {"RNN": 1, "LSTM": 4, "GRU": 3}


@dataclass(frozen=True)
class Shape:
    """One layer, one direction, float32, I = H."""

    cell: str
    batch: int
    steps: int
    hidden: int

    def operations(self, training: bool) -> float:
        forward = 2.0 * self.steps * self.batch * GATES[self.cell] * self.hidden * 2 * self.hidden
        return 3 * forward if training else forward


SHAPES = [
    Shape("LSTM", 64, 50, 512),
    Shape("LSTM", 32, 100, 128),
    Shape("LSTM", 1, 100, 256),
    Shape("GRU", 64, 50, 512),
    Shape("GRU", 32, 100, 128),
    Shape("RNN", 64, 50, 512),
    Shape("RNN", 32, 100, 128),
]


def multiply_add_peak(threads: int) -> float:
    """GFLOP/s of register-only multiply-adds, measured by Benchmarks/peak.c."""
    source = Path(__file__).parent / "peak.c"
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "peak"
        subprocess.run(["cc", "-O3", "-march=native", "-pthread", str(source), "-o", str(program)], check=True)
        return float(subprocess.run([program, str(threads)], check=True, capture_output=True).stdout)


def pair(shape: Shape, threads: int):
    """Functions that run inference and one training step of a shape: ours and torch's of each."""
    ours = getattr(swiftrnn, shape.cell)(shape.hidden, shape.hidden, seed=1, num_threads=threads)
    theirs = getattr(torch.nn, shape.cell)(shape.hidden, shape.hidden)
    theirs.load_state_dict({name: torch.tensor(np.array(ours.parameters[name])) for name in ours.parameters})
    random = np.random.default_rng(0)
    x = random.standard_normal((shape.steps, shape.batch, shape.hidden), dtype=np.float32)
    dy = random.standard_normal((shape.steps, shape.batch, shape.hidden), dtype=np.float32)
    frozen = ours.freeze()
    tx, tdy = torch.tensor(x), torch.tensor(dy)

    def our_inference():
        return frozen(x)[0]

    def their_inference():
        with torch.inference_mode():
            return theirs(tx)[0].numpy()

    def our_training():
        _, _, tape = ours.forward(x)
        gradients = tape.backward(dy)
        return gradients.x, gradients.parameters["weight_hh_l0"]

    def their_training():
        theirs.zero_grad(set_to_none=True)
        leaf = tx.detach().requires_grad_()
        theirs(leaf)[0].backward(tdy)
        return leaf.grad.numpy(), theirs.weight_hh_l0.grad.numpy()

    def agree(a, b):
        return np.abs(a - b).max() <= 1e-4 * max(1.0, np.abs(b).max())

    if not agree(our_inference(), their_inference()):
        raise SystemExit(f"{shape}: outputs differ")
    if not all(agree(a, b) for a, b in zip(our_training(), their_training())):
        raise SystemExit(f"{shape}: gradients differ")
    return (our_inference, their_inference), (our_training, their_training)


def seconds(function) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def rounds(functions, budget: float) -> list[list[float]]:
    """Times of each function, in turn, until the budget in seconds is used and at least 5 rounds are done."""
    times = [[] for _ in functions]
    start = time.perf_counter()
    while len(times[0]) < 5 or (time.perf_counter() - start < budget and len(times[0]) < 200):
        for own, function in zip(times, functions):
            own.append(seconds(function))
    return times


def cpu_name() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, swiftrnn.get_num_threads()])
    parser.add_argument("--quick", action="store_true", help="a fifth of the time per shape")
    parser.add_argument("--json", type=Path, help="also write the results to this file")
    arguments = parser.parse_args()
    budget = 0.6 if arguments.quick else 3.0
    print(
        f"{datetime.date.today()}  {cpu_name()}  isa {swiftrnn.isa()}  "
        f"swiftrnn {swiftrnn.__version__}  torch {torch.__version__}  Python {platform.python_version()}"
    )
    results = []
    for threads in sorted(set(arguments.threads)):
        torch.set_num_threads(threads)
        peak = multiply_add_peak(threads)
        print(f"\n{threads} thread(s), multiply-add peak {peak:.0f} GFLOP/s; float32, one layer, I = H")
        print(f"{'shape':24} {'':9} {'ours ms':>9} {'torch ms':>9} {'ratio':>6} {'of peak':>8} {'spread':>7}")
        for shape in SHAPES:
            inference, training = pair(shape, threads)
            for kind, functions in (("inference", inference), ("training", training)):
                ours, theirs = rounds(functions, budget)
                mine, other = statistics.median(ours), statistics.median(theirs)
                share = shape.operations(kind == "training") / mine / 1e9 / peak
                spread = (np.quantile(ours, 0.75) - np.quantile(ours, 0.25)) / mine
                name = f"{shape.cell} N {shape.batch} T {shape.steps} H {shape.hidden}"
                print(
                    f"{name:24} {kind:9} {mine * 1e3:9.3f} {other * 1e3:9.3f} {other / mine:6.2f} {share:8.1%} "
                    f"{spread:7.1%}",
                    flush=True,
                )
                results.append(
                    asdict(shape)
                    | {"kind": kind, "threads": threads, "ours": mine, "torch": other, "peak": peak, "share": share}
                )
    if arguments.json:
        arguments.json.write_text(json.dumps({"cpu": cpu_name(), "isa": swiftrnn.isa(), "results": results}, indent=1))


if __name__ == "__main__":
    sys.exit(main())
