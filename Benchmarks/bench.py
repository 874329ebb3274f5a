"""Measures SwiftRNN beside torch, onnxruntime and oneDNN, each in a process of its own, in interleaved rounds.

Run it by scripts/bench, which sets up what it needs. docs/benchmarks.md says what is measured and how.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import cell_bench
import plots
import report
from machine import describe, facts, identity, latency_floors
from options import chosen, parse_arguments, print_shapes, shapes_with
from processes import DRIVERS, HERE, OURS, PADDED, PEERS, Worker, WorkerFailed
from rounds import Budget, Mismatch, bounds, measure
from tqdm import tqdm
from watch import Patience, Watch

ROOT = HERE.parent
DOCS = ROOT / "docs"


def save(run: dict, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(run, indent=1, ensure_ascii=False) + "\n")


def measure_all(arguments: argparse.Namespace, path: Path) -> dict:
    """All shapes with each thread count. Prints the table as it grows, and saves after each row."""
    budget = Budget(
        arguments.seconds if arguments.seconds is not None else 1.0 if arguments.quick else 3.0,
        arguments.rounds or (3 if arguments.quick else 5),
    )
    run: dict = {"command": " ".join(["scripts/bench", *sys.argv[1:]]), "identity": {}, "machine": {}, "results": []}
    chains = sorted({shape.I + shape.H for shape in chosen(arguments) if shape.streaming})
    floors = latency_floors(chains)
    default_patience = 20.0 if arguments.quick else 240.0
    patience = Patience(arguments.patience if arguments.patience is not None else default_patience)
    for threads in sorted(set(arguments.threads)):
        own = shapes_with(arguments, threads)
        if not own:
            continue
        measured = facts(threads)
        run["machine"][str(threads)] = {"before": measured}
        watch = Watch(threads, {int(count): both["before"] for count, both in run["machine"].items()}, patience)
        workers = {name: Worker(name, threads) for name in (OURS, *PEERS, PADDED)}
        try:
            if not run["identity"]:
                run["identity"] = identity([workers[name].version for name in (OURS, *PEERS)])
                print("\n".join(report.identity_lines(run)))
            else:
                print("\n".join(describe(measured, threads)))
            print("\n" + report.head_line(), flush=True)
            for shape in tqdm(own, unit="shape", leave=False, disable=None):
                result = measure(shape, workers, threads, measured, floors, budget, watch)
                run["results"].append(result)
                for line in (report.text_line(result), *(f"    {extra}" for extra in report.extra_lines(result))):
                    tqdm.write(line)
                sys.stdout.flush()
                save(run, path)
        finally:
            for worker in workers.values():
                worker.close()
        run["machine"][str(threads)]["after"] = facts(threads)
        print()
    # A neighbour while the machine was measured would have made the limits too easy.
    floors = {count: min(floors[count], again) for count, again in latency_floors(chains).items()}
    for result in run["results"]:
        both = run["machine"][str(result["threads"])]
        best = {name: max(value, both["after"][name]) for name, value in both["before"].items()}
        result |= bounds(result, best, floors)
    save(run, path)
    return run


def write_docs(run: dict) -> None:
    missing = report.missing(run)
    if missing:
        raise SystemExit(f"--write-docs wants a whole run; {len(missing)} rows are missing, such as {missing[0]}")
    drawn = plots.draw(run, DOCS / "benchmarks")
    report.fill_region(DOCS / "benchmarks.md", "RESULTS", report.markdown(run, drawn, DOCS))
    report.fill_region(ROOT / "README.md", "SPEED", report.headline(run))


def main() -> None:
    arguments = parse_arguments()
    if arguments.list:
        print_shapes(arguments)
        return
    if arguments.cells:
        cell_bench.main(arguments)
        return
    path = arguments.json or DRIVERS / "results.json"
    if arguments.source:
        path, run = arguments.source
        print("\n".join(report.identity_lines(run)))
    else:
        try:
            run = measure_all(arguments, path)
        except (Mismatch, WorkerFailed) as error:
            raise SystemExit(f"scripts/bench: {error}") from error
    print("\n".join(report.summary_lines(run)))
    paths = plots.draw(run, path.with_suffix(""))
    print(f"\nFigures: {path}\nPlots: {', '.join(map(str, paths))}")
    if arguments.write_docs:
        write_docs(run)


if __name__ == "__main__":
    main()
