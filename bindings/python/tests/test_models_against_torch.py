"""Losses, gradients and scores of every model in float64 against torch with the same weights."""

from __future__ import annotations

from typing import Any, Callable

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

RNG = np.random.default_rng(7)
V, H, N, T, S = 7, 5, 3, 6, 4
LENGTHS = np.array([6, 2, 4])
CELLS = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn": torch.nn.RNN}


def weights(model: Model) -> dict[str, torch.Tensor]:
    return {name: torch.tensor(view, requires_grad=True) for name, view in model.parameters.items()}


def network(model: Model, own: dict[str, torch.Tensor], name: str = "network") -> Callable[..., Any]:
    """torch's network of a model's, of its weights."""
    described = model.configuration["decoder" if name == "decoder_network" else "network"]
    inputs = own[f"{name}.weight_ih_l0"].shape[1]
    module = CELLS[described["cell"]](
        inputs, described["hidden_size"], described["num_layers"], bidirectional=described["bidirectional"]
    ).double()
    parameters = {key: own[f"{name}.{key}"] for key, _ in module.named_parameters()}
    return lambda *args: torch.func.functional_call(module, parameters, args)


def packed(run: Callable[..., Any], x: torch.Tensor, lengths: np.ndarray) -> tuple[torch.Tensor, Any]:
    """A network over sequences of different lengths, zeros behind their ends."""
    sequences = torch.nn.utils.rnn.pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=False)
    y, state = run(sequences)
    return torch.nn.utils.rnn.pad_packed_sequence(y, total_length=x.shape[0])[0], state


def linear(own: dict[str, torch.Tensor], x: torch.Tensor, name: str = "output") -> torch.Tensor:
    return torch.nn.functional.linear(x, own[f"{name}.weight"], own[f"{name}.bias"])


def same(model: Model, batch: Batch, own: dict[str, torch.Tensor], loss: torch.Tensor) -> None:
    """The loss and all gradients agree."""
    assert model.loss(batch) == pytest.approx(loss.item(), abs=1e-12)
    gradients = torch.autograd.grad(loss, list(own.values()), allow_unused=True)
    for (name, found), expected in zip(model.gradients.items(), gradients):
        assert expected is not None, name
        np.testing.assert_allclose(found, expected.numpy(), rtol=0, atol=1e-10, err_msg=name)
    assert any(np.abs(view).max() > 1e-4 for view in model.gradients.values())


def masked_targets(classes: int) -> np.ndarray:
    targets = RNG.integers(0, classes, (T, N))
    targets[0, 0] = -100
    return targets


def counted(targets: np.ndarray) -> torch.Tensor:
    return torch.tensor(np.where(np.arange(T)[:, None] < LENGTHS, targets, -100)).flatten()


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("tied", [False, True])
def test_language_model(cell: str, tied: bool) -> None:
    model = LanguageModel(V, H, cell=cell, num_layers=2, tie_embedding=tied, dtype="float64", seed=1)
    own, ids, targets = weights(model), RNG.integers(0, V, (T, N)), masked_targets(V)
    y, _ = packed(network(model, own), own["embedding.weight"][torch.tensor(ids)], LENGTHS)
    table = own["embedding.weight"] if tied else own["output.weight"]
    logits = torch.nn.functional.linear(y, table, own["output.bias"])
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), counted(targets))
    batch = Batch(ids=ids, targets=targets, lengths=LENGTHS)
    same(model, batch, own, loss)
    chances = -torch.nn.functional.cross_entropy(
        logits.flatten(0, 1), counted(targets), reduction="none"
    ).reshape(T, N).sum(0)
    scores, counts = model._scores(batch)
    np.testing.assert_allclose(scores, chances.detach().numpy(), rtol=0, atol=1e-10)
    assert counts.tolist() == [5, 2, 4]
    inside = np.arange(T)[:, None] < LENGTHS
    np.testing.assert_allclose(model.logits(batch)[inside], logits.detach().numpy()[inside], rtol=0, atol=1e-12)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_tagger(bidirectional: bool) -> None:
    model = Tagger(Features(2), 4, H, bidirectional=bidirectional, dtype="float64", seed=1)
    own, x, targets = weights(model), RNG.normal(size=(T, N, 2)), masked_targets(4)
    y, _ = packed(network(model, own), torch.tensor(x), LENGTHS)
    loss = torch.nn.functional.cross_entropy(linear(own, y).flatten(0, 1), counted(targets), label_smoothing=0.1)
    batch = Batch(features=x, targets=targets, lengths=LENGTHS)
    assert model.loss(batch, label_smoothing=0.1) == pytest.approx(loss.item(), abs=1e-12)
    same(model, batch, own, torch.nn.functional.cross_entropy(linear(own, y).flatten(0, 1), counted(targets)))


