"""train-lm, sample, score: language models of plain text."""

from __future__ import annotations

import argparse
import math
import os
from pathlib import Path
from typing import Any

from ..models import Classifier, EvaluationResult, LanguageModel, Tagger, Vocabulary, load
from ._classification import known_labels
from ._failures import DataError, UsageError
from ._loading import check_vocabularies, load_model
from ._options import add_common, add_model, add_search, add_table, add_tokens, add_training, add_vocabulary, whole
from ._readers import check_text, counted, line_chunks, name_of, read_bytes, read_lines, read_text
from ._tables import read_columns, table_of
from ._tagging import known_tags
from ._training import batch_size, check_files, held_out, make, train

IN_MEMORY = 32 << 20
"""Bytes up to which a text is in memory: a part of it can be held out then."""
STEPS = 64
"""Tokens through which gradients flow back, where nothing else is asked for."""


def add_train(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="TEXT", help="a text file, of any size; - is the standard input")
    add_model(parser, "lm.safetensors", 256)
    parser.add_argument("--tie-embedding", action="store_true",
                        help="the last layer has the embedding for its weights (E = H)")
    parser.add_argument("--lines", action="store_true",
                        help="each line is a text by itself: the model learns where lines begin and end, as of names or "
                        "sentences")
    parser.add_argument("--steps", type=whole(1), metavar="T",
                        help=f"tokens through which gradients flow back (default: {STEPS}; with --lines all of a line)")
    group = add_vocabulary(parser)
    add_tokens(group, "characters")
    add_training(parser, 10, 32, 0.05)


def train_lm(arguments: argparse.Namespace) -> None:
    check_files(arguments)
    if arguments.lowercase and arguments.tokens != "words":
        raise UsageError("--lowercase: is of --tokens words")
    if arguments.lines:
        _train_lines(arguments)
    elif arguments.file != "-" and _size(arguments.file) > IN_MEMORY:
        _train_file(arguments)
    else:
        _train_text(arguments)


def _options(arguments: argparse.Namespace) -> dict[str, Any]:
    """What the arguments say of the vocabulary."""
    return {
        "lowercase": arguments.lowercase, "minimum_count": arguments.minimum_count,
        "maximum_size": arguments.maximum_size,
    }  # fmt: skip


def _model(vocabulary: Vocabulary, arguments: argparse.Namespace) -> LanguageModel:
    made = make(
        lambda: LanguageModel(
            vocabulary, arguments.hidden, embedding_size=arguments.embedding, cell=arguments.cell,
            num_layers=arguments.layers, dropout=arguments.dropout, tie_embedding=arguments.tie_embedding,
            sizes=dict(arguments.sizes), dtype=arguments.dtype, seed=arguments.seed,
        )
    )  # fmt: skip
    assert isinstance(made, LanguageModel)
    return made


