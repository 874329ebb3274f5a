"""train-lm, sample, score: language models of plain text."""

from __future__ import annotations

import argparse
import math
import os
from pathlib import Path
from typing import Any

from ..models import Classifier, EncoderDecoder, LanguageModel, Tagger, Vocabulary, load
from ._failures import DataError, UsageError
from ._loading import NAMES, load_model
from ._options import add_common, add_model, add_search, add_table, add_tokens, add_training, add_vocabulary, whole
from ._readers import Table, name_of, read_bytes, read_columns, read_lines, read_tagged
from ._training import batch_size, check_outputs, held_out, make, train

IN_MEMORY = 32 << 20
"""Bytes up to which a text is in memory: a part of it can be held out then."""


def add_train(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="TEXT", help="a text file, of any size; - is the standard input")
    add_model(parser, "lm.safetensors", 256)
    parser.add_argument("--tie-embedding", action="store_true",
                        help="the last layer has the embedding for its weights (E = H)")
    parser.add_argument("--steps", type=whole(1), default=64, metavar="T",
                        help="tokens through which gradients flow back (default: 64)")
    group = add_vocabulary(parser)
    add_tokens(group, "characters")
    add_training(parser, 10, 32, 0.05)


def train_lm(arguments: argparse.Namespace) -> None:
    check_outputs(arguments)
    path = arguments.file
    streams = path != "-" and _size(path) > IN_MEMORY
    options: dict[str, Any] = {
        "lowercase": arguments.lowercase, "minimum_count": arguments.minimum_count,
        "maximum_size": arguments.maximum_size,
    }  # fmt: skip
    if arguments.lowercase and arguments.tokens != "words":
        raise UsageError("--lowercase: is of --tokens words")
    text = b"" if streams else read_bytes(path)
    if streams:
        vocabulary = Vocabulary.from_file(arguments.tokens, path, **options)
    else:
        vocabulary = Vocabulary(arguments.tokens, [text], **options)
    data: Any = Path(path) if streams else vocabulary.encode(text)
    count = 0 if streams else len(data)
    if not streams and count < 4:
        raise DataError(f"{name_of(path)}: has {count} tokens, too few to learn from")
    model = make(
        lambda: LanguageModel(
            vocabulary, arguments.hidden, embedding_size=arguments.embedding, cell=arguments.cell,
            num_layers=arguments.layers, dropout=arguments.dropout, tie_embedding=arguments.tie_embedding,
            dtype=arguments.dtype, seed=arguments.seed,
        )
    )  # fmt: skip
    if streams:
        if isinstance(arguments.validation, float) and arguments.validation:
            raise UsageError(f"--validation: a part of a file of more than {IN_MEMORY >> 20} MB cannot be held out")
        validation: Any = _validation_file(arguments.validation) if isinstance(arguments.validation, str) else None
    else:
        validation = held_out(arguments, count // 4, _validation_file)
    size = batch_size(arguments)
    if arguments.batch_size is None and not streams:
        size = max(1, min(size, count // (4 * arguments.steps)))
    train(model, data, arguments, validation, batch_size=size, steps=arguments.steps)


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None


def _validation_file(path: str) -> Path:
    if _size(path) == 0:
        raise DataError(f"{path}: is empty")
    return Path(path)


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
        arguments.prompt, arguments.length, temperature=arguments.temperature, top_k=arguments.top_k,
        top_p=arguments.top_p, repetition_penalty=arguments.repetition_penalty, beams=arguments.beams,
        length_penalty=arguments.length_penalty, seed=arguments.seed, count=arguments.count,
    )  # fmt: skip
    assert model.vocabulary is not None
    between = {"words": " ", "whitespace": " ", "lines": "\n"}.get(model.vocabulary.kind, "")
    for text in texts:
        print(arguments.prompt + (between if arguments.prompt and text else "") + text)


def add_score(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="the file of a model")
    parser.add_argument("file", metavar="FILE", help="a text, or data as the training's; - is the standard input")
    parser.add_argument("--lines", action="store_true",
                        help="of a language model: log P (nats), tokens and perplexity of each line, and the line")
    parser.add_argument("--layout", choices=("auto", "columns", "rows"), default="auto",
                        help="of a tagger's file: see train-tagger")
    add_table(parser, ("INPUT", "TARGET"), ("1", "2"))
    add_common(parser)


def score(arguments: argparse.Namespace) -> None:
    model = load(arguments.model)
    table = Table(arguments.columns, arguments.header, arguments.delimiter)
    if arguments.lines:
        return _score_lines(load_model(arguments.model, LanguageModel), arguments.file)
    if isinstance(model, LanguageModel):
        data = read_bytes(arguments.file)
        load_model(arguments.model, LanguageModel)
        assert model.vocabulary is not None
        ids = model.vocabulary.encode(data)
        if len(ids) < 2:
            raise DataError(f"{name_of(arguments.file)}: has {len(ids)} tokens, too few to score")
        result = model.evaluate(ids)
    elif isinstance(model, Tagger):
        result = load_model(arguments.model, Tagger).evaluate(read_tagged(arguments.file, arguments.layout, table))
    elif isinstance(model, (Classifier, EncoderDecoder)):
        result = load_model(arguments.model, type(model)).evaluate(read_columns(arguments.file, table))
    else:
        raise DataError(f"{arguments.model}: is {NAMES[model._kind]}, which this command does not take")
    for name, value in result.asdict().items():
        print(f"{name.replace('_', ' ')}\t{value:.6g}" if name != "count" else f"tokens\t{value}")


def _score_lines(model: LanguageModel, path: str) -> None:
    assert model.vocabulary is not None
    lines = [line for line in read_lines(path) if line]
    if not lines:
        raise DataError(f"{name_of(path)}: has no lines")
    framed = [model._framed(line, f"line {index + 1}") for index, line in enumerate(lines)]
    for line, ids, chance in zip(lines, framed, model.score(lines)):
        count = len(ids) - 1
        perplexity = math.exp(min(700.0, -chance / count)) if count > 0 else 1.0
        print(f"{chance:.4f}\t{count}\t{perplexity:.4f}\t{line}")
