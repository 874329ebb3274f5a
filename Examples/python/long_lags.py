"""Long lags: what is seen at the beginning decides what comes out 200 steps later.

Echo: the first token, one of 8, is to be named after T - 1 tokens of noise. Adding (Hochreiter, Schmidhuber 1997): of T
random numbers two are marked, one in the first half and one in the second; their sum is to be predicted. An LSTM and a
GRU, whose gates start out as Tallec and Ollivier 2018 say for lags of T steps, solve both; the vanilla cell, h = tanh(U
h + W x + b), does not: the picture has the gradient's norm at each step back in time, before training and after it.
Prints accuracy and mean square errors on sequences that were not learned from, and after how many steps of training
each was solved. Data are drawn anew for each step.
"""

from __future__ import annotations

import time

import numpy as np

from common import arguments, figure, save, table
from swiftrnn.models import Batch, Classifier, Features, Regressor, Trainer

SYMBOLS, NOISE = 8, 8
CELLS = {"LSTM": "lstm", "GRU": "gru", "vanilla": "rnn"}
SOLVED = {"echo": 0.99, "adding": 0.01}  # accuracy; mean square error, where the best constant has 1 / 6


def echo(steps: int, count: int, generator: np.random.Generator) -> Batch:
    ids = generator.integers(SYMBOLS, SYMBOLS + NOISE, (steps, count))
    ids[0] = generator.integers(SYMBOLS, size=count)
    return Batch(ids=ids, targets=ids[0])


def adding(steps: int, count: int, generator: np.random.Generator) -> Batch:
    features = np.zeros((steps, count, 2), np.float32)
    features[:, :, 0] = generator.random((steps, count))
    half = steps // 2
    marks = np.stack([generator.integers(half, size=count), generator.integers(half, steps, size=count)])
    features[marks, np.arange(count), 1] = 1
    values = features[marks, np.arange(count), 0].sum(axis=0)
    return Batch(features=features, values=values[:, None])


def make(task: str, cell: str, hidden: int, steps: int, seed: int) -> Classifier | Regressor:
    """A model that reads a sequence and names a symbol, or a number."""
    if task == "echo":
        tokens = SYMBOLS + NOISE
        model: Classifier | Regressor = Classifier(tokens, SYMBOLS, hidden, embedding_size=16, cell=cell, seed=seed)
    else:
        model = Regressor(Features(2), 1, hidden, cell=cell, seed=seed)
    if cell != "rnn":
        model.initialize(seed, chrono=steps)
    return model


def gradient_norms(model: Classifier | Regressor, batch: Batch) -> np.ndarray:
    """The norm of the loss's gradient for the state h after each step, back in time, relative to the last step: [T]."""
    norms = model.inspect(batch).layers[0].gradients[0].norms[::-1]
    return np.maximum(norms / norms[0], 1e-30)


def main() -> None:
    options = arguments(
        __doc__,
        lag=(200, 30, "T, steps of a sequence"),
        steps=(1200, 150, "steps of training at most"),
        hidden=(64, 32, "size of the networks"),
    )
    rows = []
    made, axes = figure(2, 2, squeeze=False)
    for row, (task, draw) in enumerate({"echo": echo, "adding": adding}.items()):
        test = draw(options.lag, 500, np.random.default_rng(options.seed + 1000))
        for number, (name, cell) in enumerate(CELLS.items()):
            model = make(task, cell, options.hidden, options.lag, options.seed)
            probe = draw(options.lag, 32, np.random.default_rng(options.seed + 2000))
            before = gradient_norms(model, probe)
            axes[row, 1].semilogy(before, ":", color=f"C{number}")
            trainer = Trainer(model, "adam", rate=4e-3, clip=1.0, seed=options.seed)
            generator, start = np.random.default_rng(options.seed), time.perf_counter()
            losses, solved = [], None
            while trainer.steps < options.steps and solved is None:
                losses.append(trainer.step(draw(options.lag, 32, generator)).loss)
                if trainer.steps % 50 == 0:
                    result = model.evaluate(test)
                    figures = result.accuracy if task == "echo" else -result.loss
                    if figures >= (SOLVED[task] if task == "echo" else -SOLVED[task]):
                        solved = trainer.steps
                    if options.progress:
                        print(f"{task}, {name}: step {trainer.steps}, held out {result}", flush=True)
            seconds = time.perf_counter() - start
            result = model.evaluate(test)
            tested = f"accuracy {result.accuracy:.1%}" if task == "echo" else f"error {result.loss:.4f}"
            after = gradient_norms(model, probe)
            ends = (f"{norms[-1]:.0e}" for norms in (before, after))
            rows.append((f"{task}, {name}", tested, f"{solved or 'never'}", f"{seconds:.0f} s", *ends))
            axes[row, 0].semilogy(losses, label=name, color=f"C{number}")
            axes[row, 1].semilogy(after, color=f"C{number}", label=name)
        axes[row, 0].set(xlabel="step of training", ylabel=f"{task}: loss")
        axes[row, 1].set(xlabel="steps back in time", ylabel=f"{task}: norm of the gradient", ylim=(1e-12, 1e3))
    axes[0, 1].set_title("dotted: before training")
    for one in axes.flat:
        one.legend()
        one.grid(alpha=0.3)
    print(f"gradient: its norm at the first step, relative to the last step, {options.lag - 1} steps later")
    table([f"T = {options.lag}", "held out", "solved at step", "time", "gradient before", "and after training"], rows)
    save(made, options.output / "long_lags.png")


if __name__ == "__main__":
    main()
