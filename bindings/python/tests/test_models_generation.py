"""Writing: greedy, drawn and searched for, against plain Python over the model's own logits."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from swiftrnn.models import Batch, EncoderDecoder, LanguageModel, VectorDecoder, Vocabulary

COUNT, END = 5, 4


def log_softmax(logits: Any) -> Any:
    shifted = logits - logits.max()
    return shifted - np.log(np.exp(shifted).sum())


class Writer:
    """A model, and the log-probabilities of the token behind a beginning."""

    def __init__(self, kind: str, seed: int) -> None:
        rng, self.kind = np.random.default_rng(seed), kind
        options: Any = {"dtype": "float64", "seed": seed}
        if kind == "language model":
            letters = Vocabulary("characters", ["abc"], specials=("<bos>", "<eos>"))
            self.model: Any = LanguageModel(letters, 6, **options)
            self.begin, self.end = 0, 1
        elif kind == "vector decoder":
            self.model, self.source = VectorDecoder(3, COUNT, 6, num_layers=2, **options), rng.normal(size=3)
            self.begin, self.end = 3, END
        else:
            attention, use = kind.split()[1], "input" if kind.endswith("in the input") else "output"
            self.model = EncoderDecoder(
                6, COUNT, 6, attention=attention, attention_use=use, bidirectional=attention == "general", **options
            )
            self.source, self.begin, self.end = rng.integers(0, 6, 4), 3, END
        self.model.flat *= 3  # so that some tokens are likelier than others

    def behind(self, tokens: tuple[int, ...]) -> Any:
        read = np.array([[self.begin], *([token] for token in tokens)])
        if self.kind == "language model":
            batch = Batch(ids=read)
        elif self.kind == "vector decoder":
            batch = Batch(features=self.source[None], decoder_ids=read)
        else:
            batch = Batch(ids=self.source[:, None], decoder_ids=read)
        return log_softmax(self.model.logits(batch)[-1, 0])

    def score(self, tokens: tuple[int, ...]) -> float:
        return float(sum(self.behind(tokens[:k])[token] for k, token in enumerate(tokens)))

    def write(self, length: int, **options: Any) -> Any:
        if self.kind == "language model":
            return self.model.generate("", length, details=True, **options)
        written = self.model.generate([self.source], length, details=True, **options)
        return written[0]


KINDS = ("language model", "vector decoder", "encoder-decoder none", "encoder-decoder general",
         "encoder-decoder additive", "encoder-decoder additive in the input")  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_temperature_0_takes_the_likeliest_token_each_time(kind: str) -> None:
    writer = Writer(kind, 1)
    tokens: list[int] = []
    while len(tokens) < 12 and writer.end not in tokens:
        tokens.append(int(writer.behind(tuple(tokens)).argmax()))
    written = writer.write(12, temperature=0)
    assert written.ids.tolist() == tokens
    assert written.log_probability == pytest.approx(writer.score(tuple(tokens)), abs=1e-10)


def searched(writer: Writer, length: int, beams: int, alpha: float) -> list[tuple[float, tuple[int, ...]]]:
    """A plain beam search: the best beginnings go on, those that end are kept; the best first."""

    def penalized(total: float, count: int) -> float:
        return total / ((5 + count) / 6) ** alpha

    alive: list[tuple[float, tuple[int, ...]]] = [(0.0, ())]
    ended: list[tuple[float, tuple[int, ...]]] = []
    for step in range(length):
        grown = [(total + chance, (*tokens, token)) for total, tokens in alive
                 for token, chance in enumerate(writer.behind(tokens))]  # fmt: skip
        grown.sort(key=lambda one: -one[0])
        candidates = grown[: beams + min(beams, len(alive))]
        ended += [(penalized(total, len(t)), t) for total, t in candidates if t[-1] == writer.end]
        alive = [one for one in candidates if one[1][-1] != writer.end][:beams]
        ended = sorted(ended, key=lambda one: -one[0])[:beams]
        if not alive or (len(ended) == beams and ended[-1][0] >= penalized(alive[0][0], length)):
            return ended
    ended += [(penalized(total, len(tokens)), tokens) for total, tokens in alive]
    return sorted(ended, key=lambda one: -one[0])[:beams]


@pytest.mark.parametrize("alpha", [0.0, 0.8])
@pytest.mark.parametrize("kind", KINDS)
def test_a_search_is_the_plain_one(kind: str, alpha: float) -> None:
    writer = Writer(kind, 2)
    wanted = searched(writer, 6, 3, alpha)
    found = writer.write(6, beams=3, length_penalty=alpha, count=3)
    assert [tuple(one.ids.tolist()) for one in found] == [tokens for _, tokens in wanted]
    np.testing.assert_allclose([one.score for one in found], [score for score, _ in wanted], atol=1e-10)
    np.testing.assert_allclose([one.log_probability for one in found],
                               [writer.score(tokens) for _, tokens in wanted], atol=1e-10)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_search_with_as_many_beams_as_sequences_is_exhaustive(kind: str) -> None:
    writer, length = Writer(kind, 3), 3
    others = [token for token in range(COUNT) if token != writer.end]
    whole = [(*head, writer.end) for count in range(length) for head in itertools.product(others, repeat=count)]
    whole += list(itertools.product(others, repeat=length))
    scored = sorted(((writer.score(tokens), tokens) for tokens in whole), reverse=True)
    found = writer.write(length, beams=len(whole), count=len(whole))
    assert len(found) == len(whole) == 85
    assert [tuple(one.ids.tolist()) for one in found] == [tokens for _, tokens in scored]
    np.testing.assert_allclose([one.log_probability for one in found], [score for score, _ in scored], atol=1e-10)
    assert sum(np.exp([one.log_probability for one in found])) == pytest.approx(1, abs=1e-10)


def kept(chances: Any, top_k: int, top_p: float) -> Any:
    """Probabilities after top-k and top-p (Holtzman et al. 2020)."""
    order = np.argsort(-chances, kind="stable")
    if top_k:
        order = order[:top_k]
    cumulated = np.cumsum(chances[order] / chances[order].sum())
    order = order[: int(np.searchsorted(cumulated, top_p)) + 1]
    left = np.zeros_like(chances)
    left[order] = chances[order]
    return left / left.sum()


@pytest.mark.parametrize(
    "temperature, top_k, top_p", [(1.0, 0, 1.0), (0.5, 0, 1.0), (2.0, 3, 1.0), (1.0, 0, 0.8), (1.5, 4, 0.7)]
)
def test_frequencies_of_drawn_tokens_are_the_probabilities(temperature: float, top_k: int, top_p: float) -> None:
    model = LanguageModel(8, 6, dtype="float64", seed=5)
    model.flat *= 2
    logits = model.logits(Batch(ids=[[0]]))[0, 0]
    chances = kept(np.exp(log_softmax(logits / temperature)), top_k, top_p)
    drawn = np.concatenate(
        model.generate([0], 1, temperature=temperature, top_k=top_k, top_p=top_p, seed=1, count=20000)
    )
    counts = np.bincount(drawn, minlength=8)
    there = chances > 0
    assert counts[~there].sum() == 0 and (there.sum() < 8) == (top_k > 0 or top_p < 1)
    statistic = (((counts - 20000 * chances) ** 2)[there] / (20000 * chances[there])).sum()
    # The 99.9 % quantiles of chi-squared with 1...7 degrees of freedom.
    assert statistic < [10.83, 13.82, 16.27, 18.47, 20.52, 22.46, 24.32][int(there.sum()) - 2]


def test_repetition_penalty_is_keskars() -> None:
    """Logits of tokens that are there are divided by the penalty if positive, else multiplied."""
    model = LanguageModel(6, 5, dtype="float64", seed=1)
    model.flat *= 3
    tokens = [2]
    for _ in range(10):
        logits = model.logits(Batch(ids=np.array(tokens)[:, None]))[-1, 0]
        for token in set(tokens):
            logits[token] = logits[token] / 1.7 if logits[token] > 0 else logits[token] * 1.7
        tokens.append(int(logits.argmax()))
    assert model.generate([2], 10, temperature=0, repetition_penalty=1.7).tolist() == tokens[1:]
    assert model.generate([2], 10, temperature=0).tolist() != tokens[1:]


def test_prompts_counts_and_seeds() -> None:
    vocabulary = Vocabulary("characters", ["abcdef\n"])
    model = LanguageModel(vocabulary, 8, seed=0)
    one = model.generate("ab", 9, seed=3)
    assert isinstance(one, str) and len(one) <= 9 and one == model.generate("ab", 9, seed=3)
    assert one != model.generate("ab", 9, seed=4)
    assert model.generate(["ab"], 9, seed=3) == [one]
    several = model.generate("ab", 9, seed=3, count=3)
    assert len(several) == 3 and several[0] == one and len(set(several)) == 3
    nested = model.generate(["ab", "c"], 9, seed=3, count=2)
    assert [len(texts) for texts in nested] == [2, 2]
    assert model.generate([], 9) == [] and model.generate("ab", 0) == ""
    assert model.generate(["a", "abcdef", ""], 5, temperature=0) == [
        model.generate(prompt, 5, temperature=0) for prompt in ("a", "abcdef", "")
    ]


def test_draws_do_not_depend_on_the_batch_size() -> None:
    model = EncoderDecoder(5, 6, 8, seed=0)
    sources = [np.arange(1 + k % 5) for k in range(9)]
    drawn = [model.generate(sources, 7, temperature=1, seed=4, batch_size=size) for size in (1, 4, 32)]
    for other in drawn[1:]:
        assert [ids.tolist() for ids in other] == [ids.tolist() for ids in drawn[0]]
    assert len({tuple(ids) for ids in drawn[0]}) > 5


def test_details_of_what_is_written() -> None:
    writer = Writer("language model", 1)
    found = writer.write(30, seed=2)
    assert found.text == writer.model.vocabulary.decode(found.ids) and "<eos>" not in found.text
    assert found.log_probability == pytest.approx(writer.score(tuple(found.ids.tolist())), abs=1e-9)
    assert found.value == found.text
    best = writer.write(5, beams=4)
    assert best.score == best.log_probability


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_language_model_predicts_the_token_after_each_text(cell: str) -> None:
    text = "the cat sat on the mat. " * 8
    model = LanguageModel(Vocabulary("characters", [text]), 8, cell=cell, num_layers=2, dtype="float64", seed=1)
    texts = ["", "t", "the c", text, text[:64], text[:65], text[:130]]
    probabilities = model.predict(texts, probabilities=True)
    assert probabilities.shape == (len(texts), len(model.vocabulary)) and probabilities.dtype == np.float64
    assert model.predict([]) == [] and model.predict([], probabilities=True).shape == (0, len(model.vocabulary))
    for index, one in enumerate(texts):
        ids = model._prompt(one, "text")
        logits = model.logits(Batch(ids=ids[:, None]))[-1, 0]
        expected = np.exp(logits - logits.max())
        np.testing.assert_allclose(probabilities[index], expected / expected.sum(), rtol=1e-14)
        assert (model.predict([one], probabilities=True)[0] == probabilities[index]).all()
        assert model.predict([one]) == [model.generate(one, 1, temperature=0)]
        assert model.predict([one]) == [model.predict(texts, batch_size=2)[index]]
    ids = LanguageModel(5, 4, seed=1)
    assert ids.predict([np.array([1, 2])]) == ids.generate(np.array([1, 2]), 1, temperature=0).tolist()
    with pytest.raises(TypeError, match="put a single"):
        model.predict("the c")


def test_decoders_predict_by_a_search_too() -> None:
    model = VectorDecoder(2, 6, 5, dtype="float64", seed=3)
    vectors = list(np.random.default_rng(1).standard_normal((6, 2)) * 3)
    for options in ({"beams": 4}, {"beams": 4, "length_penalty": 2.0}):
        found = model.predict(vectors, 6, **options)
        wanted = model.generate(vectors, 6, **options)
        assert [one.tolist() for one in found] == [one.tolist() for one in wanted]
    greedy, searched = (model.generate(vectors, 6, details=True, beams=beams) for beams in (1, 4))
    assert any(a.ids.tolist() != b.ids.tolist() for a, b in zip(greedy, searched))
