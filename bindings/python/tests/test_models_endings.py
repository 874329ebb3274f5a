"""Trainings that end before their last epoch, by Ctrl-C or by numbers that are not finite: the best parameters stay."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from swiftrnn.models import Classifier, Features, Regressor, Report, TrainingInterrupted

QUIET: dict[str, Any] = {"seed": 1, "progress": False}


def classifier() -> Classifier:
    return Classifier(3, 2, 8, seed=0)


@pytest.mark.parametrize("with_checkpoint", [False, True])
@pytest.mark.parametrize("presses", [1, 2])
def test_ctrl_c_in_the_last_report_keeps_the_best_parameters(
    presses: int, with_checkpoint: bool, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    data = [(rng.integers(0, 3, 6), int(rng.integers(0, 2))) for _ in range(24)]  # there is nothing to learn
    options: Any = {"epochs": 12, "validation": data[12:], "patience": 50, "rate": 0.05, **QUIET}
    expected = classifier()
    best = expected.fit(data[:12], **options).best
    assert best is not None and best.step < 12
    model = classifier()

    def press(report: Report) -> None:
        if report.step == 12:
            for _ in range(presses):
                os.kill(os.getpid(), signal.SIGINT)

    checkpoint = tmp_path / "c" if with_checkpoint else None
    with pytest.raises(KeyboardInterrupt) as caught:
        model.fit(data[:12], callback=press, checkpoint=checkpoint, **options)
    if presses == 1:
        assert isinstance(caught.value, TrainingInterrupted) and caught.value.over
        assert str(caught.value).endswith("saved in " + str(checkpoint) if with_checkpoint else "and the model trained")
    if presses == 2 and with_checkpoint:  # heard at once, before the last checkpoint: the same call goes on
        model.fit(data[:12], checkpoint=checkpoint, **options)
    np.testing.assert_array_equal(model.flat, expected.flat)


def test_ctrl_c_without_a_checkpoint_leaves_the_best_parameters() -> None:
    pairs: Any = [([0, 1, 2], 0), ([2, 1], 1), ([1], 0), ([2, 2, 0], 1)]
    held: Any = [([0, 2], 1), ([1, 1, 0], 0)]
    losses: list[float] = []
    kept: list[np.ndarray] = []
    model = classifier()

    def press(report: Report) -> None:
        assert report.validation_loss is not None
        losses.append(report.validation_loss)
        kept.append(model.flat.copy())
        if len(losses) > 2 and losses[-1] > min(losses):
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(TrainingInterrupted, match="the training is not saved"):
        model.fit(pairs, epochs=500, rate=0.05, validation=held, patience=500, callback=press, **QUIET)
    np.testing.assert_array_equal(model.flat, kept[int(np.argmin(losses))])


def test_a_loss_that_is_not_finite_leaves_the_best_parameters() -> None:
    model = Regressor(Features(1), 1, 4, seed=0)
    kept: list[np.ndarray] = []

    def spoil(report: Report) -> None:
        if report.step == 1:
            kept.append(model.flat.copy())
        if report.step == 3:
            model.flat[:] = np.nan

    data = [([1.0, 2.0], 1.0), ([2.0], 2.0)]
    with pytest.raises(FloatingPointError, match="in step 4: a lower rate, or clip=, may help; the last report was"):
        model.fit(data, rate=0.0, validation=data, patience=9, callback=spoil, **QUIET)
    np.testing.assert_array_equal(model.flat, kept[0])


def test_a_validation_that_is_not_finite_ends_the_training() -> None:
    model = Regressor(Features(1), 1, 4, dtype="float64", seed=0)
    data = [(np.ones((2, 1)), [0.5])] * 4
    with pytest.raises(FloatingPointError, match="the loss of the validation is inf, after step 1"):
        model.fit(data, validation=[(np.ones((2, 1)), [1e200])], patience=1, **QUIET)
