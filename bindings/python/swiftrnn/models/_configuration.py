"""A model's configuration, of the arguments of its class: the JSON object of docs/files.md."""

from __future__ import annotations

import json
from typing import Any, Mapping, Sequence, Union

from .._arguments import below_one, flag, integer
from .._arrays import integers
from ..cell import Cell
from ._vocabulary import Vocabulary, text_bytes

LARGEST = 2**31

CellLike = Union[str, Cell]
Labels = Union[Vocabulary, int, Sequence[str]]


class Features:
    """Input of numbers, instead of tokens.

    Parameters
    ----------
    count : int
        Numbers of each step.

    Examples
    --------
    >>> from swiftrnn.models import Classifier, Features
    >>> Classifier(Features(1), classes=10, hidden_size=64).configuration["input"]
    {'features': 1}
    """

    def __init__(self, count: int) -> None:
        self.count = integer(count, "features", 1, LARGEST)

    def __repr__(self) -> str:
        return f"Features({self.count})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Features) and self.count == other.count

    def __hash__(self) -> int:
        return hash(("Features", self.count))


Input = Union[Vocabulary, int, Features]


def size(value: Any, name: str) -> int:
    """A size of a model: 1 or more."""
    return integer(value, name, 1, LARGEST)


def word(value: Any, name: str, known: Sequence[str]) -> str:
    """One of the words that an argument may be."""
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"{name}: expected one of {', '.join(map(repr, known))}, got {value!r}")
    return value


def tokens_or_features(value: Any, name: str, embedding_size: int | None, hidden_size: int) -> dict[str, Any]:
    """The object "input" of what a model reads: tokens, looked up in a table of vectors, or features."""
    if isinstance(value, Features):
        if embedding_size is not None:
            raise ValueError("embedding_size: is of tokens; features have no embedding")
        return {"features": value.count}
    return tokens(value, name, embedding_size, hidden_size)


def tokens(value: Any, name: str, embedding_size: int | None, hidden_size: int) -> dict[str, Any]:
    """The object "input" of tokens."""
    if isinstance(value, Vocabulary):
        count = len(value)
        if count == 0:
            raise ValueError(f"{name}: the vocabulary is empty")
    elif isinstance(value, (str, bytes)) or not hasattr(type(value), "__index__"):
        found = type(value).__name__
        raise TypeError(f"{name}: expected a Vocabulary, a number of tokens, or Features(n), got {found}")
    else:
        count = size(value, name)
    width = size(hidden_size, "hidden_size") if embedding_size is None else size(embedding_size, "embedding_size")
    return {"vocabulary": count, "embedding_size": width}


def label_vocabulary(value: Any, name: str) -> tuple[int, Vocabulary | None]:
    """The number of labels, and their vocabulary, of a vocabulary, of their names, or of their number."""
    if isinstance(value, Vocabulary):
        if len(value) == 0:
            raise ValueError(f"{name}: the vocabulary is empty")
        return len(value), value
    if isinstance(value, (list, tuple)):
        made = named_labels(value, name)
        return len(made), made
    if isinstance(value, (str, bytes)) or not hasattr(type(value), "__index__"):
        found = type(value).__name__
        raise TypeError(f"{name}: expected a Vocabulary, the names of labels, or their number, got {found}")
    return size(value, name), None


def labels_of(names: Any, name: str = "labels") -> Vocabulary:
    """The vocabulary of labels, each of which may be of several words: the most frequent first."""
    names = list(names)
    for index, label in enumerate(names):
        if not isinstance(label, str) or not label or "\n" in label or "\r" in label:
            raise ValueError(f"{name}[{index}]: expected the name of a label, of one line, got {label!r}")
    if not names:
        raise ValueError(f"{name}: there is none")
    return Vocabulary("lines", [text_bytes("\n".join(names), name)], specials=())  # bytes: a label may be a file's name


def named_labels(names: Sequence[Any], name: str) -> Vocabulary:
    """The vocabulary of labels whose ids are their places.

    Raises
    ------
    ValueError
        A name is there twice.
    """
    labels_of(names, name)
    own: dict[str, int] = {}
    for index, label in enumerate(names):
        if own.setdefault(label, index) != index:
            raise ValueError(
                f"{name}[{index}]: {label!r} is there twice; the labels of data are Vocabulary('lines', data)"
            )
    return Vocabulary.from_json(json.dumps({"kind": "lines", "specials": [], "tokens": list(names)}))


def recurrent(
    cell: CellLike,
    hidden_size: int,
    num_layers: int,
    bidirectional: bool,
    sizes: Mapping[str, int] | None,
    of: str = "",
) -> dict[str, Any]:
    """The object "network" or "decoder": layers of a recurrent network."""
    if isinstance(cell, Cell):
        cell = cell.text
    if not isinstance(cell, str):
        raise TypeError(f"{of}cell: expected a name, the text of equations, or a Cell, got {type(cell).__name__}")
    made: dict[str, Any] = {"cell": {"rnn_tanh": "rnn", "gru_reset_before": "gru_before"}.get(cell, cell)}
    if sizes:
        made["sizes"] = {str(name): size(value, f"sizes[{name!r}]") for name, value in sizes.items()}
    made["hidden_size"] = size(hidden_size, f"{of}hidden_size")
    made["num_layers"] = integer(num_layers, f"{of}num_layers", 1, 1024)
    made["bidirectional"] = flag(bidirectional, f"{of}bidirectional")
    return made


def structured(
    configuration: dict[str, Any], trees: bool, cell: CellLike, bidirectional: bool | None
) -> dict[str, Any]:
    """The configuration of a model over sequences, or over trees: there "lstm" is the Child-Sum Tree-LSTM.

    Raises
    ------
    ValueError
        Trees have one direction, from the leaves up.
    """
    if flag(trees, "trees"):
        if bidirectional:
            raise ValueError("bidirectional: trees have one direction, from the leaves up")
        configuration["structure"] = "trees"
        if cell == "lstm":
            configuration["network"]["cell"] = "tree_child_sum"
    return configuration


def adaptive(cutoffs: Any, divisor: Any, vocabulary: int) -> dict[str, Any]:
    """The keys of an adaptive softmax; none without cutoffs."""
    divided = integer(divisor, "adaptive_divisor", 1, LARGEST)
    found = integers(cutoffs, "adaptive_cutoffs")
    if found.ndim != 1:
        raise ValueError(f"adaptive_cutoffs: expected integers side by side, got an array of {found.ndim} dimensions")
    if not len(found):
        if divided != 4:
            raise ValueError("adaptive_divisor: is of the clusters of adaptive_cutoffs, and there are none")
        return {}
    last = 0
    for index, cutoff in enumerate(found.tolist()):
        last = integer(cutoff, f"adaptive_cutoffs[{index}]", last + 1, vocabulary - 1)
    return {"adaptive_cutoffs": found.tolist(), "adaptive_divisor": divided}


def rate_of_dropout(value: Any) -> float:
    """The share of numbers that dropout leaves out."""
    return below_one(value, "dropout")
