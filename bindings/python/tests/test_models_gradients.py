"""Losses, gradients and outputs of each kind of model, against torch in float64 with the same weights."""

from __future__ import annotations

from typing import Any, Callable

import models_reference as reference
import numpy as np
import pytest
import torch
from swiftrnn.models import (
    Batch,
    Classifier,
    EncoderDecoder,
    Features,
    LanguageModel,
    Model,
    Regressor,
    Tagger,
    VectorDecoder,
)

TOLERANCE = 1e-10
WIDE = {"dtype": "float64", "seed": 7}

MODELS: dict[str, Callable[[], Model]] = {
    "language model": lambda: LanguageModel(7, 5, embedding_size=3, **WIDE),
    "tied language model": lambda: LanguageModel(7, 4, tie_embedding=True, num_layers=2, cell="gru", **WIDE),
    "language model of two layers": lambda: LanguageModel(7, 5, num_layers=2, cell="rnn", **WIDE),
    "tied language model, lstm": lambda: LanguageModel(7, 4, tie_embedding=True, **WIDE),
    "tagger": lambda: Tagger(6, 4, 3, **WIDE),
    "tagger of one direction": lambda: Tagger(6, 4, 3, bidirectional=False, cell="rnn", **WIDE),
    "deep tagger of features": lambda: Tagger(Features(2), 4, 3, num_layers=3, **WIDE),
    "tagger of numbers": lambda: Tagger(Features(2), None, 3, outputs=2, **WIDE),
    "tagger of numbers, of tokens": lambda: Tagger(6, None, 4, outputs=2, cell="gru", **WIDE),
    "classifier": lambda: Classifier(6, 3, 4, **WIDE),
    "classifier by mean": lambda: Classifier(6, 3, 4, pooling="mean", num_layers=2, **WIDE),
    "classifier by maximum": lambda: Classifier(6, 3, 4, pooling="max", bidirectional=True, **WIDE),
    "classifier by attention": lambda: Classifier(6, 3, 4, pooling="attention", attention_size=5, **WIDE),
    "classifier of both directions": lambda: Classifier(Features(2), 3, 4, bidirectional=True, cell="gru", **WIDE),
    "regressor": lambda: Regressor(Features(2), 2, 4, **WIDE),
    "regressor by attention": lambda: Regressor(6, 1, 4, pooling="attention", bidirectional=True, **WIDE),
    "regressor by mean": lambda: Regressor(6, 3, 4, pooling="mean", bidirectional=True, **WIDE),
    "regressor by maximum": lambda: Regressor(6, 3, 4, pooling="max", bidirectional=True, **WIDE),
    "regressor of both directions": lambda: Regressor(6, 3, 4, bidirectional=True, **WIDE),
    "vector decoder": lambda: VectorDecoder(3, 6, 4, num_layers=2, **WIDE),
    "vector decoder, gru, tied": lambda: VectorDecoder(3, 6, 4, cell="gru", tie_embedding=True, **WIDE),
    "vector decoder by input": lambda: VectorDecoder(3, 6, 4, vector_use="input", **WIDE),
    **{
        f"encoder-decoder, {attention}": (
            lambda attention=attention: EncoderDecoder(  # type: ignore[misc]
                6, 7, 4, embedding_size=3, attention=attention, attention_size=5, **WIDE
            )
        )
        for attention in ("none", "dot", "general", "concat", "additive")
    },
    **{
        f"encoder-decoder, {attention} in the input": (
            lambda attention=attention: EncoderDecoder(  # type: ignore[misc]
                6, 7, 4, attention=attention, attention_size=5, attention_use="input", cell="gru", **WIDE
            )
        )
        for attention in ("dot", "general", "additive")
    },
    **{
        f"encoder-decoder of two layers, {cell}": (
            lambda cell=cell: EncoderDecoder(6, 7, 4, cell=cell, num_layers=2, **WIDE)  # type: ignore[misc]
        )
        for cell in ("lstm", "gru", "rnn")
    },
    "encoder-decoder of both directions": lambda: EncoderDecoder(
        6, 7, 4, bidirectional=True, decoder_num_layers=2, decoder_hidden_size=3, tie_embedding=True, **WIDE
    ),
    "encoder-decoder of two cells": lambda: EncoderDecoder(
        Features(2), 7, 4, cell="gru", decoder_cell="lstm", num_layers=2, attention="additive", **WIDE
    ),
}


