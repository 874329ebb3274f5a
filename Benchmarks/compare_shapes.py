#!/usr/bin/env python3
"""Prints the shapes that scripts/compare times, a line each, for compare.c:

    cell work T N I H layers directions f32|f64 threads lengths options text

those of scripts/bench, cells of equations, layers joined by options, and forests. With --quick one or two of each kind.
`text` is a cell of the library, or "-": the kernels of `cell`. In a forest N is the number of trees, T that of leaves.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from cell_shapes import FORESTS, TREE_HIDDEN, TREE_INPUTS
from cell_shapes import QUICK as QUICK_CELLS
from shapes import SHAPES

CELLS = {"rnn_tanh": 1, "rnn_relu": 2, "lstm": 3, "gru": 4, "gru_before": 5}  # swiftrnn_cell
EQUATIONS = 6
OPTIONS = ("residual", "dense", "sum", "dilated", "zero")
QUICK_TEXTS = ("lstm_peephole", "slstm", "lstm_layer_norm")
# Operations of a call above which a round of both libraries takes too long.
LARGEST = 2e10


def line(cell: int, work: str, sizes: tuple[int, ...], *rest: object) -> str:
    return " ".join(map(str, (cell, work, *sizes, *rest)))


def shapes(quick: bool) -> Iterator[str]:
    for s in SHAPES:
        rows = s.N * s.T * s.layers * s.directions * (3 if s.training else 1)
        if (quick and not s.quick) or 2.0 * rows * s.gates * s.H * (s.I + s.H) > LARGEST:
            continue
        sizes = (s.T, s.N, s.I, s.H, s.layers, s.directions)
        for threads in (1,) if s.streaming else (1, 2):
            yield line(CELLS[s.cell], s.work, sizes, s.dtype, threads, int(s.lengths), "-", "-")
    for number, text in enumerate(QUICK_TEXTS if quick else QUICK_CELLS):
        if text not in ("tree_binary", "augru", "cfc"):  # a forest, below; inputs beside x
            work, threads = ("inference", "training")[number % 2], 1 + number // 2 % 2
            yield line(EQUATIONS, work, (20, 16, 64, 64, 1, 1), "f32", threads, 0, "-", text)
            yield line(EQUATIONS, "stream", (1, 1, 32, 32, 1, 1), "f32", 1, 0, "-", text)
    for option in OPTIONS[:2] if quick else OPTIONS:
        for work in ("inference", "training"):
            yield line(CELLS["lstm"], work, (20, 16, 64, 64, 3, 2), "f32", 1, 0, option, "-")
        if option not in ("sum", "zero"):
            yield line(CELLS["gru"], "stream", (1, 1, 32, 32, 3, 1), "f32", 1, 0, option, "-")
    for text in FORESTS[:1] if quick else FORESTS:
        for work in ("inference", "training"):
            yield line(EQUATIONS, f"forest_{work}", (20, 25, TREE_INPUTS, TREE_HIDDEN, 1, 1), "f32", 1, 0, "-", text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    print("\n".join(shapes(parser.parse_args().quick)))


if __name__ == "__main__":
    main()
