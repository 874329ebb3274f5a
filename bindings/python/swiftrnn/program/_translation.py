"""train-seq2seq, translate: a text for a text."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from ..models import EncoderDecoder, Vocabulary
from ..models._decoders import ATTENTIONS
from ._answers import answered, source_chunks
from ._argument_types import number, whole
from ._failures import DataError, UsageError
from ._further import started
from ._loading import load_model
from ._options import (
    add_common,
    add_model,
    add_output,
    add_search,
    add_source,
    add_table,
    add_tokens,
    add_training,
    add_vocabulary,
)  # fmt: skip
from ._readers import counted, name_of, read_lines
from ._settings import check_vocabulary, network_settings, output_settings, search_settings, vocabulary_settings
from ._tables import read_columns, table_of
from ._training import batch_size, held_out, in_bytes, make, train
from ._training_files import check_files
from ._unknown import UnknownTokens

DECAYS = {
    "linear": "1 - K i",
    "exponential": "K^i, K below 1",
    "inverse_sigmoid": "K / (K + exp(i / K)), K at least 1",
}
"""The share of inputs that are the target's, in step i of scheduled sampling."""


def add_train(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="CSV or TSV, a source and its target in each row; or a text file "
                        "with a source on each line; - is the standard input")
    parser.add_argument("targets", metavar="TARGETS", nargs="?",
                        help="a text file with the target of each line of FILE (default: FILE has the targets)")
    group = add_model(parser, "seq2seq.safetensors", 256, bidirectional=True)
    group.add_argument("--attention", choices=ATTENTIONS, default="general",
                       help="how the decoder looks at the encoder's steps (default: %(default)s)")
    add_output(group, "decoder's embedding")
    _add_sampling(parser)
    parser.add_argument("--validation-targets", metavar="FILE",
                        help="with TARGETS: the target of each line of the file of --validation")
    group = add_vocabulary(parser)
    add_tokens(group, "words", "--source-tokens", "sources")
    add_tokens(group, "words", "--target-tokens", "targets")
    add_table(parser, ("SOURCE", "TARGET"))
    add_training(parser, 20, 64, 0.05)


