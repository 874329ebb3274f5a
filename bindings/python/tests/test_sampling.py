"""Sampling against its definition, and what it draws anew and what again."""

from __future__ import annotations

import copy
import math
import multiprocessing
import pickle
import threading
from typing import Any, Callable

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import swiftrnn
from torch_reference import assert_same_bits
from workers import check_helpers

TYPES = pytest.mark.parametrize("dtype", ["float64", "float32"])


def allowed(logits: np.ndarray, temperature: float, top_k: int, top_p: float) -> np.ndarray:
    """The probabilities that the definition gives; ties at the border of top_p are left to the caller."""
    order = np.argsort(-logits, kind="stable")
    if top_k:
        order = order[:top_k]
    weights = np.exp((logits[order] - logits[order[0]]) / temperature)
    weights /= weights.sum()
    if 0 < top_p < 1:
        kept = int(np.searchsorted(np.cumsum(weights), top_p)) + 1
        order, weights = order[:kept], weights[:kept] / weights[:kept].sum()
    result = np.zeros(len(logits))
    result[order] = weights
    return result


@TYPES
@pytest.mark.parametrize(
    "temperature, top_k, top_p",
    [(1.0, 0, 1.0), (0.5, 0, 1.0), (2.0, 3, 1.0), (1.0, 0, 0.8), (0.7, 5, 0.9), (1.0, 1, 1.0)],
)
def test_sampling_follows_the_distribution(dtype: str, temperature: float, top_k: int, top_p: float) -> None:
    logits = np.array([0.5, 2.0, -1.0, 1.3, 0.1, -3.0, 1.9]).astype(dtype)
    expected = allowed(logits.astype(float), temperature, top_k, top_p)
    draws = 20000
    rows = np.tile(logits, (draws, 1))
    ids = swiftrnn.sample(rows, temperature=temperature, top_k=top_k, top_p=top_p, seed=5, position=0)
    shares = np.bincount(ids, minlength=len(logits)) / draws
    assert (shares[expected == 0] == 0).all()
    deviation = np.sqrt(expected * (1 - expected) / draws)
    assert (np.abs(shares - expected) <= 5 * deviation + 1e-12).all(), (shares, expected)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.integers(-6, 6), min_size=1, max_size=40), st.sampled_from([0.0, 0.3, 1.0, 3.0]), st.integers(0, 45),
    st.sampled_from([0.0, 0.2, 0.55, 0.95, 1.0]), st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1),
)  # fmt: skip
def test_samples_are_allowed(
    values: list[int], temperature: float, top_k: int, top_p: float, seed: int, position: int
) -> None:
    logits = np.array(values, np.float64)
    ids = swiftrnn.sample(
        np.tile(logits, (20, 1)), temperature=temperature, top_k=min(top_k, len(values)), top_p=top_p, seed=seed,
        position=position,
    )  # fmt: skip
    assert ((0 <= ids) & (ids < len(values))).all()
    if temperature == 0:
        assert (ids == logits.argmax()).all()
    else:
        # A hair more than top_p, so that rounding at the border does not matter.
        wider = min(top_p + 1e-9, 1.0) if 0 < top_p < 1 else top_p
        assert (allowed(logits, temperature, min(top_k, len(values)), wider)[ids] > 0).all()


def test_sampling_depends_on_seed_position_and_row_only(default_threads: None) -> None:
    rng = np.random.default_rng(0)
    logits = rng.standard_normal((50, 100), np.float32)
    ids = swiftrnn.sample(logits, seed=3, position=9)
    assert ids.dtype == np.int64 and ids.shape == (50,)
    assert_same_bits(swiftrnn.sample(logits, seed=3, position=9), ids)
    assert_same_bits(swiftrnn.sample(logits[:20], seed=3, position=9), ids[:20])
    many = rng.standard_normal((3001, 100), np.float32)
    swiftrnn.set_num_threads(1)
    expected = swiftrnn.sample(many, seed=3, position=0, top_k=20, top_p=0.9)
    for threads in (1, 2, 8):
        swiftrnn.set_num_threads(threads)
        assert_same_bits(swiftrnn.sample(logits, seed=3, position=9), ids)
        for options in (dict(), dict(temperature=0), dict(top_k=5, top_p=0.7)):
            check_helpers(lambda: swiftrnn.sample(many, seed=3, position=0, **options), threads)
        assert_same_bits(swiftrnn.sample(many, seed=3, position=0, top_k=20, top_p=0.9), expected, threads)
    assert (swiftrnn.sample(logits, seed=4, position=9) != ids).mean() > 0.5
    assert (swiftrnn.sample(logits, seed=3, position=10) != ids).mean() > 0.5
    assert (swiftrnn.sample(logits, seed=3 + 2**32, position=9) != ids).mean() > 0.5
    assert (swiftrnn.sample(logits, seed=3, position=9 + 2**32) != ids).mean() > 0.5
    same = swiftrnn.sample(np.tile(logits[:1], (50, 1)), seed=3, position=0)
    assert len(np.unique(same)) > 10, "rows have their own random numbers"
    equal = np.zeros((5, 4))
    assert swiftrnn.sample(equal, temperature=0).tolist() == [0] * 5
    assert swiftrnn.sample(equal, top_k=1).tolist() == [0] * 5
    assert swiftrnn.sample(logits.reshape(5, 10, 100), seed=3, position=9).shape == (5, 10)


