"""A tagger: for each character of Python source, what it is part of (keyword, name, string, comment, ...).

Learns from files of Python's own library, which its own module tokenize has labelled, and is tested on files that were
held out. A piece of source is 100 to 200 characters long and begins anywhere, so that whether a quotation mark opens or
closes a string must be told from what follows: a bidirectional LSTM reads from both ends, and is beside one that reads
forward only. Prints accuracy, macro F1, and F1 by label. Needs Python's library only.
"""

from __future__ import annotations

import builtins
import io
import keyword
import os
import tokenize
from pathlib import Path

import numpy as np

from common import arguments, curves, table
from swiftrnn.models import Tagger, Vocabulary

LABELS = ["space", "name", "keyword", "builtin", "number", "string", "comment", "operator"]
BUILTINS = frozenset(dir(builtins))
KINDS = {tokenize.NUMBER: "number", tokenize.STRING: "string", tokenize.COMMENT: "comment", tokenize.OP: "operator"}


def labelled(source: str) -> np.ndarray:
    """The number of the label of each character."""
    found = np.full(len(source), LABELS.index("space"))
    starts = np.cumsum([0, *(len(line) for line in source.splitlines(keepends=True))])
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.NAME:
            label = "keyword" if keyword.iskeyword(token.string) else "builtin" if token.string in BUILTINS else "name"
        elif token.type in KINDS:
            label = KINDS[token.type]
        else:
            continue
        (row, column), (last_row, last_column) = token.start, token.end
        found[starts[row - 1] + column : starts[last_row - 1] + last_column] = LABELS.index(label)
    return found


def pieces(files: list[Path], count: int, generator: np.random.Generator) -> list[tuple[str, np.ndarray]]:
    """Pairs of a piece of source and its labels, from random places of all files."""
    texts = [(source, labelled(source)) for source in (path.read_text(encoding="utf-8") for path in files)]
    sizes = np.array([len(source) for source, _ in texts])
    found = []
    for number in generator.choice(len(texts), count, p=sizes / sizes.sum()):
        source, labels = texts[number]
        start = int(generator.integers(max(1, len(source) - 200)))
        end = start + int(generator.integers(100, 201))
        found.append((source[start:end], labels[start:end]))
    return found


def f1(confusion: np.ndarray) -> np.ndarray:
    """F1 of each label: 2 right / (times it is there + times it is predicted)."""
    return 2 * confusion.diagonal() / np.maximum(confusion.sum(axis=0) + confusion.sum(axis=1), 1)


def main() -> None:
    options = arguments(
        __doc__,
        pieces=(4000, 400, "pieces of source to learn from"),
        epochs=(5, 6, "times through them"),
        hidden=(96, 32, "size of the LSTM in each direction"),
    )
    generator = np.random.default_rng(options.seed)
    files = sorted(path for path in Path(os.__file__).parent.glob("*.py") if path.read_bytes().isascii())
    files = [files[number] for number in generator.permutation(len(files))[: 24 if options.quick else 120]]
    cut = len(files) // 5
    test, validation = (
        pieces(part, options.pieces // 8, generator) for part in (files[:cut], files[cut : 2 * cut])
    )
    train = pieces(files[2 * cut :], options.pieces, generator)
    characters = Vocabulary("characters", [source for source, _ in train])
    counts = [sum(len(source) for source, _ in part) for part in (train, test)]
    print(f"{counts[0]} characters of {len(files) - 2 * cut} files to learn from, {counts[1]} of {cut} others to test\n")

    rows, histories = [], {}
    for name, bidirectional in (("both directions", True), ("forward only", False)):
        model = Tagger(
            characters, len(LABELS), options.hidden, embedding_size=32, bidirectional=bidirectional, seed=options.seed
        )
        histories[name] = model.fit(
            train, validation=validation, epochs=options.epochs, batch_size=16, rate=1e-2, schedule="cosine",
            seed=options.seed, progress=options.progress,
        )  # fmt: skip
        confusion = np.zeros((len(LABELS), len(LABELS)), int)
        predicted = model.predict([source for source, _ in test])
        for labels, (_, right) in zip(predicted, test):
            np.add.at(confusion, (right, labels), 1)
        scores = f1(confusion)
        rows.append((name, confusion.trace() / confusion.sum(), scores.mean(), *scores))
        if bidirectional:
            line = "print('It is', 12 + len(os))  # all"
            marks = "".join(" nkb1s#o"[label] for label in model.predict([line])[0])
            example = f"{line}\n{marks}\n"
    shown = [(name, *(f"{share:.2%}" for share in row)) for name, *row in rows]
    table(["held-out source", "accuracy", "macro F1", *LABELS], shown)
    print(example)
    curves(options.output / "tagger.png", "cross-entropy, nats per character", histories)


if __name__ == "__main__":
    main()
