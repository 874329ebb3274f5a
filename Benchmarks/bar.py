"""The bar: what the project asks of itself in one run, row by row, with the figure that the run gives."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from processes import OURS, PADDED

# A row of the bar is also met by a shape that is this near to the limit of the machine.
NEAR = {"inference": 0.94, "training": 0.88}
# From here on two threads have enough to do for one layer's work to be cut in two halves.
LARGE_OPERATIONS = 1e9
PEERS_TEXT = "best of torch, onnxruntime, oneDNN"


@dataclass(frozen=True)
class Verdict:
    """One row of the bar. met is None where the run has no shape for it."""

    what: str
    against: str
    at_least: str
    figure: str
    met: bool | None


@dataclass(frozen=True)
class Figure:
    """What one result comes to: the value is met if it is on the right side of the bar or near the limit."""

    label: str
    value: float
    met: bool


def label(result: dict) -> str:
    return f"{result['shape']['name']}, {result['threads']} thread{'s' * (result['threads'] > 1)}"


def median(result: dict, name: str = OURS) -> float:
    return result["times"][name]["median"]


def is_plain(result: dict) -> bool:
    """A float32 sequence shape without lengths: what the rows by N, T and H are about."""
    shape = result["shape"]
    return shape["work"] != "stream" and shape["dtype"] == "f32" and not shape["lengths"]


def has_operations(result: dict) -> bool:
    return result["limit"]["operations"] >= LARGE_OPERATIONS and result["shape"]["N"] >= 16


def near_limit(result: dict) -> bool:
    return result["share"] >= NEAR.get(result["shape"]["work"], math.inf)


def ratios(results: Iterable[dict], at_least: float, peer: str | None = None) -> list[Figure]:
    """How many times faster we are than the best peer, or than `peer`; shapes that it refuses are left out."""
    figures = []
    for result in results:
        if peer is None and "ratio" in result:
            value = result["ratio"]
        elif peer is not None and peer in result["times"]:
            value = median(result, peer) / median(result)
        else:
            continue
        figures.append(Figure(label(result), value, value >= at_least or near_limit(result)))
    return figures


def verdict(what: str, against: str, at_least: str, figures: list[Figure], lowest: bool = True) -> Verdict:
    """The row for shapes that must all meet it; its figure is how many do, and the worst of them."""
    if not figures:
        return Verdict(what, against, at_least, "not measured", None)
    missed = [figure for figure in figures if not figure.met]
    worst = (min if lowest else max)(missed or figures, key=lambda figure: figure.value)
    counts = f"{len(figures) - len(missed)} of {len(figures)}; worst {worst.value:.2f}× ({worst.label})"
    return Verdict(what, against, at_least, counts, not missed)


def against_peers(results: list[dict]) -> list[Verdict]:
    plain = [result for result in results if is_plain(result)]

    def group(result: dict) -> str:
        shape = result["shape"]
        if shape["N"] <= 8:
            return "N ≤ 8"
        if shape["T"] == 1:
            return "T = 1"
        return "N ≥ 16, H < 256" if shape["H"] < 256 else "N ≥ 16, H ≥ 256"

    rows = []
    for name, bar in (("N ≤ 8", 1.3), ("T = 1", 1.2), ("N ≥ 16, H < 256", 1.2), ("N ≥ 16, H ≥ 256", 1.05)):
        own = [result for result in plain if group(result) == name]
        rows.append(verdict(name, PEERS_TEXT, f"{bar}×", ratios(own, bar)))
    rows.append(verdict("every shape", PEERS_TEXT, "0.97×", ratios(results, 0.97)))
    compared = [result for result in plain if "ratio" in result]
    if compared:
        mean = statistics.geometric_mean(result["ratio"] for result in compared)
        most = statistics.geometric_mean(result["ratio"] / result["share"] for result in compared)
        text = f"{mean:.2f}× over {len(compared)}; {most:.2f}× if each took its limit"
        rows.append(Verdict("all shapes together", PEERS_TEXT, "geometric mean 1.6×", text, mean >= 1.6))
    return rows


def against_torch(results: list[dict]) -> list[Verdict]:
    training = [result for result in results if is_plain(result) and result["shape"]["work"] == "training"]
    lstm = [result for result in training if result["shape"]["cell"] == "lstm" and result["shape"]["N"] >= 16]
    other = [result for result in training if result["shape"]["cell"] != "lstm"]
    float64 = [result for result in results if result["shape"]["dtype"] == "f64"]
    ragged = [result for result in results if result["shape"]["lengths"]]
    return [
        verdict("LSTM training, N ≥ 16", "torch", "1.3×", ratios(lstm, 1.3, "torch")),
        verdict("GRU and RNN training", "torch", "2.5×", ratios(other, 2.5, "torch")),
        verdict("variable lengths", "torch's packed run", "1.5×", ratios(ragged, 1.5, "torch")),
        verdict("float64", "torch", "2×", ratios(float64, 2.0, "torch")),
    ]


def against_ourselves(results: list[dict]) -> list[Verdict]:
    ragged = []
    for result in results:
        if PADDED in result["times"]:
            value = median(result) / median(result, PADDED) / result["filled"]
            ragged.append(Figure(label(result), value, value <= 1.12))
    rows = [verdict("variable lengths", "our padded run × Σ lengths ÷ (T·N)", "at most 1.12×", ragged, lowest=False)]
    single = {result["shape"]["name"]: median(result) for result in results if result["threads"] == 1}
    large, small = [], []
    for result in results:
        if result["threads"] == 2 and result["shape"]["name"] in single:
            value = single[result["shape"]["name"]] / median(result)
            (large if has_operations(result) else small).append((result, value))
    rows.append(
        verdict("two threads, large: N ≥ 16 and 1 GFLOP or more", "one thread", "1.8×",
                [Figure(label(result), value, value >= 1.8) for result, value in large])
    )
    rows.append(
        verdict("two threads, all others", "one thread", "0.95×",
                [Figure(label(result), value, value >= 0.95) for result, value in small])
    )
    return rows


def streaming(results: list[dict]) -> list[Verdict]:
    streams = [result for result in results if result["shape"]["work"] == "stream"]

    def allowed(result: dict, weights: float, floors: float) -> float:
        return weights * (result["limit"]["seconds"] - result["floor"]) + floors * result["floor"]

    def figures(chosen: Callable[[dict], bool], weights: float, floors: float) -> list[Figure]:
        rows = [(r, median(r) / allowed(r, weights, floors)) for r in streams if chosen(r["shape"])]
        return [Figure(label(result), value, value <= 1) for result, value in rows]

    def is_large(shape: dict) -> bool:
        return 64 <= shape["H"] <= (128 if shape["cell"] == "lstm" else 224)

    return [
        verdict("one streaming step, H ≤ 40", "2 × the floor", "at most 1×",
                figures(lambda shape: shape["H"] <= 40, 0, 2), lowest=False),
        verdict("one streaming step, LSTM H 64…128, GRU H 64…224", "1.2 × (weights ÷ bandwidth) + the floor",
                "at most 1×", figures(is_large, 1.2, 1), lowest=False),
    ]


def memory(results: list[dict]) -> list[Verdict]:
    rows = [(label(r), r["memory"]) for r in results if "memory" in r]
    tape = [Figure(name, m["tape"] / m["tape_allowed"], m["tape"] <= m["tape_allowed"]) for name, m in rows]
    work = [
        Figure(name, m["workspace"] / m["workspace_allowed"], m["workspace"] <= m["workspace_allowed"])
        for name, m in rows
    ]
    return [
        verdict("memory: tape", "(G + 2)·T·N·H + T·N·P per layer and direction", "at most 1×", tape, lowest=False),
        verdict("memory: workspace", "tape + 3 × parameters + one padded block of steps", "at most 1×", work,
                lowest=False),
    ]


def evaluate(results: list[dict]) -> list[Verdict]:
    """All rows of the bar."""
    return [
        *against_peers(results),
        *against_torch(results),
        *against_ourselves(results),
        *streaming(results),
        *memory(results),
    ]
