"""train-classifier, classify: a label for each text."""

from __future__ import annotations

import argparse

from ..models import Classifier, Vocabulary
from ..models._configuration import labels_of
from ..models._sequence_models import POOLINGS
from ._failures import DataError, UsageError
from ._loading import load_model
from ._options import add_common, add_model, add_table, add_tokens, add_training, add_vocabulary
from ._readers import Table, name_of, read_columns, read_lines
from ._training import batch_size, check_outputs, held_out, make, train


def add_train(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="CSV or TSV, a text and its label in each row")
    add_table(parser, ("TEXT", "LABEL"), ("1", "2"))
    add_model(parser, "classifier.safetensors", 128, bidirectional=True)
    parser.add_argument("--pooling", choices=POOLINGS, default="max",
                        help="how the steps become one vector (default: max)")
    group = add_vocabulary(parser)
    add_tokens(group, "words")
    add_training(parser, 10, 32, 0.1)


def _rows(path: str, arguments: argparse.Namespace) -> list[tuple[str, str]]:
    table = Table(arguments.columns, arguments.header, arguments.delimiter)
    rows = [(text, " ".join(label.split())) for text, label in read_columns(path, table)]
    for index, (_, label) in enumerate(rows):
        if not label:
            raise DataError(f"{name_of(path)}, row {index + 1}: has no label")
    return rows


def train_classifier(arguments: argparse.Namespace) -> None:
    check_outputs(arguments)
    if arguments.lowercase and arguments.tokens != "words":
        raise UsageError("--lowercase: is of --tokens words")
    data = _rows(arguments.file, arguments)
    tokens = Vocabulary(
        arguments.tokens, [text for text, _ in data], lowercase=arguments.lowercase,
        minimum_count=arguments.minimum_count, maximum_size=arguments.maximum_size,
    )  # fmt: skip
    labels = labels_of([label for _, label in data])
    model = make(
        lambda: Classifier(
            tokens, labels, arguments.hidden, embedding_size=arguments.embedding, cell=arguments.cell,
            num_layers=arguments.layers, bidirectional=arguments.bidirectional, pooling=arguments.pooling,
            dropout=arguments.dropout, dtype=arguments.dtype, seed=arguments.seed,
        )
    )  # fmt: skip
    validation = held_out(arguments, len(data), lambda path: _rows(path, arguments))
    train(model, data, arguments, validation, batch_size=batch_size(arguments))


def add_classify(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="the file of a classifier")
    parser.add_argument("file", metavar="TEXT", nargs="?", default="-",
                        help="a text on each line (default: the standard input)")
    parser.add_argument("--probabilities", action="store_true",
                        help="each label with its probability, the likeliest first, in the place of one label")
    add_common(parser)


def classify(arguments: argparse.Namespace) -> None:
    model = load_model(arguments.model, Classifier)
    if model.target_vocabulary is None:
        raise DataError(f"{arguments.model}: has no names of labels: use it from Python")
    lines = read_lines(arguments.file)
    if not lines:
        raise DataError(f"{name_of(arguments.file)}: has no lines")
    if not arguments.probabilities:
        print("\n".join(model.predict(lines)))
        return
    names = model.target_vocabulary.tokens
    for row in model.predict(lines, probabilities=True):
        print("\t".join(f"{names[number]}\t{row[number]:.4f}" for number in (-row).argsort(kind="stable")))
