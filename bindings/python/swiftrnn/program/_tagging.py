"""train-tagger, tag: a label for each token."""

from __future__ import annotations

import argparse
import sys

from ..models import Tagger, Vocabulary
from ._loading import load_model
from ._options import add_common, add_model, add_source, add_table, add_training, add_vocabulary
from ._tables import Table, read_tagged, source_chunks, table_of
from ._training import batch_size, check_files, check_labels, held_out, make, train


def _add_layout(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--layout", choices=("auto", "columns", "rows"), default="auto",
                        help="columns: a token and its label on each line, an empty line behind each sequence; rows: the "
                        "tokens of a sequence in one column, its labels in another (default: columns, if there are empty "
                        "lines, or no more than two words on any)")
    add_table(parser, ("TOKENS", "LABELS"), ("1", "2"))


def add_train(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="tokens and their labels; - is the standard input")
    _add_layout(parser)
    add_model(parser, "tagger.safetensors", 128, bidirectional=True)
    add_vocabulary(parser, lowercase=False).description = "Tokens are as they are in the file."
    add_training(parser, 20, 32, 0.1)


def known_tags(path: str, layout: str, table: Table, labels: Vocabulary) -> list[tuple[list[str], list[str]]]:
    """Sequences and labels of a file, the labels being some of a model's."""
    found = read_tagged(path, layout, table)
    check_labels(path, [(one.line, label) for one in found for label in one.labels], labels)
    return [(one.tokens, one.labels) for one in found]


def train_tagger(arguments: argparse.Namespace) -> None:
    check_files(arguments)
    table = table_of(arguments)
    data = [(one.tokens, one.labels) for one in read_tagged(arguments.file, arguments.layout, table)]
    tokens = Vocabulary(
        "whitespace", [" ".join(one) for one, _ in data], minimum_count=arguments.minimum_count,
        maximum_size=arguments.maximum_size,
    )  # fmt: skip
    labels = Vocabulary("whitespace", [" ".join(one) for _, one in data], specials=())
    model = make(
        lambda: Tagger(
            tokens, labels, arguments.hidden, embedding_size=arguments.embedding, cell=arguments.cell,
            num_layers=arguments.layers, bidirectional=arguments.bidirectional, dropout=arguments.dropout,
            sizes=dict(arguments.sizes), dtype=arguments.dtype, seed=arguments.seed,
        )
    )  # fmt: skip
    validation = held_out(
        arguments, len(data), "sequences", lambda path: known_tags(path, arguments.layout, table, labels)
    )
    train(model, data, arguments, validation, batch_size=batch_size(arguments, len(data)))


def add_tag(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="the file of a tagger")
    add_source(parser, "a sequence on each line, its tokens separated by spaces")
    parser.add_argument("--layout", choices=("columns", "rows"), default="columns",
                        help="columns: a token and its label on each line, an empty line behind each sequence; rows: the "
                        "labels of a sequence on each line (default: columns)")
    add_common(parser)


def tag(arguments: argparse.Namespace) -> None:
    model = load_model(arguments.model, Tagger)
    for lines in source_chunks(arguments.file, arguments):
        sequences = [line.split() for line in lines]
        full = [tokens for tokens in sequences if tokens]
        found = iter(model.predict(full) if full else ())
        for tokens in sequences:
            labels = next(found) if tokens else []
            if arguments.layout == "rows":
                print(" ".join(labels))
            elif tokens:
                print("\n".join(f"{token}\t{label}" for token, label in zip(tokens, labels)), end="\n\n")
        sys.stdout.flush()
