"""scripts/bench --cells: the cells of equations in training, beside a cell with kernels of its own and beside torch.

docs/benchmarks-cells.md says what is measured and how. The process that measures is cell_worker.py.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import astuple
from pathlib import Path

import cell_report as report
import cell_shapes as shapes
from machine import describe, facts, identity
from options import chosen_cells
from processes import CELLS, DRIVERS, HERE, Worker, WorkerFailed
from report import fill_region, identity_lines
from tqdm import tqdm

DOCS = HERE.parent / "docs"


def jobs(arguments: argparse.Namespace) -> list[tuple[str, dict]]:
    """What a worker is asked for: a word and its JSON."""
    common = {
        "seconds": arguments.seconds if arguments.seconds is not None else 0.5 if arguments.quick else 2.0,
        "rounds": arguments.rounds or (3 if arguments.quick else 5),
        "compile": arguments.compile,
    }
    cells = chosen_cells(arguments)
    pairs = [(cell, shape) for cell in cells for shape in shapes.SHAPES]
    found = [("sequences", {"cell": cell, "shape": astuple(shape), **common}) for cell, shape in pairs]
    return found + [("forest", {"cell": cell, **common}) for cell in shapes.FORESTS if cell in cells]


def save(run: dict, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(run, indent=1, ensure_ascii=False) + "\n")


def measure(arguments: argparse.Namespace, path: Path) -> dict:
    """All cells with each thread count. Prints the table as it grows, and saves after each row."""
    run: dict = {
        "command": " ".join(["scripts/bench", *sys.argv[1:]]), "cells": True, "identity": {}, "machine": {},
        "results": [],
    }  # fmt: skip
    default_patience = 20.0 if arguments.quick else 240.0
    patience = arguments.patience if arguments.patience is not None else default_patience
    for threads in sorted(set(arguments.threads)):
        run["machine"][str(threads)] = {"before": facts(threads)}
        worker = Worker(CELLS, threads)
        try:
            if not run["identity"]:
                run["identity"] = identity([worker.version])
                print("\n".join(identity_lines(run)))
            else:
                print("\n".join(describe(run["machine"][str(threads)]["before"], threads)))
            print("\n" + report.head_line(), flush=True)
            before = {count: both["before"] for count, both in run["machine"].items()}
            worker.ask(f"machine {json.dumps(before)}", "ok")
            for word, job in tqdm(jobs(arguments), unit="row", leave=False, disable=None):
                row = json.loads(worker.ask(f"{word} {json.dumps(job | {'patience': patience})}", "row"))
                patience = row.pop("patience", patience)
                row["threads"] = threads
                run["results"].append(row)
                tqdm.write(report.text_line(row))
                sys.stdout.flush()
                save(run, path)
        finally:
            worker.close()
        run["machine"][str(threads)]["after"] = facts(threads)
        print()
    save(run, path)
    return run


def write_docs(run: dict) -> None:
    missing = report.missing(run)
    if missing:
        raise SystemExit(f"--write-docs wants a whole run; {len(missing)} rows are missing, such as {missing[0]}")
    fill_region(DOCS / "benchmarks-cells.md", "RESULTS", report.markdown(run))


def main(arguments: argparse.Namespace) -> None:
    path = arguments.json or DRIVERS / "cells.json"
    if arguments.source:
        path, run = arguments.source
        print("\n".join(identity_lines(run)))
        print("\n" + "\n".join([report.head_line(), *map(report.text_line, run["results"])]) + "\n")
    else:
        try:
            run = measure(arguments, path)
        except WorkerFailed as error:
            raise SystemExit(f"scripts/bench: {error}") from error
    print("\n".join(report.summary_lines(run)))
    print(f"\nFigures: {path}")
    if arguments.write_docs:
        write_docs(run)
    if differing := report.differing(run["results"]):
        raise SystemExit(f"{len(differing)} rows differ from torch")
