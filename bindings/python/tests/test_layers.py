"""Layers with parameters against torch's modules in float64 and finite differences: results and gradients, with
lengths, masks, and memories of keys."""

from __future__ import annotations

from typing import Any, Callable

import numpy as np
import pytest
import torch

import swiftrnn
from torch_reference import assert_same_bits

TOLERANCE = {"float64": 1e-10, "float32": 5e-5}
TYPES = pytest.mark.parametrize("dtype", ["float64", "float32"])


def close(found: Any, expected: Any, what: str = "") -> None:
    theirs = expected.detach().numpy() if isinstance(expected, torch.Tensor) else expected
    assert found.shape == theirs.shape, what
    scale = max(1.0, float(np.abs(theirs).max(initial=0)))
    assert np.abs(found - theirs).max(initial=0) <= TOLERANCE[found.dtype.name] * scale, what


def draw(*shape: int, dtype: str = "float64", seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def doubles(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(array.astype(np.float64)).requires_grad_()


def parameters_of(layer: Any) -> dict[str, torch.Tensor]:
    return {name: doubles(array) for name, array in layer.parameters.items()}


# ---- Plain versions in torch -----------------------------------------------------------------------------------------


def pooled(x: torch.Tensor, counts: np.ndarray, layer: Any, p: dict[str, torch.Tensor]) -> torch.Tensor:
    """x [T, N, W], counts [T, N]; one sequence after the other."""
    rows = []
    for n in range(x.shape[1]):
        steps = x[:, n][torch.from_numpy(counts[:, n])]
        if len(steps) == 0:
            rows.append(torch.zeros(x.shape[2], dtype=x.dtype))
        elif layer.kind == "last":
            half = x.shape[2] // 2
            rows.append(torch.cat([steps[-1][:half], steps[0][half:]]) if layer.bidirectional else steps[-1])
        elif layer.kind == "mean":
            rows.append(steps.mean(0))
        elif layer.kind == "max":
            rows.append(steps.max(0).values)
        else:
            inner = torch.tanh(torch.nn.functional.linear(steps, p["weight"], p.get("bias")))
            rows.append(torch.softmax(inner @ p["query"], 0) @ steps)
    return torch.stack(rows)


def attended(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, counts: np.ndarray, layer: Any, p: Any) -> Any:
    """Context and weights, steps first; one query of one sequence after the other."""
    contexts, all_weights = [], []
    for i in range(q.shape[0]):
        for n in range(q.shape[1]):
            there = torch.from_numpy(counts[:, n])
            keys, values, query = k[:, n][there], v[:, n][there], q[i, n]
            if layer.kind == "dot":
                scores = keys @ query
            elif layer.kind == "general":
                scores = keys @ (p["weight"].T @ query)
            else:
                bias = p.get("bias", torch.zeros(1, dtype=q.dtype))
                if layer.kind == "additive":
                    inner = keys @ p["weight"].T + p["query_weight"] @ query + bias
                else:
                    both = torch.cat([query.expand(len(keys), -1), keys], 1)
                    inner = both @ p["weight"].T + bias
                scores = torch.tanh(inner) @ p["score"]
            weights = torch.softmax(layer.scale * scores, 0)
            contexts.append(weights @ values)
            row = torch.zeros(len(k), dtype=q.dtype)
            row[there] = weights
            all_weights.append(row)
    shape = q.shape[:2]
    return torch.stack(contexts).reshape(*shape, -1), torch.stack(all_weights).reshape(*shape, -1)


def check_gradients(layer: Any, grads: Any, inputs: dict[str, Any], p: Any, loss: torch.Tensor) -> None:
    """All gradients of `loss` for inputs, by the names of `grads`, and parameters."""
    wanted = torch.autograd.grad(loss, [*inputs.values(), *p.values()], allow_unused=True)
    for (name, tensor), gradient in zip([*inputs.items(), *p.items()], wanted):
        gradient = torch.zeros_like(tensor) if gradient is None else gradient
        if name in p:
            close(grads.parameters[name], gradient, name)
        else:
            close(grads.x if name == "x" else grads.inputs[name], gradient, name)
    assert grads.state is None and grads.flat.shape == layer.flat.shape
    assert all(np.shares_memory(view, grads.flat) for view in grads.parameters.values())


# ---- Each layer against torch ----------------------------------------------------------------------------------------


@TYPES
@pytest.mark.parametrize("padding", [None, 0, -2])
def test_embedding(dtype: str, padding: int | None) -> None:
    layer = swiftrnn.Embedding(11, 5, padding_idx=padding, dtype=dtype, seed=1)
    theirs = torch.nn.Embedding(11, 5, padding_idx=padding, dtype=torch.float64)
    assert list(layer.parameters) == list(theirs.state_dict()) and layer.padding_idx == theirs.padding_idx
    if dtype == "float64":
        assert padding is None or not layer.parameters["weight"][padding].any()
        layer.load_state_dict({name: tensor.numpy() for name, tensor in theirs.state_dict().items()})
    theirs.load_state_dict({name: torch.from_numpy(a.astype(np.float64)) for name, a in layer.state_dict().items()})
    ids = np.random.default_rng(0).integers(0, 11, (4, 3, 2))
    y, tape = layer.forward(ids)
    expected = theirs(torch.from_numpy(ids))
    close(y, expected)
    assert_same_bits(layer(ids), y)
    dy = draw(*y.shape, dtype=dtype)
    grads = tape.backward(dy)
    (expected * torch.from_numpy(dy)).sum().backward()
    close(grads.parameters["weight"], theirs.weight.grad)
    assert grads.x is None
    before = grads.flat.copy()
    assert tape.backward(dy, accumulate_into=grads).flat is grads.flat
    close(grads.flat, 2 * before)
    if padding is not None:
        row = np.ones_like(layer.flat)
        tape.backward(dy, accumulate_into=row)
        assert (row.reshape(11, 5)[padding] == 1).all()


@TYPES
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(), (6,), (4, 3)])
def test_linear(dtype: str, bias: bool, shape: tuple[int, ...]) -> None:
    layer = swiftrnn.Linear(5, 7, bias, dtype=dtype, seed=1)
    theirs = torch.nn.Linear(5, 7, bias, dtype=torch.float64)
    assert list(layer.parameters) == list(theirs.state_dict())
    if dtype == "float64":
        layer.load_state_dict({name: tensor.numpy() for name, tensor in theirs.state_dict().items()})
    theirs.load_state_dict({name: torch.from_numpy(a.astype(np.float64)) for name, a in layer.state_dict().items()})
    x, dy = draw(*shape, 5, dtype=dtype), draw(*shape, 7, dtype=dtype, seed=1)
    y, tape = layer.forward(x)
    tx = doubles(x)
    expected = theirs(tx)
    close(y, expected)
    assert_same_bits(layer(x), y)
    grads = tape.backward(dy)
    check_gradients(layer, grads, {"x": tx}, dict(theirs.named_parameters()), (expected * doubles(dy)).sum())
    assert tape.backward(dy, need_x=False).x is None
    nothing = tape.backward(dy, need_parameters=False)
    assert nothing.flat is None and nothing.parameters is None
    assert_same_bits(nothing.x, grads.x)