def test_sampling_errors() -> None:
    logits = np.zeros((2, 3))
    nan = float("nan")
    for options in (dict(temperature=-1.0), dict(temperature=nan), dict(top_k=-1), dict(top_p=-0.1), dict(top_p=1.5)):
        with pytest.raises(swiftrnn.SwiftRNNError) as caught:
            swiftrnn.sample(logits, **options)
        assert caught.value.status is swiftrnn.Status.INVALID_VALUE
    with pytest.raises(ValueError, match="seed"):
        swiftrnn.sample(logits, seed=-1, position=0)
    with pytest.raises(TypeError, match="top_k: expected an integer, got float"):
        swiftrnn.sample(logits, top_k=1.0)
    with pytest.raises(TypeError, match="logits: expected float32 or float64, got int64"):
        swiftrnn.sample(logits.astype(np.int64))
    assert swiftrnn.sample(logits[:0]).shape == (0,)


@pytest.mark.parametrize("options", [{}, {"temperature": 0}, {"temperature": 50.0}, {"top_k": 4}, {"top_p": 0.999}])
def test_a_class_that_a_mask_leaves_out_is_never_drawn(options: dict[str, Any]) -> None:
    logits = np.tile(np.array([5.0, 0.0, 1.0, 9.0, 0.5], np.float32), (2000, 1))
    logits[:, [0, 3]] = -np.inf
    drawn = set(swiftrnn.sample(logits, seed=1, position=0, **options).tolist())
    assert drawn == ({2} if options == {"temperature": 0} else {1, 2, 4})


def test_logits_of_which_nothing_can_be_drawn() -> None:
    for wrong in (np.nan, np.inf):
        logits = np.zeros((3, 4))
        logits[1, 2] = wrong
        with pytest.raises(ValueError, match=r"^logits\[1\] has (NaN|infinity), must be finite or -infinity"):
            swiftrnn.sample(logits)
    with pytest.raises(ValueError, match=r"^logits\[0\] has -infinity, must be .* not all -infinity"):
        swiftrnn.sample(np.full((1, 4), -np.inf))


# ---- Seeds and positions ---------------------------------------------------------------------------------------------

EVEN = np.zeros(1 << 20, np.float32)  # two draws of it are hardly ever the same


def test_without_a_seed_each_call_draws_anew() -> None:
    drawn = [int(swiftrnn.sample(EVEN)) for _ in range(8)]
    assert len(set(drawn)) == 8
    assert len({int(swiftrnn.Sampler()(EVEN)) for _ in range(8)}) == 8
    assert len({swiftrnn.Sampler().seed for _ in range(8)}) == 8