def batch_of(model: Model, *, lengths: bool) -> Batch:
    """Random data of 4 sequences; with `lengths`, of different ones, and some targets that do not count."""
    rng, c = np.random.default_rng(3), model.configuration
    steps, written, count = 6, 5, 4
    batch = Batch()
    if c["kind"] == "vector_decoder":
        batch.features = rng.normal(size=(count, c["vector_size"]))
    elif "features" in c["input"]:
        batch.features = rng.normal(size=(steps, count, c["input"]["features"]))
    else:
        batch.ids = rng.integers(0, c["input"]["vocabulary"], (steps, count))
    if lengths and c["kind"] != "vector_decoder":
        batch.lengths = np.array([6, 1, 4, 5])
    shape = {"classifier": (count,), "regressor": (count,)}.get(c["kind"], (steps, count))
    if "decoder" in c:
        batch.decoder_ids = rng.integers(0, c["outputs"], (written, count))
        batch.target_lengths = np.array([3, 5, 1, 4]) if lengths else None
        shape = (written, count)
    if c["kind"] == "regressor" or c.get("predicts_numbers"):
        batch.values = rng.normal(size=(*shape, c["outputs"]))
    else:
        batch.targets = rng.integers(0, c["outputs"], shape)
        if lengths:
            batch.targets[0] = -100 if batch.targets.ndim == 1 else [-100, 0, 0, -100]
    return batch


@pytest.mark.parametrize("lengths", [False, True])
@pytest.mark.parametrize("name", MODELS)
def test_losses_and_gradients_are_torchs(name: str, lengths: bool) -> None:
    model = MODELS[name]()
    batch, p = batch_of(model, lengths=lengths), reference.leaves(model)
    wanted = reference.loss(p, model, batch)
    wanted.backward()
    assert model.loss(batch) == pytest.approx(wanted.item(), abs=TOLERANCE)
    for key, gradient in model.gradients.items():
        theirs = p[key].grad
        assert theirs is not None and theirs.abs().max() > 0, key
        np.testing.assert_allclose(gradient, theirs.numpy(), rtol=0, atol=TOLERANCE, err_msg=key)
    assert model.evaluate(batch).loss == pytest.approx(wanted.item(), abs=TOLERANCE)


@pytest.mark.parametrize("name", [name for name in MODELS if "numbers" not in name and "regressor" not in name])
def test_smoothing_weights_and_scores_are_torchs(name: str) -> None:
    model = MODELS[name]()
    batch, p = batch_of(model, lengths=True), reference.leaves(model)
    weights = np.random.default_rng(1).uniform(0.2, 2, model.configuration["outputs"])
    wanted = reference.loss(p, model, batch, smoothing=0.1, weights=weights)
    wanted.backward()
    assert model.loss(batch, label_smoothing=0.1, class_weights=weights) == pytest.approx(wanted.item(), abs=TOLERANCE)
    for key, gradient in model.gradients.items():
        np.testing.assert_allclose(gradient, p[key].grad, rtol=0, atol=TOLERANCE, err_msg=key)
    scores, counts = model._scores(batch)
    for n, y in enumerate(reference.outputs(reference.leaves(model), model, batch)):
        assert batch.targets is not None
        targets = np.atleast_1d(batch.targets[n] if y.ndim == 1 else batch.targets[: len(y), n])
        counted = targets != -100
        of_each = torch.log_softmax(torch.atleast_2d(y), -1)[np.arange(targets.size), np.where(counted, targets, 0)]
        assert counts[n] == counted.sum()
        assert scores[n] == pytest.approx(of_each.detach().numpy()[counted].sum(), abs=TOLERANCE)


