"""Layers with parameters against torch's modules in float64 and finite differences: results, gradients, dictionaries,
what they start with, and refusals."""

from __future__ import annotations

import copy
import pickle
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
    [("last",), ("last", 6, None, True, True), ("mean", 6), ("max",), ("attention", 6, 4), ("attention", 6, None, False)],
    ids=str,
)
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


# ---- What they start with --------------------------------------------------------------------------------------------


def test_initialization_is_torchs() -> None:
    layers = {
        "weight": (swiftrnn.Embedding(300, 80, seed=3), None),
        "linear": (swiftrnn.Linear(100, 250, seed=3), {"weight": 100, "bias": 100}),
        "pool": (swiftrnn.Pool("attention", 64, 150, seed=3), {"weight": 64, "bias": 64, "query": 150}),
        "additive": (
            swiftrnn.Attention("additive", 64, 81, 100, seed=3),
            {"query_weight": 64, "weight": 81, "bias": 81, "score": 100},
        ),
        "concat": (swiftrnn.Attention("concat", 64, 80, 100, seed=3), {"weight": 144, "bias": 144, "score": 100}),
        "general": (swiftrnn.Attention("general", 64, 81, seed=3), {"weight": 81}),
    }
    for what, (layer, inputs) in layers.items():
        for name, array in layer.parameters.items():
            numbers = array.astype(float)
            deviation = 1.0 if inputs is None else inputs[name] ** -0.5 / 3**0.5
            error = deviation / numbers.size**0.5
            assert abs(numbers.mean()) < 5 * error, (what, name)
            assert abs((numbers**2).mean() / deviation**2 - 1) < 7 / numbers.size**0.5, (what, name)
            if inputs is not None:
                assert np.abs(numbers).max() <= inputs[name] ** -0.5 < 1.2 * np.abs(numbers).max(), (what, name)
            assert len(np.unique(array)) > 0.95 * array.size
    first, again, other = (swiftrnn.Linear(9, 9, seed=seed) for seed in (1, 1, 2))
    assert_same_bits(first.flat, again.flat)
    assert (first.flat != other.flat).mean() > 0.9
    other.initialize(1)
    assert_same_bits(first.flat, other.flat)
    assert (swiftrnn.Linear(9, 9).flat != swiftrnn.Linear(9, 9).flat).any()
    assert (first.parameters["weight"].ravel()[:9] != first.parameters["bias"]).all()


def test_other_distributions() -> None:
    layer = swiftrnn.Linear(40, 30, dtype="float64", seed=0)
    layer.initialize(1, weights="orthogonal", bias=0.5)
    assert np.abs(layer.parameters["weight"] @ layer.parameters["weight"].T - np.eye(30)).max() < 1e-12
    assert (layer.parameters["bias"] == 0.5).all()
    layer.initialize(1, weights="glorot_uniform", bias=("normal", 0.1))
    bound = (6 / 70) ** 0.5
    assert 0.95 * bound < np.abs(layer.parameters["weight"]).max() <= bound and layer.parameters["bias"].std() < 0.2
    pool = swiftrnn.Pool("attention", 6, seed=0)
    pool.initialize(1, weights="zeros", bias=2.0)
    assert not pool.parameters["query"].any() and (pool.parameters["bias"] == 2).all()
    before = layer.flat.copy()
    for wrong in ({"weights": "xavier"}, {"bias": "orthogonal"}, {"weights": ("normal", -1.0)}, {"bias": ("normal", -1)}):
        with pytest.raises(ValueError, match="weights|bias"):
            layer.initialize(1, **wrong)
    assert_same_bits(layer.flat, before)
    table = swiftrnn.Embedding(5, 3, padding_idx=1, seed=0)
    table.initialize(2, weights=1.0)
    assert table.parameters["weight"][:, 0].tolist() == [1, 0, 1, 1, 1]


# ---- What they share with networks -----------------------------------------------------------------------------------

