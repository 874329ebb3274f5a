"""Training of layers by name beside the same model in torch in float64, from the same parameters: the losses of all
steps, and the parameters at the end."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import swiftrnn

V, E, H, A, CLASSES, T, N = 12, 5, 7, 6, 3, 6, 16


@pytest.fixture(autouse=True)
def one_thread_of_torchs() -> Any:
    """Several wait for each other at each of these small operations."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def batches(count: int) -> Any:
    """Sequences of tokens, their lengths, and their labels: the last token's remainder."""
    rng = np.random.default_rng(0)
    for _ in range(count):
        ids, lengths = rng.integers(0, V, (T, N)), rng.integers(1, T + 1, N)
        yield ids, lengths, ids[lengths - 1, np.arange(N)] % CLASSES


class Classifier(torch.nn.Module):
    """Embedding, LSTM, attention over its steps (Yang et al. 2016), linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = torch.nn.Embedding(V, E, padding_idx=0)
        self.encoder = torch.nn.LSTM(E, H, bidirectional=True)
        self.pool = torch.nn.Linear(2 * H, A)
        self.pool.query = torch.nn.Parameter(torch.empty(A))
        self.output = torch.nn.Linear(2 * H, CLASSES)

    def forward(self, ids: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        x = torch.nn.utils.rnn.pack_padded_sequence(self.embedding(ids), lengths, enforce_sorted=False)
        y, _ = torch.nn.utils.rnn.pad_packed_sequence(self.encoder(x)[0], total_length=T)
        scores = torch.tanh(self.pool(y)) @ self.pool.query
        scores = scores.masked_fill(torch.arange(T)[:, None] >= lengths, -torch.inf)
        pooled: torch.Tensor = (torch.softmax(scores, 0)[..., None] * y).sum(0)
        found: torch.Tensor = self.output(pooled)
        return found


def test_classifier_trains_as_in_torch() -> None:
    model = swiftrnn.Layers(
        embedding=swiftrnn.Embedding(V, E, padding_idx=0, dtype="float64"),
        encoder=swiftrnn.LSTM(E, H, bidirectional=True, dtype="float64"),
        pool=swiftrnn.Pool("attention", 2 * H, A, dtype="float64"),
        output=swiftrnn.Linear(2 * H, CLASSES, dtype="float64"),
    )
    model.initialize(1)
    module = Classifier().double()
    module.load_state_dict({name: torch.from_numpy(array) for name, array in model.state_dict().items()}, strict=True)
    optimizer = swiftrnn.Adam(model, lr=0.03)
    theirs = torch.optim.Adam(module.parameters(), lr=0.03)
    losses = []
    for ids, lengths, labels in batches(40):
        x, of_embedding = model["embedding"].forward(ids)
        y, _, of_encoder = model["encoder"].forward(x, lengths=lengths)
        pooled, of_pool = model["pool"].forward(y, lengths=lengths)
        logits, of_output = model["output"].forward(pooled)
        loss, dlogits, _ = swiftrnn.cross_entropy(logits, labels)
        grads = model.gradients()
        dpooled = of_output.backward(dlogits, accumulate_into=grads["output"]).x
        dy = of_pool.backward(dpooled, accumulate_into=grads["pool"]).x
        dx = of_encoder.backward(dy, accumulate_into=grads["encoder"]).x
        of_embedding.backward(dx, accumulate_into=grads["embedding"])
        norm = swiftrnn.clip_grad_norm(grads, 0.7)
        optimizer.step(grads)

        theirs.zero_grad()
        expected = torch.nn.functional.cross_entropy(
            module(torch.from_numpy(ids), torch.from_numpy(lengths)), torch.from_numpy(labels)
        )
        expected.backward()
        expected_norm = torch.nn.utils.clip_grad_norm_(module.parameters(), 0.7)
        theirs.step()
        assert abs(loss - expected.item()) < 1e-9 and abs(norm - expected_norm.item()) < 1e-8
        losses.append(loss)
    assert np.mean(losses[-10:]) < 0.5 * np.mean(losses[:5]), losses
    for name, tensor in module.state_dict().items():
        assert np.abs(model.parameters[name] - tensor.numpy()).max() < 1e-7, name


class Decoder(torch.nn.Module):
    """A decoder that attends to its encoder once per step, before its cell (Bahdanau et al. 2015)."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = torch.nn.GRU(E, H)
        self.attention = torch.nn.ParameterDict(
            {"query_weight": torch.empty(A, H), "weight": torch.empty(A, H), "bias": torch.empty(A),
             "score": torch.empty(A)}
        )  # fmt: skip
        self.decoder = torch.nn.GRU(H + E, H)
        self.output = torch.nn.Linear(2 * H, E)

    def forward(self, source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        keys, h = self.encoder(source)
        p, outputs = self.attention, []
        for x in target:
            scores = torch.tanh(h @ p["query_weight"].T + keys @ p["weight"].T + p["bias"]) @ p["score"]
            context = (torch.softmax(scores, 0)[..., None] * keys).sum(0)
            _, h = self.decoder(torch.cat([context, x], -1)[None], h)
            outputs.append(self.output(torch.cat([h[0], context], -1)))
        return torch.stack(outputs)


def test_decoder_with_attention_at_each_step_trains_as_in_torch() -> None:
    model = swiftrnn.Layers(
        encoder=swiftrnn.GRU(E, H, dtype="float64"),
        attention=swiftrnn.Attention("additive", H, H, A, dtype="float64"),
        decoder=swiftrnn.GRU(H + E, H, dtype="float64"),
        output=swiftrnn.Linear(2 * H, E, dtype="float64"),
    )
    model.initialize(2)
    module = Decoder().double()
    module.load_state_dict({name: torch.from_numpy(array) for name, array in model.state_dict().items()}, strict=True)
    optimizer, theirs = swiftrnn.Adam(model, lr=0.02), torch.optim.Adam(module.parameters(), lr=0.02)
    rng, losses = np.random.default_rng(1), []
    attention, decoder, output = model["attention"], model["decoder"], model["output"]
    source = rng.standard_normal((6, N, E))
    target = np.tanh(source[::-1][:4].copy())
    before = np.concatenate([np.zeros((1, N, E)), target[:-1]])
    for _ in range(30):
        keys, h, of_encoder = model["encoder"].forward(source)
        memory, steps, loss = attention.memory(keys), [], 0.0
        grads = model.gradients()
        for x, wanted in zip(before, target):
            context, _, of_attention = attention.forward(h, memory)
            y, h, of_decoder = decoder.forward(np.concatenate([context, x[np.newaxis]], -1), h)
            found, of_output = output.forward(np.concatenate([y, context], -1))
            part, dfound = swiftrnn.mse_loss(found, wanted[np.newaxis])
            loss += part / len(target)
            steps.append((of_attention, of_decoder, of_output, dfound / len(target)))
        dh, of_memory = np.zeros_like(h), None
        for of_attention, of_decoder, of_output, dfound in reversed(steps):
            dboth = of_output.backward(dfound, accumulate_into=grads["output"]).x
            of_step = of_decoder.backward(dboth[..., :H], dh, accumulate_into=grads["decoder"])
            dcontext = dboth[..., H:] + of_step.x[..., :H]
            of_memory = of_attention.backward(dcontext, accumulate_into=of_memory or grads["attention"])
            dh = of_step.state + of_memory.x
        dkeys = memory.backward(of_memory).inputs["keys"]
        of_encoder.backward(dkeys, dh, accumulate_into=grads["encoder"])
        optimizer.step(grads)

        theirs.zero_grad()
        expected = ((module(torch.from_numpy(source), torch.from_numpy(before)) - torch.from_numpy(target)) ** 2).mean()
        expected.backward()
        gradients = {name: tensor.grad.numpy() for name, tensor in module.named_parameters()}
        for name, gradient in grads.parameters.items():
            assert np.abs(gradient - gradients[name]).max() < 1e-10, name
        theirs.step()
        assert abs(loss - expected.item()) < 1e-9
        losses.append(loss)
    assert losses[-1] < 0.6 * losses[0], losses
