"""What is no plain numpy array of numbers, wherever an array is taken: masked arrays, matrices, other libraries'."""

from __future__ import annotations

from typing import Any, Callable

import numpy as np
import pytest
import torch

import swiftrnn

F = np.float32
NETWORK = swiftrnn.LSTM(3, 4, seed=0, options=swiftrnn.LayerOptions(gaps="zero"))
CELL = swiftrnn.Cell("augru").layer(3, 4, seed=0)
TREE = swiftrnn.Cell("tree_child_sum").layer(3, 4, seed=0)
FOREST = swiftrnn.Forest([2, 2, -1])
X, H = np.ones((5, 2, 3), F), np.ones((1, 2, 4), F)
Y, _, TAPE = NETWORK.forward(X)
TREE_Y, _, TREE_TAPE = TREE.tree_forward(FOREST, np.ones((3, 3), F))
WEIGHT, IDS = np.ones((4, 3), F), np.array([0, 1])


def _set(owner: Any, name: str) -> Callable[[Any], None]:
    return lambda array: setattr(owner, name, array)


# What takes an array, and a plain one that it takes: every array argument of the package.
TAKERS: dict[str, tuple[Callable[[Any], Any], np.ndarray]] = {
    "x of a call": (lambda a: NETWORK(a), X),
    "x of forward": (lambda a: NETWORK.forward(a), X),
    "x of a frozen call": (lambda a: NETWORK.freeze()(a), X),
    "state": (lambda a: NETWORK(X, (a, None)), H),
    "lengths": (lambda a: NETWORK(X, lengths=a), np.array([5, 2])),
    "mask": (lambda a: NETWORK(X, mask=a), np.ones((5, 2), bool)),
    "further input": (lambda a: CELL(X, a=a), np.ones((5, 2), F)),
    "dy": (lambda a: TAPE.backward(a), Y),
    "dstate": (lambda a: TAPE.backward(dstate=(a, None)), H),
    "accumulate_into": (lambda a: TAPE.backward(Y, accumulate_into=a), np.zeros_like(NETWORK.flat)),
    "x of a step": (lambda a: NETWORK.stream(2).step(a), X[0]),
    "x of a run": (lambda a: NETWORK.stream(2).run(a), X),
    "out of a step": (lambda a: NETWORK.stream(2).step(X[0], out=a), np.ones((2, 4), F)),
    "further input of a step": (lambda a: CELL.stream(2).step(X[0], a=a), np.ones(2, F)),
    "state of a stream": (lambda a: _set(NETWORK.stream(2), "state")((a, None)), H),
    "x of a tree": (lambda a: TREE.tree(FOREST, a), np.ones((3, 3), F)),
    "dy of a tree": (lambda a: TREE_TAPE.backward(a), TREE_Y),
    "tensor": (lambda a: NETWORK.layer_state(a, 0), H),
    "parents": (lambda a: swiftrnn.Forest(a), np.array([2, 2, -1])),
    "children": (lambda a: swiftrnn.Forest.from_edges(3, a, [2, 2]), np.array([0, 1])),
    "flat": (lambda a: _set(swiftrnn.LSTM(3, 4), "flat")(a), np.ones(144, F)),
    "parameter": (lambda a: swiftrnn.GRU(3, 4).parameters.__setitem__("bias_ih_l0", a), np.ones(12, F)),
    "state dict": (lambda a: swiftrnn.RNN(1, 1, bias=False).load_state_dict({"weight_ih_l0": a, "weight_hh_l0": a}),
                   np.ones((1, 1), F)),
    "optimized": (lambda a: swiftrnn.SGD(a), np.ones(3)),
    "gradient": (lambda a: swiftrnn.SGD(np.ones(3)).step(a), np.ones(3)),
    "clipped": (lambda a: swiftrnn.clip_grad_norm(a, 1.0), np.ones(3)),
    "moments": (lambda a: swiftrnn.Adam(np.ones(3)).load_state_dict({"steps": 1, "first.0": a, "second.0": a}),
                np.ones(3)),
    "table": (lambda a: swiftrnn.embedding(a, IDS), WEIGHT),
    "ids": (lambda a: swiftrnn.embedding(WEIGHT, a), IDS),
    "dout": (lambda a: swiftrnn.embedding_backward(a, IDS, 4), np.ones((2, 3), F)),
    "x of linear": (lambda a: swiftrnn.linear(a, WEIGHT), np.ones((2, 3), F)),
    "bias": (lambda a: swiftrnn.linear(X, WEIGHT, a), np.ones(4, F)),
    "logits": (lambda a: swiftrnn.cross_entropy(a, IDS), np.ones((2, 3), F)),
    "targets": (lambda a: swiftrnn.cross_entropy(np.ones((2, 3), F), a), IDS),
    "row_losses": (lambda a: swiftrnn.cross_entropy(np.ones((2, 3), F), IDS, row_losses=a), np.ones(2)),
    "class_weights": (lambda a: swiftrnn.cross_entropy(np.ones((2, 3), F), IDS, class_weights=a), np.ones(3, F)),
    "row_weights": (lambda a: swiftrnn.mse_loss(np.ones((2, 3), F), np.ones((2, 3), F), row_weights=a), np.ones(2, F)),
    "predictions": (lambda a: swiftrnn.l1_loss(a, np.ones((2, 3), F)), np.ones((2, 3), F)),
    "x of a loss": (lambda a: swiftrnn.linear_cross_entropy(a, WEIGHT, IDS), np.ones((2, 3), F)),
    "clipped by value": (lambda a: swiftrnn.clip_grad_value(a, 1.0), np.ones(3)),
    "logits of sample": (lambda a: swiftrnn.sample(a), np.ones((2, 3), F)),
}  # fmt: skip