@TYPES
def test_dropout(dtype: str) -> None:
    layer = swiftrnn.Dropout(0.4, layer=3, dtype=dtype, seed=5)
    x, dy = draw(6, 4, 50, dtype=dtype), draw(6, 4, 50, dtype=dtype, seed=1)
    y, tape = layer.forward(x, seed=9)
    assert_same_bits(y, swiftrnn.dropout(x, 0.4, seed=9, layer=3).y)
    assert tape.seed == 9 and layer(x) is x
    mask = np.where(y == 0, 0, 1 / (1 - 0.4))
    assert 0.3 < (mask == 0).mean() < 0.5
    close(y, x * mask)
    close(tape.backward(dy).x, dy * mask)
    part, of_part = layer.forward(x[2:, 1:], seed=9, first_step=2, first_sequence=1)
    assert_same_bits(part, np.ascontiguousarray(y[2:, 1:]))
    assert_same_bits(of_part.backward(dy[2:, 1:]).x, np.ascontiguousarray(tape.backward(dy).x[2:, 1:]))
    assert tape.backward(dy, need_x=False).x is None and tape.backward(dy).flat.size == 0 == len(layer.parameters)
    first, second = layer.forward(x)[0], layer.forward(x)[0]
    assert (first != second).any(), "each call draws its own"
    again = swiftrnn.Dropout(0.4, layer=3, dtype=dtype, seed=5)
    assert_same_bits([again.forward(x)[0], again.forward(x)[0]], [first, second], "the same from the same seed")


COUNTS = pytest.mark.parametrize("which", ["all", "lengths", "mask", "lengths and mask"])


def counted(which: str, steps: int, sequences: int, none: bool) -> tuple[np.ndarray, dict[str, Any]]:
    rng, counts, options = np.random.default_rng(3), np.ones((steps, sequences), bool), {}
    if "lengths" in which:
        options["lengths"] = rng.integers(0 if none else 1, steps + 1, sequences)
        counts &= np.arange(steps)[:, np.newaxis] < options["lengths"]
    if "mask" in which:
        options["mask"] = rng.random((steps, sequences)) < 0.6
        options["mask"][0] = not none or options["mask"][0]
        counts &= options["mask"]
    return counts, options


def by_caller(array: np.ndarray, batch_first: bool) -> np.ndarray:
    return np.ascontiguousarray(array.swapaxes(0, 1)) if batch_first else array


