"""Writing by models: options, and results."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _c as c
from .._arguments import integer, real, unsigned
from .._arrays import address
from ._batch import Batch, CheckedBatch
from ._passes import Passes
from ._vocabulary import Vocabulary


@dataclasses.dataclass(frozen=True)
class Generated:
    """A sequence that a model has written.

    Attributes
    ----------
    text : str or None
        Without prompt and special tokens; None: the model has no vocabulary.
    ids : ndarray of int64 [length]
        Without prompt and start token; with the end token, if that came.
    log_probability : float
        log P of these tokens by the model itself, before temperature and penalties, in nats.
    score : float
        The order of a search: log P divided by the length penalty.
    """

    text: str | None
    ids: NDArray[np.int64]
    log_probability: float
    score: float

    @property
    def value(self) -> Any:
        """The text, or the ids of a model without a vocabulary."""
        return self.ids if self.text is None else self.text


def options(
    length: int,
    start: int,
    end: int | None,
    temperature: float | None,
    usual_temperature: float,
    top_k: int,
    top_p: float,
    repetition_penalty: float,
    beams: int,
    length_penalty: float,
    seed: int | None,
) -> c.GenerationOptions:
    """The library's struct of the options.

    Raises
    ------
    ValueError
        An option is out of its range, or is of drawing and there is a search, or the other way round.
    """
    searches = integer(beams, "beams", 1, 4096) > 1
    if temperature is None:
        temperature = 0.0 if searches else usual_temperature
    _check_used(beams, real(temperature, "temperature"), top_k, top_p, length_penalty)
    made = c.GenerationOptions(
        length=integer(length, "length", 0, 2**31),
        start=start,
        end=-1 if end is None else end,
        temperature=real(temperature, "temperature"),
        top_k=integer(top_k, "top_k", 0),
        top_p=real(top_p, "top_p"),
        repetition_penalty=real(repetition_penalty, "repetition_penalty"),
        beams=integer(beams, "beams", 1, 4096),
        length_penalty=real(length_penalty, "length_penalty"),
    )
    if made.top_p == 0:
        raise ValueError("top_p: 0.0 is outside (0, 1]")
    if made.repetition_penalty == 0:
        raise ValueError("repetition_penalty: 0.0 is not above 0")
    if seed is not None:
        made.seeded, made.seed = 1, unsigned(seed, "seed")
    return made


def _check_used(beams: int, temperature: float, top_k: Any, top_p: Any, length_penalty: Any) -> None:
    """Refuses options that would not be looked at: those of drawing where nothing is drawn, those of a search without
    one."""
    drawing = (("top_k", integer(top_k, "top_k", 0), 0), ("top_p", real(top_p, "top_p"), 1))
    if beams == 1 and real(length_penalty, "length_penalty") != 0:
        raise ValueError("length_penalty: is of a search: give beams above 1, or leave it out")
    if beams > 1:
        for name, value, unused in (("temperature", temperature, 0), *drawing):
            if value != unused:
                raise ValueError(f"{name}: a search with beams={beams} draws nothing: leave out {name}, or beams")
    elif temperature == 0:
        for name, value, unused in drawing:
            if value != unused:
                raise ValueError(f"{name}: with temperature 0 nothing is drawn: give a temperature above 0, too")


def number_of_texts(count: Any, beams: Any, temperature: Any) -> int:
    """The number of texts to write for each prompt or source.

    Raises
    ------
    ValueError
        All would be the same, or a search has fewer.
    """
    wanted = 1 if count is None else integer(count, "count", 1, 65536)
    if integer(beams, "beams", 1, 4096) == 1:
        if wanted > 1 and real(temperature, "temperature") == 0:
            raise ValueError(
                f"count: with temperature 0 all {wanted} texts are the same: give a temperature above 0, or "
                f"beams={wanted} for the best of a search"
            )
    elif wanted > beams:
        raise ValueError(f"count: {wanted} is more than {beams} beams")
    return wanted


def generate(
    model: Passes, batch: Batch, made: c.GenerationOptions, vocabulary: Vocabulary | None
) -> list[list[Generated]]:
    """Sequences that a model writes for each sequence of a batch, the best first."""
    checked = CheckedBatch(batch, model._configuration, model.dtype)
    sequences, beams, length = checked.sequences, max(1, made.beams), made.length
    tokens = np.zeros((sequences, beams, length), np.int64)
    lengths = np.zeros((sequences, beams), np.int64)
    chances, scores = np.zeros((sequences, beams)), np.zeros((sequences, beams))
    with model._handle.lock:
        c.model_generate(
            model._handle.pointer, c.byref(checked.struct), c.byref(made), c.int64s(address(tokens)),
            c.int64s(address(lengths)), c.doubles(address(chances)), c.doubles(address(scores)),
        )  # fmt: skip
    written = []
    for n in range(sequences):
        found = []
        for beam in range(beams):
            if lengths[n, beam] >= 0:
                ids = tokens[n, beam, : lengths[n, beam]].copy()
                text = None if vocabulary is None else vocabulary.decode(ids)
                found.append(Generated(text, ids, float(chances[n, beam]), float(scores[n, beam])))
        written.append(found)
    return written
