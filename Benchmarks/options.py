"""The options of scripts/bench, which asks for them before it sets anything up: nothing but Python is needed here."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

DESCRIPTION = "Measures SwiftRNN beside torch, onnxruntime and oneDNN, each in a process of its own, in interleaved rounds."


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=DESCRIPTION)
    parser.add_argument("--quick", action="store_true", help="fewer shapes and less time for each; about two minutes")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="thread counts; default 1 2")
    parser.add_argument("--only", type=re.compile, metavar="REGEX", help="only shapes whose name or group matches")
    parser.add_argument("--rounds", type=int, help="rounds of each shape at least; default 5, quick 3")
    parser.add_argument("--seconds", type=float, help="seconds of rounds for each shape; default 3, quick 1")
    parser.add_argument("--json", type=Path, help="where results and plots go; default build/bench/results.json")
    parser.add_argument("--from", type=Path, dest="source", metavar="FILE", help="measure nothing, read these results")
    parser.add_argument("--write-docs", action="store_true", help="fill in docs/ and README.md")
    parser.add_argument("--list", action="store_true", help="print the shapes")
    arguments = parser.parse_args()
    if arguments.write_docs and (arguments.quick or arguments.only):
        parser.error("--write-docs wants a whole run, without --quick and --only")
    return arguments


if __name__ == "__main__":
    parse_arguments()
