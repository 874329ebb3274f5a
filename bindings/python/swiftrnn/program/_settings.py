"""Arguments of commands as the settings of models, vocabularies and generation; what has no effect is refused."""

from __future__ import annotations

import argparse
from typing import Any

from ._failures import UsageError
from ._options import ADAPTIVE_DIVISOR, DECAY_OF_ADAMW, LENGTH_PENALTY, TOP_K, TOP_P


def refuse_given(arguments: argparse.Namespace, names: tuple[str, ...], why: str) -> None:
    """Refuses options that are given and would have no effect. `names` are those of the namespace."""
    for name in names:
        if getattr(arguments, name) not in (None, False):
            raise UsageError(f"--{name.replace('_', '-')}: {why}")


# ---- Models and vocabularies ----


def network_settings(arguments: argparse.Namespace) -> dict[str, Any]:
    """Settings of every model."""
    return {
        "embedding_size": arguments.embedding, "cell": arguments.cell, "num_layers": arguments.layers,
        "dropout": arguments.dropout, "sizes": dict(arguments.sizes), "dtype": arguments.dtype,
        "seed": arguments.seed,
    }  # fmt: skip


def output_settings(arguments: argparse.Namespace) -> dict[str, Any]:
    """Settings of the output layer of a model that writes."""
    if arguments.adaptive_divisor is not None and arguments.adaptive_cutoffs is None:
        raise UsageError("--adaptive-divisor: is of --adaptive-cutoffs")
    if arguments.adaptive_cutoffs is not None and arguments.label_smoothing:
        raise UsageError("--label-smoothing: does not go with --adaptive-cutoffs")
    return {
        "tie_embedding": arguments.tie_embedding, "adaptive_cutoffs": arguments.adaptive_cutoffs or (),
        "adaptive_divisor": arguments.adaptive_divisor or ADAPTIVE_DIVISOR,
    }  # fmt: skip


def vocabulary_settings(arguments: argparse.Namespace, kind: str) -> dict[str, Any]:
    """Settings of a vocabulary of a kind."""
    return {
        "lowercase": getattr(arguments, "lowercase", False) and kind == "words",
        "minimum_count": arguments.minimum_count, "maximum_size": arguments.maximum_size,
    }  # fmt: skip


def check_vocabulary(arguments: argparse.Namespace, *flags: str) -> None:
    """Refuses options of vocabularies that have no effect on the tokens which these flags choose."""
    kinds = [getattr(arguments, flag.removeprefix("--").replace("-", "_")) for flag in flags]
    if arguments.lowercase and "words" not in kinds:
        raise UsageError(f"--lowercase: is of {' or '.join(flags)} words")
    if all(kind == "bytes" for kind in kinds):
        for name, given in (
            ("--minimum-count", arguments.minimum_count > 1), ("--maximum-size", arguments.maximum_size is not None)
        ):  # fmt: skip
            if given:
                raise UsageError(f"{name}: has no effect on bytes, of which there are always 256")


# ---- Writing ----


def search_settings(arguments: argparse.Namespace) -> dict[str, Any]:
    """How a model writes: drawing, the likeliest tokens, or a search by beams.

    Raises
    ------
    UsageError
        An option has no effect together with others.
    """
    temperature = arguments.temperature_default if arguments.temperature is None else arguments.temperature
    drawing = ("top_k", "top_p", "seed")
    if arguments.beams > 1:
        if (arguments.count or 1) > arguments.beams:
            raise UsageError(f"--count: {arguments.count} is more than {arguments.beams} beams")
        for name in ("temperature", *drawing):
            if getattr(arguments, name) is not None:
                raise UsageError(f"--{name.replace('_', '-')}: has no effect with --beams, a search that draws nothing")
        temperature = 0.0
    else:
        if arguments.length_penalty is not None:
            raise UsageError("--length-penalty: is of a search, and needs --beams 2 or more")
        if temperature == 0:
            for name in drawing:
                if getattr(arguments, name) is not None:
                    raise UsageError(
                        f"--{name.replace('_', '-')}: has no effect at temperature 0, where nothing is drawn: give "
                        "--temperature, too"
                    )
            if (arguments.count or 1) > 1:
                raise UsageError(
                    f"--count: at temperature 0 all {arguments.count} would be the same: give --temperature above 0, "
                    "or --beams"
                )
    return {
        "temperature": temperature, "top_k": TOP_K if arguments.top_k is None else arguments.top_k,
        "top_p": TOP_P if arguments.top_p is None else arguments.top_p,
        "repetition_penalty": arguments.repetition_penalty, "beams": arguments.beams,
        "length_penalty": LENGTH_PENALTY if arguments.length_penalty is None else arguments.length_penalty,
        "seed": arguments.seed, "count": arguments.count or 1,
    }  # fmt: skip


# ---- Training ----


def optimizer_settings(arguments: argparse.Namespace) -> dict[str, Any]:
    """The optimizer, as `fit` takes it."""
    settings: dict[str, Any] = {"optimizer": arguments.optimizer}
    if arguments.momentum is not None:
        if arguments.optimizer != "sgd":
            raise UsageError(f"--momentum: is of --optimizer sgd, not of {arguments.optimizer}")
        settings["momentum"] = arguments.momentum
    decay = arguments.weight_decay
    if decay is None and arguments.optimizer == "adamw":
        decay = DECAY_OF_ADAMW
    if decay is not None:
        settings["weight_decay"] = decay
    return settings


def schedule_settings(arguments: argparse.Namespace, validated: bool) -> dict[str, Any]:
    """The schedule of the rate, as `fit` takes it."""
    name, factor, every = arguments.schedule, arguments.factor, arguments.factor_every
    if factor is not None and name not in ("step", "exponential", "plateau"):
        raise UsageError(f"--factor: is of the schedules step, exponential and plateau, not of {name}")
    if every is not None and name not in ("step", "plateau"):
        raise UsageError(f"--factor-every: is of the schedules step and plateau, not of {name}")
    if name in ("step", "exponential") and factor is None:
        raise UsageError(f"--schedule {name} needs --factor")
    if name == "step" and every is None:
        raise UsageError("--schedule step needs --factor-every")
    if name == "plateau" and not validated:
        raise UsageError("--schedule plateau: there is no validation to judge by: --validation FILE, or a larger SHARE")
    schedule: dict[str, Any] = {"schedule": name}
    if arguments.warm_up:
        schedule["warm_up"] = arguments.warm_up
    if factor is not None:
        schedule["factor"] = factor
    if every is not None:
        schedule["patience" if name == "plateau" else "every"] = every
    return schedule
