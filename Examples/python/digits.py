"""Handwritten digits as sequences of pixels: scikit-learn's 8 by 8 pictures, read one pixel at a time, 64 steps.

A many-to-one classifier: a GRU of one direction with its last state, and one of both directions with attention over all
states (Yang et al. 2016), below a linear layer. Prints the accuracy on pictures that were held out, beside the nearest
of the training pictures.
"""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_digits

from common import arguments, curves, table
from swiftrnn.models import Classifier, Features


def main() -> None:
    options = arguments(
        __doc__,
        epochs=(60, 12, "times through the training pictures"),
        hidden=(64, 48, "size of the GRU"),
    )
    digits = load_digits()
    order = np.random.default_rng(options.seed).permutation(len(digits.target))
    pixels, labels = digits.data[order].astype(np.float32) / 16, digits.target[order]
    cut = len(labels) // 5
    data = [(picture[:, None], int(label)) for picture, label in zip(pixels, labels)]
    test, validation, train = data[:cut], data[cut : 2 * cut], data[2 * cut :]
    print(f"{len(train)} pictures to learn from, {len(validation)} to validate, {len(test)} to test\n")

    distances = ((pixels[:cut, None] - pixels[None, 2 * cut :]) ** 2).sum(axis=-1)
    nearest = (labels[2 * cut :][distances.argmin(axis=1)] == labels[:cut]).mean()
    rows, histories = [("nearest training picture", "", f"{nearest:.2%}")], {}
    for name, pooling in (("forward, last state", "last"), ("both directions, attention", "attention")):
        model = Classifier(
            Features(1), 10, options.hidden, cell="gru", bidirectional=pooling == "attention", pooling=pooling,
            attention_size=64, seed=options.seed,
        )  # fmt: skip
        histories[name] = model.fit(
            train, validation=validation, epochs=options.epochs, batch_size=32, rate=1e-2, schedule="cosine",
            seed=options.seed, progress=options.progress, patience=options.epochs,
        )  # fmt: skip
        result = model.evaluate(test)
        rows.append((f"GRU, {name}", f"{result.loss:.4f}", f"{result.accuracy:.2%}"))
    table(["held-out pictures", "cross-entropy", "accuracy"], rows)
    read = model.predict([picture for picture, _ in test[:10]])
    print(f"the first ten are {[label for _, label in test[:10]]}, read as {read}")
    curves(options.output / "digits.png", "cross-entropy, nats", histories)


if __name__ == "__main__":
    main()
