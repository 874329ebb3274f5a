"""What layers with parameters have in common with networks: what they start with, copies, tapes, dictionaries,
refusals."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import swiftrnn
from torch_reference import assert_same_bits


def draw(*shape: int, dtype: str = "float64", seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


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
    refused: list[Any] = [{"weights": "xavier"}, {"bias": "orthogonal"}, {"weights": ("normal", -1.0)}]
    for wrong in [*refused, {"bias": ("normal", -1)}]:
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
    (lambda: swiftrnn.Pool("mean", 4)(X), ValueError, r"x: expected \[T, N, W\].*input_size = 4, got shape \[5, 2"),
    (lambda: swiftrnn.Pool()(X[0, 0]), ValueError, r"x: expected \[T, N, W\]"),
    (lambda: swiftrnn.Pool()(X, lengths=[5, 6]), ValueError, "lengths"),
    (lambda: swiftrnn.Pool()(X, lengths=[5]), ValueError, r"lengths: expected shape \[2\]"),
    (lambda: swiftrnn.Pool()(X, mask=np.ones((5, 2))), TypeError, "mask: expected booleans"),
    (
        lambda: swiftrnn.Pool(batch_first=True)(X, mask=np.ones((2, 5), bool)), ValueError,
        r"mask: expected shape \[5, 2\], got \[2, 5\]",
    ),
    (lambda: swiftrnn.Pool().weights(X), ValueError, "pooling by 'last' has none"),
    (lambda: swiftrnn.Attention("cosine", 3), ValueError, "kind: 'cosine' is none of"),
    (lambda: swiftrnn.Attention("dot", 3, 4), ValueError, "key_size: attention of kind 'dot' needs that of the q"),
    (lambda: swiftrnn.Attention("general", 3, 4, 5), ValueError, "attention_size: attention of kind 'general' has no"),
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
