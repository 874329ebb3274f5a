"""The options of scripts/bench, which asks for them before it sets anything up: nothing but Python is needed here."""

from __future__ import annotations

import argparse
import math
import re
from pathlib import Path

from processes import process_cpus
from shapes import SHAPES, Shape

DESCRIPTION = "Measures SwiftRNN beside torch, onnxruntime and oneDNN, each in a process of its own, in interleaved rounds."


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
        raise argparse.ArgumentTypeError(f"{text} is not more than 0")
    return value


def pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error}") from error


def existing(text: str) -> Path:
    path = Path(text)
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"{text} is no file")
    return path


def parse_arguments() -> argparse.Namespace:
    # No abbreviations: scripts/bench looks for some of these names itself.
    parser = argparse.ArgumentParser(prog="scripts/bench", description=DESCRIPTION, allow_abbrev=False)
    parser.add_argument("--quick", action="store_true", help="fewer shapes and less time for each; about two minutes")
    parser.add_argument("--threads", type=count, nargs="+", default=[1, 2], help="thread counts; default 1 2")
    parser.add_argument("--only", type=pattern, metavar="REGEX", help="only shapes whose name or group matches")
    parser.add_argument("--rounds", type=count, help="rounds of each shape at least; default 5, quick 3")
    parser.add_argument("--seconds", type=duration, help="seconds of rounds for each shape; default 3, quick 1")
    parser.add_argument("--json", type=Path, help="where results and plots go; default build/bench/results.json")
    parser.add_argument("--from", type=existing, dest="source", metavar="FILE", help="measure nothing, read these results")
    parser.add_argument("--write-docs", action="store_true", help="fill in docs/ and README.md")
    parser.add_argument("--list", action="store_true", help="print the shapes")
    arguments = parser.parse_args()
    if arguments.write_docs and (arguments.quick or arguments.only):
        parser.error("--write-docs wants a whole run, without --quick and --only")
    if not arguments.source and not chosen(arguments):
        parser.error("no shape matches")
    if not arguments.source and not arguments.list:
        process_cpus(max(arguments.threads))
    return arguments


def chosen(arguments: argparse.Namespace) -> list[Shape]:
    """The shapes that are asked for."""
    shapes = [shape for shape in SHAPES if shape.quick or not arguments.quick]
    if arguments.only:
        shapes = [s for s in shapes if arguments.only.search(s.name) or arguments.only.search(s.group)]
    return shapes


def main() -> None:
    """Refuses wrong options; prints the list, if that is all that is wanted."""
    arguments = parse_arguments()
    if arguments.list:
        shapes = chosen(arguments)
        print("\n".join(f"{shape.group:24} {shape.name}{'  (quick)' * shape.quick}" for shape in shapes))
        print(f"{len(shapes)} shapes")


if __name__ == "__main__":
    main()
