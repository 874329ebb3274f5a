"""Sunspot numbers, one a year, 1700 to 2008 (statsmodels' data): a forecast of one step, and a free-running one.

A GRU reads the series and predicts each year's number from those before: many to many, with numbers in and out. Trained
on the years to 1920, validated on those to 1950, tested on those that follow, in two ways. One step: each year from the
true years before. Free running: some years, one after the other, from what it has predicted itself. Beside both is
persistence: a year is as the year before, or, free running, as the year of the last cycle of 11 years.
"""

from __future__ import annotations

import csv
import importlib.util
from pathlib import Path

import numpy as np

from common import arguments, figure, save, table
from swiftrnn.models import Features, Tagger

CYCLE, TRAIN_END, VALIDATION_END = 11, 1920, 1950


def series() -> tuple[np.ndarray, np.ndarray]:
    """Years, and the square roots of their numbers, scaled: the noise of a count grows with its root."""
    package = importlib.util.find_spec("statsmodels")  # found, not imported: that takes seconds
    if package is None or package.origin is None:
        raise SystemExit("statsmodels is not installed: pip install -r scripts/requirements-examples.txt")
    with open(Path(package.origin).parent / "datasets/sunspots/sunspots.csv", newline="") as file:
        rows = [(float(row["YEAR"]), float(row["SUNACTIVITY"])) for row in csv.DictReader(file)]
    years, numbers = np.array(rows).T
    return years.astype(int), np.sqrt(numbers).astype(np.float32) / 10


def numbers(scaled: np.ndarray) -> np.ndarray:
    return (10 * np.maximum(scaled, 0)) ** 2


def windows(values: np.ndarray, length: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Pairs of what is read and what follows each step, from every start."""
    return [(values[s : s + length], values[s + 1 : s + length + 1]) for s in range(len(values) - length)]


def free_run(model: Tagger, values: np.ndarray, steps: int) -> np.ndarray:
    """The model's forecast behind `values`, [count, steps] for values of [count, T]: it reads what it has predicted."""
    state = model.make_state()
    last = model.logits(model.batch([(row, row) for row in values]), state)[-1]
    forecast = [last[:, 0]]
    while len(forecast) < steps:
        last = model.logits(model.batch([(row, row) for row in last]), state)[-1]
        forecast.append(last[:, 0])
    return np.stack(forecast, axis=1)


def error(predicted: np.ndarray, right: np.ndarray) -> float:
    """Root of the mean square of errors, in sunspots."""
    return float(np.sqrt(np.mean((numbers(predicted) - numbers(right)) ** 2)))


def main() -> None:
    options = arguments(
        __doc__,
        epochs=(150, 40, "times through the training years"),
        hidden=(32, 32, "size of the GRU"),
        steps=(11, 11, "years of a free run"),
    )
    years, values = series()
    train = windows(values[years <= TRAIN_END], 60)
    validation = windows(values[(years > TRAIN_END - 60) & (years <= VALIDATION_END)], 60)
    model = Tagger(Features(1), None, options.hidden, outputs=1, cell="gru", bidirectional=False, seed=options.seed)
    history = model.fit(
        train, validation=validation, epochs=options.epochs, batch_size=32, rate=5e-3, schedule="cosine",
        patience=options.epochs, seed=options.seed, progress=options.progress,
    )  # fmt: skip

    tested = np.flatnonzero(years > VALIDATION_END)
    one_step = model.predict([values[:-1]])[0][:, 0]  # [k] is the forecast of values[k + 1]
    starts = tested[: len(tested) - options.steps + 1]
    before = np.stack([values[start - 100 : start] for start in starts])
    right = np.stack([values[start : start + options.steps] for start in starts])
    free = free_run(model, before, options.steps)
    cycle = np.stack([values[start - CYCLE + np.arange(options.steps) % CYCLE] for start in starts])
    rows = [
        ("one step", error(one_step[tested - 1], values[tested]), error(values[tested - 1], values[tested])),
        (f"free running, {options.steps} years", error(free, right), error(cycle, right)),
    ]
    print(f"errors of {len(tested)} years behind {VALIDATION_END}, in sunspots; {len(starts)} free runs")
    table(["root mean square error", "GRU", "persistence"], [(name, *(f"{x:.1f}" for x in row)) for name, *row in rows])

    made, (losses, forecast) = figure(1, 2)
    losses.semilogy(history.epochs, history.train_loss, label="training")
    losses.semilogy(history.epochs, history.validation_loss, label="held out")
    losses.set(xlabel="epoch", ylabel="mean square of errors")
    forecast.plot(years[tested], numbers(values[tested]), "k", label="sunspots")
    forecast.plot(years[tested], numbers(one_step[tested - 1]), label="one step")
    forecast.plot(years[starts[0]] + np.arange(options.steps), numbers(free[0]), "--", label="free running")
    forecast.set(xlabel="year")
    for axes in (losses, forecast):
        axes.legend()
        axes.grid(alpha=0.3)
    save(made, options.output / "sunspots.png")


if __name__ == "__main__":
    main()