@TYPES
@COUNTS
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize(
    "options",
    [
        ("last",), ("last", 6, None, True, True), ("mean", 6), ("max",), ("attention", 6, 4),
        ("attention", 6, None, False),
    ],
    ids=str,
)  # fmt: skip
def test_pool(dtype: str, which: str, batch_first: bool, options: Any) -> None:
    layer = swiftrnn.Pool(*options, batch_first=batch_first, dtype=dtype, seed=1)
    counts, given = counted(which, 5, 4, none=True)
    if "mask" in given:
        given["mask"] = by_caller(given["mask"], batch_first)
    x = draw(5, 4, 6, dtype=dtype)
    steps = doubles(x)
    x[~counts] = np.nan  # nobody reads them
    y, tape = layer.forward(by_caller(x, batch_first), **given)
    p = parameters_of(layer)
    expected = pooled(steps, counts, layer, p)
    close(y, expected)
    assert_same_bits(layer(by_caller(x, batch_first), **given), y)
    dy = draw(4, 6, dtype=dtype, seed=2)
    for array in given.values():
        array[...] = 0  # the tape has its own
    grads = tape.backward(dy)
    grads.x = by_caller(grads.x, batch_first)
    check_gradients(layer, grads, {"x": steps}, p, (expected * doubles(dy)).sum())
    if layer.kind == "attention" and which == "lengths":
        _, given = counted(which, 5, 4, none=True)
        weights = by_caller(layer.weights(by_caller(x, batch_first), **given), batch_first)
        assert not weights[~counts].any()
        close(weights.sum(0), counts.any(0).astype(dtype))


def test_pool_unbatched() -> None:
    layer = swiftrnn.Pool("attention", 6, dtype="float64", seed=1)
    x, dy = draw(5, 6), draw(6, seed=1)
    mask = np.array([True, False, True, True, True])
    y, tape = layer.forward(x, lengths=[4], mask=mask)
    whole, of_whole = layer.forward(x[:, np.newaxis], lengths=[4], mask=mask[:, np.newaxis])
    assert_same_bits([y, layer(x, [4], mask)], [whole[0]] * 2)
    assert_same_bits(layer.weights(x, [4], mask), layer.weights(x[:, np.newaxis], [4], mask[:, np.newaxis])[:, 0])
    one, other = tape.backward(dy), of_whole.backward(dy[np.newaxis])
    assert_same_bits([one.x, one.flat], [other.x[:, 0].copy(), other.flat])


KINDS = pytest.mark.parametrize(
    "options",
    [
        ("additive", 5, 6, 4), ("additive", 5, 6, None, False), ("dot", 6, None, None, True, 0.5), ("general", 5, 6),
        ("concat", 5, 6, 4), ("concat", 5, 6, 3, False),
    ],
    ids=str,
)  # fmt: skip


@TYPES
@COUNTS
@KINDS
@pytest.mark.parametrize("batch_first, width", [(False, None), (True, 3)])
def test_attention(dtype: str, which: str, options: Any, batch_first: bool, width: int | None) -> None:
    layer = swiftrnn.Attention(*options, batch_first=batch_first, dtype=dtype, seed=1)
    counts, given = counted(which, 7, 3, none=False)
    if "mask" in given:
        given["mask"] = by_caller(given["mask"], batch_first)
    queries, keys = draw(4, 3, layer.query_size, dtype=dtype), draw(7, 3, 6, dtype=dtype, seed=1)
    values = None if width is None else draw(7, 3, width, dtype=dtype, seed=2)
    tq, tk, p = doubles(queries), doubles(keys), parameters_of(layer)
    tv = tk if values is None else doubles(values)
    arrays = [None if one is None else by_caller(one, batch_first) for one in (queries, keys, values)]
    context, weights, tape = layer.forward(*arrays, **given)
    expected, theirs = attended(tq, tk, tv, counts, layer, p)
    close(by_caller(context, batch_first), expected, "context")
    close(by_caller(weights, batch_first), theirs, "weights")
    assert_same_bits(list(layer(*arrays, **given)), [context, weights])
    for array in given.values():
        array[...] = 0  # the tape has its own
    dy = draw(*expected.shape, dtype=dtype, seed=3)
    grads = tape.backward(by_caller(dy, batch_first))
    before = grads.flat.copy()
    grads.x = by_caller(grads.x, batch_first)
    grads.inputs = {name: by_caller(array, batch_first) for name, array in grads.inputs.items()}
    inputs = {"x": tq, "keys": tk, **({} if values is None else {"values": tv})}
    assert list(grads.inputs) == list(inputs)[1:]
    check_gradients(layer, grads, inputs, p, (expected * doubles(dy)).sum())
    twice = tape.backward(by_caller(dy, batch_first), need_x=False, need_inputs=False, accumulate_into=grads)
    assert twice.flat is grads.flat and twice.x is None and twice.inputs is None
    close(twice.flat, 2 * before)