EVERY = {
    "embedding": lambda: swiftrnn.Embedding(7, 3, padding_idx=2, seed=1),
    "linear": lambda: swiftrnn.Linear(3, 4, bias=False, seed=1),
    "dropout": lambda: swiftrnn.Dropout(0.25, layer=2, seed=1),
    "pool": lambda: swiftrnn.Pool("attention", 3, 2, seed=1),
    "attention": lambda: swiftrnn.Attention("concat", 3, scale=0.5, dtype="float64", seed=1),
}
REPRS = {
    "embedding": "Embedding(7, 3, padding_idx=2)",
    "linear": "Linear(3, 4, bias=False)",
    "dropout": "Dropout(0.25, layer=2)",
    "pool": "Pool('attention', input_size=3, attention_size=2)",
    "attention": "Attention('concat', 3, 3, attention_size=3, scale=0.5, dtype='float64')",
}


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_copies(name: str, way: Any) -> None:
    layer = EVERY[name]()
    layer.note = [layer]
    twin = way(layer)
    assert type(twin) is type(layer) and repr(twin) == repr(layer) == REPRS[name] and twin.note[0] in (twin, layer)
    assert_same_bits(twin.flat, layer.flat)
    assert not np.shares_memory(twin.flat, layer.flat) and twin.dtype == layer.dtype
    assert twin._seeds.getrandbits(64) == layer._seeds.getrandbits(64), "the next mask is the same"
    twin.initialize(3)
    assert twin.flat.size == 0 or (twin.flat != layer.flat).any()
    (first, optimizer) = copy.deepcopy((layer, swiftrnn.SGD(layer, lr=1.0)))
    optimizer.step(np.ones_like(layer.flat))
    assert_same_bits(first.flat, layer.flat - 1)


def test_a_tape_notices_changed_parameters() -> None:
    layer, x = swiftrnn.Linear(3, 4, seed=0), draw(2, 3, dtype="float32")
    changes = [
        lambda: layer.initialize(1),
        lambda: layer.load_state_dict(layer.state_dict()),
        lambda: layer.parameters.__setitem__("bias", np.zeros(4, np.float32)),
        lambda: layer.parameters.changed(),
        lambda: setattr(layer, "flat", layer.flat * 2),
        lambda: swiftrnn.SGD(layer, lr=0.1).step(np.zeros_like(layer.flat)),
        lambda: swiftrnn.Adam([layer.parameters["bias"]]).step([np.zeros(4, np.float32)]),
    ]
    for change in changes:
        y, tape = layer.forward(x)
        tape.backward(y)
        change()
        with pytest.raises(swiftrnn.SwiftRNNError, match="parameters have changed") as caught:
            tape.backward(y)
        assert caught.value.status is swiftrnn.Status.MISMATCH
    attention = swiftrnn.Attention("general", 3, seed=0)
    memory = attention.memory(draw(5, 2, 3, dtype="float32"))
    attention.initialize(1)
    for use in (attention, attention.forward):
        with pytest.raises(swiftrnn.SwiftRNNError, match="parameters have changed"):
            use(draw(1, 2, 3, dtype="float32"), memory)


def test_tapes_close_and_have_one_owner() -> None:
    attention = swiftrnn.Attention("dot", 4)
    context, _, of_attention = attention.forward(draw(2, 1, 4, dtype="float32"), draw(3, 1, 4, dtype="float32"))
    y, of_linear = swiftrnn.Linear(3, 4).forward(draw(2, 3, dtype="float32"))
    for tape, dy in ((of_attention, context), (of_linear, y)):
        for way in (copy.copy, copy.deepcopy, pickle.dumps):
            with pytest.raises(TypeError, match="Tape cannot be copied or pickled.*run forward again"):
                way(tape)
        with tape:
            tape.backward(dy)
        assert repr(tape).endswith(", closed)")
        with pytest.raises(ValueError, match="the tape is closed"):
            tape.backward(dy)


