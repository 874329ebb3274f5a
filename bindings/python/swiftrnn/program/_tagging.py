"""train-tagger, tag: a label for each token."""

from __future__ import annotations

import argparse
import sys

from ..models import Tagger, Vocabulary
from ._answers import answered
from ._further import started
from ._loading import load_model
from ._options import add_common, add_model, add_source, add_table, add_training, add_vocabulary
from ._readers import name_of
from ._settings import network_settings, vocabulary_settings
from ._tables import Table, table_of
from ._tagged_files import LAYOUTS, ROLES, read_tagged, token_chunks
from ._training import batch_size, check_labels, held_out, in_bytes, make, train
from ._training_files import check_files
from ._unknown import UnknownTokens


def add_train(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="tokens and their labels; - is the standard input")
    parser.add_argument("--layout", choices=LAYOUTS, default="auto",
                        help="columns: a token and its label on each line, an empty line behind each sequence; rows: "
                        "the tokens of a sequence in one column, its labels in another, both separated by spaces; "
                        "auto: columns, if there are empty lines, or no more than two words on any (default: "
                        "%(default)s)")
    add_table(parser, ROLES)
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
    table = table_of(arguments, *ROLES)
    start = started(arguments, Tagger)
    if start is None:
        data = [(one.tokens, one.labels) for one in read_tagged(arguments.file, arguments.layout, table)]
        model = _new(arguments, data)
    else:
        assert start.target_vocabulary is not None
        data, model = known_tags(arguments.file, arguments.layout, table, start.target_vocabulary), start
        unknown = UnknownTokens(start.vocabulary, name_of(arguments.file))
        unknown.add(tokens for tokens, _ in data)
        unknown.tell()
    labels = model.target_vocabulary
    assert labels is not None
    validation = held_out(
        arguments, len(data), "sequences", lambda path: known_tags(path, arguments.layout, table, labels)
    )
    train(model, data, arguments, validation, batch_size=batch_size(arguments, len(data)))


def _new(arguments: argparse.Namespace, data: list[tuple[list[str], list[str]]]) -> Tagger:
    tokens = Vocabulary(
        "whitespace", in_bytes(" ".join(one) for one, _ in data), **vocabulary_settings(arguments, "whitespace")
    )
    labels = Vocabulary("whitespace", in_bytes(" ".join(one) for _, one in data), specials=())
    return make(
        lambda: Tagger(
            tokens, labels, arguments.hidden, bidirectional=arguments.bidirectional, **network_settings(arguments)
        )
    )


def add_tag(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="the file of a tagger")
    add_source(parser, "sequences of tokens: see --layout")
    parser.add_argument("--layout", choices=LAYOUTS, default="auto",
                        help="of FILE: rows: a sequence on each line, its tokens separated by spaces; columns: a token "
                        "on each line, in the first column or that of --column, and an empty line behind each "
                        "sequence, as in train-tagger's files, whose other columns are not read; auto: columns, if the "
                        "first line has columns (default: %(default)s)")
    parser.add_argument("--output-layout", choices=LAYOUTS[1:], default="columns",
                        help="columns: a token and its label on each line, an empty line behind each sequence; rows: "
                        "the labels of a sequence on each line (default: %(default)s)")
    add_common(parser)
    parser.description = "Labels each token of a text. How good the labels are: swiftrnn score MODEL FILE --by-label."


def tag(arguments: argparse.Namespace) -> None:
    model = load_model(arguments.model, Tagger)
    assert model.vocabulary is not None and model.target_vocabulary is not None
    known = (model.vocabulary.tokens, model.target_vocabulary.tokens)
    unknown = UnknownTokens(model.vocabulary, name_of(arguments.file))
    for sequences in token_chunks(arguments.file, arguments, *known):
        unknown.add(sequences)
        for tokens, labels in answered(sequences, model.predict):
            if arguments.output_layout == "rows":
                print(" ".join(labels or ()))
            elif tokens:
                print("\n".join(f"{token}\t{label}" for token, label in zip(tokens, labels)), end="\n\n")
        sys.stdout.flush()
    unknown.tell()
