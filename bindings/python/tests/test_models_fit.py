"""`fit`: each kind learns a small task; validation, patience, callbacks, schedules, histories."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from swiftrnn.models import (
    Batch,
    Classifier,
    EncoderDecoder,
    Features,
    History,
    LanguageModel,
    Regressor,
    Report,
    Tagger,
    Trainer,
    VectorDecoder,
    Vocabulary,
)

QUIET: Any = {"seed": 0, "progress": False}
EXAMPLES = [([0, 1, 1], "even"), ([1, 0], "odd"), ([1, 1, 1, 1], "even"), ([0, 0, 1], "odd")] * 4


def parity(seed: int = 0, **options: Any) -> Classifier:
    return Classifier(2, ["even", "odd"], 8, seed=seed, **options)


# ---- Each kind learns ------------------------------------------------------------------------------------------------


def test_a_language_model_learns_a_text_from_memory_and_from_a_file(tmp_path: Path) -> None:
    text = "abcdefgh" * 60
    vocabulary = Vocabulary("characters", [text])
    path = tmp_path / "text.txt"
    path.write_text(text)
    models = [LanguageModel(vocabulary, 24, seed=0) for _ in range(2)]
    histories = [model.fit(data, epochs=12, batch_size=4, steps=16, rate=0.02, **QUIET)
                 for model, data in zip(models, (text, path))]  # fmt: skip
    assert histories[0].train_loss == histories[1].train_loss
    np.testing.assert_array_equal(models[0].flat, models[1].flat)
    assert models[0].generate("abc", 10, temperature=0) == "defghabcde"
    result = models[0].evaluate(path)
    assert result == models[0].evaluate(text)
    assert result.perplexity == pytest.approx(math.exp(result.loss)) and 1 < result.perplexity < 1.1
    assert result.bits_per_character == pytest.approx(result.loss / math.log(2))


def test_a_language_model_learns_lines_by_themselves() -> None:
    lines = ["one two three", "two three four"]
    words = Vocabulary("words", lines, specials=("<unk>", "<bos>", "<eos>"))
    model = LanguageModel(words, 16, seed=0)
    model.fit(lines * 4, epochs=40, rate=0.02, **QUIET)
    assert model.generate("one", temperature=0) == "two three"
    right, wrong = model.score(["one two three", "three two one"])
    assert right > -1.5 > -8 > wrong


def test_a_tagger_learns_labels_and_numbers() -> None:
    rng = np.random.default_rng(0)
    data = [(bits := rng.integers(0, 2, 7), np.cumsum(bits) % 2) for _ in range(40)]
    tagger = Tagger(2, 2, 12, bidirectional=False, seed=0)
    tagger.fit(data, epochs=50, rate=0.03, **QUIET)
    assert tagger.evaluate(data).accuracy == 1.0
    assert tagger.predict([[1, 0, 1]]) == [[1, 1, 0]]
    sums = [(x := rng.uniform(-1, 1, (6, 1)), np.cumsum(x, 0)) for _ in range(60)]
    numbers = Tagger(Features(1), None, 12, outputs=1, bidirectional=False, seed=0)
    numbers.fit(sums, epochs=60, rate=0.02, **QUIET)
    result = numbers.evaluate(sums)
    assert result.error == pytest.approx(math.sqrt(result.loss)) and result.error < 0.15
    assert result.perplexity is None and result.accuracy is None


@pytest.mark.parametrize("pooling", ["last", "mean", "max", "attention"])
def test_a_classifier_learns(pooling: str) -> None:
    rng = np.random.default_rng(0)
    data = [(ids := rng.integers(0, 5, rng.integers(2, 9)), "with" if 3 in ids else "without") for _ in range(60)]
    model = Classifier(5, ["with", "without"], 8, pooling=pooling, attention_size=8, seed=0)
    model.fit(data, epochs=40, rate=0.03, **QUIET)
    assert model.evaluate(data).accuracy == 1.0
    assert model.predict([[0, 3, 1], [0, 1]]) == ["with", "without"]
    chances = model.predict([[0, 3, 1]], probabilities=True)
    assert chances.shape == (1, 2) and chances.sum() == pytest.approx(1)
    assert model.score([([0, 3, 1], "with")])[0] == pytest.approx(
        np.log(chances[0, model.target_vocabulary["with"]]), abs=1e-5
    )


def test_a_regressor_learns() -> None:
    rng = np.random.default_rng(0)
    data = [(x := rng.uniform(-1, 1, rng.integers(3, 8)), [x[0], x[-1]]) for _ in range(80)]
    model = Regressor(Features(1), 2, 16, seed=0)
    model.fit(data, epochs=60, rate=0.02, numbers="huber", **QUIET)
    assert model.evaluate(data).error < 0.15


@pytest.mark.parametrize("use", ["states", "input"])
def test_a_vector_decoder_learns(use: str) -> None:
    names = ["red", "green", "blue"]
    letters = Vocabulary("characters", names, specials=("<bos>", "<eos>"))
    model = VectorDecoder(3, letters, 24, vector_use=use, seed=0)
    model.fit(list(zip(np.eye(3), names)), epochs=80, rate=0.02, **QUIET)
    assert model.generate(np.eye(3)) == names
    assert model.evaluate(list(zip(np.eye(3), names))).exact == 1.0


@pytest.mark.parametrize("sampling", ["none", "linear", "exponential", "inverse_sigmoid"])
def test_an_encoder_decoder_learns_to_reverse(sampling: str) -> None:
    data = [(f"{a}{b}", f"{b}{a}") for a in "abcd" for b in "abcd"]
    source = Vocabulary("characters", ["abcd"])
    target = Vocabulary("characters", ["abcd"], specials=("<bos>", "<eos>"))
    model = EncoderDecoder(source, target, 24, seed=0)
    k = {"linear": 1.0, "exponential": 0.99, "inverse_sigmoid": 20.0}
    how = "none" if sampling == "none" else {"sampling": sampling, "sampling_k": k[sampling], "sampling_floor": 0.5}
    model.fit(data, epochs=120, batch_size=8, rate=0.01, sampling=how, **QUIET)
    assert model.translate(["ab", "dc"]) == ["ba", "cd"]
    result = model.evaluate(data)
    assert result.exact == 1.0 and result.perplexity < 1.3


# ---- The loop --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd", "rmsprop", {"optimizer": "sgd", "momentum": 0.9}])
def test_optimizers_learn(optimizer: Any) -> None:
    model = parity()
    rate = {"sgd": 1.0, "rmsprop": 0.01}.get(optimizer, 0.02) if isinstance(optimizer, str) else 0.3
    history = model.fit(EXAMPLES, epochs=60, optimizer=optimizer, rate=rate, **QUIET)
    assert history.train_loss[-1] < 0.3 * history.train_loss[0]


def test_the_same_seed_has_the_same_bits() -> None:
    def trained(seed: int) -> Any:
        model = parity(dropout=0.3)
        model.fit(EXAMPLES, epochs=3, batch_size=4, seed=seed, progress=False)
        return model.flat.copy()

    assert np.array_equal(trained(1), trained(1)) and not np.array_equal(trained(1), trained(2))


def test_validation_and_patience_keep_the_best_parameters() -> None:
    rng = np.random.default_rng(0)
    data = [(rng.integers(0, 2, 6), int(rng.integers(0, 2))) for _ in range(24)]  # there is nothing to learn
    model = Classifier(2, 2, 16, seed=0)
    history = model.fit(data[:12], validation=data[12:], patience=3, epochs=200, rate=0.05, **QUIET)
    assert history.stopped_early and len(history) < 200
    best = history.best
    assert best is not None and best.validation_loss == min(history.validation_loss)
    assert len(history) == history.validation_loss.index(best.validation_loss) + 1 + 4
    assert model.evaluate(data[12:]).loss == best.validation_loss
    assert all(0 <= accuracy <= 1 for accuracy in history.validation_accuracy)


def test_a_share_is_held_out() -> None:
    model = parity()
    history = model.fit(EXAMPLES, validation=0.25, epochs=2, **QUIET)
    assert None not in history.validation_loss
    text = "abcd" * 50
    history = LanguageModel(Vocabulary("characters", [text]), 8, seed=0).fit(
        text, validation=0.2, epochs=2, batch_size=2, steps=8, **QUIET
    )
    assert None not in history.validation_loss and history.best in history.reports


def test_callbacks_hear_reports_and_stop() -> None:
    heard: list[Report] = []
    history = parity().fit(EXAMPLES, epochs=9, batch_size=4, every=2, callback=heard.append, **QUIET)
    assert heard == history.reports and [report.step for report in heard[:3]] == [2, 4, 6]
    history = parity().fit(EXAMPLES, epochs=9, callback=lambda report: report.epoch == 3, **QUIET)
    assert history.epochs == [1, 2, 3] and not history.stopped_early


def test_schedules() -> None:
    def rates(schedule: Any, **more: Any) -> list[float]:
        found: list[float] = (
            parity().fit(EXAMPLES, epochs=8, rate=0.1, schedule=schedule, batch_size=16, **QUIET, **more).rate
        )
        return found

    assert rates(None) == rates("constant") == [0.1] * 8
    np.testing.assert_allclose(rates({"schedule": "step", "every": 2, "factor": 0.5}),
                               [0.1, 0.1, 0.05, 0.05, 0.025, 0.025, 0.0125, 0.0125])  # fmt: skip
    np.testing.assert_allclose(rates({"schedule": "exponential", "factor": 0.5}), 0.1 * 0.5 ** np.arange(8))
    cosine = rates("cosine")
    assert cosine[0] <= 0.1 and all(np.diff(cosine) < 0) and cosine[-1] < 0.02
    linear = rates({"schedule": "linear", "warm_up": 4})
    assert all(np.diff(linear[:4]) > 0) and all(np.diff(linear[4:]) < 0) and max(linear) == pytest.approx(0.1)
    unlike = [(sequence, "odd" if label == "even" else "even") for sequence, label in EXAMPLES]
    plateau = rates({"schedule": "plateau", "patience": 0, "factor": 0.5}, validation=unlike)
    assert plateau[0] == 0.1 and plateau[-1] < 0.03 and all(np.diff(plateau) <= 0)
    assert rates("plateau", validation=unlike)[0] == 0.1


def test_histories(tmp_path: Path) -> None:
    history = parity().fit(EXAMPLES, epochs=3, validation=EXAMPLES, **QUIET)
    assert history.epochs == [1, 2, 3] == history.steps and len(history) == 3
    again = History.fromdict(history.asdict())
    assert again.reports == history.reports
    assert "loss" in str(history.reports[0]) and "accuracy" in repr(history)
    with pytest.raises(AttributeError, match="a History has no 'losses': it has epochs, steps, train_loss"):
        history.losses
    assert History().best is None


def test_progress_is_lines_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    parity().fit(EXAMPLES, epochs=2, seed=0)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(",")[0] for line in lines] == ["epoch 1", "epoch 2"]
    parity().fit(EXAMPLES, epochs=2, **QUIET)
    assert capsys.readouterr() == ("", "")


def test_class_weights_count_in_fit() -> None:
    data = [([0], "even")] * 3 + [([0], "odd")]  # the same input: what is learned are shares
    for weights, share in ((None, 0.25), ({"odd": 3.0}, 0.5), ([1.0, 9.0], 0.75)):
        model = parity()
        assert model.target_vocabulary is not None and model.target_vocabulary["odd"] == 1
        model.fit(data, epochs=150, rate=0.05, class_weights=weights, **QUIET)
        assert model.predict([[0]], probabilities=True)[0, 1] == pytest.approx(share, abs=0.02)


def test_a_trainer_steps_and_updates() -> None:
    a, b = parity(), parity()
    steps, halves = (Trainer(model, "adam", rate=0.01, clip=0.5) for model in (a, b))
    batch = a.batch(EXAMPLES)
    for _ in range(3):
        result = steps.step(batch)
        loss = b.loss(batch)
        half = halves.update()
        assert result.loss == loss and result.norm == half.norm and math.isnan(half.loss) and half.count == 0
    np.testing.assert_array_equal(a.flat, b.flat)
    assert steps.steps == halves.steps == 3 and steps.rate == 0.01
    steps.set_rate_factor(0.5)
    assert steps.rate == 0.005 and steps.settings["clip_norm"] == 0.5


@pytest.mark.parametrize("kind", ["classifier", "tagger", "decoder"])
def test_the_training_loss_is_weighted_over_the_epoch(kind: str) -> None:
    """The sum of weighted losses over the sum of weights, whatever is in which batch."""
    rng = np.random.default_rng(0)
    weights, options = [1.0, 5.0, 0.25, 2.0], {"dtype": "float64", "seed": 0}
    if kind == "classifier":
        model: Any = Classifier(3, 4, 6, **options)
        data: Any = [(rng.integers(0, 3, 4), int(label)) for label in rng.integers(0, 4, 11)]
    elif kind == "tagger":
        model = Tagger(3, 4, 6, **options)
        data = [(rng.integers(0, 3, count), rng.integers(0, 4, count)) for count in rng.integers(1, 9, 11)]
        data[0][1][0] = -100
    else:
        model = VectorDecoder(2, 4, 6, **options)
        data = [(rng.normal(size=2), rng.integers(0, 2, count)) for count in rng.integers(0, 6, 11)]
    whole = model.loss(data, class_weights=weights)
    assert whole != pytest.approx(model.loss(data), rel=1e-2)
    history = model.fit(data, epochs=1, batch_size=2, rate=0.0, class_weights=weights, **QUIET)
    assert history.steps[0] > 5 and history.train_loss == [pytest.approx(whole, rel=1e-12)]


def test_weights_of_0_have_no_loss() -> None:
    history = Classifier(2, 2, 4, seed=0).fit([([0], 1)], epochs=1, class_weights=[1, 0], **QUIET)
    assert history.train_loss == [0]


def test_look_back_is_that_of_the_state() -> None:
    """With a rate of 0 the gradients of the last batch are those of a state that looks back as far."""
    text = np.arange(41) * 3 % 7
    models = [LanguageModel(7, 6, seed=0, dtype="float64") for _ in range(3)]
    options: Any = {"epochs": 1, "batch_size": 1, "steps": 8, "rate": 0.0, "clip": None, **QUIET}
    models[0].fit(text, look_back=12, **options)
    models[1].fit(text, **options)
    state = models[2].make_state(look_back=12)
    for start in range(0, 40, 8):
        models[2].loss(Batch(ids=text[start : start + 8, None], targets=text[start + 1 : start + 9, None]), state)
    np.testing.assert_allclose(models[0].flat_gradients, models[2].flat_gradients, rtol=0, atol=1e-12)
    assert np.abs(models[0].flat_gradients - models[1].flat_gradients).max() > 1e-6


def test_a_training_that_looks_back_goes_on_from_a_checkpoint(tmp_path: Path) -> None:
    text = np.arange(200) * 3 % 7
    options: Any = {"epochs": 2, "batch_size": 2, "steps": 10, "look_back": 15, "every": 1, **QUIET}
    whole, model = (LanguageModel(7, 6, seed=0, dropout=0.2) for _ in range(2))
    whole.fit(text, **options)

    def stop(report: Report) -> None:
        if report.step == 6:
            raise RuntimeError("cut")

    with pytest.raises(RuntimeError, match="cut"):
        model.fit(text, checkpoint=tmp_path / "c", callback=stop, **options)
    again = LanguageModel(7, 6, seed=0, dropout=0.2)
    again.fit(text, checkpoint=tmp_path / "c", **options)
    np.testing.assert_array_equal(again.flat, whole.flat)


def test_a_share_is_a_float_of_any_type() -> None:
    expected = parity()
    history = expected.fit(EXAMPLES, epochs=2, validation=0.25, **QUIET)
    for share in (np.float32(0.25), np.float64(0.25), np.array(0.25)):
        model = parity()
        assert model.fit(EXAMPLES, epochs=2, validation=share, **QUIET).validation_loss == history.validation_loss
    text = "abcd" * 50
    for share in (0.25, np.float32(0.25)):
        model = LanguageModel(Vocabulary("characters", [text]), 8, seed=0)
        assert len(model.fit(text, epochs=1, batch_size=2, validation=share, **QUIET).validation_loss) == 1
