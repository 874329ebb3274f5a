"""The tables of a run, as text while it goes on and as markdown for the documentation."""

from __future__ import annotations

import re
import statistics
import textwrap
from pathlib import Path

from bar import Verdict, evaluate, is_plain, label
from machine import LEVEL_NAMES, describe
from processes import OURS, PADDED, PEERS
from shapes import SHAPES

NAME_WIDTH = 38


def milliseconds(seconds: float) -> str:
    """Three digits or more, of a streamed step too."""
    return f"{seconds * 1e3:.{6 if seconds < 1e-5 else 4 if seconds < 1e-3 else 3 if seconds < 0.1 else 1}f}"


def cells(result: dict) -> list[str]:
    """A result's columns behind its name, as in `COLUMNS`."""
    own = result["times"][OURS]
    # Runs from before rounds were watched do not say.
    spread = f"{(own['q3'] - own['q1']) / own['median']:.0%}{'*' if result.get('disturbed') else ''}"
    peers = [milliseconds(result["times"][p]["median"]) if p in result["times"] else "refuses" for p in PEERS]
    best, ratio = (result["best"], f"{result['ratio']:.2f}") if "ratio" in result else ("–", "–")
    level = LEVEL_NAMES[result["limit"]["level"]]
    return [str(result["threads"]), milliseconds(own["median"]), spread, *peers, best, ratio, f"{result['share']:.0%}",
            level]


COLUMNS = ["threads", "ours ms", "spread", *(f"{peer} ms" for peer in PEERS), "best peer", "ratio", "% of limit", "level"]
WIDTHS = [7, 10, 6, 10, 14, 10, 11, 6, 11, 6]


def head_line() -> str:
    return f"{'shape':{NAME_WIDTH}} " + " ".join(f"{name:>{width}}" for name, width in zip(COLUMNS, WIDTHS))


def text_line(result: dict) -> str:
    columns = " ".join(f"{cell:>{width}}" for cell, width in zip(cells(result), WIDTHS))
    return f"{result['shape']['name']:{NAME_WIDTH}} {columns}"


def extra_lines(result: dict) -> list[str]:
    """What some kinds of shapes have beside the columns."""
    lines = []
    if PADDED in result["times"]:
        padded = result["times"][PADDED]["median"]
        lines.append(f"our padded run {milliseconds(padded)} ms; {result['filled']:.1%} of its steps are not padding")
    if "latency" in result:
        found = result["latency"]
        lines.append(
            f"p50 {found['p50'] * 1e6:.2f} µs, p99.9 {found['p999'] * 1e6:.2f} µs; floor {result['floor'] * 1e6:.2f} µs"
        )
    return lines


def refusals(results: list[dict]) -> list[str]:
    """Each peer's reasons, with how many of the rows they concern."""
    counts: dict[tuple[str, str], int] = {}
    for result in results:
        for peer, reason in result["refused"].items():
            counts[peer, reason] = counts.get((peer, reason), 0) + 1
    return [f"{peer} ({count} rows): {reason}" for (peer, reason), count in counts.items()]


def losses(results: list[dict]) -> list[str]:
    """Where the best peer is faster, the worst first."""
    slower = sorted((r for r in results if r.get("ratio", 1) < 1), key=lambda result: result["ratio"])
    return [f"{label(result)}: {result['ratio']:.2f}× {result['best']}" for result in slower]


def said(verdict: Verdict) -> str:
    return {True: "met", False: "not met", None: "–"}[verdict.met]


def identity_lines(run: dict) -> list[str]:
    identity = run["identity"]
    lines = [
        f"{identity['date']}, {identity['cpu']}, {identity['system']}",
        f"{identity['versions']}; commit {identity['commit']}",
    ]
    for threads, facts in run["machine"].items():
        lines += describe(facts["before"], int(threads))
        if "after" in facts:
            lines.append(f"at the end, with {threads}: {describe(facts['after'], int(threads))[0].split(': ', 1)[1]}")
    return lines


