"""Figures of matplotlib, which is optional, without its global state."""

from __future__ import annotations

from typing import Any

from ._handles import PathLike


def new_figure(figsize: tuple[float, float]) -> Any:
    """A figure of so many inches.

    Raises
    ------
    ImportError
        matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("a plot needs matplotlib: pip install 'swiftrnn[plot]'") from error
    return Figure(figsize=figsize, layout="constrained")


def saved(figure: Any, path: PathLike | None) -> Any:
    """The figure, written to `path` in the format of its suffix; None: not written."""
    if path is not None:
        figure.savefig(path)
    return figure
