"""The plots of a run: a summary for the README, our speed beside the best peer for each shape, and our points under the
roofline."""

from __future__ import annotations

import statistics
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402
from bar import is_plain, median  # noqa: E402
from machine import LEVEL_NAMES, LEVELS  # noqa: E402
from processes import PEERS  # noqa: E402

COLOURS = {"torch": "#e07b39", "onnxruntime": "#4c9f70", "oneDNN": "#3b6fb6"}
LEVEL_COLOURS = dict(zip(LEVELS, ("#4c9f70", "#3b6fb6", "#8a5aa8", "#c0392b")))
FASTER, SLOWER = "#3b6fb6", "#e07b39"
CELLS = {"rnn": "RNN", "lstm": "LSTM", "gru": "GRU"}


def ratio(result: dict, peer: str) -> float:
    """The time of the peer divided by ours."""
    return median(result, peer) / median(result)


def summary(run: dict, path: Path) -> None:
    """Bars for the README: how many times as fast as each peer, the geometric mean of each kind of shape. Narrow, with
    large letters, to be read on a phone."""
    groups: dict[str, list[dict]] = {}
    for result in filter(is_plain, run["results"]):
        cell = CELLS[result["shape"]["cell"].split("_")[0]]
        groups.setdefault(f"{cell}\n{result['shape']['work']}", []).append(result)
    names = sorted(groups, key=lambda name: (name.split("\n")[1], list(CELLS.values()).index(name.split("\n")[0])))
    figure, axis = plt.subplots(figsize=(5, 6.6))
    ticks, place = [], 0.0
    for name in names:
        first = place
        for peer in PEERS:
            shared = [ratio(result, peer) for result in groups[name] if peer in result["times"]]
            if not shared:
                continue
            mean = statistics.geometric_mean(shared)
            axis.barh(place, mean, height=0.85, color=COLOURS[peer])
            axis.text(mean + 0.04, place, f"{mean:.2f}×", va="center", fontsize=13)
            place -= 1
        ticks.append(((first + place + 1) / 2, name))
        place -= 0.8
    axis.axvline(1, color="black", linewidth=1.2)
    axis.set_yticks([tick for tick, _ in ticks], [name for _, name in ticks], fontsize=14)
    axis.tick_params(axis="x", labelsize=12)
    axis.set_xlim(0, axis.get_xlim()[1] * 1.12)
    axis.set_xlabel("times as fast as …   (longer is better →)", fontsize=14)
    axis.legend(
        [plt.Rectangle((0, 0), 1, 1, color=COLOURS[peer]) for peer in PEERS], PEERS, fontsize=13, ncols=len(PEERS),
        loc="upper center", bbox_to_anchor=(0.4, 1.09), frameon=False, columnspacing=1, handlelength=1.2,
    )  # fmt: skip
    axis.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, dpi=160)
    plt.close(figure)


def ratios(run: dict, path: Path) -> None:
    """A bar for each shape: the time of the fastest peer divided by ours. Beyond the line we are faster."""
    threads = [int(count) for count in run["machine"]]
    compared = [result for result in run["results"] if "ratio" in result]
    names = list(dict.fromkeys(result["shape"]["name"] for result in compared))
    place = {name: -index for index, name in enumerate(names)}
    figure, axes = plt.subplots(
        1, len(threads), figsize=(3.4 + 3.4 * len(threads), 1.4 + 0.23 * len(names)), sharey=True, squeeze=False
    )
    for axis, count in zip(axes[0], threads):
        for result in (result for result in compared if result["threads"] == count):
            y, value = place[result["shape"]["name"]], result["ratio"]
            axis.barh(y, value - 1, left=1, height=0.72, color=FASTER if value >= 1 else SLOWER)
            axis.text(max(value, 1) * 1.03, y, f"{value:.2f} {result['best']}", va="center", fontsize=9)
        axis.axvline(1, color="black", linewidth=1)
        axis.set_xscale("log")
        axis.set_xticks([0.7, 1, 2, 5, 10, 20], ["0.7", "1", "2", "5", "10", "20"], fontsize=11)
        axis.minorticks_off()
        axis.set_xlim(min(0.65, 0.95 * min(r["ratio"] for r in compared)), 6 * max(r["ratio"] for r in compared))
        axis.set_title(f"{count} thread{'s' * (count > 1)}\nslower ← 1 → SwiftRNN faster", fontsize=12)
        axis.set_xlabel("time of the fastest peer ÷ ours", fontsize=12)
        axis.grid(axis="x", alpha=0.3)
        axis.set_axisbelow(True)
        axis.set_ylim(-len(names), 1)
    axes[0][0].set_yticks(list(place.values()), list(place), fontsize=10)
    figure.tight_layout()
    figure.savefig(path, dpi=100)
    plt.close(figure)


def roofline(run: dict, path: Path) -> None:
    """Our float32 rates over operations per byte of weights, under the peak and the bandwidths."""
    threads = [int(count) for count in run["machine"]]
    figure, axes = plt.subplots(len(threads), 1, figsize=(7, 0.4 + 5.2 * len(threads)), squeeze=False)
    for axis, count in zip(axes[:, 0], threads):
        facts = run["machine"][str(count)]["before"]
        intensity = np.geomspace(0.1, 2000, 200)
        for level in LEVELS:
            roof = np.minimum(facts["peak_gflops"], intensity * facts[f"{level}_gbs"])
            label = f"{LEVEL_NAMES[level]}, {facts[f'{level}_gbs']:.0f} GB/s"
            axis.plot(intensity, roof, color=LEVEL_COLOURS[level], linewidth=1.5, label=label)
        peak = facts["peak_gflops"]
        axis.text(1900, peak * 1.06, f"multiply-add peak {peak:.0f} GFLOP/s", fontsize=12, ha="right")
        for result in run["results"]:
            shape, limit = result["shape"], result["limit"]
            if result["threads"] != count or shape["dtype"] != "f32" or shape["work"] == "stream":
                continue
            axis.plot(
                limit["operations"] / limit["bytes"],
                limit["operations"] / median(result) * 1e-9,
                "^" if shape["work"] == "training" else "o",
                color=LEVEL_COLOURS[limit["level"]],
                markersize=8,
                markeredgecolor="white",
                alpha=0.9,
            )
        axis.set_xscale("log")
        axis.set_yscale("log")
        axis.set_ylim(top=peak * 1.6)
        title = f"{count} thread{'s' * (count > 1)}:  ● inference   ▲ training   (closer to its line is better)"
        axis.set_title(title, fontsize=12)
        axis.set_xlabel("operations per byte of weights", fontsize=12)
        axis.set_ylabel("GFLOP/s  (higher is better ↑)", fontsize=12)
        axis.tick_params(labelsize=11)
        axis.grid(alpha=0.3)
        axis.legend(title="weights in", fontsize=11, title_fontsize=11, loc="lower right")
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def draw(run: dict, stem: Path) -> list[Path]:
    """The plots as STEM-summary.png, STEM-ratios.png and STEM-roofline.png."""
    plots = {"summary": summary, "ratios": ratios, "roofline": roofline}
    paths = [stem.with_name(f"{stem.name}-{kind}.png") for kind in plots]
    for function, path in zip(plots.values(), paths):
        function(run, path)
    return paths