@TYPES
@COUNTS
@KINDS
@pytest.mark.parametrize("batch_first, width", [(False, None), (True, 3)])
def test_attention_to_a_memory(dtype: str, which: str, options: Any, batch_first: bool, width: int | None) -> None:
    """One query at a time, as a decoder asks: the same as all of them at once."""
    layer = swiftrnn.Attention(*options, batch_first=batch_first, dtype=dtype, seed=1)
    _, given = counted(which, 7, 3, none=True)
    if "mask" in given:
        given["mask"] = by_caller(given["mask"], batch_first)
    queries, keys = draw(4, 3, layer.query_size, dtype=dtype), draw(7, 3, 6, dtype=dtype, seed=1)
    values = None if width is None else by_caller(draw(7, 3, width, dtype=dtype, seed=2), batch_first)
    keys = by_caller(keys, batch_first)
    context, weights, tape = layer.forward(by_caller(queries, batch_first), keys, values, **given)
    dy = draw(*by_caller(context, batch_first).shape, dtype=dtype, seed=3)
    whole = tape.backward(by_caller(dy, batch_first))

    memory, tapes = layer.memory(keys, values, **given), []
    for array in given.values():
        array[...] = 0
    for step in range(4):
        query = by_caller(queries[step : step + 1], batch_first)
        found, attention_weights, tape = layer.forward(query, memory)
        steps = by_caller(context, batch_first)[step : step + 1]
        close(by_caller(found, batch_first), steps)
        close(by_caller(attention_weights, batch_first), by_caller(weights, batch_first)[step : step + 1])
        assert_same_bits(list(layer(query, memory)), [found, attention_weights])
        tapes.append(tape)
    total, grads = np.zeros_like(layer.flat), None
    for step in reversed(range(4)):
        into = total if grads is None else grads
        grads = tapes[step].backward(by_caller(dy[step : step + 1], batch_first), accumulate_into=into)
        close(by_caller(grads.x, batch_first)[0], by_caller(whole.x, batch_first)[step])
        assert grads.flat is total and grads.memory is memory
    complete = memory.backward(grads)
    assert complete.flat is total and list(complete.inputs) == list(whole.inputs) and complete.x is None
    close(complete.flat, whole.flat)
    for name, gradient in whole.inputs.items():
        close(complete.inputs[name], gradient, name)
    with pytest.raises(ValueError, match="gradients: these gradients have been completed"):
        memory.backward(grads)
    with pytest.raises(ValueError, match="accumulate_into: these gradients have been completed"):
        tapes[0].backward(by_caller(dy[:1], batch_first), accumulate_into=grads)


# ---- Finite differences ----------------------------------------------------------------------------------------------

LENGTHS = np.array([4, 2, 0])
MADE: dict[str, tuple[Callable[[], Any], list[tuple[int, ...]], dict[str, Any]]] = {
    "linear": (lambda: swiftrnn.Linear(3, 2, dtype="float64", seed=1), [(4, 3, 3)], {}),
    "dropout": (lambda: swiftrnn.Dropout(0.5, dtype="float64", seed=1), [(4, 3, 3)], {"seed": 7}),
    **{
        kind: (lambda kind=kind: swiftrnn.Pool(kind, 2, dtype="float64", seed=1), [(4, 3, 2)], {"lengths": LENGTHS})
        for kind in ("last", "mean", "max", "attention")
    },
    **{
        f"attention {kind}": (
            lambda kind=kind: swiftrnn.Attention(kind, 2, dtype="float64", seed=1),
            [(2, 3, 2), (4, 3, 2), (4, 3, 2)],
            {"lengths": LENGTHS},
        )
        for kind in ("additive", "dot", "general", "concat")
    },
}


@pytest.mark.parametrize("name", MADE)
def test_finite_differences(name: str) -> None:
    make, shapes, options = MADE[name]
    layer, inputs = make(), [draw(*shape, seed=number) for number, shape in enumerate(shapes)]
    y, *_, tape = layer.forward(*inputs, **options)
    dy = draw(*y.shape, seed=9)

    def loss() -> float:
        return float((layer.forward(*inputs, **options)[0] * dy).sum())

    grads = tape.backward(dy)
    found = [grads.x, *(grads.inputs or {}).values(), grads.flat]
    assert len(found) == len(inputs) + 1
    for array, gradient in zip([*inputs, layer.flat], found):
        for index in np.ndindex(array.shape):
            old, h = array[index], 1e-5
            array[index] = old + h
            above = loss()
            array[index] = old - h
            slope = (above - loss()) / (2 * h)
            array[index] = old
            assert abs(slope - gradient[index]) < 1e-8, (name, index)
