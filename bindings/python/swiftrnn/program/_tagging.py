"""train-tagger, tag: a label for each token."""

from __future__ import annotations

import argparse

from ..models import Tagger, Vocabulary
from ._failures import DataError, UsageError
from ._loading import load_model
from ._options import add_common, add_model, add_table, add_training, add_vocabulary
from ._readers import Table, name_of, read_lines, read_tagged
from ._training import batch_size, check_outputs, held_out, make, train


def _add_layout(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--layout", choices=("auto", "columns", "rows"), default="auto",
                        help="columns: a token and its label on each line, an empty line behind each sequence; rows: the "
                        "tokens of a sequence in one column, its labels in another (default: columns, if there are empty "
                        "lines)")
    add_table(parser, ("TOKENS", "LABELS"), ("1", "2"))


def add_train(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="tokens and their labels; - is the standard input")
    _add_layout(parser)
    add_model(parser, "tagger.safetensors", 128, bidirectional=True)
    group = add_vocabulary(parser)
    group.description = "Tokens are split already, by white space."
    add_training(parser, 20, 32, 0.1)


def train_tagger(arguments: argparse.Namespace) -> None:
    check_outputs(arguments)
    if arguments.lowercase:
        raise UsageError("--lowercase: is of words; tokens of a tagger are as they are in the file")
    table = Table(arguments.columns, arguments.header, arguments.delimiter)
    data = read_tagged(arguments.file, arguments.layout, table)
    tokens = Vocabulary(
        "whitespace", [" ".join(one) for one, _ in data], minimum_count=arguments.minimum_count,
        maximum_size=arguments.maximum_size,
    )  # fmt: skip
    labels = Vocabulary("whitespace", [" ".join(one) for _, one in data], specials=())
    model = make(
        lambda: Tagger(
            tokens, labels, arguments.hidden, embedding_size=arguments.embedding, cell=arguments.cell,
            num_layers=arguments.layers, bidirectional=arguments.bidirectional, dropout=arguments.dropout,
            dtype=arguments.dtype, seed=arguments.seed,
        )
    )  # fmt: skip
    validation = held_out(arguments, len(data), lambda path: read_tagged(path, arguments.layout, table))
    train(model, data, arguments, validation, batch_size=batch_size(arguments))


def add_tag(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="the file of a tagger")
    parser.add_argument("file", metavar="TEXT", nargs="?", default="-",
                        help="a sequence on each line, its tokens separated by spaces (default: the standard input)")
    parser.add_argument("--layout", choices=("columns", "rows"), default="columns",
                        help="columns: a token and its label on each line, an empty line behind each sequence; rows: the "
                        "labels of a sequence on each line (default: columns)")
    add_common(parser)


def tag(arguments: argparse.Namespace) -> None:
    model = load_model(arguments.model, Tagger)
    if model.target_vocabulary is None:
        raise DataError(f"{arguments.model}: has no names of labels: use it from Python")
    lines = [line.split() for line in read_lines(arguments.file)]
    if not any(lines):
        raise DataError(f"{name_of(arguments.file)}: has no tokens")
    full = [line for line in lines if line]
    found = iter(model.predict(full))
    for tokens in lines:
        labels = next(found) if tokens else []
        if arguments.layout == "rows":
            print(" ".join(labels))
        elif tokens:
            print("\n".join(f"{token}\t{label}" for token, label in zip(tokens, labels)), end="\n\n")
