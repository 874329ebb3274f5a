"""train-seq2seq, translate: a text for a text."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from ..models import EncoderDecoder, Vocabulary
from ..models._decoders import ATTENTIONS
from ._failures import DataError, UsageError
from ._loading import load_model
from ._options import (
    add_common, add_model, add_search, add_source, add_table, add_tokens, add_training, add_vocabulary, number, whole
)  # fmt: skip
from ._readers import counted, name_of, read_lines
from ._tables import read_columns, source_chunks, table_of
from ._training import batch_size, check_files, held_out, make, train

DECAYS = {
    "linear": "1 - K i",
    "exponential": "K^i, K below 1",
    "inverse_sigmoid": "K / (K + exp(i / K)), K at least 1",
}
"""The share of inputs that are the target's, in step i of scheduled sampling."""


def add_train(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="CSV or TSV, a source and its target in each row; or a text file "
                        "with a source on each line; - is the standard input")
    parser.add_argument("targets", metavar="TARGETS", nargs="?", help="a text file with the target of each line of FILE")
    add_model(parser, "seq2seq.safetensors", 256, bidirectional=True)
    parser.add_argument("--attention", choices=ATTENTIONS, default="general", help="default: general")
    parser.add_argument("--tie-embedding", action="store_true",
                        help="the last layer has the decoder's embedding for its weights (E = H)")
    parser.add_argument("--sampling", choices=("none", *DECAYS), default="none",
                        help="scheduled sampling, whose share of the model's own tokens grows from step to step "
                        "(default: none, teacher forcing)")
    parser.add_argument("--sampling-k", type=number(0, float("inf"), open_low=True, open_high=True), metavar="K",
                        help="of scheduled sampling: the share of the target's tokens in step i is, for "
                        + "; for ".join(f"{name}, {text}" for name, text in DECAYS.items()))
    parser.add_argument("--sampling-floor", type=number(0, 1), default=0.0, metavar="X",
                        help="the least share of the target's tokens (default: 0)")
    parser.add_argument("--validation-targets", metavar="FILE",
                        help="with TARGETS: the target of each line of the file of --validation")
    group = add_vocabulary(parser)
    add_tokens(group, "words", "--source-tokens", "sources")
    add_tokens(group, "words", "--target-tokens", "targets")
    add_table(parser, ("SOURCE", "TARGET"), ("1", "2"))
    add_training(parser, 20, 64, 0.05)


def train_seq2seq(arguments: argparse.Namespace) -> None:
    check_files(arguments)
    if arguments.lowercase and "words" not in (arguments.source_tokens, arguments.target_tokens):
        raise UsageError("--lowercase: is of words")
    sampling = _sampling(arguments)
    pairs = _pairs(arguments, arguments.file, arguments.targets)

    def vocabulary(kind: str, column: int, specials: tuple[str, ...]) -> Vocabulary:
        return Vocabulary(
            kind, [pair[column] for pair in pairs], specials=specials,
            lowercase=arguments.lowercase and kind == "words", minimum_count=arguments.minimum_count,
            maximum_size=arguments.maximum_size,
        )  # fmt: skip

    source = vocabulary(arguments.source_tokens, 0, ("<unk>",))
    target = vocabulary(arguments.target_tokens, 1, ("<unk>", "<bos>", "<eos>"))
    model = make(
        lambda: EncoderDecoder(
            source, target, arguments.hidden, embedding_size=arguments.embedding, cell=arguments.cell,
            num_layers=arguments.layers, bidirectional=arguments.bidirectional, attention=arguments.attention,
            tie_embedding=arguments.tie_embedding, dropout=arguments.dropout, sizes=dict(arguments.sizes), dtype=arguments.dtype, seed=arguments.seed,
        )
    )  # fmt: skip
    if arguments.validation_targets is not None and not (arguments.targets and isinstance(arguments.validation, str)):
        raise UsageError("--validation-targets: is of TARGETS, with a file of --validation")
    if arguments.targets and isinstance(arguments.validation, str) and arguments.validation_targets is None:
        raise UsageError("--validation: with TARGETS, give --validation-targets, too")
    validation = held_out(
        arguments, len(pairs), "pairs", lambda path: _pairs(arguments, path, arguments.validation_targets)
    )
    train(model, pairs, arguments, validation, batch_size=batch_size(arguments, len(pairs)), sampling=sampling)


def _sampling(arguments: argparse.Namespace) -> Any:
    name, k = arguments.sampling, arguments.sampling_k
    if name == "none":
        if k is not None or arguments.sampling_floor:
            raise UsageError("--sampling-k, --sampling-floor: are of --sampling")
        return name
    if k is None:
        raise UsageError(f"--sampling {name} needs --sampling-k K: the target's share in step i is {DECAYS[name]}")
    if (name == "exponential" and k >= 1) or (name == "inverse_sigmoid" and k < 1):
        raise UsageError(f"--sampling-k: {k:g} is no K of {name}, which is {DECAYS[name]}")
    return {"sampling": name, "sampling_k": k, "sampling_floor": arguments.sampling_floor}


def _pairs(arguments: argparse.Namespace, file: str, target_file: str | None) -> list[Any]:
    if target_file is None:
        return [row.fields for row in read_columns(file, table_of(arguments))]
    sources, targets = read_lines(file), read_lines(target_file)
    if len(sources) != len(targets):
        raise DataError(f"{name_of(file)} has {counted(len(sources), 'line')}, and {name_of(target_file)} {len(targets)}")
    pairs = [pair for pair in zip(sources, targets) if any(pair)]
    if not pairs:
        raise DataError(f"{name_of(file)}: has no lines")
    return pairs


def add_translate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="the file of an encoder and decoder")
    add_source(parser, "a source on each line; of an empty line an empty line comes out")
    parser.add_argument("--length", type=whole(1), default=200, metavar="K", help="tokens at most (default: 200)")
    parser.add_argument("--count", type=whole(1, 65536), metavar="K",
                        help="targets of each source, each behind its log P, and an empty line behind the last one")
    add_search(parser, 0.0)
    add_common(parser)


def translate(arguments: argparse.Namespace) -> None:
    if (arguments.count or 1) > arguments.beams > 1:
        raise UsageError(f"--count: {arguments.count} is more than {arguments.beams} beams")
    model = load_model(arguments.model, EncoderDecoder)
    chunks = source_chunks(arguments.file, arguments)
    if arguments.beams == 1 and arguments.temperature > 0:
        # Draws depend on the place of a source among the others: so all are one batch.
        chunks = iter([[line for lines in chunks for line in lines]])
    for lines in chunks:
        full = [line for line in lines if line.strip()]
        found = iter(_written(model, full, arguments) if full else ())
        for line in lines:
            for one in next(found) if line.strip() else ():
                print(one.text if arguments.count is None else f"{one.log_probability:.4f}\t{one.text}")
            if arguments.count is not None or not line.strip():
                print()
        sys.stdout.flush()


def _written(model: EncoderDecoder, lines: list[str], arguments: argparse.Namespace) -> Any:
    return model.generate(
        lines, arguments.length, temperature=arguments.temperature, top_k=arguments.top_k, top_p=arguments.top_p,
        repetition_penalty=arguments.repetition_penalty, beams=arguments.beams,
        length_penalty=arguments.length_penalty, seed=arguments.seed, count=arguments.count or 1, details=True,
    )  # fmt: skip