def test_tagger_of_numbers() -> None:
    model = Tagger(V, None, H, outputs=2, cell="gru", dtype="float64", seed=1)
    own, ids, values = weights(model), RNG.integers(0, V, (T, N)), RNG.normal(size=(T, N, 2))
    y, _ = network(model, own)(own["embedding.weight"][torch.tensor(ids)])
    same(model, Batch(ids=ids, values=values), own, ((linear(own, y) - torch.tensor(values)) ** 2).mean())


@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
@pytest.mark.parametrize("numbers", [False, True])
def test_classifier_and_regressor(pooling: str, numbers: bool) -> None:
    kind: Any = Regressor if numbers else Classifier
    model = kind(V, 4, H, bidirectional=True, pooling=pooling, dtype="float64", seed=1)
    own, ids = weights(model), RNG.integers(0, V, (T, N))
    y, state = packed(network(model, own), own["embedding.weight"][torch.tensor(ids)], LENGTHS)
    inside = torch.tensor(np.arange(T)[:, None] < LENGTHS)[..., None]
    if pooling == "last":
        pooled = torch.cat([state[0][0], state[0][1]], dim=-1)
    elif pooling == "mean":
        pooled = (y * inside).sum(0) / torch.tensor(LENGTHS)[:, None]
    else:
        pooled = torch.where(inside, y, -torch.inf).max(0).values
    if numbers:
        values = RNG.normal(size=(N, 4))
        loss = ((linear(own, pooled) - torch.tensor(values)) ** 2).mean()
        return same(model, Batch(ids=ids, values=values, lengths=LENGTHS), own, loss)
    targets = RNG.integers(0, 4, N)
    loss = torch.nn.functional.cross_entropy(linear(own, pooled), torch.tensor(targets))
    same(model, Batch(ids=ids, targets=targets, lengths=LENGTHS), own, loss)


def decoder_arrays() -> tuple[np.ndarray, np.ndarray, np.ndarray, torch.Tensor]:
    """What a decoder reads, its targets and their lengths; and the targets that count."""
    lengths = np.array([4, 1, 3])
    ids, targets = RNG.integers(0, V, (S, N)), RNG.integers(0, V, (S, N))
    inside = np.arange(S)[:, None] < lengths
    return ids, targets, lengths, torch.tensor(np.where(inside, targets, -100)).flatten()


def test_vector_decoder_that_reads_the_vector() -> None:
    model = VectorDecoder(2, V, H, vector_use="input", dtype="float64", seed=1)
    own, vector = weights(model), RNG.normal(size=(N, 2))
    ids, targets, lengths, wanted = decoder_arrays()
    x = torch.cat([own["decoder_embedding.weight"][torch.tensor(ids)], torch.tensor(vector).expand(S, N, 2)], dim=-1)
    y, _ = network(model, own, "decoder_network")(x)
    loss = torch.nn.functional.cross_entropy(linear(own, y).flatten(0, 1), wanted)
    batch = Batch(features=vector, decoder_ids=ids, targets=targets, target_lengths=lengths)
    same(model, batch, own, loss)


@pytest.mark.parametrize("attention", ["none", "general", "dot"])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_encoder_and_decoder(attention: str, cell: str) -> None:
    model = EncoderDecoder(V, V, H, cell=cell, num_layers=2, attention=attention, dtype="float64", seed=1)
    own, sources = weights(model), RNG.integers(0, V, (T, N))
    ids, targets, lengths, wanted = decoder_arrays()
    embedded = own["encoder_embedding.weight"][torch.tensor(sources)]
    keys, state = packed(network(model, own, "encoder_network"), embedded, LENGTHS)
    y, _ = network(model, own, "decoder_network")(own["decoder_embedding.weight"][torch.tensor(ids)], state)
    if attention != "none":
        y = luong(own, y, keys, attention)
    loss = torch.nn.functional.cross_entropy(linear(own, y).flatten(0, 1), wanted)
    batch = Batch(
        ids=sources, lengths=LENGTHS, decoder_ids=ids, targets=targets, target_lengths=lengths
    )
    same(model, batch, own, loss)


def luong(own: dict[str, torch.Tensor], h: torch.Tensor, keys: torch.Tensor, kind: str) -> torch.Tensor:
    """a = tanh(W [c; h]), of scores h . k or h . W k (Luong, Pham, Manning 2015)."""
    scored = keys @ own["attention.weight"].T if kind == "general" else keys
    scores = torch.einsum("snh,tnh->snt", h, scored)
    inside = torch.tensor(np.arange(T) < LENGTHS[:, None])
    alpha = torch.softmax(scores.masked_fill(~inside, -torch.inf), dim=-1)
    context = torch.einsum("snt,tnh->snh", alpha, keys)
    return torch.tanh(torch.cat([context, h], dim=-1) @ own["attention.output_weight"].T)
