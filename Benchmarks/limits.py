"""What the machine allows: the shortest time of each shape, and the sizes of memory that the project allows itself."""

from __future__ import annotations

import math
from dataclasses import dataclass

from machine import LEVELS
from shapes import Shape

# Where the shorter of the two times is at least this share of the longer, they count as not overlapping.
RIDGE = 0.5
# Rows that one padded block of steps may have, when N is smaller.
BLOCK_ROWS = 384
LANES_BYTES = 64


@dataclass(frozen=True)
class Limit:
    """Seconds that a shape takes at least, and what they are made of."""

    seconds: float
    operations: float
    bytes: float
    level: str


def operations(shape: Shape, share: float) -> float:
    """Multiplications and additions; training is three times inference. `share` of the steps are not padding."""
    weights = sum(shape.directions * shape.gates * shape.H * (inputs + shape.H) for inputs in shape.layer_inputs())
    return (3 if shape.training else 1) * 2.0 * shape.T * shape.N * weights * share


def traffic(shape: Shape) -> float:
    """Bytes of weights that are read and written: the recurrent ones at every step, the input ones once per pass; in
    training both twice, and all gradients written."""
    total = 0
    for inputs in shape.layer_inputs():
        recurrent, own = shape.gates * shape.H * shape.H, shape.gates * shape.H * inputs
        passes = 2 if shape.training else 1
        total += shape.directions * (passes * (shape.T * recurrent + own) + (passes - 1) * (recurrent + own))
    return float(total * shape.item_size)


def level_of(shape: Shape, facts: dict[str, float], threads: int) -> str:
    """Where the weights fit in that the steps read again and again, the private caches taken together: with one step all
    of them, else the recurrent ones of one layer and direction."""
    if shape.T == 1:
        values = shape.directions * sum(shape.gates * shape.H * (i + shape.H) for i in shape.layer_inputs())
    else:
        values = shape.gates * shape.H * shape.H
    size = values * shape.item_size
    private = {"l1": threads, "l2": threads, "l3": 1}
    fitting = (level for level in LEVELS[:3] if size <= facts[f"{level}_bytes"] * private[level])
    return next(fitting, "memory")


def limit(shape: Shape, facts: dict[str, float], threads: int, share: float) -> Limit:
    """Operations by the peak and bytes by the bandwidth: the longer, near the ridge both together."""
    level = level_of(shape, facts, threads)
    work, moved = operations(shape, share), traffic(shape)
    compute = work / (facts["peak_gflops"] * 1e9 * 4 / shape.item_size)
    transfer = moved / (facts[f"{level}_gbs"] * 1e9)
    short, long = sorted((compute, transfer))
    return Limit(short + long if short >= RIDGE * long else long, work, moved, level)


def stream_limit(shape: Shape, facts: dict[str, float], floor: float) -> Limit:
    """A streamed step: the chain of latencies, and from H 64 up the weights' way from their cache as well."""
    level = level_of(shape, facts, 1)
    moved = traffic(shape)
    transfer = moved / (facts[f"{level}_gbs"] * 1e9)
    return Limit(floor if shape.H <= 40 else floor + transfer, operations(shape, 1), moved, level)


@dataclass(frozen=True)
class MemoryRow:
    """Bytes that the library asks for, and that it may ask for."""

    tape: float
    tape_allowed: float
    workspace: float
    workspace_allowed: float

    @property
    def met(self) -> bool:
        return self.tape <= self.tape_allowed and self.workspace <= self.workspace_allowed


def memory(shape: Shape, sizes: dict[str, float]) -> MemoryRow:
    """The tape may hold (G + 2) T N H + T N P values per layer and direction, and a header; each workspace as much as the
    tape, three times the parameters, and a block of steps of padded sums for each direction."""
    size, layers = shape.item_size, shape.layers * shape.directions
    rows = shape.T * shape.N
    tape = layers * rows * shape.H * (shape.gates + 3) * size + 128
    parameters = sum(math.prod(dimensions) for dimensions in shape.parameter_shapes()) * size
    lanes = LANES_BYTES // size
    padded = -(-shape.H // lanes) * lanes
    block = min(rows, shape.N * -(-BLOCK_ROWS // shape.N)) * (shape.gates + 1) * padded * shape.directions * size
    workspace = max(sizes["forward"], sizes["forward_weights"], sizes["backward"])
    return MemoryRow(sizes["tape"], tape, workspace, sizes["tape"] + 3 * parameters + block)