def _train_text(arguments: argparse.Namespace) -> None:
    """A text in memory."""
    text = _text(arguments.file, arguments.tokens)
    vocabulary = Vocabulary(arguments.tokens, [text], **_options(arguments))
    ids = vocabulary.encode(text)
    if len(ids) < 8:
        raise DataError(f"{name_of(arguments.file)}: has {counted(len(ids), 'token')}, too few to learn from")
    steps = arguments.steps or STEPS
    size = batch_size(arguments, len(ids) // steps, 1)
    validation = held_out(
        arguments, len(ids), "tokens", lambda path: vocabulary.encode(_text(path, arguments.tokens))
    )
    if arguments.validation is None and validation is not None and round(validation * len(ids)) < 2:
        validation = None
    train(_model(vocabulary, arguments), ids, arguments, validation, batch_size=size, steps=steps)


def _train_file(arguments: argparse.Namespace) -> None:
    """A file that is read as a stream, again in each epoch."""
    validation = arguments.validation
    if isinstance(validation, float) and validation:
        raise UsageError(
            f"--validation: no share of a file of more than {IN_MEMORY >> 20} MB can be held out: give another file"
        )
    files = [arguments.file, *([validation] if isinstance(validation, str) else [])]
    for path in files:
        if _size(path) == 0:
            raise DataError(f"{path}: is empty")
        if arguments.tokens != "bytes":
            check_text(path)
    vocabulary = Vocabulary.from_file(arguments.tokens, arguments.file, **_options(arguments))
    train(
        _model(vocabulary, arguments), Path(arguments.file), arguments, Path(files[1]) if len(files) == 2 else None,
        batch_size=arguments.batch_size or arguments.batch_size_default, steps=arguments.steps or STEPS,
    )  # fmt: skip


def _train_lines(arguments: argparse.Namespace) -> None:
    """Lines, each a text by itself."""
    if arguments.steps is not None:
        raise UsageError("--steps: is not of --lines, of which gradients flow back to the beginning")
    lines = _full_lines(arguments.file)
    vocabulary = Vocabulary(arguments.tokens, lines, specials=("<unk>", "<bos>", "<eos>"), **_options(arguments))
    validation = held_out(arguments, len(lines), "lines", _full_lines)
    train(_model(vocabulary, arguments), lines, arguments, validation, batch_size=batch_size(arguments, len(lines)))


def _full_lines(path: str) -> list[str]:
    lines = [line for line in read_lines(path) if line.strip()]
    if not lines:
        raise DataError(f"{name_of(path)}: has no lines")
    return lines


def _text(path: str, tokens: str) -> str | bytes:
    """A whole text; of tokens that are bytes it may be of anything."""
    return read_bytes(path) if tokens == "bytes" else read_text(path)


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None


def add_sample(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="the file of a language model")
    parser.add_argument("--prompt", default="", metavar="TEXT", help="what the text begins with")
    parser.add_argument("--length", type=whole(0), default=400, metavar="K", help="tokens at most (default: 400)")
    parser.add_argument("--count", type=whole(1, 65536), default=1, metavar="K",
                        help="texts, each of which ends with a line feed (default: 1)")
    add_search(parser, 0.8)
    add_common(parser)


def sample(arguments: argparse.Namespace) -> None:
    if arguments.count > arguments.beams > 1:
        raise UsageError(f"--count: {arguments.count} is more than {arguments.beams} beams")
    model = load_model(arguments.model, LanguageModel)
    texts = model.generate(
        arguments.prompt, arguments.length, top_k=arguments.top_k,
        temperature=arguments.temperature if arguments.beams == 1 else None,  # which has a default, but not in a search
        top_p=arguments.top_p, repetition_penalty=arguments.repetition_penalty, beams=arguments.beams,
        length_penalty=arguments.length_penalty, seed=arguments.seed, count=arguments.count,
    )  # fmt: skip
    assert model.vocabulary is not None
    between = {"words": " ", "whitespace": " ", "lines": "\n"}.get(model.vocabulary.kind, "")
    for text in texts:
        print(arguments.prompt + (between if arguments.prompt and text else "") + text)


def add_score(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="the file of a model")
    parser.add_argument("file", metavar="FILE", nargs="?", default="-", help="a text, or data as the training's (default: the standard "
                        "input)")
    parser.add_argument("--lines", action="store_true",
                        help="of a language model: log P (nats), tokens and perplexity of each line that is not empty, and "
                        "the line")
    parser.add_argument("--layout", choices=("auto", "columns", "rows"), default="auto",
                        help="of a tagger's file: see train-tagger")
    add_table(parser, ("INPUT", "TARGET"), ("1", "2"))
    add_common(parser)


def score(arguments: argparse.Namespace) -> None:
    if arguments.lines:
        return _score_lines(load_model(arguments.model, LanguageModel), arguments.file)
    model = load(arguments.model)
    check_vocabularies(model, arguments.model)
    table = table_of(arguments)
    counts = "tokens"
    if isinstance(model, LanguageModel):
        result = _score_text(model, arguments.file)
    elif isinstance(model, Tagger):
        assert model.target_vocabulary is not None
        result = model.evaluate(known_tags(arguments.file, arguments.layout, table, model.target_vocabulary))
    elif isinstance(model, Classifier):
        assert model.target_vocabulary is not None
        result = model.evaluate(known_labels(arguments.file, table, model.target_vocabulary))
        counts = "rows"
    else:
        result = model.evaluate([row.fields for row in read_columns(arguments.file, table)])
    for name, value in result.asdict().items():
        print(f"{counts}\t{value}" if name == "count" else f"{name.replace('_', ' ')}\t{value:.6g}")


def _score_text(model: LanguageModel, path: str) -> EvaluationResult:
    vocabulary = model.vocabulary
    assert vocabulary is not None
    if "<bos>" in vocabulary.specials:
        return model.evaluate(_full_lines(path))
    if path != "-" and _size(path) > IN_MEMORY:
        if vocabulary.kind != "bytes":
            check_text(path)
        return model.evaluate(Path(path))
    ids = vocabulary.encode(_text(path, vocabulary.kind))
    if len(ids) < 2:
        raise DataError(f"{name_of(path)}: has {counted(len(ids), 'token')}, too few to score")
    return model.evaluate(ids)


def _score_lines(model: LanguageModel, path: str) -> None:
    assert model.vocabulary is not None
    for chunk in line_chunks(path):
        lines = [line for line in chunk if line.strip()]
        framed = [model._framed(line, "the line") for line in lines]
        for line, ids, chance in zip(lines, framed, model.score(lines)):
            count = max(0, len(ids) - 1)
            perplexity = math.exp(min(700.0, -chance / count)) if count else 1.0
            print(f"{chance:.4f}\t{count}\t{perplexity:.4f}\t{line}", flush=True)
