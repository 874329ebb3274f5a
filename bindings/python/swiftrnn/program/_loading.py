"""Models that the program is given as files."""

from __future__ import annotations

import os
from typing import TypeVar

from ..errors import SwiftRNNFileError, SwiftRNNValueError
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
_WITH_TARGETS = ("tagger", "classifier", "encoder_decoder")


def check_path(path: str) -> None:
    """Refuses a path that is no UTF-8, which the library would read otherwise."""
    try:
        path.encode()
    except UnicodeEncodeError:
        raise DataError(f"{path!r}: the name is no UTF-8, as names of model files must be") from None


def read_model(path: str) -> Model:
    """The model of a file, of any kind."""
    check_path(path)
    if os.path.isdir(path):
        raise DataError(f"{path}: is a folder, and no file of a model")
    try:
        return load(path)
    except SwiftRNNFileError as error:
        raise DataError(error.message) from None
    except SwiftRNNValueError as error:
        reason = error.message.removeprefix(f"{path}: ")
        raise DataError(f"{path}: is no file of a model, or is damaged ({reason})") from None


def load_model(path: str, kind: type[_Kind]) -> _Kind:
    """The model of a file, which must be of a kind and have the vocabularies that texts need."""
    model = read_model(path)
    if not isinstance(model, kind):
        raise DataError(f"{path}: is {NAMES[model._kind]}, and this command takes {NAMES[kind._kind]}")
    check_vocabularies(model, path)
    return model


def check_vocabularies(model: Model, path: str) -> None:
    """Refuses a model that does not read texts, or has no names for what it gives out."""
    if model._kind not in ("language_model", *_WITH_TARGETS):
        raise DataError(f"{path}: is {NAMES[model._kind]}, which no command of the program takes: use it from Python")
    if "features" in model.configuration["input"]:
        raise DataError(f"{path}: reads numbers, and not texts: use it from Python")
    if model.vocabulary is None:
        raise DataError(f"{path}: has no vocabulary: use it from Python")
    if model._kind in _WITH_TARGETS and model.target_vocabulary is None:
        raise DataError(f"{path}: has no vocabulary of what it gives out: use it from Python")
