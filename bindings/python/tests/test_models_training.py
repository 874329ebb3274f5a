"""Each kind of model learns a small task, and what goes with it: evaluation, prediction, writing, files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import swiftrnn
from swiftrnn.models import (
    Classifier,
    EncoderDecoder,
    Features,
    LanguageModel,
    Regressor,
    Tagger,
    VectorDecoder,
    Vocabulary,
    load,
)

TEXT = "the cat sat on the mat and the dog sat on the cat. " * 12
QUIET: dict[str, Any] = {"seed": 0, "progress": False}


def reversal() -> tuple[EncoderDecoder, list[tuple[str, str]]]:
    letters = "abcde"
    pairs = [(a + b + d, d + b + a) for a in letters for b in letters for d in letters]
    source = Vocabulary("characters", [letters])
    target = Vocabulary("characters", [letters], specials=("<bos>", "<eos>"))
    return EncoderDecoder(source, target, 32, cell="gru", bidirectional=True, seed=0), pairs


def test_a_language_model_learns_a_text(tmp_path: Path) -> None:
    model = LanguageModel(Vocabulary("characters", [TEXT]), 48, seed=0)
    before = model.evaluate(TEXT)
    history = model.fit(TEXT, epochs=25, batch_size=4, steps=16, rate=0.01, validation=TEXT[:100], **QUIET)
    after = model.evaluate(TEXT)
    assert after.perplexity < 1.6 < 8 < before.perplexity
    assert after.bits_per_character == pytest.approx(after.loss / np.log(2))
    assert len(history) == 25 and history.epochs == list(range(1, 26)) and history.best.validation_loss < 1
    assert model.generate("the cat s", 8, temperature=0) == "at on th"
    model.save(tmp_path / "lm.safetensors")
    again = LanguageModel.load(tmp_path / "lm.safetensors")
    assert (again.flat == model.flat).all() and again.vocabulary == model.vocabulary
    assert again.generate("the", 30, seed=3) == model.generate("the", 30, seed=3)


def test_a_file_trains_as_the_text_does(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text(TEXT)
    vocabulary = Vocabulary.from_file("characters", path)
    assert vocabulary == Vocabulary("characters", [TEXT])
    of_text, of_file = (LanguageModel(vocabulary, 16, seed=1) for _ in range(2))
    arguments: dict[str, Any] = {"epochs": 2, "batch_size": 5, "steps": 7, "validation": path, **QUIET}
    first, second = of_text.fit(TEXT, **arguments), of_file.fit(path, **arguments)
    assert (of_text.flat == of_file.flat).all() and first.validation_loss == second.validation_loss
    assert first.train_loss == second.train_loss and of_file.evaluate(path) == of_file.evaluate(TEXT)


def test_a_language_model_of_sentences() -> None:
    sentences = ["red fox", "blue sky", "green tea"]
    vocabulary = Vocabulary("words", sentences, specials=("<unk>", "<bos>", "<eos>"))
    model = LanguageModel(vocabulary, 16, seed=0)
    model.fit(sentences, epochs=60, rate=0.02, **QUIET)
    scores = model.score(["red fox", "fox red", "blue sky"])
    assert scores[0] > -2 and scores[2] > -2 and scores[1] < -5
    written = model.generate("blue", 5, temperature=0, details=True)
    assert written.text == "sky" and written.ids.tolist() == [vocabulary["sky"], vocabulary["<eos>"]]
    best = model.generate("", 4, beams=5, count=3, details=True)
    assert {one.text for one in best} == set(sentences)
    assert [one.log_probability for one in best] == sorted((one.log_probability for one in best), reverse=True)
    for one in best:
        assert one.log_probability == pytest.approx(model.score([one.text])[0], abs=1e-4)


def test_a_tagger_learns_and_labels() -> None:
    rng = np.random.default_rng(0)
    words = {"DET": ["the", "a"], "NOUN": ["cat", "dog", "sun"], "VERB": ["sat", "ran", "is"]}
    data = []
    for _ in range(60):
        tags = [str(tag) for tag in rng.choice(list(words), rng.integers(1, 7))]
        data.append(([str(rng.choice(words[tag])) for tag in tags], tags))
    model = Tagger(Vocabulary("whitespace", [" ".join(one) for one, _ in data]), list(words), 16, seed=0)
    model.fit(data, epochs=15, batch_size=8, rate=0.02, **QUIET)
    assert model.evaluate(data).accuracy == 1
    assert model.predict([["the", "sun", "ran"], [], "a cat"]) == [["DET", "NOUN", "VERB"], [], ["DET", "NOUN"]]
    chances = model.predict(["the cat"], probabilities=True)[0]
    assert chances.shape == (2, 3) and chances.sum(axis=1) == pytest.approx([1, 1])


def test_a_tagger_of_numbers_adds_up() -> None:
    rng = np.random.default_rng(0)
    data = [(x, x.cumsum()) for x in (rng.uniform(-0.3, 0.3, rng.integers(3, 9)) for _ in range(150))]
    model = Tagger(Features(1), None, 16, outputs=1, bidirectional=False, seed=0)
    model.fit(data, epochs=25, rate=0.02, **QUIET)
    result = model.evaluate(data)
    assert result.error == pytest.approx(result.loss**0.5) and result.error < 0.06
    assert result.perplexity is None and result.accuracy is None
    state = model.make_state()
    x = np.full((6, 1, 1), 0.1, np.float32)
    whole = model.logits(swiftrnn.models.Batch(features=x))
    parts = [model.logits(swiftrnn.models.Batch(features=x[k : k + 2]), state) for k in (0, 2, 4)]
    assert (np.concatenate(parts) == whole).all()


@pytest.mark.parametrize("pooling", ["last", "mean", "max", "attention"])
def test_a_classifier_learns(pooling: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    data = []
    for _ in range(80):
        text = "".join(rng.choice(list("abc"), rng.integers(2, 9)))
        data.append((text, "has b" if "b" in text else "no b"))
    model = Classifier(Vocabulary("characters", ["abc"]), ["no b", "has b"], 16, pooling=pooling, seed=0)
    model.fit(data, epochs=25, batch_size=16, rate=0.02, **QUIET)
    assert model.evaluate(data).accuracy > 0.95
    assert model.predict(["aca", "acb"]) == ["no b", "has b"]
    chances = model.predict(["acb"], probabilities=True)
    assert chances.shape == (1, 2) and chances.sum() == pytest.approx(1)
    assert model.score([("acb", "has b")])[0] == pytest.approx(np.log(chances[0, 1]), abs=1e-5)
    model.save(tmp_path / "model")
    assert load(tmp_path / "model").predict(["aca", "acb"]) == ["no b", "has b"]


def test_a_regressor_learns() -> None:
    rng = np.random.default_rng(0)
    data = [(x, [x.mean(), x[-1, 0]]) for x in (rng.uniform(-1, 1, (rng.integers(3, 8), 2)) for _ in range(150))]
    model = Regressor(Features(2), 2, 24, seed=0)
    history = model.fit(data, epochs=30, rate=0.02, validation=0.2, **QUIET)
    assert history.validation_loss[-1] < 0.2 * history.validation_loss[0]
    assert model.predict([x for x, _ in data]).shape == (150, 2)


@pytest.mark.parametrize("vector_use", ["states", "input"])
def test_a_vector_decoder_spells(vector_use: str) -> None:
    names = ["red", "green", "blue"]
    letters = Vocabulary("characters", names, specials=("<bos>", "<eos>"))
    model = VectorDecoder(3, letters, 24, vector_use=vector_use, seed=0)
    data = list(zip(np.eye(3), names))
    model.fit(data, epochs=80, rate=0.02, **QUIET)
    assert model.generate(np.eye(3)) == names
    result = model.evaluate(data)
    assert result.exact == 1 and result.loss == pytest.approx(-model.score(data).sum() / 15, rel=1e-5)


def test_an_encoder_and_decoder_reverses() -> None:
    model, pairs = reversal()
    held = pairs[::7]
    history = model.fit([pair for pair in pairs if pair not in held], epochs=40, batch_size=16, rate=0.01,
                        schedule="cosine", validation=held, **QUIET)  # fmt: skip
    assert model.evaluate(held).exact > 0.9
    assert history.rate[-1] < history.rate[0]
    assert model.predict(["abc", "eda"]) == ["cba", "ade"] == model.predict(["abc", "eda"], beams=3)
    both = model.generate(["abc"], beams=3, count=2, details=True)[0]
    assert both[0].log_probability > both[1].log_probability
    drawn = model.generate(["abc", "eda"], temperature=1, seed=5, count=3)
    assert [len(texts) for texts in drawn] == [3, 3]
    assert drawn == model.generate(["abc", "eda"], temperature=1, seed=5, count=3)


@pytest.mark.parametrize(
    "attention, use, decay, k",
    [
        ("none", "output", "linear", 0.01), ("dot", "output", "exponential", 0.99),
        ("additive", "output", "linear", 0.01), ("concat", "output", "inverse_sigmoid", 20),
        ("additive", "input", "linear", 0.01),
    ],
)  # fmt: skip
def test_every_attention_and_scheduled_sampling_learns(attention: str, use: str, decay: str, k: float) -> None:
    source = Vocabulary("characters", ["ab"])
    target = Vocabulary("characters", ["ab"], specials=("<bos>", "<eos>"))
    pairs = [("ab", "ba"), ("aa", "aa"), ("ba", "ab"), ("bb", "bb"), ("a", "a"), ("b", "b")]
    model = EncoderDecoder(source, target, 24, attention=attention, attention_size=16, attention_use=use, seed=0)
    sampling = {"sampling": decay, "sampling_k": k, "sampling_floor": 0.5}
    model.fit(pairs, epochs=100, rate=0.02, sampling=sampling, **QUIET)
    assert model.evaluate(pairs).exact == 1


def test_a_seed_makes_the_same_training_whatever_the_threads(default_threads: None) -> None:
    vectors = []
    for threads in (1, 2):
        swiftrnn.set_num_threads(threads)
        model, pairs = reversal()
        model.fit(pairs, epochs=2, **QUIET)
        vectors.append(model.flat.copy())
    assert (vectors[0] == vectors[1]).all()
    model, pairs = reversal()
    model.fit(pairs, epochs=2, seed=1, progress=False)
    assert not (model.flat == vectors[0]).all()
