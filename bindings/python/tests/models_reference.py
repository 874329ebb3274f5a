"""The models of docs/models.md in torch, in float64, sequence by sequence without padding: what tests compare with."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from swiftrnn.models import Batch, Model

MODULES = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn": torch.nn.RNN}
Tensors = dict[str, torch.Tensor]
State = tuple[torch.Tensor, ...]


def leaves(model: Model) -> Tensors:
    """The parameters of a model as leaves of torch's graph."""
    return {name: torch.tensor(view.copy(), requires_grad=True) for name, view in model.parameters.items()}


def recurrent(p: Tensors, prefix: str, how: dict[str, Any], x: torch.Tensor, state: State | None) -> tuple[Any, State]:
    """A network over one sequence [T, F]: outputs [T, H * directions] and states [layers * directions, H]."""
    layers, both = how["num_layers"], how["bidirectional"]
    module = MODULES[how["cell"]](x.shape[1], how["hidden_size"], layers, bidirectional=both, dtype=torch.float64)
    own = {name.removeprefix(prefix): value for name, value in p.items() if name.startswith(prefix)}
    assert set(own) == {name for name, _ in module.named_parameters()}
    start = None if state is None else state if how["cell"] == "lstm" else state[0]
    y, last = torch.func.functional_call(module, own, (x, start))
    return y, last if how["cell"] == "lstm" else (last,)


def embedded(p: Tensors, name: str, described: dict[str, int], value: Any) -> torch.Tensor:
    """Tokens [T] looked up, or features [T, F] as they are."""
    return torch.tensor(value) if "features" in described else p[f"{name}.weight"][torch.tensor(value)]


def pooled(p: Tensors, kind: str, y: torch.Tensor, both: bool) -> torch.Tensor:
    """One vector of the outputs [T, W]."""
    if kind == "mean":
        return y.mean(0)
    if kind == "max":
        return y.max(0).values
    if kind == "attention":
        scores = torch.tanh(y @ p["pool.weight"].T + p["pool.bias"]) @ p["pool.query"]
        return torch.softmax(scores, 0) @ y
    half = y.shape[1] // 2
    return torch.cat([y[-1, :half], y[0, half:]]) if both else y[-1]


