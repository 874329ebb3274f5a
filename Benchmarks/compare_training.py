#!/usr/bin/env python3
"""Trains the same language model here and in torch, and compares validation losses and time.

    python Benchmarks/compare_training.py               # a word and a character model, about three minutes
    python Benchmarks/compare_training.py --model words --threads 1

The shapes are those of two well-known programs: the small model of Zaremba et al. 2014 (words) and the defaults of
char-rnn, Karpathy 2015 (characters, here with an embedding in place of one-hot inputs). Both libraries have the same
data (pydoc_data.topics), initial weights, batches, optimizer (Adam), schedule (cosine), clipping (norm 1), float32, and
no dropout. Each library runs in a process of its own, with the same number of threads. A run is cut into tenths; the
two take turns, tenth by tenth, so that whatever else the machine does meets both; the one that waits computes nothing.
Time is of training steps only, behind a few passes that warm both up. Behind each tenth both tell the loss on the last
10 % of the text. The rates count the multiply-adds of the matrix products alone, two operations each; the machine's own
peak, printed by scripts/bench, bounds both.

Writes the curves of both to build/bench/compare_training.png, and all numbers to compare_training.json beside it. Ends
with status 1 if a validation loss differs by more than 1 %.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import sys
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Callable

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
TENTHS = 10
WARM_UP = 5  # passes without an update, before time is taken


@dataclass(frozen=True)
class Setting:
    """A model and how it is trained: N sequences side by side, T steps of a batch."""

    tokens: str
    hidden_size: int
    embedding_size: int
    num_layers: int
    tie_embedding: bool
    sequences: int
    length: int
    steps: int
    rate: float
    maximum_size: int | None = None

    def operations(self, size: int) -> float:
        """Floating-point operations of the matrix products in a training step: forward, and twice that backward."""
        inputs = [self.embedding_size] + [self.hidden_size] * (self.num_layers - 1)
        row = sum(4 * self.hidden_size * (width + self.hidden_size) for width in inputs) + self.hidden_size * size
        return 3 * 2.0 * row * self.sequences * self.length


SETTINGS = {
    "words": Setting("words", 200, 200, 2, False, 20, 20, 800, 3e-3, 10000),
    "characters": Setting("characters", 128, 128, 2, False, 50, 50, 1000, 2e-3),
}


class Data:
    """Ids cut into N columns, which are read side by side: [T, N] inputs, and the tokens that follow."""

    def __init__(self, train: np.ndarray, held_out: np.ndarray, setting: Setting) -> None:
        self.setting = setting
        self.train, self.held_out = (self._columns(ids) for ids in (train, held_out))

    def _columns(self, ids: np.ndarray) -> np.ndarray:
        count = len(ids) // self.setting.sequences
        return np.ascontiguousarray(ids[: count * self.setting.sequences].reshape(self.setting.sequences, count).T)

    def batch(self, step: int) -> tuple[np.ndarray, np.ndarray, bool]:
        """Inputs and targets of a step, and whether the text begins anew."""
        length = self.setting.length
        number = step % ((len(self.train) - 1) // length)
        rows = self.train[number * length : (number + 1) * length + 1]
        return rows[:-1], rows[1:], number == 0


def ours(data: Data, weights: dict[str, np.ndarray], size: int, threads: int) -> tuple[Callable, Callable]:
    """A function that trains one step, and one that tells the validation loss."""
    import swiftrnn
    from swiftrnn.models import Batch, Trainer

    swiftrnn.set_num_threads(threads)
    setting = data.setting
    model = make(size, setting)
    model.load_state_dict(weights)
    trainer = Trainer(model, "adam", rate=setting.rate, schedule="cosine", steps=setting.steps, clip=1.0)
    state = model.make_state()

    def step(number: int) -> None:
        nonlocal state
        ids, targets, begins = data.batch(number)
        if begins:
            state = model.make_state()
        trainer.step(Batch(ids=ids, targets=targets), state)

    ids, targets, _ = data.batch(0)
    for _ in range(WARM_UP):
        model.loss(Batch(ids=ids, targets=targets))
    return step, lambda: model.evaluate(Batch(ids=data.held_out[:-1], targets=data.held_out[1:])).loss


def torchs(data: Data, weights: dict[str, np.ndarray], size: int, threads: int) -> tuple[Callable, Callable]:
    """The same in torch."""
    import torch
    from torch import nn
    from torch.nn import functional as F

    torch.set_num_threads(threads)
    setting = data.setting
    own = {name: torch.from_numpy(array) for name, array in weights.items()}
    embedding = nn.Embedding(size, setting.embedding_size)
    network = nn.LSTM(setting.embedding_size, setting.hidden_size, setting.num_layers)
    output = nn.Linear(setting.hidden_size, size)
    if setting.tie_embedding:
        output.weight = embedding.weight
        own["output.weight"] = own["embedding.weight"]
    model = nn.ModuleDict({"embedding": embedding, "network": network, "output": output})
    model.load_state_dict(own)
    parameters = list(model.parameters())
    optimizer = torch.optim.Adam(parameters, lr=setting.rate, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, setting.steps)
    state = None

    def loss(ids: np.ndarray, targets: np.ndarray, state: Any) -> tuple[Any, Any]:
        y, state = network(embedding(torch.from_numpy(ids)), state)
        return F.cross_entropy(output(y).flatten(0, 1), torch.from_numpy(targets).flatten()), state

    def step(number: int) -> None:
        nonlocal state
        ids, targets, begins = data.batch(number)
        optimizer.zero_grad()
        mean, state = loss(ids, targets, None if begins else state)
        state = tuple(part.detach() for part in state)
        mean.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        schedule.step()

    def validation() -> float:
        with torch.no_grad():
            return loss(data.held_out[:-1], data.held_out[1:], None)[0].item()

    ids, targets, _ = data.batch(0)
    for _ in range(WARM_UP):
        loss(ids, targets, None)[0].backward()
    return step, validation


def make(size: int, setting: Setting) -> Any:
    """The model of a setting, with its initial weights."""
    from swiftrnn.models import LanguageModel

    return LanguageModel(
        size, setting.hidden_size, embedding_size=setting.embedding_size, num_layers=setting.num_layers,
        tie_embedding=setting.tie_embedding, seed=1,
    )  # fmt: skip


def worker(pipe: Connection, library: str, *arguments: Any) -> None:
    """Answers each (first, last) with the seconds of these steps, and the validation loss behind them."""
    step, validation = (ours if library == "swiftrnn" else torchs)(*arguments)
    pipe.send(validation())
    while (steps := pipe.recv()) is not None:
        start = time.perf_counter()
        for number in range(*steps):
            step(number)
        seconds = time.perf_counter() - start
        pipe.send((seconds, validation()))


def compare(name: str, setting: Setting, threads: int, held_out: int | None) -> dict[str, Any]:
    """Trains both; prints a table, and gives its columns."""
    from pydoc_data.topics import topics
    from swiftrnn.models import Vocabulary

    text = "\n\n".join(topics[topic] for topic in sorted(topics))
    vocabulary = Vocabulary(setting.tokens, [text], maximum_size=setting.maximum_size)
    ids = vocabulary.encode(text)
    cut = len(ids) * 9 // 10
    data, weights = Data(ids[:cut], ids[cut:][:held_out], setting), make(len(vocabulary), setting).state_dict()
    print(f"{name}: {len(ids)} tokens, {len(vocabulary)} different; {setting}; threads: {threads}")
    context = multiprocessing.get_context("spawn")
    pipes, processes = {}, []
    for library in ("swiftrnn", "torch"):
        pipes[library], end = context.Pipe()
        process = context.Process(
            target=worker, args=(end, library, data, weights, len(vocabulary), threads), daemon=True
        )
        process.start()
        end.close()
        processes.append(process)
    losses = {library: [pipe.recv()] for library, pipe in pipes.items()}
    seconds: dict[str, list[float]] = {library: [] for library in pipes}
    edges = [round(setting.steps * tenth / TENTHS) for tenth in range(TENTHS + 1)]
    print("  tenth   loss here   in torch  difference   seconds here   in torch   ratio")
    for tenth, steps in enumerate(zip(edges, edges[1:]), 1):
        for library in sorted(pipes, reverse=tenth % 2 == 0):
            pipes[library].send(steps)
            spent, loss = pipes[library].recv()
            seconds[library].append(spent)
            losses[library].append(loss)
        (a, b), (s, t) = ([column[library][-1] for library in pipes] for column in (losses, seconds))
        print(f"  {tenth:5} {a:11.4f} {b:10.4f} {a / b - 1:+11.2%} {s:14.2f} {t:10.2f} {s / t:7.3f}", flush=True)
    for pipe in pipes.values():
        pipe.send(None)
    for process in processes:
        process.join()
    worst = max(abs(a / b - 1) for a, b in zip(losses["swiftrnn"], losses["torch"]))
    ratios = [a / b for a, b in zip(seconds["swiftrnn"], seconds["torch"])]
    total = sum(seconds["swiftrnn"]) / sum(seconds["torch"])
    print(f"  largest difference of losses {worst:.2%}; time, ours / torch's: all steps {total:.3f}, ", end="")
    print(f"median of tenths {statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})")
    operations = setting.operations(len(vocabulary)) * setting.steps
    rates = {library: operations / sum(spent) / 1e9 for library, spent in seconds.items()}
    print(f"  matrix products: {rates['swiftrnn']:.0f} GFLOP/s here, {rates['torch']:.0f} in torch\n")
    figures = {"difference": worst, "ratio": total, "gflops": rates, "threads": threads}
    return {"losses": losses, "seconds": seconds, "edges": edges, **figures}


def plot(results: dict[str, dict[str, Any]], path: Path) -> None:
    """The curves of both libraries, one picture for each model."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4 * len(results), 4), layout="constrained")
    for axes, (name, result) in zip(figure.subplots(1, len(results), squeeze=False)[0], results.items()):
        for library, style in (("torch", "o-"), ("swiftrnn", "x--")):
            total = sum(result["seconds"][library])
            axes.plot(result["edges"], result["losses"][library], style, label=f"{library}, {total:.1f} s")
        axes.set(title=name, xlabel="step", ylabel="validation loss, nats per token")
        axes.legend()
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=120)
    print(f"picture: {path}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=[*SETTINGS, "all"], default="all")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="of each library; default: cores")
    parser.add_argument("--steps", type=int, help="of each training, 10 or more; default: 800 of words, 1000 of characters")
    parser.add_argument("--held-out", type=int, help="the most tokens of the validation; default: 10 %% of the text")
    parser.add_argument("--output", type=Path, default=ROOT / "build/bench")
    options = parser.parse_args()
    if options.threads < 1 or (options.steps is not None and options.steps < TENTHS):
        parser.error("--threads: 1 or more; --steps: 10 or more")
    if options.held_out is not None and options.held_out < 100:
        parser.error("--held-out: 100 or more")
    options.output.mkdir(parents=True, exist_ok=True)
    results = {}
    for name in SETTINGS if options.model == "all" else [options.model]:
        setting = SETTINGS[name]
        if options.steps is not None:
            setting = Setting(**{**vars(setting), "steps": options.steps})
        results[name] = compare(name, setting, options.threads, options.held_out)
    (options.output / "compare_training.json").write_text(json.dumps(results, indent=1) + "\n")
    plot(results, options.output / "compare_training.png")
    return int(not all(result["difference"] <= 0.01 for result in results.values()))


if __name__ == "__main__":
    sys.exit(main())
