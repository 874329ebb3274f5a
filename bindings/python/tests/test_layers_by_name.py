"""Layers by name: one vector that all share, gradients, one optimizer, clipping, copies and refusals."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies

import swiftrnn
from layers_cases import layers
from torch_reference import assert_same_bits


def nested() -> swiftrnn.Layers:
    """`Layers` inside of another one, with a layer of equations."""
    decoder = swiftrnn.Layers(
        network=swiftrnn.Cell("like lstm\nf = 1 - i").layer(3, 5, seed=1),
        attention=swiftrnn.Attention("general", 5, seed=2),
    )
    return swiftrnn.Layers({"first layer": swiftrnn.GRU(2, 3, seed=3)}, decoder=decoder)


def leaves(model: swiftrnn.Layers) -> list[Any]:
    found = []
    for layer in model.values():
        found += leaves(layer) if isinstance(layer, swiftrnn.Layers) else [layer]
    return found


def check_shared(model: swiftrnn.Layers) -> None:
    """Each parameter of each layer is a part of the one vector, in order and without gaps."""
    offset, named = 0, {}
    for layer in leaves(model):
        for name, view in layer.parameters.items():
            assert view.ctypes.data == model.flat.ctypes.data + offset
            offset += view.nbytes
            named[id(layer), name] = view
        assert layer.flat.size == 0 or np.shares_memory(layer.flat, model.flat)
    assert offset == model.flat.nbytes
    for view, theirs in zip(model.parameters.values(), named.values()):
        assert view.ctypes.data == theirs.ctypes.data and view.shape == theirs.shape
    assert len(model.parameters) == len(named)


def test_one_vector() -> None:
    model = layers()
    check_shared(model)
    assert list(model) == list(model.keys()) == ["embedding", "encoder", "drop", "pool", "output"]
    assert list(model.values()) == [model[name] for name in model] and len(model) == 5
    assert dict(model.items())["pool"] is model["pool"] and "pool" in model and "pools" not in model
    assert list(model.parameters)[:2] == ["embedding.weight", "encoder.weight_ih_l0"]
    assert model["output"].flat.base is model.flat and model.dtype == np.float32
    model.flat[:] = 0
    x = np.ones((3, 2, 4), np.float32)
    assert not model["encoder"](x)[0].any() and not model["output"](np.ones(10, np.float32)).any()
    model["output"].parameters["bias"] = np.array([1, 2], np.float32)
    model["encoder"].initialize(3)
    alone = swiftrnn.LSTM(4, 5, bidirectional=True, seed=3)
    assert_same_bits(model.parameters["output.bias"], np.array([1, 2], np.float32))
    assert_same_bits(model["encoder"](x)[0], alone(x)[0])
    assert_same_bits(model["encoder"].freeze()(x)[0], alone(x)[0])
    model.flat *= 2
    assert model["output"].parameters["bias"].tolist() == [2, 4]
    assert repr(model).startswith("Layers(embedding=Embedding(9, 4), encoder=LSTM(4, 5, bidirectional=True), drop=Drop")


def test_layers_keep_their_numbers() -> None:
    parts = {"a": swiftrnn.LSTM(3, 4, seed=1), "b": swiftrnn.Linear(4, 2, seed=2)}
    before = [part.flat.copy() for part in parts.values()]
    model = swiftrnn.Layers(parts)
    assert_same_bits(model.flat, np.concatenate(before))
    check_shared(model)


def test_nested() -> None:
    model = nested()
    check_shared(model)
    check_shared(model["decoder"])
    names = list(model.parameters)
    assert names[0] == "first layer.weight_ih_l0" and names[-1] == "decoder.attention.weight"
    grads = model.gradients()
    grads["decoder"]["attention"].parameters["weight"][...] = 1
    assert grads.flat.sum() == 25 and grads["decoder"].flat.sum() == 25
    y, _, tape = model["decoder"]["network"].forward(np.ones((3, 2, 3), np.float32))
    model["decoder"].flat *= 1
    with pytest.raises(swiftrnn.SwiftRNNError, match="parameters have changed"):
        tape.backward(y)


KIND = strategies.sampled_from(["gru", "linear", "embedding", "dropout", "attention", "layers"])


@settings(max_examples=25, deadline=None)
@given(strategies.lists(KIND, min_size=1, max_size=6), strategies.integers(0, 2**64 - 1))
def test_any_layers_share_one_vector(kinds: list[str], seed: int) -> None:
    make: dict[str, Any] = {
        "gru": lambda: swiftrnn.GRU(2, 3, seed=seed), "linear": lambda: swiftrnn.Linear(3, 1, seed=seed),
        "embedding": lambda: swiftrnn.Embedding(3, 2, seed=seed), "dropout": lambda: swiftrnn.Dropout(0.5),
        "attention": lambda: swiftrnn.Attention("additive", 2, 3, seed=seed),
        "layers": lambda: swiftrnn.Layers(x=swiftrnn.Linear(1, 1, seed=seed), y=swiftrnn.GRU(1, 2, seed=seed)),
    }  # fmt: skip
    model = swiftrnn.Layers({f"{kind} {number}": make[kind]() for number, kind in enumerate(kinds)})
    check_shared(model)
    expected = [make[kind]().flat for kind in kinds]
    assert_same_bits(model.flat, np.concatenate(expected))
    other = copy.deepcopy(model)
    other.initialize(seed)
    model.load_state_dict(other.state_dict())
    assert_same_bits(model.flat, other.flat)
    grads = model.gradients()
    assert grads.flat.size == model.flat.size and list(grads.parameters or ()) == list(model.parameters)
    swiftrnn.SGD(model, lr=1.0).step(np.ones_like(model.flat))
    assert_same_bits(model.flat, other.flat - 1)


# ---- Gradients, optimizers, clipping ---------------------------------------------------------------------------------


def run(model: swiftrnn.Layers, grads: Any) -> None:
    """A forward and a backward pass of `layers`, whose gradients are added to `grads`."""
    x, of_embedding = model["embedding"].forward(np.array([[1, 2], [3, 3], [8, 0]]))
    y, _, of_encoder = model["encoder"].forward(x, lengths=[3, 2])
    y, of_drop = model["drop"].forward(y, seed=4)
    pooled, of_pool = model["pool"].forward(y, lengths=[3, 2])
    logits, of_output = model["output"].forward(pooled)
    dpooled = of_output.backward(logits, accumulate_into=grads["output"]).x
    dy = of_drop.backward(of_pool.backward(dpooled, accumulate_into=grads["pool"]).x).x
    of_embedding.backward(
        of_encoder.backward(dy, accumulate_into=grads["encoder"]).x, accumulate_into=grads["embedding"]
    )


def test_gradients_are_one_vector() -> None:
    model = layers("float64")
    grads = model.gradients()
    assert isinstance(grads, swiftrnn.Gradients) and not grads.flat.any() and grads.x is None
    assert list(grads.parameters) == list(model.parameters)
    run(model, grads)
    for name in model:
        part = grads[name]
        assert part.flat.size == 0 or (np.shares_memory(part.flat, grads.flat) and part.flat.any())
        assert list(part.parameters) == list(model[name].parameters)
    assert all(view.any() for view in grads.parameters.values())
    once = grads.flat.copy()
    run(model, grads)
    assert np.abs(grads.flat - 2 * once).max() <= 1e-14 * np.abs(once).max()
    grads.zero()
    assert not grads.flat.any()
    with pytest.raises(KeyError, match="there is no layer 'encode': there are embedding, encoder, drop, pool, output"):
        grads["encode"]


@pytest.mark.parametrize("make", [swiftrnn.SGD, swiftrnn.Adam, swiftrnn.RMSprop])
def test_one_optimizer_for_all(make: Any) -> None:
    model, parts = layers(), layers()
    whole, by_layer = make(model, lr=0.1), make(list(parts.values()), lr=0.1)
    for _ in range(3):
        grads, others = model.gradients(), parts.gradients()
        run(model, grads)
        run(parts, others)
        whole.step(grads)
        by_layer.step([others[name] for name in parts])
    assert_same_bits(model.flat, parts.flat)
    assert (model.flat != layers().flat).any()
    assert repr(whole).startswith(f"{make.__name__}(Layers(embedding=")
    state = whole.state_dict()
    again = make(model, lr=0.5)
    again.load_state_dict(state)
    assert again.steps == 3 and again.lr == 0.1


def test_clipping_of_all_and_by_group() -> None:
    model = layers("float64")
    grads = model.gradients()
    run(model, grads)
    before = grads.flat.copy()
    norm = swiftrnn.clip_grad_norm(grads, 1e-3)
    assert abs(norm - np.linalg.norm(before)) < 1e-12 and abs(np.linalg.norm(grads.flat) - 1e-3) < 1e-12
    grads.flat[:] = before
    group = [grads["embedding"], grads["output"]]
    norm = swiftrnn.clip_grad_norm(group, 1e-3)
    theirs = np.concatenate([part.flat for part in group])
    assert abs(np.linalg.norm(theirs) - 1e-3) < 1e-12 < norm
    rest = slice(model["embedding"].flat.size, -model["output"].flat.size)
    assert_same_bits(grads.flat[rest].copy(), before[rest].copy(), "the others stay")
    swiftrnn.clip_grad_value(grads["encoder"], 1e-6)
    assert np.abs(grads["encoder"].flat).max() <= 1e-6 < np.abs(grads["pool"].flat).max()
    with pytest.raises(ValueError, match="share memory"):
        swiftrnn.clip_grad_norm([grads, grads["pool"]], 1.0)
    for wrong in (model, model["pool"]):
        with pytest.raises(TypeError, match="expected Gradients or an array"):
            swiftrnn.clip_grad_norm(wrong, 1.0)
    with pytest.raises(ValueError, match="expected gradients, got parameters"):
        swiftrnn.clip_grad_norm(model.flat, 1.0)
    with pytest.raises(ValueError, match="share memory"):
        swiftrnn.SGD([model, model["pool"]])


def test_tapes_notice_changes_of_their_layer_alone() -> None:
    model = layers()
    x = np.ones((3, 2, 4), np.float32)

    def changed(change: Any) -> list[str]:
        tapes = {"encoder": model["encoder"].forward(x), "output": model["output"].forward(np.ones(10, np.float32))}
        change()
        found = []
        for name, (y, *_, tape) in tapes.items():
            try:
                tape.backward(y)
            except swiftrnn.SwiftRNNError as error:
                assert error.status is swiftrnn.Status.MISMATCH
                found.append(name)
        return found

    zeros, bias = np.zeros_like(model.flat), np.zeros(2, np.float32)
    assert changed(lambda: None) == []
    assert changed(lambda: swiftrnn.SGD(model).step(zeros)) == ["encoder", "output"]
    assert changed(lambda: swiftrnn.SGD(model.flat).step(zeros)) == ["encoder", "output"]
    assert changed(lambda: swiftrnn.SGD(model["output"]).step(np.zeros_like(model["output"].flat))) == ["output"]
    assert changed(lambda: swiftrnn.SGD(model["output"].parameters["bias"]).step(bias)) == ["output"]
    assert changed(lambda: swiftrnn.SGD(model.parameters["output.bias"]).step(bias)) == ["output"]
    assert changed(lambda: model.parameters.__setitem__("output.bias", bias)) == ["output"]
    assert changed(lambda: model["encoder"].initialize(1)) == ["encoder"]
    assert changed(lambda: model.load_state_dict(model.state_dict())) == ["encoder", "output"]
    assert changed(lambda: model.parameters.changed()) == ["encoder", "output"]
    assert changed(lambda: setattr(model, "flat", zeros)) == ["encoder", "output"]
    assert changed(lambda: model.initialize(3)) == ["encoder", "output"]


def test_tapes_from_before_are_refused() -> None:
    network, linear, x = swiftrnn.GRU(3, 3, seed=0), swiftrnn.Linear(3, 3, seed=0), np.ones((2, 2, 3), np.float32)
    y, _, tape = network.forward(x)
    z, of_linear = linear.forward(x)
    stream, expected = network.stream(2), network(x)[0]
    model = swiftrnn.Layers(network=network, linear=linear)
    for _ in range(4):  # however often parameters change after
        for stale, dy in ((tape, y), (of_linear, z)):
            with pytest.raises(swiftrnn.SwiftRNNError, match="parameters have changed"):
                stale.backward(dy)
        model.parameters.changed()
    model.flat[:] = 0
    assert_same_bits(stream.run(x), expected)
    del model
    gc.collect()
    again = swiftrnn.Layers(once_more=network)  # the one that held it is gone
    check_shared(again)


# ---- Copies ----------------------------------------------------------------------------------------------------------


class Model(swiftrnn.Layers):
    """A subclass with an attribute that refers back to it."""

    def __init__(self, width: int) -> None:
        super().__init__(a=swiftrnn.GRU(3, width, seed=0), b=swiftrnn.Linear(width, 2, seed=0))
        self.width, self.optimizer = width, swiftrnn.Adam(self, lr=0.1)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        found: np.ndarray = self["b"](self["a"](x)[0])
        return found


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_copies(way: Any) -> None:
    model, x = Model(4), np.ones((3, 2, 3), np.float32)
    twin = way(model)
    assert type(twin) is Model and twin.width == 4 and repr(twin) == repr(model)
    assert_same_bits(twin(x), model(x))
    check_shared(twin)
    check_shared(model)
    assert not np.shares_memory(twin.flat, model.flat)
    before = model.flat.copy()
    if way is not copy.copy:
        assert twin.optimizer._owners[0] is twin
        twin.optimizer.step(np.ones_like(twin.flat))
        assert (twin.flat != before).all()
    assert_same_bits(model.flat, before)
    with pytest.raises(ValueError, match="belongs to another"):
        swiftrnn.Layers(a=twin["a"])


def test_what_is_copied_with_layers_stays_with_them() -> None:
    model = nested()
    inner = model["decoder"]["attention"]
    twin, flat, layer, view, optimizer = copy.deepcopy(
        (model, model.flat, inner, inner.parameters["weight"], swiftrnn.SGD([inner, model["first layer"].flat], lr=1.0))
    )
    check_shared(twin)
    assert twin.flat is flat and twin["decoder"]["attention"] is layer
    assert np.shares_memory(view, layer.flat) and view.shape == layer.parameters["weight"].shape
    optimizer.step([np.ones_like(layer.flat), np.ones_like(model["first layer"].flat)])
    expected = model.flat.copy()
    expected[: model["first layer"].flat.size] -= 1
    expected[-layer.flat.size :] -= 1
    assert_same_bits(twin.flat, expected)
    layer, twin = copy.deepcopy((inner, model))  # the layer first
    check_shared(twin)
    assert twin["decoder"]["attention"] is layer
    alone = copy.deepcopy(inner)
    check_shared(swiftrnn.Layers(alone=alone))  # it belongs to nobody
    assert not np.shares_memory(alone.flat, model.flat)


def test_layers_go_when_nobody_has_them() -> None:
    model = layers()
    gone, encoder = weakref.ref(model), model["encoder"]
    y = encoder(np.ones((2, 1, 4), np.float32))[0]
    del model
    gc.collect()
    assert gone() is None
    y_again, _, tape = encoder.forward(np.ones((2, 1, 4), np.float32))
    assert_same_bits(y_again, y)
    bias = encoder.parameters["bias_hh_l0"]
    swiftrnn.SGD(bias).step(np.ones_like(bias))  # a view of the vector that was everybody's
    with pytest.raises(swiftrnn.SwiftRNNError, match="parameters have changed"):
        tape.backward(y)


# ---- Refusals --------------------------------------------------------------------------------------------------------


def test_refusals() -> None:
    linear = swiftrnn.Linear(3, 4)
    with pytest.raises(ValueError, match="layers: there are none"):
        swiftrnn.Layers()
    with pytest.raises(TypeError, match="layers: expected a mapping of names to layers, got list"):
        swiftrnn.Layers([linear])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="layers: expected names, got int"):
        swiftrnn.Layers({0: linear})  # type: ignore[dict-item]
    for name in ("", "a.b"):
        with pytest.raises(ValueError, match="is no name of a layer"):
            swiftrnn.Layers({name: linear})
    with pytest.raises(ValueError, match="the name 'a' is there twice"):
        swiftrnn.Layers({"a": linear}, a=swiftrnn.Linear(3, 4))
    with pytest.raises(TypeError, match="b: expected a network, a layer, or Layers, got ndarray"):
        swiftrnn.Layers(a=linear, b=np.ones(3))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="a is float32 and b is float64: they must be of one type"):
        swiftrnn.Layers(a=linear, b=swiftrnn.GRU(3, 4, dtype="float64"))
    with pytest.raises(ValueError, match="b: this layer is there already, as 'a'"):
        swiftrnn.Layers(a=linear, b=linear)
    before = linear.flat
    assert linear.flat is before, "a refusal changes nothing"
    model = swiftrnn.Layers(a=linear)
    with pytest.raises(ValueError, match="a: this layer belongs to another Layers already"):
        swiftrnn.Layers(a=linear)
    with pytest.raises(KeyError, match="there is no layer 'b': there are a"):
        model["b"]
    with pytest.raises(TypeError, match="does not support item assignment"):
        model["b"] = linear  # type: ignore[index]
    y, tape = linear.forward(np.ones(3, np.float32))
    with pytest.raises(ValueError, match=r"accumulate_into: expected shape \[16\], got \[17\]"):
        tape.backward(y, accumulate_into=np.ones(17, np.float32))
    with pytest.raises(ValueError, match="seed: -1 is outside"):
        model.initialize(-1)
