"""Models at the edges of what they are given: no sequences, states of other batches, penalties in a search, arrays that
are assigned to a batch later, checkpoints that are refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import swiftrnn
from swiftrnn.models import Batch, Features, LanguageModel, Tagger, Vocabulary


@pytest.mark.parametrize("look_back", [0, 2])
def test_a_state_that_no_sequence_has_moved_on_is_of_no_sequence(look_back: int) -> None:
    model = LanguageModel(5, 64, seed=0)
    state = model.make_state(look_back)
    empty = Batch(ids=np.zeros((3, 0), int), targets=np.zeros((3, 0), int))
    full = Batch(ids=np.ones((3, 64), int), targets=np.ones((3, 64), int))
    model.loss(empty, state)
    with pytest.raises(ValueError, match="the number of sequences, which a state has been through, is 64, must be 0"):
        model.loss(full, state)
    state.reset()
    assert np.isfinite(model.loss(full, state))


def test_log_probabilities_of_a_search_are_before_the_penalty() -> None:
    model = LanguageModel(6, 12, seed=3, dtype=np.float64)
    found = model.generate(np.array([1, 2, 3]), 5, beams=3, count=3, repetition_penalty=2.0, details=True)
    for one in found:
        ids = np.concatenate([[1, 2, 3], one.ids])
        logits = model.logits(Batch(ids=ids[:-1, None], targets=ids[1:, None]))[:, 0]
        rows = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        expected = sum(rows[t, ids[t + 1]] for t in range(2, len(ids) - 1))
        assert one.log_probability == pytest.approx(expected, abs=1e-9)


def test_a_search_over_nan_is_refused() -> None:
    model = LanguageModel(6, 12, seed=3)
    model.flat[:] = np.nan
    with pytest.raises(swiftrnn.SwiftRNNError, match="a logit is NaN, must be a number"):
        model.generate(np.array([1]), 4, beams=3)


@pytest.mark.parametrize("name, value", [
    ("ids", np.zeros((4, 2), np.int32)), ("targets", np.zeros((4, 2), np.float32)), ("lengths", np.zeros(2, np.int32)),
])  # fmt: skip
def test_arrays_that_are_assigned_later_are_checked(name: str, value: Any) -> None:
    model, batch = LanguageModel(5, 4, seed=0), Batch(ids=np.zeros((4, 2), int), targets=np.zeros((4, 2), int))
    setattr(batch, name, value)
    with pytest.raises(TypeError, match=rf"batch.{name}: expected an array of int64, got {value.dtype}"):
        model.loss(batch)


@pytest.mark.parametrize("numbers", ["squared_error", "absolute_error", "huber", "binary_cross_entropy"])
def test_validation_is_by_the_loss_of_the_training(numbers: str) -> None:
    rng = np.random.default_rng(0)
    data = [(rng.normal(size=(3, 1)), rng.integers(0, 2, (3, 1)).astype(float)) for _ in range(5)]
    data[0] = (data[0][0][:2], data[0][1][:2])
    model = Tagger(Features(1), None, 6, outputs=1, seed=0, dtype=np.float64)
    history = model.fit(
        data, epochs=1, batch_size=5, rate=0.0, numbers=numbers, validation=data, seed=0, progress=False
    )
    assert history.validation_loss[0] == pytest.approx(model.loss(data, numbers=numbers), rel=1e-12)
    assert history.validation_loss == pytest.approx(history.train_loss, rel=1e-12)


def test_data_without_anything_to_predict_are_refused() -> None:
    letters = Vocabulary("characters", ["abc"], specials=())
    with pytest.raises(ValueError, match="there is nothing to predict"):
        LanguageModel(letters, 4, seed=0).fit(list("abc"), epochs=1, progress=False)
    with pytest.raises(ValueError, match="there is nothing to predict"):
        Tagger(3, 2, 4, seed=0).fit([([], [])], epochs=1, progress=False)


def test_lists_of_arrays_of_ids_are_several_texts() -> None:
    model = LanguageModel(5, 4, seed=0)
    texts = [np.array([1, 2, 3]), np.array([2, 3])]
    assert model.evaluate(texts).count == model.evaluate([[1, 2, 3], [2, 3]]).count == 3
    assert len(model.generate(texts, 3, temperature=0)) == 2


def test_sizes_may_be_numpys_integers() -> None:
    words = Vocabulary("words", ["a b"], specials=("<bos>", "<eos>"))
    model = LanguageModel(words, np.int64(8), num_layers=np.int32(2), seed=0)
    assert model.configuration["network"]["hidden_size"] == 8
