"""The process in which cells are timed: ours, its sibling and torch's loop in one, so that they have the same memory,
threads and clock; scripts/bench --cells starts one for each thread count.

It reads commands from its input, a line of JSON each behind a word, and answers each with a line:

    (at start)       ready VERSIONS
    machine {...}    facts of the machine by thread count, as machine.py has them: ok
    sequences {...}  measures a cell: row {...}
    forest {...}     measures a recursive cell over trees: row {...}
    quit
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
# What was built here, whatever is installed.
os.environ["SWIFTRNN_LIBRARY"] = str(ROOT / "build/release/libswiftrnn.so")
sys.path.insert(0, str(ROOT / "bindings/python"))
# Before torch is there: OpenMP, which is told to have a thread on each CPU, binds this one to the first.
CPUS = sorted(os.sched_getaffinity(0))

import cell_shapes as shapes  # noqa: E402
import numpy as np  # noqa: E402
import swiftrnn  # noqa: E402
import torch  # noqa: E402
from cell_forests import Forests, random_tree  # noqa: E402
from cell_loop import Problem, TorchLoop  # noqa: E402
from cell_masks import SEQUENCE, kept  # noqa: E402
from cell_shapes import Sequences  # noqa: E402
from cell_torch import Draw, TorchCell  # noqa: E402
from data import RELU_TOLERANCE, TOLERANCE  # noqa: E402
from processes import OURS  # noqa: E402
from rounds import Budget, interleave, summary  # noqa: E402
from tree_torch import TorchTrees  # noqa: E402
from watch import Patience, Watch  # noqa: E402

SIBLING, TORCH, COMPILED = "sibling", "torch", "torch.compile"
ONE_BY_ONE, NODE_BY_NODE = "one tree at a time", "torch, node by node"
SEED = 7


# ---- What is timed ----


class Timed:
    """Something to call, in rounds. Before a round all other threads of the process sleep.

    OpenMP's threads are bound, so that this one has to be on its own CPU while torch runs. Ours are started from it and
    may go where it may, so that it must be free while they are started."""

    def __init__(self, run: Callable[[], None], bound: bool) -> None:
        self.run, self.cpus = run, CPUS[:1] if bound else CPUS

    def round(self, warm: int, count: int) -> float:
        """Seconds of `count` calls together, after `warm` that do not count."""
        os.sched_setaffinity(0, self.cpus)
        wait_until_asleep()
        for _ in range(warm):
            self.run()
        start = time.perf_counter()
        for _ in range(count):
            self.run()
        seconds = time.perf_counter() - start
        os.sched_setaffinity(0, CPUS)
        return seconds


def wait_until_asleep() -> None:
    own, start = str(os.getpid()), time.monotonic()
    while any(is_running(task) for task in Path("/proc/self/task").iterdir() if task.name != own):
        if time.monotonic() - start > 5:
            raise SystemExit("threads still run 5 seconds after a round")
        time.sleep(0.0005)


def is_running(task: Path) -> bool:
    try:
        return (task / "stat").read_text().rpartition(") ")[2][0] == "R"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Ours:
    """Forward with tape, and backward with dx and all gradients of parameters, by the Python package."""

    def __init__(self, network: swiftrnn.Network, arrays: Mapping[str, np.ndarray]) -> None:
        self.network = network
        self.x, self.dy = arrays["x"], arrays["dy"]
        self.inputs = {name: array for name, array in arrays.items() if name not in ("x", "dy")}

    def run(self) -> None:
        self.y, _, tape = self.network.forward(self.x, seed=SEED, **self.inputs)
        self.gradients = tape.backward(self.dy, need_state=False)
        tape.close()

    def results(self) -> dict[str, np.ndarray]:
        found = {"y": self.y, "dx": self.gradients.x}
        found |= {f"d{name}": value for name, value in self.gradients.inputs.items()}
        return found | {f"d{name}": value for name, value in own_names(self.gradients.parameters).items()}


def own_names(parameters: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Parameters by the text's names, without their layer."""
    return {name.removesuffix("_l0"): value for name, value in parameters.items()}


def network_of(cell: str, inputs: int, hidden: int, threads: int, dtype: str = "float32") -> swiftrnn.CellNetwork:
    sizes = shapes.extra_sizes(cell, hidden)
    network = swiftrnn.Cell(cell).layer(inputs, hidden, dtype=dtype, seed=SEED, num_threads=threads, **sizes)
    if cell == "li_gru":
        for variance in ("vz_l0", "vn_l0"):
            network.parameters[variance][:] = 1
    return network


def drawn(network: swiftrnn.Network, shape: Sequences) -> dict[str, np.ndarray]:
    """x, dy and the inputs beside x, which are positive: attention, or time."""
    random = np.random.default_rng(SEED)

    def normal(width: int) -> np.ndarray:
        return random.standard_normal((shape.T, shape.N, width), network.dtype)

    arrays = {"x": normal(network.input_size), "dy": normal(network._handle.output_size)}
    return arrays | {name: np.abs(normal(width)) for name, width in network._handle.inputs}