def test_dictionaries() -> None:
    layer = swiftrnn.Linear(3, 4, seed=0)
    state = layer.state_dict(prefix="output.")
    assert list(state) == ["output.weight", "output.bias"]
    other = swiftrnn.Linear(3, 4, seed=1)
    done = other.load_state_dict({**state, "encoder.weight": np.zeros(3)}, prefix="output.")
    assert_same_bits(other.flat, layer.flat)
    assert done == ([], []) and done.missing_keys == []
    other.initialize(1)
    before = other.flat.copy()
    for given, message in (
        (state, r"missing \['weight', 'bias'\], unexpected \['output.weight', 'output.bias'\] \(did you mean "
                r"prefix='output.'\?\)"),
        ({"output.weight": state["output.weight"]}, "missing"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            other.load_state_dict(given)
    with pytest.raises(ValueError, match=r"missing \['output.bias'\], unexpected \['output.extra'\]"):
        other.load_state_dict({"output.weight": state["output.weight"], "output.extra": before}, prefix="output.")
    with pytest.raises(ValueError, match="did you mean prefix='output.'"):
        other.load_state_dict(state, prefix="output")
    with pytest.raises(ValueError, match=r"output.weight: expected shape \[4, 3\], got \[3, 4\]"):
        other.load_state_dict({"output.weight": np.zeros((3, 4), np.float32)}, False, "output.")
    with pytest.raises(TypeError, match="bias: expected float32, got float64"):
        other.load_state_dict({"weight": state["output.weight"], "bias": np.zeros(4)}, strict=False)
    for wrong in ({"prefix": 3}, {"strict": "no"}):
        with pytest.raises(TypeError, match="prefix: expected a str|strict: expected a bool"):
            other.load_state_dict(state, **wrong)
    with pytest.raises(TypeError, match="prefix: expected a str"):
        other.state_dict(prefix=None)  # type: ignore[arg-type]
    assert_same_bits(other.flat, before)
    done = other.load_state_dict({"bias": np.ones(4, np.float32), "gain": before}, strict=False)
    assert done == (["weight"], ["gain"]) and (other.parameters["bias"] == 1).all()
    assert_same_bits(other.parameters["weight"], before[:12].reshape(4, 3))


# ---- Refusals --------------------------------------------------------------------------------------------------------

X = np.zeros((5, 2, 3), np.float32)
WRONG: list[tuple[Any, type[Exception], str]] = [
    (lambda: swiftrnn.Layer({}, "float32", None), TypeError, "swiftrnn.Layer is the base of Embedding"),
    (lambda: swiftrnn.Embedding(0, 3), ValueError, "num_embeddings: 0 is outside 1"),
    (lambda: swiftrnn.Embedding(3, 2**62), ValueError, "parameters have more than"),
    (lambda: swiftrnn.Embedding(3, 2, padding_idx=3), ValueError, "padding_idx: 3 is outside -3...2"),
    (lambda: swiftrnn.Embedding(3, 2)([[0, 3]]), ValueError, r"ids\[0, 1\]"),
    (lambda: swiftrnn.Embedding(3, 2)(np.zeros(2)), TypeError, "ids: expected integers"),
    (lambda: swiftrnn.Linear(3, True), TypeError, "out_features: expected an integer, got bool"),
    (lambda: swiftrnn.Linear(3, 4, bias=1), TypeError, "bias: expected a bool"),
    (lambda: swiftrnn.Linear(3, 4, dtype="float16"), TypeError, "dtype: expected float32 or float64"),
    (lambda: swiftrnn.Linear(3, 4, seed=-1), ValueError, "seed: -1 is outside"),
    (lambda: swiftrnn.Linear(3, 4, device="cpu"), TypeError, "Linear: there is no argument 'device'"),
    (lambda: swiftrnn.Linear(3, 4)(X.astype(float)), TypeError, "x: expected float32, got float64"),
    (lambda: swiftrnn.Linear(4, 4)(X), ValueError, r"x: expected shape \[..., 4\], got \[5, 2, 3\]"),
    (lambda: swiftrnn.Linear(3, 4).forward(X)[1].backward(X), ValueError, r"dy: expected shape \[5, 2, 4\]"),
    (lambda: swiftrnn.Linear(3, 3).forward(X)[1].backward(X.astype(float)), TypeError, "dy: expected float32"),
    (lambda: swiftrnn.Linear(3, 3).forward(X)[1].backward(X, need_x=1), TypeError, "need_x: expected a bool"),
    (lambda: swiftrnn.Dropout(1.0), ValueError, r"p: 1.0 is outside \[0, 1\)"),
    (lambda: swiftrnn.Dropout(0.5).forward(X, first_step=1), ValueError, "first_step.*seed"),
    (lambda: swiftrnn.Dropout(0.5).forward(X, seed=1, first_sequence=2**32 - 1), ValueError, "first_sequence"),
    (lambda: swiftrnn.Dropout(0.5)(X.astype(float)), TypeError, "x: expected float32, got float64"),
    (lambda: swiftrnn.Pool("sum"), ValueError, "kind: 'sum' is none of"),
    (lambda: swiftrnn.Pool("attention"), ValueError, "input_size: pooling by 'attention' needs it"),
    (lambda: swiftrnn.Pool("mean", 3, 4), ValueError, "attention_size: pooling by 'mean' has no parameters"),
    (lambda: swiftrnn.Pool("mean", bidirectional=True), ValueError, "bidirectional: pooling by 'mean'"),
    (lambda: swiftrnn.Pool("last", 3, bidirectional=True), ValueError, "input_size: two directions"),
    (lambda: swiftrnn.Pool("last", bidirectional=True)(X), ValueError, "x: two directions have an even width"),
    (lambda: swiftrnn.Pool("mean", 4)(X), ValueError, r"x: expected \[T, N, W\].*input_size = 4, got shape \[5, 2, 3\]"),
    (lambda: swiftrnn.Pool()(X[0, 0]), ValueError, r"x: expected \[T, N, W\]"),
    (lambda: swiftrnn.Pool()(X, lengths=[5, 6]), ValueError, "lengths"),
    (lambda: swiftrnn.Pool()(X, lengths=[5]), ValueError, r"lengths: expected shape \[2\]"),
    (lambda: swiftrnn.Pool()(X, mask=np.ones((5, 2))), TypeError, "mask: expected booleans"),
    (lambda: swiftrnn.Pool(batch_first=True)(X, mask=np.ones((2, 5), bool)), ValueError, r"mask: .*\[5, 2\], got \[2, 5\]"),
    (lambda: swiftrnn.Pool().weights(X), ValueError, "pooling by 'last' has none"),
    (lambda: swiftrnn.Attention("cosine", 3), ValueError, "kind: 'cosine' is none of"),
    (lambda: swiftrnn.Attention("dot", 3, 4), ValueError, "key_size: attention of kind 'dot' needs that of the queries"),
    (lambda: swiftrnn.Attention("general", 3, 4, 5), ValueError, "attention_size: attention of kind 'general' has none"),
    (lambda: swiftrnn.Attention("dot", 3, scale=0.0), ValueError, "scale: 0.0 is not a finite number"),
    (lambda: swiftrnn.Attention("dot", 3)(X, X[:, :1]), ValueError, "queries"),
    (lambda: swiftrnn.Attention("dot", 3)(X, X, X[:4]), ValueError, r"values: expected shape \[5, 2, V\]"),
    (lambda: swiftrnn.Attention("dot", 4)(X, X), ValueError, r"queries: expected shape \[T, N, 4\], got \[5, 2, 3\]"),
    (lambda: swiftrnn.Attention("dot", 3).memory(X, X[:4]), ValueError, "values: expected as many steps"),
    (lambda: swiftrnn.Attention("general", 3, 4).memory(X), ValueError, r"keys: expected shape \[T, N, 4\]"),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(WRONG)))
def test_refusals(number: int) -> None:
    call, error, message = WRONG[number]
    with pytest.raises(error, match=message):
        call()


def test_refusals_of_gradients() -> None:
    layer = swiftrnn.Linear(3, 4, seed=0)
    y, tape = layer.forward(X)
    total = np.zeros(16, np.float32)
    for into, message in (
        (layer.flat, "expected gradients, got parameters"),
        (np.zeros(15, np.float32), r"accumulate_into: expected shape \[16\], got \[15\]"),
        (np.zeros(16), "accumulate_into: expected float32, got float64"),
    ):
        with pytest.raises((TypeError, ValueError), match=message):
            tape.backward(y, accumulate_into=into)
    with pytest.raises(ValueError, match="need_parameters is False"):
        tape.backward(y, need_parameters=False, accumulate_into=total)
    shared = np.zeros(5 * 2 * 4, np.float32)
    with pytest.raises(ValueError, match="accumulate_into overlaps dy"):
        tape.backward(shared.reshape(5, 2, 4), accumulate_into=shared[:16])
    for wrong in (tape, layer):
        with pytest.raises(TypeError, match="expected Gradients or an array, got .*tape.backward makes gradients"):
            swiftrnn.clip_grad_norm(wrong, 1.0)
        with pytest.raises(TypeError, match="expected Gradients or an array, got .*tape.backward makes gradients"):
            swiftrnn.SGD(layer).step(wrong)


def test_refusals_of_memories() -> None:
    layer, other = (swiftrnn.Attention("general", 3, seed=seed) for seed in (0, 1))
    memory, second = layer.memory(X), layer.memory(X)
    assert repr(memory) == "AttentionMemory(Attention('general', 3, 3), steps=5, sequences=2)"
    with pytest.raises(ValueError, match="keys: the memory is another layer's"):
        other(X, memory)
    for name, value in {"values": X, "lengths": [5, 5], "mask": np.ones((5, 2), bool)}.items():
        with pytest.raises(ValueError, match=f"{name}: the memory has it"):
            layer(X, memory, **{name: value})
    with pytest.raises(ValueError, match="queries: expected shape"):
        layer(X[:, :1], memory)
    context, _, tape = layer.forward(X, memory)
    grads = tape.backward(context)
    with pytest.raises(ValueError, match="gradients: these gradients are of another memory"):
        second.backward(grads)
    _, _, of_second = layer.forward(X, second)
    with pytest.raises(ValueError, match="accumulate_into: these gradients are of another memory"):
        of_second.backward(context, accumulate_into=grads)
    with pytest.raises(TypeError, match="gradients: expected those of a step, MemoryGradients, got ndarray"):
        memory.backward(grads.flat)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="need_inputs=False"):
        memory.backward(tape.backward(context, need_inputs=False))
    complete = memory.backward(grads, need_inputs=False)
    assert complete.inputs is None and complete.flat is grads.flat
    nothing = memory.backward(tape.backward(context, need_parameters=False))
    assert nothing.flat is None and nothing.inputs["keys"].shape == X.shape
