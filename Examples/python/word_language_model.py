"""A word language model of English prose from Python itself: its help texts and the docstrings of its library.

An LSTM whose output layer shares the embedding's table (Press, Wolf 2017) learns to predict the next word. Prints its
perplexity on documents that were held out, beside the perplexity of an interpolated bigram model (Jelinek, Mercer 1980)
whose weights come from the same validation documents; then samples. Needs Python's library only.
"""

from __future__ import annotations

import ast
import math
import os
import re
from pathlib import Path

import numpy as np
from pydoc_data.topics import topics

from common import arguments, curves, table
from swiftrnn.models import LanguageModel, Vocabulary


def documents(docstrings: bool) -> list[str]:
    """Help topics and, if asked for, the docstrings of each module: their paragraphs of prose, each kept once."""
    texts = [topics[name] for name in sorted(topics)]
    library = Path(os.__file__).parent
    for path in sorted((*library.glob("*.py"), *library.glob("[a-z]*/*.py"))) if docstrings else ():
        if not path.match("*-packages/*") and "test" not in str(path.relative_to(library)):
            nodes = ast.walk(ast.parse(path.read_bytes()))
            kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
            strings = (ast.get_docstring(node) for node in nodes if isinstance(node, kinds))
            texts.append("\n\n".join(filter(None, strings)))
    seen: dict[str, None] = {}
    found = []
    for text in texts:
        paragraphs = [" ".join(part.split()) for part in re.split(r"\n\s*\n", text)]
        kept = [part for part in paragraphs if part not in seen and is_prose(part)]
        seen.update(dict.fromkeys(kept))
        found.append("\n".join(dict.fromkeys(kept)))
    return found


def is_prose(paragraph: str) -> bool:
    """Whether a paragraph is neither code nor a table nor a heading."""
    letters = sum(character.isalpha() or character == " " for character in paragraph)
    return len(paragraph) >= 60 and letters >= 0.88 * len(paragraph)


def split(texts: list[str], seed: int) -> list[str]:
    """Training, validation and test text: each document is in one of them, with 80, 10 and 10 % of the characters."""
    parts: list[list[str]] = [[], [], []]
    total, done = sum(map(len, texts)), 0
    for number in np.random.default_rng(seed).permutation(len(texts)):
        parts[0 if done < 0.8 * total else 1 if done < 0.9 * total else 2].append(texts[number])
        done += len(texts[number])
    return ["\n".join(part) for part in parts]


class Bigram:
    """P(w | v) = a c(v w) / c(v) + b c(w) / N + (1 - a - b) / V, with a and b by expectation maximisation."""

    def __init__(self, train: np.ndarray, validation: np.ndarray, size: int) -> None:
        self.size = size
        self.unigrams = np.bincount(train, minlength=size)
        self.firsts = np.bincount(train[:-1], minlength=size)
        pairs, counts = np.unique(train[:-1] * size + train[1:], return_counts=True)
        self.pairs = dict(zip(pairs.tolist(), counts.tolist()))
        self.weights = np.full(3, 1 / 3)
        estimates = self.estimates(validation)
        for _ in range(50):
            shares = self.weights * estimates
            self.weights = (shares / shares.sum(axis=1, keepdims=True)).mean(axis=0)

    def estimates(self, ids: np.ndarray) -> np.ndarray:
        """Bigram, unigram and uniform probability of each word but the first: [count, 3]."""
        keys = (ids[:-1] * self.size + ids[1:]).tolist()
        pairs = np.array([self.pairs.get(key, 0) for key in keys])
        return np.stack(
            [
                pairs / np.maximum(self.firsts[ids[:-1]], 1),
                self.unigrams[ids[1:]] / self.unigrams.sum(),
                np.full(len(ids) - 1, 1 / self.size),
            ],
            axis=1,
        )

    def perplexity(self, ids: np.ndarray) -> float:
        return math.exp(-np.log(self.estimates(ids) @ self.weights).mean())


def main() -> None:
    options = arguments(
        __doc__,
        epochs=(8, 1, "times through the training text"),
        hidden=(192, 64, "size of the LSTM and of the embedding"),
        words=(5000, 1000, "size of the vocabulary"),
    )
    texts = split(documents(docstrings=not options.quick), options.seed)
    vocabulary = Vocabulary("words", texts[:1], lowercase=True, minimum_count=2, maximum_size=options.words)
    ids = [vocabulary.encode(text) for text in texts]
    known = [np.mean(part != vocabulary["<unk>"]) for part in ids]
    print(f"{len(ids[0])} words to learn from, {len(ids[1])} to validate, {len(ids[2])} to test;")
    print(f"{len(vocabulary)} in the vocabulary, which knows {known[0]:.1%}, {known[1]:.1%} and {known[2]:.1%} of them\n")

    model = LanguageModel(vocabulary, options.hidden, tie_embedding=True, dropout=0.3, seed=options.seed)
    history = model.fit(
        ids[0], validation=ids[1], epochs=options.epochs, batch_size=16, steps=32, rate=4e-3, schedule="cosine",
        optimizer="adamw", patience=4, seed=options.seed, progress=options.progress,
    )  # fmt: skip
    bigram = Bigram(ids[0], ids[1], len(vocabulary))
    rows = [("bigram, interpolated", *(f"{bigram.perplexity(part):.1f}" for part in ids))]
    rows += [("LSTM", *(f"{model.evaluate(part, batch_size=1).perplexity:.1f}" for part in ids))]
    table(["perplexity", "training", "validation", "test"], rows)

    for prompt in ("the expression", "if the object", "a class"):
        # <unk> is a word to the model; drawing from the 40 likeliest words leaves most of them out.
        text = model.generate(prompt, length=40, temperature=0.8, top_k=40, seed=options.seed)
        print(f"{prompt} ... {text}\n")
    curves(options.output / "word_language_model.png", "cross-entropy, nats per word", {"LSTM": history})


if __name__ == "__main__":
    main()
