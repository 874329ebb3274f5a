"""train-classifier, classify: a label for each text."""

from __future__ import annotations

import argparse
import sys

from ..models import Classifier, Vocabulary
from ..models._configuration import labels_of
from ..models._pooled_models import POOLINGS
from ._answers import answered, source_chunks
from ._failures import DataError, warn
from ._further import started
from ._loading import load_model
from ._options import add_common, add_model, add_source, add_table, add_tokens, add_training, add_vocabulary
from ._readers import counted, name_of
from ._settings import check_vocabulary, network_settings, vocabulary_settings
from ._tables import Row, Table, read_columns, table_of
from ._training import batch_size, check_labels, held_out, in_bytes, make, train
from ._training_files import check_files
from ._unknown import UnknownTokens

LONGEST = 200
"""Characters of a label, at most: a longer one is a text of another column."""
ROLES = ("TEXT", "LABEL")


def add_train(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="CSV or TSV, a text and its label in each row; - is the standard "
                        "input")
    add_table(parser, ROLES)
    group = add_model(parser, "classifier.safetensors", 128, bidirectional=True)
    group.add_argument("--pooling", choices=POOLINGS, default="max",
                       help="how the steps become one vector (default: %(default)s)")
    group = add_vocabulary(parser)
    add_tokens(group, "words")
    add_training(parser, 10, 32, 0.1)


def read_labelled(path: str, table: Table) -> list[Row]:
    """Rows of a text and a label, whose white space is one space between words."""
    rows = [Row(line, (text, " ".join(label.split()))) for line, (text, label) in read_columns(path, table)]
    for line, (_, label) in rows:
        if not label:
            raise DataError(f"{name_of(path)}, line {line}: has no label")
        if len(label) > LONGEST:
            raise DataError(
                f"{name_of(path)}, line {line}: has a label of {len(label)} characters: are the columns in the order "
                "of TEXT,LABEL? --columns chooses them"
            )
    return rows


def known_labels(path: str, table: Table, labels: Vocabulary) -> list[tuple[str, ...]]:
    """Texts and labels of a file, the labels being some of a model's."""
    rows = read_labelled(path, table)
    check_labels(path, [(line, label) for line, (_, label) in rows], labels)
    return [row.fields for row in rows]


def train_classifier(arguments: argparse.Namespace) -> None:
    check_files(arguments)
    check_vocabulary(arguments, "--tokens")
    table = table_of(arguments, *ROLES)
    start = started(arguments, Classifier)
    if start is None:
        data = [row.fields for row in read_labelled(arguments.file, table)]
        model = _new(arguments, data)
    else:
        assert start.target_vocabulary is not None
        data, model = known_labels(arguments.file, table, start.target_vocabulary), start
        unknown = UnknownTokens(start.vocabulary, name_of(arguments.file))
        unknown.add(text for text, _ in data)
        unknown.tell()
    labels = model.target_vocabulary
    assert labels is not None
    validation = held_out(arguments, len(data), "rows", lambda path: known_labels(path, table, labels))
    train(model, data, arguments, validation, batch_size=batch_size(arguments, len(data)))


def _new(arguments: argparse.Namespace, data: list[tuple[str, ...]]) -> Classifier:
    kind = arguments.tokens
    tokens = Vocabulary(kind, in_bytes(text for text, _ in data), **vocabulary_settings(arguments, kind))
    labels = labels_of([label for _, label in data])
    if len(labels) < 2:
        raise DataError(
            f"{name_of(arguments.file)}: each row has the label {data[0][1]!r}: it takes two labels to learn"
        )
    if len(labels) * 2 > len(data) >= 20:
        warn(
            f"{name_of(arguments.file)}: has {counted(len(labels), 'label')} in {counted(len(data), 'row')}: are the "
            "columns in the order of TEXT,LABEL? --columns chooses them"
        )
    return make(
        lambda: Classifier(
            tokens, labels, arguments.hidden, bidirectional=arguments.bidirectional, pooling=arguments.pooling,
            **network_settings(arguments),
        )
    )  # fmt: skip


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
    unknown = UnknownTokens(model.vocabulary, name_of(arguments.file))
    for lines in source_chunks(arguments.file, arguments, "TEXT"):
        unknown.add(lines)
        for _, found in answered(lines, lambda full: model.predict(full, probabilities=arguments.probabilities)):
            if found is None:
                print()
            elif arguments.probabilities:
                print("\t".join(f"{names[one]}\t{found[one]:.4f}" for one in (-found).argsort(kind="stable")))
            else:
                print(found)
        sys.stdout.flush()
    unknown.tell()
