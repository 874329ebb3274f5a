"""Configurations of networks from the arguments of their constructors."""

from __future__ import annotations

import math
import sys
import warnings
from typing import Any, Mapping

from ._arrays import flag, float_type, integer, real, text_name
from ._handles import Config
from ._layer_options import LayerOptions


def checked_config(
    cell: str,
    *,
    dtype: Any,
    input_size: int,
    hidden_size: int,
    num_layers: int,
    batch_first: bool,
    dropout: float,
    bidirectional: bool,
    num_threads: int,
    bias: bool = True,
    proj_size: int = 0,
    options: LayerOptions | None = None,
    equations: Any = None,
    sizes: Mapping[str, Any] | None = None,
) -> Config:
    """A configuration of plain Python types. What the numbers may be is the library's to check."""
    if options is not None and not isinstance(options, LayerOptions):
        raise TypeError(f"options: expected a swiftrnn.LayerOptions, got {type(options).__name__}")
    probability, layers = real(dropout, "dropout"), integer(num_layers, "num_layers")
    if not math.isfinite(probability):
        raise ValueError(f"dropout: {probability} is outside [0, 1)")
    if 0 < probability < 1 and layers == 1:
        warnings.warn(
            f"dropout={probability} does nothing with num_layers=1: it acts on the output of each layer but the last",
            stacklevel=_callers_level(),
        )
    return Config(
        cell=cell,
        dtype=float_type(dtype).name,
        input_size=integer(input_size, "input_size"),
        hidden_size=integer(hidden_size, "hidden_size"),
        num_layers=layers,
        bias=flag(bias, "bias"),
        batch_first=flag(batch_first, "batch_first"),
        dropout=probability,
        bidirectional=flag(bidirectional, "bidirectional"),
        proj_size=integer(proj_size, "proj_size"),
        num_threads=integer(num_threads, "num_threads"),
        options=None if options == LayerOptions() else options,
        equations=equations,
        sizes=tuple((text_name(name, "size"), integer(value, name)) for name, value in (sizes or {}).items()),
    )


def _callers_level() -> int:
    """The ``stacklevel``, of a warning of the function that asks, of the first line outside the package."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == __package__:
        level, frame = level + 1, frame.f_back
    return level
