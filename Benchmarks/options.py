"""The options of scripts/bench, which asks for them before it sets anything up: nothing but Python is needed here."""

from __future__ import annotations

import argparse
import json
import math
import os
import re
from pathlib import Path

import cell_shapes
from processes import process_cpus
from shapes import SHAPES, Shape

DESCRIPTION = """Measures SwiftRNN beside torch, onnxruntime and oneDNN, each in a process of its own, in interleaved
rounds. With --cells: the cells of equations, beside an LSTM, GRU or RNN with kernels of its own, and beside the same
equations in torch."""
# A whole run, as docs/ shows it.
ALL_THREADS = {1, 2}


def count(text: str) -> int:
    """A whole number, 1 or more."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is not 1 or more")
    return value


def duration(text: str) -> float:
    """Seconds, more than 0."""
    value = float(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not above 0 and finite")
    return value


def pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error}") from error


def saved_results(text: str) -> tuple[Path, dict]:
    """A file of results, and what it holds."""
    path = Path(text)
    try:
        run = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"{text}: {error}") from error
    if not isinstance(run, dict) or not {"command", "identity", "machine", "results"} <= run.keys():
        raise argparse.ArgumentTypeError(f"{text} holds no results of scripts/bench")
    return path, run


def new_file(text: str) -> Path:
    """Where a file can be written; its folder need not exist yet."""
    path = Path(text)
    there = next(place for place in (path.absolute(), *path.absolute().parents) if place.exists())
    if path.is_dir() or not os.access(there, os.W_OK) or not (there.is_dir() or there == path.absolute()):
        raise argparse.ArgumentTypeError(f"{text} is not where a file can be written")
    return path


def parse_arguments() -> argparse.Namespace:
    # No abbreviations: scripts/bench looks for some of these names itself.
    parser = argparse.ArgumentParser(prog="scripts/bench", description=DESCRIPTION, allow_abbrev=False)
    parser.add_argument("--cells", action="store_true", help="the cells of equations instead, in training")
    parser.add_argument("--compile", action="store_true", help="with --cells: beside torch.compile too")
    parser.add_argument("--quick", action="store_true", help="fewer shapes and less time for each; about two minutes")
    parser.add_argument("--threads", type=count, nargs="+", default=sorted(ALL_THREADS), help="thread counts; default 1 2")
    parser.add_argument(
        "--only", type=pattern, metavar="REGEX",
        help="only shapes whose name or group matches; with --cells those whose whole name does",
    )
    parser.add_argument("--rounds", type=count, help="rounds of each shape at least; default 5, quick 3")
    parser.add_argument(
        "--seconds", type=duration, help="seconds of rounds for each shape; default 3, quick 1; with --cells 2 and 0.5"
    )
    parser.add_argument(
        "--patience", type=duration,
        help="seconds that a run waits in all for a neighbour on a shared machine to be gone; default 240, quick 20",
    )
    parser.add_argument(
        "--json", type=new_file, help="where results and plots go; default build/bench/results.json or cells.json"
    )
    parser.add_argument(
        "--from", type=saved_results, dest="source", metavar="FILE", help="measure nothing, read these results"
    )
    parser.add_argument("--write-docs", action="store_true", help="fill in docs/ and README.md")
    parser.add_argument("--list", action="store_true", help="print the shapes, or the cells")
    arguments = parser.parse_args()
    if arguments.compile and not arguments.cells:
        parser.error("--compile is for --cells")
    if arguments.source:
        if arguments.cells != arguments.source[1].get("cells", False):
            parser.error(f"{arguments.source[0]} holds results {'without' if arguments.cells else 'of'} --cells")
        threads = {int(number) for number in arguments.source[1]["machine"]}
        if arguments.json:
            parser.error("--json is for new results, and --from measures nothing")
    else:
        threads = set(arguments.threads)
        if arguments.cells and not chosen_cells(arguments):
            parser.error("no cell matches")
        if not arguments.cells and not any(shapes_with(arguments, number) for number in threads):
            parser.error("no shape matches")
        if not arguments.list and (most := max(threads)) > (cpus := len(process_cpus())):
            parser.error(f"{most} threads need as many CPUs; there are {cpus}")
    if arguments.write_docs and (arguments.quick or arguments.only or threads != ALL_THREADS):
        parser.error("--write-docs wants a whole run: without --quick and --only, with 1 and 2 threads")
    return arguments


def chosen(arguments: argparse.Namespace) -> list[Shape]:
    """The shapes that are asked for."""
    shapes = [shape for shape in SHAPES if shape.quick or not arguments.quick]
    if arguments.only:
        shapes = [s for s in shapes if arguments.only.search(s.name) or arguments.only.search(s.group)]
    return shapes


def shapes_with(arguments: argparse.Namespace, threads: int) -> list[Shape]:
    """Those that are measured with this many threads: a stream stays on the calling one."""
    return [shape for shape in chosen(arguments) if threads == 1 or not shape.streaming]


def chosen_cells(arguments: argparse.Namespace) -> list[str]:
    """The cells that are asked for."""
    cells = [cell for cell in cell_shapes.CELLS if cell in cell_shapes.QUICK or not arguments.quick]
    return [cell for cell in cells if not arguments.only or arguments.only.fullmatch(cell)]


def print_shapes(arguments: argparse.Namespace) -> None:
    if arguments.cells:
        cells = chosen_cells(arguments)
        print("\n".join(f"{cell}{'  (quick)' * (cell in cell_shapes.QUICK)}" for cell in cells))
        print(f"{len(cells)} cells")
        return
    shapes = chosen(arguments)
    print("\n".join(f"{shape.group:24} {shape.name}{'  (quick)' * shape.quick}" for shape in shapes))
    print(f"{len(shapes)} shapes")


def main() -> None:
    """Refuses wrong options; prints the list, if that is all that is wanted."""
    arguments = parse_arguments()
    if arguments.list:
        print_shapes(arguments)


if __name__ == "__main__":
    main()
