"""--from: a training that goes on with the parameters and vocabularies of a model that is there."""

from __future__ import annotations

import argparse
from typing import Any, TypeVar

from ..models import Model
from ._failures import UsageError
from ._loading import load_model

_Kind = TypeVar("_Kind", bound=Model)

OF_NEW_MODELS = (
    "cell", "sizes", "hidden", "embedding", "layers", "dropout", "dtype", "bidirectional", "pooling", "attention",
    "tie_embedding", "adaptive_cutoffs", "adaptive_divisor", "tokens", "source_tokens", "target_tokens", "lowercase",
    "minimum_count", "maximum_size",
)  # fmt: skip
"""Options that say how a new model and its vocabularies are made."""


def add_from(group: Any) -> None:
    """The option --from."""
    group.add_argument("--from", metavar="MODEL", dest="start",
                       help="train this model further, with its vocabularies; its file stays as it is, and options of "
                       "new models are refused (default: a new model)")


def started(arguments: argparse.Namespace, kind: type[_Kind]) -> _Kind | None:
    """The model that the training is to go on with; None: a new one is to be made.

    Raises
    ------
    UsageError
        An option of new models is given, too.
    DataError
        The file has no model of the kind.
    """
    if arguments.start is None:
        return None
    for name in OF_NEW_MODELS:
        if name in arguments.given:
            raise UsageError(f"{arguments.given[name]}: is of a new model; {arguments.start} of --from is what it is")
    return load_model(arguments.start, kind)
