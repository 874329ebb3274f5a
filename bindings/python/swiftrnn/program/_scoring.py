"""score: how good a model is on data."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any, Sequence

from ..models import Classifier, EvaluationResult, LanguageModel, Model, Tagger
from ._classification import known_labels
from ._failures import DataError, UsageError
from ._language import full_lines, is_large, read_tokens
from ._loading import check_vocabularies, load_model, read_model
from ._options import add_common, add_table
from ._readers import check_text, counted, line_chunks, name_of
from ._settings import refuse_given
from ._tables import read_columns, table_of
from ._tagged_files import LAYOUTS
from ._tagging import known_tags
from ._unknown import UnknownTokens

_OF_TABLES = ("columns", "delimiter", "layout", "by_label")


def add_score(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="the file of a model")
    parser.add_argument("file", metavar="FILE", nargs="?", default="-",
                        help="a text, or data as the training's (default: the standard input)")
    parser.add_argument("--lines", action="store_true",
                        help="of a language model: log P (nats), tokens and perplexity of each line that is not empty, "
                        "and the line")
    parser.add_argument("--by-label", action="store_true",
                        help="of taggers and classifiers: precision, recall, F1 and count of each label, and means")
    parser.add_argument("--layout", choices=LAYOUTS, help="of a tagger's file, as for train-tagger (default: auto)")
    add_table(parser, ("INPUT", "TARGET"))
    add_common(parser)


def score(arguments: argparse.Namespace) -> None:
    if arguments.lines:
        _refuse_tables(arguments, "has no effect with --lines, which reads a text")
        return _score_lines(load_model(arguments.model, LanguageModel), arguments.file)
    model = read_model(arguments.model)
    check_vocabularies(model, arguments.model)
    if isinstance(model, LanguageModel):
        _refuse_tables(arguments, "is not of language models, which read a text")
        return _print(_score_text(model, arguments.file))
    if not isinstance(model, Tagger):
        refuse_given(arguments, ("layout",), "is of taggers")
    if isinstance(model, (Tagger, Classifier)):
        data = _labelled(model, arguments)
        _print(model.evaluate(data), "rows" if isinstance(model, Classifier) else "tokens")
        if arguments.by_label:
            _print_labels(model, data)
        return None
    refuse_given(arguments, ("by_label",), "is of taggers and classifiers")
    return _print(model.evaluate([row.fields for row in read_columns(arguments.file, _table(arguments))]))


def _table(arguments: argparse.Namespace) -> Any:
    return table_of(arguments, "INPUT", "TARGET")


def _refuse_tables(arguments: argparse.Namespace, why: str) -> None:
    refuse_given(arguments, _OF_TABLES, why)
    if arguments.header is not None:
        raise UsageError(f"--header, --no-header: {why}")


def _print(result: EvaluationResult, counts: str = "tokens") -> None:
    for name, value in result.asdict().items():
        print(f"{counts}\t{value}" if name == "count" else f"{name.replace('_', ' ')}\t{value:.6g}")


# ---- Language models ----


def _score_text(model: LanguageModel, path: str) -> EvaluationResult:
    vocabulary = model.vocabulary
    assert vocabulary is not None
    if "<bos>" in vocabulary.specials:
        return model.evaluate(full_lines(path))
    if is_large(path):
        if vocabulary.kind != "bytes":
            check_text(path)
        return model.evaluate(Path(path))
    ids = vocabulary.encode(read_tokens(path, vocabulary.kind))
    if len(ids) < 2:
        raise DataError(f"{name_of(path)}: has {counted(len(ids), 'token')}, too few to score")
    return model.evaluate(ids)


def _score_lines(model: LanguageModel, path: str) -> None:
    assert model.vocabulary is not None
    unknown = UnknownTokens(model.vocabulary, name_of(path))
    for chunk in line_chunks(path):
        lines = [line for line in chunk if line.strip()]
        unknown.add(lines)
        framed = [model._framed(line, "the line") for line in lines]
        for line, ids, chance in zip(lines, framed, model.score(lines)):
            count = max(0, len(ids) - 1)
            perplexity = math.exp(min(700.0, -chance / count)) if count else 1.0
            print(f"{chance:.4f}\t{count}\t{perplexity:.4f}\t{line}", flush=True)
    unknown.tell()


# ---- Labels ----


def _labelled(model: Model, arguments: argparse.Namespace) -> list[tuple[Any, Any]]:
    labels = model.target_vocabulary
    assert labels is not None
    if isinstance(model, Tagger):
        return known_tags(arguments.file, arguments.layout or "auto", _table(arguments), labels)
    return known_labels(arguments.file, _table(arguments), labels)


def _print_labels(model: Any, data: Sequence[tuple[Any, Any]]) -> None:
    """A table of the labels: precision, recall, F1 (their harmonic mean) and how often each is in the data."""
    found = model.predict([one for one, _ in data])
    if isinstance(model, Tagger):
        pairs = [pair for (_, own), labels in zip(data, found) for pair in zip(own, labels)]
    else:
        pairs = [(own, label) for (_, own), label in zip(data, found)]
    print("\nlabel\tprecision\trecall\tF1\tcount")
    rows = []
    for label in model.target_vocabulary.tokens:
        right = sum(own == label == other for own, other in pairs)
        there, given = sum(own == label for own, _ in pairs), sum(other == label for _, other in pairs)
        if there or given:
            row = (_share(right, given), _share(right, there), _share(2 * right, there + given))
            rows.append(row)
            print(f"{label}\t{row[0]:.4f}\t{row[1]:.4f}\t{row[2]:.4f}\t{there}")
    means = [sum(row[k] for row in rows) / len(rows) for k in range(3)]
    print(f"mean of labels\t{means[0]:.4f}\t{means[1]:.4f}\t{means[2]:.4f}\t{len(pairs)}")


def _share(part: int, whole: int) -> float:
    """A part of a whole; 0 of nothing."""
    return part / whole if whole else 0.0
