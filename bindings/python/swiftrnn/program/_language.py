"""train-lm, sample: language models of plain text."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any, Sequence

from ..models import LanguageModel, Vocabulary
from ._argument_types import whole
from ._failures import DataError, UsageError
from ._further import started
from ._loading import load_model
from ._options import add_common, add_model, add_output, add_search, add_tokens, add_training, add_vocabulary
from ._readers import check_text, counted, name_of, read_bytes, read_lines, read_text
from ._settings import check_vocabulary, network_settings, output_settings, search_settings, vocabulary_settings
from ._training import batch_size, held_out, in_bytes, make, train
from ._training_files import check_files
from ._unknown import UnknownTokens

IN_MEMORY = 32 << 20
"""Bytes up to which a text is in memory: a part of it can be held out then."""
STEPS = 64
"""Tokens through which gradients flow back, where nothing else is asked for."""


def add_train(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="TEXT", help="a text file, of any size; - is the standard input")
    group = add_model(parser, "lm.safetensors", 256)
    add_output(group, "embedding")
    parser.add_argument("--lines", action="store_true",
                        help="each line is a text by itself: the model learns where lines begin and end, as of names "
                        "or sentences")
    parser.add_argument("--steps", type=whole(1), metavar="T",
                        help=f"tokens through which gradients flow back (default: {STEPS}; with --lines all of a line)")
    parser.add_argument("--look-back", type=whole(0), metavar="K",
                        help="steps before each batch that gradients flow back into, too: truncated back-propagation "
                        "with k1 = T and k2 = T + K (default: 0)")
    group = add_vocabulary(parser)
    add_tokens(group, "characters")
    add_training(parser, 10, 32, 0.05)


def train_lm(arguments: argparse.Namespace) -> None:
    check_files(arguments)
    check_vocabulary(arguments, "--tokens")
    start = started(arguments, LanguageModel)
    if start is not None:
        _check_start(start, arguments)
    if arguments.lines:
        _train_lines(arguments, start)
    elif is_large(arguments.file):
        _train_file(arguments, start)
    else:
        _train_text(arguments, start)


def _check_start(start: LanguageModel, arguments: argparse.Namespace) -> None:
    """Refuses a model of --from that was made for other texts; its tokens are those of the training."""
    assert start.vocabulary is not None
    if arguments.lines != ("<bos>" in start.vocabulary.specials):
        advice = "does not fit to: it has no <bos>" if arguments.lines else "is missing, with which it was made"
        raise UsageError(f"--from: {arguments.start}: --lines {advice}")
    arguments.tokens = start.vocabulary.kind


def _model(arguments: argparse.Namespace, start: LanguageModel | None, vocabulary: Vocabulary) -> LanguageModel:
    if start is not None:
        return start
    return make(
        lambda: LanguageModel(
            vocabulary, arguments.hidden, **output_settings(arguments), **network_settings(arguments)
        )
    )


def _vocabulary(
    arguments: argparse.Namespace, start: LanguageModel | None, texts: Sequence[bytes], **more: Any
) -> Vocabulary:
    """The vocabulary of the model to go on with, or that of the texts."""
    if start is None:
        return Vocabulary(arguments.tokens, texts, **more, **vocabulary_settings(arguments, arguments.tokens))
    assert start.vocabulary is not None
    unknown = UnknownTokens(start.vocabulary, name_of(arguments.file))
    unknown.add(texts)
    unknown.tell()
    return start.vocabulary


def _train_text(arguments: argparse.Namespace, start: LanguageModel | None) -> None:
    """A text in memory."""
    text = read_tokens(arguments.file, arguments.tokens)
    whole = text if isinstance(text, bytes) else text.encode()
    vocabulary = _vocabulary(arguments, start, [whole])
    ids = vocabulary.encode(text)
    if len(ids) < 8:
        raise DataError(f"{name_of(arguments.file)}: has {counted(len(ids), 'token')}, too few to learn from")
    steps = arguments.steps or STEPS
    size = batch_size(arguments, len(ids) // steps, 1)
    validation = held_out(
        arguments, len(ids), "tokens", lambda path: vocabulary.encode(read_tokens(path, arguments.tokens))
    )
    if arguments.validation is None and validation is not None and round(validation * len(ids)) < 2:
        validation = None
    model, back = _model(arguments, start, vocabulary), arguments.look_back or 0
    train(model, ids, arguments, validation, batch_size=size, steps=steps, look_back=back)


def _train_file(arguments: argparse.Namespace, start: LanguageModel | None) -> None:
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
    kind, vocabulary = arguments.tokens, None if start is None else start.vocabulary
    if vocabulary is None:
        vocabulary = Vocabulary.from_file(kind, arguments.file, **vocabulary_settings(arguments, kind))
    held = Path(files[1]) if len(files) == 2 else None
    train(
        _model(arguments, start, vocabulary), Path(arguments.file), arguments, held,
        batch_size=arguments.batch_size or arguments.batch_size_default, steps=arguments.steps or STEPS,
        look_back=arguments.look_back or 0,
    )  # fmt: skip


def _train_lines(arguments: argparse.Namespace, start: LanguageModel | None) -> None:
    """Lines, each a text by itself."""
    if arguments.steps is not None:
        raise UsageError("--steps: is not of --lines, of which gradients flow back to the beginning")
    if arguments.look_back is not None:
        raise UsageError("--look-back: is not of --lines, of which gradients flow back to the beginning")
    lines = in_bytes(full_lines(arguments.file))
    vocabulary = _vocabulary(arguments, start, lines, specials=("<unk>", "<bos>", "<eos>"))
    validation = held_out(arguments, len(lines), "lines", lambda path: in_bytes(full_lines(path)))
    model = _model(arguments, start, vocabulary)
    train(model, lines, arguments, validation, batch_size=batch_size(arguments, len(lines)))


def full_lines(path: str) -> list[str]:
    """The lines of a text that are not empty."""
    lines = [line for line in read_lines(path) if line.strip()]
    if not lines:
        raise DataError(f"{name_of(path)}: has no lines")
    return lines


def read_tokens(path: str, tokens: str) -> str | bytes:
    """A whole text; of tokens that are bytes it may be of anything."""
    return read_bytes(path) if tokens == "bytes" else read_text(path)


def is_large(path: str) -> bool:
    """Whether a text is read as a stream."""
    return path != "-" and _size(path) > IN_MEMORY


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None


def add_sample(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="the file of a language model")
    parser.add_argument("--prompt", default="", metavar="TEXT", help="what the text begins with (default: nothing)")
    parser.add_argument("--length", type=whole(0), default=400, metavar="K",
                        help="tokens at most (default: %(default)s)")
    parser.add_argument("--count", type=whole(1, 65536), default=1, metavar="K",
                        help="texts, each of which ends with a line feed (default: %(default)s)")
    add_search(parser, 0.8)
    add_common(parser)


def sample(arguments: argparse.Namespace) -> None:
    settings = search_settings(arguments)
    try:
        arguments.prompt.encode()
    except UnicodeEncodeError:
        raise UsageError("--prompt: is no UTF-8") from None
    model = load_model(arguments.model, LanguageModel)
    unknown = UnknownTokens(model.vocabulary, "--prompt")
    unknown.add([arguments.prompt])
    unknown.tell()
    texts = model.generate(arguments.prompt, arguments.length, **settings)
    assert model.vocabulary is not None
    between = {"words": " ", "whitespace": " ", "lines": "\n"}.get(model.vocabulary.kind, "")
    ends = not arguments.prompt or arguments.prompt[-1].isspace()
    for text in texts:
        print(arguments.prompt + ("" if ends or not text else between) + text)
