"""Shared by the examples: the command line, where pictures go, and tables of results."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Mapping, Sequence

import swiftrnn

ROOT = Path(__file__).resolve().parents[2]


def arguments(
    description: str, flags: Mapping[str, str] = {}, **numbers: tuple[int | float, int | float, str]
) -> argparse.Namespace:
    """The options of an example.

    Parameters
    ----------
    description : str
        The module's docstring.
    flags : mapping of str to str
        Name and help text of each switch.
    numbers
        Name of an option: its value in a full run, its value with ``--quick``, and the help text.

    Returns
    -------
    options : Namespace
        The numbers, the flags, and quick, seed, output (the folder of pictures) and progress.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a run of seconds, which shows that all of it works")
    parser.add_argument("--seed", type=int, default=1, help="of data, parameters and training; default 1")
    parser.add_argument("--threads", type=int, default=0, help="default: one for each core")
    parser.add_argument("--output", type=Path, default=ROOT / "build/examples", help="folder of pictures")
    parser.add_argument("--no-progress", dest="progress", action="store_false", help="results only")
    for name, (full, quick, text) in numbers.items():
        option = "--" + name.replace("_", "-")
        parser.add_argument(option, type=type(full), help=f"{text}; default {full}, with --quick {quick}")
    for name, text in flags.items():
        parser.add_argument("--" + name, action="store_true", help=text)
    options = parser.parse_args()
    for name, (full, quick, _) in numbers.items():
        if getattr(options, name) is None:
            setattr(options, name, quick if options.quick else full)
        elif getattr(options, name) <= 0:
            parser.error(f"--{name.replace('_', '-')}: {getattr(options, name)} is not above 0")
    if options.threads < 0 or options.seed < 0:
        parser.error("--threads, --seed: a number below 0")
    swiftrnn.set_num_threads(options.threads)
    options.output.mkdir(parents=True, exist_ok=True)
    return options


def figure(rows: int = 1, columns: int = 1, **keywords: Any) -> tuple[Any, Any]:
    """A matplotlib figure without a window, and its axes: one, or an array of them."""
    from matplotlib.figure import Figure

    made = Figure(figsize=(6.4 * columns, 4 * rows), layout="constrained")
    return made, made.subplots(rows, columns, **keywords)


def curves(path: Path, ylabel: str, histories: dict[str, Any], xlabel: str = "epoch") -> None:
    """Writes the learning curves of several trainings: validation losses as lines, training losses dashed."""
    made, axes = figure()
    for number, (name, history) in enumerate(histories.items()):
        color = f"C{number}"
        axes.plot(history.epochs, history.train_loss, "--", color=color, alpha=0.6, label=f"{name}, training")
        if None not in history.validation_loss:
            axes.plot(history.epochs, history.validation_loss, color=color, label=f"{name}, held out")
    axes.set(xlabel=xlabel, ylabel=ylabel)
    axes.legend()
    axes.grid(alpha=0.3)
    save(made, path)


def save(made: Any, path: Path) -> None:
    """Writes a figure, and says where."""
    made.savefig(path, dpi=120)
    print(f"picture: {path}")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Prints rows with aligned columns: the first to the left, the others to the right."""
    widths = [max(len(str(row[column])) for row in [head, *rows]) for column in range(len(head))]
    for row in [head, *rows]:
        cells = [str(cell).rjust(width) for cell, width in zip(row[1:], widths[1:])]
        print("  ".join([str(row[0]).ljust(widths[0]), *cells]).rstrip())
    print()
