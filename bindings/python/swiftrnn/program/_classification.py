"""train-classifier, classify: a label for each text."""

from __future__ import annotations

import argparse
import sys

from ..models import Classifier, Vocabulary
from ..models._configuration import labels_of
from ..models._pooled_models import POOLINGS
from ._failures import DataError, UsageError
from ._loading import load_model
from ._options import add_common, add_model, add_source, add_table, add_tokens, add_training, add_vocabulary
from ._readers import name_of
from ._tables import Row, Table, read_columns, source_chunks, table_of
from ._training import batch_size, check_files, check_labels, held_out, make, train


def add_train(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="CSV or TSV, a text and its label in each row; - is the standard "
                        "input")
    add_table(parser, ("TEXT", "LABEL"), ("1", "2"))
    add_model(parser, "classifier.safetensors", 128, bidirectional=True)
    parser.add_argument("--pooling", choices=POOLINGS, default="max",
                        help="how the steps become one vector (default: max)")
    group = add_vocabulary(parser)
    add_tokens(group, "words")
    add_training(parser, 10, 32, 0.1)


def read_labelled(path: str, table: Table) -> list[Row]:
    """Rows of a text and a label, whose white space is one space between words."""
    rows = [Row(line, (text, " ".join(label.split()))) for line, (text, label) in read_columns(path, table)]
    for line, (_, label) in rows:
        if not label:
            raise DataError(f"{name_of(path)}, line {line}: has no label")
    return rows


def known_labels(path: str, table: Table, labels: Vocabulary) -> list[tuple[str, ...]]:
    """Texts and labels of a file, the labels being some of a model's."""
    rows = read_labelled(path, table)
    check_labels(path, [(line, label) for line, (_, label) in rows], labels)
    return [row.fields for row in rows]


def train_classifier(arguments: argparse.Namespace) -> None:
    check_files(arguments)
    if arguments.lowercase and arguments.tokens != "words":
        raise UsageError("--lowercase: is of --tokens words")
    table = table_of(arguments)
    data = [row.fields for row in read_labelled(arguments.file, table)]
    tokens = Vocabulary(
        arguments.tokens, [text for text, _ in data], lowercase=arguments.lowercase,
        minimum_count=arguments.minimum_count, maximum_size=arguments.maximum_size,
    )  # fmt: skip
    labels = labels_of([label for _, label in data])
    if len(labels) < 2:
        raise DataError(f"{name_of(arguments.file)}: each row has the label {data[0][1]!r}: it takes two labels to learn")
    model = make(
        lambda: Classifier(
            tokens, labels, arguments.hidden, embedding_size=arguments.embedding, cell=arguments.cell,
            num_layers=arguments.layers, bidirectional=arguments.bidirectional, pooling=arguments.pooling,
            dropout=arguments.dropout, sizes=dict(arguments.sizes), dtype=arguments.dtype, seed=arguments.seed,
        )
    )  # fmt: skip
    validation = held_out(arguments, len(data), "rows", lambda path: known_labels(path, table, labels))
    train(model, data, arguments, validation, batch_size=batch_size(arguments, len(data)))


def add_classify(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="the file of a classifier")
    add_source(parser, "a text on each line; of an empty line an empty line comes out")
    parser.add_argument("--probabilities", action="store_true",
                        help="each label with its probability, the likeliest first, in the place of one label")
    add_common(parser)


def classify(arguments: argparse.Namespace) -> None:
    model = load_model(arguments.model, Classifier)
    assert model.target_vocabulary is not None
    names = model.target_vocabulary.tokens
    for lines in source_chunks(arguments.file, arguments):
        full = [line for line in lines if line.strip()]
        found = iter(model.predict(full, probabilities=arguments.probabilities) if full else ())
        for line in lines:
            if not line.strip():
                print()
            elif arguments.probabilities:
                row = next(found)
                print("\t".join(f"{names[number]}\t{row[number]:.4f}" for number in (-row).argsort(kind="stable")))
            else:
                print(next(found))
        sys.stdout.flush()
