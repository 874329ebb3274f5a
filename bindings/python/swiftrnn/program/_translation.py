"""train-seq2seq, translate: a text for a text."""

from __future__ import annotations

import argparse
from typing import Any

from ..models import EncoderDecoder, Vocabulary
from ..models._decoders import ATTENTIONS
from ._failures import DataError, UsageError
from ._loading import load_model
from ._options import add_common, add_model, add_search, add_table, add_tokens, add_training, add_vocabulary, whole
from ._readers import Table, name_of, read_columns, read_lines
from ._training import batch_size, check_outputs, held_out, make, train


def add_train(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="CSV or TSV, a source and its target in each row; or a text file "
                        "with a source on each line")
    parser.add_argument("targets", metavar="TARGETS", nargs="?", help="a text file with the target of each line of FILE")
    add_model(parser, "seq2seq.safetensors", 256, bidirectional=True)
    parser.add_argument("--attention", choices=ATTENTIONS, default="general", help="default: general")
    parser.add_argument("--sampling", choices=("none", "linear", "exponential", "inverse_sigmoid"), default="none",
                        help="scheduled sampling (default: none, teacher forcing)")
    group = add_vocabulary(parser)
    add_tokens(group, "words", "--source-tokens", "sources")
    add_tokens(group, "words", "--target-tokens", "targets")
    add_table(parser, ("SOURCE", "TARGET"), ("1", "2"))
    add_training(parser, 20, 64, 0.05)


def train_seq2seq(arguments: argparse.Namespace) -> None:
    check_outputs(arguments)
    if arguments.lowercase and "words" not in (arguments.source_tokens, arguments.target_tokens):
        raise UsageError("--lowercase: is of words")
    pairs = _pairs(arguments)

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
            dropout=arguments.dropout, dtype=arguments.dtype, seed=arguments.seed,
        )
    )  # fmt: skip
    validation = held_out(arguments, len(pairs), lambda path: read_columns(path, _table(arguments)))
    train(model, pairs, arguments, validation, batch_size=batch_size(arguments), sampling=arguments.sampling)


def _table(arguments: argparse.Namespace) -> Table:
    return Table(arguments.columns, arguments.header, arguments.delimiter)


def _pairs(arguments: argparse.Namespace) -> list[Any]:
    if arguments.targets is None:
        return list(read_columns(arguments.file, _table(arguments)))
    sources, targets = read_lines(arguments.file), read_lines(arguments.targets)
    if len(sources) != len(targets):
        raise DataError(
            f"{name_of(arguments.file)} has {len(sources)} lines, and {name_of(arguments.targets)} {len(targets)}"
        )
    pairs = [pair for pair in zip(sources, targets) if any(pair)]
    if not pairs:
        raise DataError(f"{name_of(arguments.file)}: has no lines")
    return pairs


def add_translate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="the file of an encoder and decoder")
    parser.add_argument("file", metavar="TEXT", nargs="?", default="-",
                        help="a source on each line (default: the standard input)")
    parser.add_argument("--length", type=whole(1), default=200, metavar="K", help="tokens at most (default: 200)")
    parser.add_argument("--count", type=whole(1, 65536), metavar="K",
                        help="targets of each source, with log P before each and an empty line behind the last one")
    add_search(parser, 0.0)
    add_common(parser)


def translate(arguments: argparse.Namespace) -> None:
    if (arguments.count or 1) > arguments.beams > 1:
        raise UsageError(f"--count: {arguments.count} is more than {arguments.beams} beams")
    model = load_model(arguments.model, EncoderDecoder)
    if model.target_vocabulary is None:
        raise DataError(f"{arguments.model}: has no vocabulary of what it writes: use it from Python")
    lines = read_lines(arguments.file)
    found = model.generate(
        lines, arguments.length, temperature=arguments.temperature, top_k=arguments.top_k, top_p=arguments.top_p,
        repetition_penalty=arguments.repetition_penalty, beams=arguments.beams,
        length_penalty=arguments.length_penalty, seed=arguments.seed, count=arguments.count or 1, details=True,
    )  # fmt: skip
    for written in found:
        for one in written:
            print(one.text if arguments.count is None else f"{one.log_probability:.4f}\t{one.text}")
        if arguments.count is not None:
            print()
