"""Configurations of networks from the arguments of their constructors.

Each class writes its own signature and docstring: editors and type checkers read nothing else. A test compares what the
classes say of the arguments that they share. All arguments are checked here.
"""

from __future__ import annotations

import math
import sys
import warnings
from typing import Any, Mapping

from .._arguments import flag, float_type, integer, real, text_name
from .._handles import Config, Equations
from ..options import LayerOptions


def checked_config(
    cell: str,
    given: Mapping[str, Any],
    *,
    equations: Equations | None = None,
    sizes: Mapping[str, Any] | None = None,
) -> Config:
    """The arguments of a network's constructor as a configuration of plain Python types.

    Ranges of the numbers are the library's to check.

    Parameters
    ----------
    cell : str
        A name of `CELLS`.
    given : mapping
        The constructor's ``locals()``: all of its arguments by their names. Others than those of a configuration, such
        as ``seed``, are the constructor's own.
    equations, sizes
        For the cell "equations": the cell, and its sizes.
    """
    options = given["options"]
    if options is not None and not isinstance(options, LayerOptions):
        raise TypeError(f"options: expected a swiftrnn.LayerOptions, got {type(options).__name__}")
    probability, layers = real(given["dropout"], "dropout"), integer(given["num_layers"], "num_layers")
    if not math.isfinite(probability):
        raise ValueError(f"dropout: {probability} is outside [0, 1)")
    if 0 < probability < 1 and layers == 1:
        warnings.warn(
            f"dropout={probability} does nothing with num_layers=1: it acts on the output of each layer but the last",
            stacklevel=_callers_level(),
        )
    return Config(
        cell=cell,
        dtype=float_type(given["dtype"]).name,
        input_size=integer(given["input_size"], "input_size"),
        hidden_size=integer(given["hidden_size"], "hidden_size"),
        num_layers=layers,
        bias=flag(given.get("bias", True), "bias"),
        batch_first=flag(given["batch_first"], "batch_first"),
        dropout=probability,
        bidirectional=flag(given["bidirectional"], "bidirectional"),
        proj_size=integer(given.get("proj_size", 0), "proj_size"),
        num_threads=integer(given["num_threads"], "num_threads"),
        options=None if options == LayerOptions() else options,
        equations=equations,
        sizes=tuple((text_name(name, "size"), integer(value, name)) for name, value in (sizes or {}).items()),
    )


def _callers_level() -> int:
    """The ``stacklevel``, of a warning of the function that asks, of the first line outside the package."""
    level, frame, package = 1, sys._getframe(1), __name__.partition(".")[0]
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == package:
        level, frame = level + 1, frame.f_back
    return level
