"""Dates in three shapes: a vector, ISO 8601 ("1987-03-09"), and English ("Monday, the 9th of March 1987").

One to many: a decoder that reads a vector at every step (day, month and digits of the year, one-hot) spells the date.
Many to many: an encoder and a decoder with attention translate English, in several forms, into ISO, and ISO into one
English form. Each is tested on dates that it has not seen: the share that is written without a mistake, greedily and
with beam search, over the dates of 1900 to 2099.
"""

from __future__ import annotations

import datetime

import numpy as np

from common import arguments, curves, table
from swiftrnn.models import EncoderDecoder, VectorDecoder, Vocabulary

MONTHS = "January February March April May June July August September October November December".split()


def dates(count: int, seed: int) -> list[datetime.date]:
    """Different dates of 1900 to 2099."""
    first = datetime.date(1900, 1, 1).toordinal()
    days = datetime.date(2100, 1, 1).toordinal() - first
    chosen = np.random.default_rng(seed).choice(days, count, replace=False)
    return [datetime.date.fromordinal(first + int(day)) for day in chosen]


def vector(date: datetime.date) -> np.ndarray:
    """75 numbers: day (31), month (12), last three digits of the year (10 each), first one (1 or 2), all one-hot."""
    found = np.zeros(31 + 12 + 30 + 2, np.float32)
    thousands, hundreds, tens, ones = map(int, str(date.year))
    for place in (date.day - 1, 30 + date.month, 43 + hundreds, 53 + tens, 63 + ones, 72 + thousands):
        found[place] = 1
    return found


def ordinal(day: int) -> str:
    return f"{day}{'th' if 10 < day < 20 else {1: 'st', 2: 'nd', 3: 'rd'}.get(day % 10, 'th')}"


def english(date: datetime.date, form: int) -> str:
    """One of four ways to write a date."""
    month, day = MONTHS[date.month - 1], date.day
    return (
        f"the {ordinal(day)} of {month} {date.year}",
        f"{month} {day}, {date.year}",
        f"{date:%A}, {day} {month} {date.year}",
        f"{day} {month[:3]} {date.year}",
    )[form]


def exact(model: EncoderDecoder | VectorDecoder, data: list, beams: int) -> float:
    """The share of targets that the model writes without a mistake."""
    written = model.predict([source for source, _ in data], length=40, beams=beams)
    return sum(text == target for text, (_, target) in zip(written, data)) / len(data)


def main() -> None:
    options = arguments(
        __doc__,
        dates=(8000, 1500, "dates to learn from"),
        epochs=(6, 8, "times through the dates"),
        hidden=(128, 64, "size of encoders and decoders"),
    )
    held_out = 100 if options.quick else 1000
    chosen = dates(options.dates + 2 * held_out, options.seed)
    forms = np.random.default_rng(options.seed).integers(4, size=len(chosen))
    shapes = {
        "vector -> ISO": [(vector(date), date.isoformat()) for date in chosen],
        "English -> ISO": [(english(date, form), date.isoformat()) for date, form in zip(chosen, forms)],
        "ISO -> English": [(date.isoformat(), english(date, 0)) for date in chosen],
    }
    rows, histories, shown = [], {}, []
    for name, data in shapes.items():
        written = Vocabulary("characters", [target for _, target in data], specials=("<bos>", "<eos>"))
        keywords = {"embedding_size": options.hidden // 2, "seed": options.seed}
        model: EncoderDecoder | VectorDecoder
        if name == "vector -> ISO":
            model = VectorDecoder(len(data[0][0]), written, options.hidden, vector_use="input", **keywords)
        else:
            source = Vocabulary("characters", [source for source, _ in data], specials=())
            model = EncoderDecoder(source, written, options.hidden, bidirectional=True, **keywords)
        test, validation, train = data[:held_out], data[held_out : 2 * held_out], data[2 * held_out :]
        histories[name] = model.fit(
            train, validation=validation, epochs=options.epochs, batch_size=32, rate=5e-3, schedule="cosine",
            seed=options.seed, progress=options.progress,
        )  # fmt: skip
        rows.append((name, f"{exact(model, test, 1):.2%}", f"{exact(model, test, 4):.2%}"))
        for number in (0, 1):
            text = model.predict([test[number][0]], length=40)[0]
            shown.append(f"{chosen[number] if name.startswith('vector') else test[number][0]} -> {text}")
    table(["exact on held-out dates", "greedy", "4 beams"], rows)
    print(*shown, sep="\n")
    curves(options.output / "iso_dates.png", "cross-entropy, nats per character", histories)


if __name__ == "__main__":
    main()