@pytest.mark.parametrize("name", MODELS)
def test_outputs_are_torchs(name: str) -> None:
    model = MODELS[name]()
    batch = batch_of(model, lengths=True)
    y = model.logits(batch)
    for n, wanted in enumerate(reference.outputs(reference.leaves(model), model, batch)):
        ours = y[n] if wanted.ndim == 1 else y[: len(wanted), n]
        np.testing.assert_allclose(ours, wanted.detach(), rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize(
    "numbers, theirs",
    [
        ("absolute_error", torch.nn.functional.l1_loss),
        ("squared_error", torch.nn.functional.mse_loss),
        ("huber", lambda y, t: torch.nn.functional.huber_loss(y, t, delta=0.7)),
        ("binary_cross_entropy", torch.nn.functional.binary_cross_entropy_with_logits),
    ],
)
@pytest.mark.parametrize("name", ["regressor", "tagger of numbers"])
def test_losses_of_numbers_are_torchs(name: str, numbers: str, theirs: Any) -> None:
    model = MODELS[name]()
    batch, p = batch_of(model, lengths=True), reference.leaves(model)
    if numbers == "binary_cross_entropy":
        batch.values = 1 / (1 + np.exp(-batch.values))
    rows = reference.outputs(p, model, batch)
    wanted = theirs(torch.cat([torch.atleast_2d(row) for row in rows]), reference.expected(batch, rows))
    wanted.backward()
    delta = {"delta": 0.7} if numbers == "huber" else {}
    assert model.loss(batch, numbers=numbers, **delta) == pytest.approx(wanted.item(), abs=TOLERANCE)
    for key, gradient in model.gradients.items():
        np.testing.assert_allclose(gradient, p[key].grad, rtol=0, atol=TOLERANCE, err_msg=key)


def test_a_state_carries_a_text_on() -> None:
    model = LanguageModel(7, 5, num_layers=2, **WIDE)
    ids = np.random.default_rng(0).integers(0, 7, (9, 3))
    whole, state = model.logits(Batch(ids=ids)), model.make_state()
    parts = [model.logits(Batch(ids=ids[a:b]), state) for a, b in [(0, 4), (4, 5), (5, 9)]]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    state.reset()
    np.testing.assert_array_equal(model.logits(Batch(ids=ids), state), whole)


def test_gradients_of_truncated_back_propagation_look_back() -> None:
    """With k1 = 3 and k2 = 6 the second batch has the gradients of its own loss through all six steps."""
    model = LanguageModel(7, 5, **WIDE)
    rng = np.random.default_rng(0)
    ids, targets = rng.integers(0, 7, (6, 2)), rng.integers(0, 7, (6, 2))
    whole = targets.copy()
    whole[:3] = -100
    loss = model.loss(Batch(ids=ids, targets=whole))
    wanted = model.flat_gradients.copy()
    state = model.make_state(look_back=3)
    model.loss(Batch(ids=ids[:3], targets=targets[:3]), state)
    assert model.loss(Batch(ids=ids[3:], targets=targets[3:]), state) == pytest.approx(loss, abs=TOLERANCE)
    np.testing.assert_allclose(model.flat_gradients, wanted, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("limit", ["sqrt", 1, 4000])
def test_a_limited_tape_has_the_same_bits(limit: Any) -> None:
    model = LanguageModel(7, 8, num_layers=2, seed=1)
    rng = np.random.default_rng(0)
    batch = Batch(ids=rng.integers(0, 7, (40, 3)), targets=rng.integers(0, 7, (40, 3)))
    loss, gradients = model.loss(batch), model.flat_gradients.copy()
    assert model.loss(batch, tape_limit=limit) == loss
    np.testing.assert_array_equal(model.flat_gradients, gradients)


def test_dropout_is_a_function_of_the_seed_and_keeps_its_masks_in_parts() -> None:
    model = LanguageModel(7, 8, dropout=0.5, **WIDE)
    rng = np.random.default_rng(0)
    ids, targets = rng.integers(0, 7, (5, 4)), rng.integers(0, 7, (5, 4))
    whole = model.loss(Batch(ids=ids, targets=targets), seed=3)
    assert model.loss(Batch(ids=ids, targets=targets), seed=3) == whole
    assert model.loss(Batch(ids=ids, targets=targets), seed=4) != whole
    assert model.loss(Batch(ids=ids, targets=targets)) != model.loss(Batch(ids=ids, targets=targets))
    halves = [model.loss(Batch(ids=ids[:, k : k + 2], targets=targets[:, k : k + 2], first_sequence=k), seed=3)
              for k in (0, 2)]  # fmt: skip
    assert np.mean(halves) == pytest.approx(whole, abs=TOLERANCE)
