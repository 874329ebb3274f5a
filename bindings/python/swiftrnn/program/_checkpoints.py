"""Where a command's training is another one than that of its checkpoint, by the names of the program's options."""

from __future__ import annotations

import argparse

from ..models._checkpoint import Change, OtherTraining

_OPTIONS = {
    ("model", "network.cell"): "cell",
    ("model", "network.hidden_size"): "hidden",
    ("model", "network.num_layers"): "layers",
    ("model", "network.bidirectional"): "bidirectional",
    ("model", "input.embedding_size"): "embedding",
    ("settings", "clip_norm"): "clip",
    ("settings", "every"): "factor_every",
    ("settings", "plateau_factor"): "factor",
    ("settings", "plateau_patience"): "factor_every",
}
"""Options whose names in a `Change` are others."""


def difference(error: OtherTraining, arguments: argparse.Namespace) -> str:
    """Where two trainings differ, by the names of the program's options as far as these say it."""
    found = {name: one for one in error.changes if (name := _option(one, arguments)) is not None}
    if "hidden" in found and arguments.embedding is None:
        found.pop("embedding", None)  # which is that of --hidden
    if not found:
        return error.difference
    told = ", ".join(str(one._replace(name=f"--{name.replace('_', '-')}")) for name, one in found.items())
    return f"{told}: schedules but constant and plateau end with the last epoch" if "epochs" in found else told


def _option(change: Change, arguments: argparse.Namespace) -> str | None:
    """The name of the option in the namespace; None: no option says it."""
    if change.of in ("data", "validation") and change.name not in ("batch_size", "steps"):
        return None  # their "tokens" are a number of tokens
    name = _OPTIONS.get((change.of, change.name), change.name)
    return name if hasattr(arguments, name) else None