@pytest.mark.parametrize("name", TAKERS)
def test_a_masked_array_is_refused_with_or_without_masked_numbers(name: str) -> None:
    take, plain = TAKERS[name]
    take(plain.copy())
    some = np.zeros(plain.shape, bool)
    some.flat[0] = True
    for mask in (np.ma.nomask, some):
        with pytest.raises(TypeError, match=r": got a numpy masked array, whose mask would be lost: pass "):
            take(np.ma.masked_array(plain.copy(), mask))


def test_the_way_out_for_masked_steps_runs_the_others() -> None:
    x = np.ma.masked_invalid(np.array([1, np.nan, 2], np.float32))[:, None, None]
    network = swiftrnn.LSTM(1, 2, options=swiftrnn.LayerOptions(gaps="zero"), seed=0)
    with pytest.raises(TypeError, match=r"mask=~x\.mask\.any\(axis=-1\), True where a step counts"):
        network(x)
    y, _ = network(x.filled(0), mask=~x.mask.any(axis=-1))
    some, _ = network(np.array([1, 2], np.float32)[:, None, None])
    assert (y[[0, 2]] == some).all() and (y[1] == 0).all()


def test_single_numbers_that_are_masked() -> None:
    for call in (
        lambda: swiftrnn.SGD(np.ones(3), lr=np.ma.masked),
        lambda: swiftrnn.LSTM(np.ma.array(3, mask=True), 4),
        lambda: swiftrnn.sample(np.ones(3), temperature=np.ma.array(0.5, mask=True)),
    ):
        with pytest.raises(TypeError, match="got a numpy masked array"):
            call()


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@pytest.mark.parametrize("name", [name for name, (_, plain) in TAKERS.items() if plain.ndim == 2])
def test_a_matrix_is_refused_or_means_the_same(name: str) -> None:
    take, plain = TAKERS[name]
    matrix = np.matrix(plain)
    if plain.dtype == bool:
        take(matrix)
    else:
        with pytest.raises(TypeError, match="got a numpy.matrix, .*: use np.asarray"):
            take(matrix)


def test_a_memmap_is_an_array(tmp_path: Any) -> None:
    for name, (take, plain) in TAKERS.items():
        mapped = np.memmap(tmp_path / "numbers", plain.dtype, "w+", shape=plain.shape)
        mapped[...] = plain
        take(mapped)
        assert type(mapped) is np.memmap, name


class Frame:
    """As pandas' and polars' frames, and arrow's columns, show themselves."""

    def to_numpy(self) -> np.ndarray:
        return X.astype(float)