def torch_loops(
    cell: str, network: swiftrnn.CellNetwork, arrays: Mapping[str, np.ndarray], compiled: bool
) -> tuple[TorchLoop, dict[str, TorchLoop]]:
    """One with the library's masks, to be compared, and those to be timed."""
    parameters = own_names(network.parameters)
    translated = TorchCell(
        swiftrnn.cell_text(cell), swiftrnn.cell_text, {name: value.shape for name, value in parameters.items()},
        network.sizes,
    )  # fmt: skip
    handle, sequences = network._handle, arrays["x"].shape[1]
    initials, dtype = translated.cell.initials, torch.from_numpy(arrays["x"]).dtype

    def problem() -> Problem:
        return Problem(
            x=torch.from_numpy(arrays["x"]),
            inputs={name: torch.from_numpy(arrays[name]) for name in network.inputs},
            states={
                name: torch.full(handle.state_shape(index, sequences)[1:], initials.get(name, 0.0), dtype=dtype)
                for index, name in enumerate(handle.state_names)
            },
            parameters={name: torch.from_numpy(value.copy()) for name, value in parameters.items()},
            dy=torch.from_numpy(arrays["dy"]),
        )

    timed = {TORCH: TorchLoop(translated, problem())}
    masks = {draw: library_mask(draw, shape, arrays["x"]) for draw, shape in timed[TORCH].mask_shapes.items()}
    if compiled:
        timed[COMPILED] = TorchLoop(translated, problem(), compiled=True)
    return TorchLoop(translated, problem(), masks), timed


def library_mask(draw: Draw, shape: tuple[int, ...], x: np.ndarray) -> torch.Tensor:
    """The mask that the library draws with SEED."""
    if draw.kind == "drop_connect":
        keeps = kept(SEED, draw.number, draw.probability, [0], 1, shape[0] * shape[1]).reshape(shape)
    elif draw.per_step:
        keeps = kept(SEED, draw.number, draw.probability, list(range(len(x))), *shape)
    else:
        keeps = kept(SEED, draw.number, draw.probability, [SEQUENCE], *shape)[0]
    if draw.kind == "zoneout":
        return torch.from_numpy(keeps)
    return torch.from_numpy(keeps.astype(x.dtype) / x.dtype.type(1 - draw.probability))


# ---- Comparing ----


Arrays = Mapping[str, np.ndarray]


def errors(found: Arrays, expected: Arrays, kinked: bool) -> dict[str, float]:
    """How far each array is off, as a share of the largest entry or of 1; of a cell with kinks, where a last bit
    decides, gradients by their 2-norm, as in data.py."""

    def size(name: str, values: np.ndarray) -> float:
        return float(np.linalg.norm(values) if kinked and name != "y" else np.abs(values).max(initial=0))

    return {
        name: size(name, found[name].reshape(value.shape) - value) / max(1.0, size(name, value))
        for name, value in expected.items()
    }


def difference(ours: Arrays, theirs: Arrays, kinked: bool, exact: Callable[[], Arrays] | None = None) -> str | None:
    """What differs by more than 1e-4 (gradients behind kinks: 1e-2), in words; None if nothing does.

    A cell may be so unstable that float32 cannot do better (layer norms of 100 steps in a row). What differs then is
    compared with `exact`, torch's loop in float64: ours may be twice as far from it as torch's float32, by the 2-norm.
    The largest entry's error is chance there: over six seeds its ratio was 1 to 4, that of the 2-norms 1.1 to 1.6."""
    if ours.keys() != theirs.keys():
        return f"{sorted(ours)} against {sorted(theirs)}"
    if unbounded := [name for name in ours if not (np.isfinite(ours[name]).all() and np.isfinite(theirs[name]).all())]:
        return f"{unbounded[0]}: not finite"

    def bound(name: str) -> float:
        return RELU_TOLERANCE if kinked and name != "y" else TOLERANCE

    found = {name: error for name, error in errors(ours, theirs, kinked).items() if error > bound(name)}
    if found and exact is not None:
        truth = exact()

        def distance(arrays: Arrays, name: str) -> float:
            return float(np.linalg.norm(arrays[name].reshape(truth[name].shape) - truth[name]))

        own = errors(ours, truth, kinked)
        found = {
            name: own[name]
            for name in truth
            if own[name] > bound(name) and distance(ours, name) > 2 * distance(theirs, name)
        }
    return next((f"{name}: by {error:.2g}" for name, error in found.items()), None)


KINKS = ("relu(", "clip(", "where(", "min(", "max(", "hard_sigmoid(", "abs(")


def has_kinks(text: str) -> bool:
    own = any(word in text for word in KINKS)
    like = next((line.split()[1] for line in text.splitlines() if line.startswith("like ")), None)
    return own or like is not None and has_kinks(swiftrnn.cell_text(like))


