"""Models that the program is given as files."""

from __future__ import annotations

from typing import TypeVar

from ..models import Model, load
from ._failures import DataError

_Kind = TypeVar("_Kind", bound=Model)

NAMES = {
    "language_model": "a language model",
    "tagger": "a tagger",
    "classifier": "a classifier",
    "regressor": "a regressor",
    "vector_decoder": "a decoder from a vector",
    "encoder_decoder": "an encoder and decoder",
}


def load_model(path: str, kind: type[_Kind]) -> _Kind:
    """The model of a file, which must be of a kind and have the vocabularies that texts need."""
    model = load(path)
    if not isinstance(model, kind):
        raise DataError(f"{path}: is {NAMES[model._kind]}, and this command takes {NAMES[kind._kind]}")
    described = model.configuration
    reads = model._kind != "vector_decoder"
    if reads and "features" in described["input"]:
        raise DataError(f"{path}: reads numbers, and not texts: use it from Python")
    if reads and model.vocabulary is None:
        raise DataError(f"{path}: has no vocabulary: use it from Python")
    return model