def _add_sampling(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("scheduled sampling")
    group.add_argument("--sampling", choices=("none", *DECAYS), default="none",
                       help="how the share of the model's own tokens grows from step to step (default: %(default)s, "
                       "teacher forcing)")
    group.add_argument("--sampling-k", type=number(0, float("inf"), open_low=True, open_high=True), metavar="K",
                       help="the share of the target's tokens in step i is, for "
                       + "; for ".join(f"{name}, {text}" for name, text in DECAYS.items()))
    group.add_argument("--sampling-floor", type=number(0, 1), metavar="X",
                       help="the least share of the target's tokens (default: 0)")


def train_seq2seq(arguments: argparse.Namespace) -> None:
    check_files(arguments)
    check_vocabulary(arguments, "--source-tokens", "--target-tokens")
    if arguments.targets is not None:
        for flag, given in (
            ("--columns", arguments.columns), ("--delimiter", arguments.delimiter), ("--header", arguments.header)
        ):  # fmt: skip
            if given is not None:
                raise UsageError(f"{flag}: is of one file with columns, and has no effect with TARGETS")
    sampling = _sampling(arguments)
    start = started(arguments, EncoderDecoder)
    pairs = _pairs(arguments, arguments.file, arguments.targets)
    model = _new(arguments, pairs) if start is None else start
    if start is not None:
        for column, vocabulary in enumerate((start.vocabulary, start.target_vocabulary)):
            unknown = UnknownTokens(vocabulary, f"the {('sources', 'targets')[column]}")
            unknown.add(pair[column] for pair in pairs)
            unknown.tell()
    if arguments.validation_targets is not None and not (arguments.targets and isinstance(arguments.validation, str)):
        raise UsageError("--validation-targets: is of TARGETS, with a file of --validation")
    if arguments.targets and isinstance(arguments.validation, str) and arguments.validation_targets is None:
        raise UsageError("--validation: with TARGETS, give --validation-targets, too")
    validation = held_out(
        arguments, len(pairs), "pairs", lambda path: _pairs(arguments, path, arguments.validation_targets)
    )
    train(model, pairs, arguments, validation, batch_size=batch_size(arguments, len(pairs)), sampling=sampling)


def _new(arguments: argparse.Namespace, pairs: list[Any]) -> EncoderDecoder:
    def vocabulary(kind: str, column: int, specials: tuple[str, ...]) -> Vocabulary:
        texts = in_bytes(pair[column] for pair in pairs)
        return Vocabulary(kind, texts, specials=specials, **vocabulary_settings(arguments, kind))

    source = vocabulary(arguments.source_tokens, 0, ("<unk>",))
    target = vocabulary(arguments.target_tokens, 1, ("<unk>", "<bos>", "<eos>"))
    return make(
        lambda: EncoderDecoder(
            source, target, arguments.hidden, bidirectional=arguments.bidirectional, attention=arguments.attention,
            **output_settings(arguments), **network_settings(arguments),
        )
    )  # fmt: skip


def _sampling(arguments: argparse.Namespace) -> Any:
    name, k = arguments.sampling, arguments.sampling_k
    if name == "none":
        if k is not None or arguments.sampling_floor is not None:
            raise UsageError("--sampling-k, --sampling-floor: are of --sampling")
        return name
    if k is None:
        raise UsageError(f"--sampling {name} needs --sampling-k K: the target's share in step i is {DECAYS[name]}")
    if (name == "exponential" and k >= 1) or (name == "inverse_sigmoid" and k < 1):
        raise UsageError(f"--sampling-k: {k:g} is no K of {name}, which is {DECAYS[name]}")
    return {"sampling": name, "sampling_k": k, "sampling_floor": arguments.sampling_floor or 0.0}


def _pairs(arguments: argparse.Namespace, file: str, target_file: str | None) -> list[Any]:
    if target_file is None:
        return [row.fields for row in read_columns(file, table_of(arguments, "SOURCE", "TARGET"))]
    sources, targets = read_lines(file), read_lines(target_file)
    if len(sources) != len(targets):
        raise DataError(
            f"{name_of(file)} has {counted(len(sources), 'line')}, and {name_of(target_file)} {len(targets)}: each "
            "source needs its target on the line of the same number"
        )
    pairs = [pair for pair in zip(sources, targets) if any(pair)]
    if not pairs:
        raise DataError(f"{name_of(file)}: has no lines")
    return pairs


def add_translate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="the file of an encoder and decoder")
    add_source(parser, "a source on each line; of an empty line an empty line comes out")
    parser.add_argument("--length", type=whole(1), default=200, metavar="K",
                        help="tokens at most (default: %(default)s)")
    parser.add_argument("--count", type=whole(1, 65536), metavar="K",
                        help="targets of each source, each behind its log P, and an empty line behind the last one "
                        "(default: one target, without its log P)")
    add_search(parser, 0.0)
    add_common(parser)


def translate(arguments: argparse.Namespace) -> None:
    settings = search_settings(arguments)
    model = load_model(arguments.model, EncoderDecoder)
    chunks = source_chunks(arguments.file, arguments, "SOURCE")
    if arguments.beams == 1 and settings["temperature"] > 0:
        # Draws depend on the place of a source among the others: so all are one batch.
        chunks = iter([[line for lines in chunks for line in lines]])
    unknown = UnknownTokens(model.vocabulary, name_of(arguments.file))
    for lines in chunks:
        unknown.add(lines)
        for _, found in answered(
            lines, lambda full: model.generate(full, arguments.length, details=True, **settings)
        ):
            for one in found or ():
                print(one.text if arguments.count is None else f"{one.log_probability:.4f}\t{one.text}")
            if arguments.count is not None or found is None:
                print()
        sys.stdout.flush()
    unknown.tell()
