"""The plots of a run: ratios per shape, and our points under the roofline."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402
from bar import median  # noqa: E402
from machine import LEVEL_NAMES, LEVELS  # noqa: E402
from processes import PEERS  # noqa: E402

COLOURS = {"torch": "tab:orange", "onnxruntime": "tab:green", "oneDNN": "tab:blue"}
LEVEL_COLOURS = dict(zip(LEVELS, ("tab:green", "tab:blue", "tab:purple", "tab:red")))


def ratios(run: dict, path: Path) -> None:
    """For each shape the time of each peer divided by ours; to the right of the line we are faster."""
    threads = [int(count) for count in run["machine"]]
    names = list(dict.fromkeys(result["shape"]["name"] for result in run["results"]))
    place = {name: -index for index, name in enumerate(names)}
    figure, axes = plt.subplots(
        1, len(threads), figsize=(4 + 4 * len(threads), 1.2 + 0.17 * len(names)), sharey=True, squeeze=False
    )
    for axis, count in zip(axes[0], threads):
        for result in (result for result in run["results"] if result["threads"] == count):
            for peer in (peer for peer in PEERS if peer in result["times"]):
                ratio = median(result, peer) / median(result)
                axis.plot(ratio, place[result["shape"]["name"]], "o", color=COLOURS[peer], markersize=4)
        axis.axvline(1, color="black", linewidth=1)
        axis.set_xscale("log")
        axis.set_title(f"{count} thread{'s' * (count > 1)}")
        axis.set_xlabel("time of the peer ÷ ours")
        axis.grid(axis="both", alpha=0.3)
        axis.set_ylim(-len(names), 1)
    axes[0][0].set_yticks(list(place.values()), list(place), fontsize=7)
    handles = [plt.Line2D([], [], marker="o", linestyle="", color=COLOURS[peer], label=peer) for peer in PEERS]
    axes[0][-1].legend(handles=handles, loc="upper right", fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def roofline(run: dict, path: Path) -> None:
    """Our float32 rates over operations per byte of weights, under the peak and the bandwidths."""
    threads = [int(count) for count in run["machine"]]
    figure, axes = plt.subplots(1, len(threads), figsize=(1 + 5.5 * len(threads), 5), sharey=True, squeeze=False)
    for axis, count in zip(axes[0], threads):
        facts = run["machine"][str(count)]["before"]
        intensity = np.geomspace(0.1, 2000, 200)
        for level in LEVELS:
            roof = np.minimum(facts["peak_gflops"], intensity * facts[f"{level}_gbs"])
            axis.plot(intensity, roof, color=LEVEL_COLOURS[level], linewidth=1, label=LEVEL_NAMES[level])
        for result in run["results"]:
            shape, limit = result["shape"], result["limit"]
            if result["threads"] != count or shape["dtype"] != "f32" or shape["work"] == "stream":
                continue
            axis.plot(
                limit["operations"] / limit["bytes"],
                limit["operations"] / median(result) * 1e-9,
                "^" if shape["work"] == "training" else "o",
                color=LEVEL_COLOURS[limit["level"]],
                markersize=5,
                alpha=0.8,
            )
        axis.set_xscale("log")
        axis.set_yscale("log")
        axis.set_title(f"{count} thread{'s' * (count > 1)}; ○ inference, △ training")
        axis.set_xlabel("operations per byte of weights")
        axis.grid(alpha=0.3)
    axes[0][0].set_ylabel("GFLOP/s")
    axes[0][0].legend(title="weights in", fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def draw(run: dict, stem: Path) -> list[Path]:
    """Both plots as STEM-ratios.png and STEM-roofline.png."""
    paths = [stem.with_name(f"{stem.name}-{kind}.png") for kind in ("ratios", "roofline")]
    for function, path in zip((ratios, roofline), paths):
        function(run, path)
    return paths