def context(p: Tensors, kind: str, query: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
    """What a query [Q] attends to in keys [T, K]."""
    if kind == "dot":
        scores = keys @ query
    elif kind == "general":
        scores = keys @ (p["attention.weight"].T @ query)
    else:
        if kind == "concat":
            joined = torch.cat([query.expand(len(keys), -1), keys], 1)
            hidden = joined @ p["attention.weight"].T + p["attention.bias"]
        else:
            hidden = p["attention.query_weight"] @ query + keys @ p["attention.weight"].T + p["attention.bias"]
        scores = torch.tanh(hidden) @ p["attention.score"]
    return torch.softmax(scores, 0) @ keys


def bridged(p: Tensors, sources: State, layers: int, count: int) -> State:
    """The states that a decoder starts with, of the states [layers, inputs] of an encoder, or of a vector [1, size]."""
    if "bridge.weight_h_l0" not in p:
        return sources
    states = []
    for number, name in enumerate("hc"[:count]):
        source = sources[min(number, len(sources) - 1)]
        rows = []
        for layer in range(layers):
            row = p[f"bridge.weight_{name}_l{layer}"] @ source[min(layer, len(source) - 1)]
            row = row + p[f"bridge.bias_{name}_l{layer}"]
            rows.append(torch.tanh(row) if number == 0 else row)
        states.append(torch.stack(rows))
    return tuple(states)


def decoded(p: Tensors, c: dict[str, Any], ids: Any, source: Any) -> torch.Tensor:
    """The outputs of a decoder, for one sequence."""
    how, count = c["decoder"], 2 if c["decoder"]["cell"] == "lstm" else 1
    x = p["decoder_embedding.weight"][torch.tensor(ids)]
    if c["kind"] == "vector_decoder":
        vector = torch.tensor(source)
        if c["vector_use"] == "input":
            return recurrent(p, "decoder_network.", how, torch.cat([x, vector.expand(len(x), -1)], 1), None)[0]
        return recurrent(p, "decoder_network.", how, x, bridged(p, (vector[None],), how["num_layers"], count))[0]
    read = embedded(p, "encoder_embedding", c["input"], source)
    keys, last = recurrent(p, "encoder_network.", c["network"], read, None)
    ways = 2 if c["network"]["bidirectional"] else 1
    state = bridged(p, tuple(s.reshape(-1, ways * s.shape[-1]) for s in last), how["num_layers"], count)
    kind = c["attention"]
    if kind == "none":
        return recurrent(p, "decoder_network.", how, x, state)[0]
    if c.get("attention_use") == "input":
        h, outputs, contexts = state[0][-1], [], []
        for token in x:  # the context of the step before is part of the input
            contexts.append(context(p, kind, h, keys))
            y, state = recurrent(p, "decoder_network.", how, torch.cat([token, contexts[-1]])[None], state)
            h = y[0]
            outputs.append(h)
    else:
        outputs = list(recurrent(p, "decoder_network.", how, x, state)[0])
        contexts = [context(p, kind, h, keys) for h in outputs]
    rows = [torch.tanh(p["attention.output_weight"] @ torch.cat([a, h])) for a, h in zip(contexts, outputs)]
    return torch.stack(rows)


def outputs(p: Tensors, model: Model, batch: Batch) -> list[torch.Tensor]:
    """Logits or numbers of each sequence: [steps, outputs], or [outputs] of what is pooled."""
    c = model.configuration
    read = batch.ids if batch.features is None else batch.features
    assert read is not None
    count = len(read) if c["kind"] == "vector_decoder" else read.shape[1]
    found = []
    for n in range(count):
        own = read[n] if c["kind"] == "vector_decoder" else read[: length(batch.lengths, read, n), n]
        if "decoder" in c:
            assert batch.decoder_ids is not None
            steps = length(batch.target_lengths, batch.decoder_ids, n)
            y = decoded(p, c, batch.decoder_ids[:steps, n], own)
        else:
            y, _ = recurrent(p, "network.", c["network"], embedded(p, "embedding", c["input"], own), None)
            if "pooling" in c:
                y = pooled(p, c["pooling"], y, c["network"]["bidirectional"])
        tied = "decoder_embedding.weight" if "decoder" in c else "embedding.weight"
        weight = p[tied] if c.get("tie_embedding") else p["output.weight"]
        found.append(y @ weight.T + p["output.bias"])
    return found


def length(lengths: Any, read: Any, n: int) -> int:
    """Steps of a sequence."""
    return len(read) if lengths is None else int(lengths[n])


def expected(batch: Batch, rows: list[torch.Tensor]) -> torch.Tensor:
    """Targets or values beside the rows of `outputs`."""
    wanted = batch.targets if batch.values is None else batch.values
    assert wanted is not None
    parts = [wanted[n] if y.ndim == 1 else wanted[: len(y), n] for n, y in enumerate(rows)]
    return torch.tensor(np.concatenate([np.atleast_1d(part) if batch.values is None else
                                        np.reshape(part, (-1, wanted.shape[-1])) for part in parts]))  # fmt: skip


def loss(p: Tensors, model: Model, batch: Batch, *, smoothing: float = 0, weights: Any = None) -> torch.Tensor:
    """The loss by torch's functions."""
    rows = outputs(p, model, batch)
    y = torch.cat([torch.atleast_2d(row) for row in rows])
    if batch.values is not None:
        return torch.nn.functional.mse_loss(y, expected(batch, rows))
    weight = None if weights is None else torch.tensor(weights)
    return torch.nn.functional.cross_entropy(y, expected(batch, rows), weight, label_smoothing=smoothing)
