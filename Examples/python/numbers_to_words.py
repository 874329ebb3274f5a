"""Numbers to words: 305 becomes "three hundred and five" (num2words), by an encoder and a decoder.

The encoder reads digits, the decoder writes words. Trained with attention (Luong, Pham, Manning 2015) and without
(Sutskever, Vinyals, Le 2014), and tested on numbers that neither has seen: the share that is written without a mistake,
greedily and with beam search. `--reverse` learns the other direction, words to numbers.
"""

from __future__ import annotations

import numpy as np
from num2words import num2words

from common import arguments, curves, table
from swiftrnn.models import EncoderDecoder, Vocabulary


def spelled(count: int, digits: int, seed: int, reverse: bool) -> list[tuple[str, str]]:
    """Pairs (digits, words), or the other way round, of different numbers below 10^digits: of those below 1000, and of
    each further power of ten, about as many."""
    generator = np.random.default_rng(seed)
    numbers: dict[int, None] = {}
    while len(numbers) < count:
        numbers[int(generator.integers(10 ** int(generator.integers(3, digits + 1))))] = None
    pairs = [(str(number), num2words(number)) for number in numbers]
    return [(words, digits) for digits, words in pairs] if reverse else pairs


def exact(model: EncoderDecoder, data: list[tuple[str, str]], beams: int) -> float:
    """The share of targets that the model writes without a mistake."""
    written = model.predict([source for source, _ in data], length=40, beams=beams)
    return sum(same(text, target) for text, (_, target) in zip(written, data)) / len(data)


def same(text: str, target: str) -> bool:
    """Whether two texts have the same tokens: a text of words is written with one space between all tokens."""
    return text.replace(" ", "") == target.replace(" ", "")


def main() -> None:
    options = arguments(
        __doc__,
        flags={"reverse": "learn words to numbers"},
        digits=(6, 3, "of the largest number, 3 or more"),
        numbers=(12000, 600, "numbers to learn from"),
        epochs=(12, 20, "times through the training numbers"),
        hidden=(128, 64, "size of encoder and decoder"),
    )
    held_out = 1000 if not options.quick else 100
    data = spelled(options.numbers + 2 * held_out, max(3, options.digits), options.seed, options.reverse)
    test, validation, train = data[:held_out], data[held_out : 2 * held_out], data[2 * held_out :]
    kinds = ("words", "characters") if options.reverse else ("characters", "words")
    source = Vocabulary(kinds[0], [text for text, _ in data], specials=())
    target = Vocabulary(kinds[1], [text for _, text in data], specials=("<bos>", "<eos>"))
    print(f"{len(train)} pairs to learn from, such as {train[0][0]!r} -> {train[0][1]!r}; {held_out} to test\n")

    rows, histories, models = [], {}, {}
    for attention in ("general", "none"):
        name = "attention" if attention == "general" else "no attention"
        model = EncoderDecoder(
            source, target, options.hidden, embedding_size=options.hidden // 2, bidirectional=True,
            attention=attention, seed=options.seed,
        )  # fmt: skip
        histories[name] = model.fit(
            train, validation=validation, epochs=options.epochs, batch_size=32 if options.quick else 64, rate=4e-3,
            schedule="cosine", seed=options.seed, progress=options.progress,
        )  # fmt: skip
        greedy, beam = exact(model, test, 1), exact(model, test, 4)
        rows.append((name, f"{greedy:.2%}", f"{beam:.2%}"))
        models[name] = model
    table(["exact on held-out numbers", "greedy", "4 beams"], rows)

    questions = [pair[0] for pair in test[:4]]
    for question, answer in zip(questions, models["attention"].predict(questions, length=40)):
        print(f"{question} -> {answer}")
    name = "words_to_numbers" if options.reverse else "numbers_to_words"
    curves(options.output / f"{name}.png", "cross-entropy, nats per token", histories)


if __name__ == "__main__":
    main()