# ---- Measuring ----

SIBLINGS = {"LSTM": swiftrnn.LSTM, "GRU": swiftrnn.GRU, "RNN": swiftrnn.RNN}


class Bench:
    def __init__(self, threads: int) -> None:
        self.threads = threads
        self.watch: Watch | None = None

    def machine(self, facts: dict[str, dict[str, float]]) -> None:
        self.watch = Watch(self.threads, {int(count): own for count, own in facts.items()}, Patience(0))

    def times(self, calls: dict[str, Any], job: dict) -> dict:
        assert self.watch is not None
        self.watch.patience.left = job["patience"]
        timed = {name: Timed(call.run, bound=name in (TORCH, COMPILED, NODE_BY_NODE)) for name, call in calls.items()}
        for one in timed.values():
            one.round(0, 1)
        rounds, disturbed = interleave(timed, Budget(job["seconds"], job["rounds"]), self.watch)
        return {
            "times": {name: summary(own) for name, own in rounds.items()},
            "disturbed": disturbed,
            "patience": self.watch.patience.left,
        }

    def sequences(self, job: dict) -> dict:
        cell, shape = job["cell"], Sequences(*job["shape"])
        network = network_of(cell, shape.H, shape.H, self.threads)
        arrays = drawn(network, shape)
        loop, loops = torch_loops(cell, network, arrays, job["compile"])
        products = loop.cell.multiply_adds
        sibling = shapes.sibling_of(cell, products, shape.H)
        beside = SIBLINGS[sibling](shape.H, shape.H, seed=SEED, num_threads=self.threads)
        calls: dict[str, Any] = {OURS: Ours(network, arrays), SIBLING: Ours(beside, drawn(beside, shape)), **loops}
        row = {
            "cell": cell,
            "sibling": sibling,
            "shape": job["shape"],
            "products": products / shapes.multiply_adds(sibling, shape.H),
            "refused": {},
        }
        for call in (calls[OURS], loop):
            call.run()

        def exact() -> Arrays:
            double = network_of(cell, shape.H, shape.H, self.threads, "float64")
            double.flat[:] = network.flat
            wide = {name: array.astype(double.dtype) for name, array in arrays.items()}
            found, _ = torch_loops(cell, double, wide, False)
            found.run()
            return found.results()

        kinked = has_kinks(swiftrnn.cell_text(cell))
        differs = difference(calls[OURS].results(), loop.results(), kinked, exact)
        if differs:
            return row | {"differs": differs}
        if COMPILED in calls:
            try:
                calls[COMPILED].run()
            except Exception as error:  # whatever its compiler meets
                row["refused"] = {COMPILED: f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"}
                del calls[COMPILED]
        return row | self.times(calls, job)

    def forest(self, job: dict) -> dict:
        network = network_of(job["cell"], shapes.TREE_INPUTS, shapes.TREE_HIDDEN, self.threads)
        random = np.random.default_rng(SEED)
        trees = [random_tree(random, shapes.LEAVES) for _ in range(shapes.TREES)]
        nodes = sum(map(len, trees))
        x = random.standard_normal((nodes, shapes.TREE_INPUTS), np.float32)
        dy = random.standard_normal((nodes, network._handle.output_size), np.float32)
        calls = {
            OURS: Forests(network, trees, x, dy, together=True),
            ONE_BY_ONE: Forests(network, trees, x, dy, together=False),
            NODE_BY_NODE: TorchTrees(job["cell"], own_names(network.parameters), trees, x, dy),
        }
        try:
            for call in calls.values():
                call.run()
            ours = calls[OURS].results()
            found = (difference(ours, calls[name].results(), False) for name in (ONE_BY_ONE, NODE_BY_NODE))
            differs = next((text for text in found if text), None)
            row = {"forest": job["cell"], "nodes": nodes, "refused": {}}
            return row | ({"differs": differs} if differs else self.times(calls, job))
        finally:
            for call in calls.values():
                call.close()


def check_names() -> None:
    """The benchmark is of all cells that the library has."""
    if unknown := set(swiftrnn.cells()) ^ set(shapes.CELLS):
        raise SystemExit(f"cell_shapes.py and the library do not have the same cells: {', '.join(sorted(unknown))}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, required=True)
    threads = parser.parse_args().threads
    torch.set_num_threads(threads)
    torch.set_num_interop_threads(1)
    os.sched_setaffinity(0, CPUS)
    check_names()
    bench = Bench(threads)
    versions = f"SwiftRNN {swiftrnn.__version__} ({swiftrnn.isa()}), torch {torch.__version__}"
    print("ready", versions, flush=True)
    for line in sys.stdin:
        word, _, rest = line.strip().partition(" ")
        if word == "quit":
            return
        job = json.loads(rest)
        if word == "machine":
            bench.machine(job)
            print("ok", flush=True)
        else:
            row = {"sequences": bench.sequences, "forest": bench.forest}[word](job)
            print("row", json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
