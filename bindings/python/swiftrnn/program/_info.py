"""info: what a model's file has."""

from __future__ import annotations

import argparse
import json
import os
from typing import Any

from ..models import Vocabulary
from ._loading import NAMES, read_model
from ._readers import counted

SHOWN = 12
"""Tokens of a vocabulary that are shown."""


def add_info(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="FILE", help="the file of a model, or a checkpoint")
    parser.add_argument("--json", action="store_true", help="as one JSON object")


def info(arguments: argparse.Namespace) -> None:
    model = read_model(arguments.model)
    described = model.configuration
    tensors = {name: list(view.shape) for name, view in model.parameters.items()}
    target = model.target_vocabulary
    if arguments.json:
        print(json.dumps({
            "file": arguments.model, "bytes": os.path.getsize(arguments.model), "dtype": str(model.dtype),
            "configuration": described, "parameters": model.flat.size, "tensors": tensors,
            "vocabularies": {
                name: None if found is None else json.loads(found.json)
                for name, found in (("vocabulary", model.vocabulary), ("target vocabulary", target))
            },
        }))  # fmt: skip
        return
    size = os.path.getsize(arguments.model)
    print(f"{arguments.model}: {NAMES[model._kind]}, {model.flat.size} parameters of {model.dtype}, {size} bytes")
    print("\nconfiguration")
    for key, value in described.items():
        print(f"  {key}: {_described(value)}")
    print("\nparameters")
    width = max(map(len, tensors), default=0)
    for name, shape in tensors.items():
        print(f"  {name:<{width}}  {shape}")
    labels = model._kind in ("tagger", "classifier")
    for title, found in (("vocabulary", model.vocabulary), ("labels" if labels else "target vocabulary", target)):
        if found is not None:
            print(f"\n{title}\n  {_vocabulary(found, 'label' if title == 'labels' else 'token')}")


def _described(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_described(own)}" for key, own in value.items())
    return value.replace("\n", "; ") if isinstance(value, str) else json.dumps(value)


def _vocabulary(vocabulary: Vocabulary, noun: str) -> str:
    tokens = vocabulary.tokens
    shown = " ".join(map(repr, tokens[:SHOWN]))
    more = f" and {len(tokens) - SHOWN} more" if len(tokens) > SHOWN else ""
    lower = ", lower case" if vocabulary.lowercase else ""
    kind = f" of kind {vocabulary.kind}{lower}" if noun == "token" else ""
    return f"{counted(len(tokens), noun)}{kind}: {shown}{more}"