def summary_lines(run: dict) -> list[str]:
    """What is printed at the end."""
    lines = ["The bar"]
    for verdict in evaluate(run["results"]):
        # A part of the shapes leaves most rows without any.
        if verdict.met is None:
            continue
        lines.append(f"  {said(verdict):8} {verdict.what}; {verdict.at_least} {verdict.against}: {verdict.figure}")
    lines += ["Refused", *(f"  {line}" for line in refusals(run["results"]) or ["nothing"])]
    lines += ["Slower than the best peer", *(f"  {line}" for line in losses(run["results"]) or ["none"])]
    return lines


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def markdown(run: dict, plots: list[Path], folder: Path) -> str:
    """The results as a part of docs/benchmarks.md. `plots` are linked relative to `folder`."""
    results = run["results"]
    verdicts = [[v.what, v.against, v.at_least, v.figure, said(v)] for v in evaluate(results)]
    lines = [f"`{run['command']}`", "", "```", *identity_lines(run), "```", ""]
    lines += ["### The bar", "", *table(["what", "against", "at least", "figure", ""], verdicts), ""]
    lines += [f"![{path.stem}]({path.relative_to(folder)})" for path in plots] + [""]
    lines += ["### Slower than the best peer", ""]
    lines += [f"- {line}" for line in losses(results) or ["none"]] + [""]
    lines += ["### Refused", "", *(f"- {line}" for line in refusals(results)), ""]
    lines += ["### All shapes", ""]
    lines += table(["shape", *COLUMNS], [[r["shape"]["name"], *cells(r)] for r in results]) + [""]
    lines += [f"- {label(result)}: {line}" for result in results for line in extra_lines(result)] + [""]
    lines += ["### Memory", ""]
    memory = {r["shape"]["name"]: r["memory"] for r in results if "memory" in r}
    rows = [
        [name, *(f"{m[key] / 1e6:.2f}" for key in ("tape", "tape_allowed", "workspace", "workspace_allowed")),
         "met" if m["met"] else "not met"]
        for name, m in memory.items()
    ]
    lines += table(["shape", "tape MB", "allowed", "workspace MB", "allowed", ""], rows)
    return "\n".join(lines)


def headline(run: dict) -> str:
    """The README's sentence, of lines of at most 120 characters."""
    compared = [result for result in run["results"] if is_plain(result) and "ratio" in result]
    mean = statistics.geometric_mean(result["ratio"] for result in compared)
    slower = sum(result["ratio"] < 1 for result in compared)
    threads = " and ".join(run["machine"])
    identity = run["identity"]
    text = (
        f"**{mean:.2f} times as fast as the best of torch, onnxruntime and oneDNN**: the geometric mean over "
        f"{len(compared)} measurements of float32 networks with {threads} threads; slower than the best of them in "
        f"{slower}. {identity['cpu']}, {identity['date']}, commit {identity['commit']}: `{run['command']}`."
    )
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False)


def fill_region(path: Path, name: str, text: str) -> None:
    """Replaces what is between <!-- NAME:BEGIN ... --> and <!-- NAME:END --> in a file."""
    before = path.read_text()
    pattern = re.compile(rf"(<!-- {name}:BEGIN.*?-->\n).*?(<!-- {name}:END -->)", re.DOTALL)
    after, count = pattern.subn(lambda match: match[1] + text.rstrip() + "\n" + match[2], before)
    if count != 1:
        raise SystemExit(f"{path}: {count} regions {name} instead of one")
    path.write_text(after)


def missing(run: dict) -> list[str]:
    """Shapes that a run lacks; the documentation takes complete runs only."""
    there = {(result["shape"]["name"], result["threads"]) for result in run["results"]}
    wanted = {(s.name, int(t)) for s in SHAPES for t in run["machine"] if not s.streaming or int(t) == 1}
    return [f"{name} with {threads}" for name, threads in sorted(wanted - there)]