def _draws_in_child(connection: Any) -> None:
    connection.send([int(swiftrnn.sample(EVEN)) for _ in range(4)])
    connection.close()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_also_after_a_fork_and_in_threads() -> None:
    drawn: list[int] = []
    context = multiprocessing.get_context("fork")
    for _ in range(2):
        mine, theirs = context.Pipe(False)
        child = context.Process(target=_draws_in_child, args=(theirs,))
        child.start()
        assert mine.poll(60), "the child does not answer"
        drawn += mine.recv()
        child.join(60)
    drawn += [int(swiftrnn.sample(EVEN)) for _ in range(4)]
    threads = [threading.Thread(target=lambda: drawn.append(int(swiftrnn.sample(EVEN)))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(drawn)) == len(drawn) == 16


def test_a_seed_and_a_position_decide() -> None:
    drawn = {(seed, at): int(swiftrnn.sample(EVEN, seed=seed, position=at)) for seed in (0, 1) for at in (0, 1, 2)}
    assert len(set(drawn.values())) == 6
    for (seed, at), value in drawn.items():
        swiftrnn.sample(EVEN)
        assert int(swiftrnn.sample(EVEN, seed=seed, position=at)) == value


def test_a_seed_or_a_position_alone_is_refused() -> None:
    with pytest.raises(ValueError, match=r"needs a position, the token's place in its text.*swiftrnn.Sampler"):
        swiftrnn.sample(EVEN, seed=3)
    with pytest.raises(ValueError, match="^a position needs a seed"):
        swiftrnn.sample(EVEN, position=3)


def test_a_sampler_counts_by_itself() -> None:
    logits = np.random.default_rng(0).standard_normal((12, 3, 500)).astype(np.float32)
    settings = dict(temperature=0.8, top_k=400, top_p=0.99)
    sampler = swiftrnn.Sampler(**settings, seed=5)
    drawn = [sampler(row) for row in logits]
    assert (sampler.seed, sampler.position) == (5, 12)
    expected = [swiftrnn.sample(row, **settings, seed=5, position=at) for at, row in enumerate(logits)]
    assert_same_bits(drawn, expected)
    sampler.position = 4
    assert_same_bits(sampler(logits[4]), expected[4])
    other = swiftrnn.Sampler(**settings, seed=6)
    assert any((other(row) != ids).any() for row, ids in zip(logits, expected))


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))])
def test_a_copied_sampler_goes_on_where_it_was(way: Callable[[Any], Any]) -> None:
    sampler = swiftrnn.Sampler(temperature=0.5)
    for _ in range(3):
        sampler(EVEN)
    twin = way(sampler)
    assert (twin.seed, twin.position, twin.temperature) == (sampler.seed, 3, 0.5) and repr(twin) == repr(sampler)
    assert [int(twin(EVEN)) for _ in range(3)] == [int(sampler(EVEN)) for _ in range(3)]


@pytest.mark.parametrize(
    "wrong", [dict(temperature=-1), dict(temperature=math.nan), dict(temperature="1"), dict(top_k=-1), dict(top_k=1.0),
              dict(top_p=1.5), dict(seed=-1), dict(seed=2**64), dict(seed=1.5)], ids=str,
)  # fmt: skip
def test_a_sampler_is_checked_when_it_is_made(wrong: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError), match=next(iter(wrong))):
        swiftrnn.Sampler(**wrong)


def test_a_mistyped_attribute_is_refused() -> None:
    sampler = swiftrnn.Sampler(seed=1)
    for name, meant in (("temprature", "temperature"), ("topk", "top_k"), ("p", "top_p"), ("positions", "position")):
        with pytest.raises(AttributeError, match=f"^Sampler has no attribute '{name}'; did you mean '{meant}'"):
            setattr(sampler, name, 0.5)
    sampler.name = "resembles none"  # type: ignore[attr-defined]
    assert copy.deepcopy(sampler).name == sampler.name  # type: ignore[attr-defined]


def test_a_refused_call_does_not_count() -> None:
    sampler = swiftrnn.Sampler(seed=1)
    with pytest.raises(TypeError, match="logits: expected float32 or float64"):
        sampler(np.zeros(3, int))
    assert sampler.position == 0


# ---- The same rule elsewhere -----------------------------------------------------------------------------------------


def test_networks_without_a_seed_are_drawn_anew() -> None:
    assert len({swiftrnn.GRU(3, 4).flat.tobytes() for _ in range(4)}) == 4
    network = swiftrnn.GRU(3, 4, seed=1)
    drawn = set()
    for _ in range(4):
        network.initialize()
        drawn.add(network.flat.tobytes())
    assert len(drawn) == 4
    network.initialize(1)
    assert_same_bits(network.flat, swiftrnn.GRU(3, 4, seed=1).flat)


def test_masks_without_a_seed_are_drawn_anew_and_have_no_place() -> None:
    x, network = np.ones((4, 3, 5), np.float32), swiftrnn.GRU(5, 40, num_layers=2, dropout=0.5, seed=1)
    assert len({network.forward(x)[0].tobytes() for _ in range(4)}) == 4
    assert_same_bits(network.forward(x, seed=3)[0], network.forward(x, seed=3)[0])
    before = network.forward(x)[2].seed
    twin = swiftrnn.GRU(5, 40, num_layers=2, dropout=0.5, seed=1)
    with pytest.raises(ValueError, match="^first_sequence is 2, but there is no seed"):
        network.forward(x, first_sequence=2)
    following = network.forward(x)[2].seed
    seeds = [twin.forward(x)[2].seed for _ in range(6)]
    assert [before, following] == seeds[4:], "a refused pass draws no seed"
    network.forward(x, seed=3, first_sequence=2)

    tree, forest = swiftrnn.Cell("tree_child_sum").layer(3, 4, seed=0), swiftrnn.Forest([2, 2, -1])
    with pytest.raises(ValueError, match="^first_node is 2, but there is no seed"):
        tree.tree_forward(forest, np.ones((3, 3), np.float32), first_node=2)
    tree.tree_forward(forest, np.ones((3, 3), np.float32), seed=1, first_node=2)
