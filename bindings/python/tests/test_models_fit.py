"""The loop of `fit`: optimizers, validation, patience, callbacks, schedules, histories, weights, states."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from swiftrnn.models import (
    Batch,
    Classifier,
    Features,
    LanguageModel,
    OutputFeedback,
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


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd", "rmsprop", {"optimizer": "sgd", "momentum": 0.9}])
def test_optimizers_learn(optimizer: Any) -> None:
    model = parity()
    rate = {"sgd": 1.0, "rmsprop": 0.01}.get(optimizer, 0.02) if isinstance(optimizer, str) else 0.3
    history = model.fit(EXAMPLES, epochs=60, optimizer=optimizer, rate=rate, **QUIET)
    assert history.train_loss[-1] < 0.3 * history.train_loss[0]


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
    assert history.epochs == [1, 2, 3] and history.stopped_early
    history = parity().fit(EXAMPLES, epochs=9, callback=lambda report: np.bool_(report.epoch == 3), **QUIET)
    assert history.epochs == [1, 2, 3]
    assert len(parity().fit(EXAMPLES, epochs=3, callback=lambda report: False, **QUIET)) == 3


def test_an_end_by_a_callback_is_final(tmp_path: Path) -> None:
    options: Any = {"checkpoint": tmp_path / "c", "callback": lambda report: report.epoch == 2, **QUIET}
    model = parity()
    first = model.fit(EXAMPLES, epochs=5, **options)
    ended = model.flat.copy()
    for epochs in (5, 9):
        again = parity()
        found = again.fit(EXAMPLES, epochs=epochs, **options)
        assert found.reports == first.reports and found.stopped_early
        assert (again.flat == ended).all()


def test_the_norm_of_a_report_is_the_mean_of_its_own_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    norms: list[float] = []
    step = Trainer.step

    def heard(self: Trainer, *own: Any) -> Any:
        result = step(self, *own)
        norms.append(result.norm)
        return result

    monkeypatch.setattr(Trainer, "step", heard)
    history = parity().fit(EXAMPLES, epochs=2, batch_size=4, every=2, **QUIET)
    steps = [0, *(report.step for report in history.reports)]
    expected = [np.mean(norms[start:end]) for start, end in zip(steps, steps[1:])]
    assert len(set(expected)) == len(expected) > 2
    np.testing.assert_allclose(history.norm, expected, rtol=1e-12)


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


@pytest.mark.parametrize("numbers", ["squared_error", "absolute_error", "huber", "binary_cross_entropy"])
@pytest.mark.parametrize("kind", ["regressor", "tagger", "output_feedback"])
def test_numbers_are_evaluated_by_the_loss_that_is_named(kind: str, numbers: str) -> None:
    rng = np.random.default_rng(3)
    lengths = [5, 2, 4]
    inputs = [rng.standard_normal((steps, 2)) for steps in lengths]
    model: Any
    if kind == "regressor":
        model = Regressor(Features(2), 3, 4, dtype="float64", seed=1)
        values = [rng.random(3) for _ in lengths]
    else:
        made = Tagger if kind == "tagger" else OutputFeedback
        model = made(Features(2), None, 4, outputs=3, dtype="float64", seed=1)
        values = [rng.random((steps, 3)) for steps in lengths]
    data = list(zip(inputs, values))
    y = np.concatenate([np.ravel(found) for found in model.predict(inputs)])
    t = np.concatenate([np.ravel(value) for value in values])
    error = np.abs(y - t)
    losses = {
        "squared_error": error**2,
        "absolute_error": error,
        "huber": np.where(error < 0.3, error**2 / 2, 0.3 * (error - 0.15)),
        "binary_cross_entropy": np.log1p(np.exp(y)) - t * y,
    }
    by: Any = {"numbers": numbers, "delta": 0.3 if numbers == "huber" else None}
    result = model.evaluate(data, batch_size=2, **by)
    assert result.loss == pytest.approx(losses[numbers].mean(), rel=1e-12) and result.count == t.size
    assert result.perplexity is None and (result.error is None) == (numbers != "squared_error")
    history = model.fit(data, epochs=1, rate=0.0, clip=None, validation=data, progress=False, **by)
    assert history.validation_loss[-1] == pytest.approx(result.loss, rel=1e-12)
    with pytest.raises(ValueError, match="numbers: expected one of"):
        model.evaluate(data, numbers="mse")
    with pytest.raises(ValueError, match="delta: is of the loss 'huber'"):
        model.evaluate(data, delta=0.5)