class Device:
    """As jax's arrays show themselves."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return X


STRUCTURED = np.zeros((5, 2), [("a", F), ("b", F), ("c", F)])
LEARNED = torch.zeros(5, 2, 3, requires_grad=True)


@pytest.mark.parametrize(
    "value, message, way_out",
    [
        (X.astype(object), r"expected float32, got object \(nothing is cast: use .astype\(np.float32\)\)",
         lambda v: v.astype(F)),
        (STRUCTURED, r"expected float32, got \[.*\] \(a structured array: pass one of its fields, x\['a'\]\)",
         lambda v: np.stack([v["a"], v["b"], v["c"]], -1)),
        (X.astype(complex), r"expected float32, got complex128", lambda v: v.real.astype(F)),
        (X.astype("U8"), r"expected float32, got <U8", lambda v: v.astype(F)),
        (np.array(0.0, F), r"x: expected \[T, N, I\] .*, got shape \[\]", None),
        (F(0), "a numpy array of float32, got the single number numpy.float32", None),
        (torch.zeros(5, 2, 3), r"got Tensor \(use .numpy\(\)\)", lambda v: v.numpy()),
        (LEARNED, r"got Tensor \(use .detach\(\).numpy\(\)\)", lambda v: v.detach().numpy()),
        (torch.zeros(5, 2, 3, device="meta"), r"got Tensor \(use .cpu\(\).numpy\(\)\)", None),
        (Frame(), r"got Frame \(use .to_numpy\(\).astype\(np.float32\)\)", lambda v: v.to_numpy().astype(F)),
        (Device(), r"got Device \(use np.asarray\(…, np.float32\)\)", lambda v: np.asarray(v, F)),
        (X.tolist(), r"got list \(use np.asarray\(…, np.float32\)\)", lambda v: np.asarray(v, F)),
        (memoryview(X), r"got memoryview", lambda v: np.asarray(v, F)),
        ("x", "got str$", None),
        (None, "got NoneType$", None),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_the_way_out_is_named_and_leads_out(value: Any, message: str, way_out: Callable[[Any], Any] | None) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        NETWORK(value)
    if way_out is not None:
        assert NETWORK(way_out(value))[0].shape == (5, 2, 4)


# ---- Identifiers and targets -----------------------------------------------------------------------------------------

INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", ">i4", ">u8"]


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_of_any_type(dtype: str) -> None:
    ids = np.array([[3, 0, 1], [2, 2, 3]])
    rng = np.random.default_rng(0)
    table, logits = rng.standard_normal((4, 3)), rng.standard_normal((2, 3, 4))
    expected = (
        swiftrnn.embedding(table, ids), swiftrnn.embedding_backward(np.ones((2, 3, 5)), ids, 4),
        swiftrnn.cross_entropy(logits, ids).dlogits,
    )  # fmt: skip
    strided = np.repeat(ids.astype(dtype), 2, axis=1)[:, ::2]
    for given in (ids.astype(dtype), strided, ids.tolist(), tuple(map(tuple, ids.tolist())), torch.from_numpy(ids)):
        found = (
            swiftrnn.embedding(table, given), swiftrnn.embedding_backward(np.ones((2, 3, 5)), given, 4),
            swiftrnn.cross_entropy(logits, given).dlogits,
        )  # fmt: skip
        for ours, theirs in zip(found, expected):
            assert (ours == theirs).all()
    x = np.ones((5, 2, 3), F)
    assert (NETWORK(x, lengths=np.array([5, 2], dtype))[0] == NETWORK(x, lengths=[5, 2])[0]).all()
    if not dtype.lstrip(">").startswith("u"):
        ignored = np.array([[-100, 0, 1], [2, 2, 3]], dtype)
        assert not swiftrnn.cross_entropy(logits, ignored).dlogits[0, 0].any()


@pytest.mark.parametrize(
    "ids, error, message",
    [
        (np.array([0.0, 1.0]), TypeError, "expected integers, got float64"),
        ([0.0, 1.0], TypeError, "expected integers, got float64"),
        (np.array([True, False]), TypeError, "expected integers, got bool"),
        ([True, False], TypeError, "expected integers, got bool"),
        (["a", "b"], TypeError, "expected integers, got <U1"),
        ([None, 1], TypeError, r"\[0\]: expected an integer, got NoneType"),
        ([[0, 1], [2, None]], TypeError, r"\[1, 1\]: expected an integer, got NoneType"),
        (np.array([1, None], object), TypeError, r"\[1\]: expected an integer, got NoneType"),
        (np.array([1, True], object), TypeError, r"\[1\]: expected an integer, got bool"),
        (np.array([[0], [1, 2]], object), TypeError, r"\[0\]: expected an integer, got list"),
        (np.array([0, 1], object), TypeError,
         r": expected integers, got an array of Python objects \(use .astype\(np.int64\)\)$"),
        ([0, 2**70], ValueError, r"\[1\]: 1180591620717411303424 is outside -92"),
        ([-(2**63) - 1, 0], ValueError, r"\[0\]: -9223372036854775809 is outside -92"),
        ([[1, 2**63]], ValueError, r"\[0, 1\]: 9223372036854775808 is outside -92"),  # of which numpy makes floats
        ([2**63, -1], ValueError, r"\[0\]: 9223372036854775808 is outside -92"),
        ([np.array([1], np.int8), np.array([2**63], np.uint64)], ValueError, r"\[1, 0\]: 9223372036854775808 is outs"),
        ([0.5, 2**63], TypeError, ": expected integers, got float64"),
        ([True, 0.5], TypeError, ": expected integers, got float64"),
        (None, TypeError, ": expected integers, got NoneType"),
        (2**70, ValueError, ": 1180591620717411303424 is outside -92"),
        ([[0], [1, 2]], ValueError, "expected integers, got lists of different lengths"),
        (np.array([0, 2**63], np.uint64), ValueError, r"\[1\]: 9223372036854775808 is outside -92"),
        (np.array([[0, 1], [2**64 - 1, 1]], np.uint64), ValueError, r"\[1, 0\]: 18446744073709551615 is outside -92"),
        (np.array([0, 4], np.uint8), ValueError, r"\[1\] is 4, must be in 0...3"),
        (np.array([0, 200], np.uint8), ValueError, r"\[1\] is 200, must be in 0...3"),
        (np.array([-1, 0], np.int8), ValueError, r"\[0\] is -1, must be in 0...3"),
    ],
)  # fmt: skip
def test_what_no_identifier_is(ids: Any, error: type, message: str) -> None:
    with pytest.raises(error, match=f"^ids.*{message}"):
        swiftrnn.embedding(np.zeros((4, 3)), ids)
    with pytest.raises(error, match=f"^ids.*{message}|^dout"):
        swiftrnn.embedding_backward(np.zeros((2, 3)), ids, 4)
    with pytest.raises(error, match=f"^targets.*{message}|^targets: expected shape"):
        swiftrnn.cross_entropy(np.zeros((2, 4)), ids)


def test_identifiers_of_different_types_in_a_list() -> None:
    """numpy has no integer type for signed and unsigned ones together, and makes floats of them."""
    weight = np.arange(12.0).reshape(4, 3)
    for ids in ([np.uint64(3), np.int64(1)], [np.array(3, np.uint64), 1], (np.uint64(3), np.int8(1))):
        assert (swiftrnn.embedding(weight, ids) == weight[[3, 1]]).all()
    loss = swiftrnn.cross_entropy(np.zeros((2, 4)), [np.uint64(3), np.int64(-100)])
    assert loss.dlogits[0].any() and not loss.dlogits[1].any()


@pytest.mark.parametrize(
    "shape, flat, place", [((3, 2), 5, "[2, 1]"), ((2, 3, 4), 17, "[1, 1, 1]"), ((4,), 2, "[2]"), ((), 0, "")]
)
def test_what_is_out_of_range_is_told_with_its_place(shape: tuple[int, ...], flat: int, place: str) -> None:
    ids = np.zeros(shape, np.int64)
    ids.flat[flat] = 9
    places = [
        (lambda: swiftrnn.embedding(np.zeros((4, 3)), ids), "ids"),
        (lambda: swiftrnn.embedding(np.zeros((4, 3)), ids.tolist()), "ids"),
        (lambda: swiftrnn.embedding(np.zeros((4, 3)), ids.T.copy().T), "ids"),
        (lambda: swiftrnn.embedding_backward(np.zeros((*shape, 3)), ids, 4), "ids"),
        (lambda: swiftrnn.cross_entropy(np.zeros((*shape, 4)), ids), "targets"),
    ]
    for call, name in places:
        with pytest.raises(swiftrnn.SwiftRNNValueError) as caught:
            call()
        assert caught.value.message == f"{name}{place} is 9, must be in 0...3"
    logits = np.zeros((*shape, 4))
    logits.reshape(-1, 4)[flat, 1] = np.nan
    for draw in (swiftrnn.sample, swiftrnn.Sampler(seed=1)):
        with pytest.raises(swiftrnn.SwiftRNNValueError) as caught:
            draw(logits)
        assert caught.value.message.startswith(f"logits{place} has NaN, must be")
