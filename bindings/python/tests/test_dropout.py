"""Dropout between layers, against torch with the same masks."""

from __future__ import annotations

import numpy as np
import pytest

import swiftrnn
from philox import dropout_mask, philox4x32
from torch_reference import CELLS, Case, assert_close, assert_same_bits, by_loops, ours, pair

TOLERANCE = {"float64": 1e-10, "float32": 3e-5}


def test_philox_known_answers() -> None:
    """The known answers published with the generator (Random123, kat_vectors)."""
    known = [
        ([0, 0, 0, 0], (0, 0), [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
        ([0xFFFFFFFF] * 4, (0xFFFFFFFF, 0xFFFFFFFF), [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
        (
            [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
            (0xA4093822, 0x299F31D0),
            [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
        ),
    ]
    for counter, key, expected in known:
        assert philox4x32(np.array(counter, np.uint64), key).tolist() == expected


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("variant", range(6))
def test_same_masks_in_torch(cell: str, dtype: str, variant: int) -> None:
    rng = np.random.default_rng([CELLS.index(cell), variant])
    steps, sequences = int(rng.integers(1, 9)), int(rng.integers(1, 10))
    hidden = int(rng.integers(2, 45))
    case = Case(
        cell, dtype, steps, sequences, int(rng.integers(1, 20)), hidden,
        int(rng.integers(1, hidden)) if cell == "lstm_projected" else 0, 2 + variant % 2, variant % 3 == 1, True,
        dropout=[0.5, 0.1, 0.9][variant % 3], seed=variant,
        lengths=rng.integers(0, steps + 1, sequences).tolist() if variant % 2 else None,
    )  # fmt: skip
    seed = int(rng.integers(0, 2**64, dtype=np.uint64))
    first = int(rng.integers(0, 1000)) if variant >= 3 else 0
    masks = [
        dropout_mask(seed, case.dropout, steps, sequences, case.outputs, layer, case.directions, first)
        for layer in range(case.layers - 1)
    ]
    network = case.network()
    found = ours(case, case.data(), network, seed=seed, first_sequence=first)
    assert_close(found, by_loops(case, network.state_dict(), masks), TOLERANCE[dtype], case)


def test_seeds() -> None:
    x = np.ones((4, 3, 5), np.float32)
    network = swiftrnn.GRU(5, 40, num_layers=2, dropout=0.5, seed=1)
    a, _, tape_a = network.forward(x, seed=7)
    b, _, tape_b = network.forward(x, seed=7)
    assert_same_bits(a, b)
    assert tape_a.seed == tape_b.seed == 7
    assert (network.forward(x, seed=8)[0] != a).any()
    assert (network.forward(x, seed=7 + 2**32)[0] != a).any(), "the upper half of the seed counts too"

    drawn = [network.forward(x)[2].seed for _ in range(3)]
    assert len(set(drawn)) == 3, "each pass has its own masks"
    twin = swiftrnn.GRU(5, 40, num_layers=2, dropout=0.5, seed=1)
    assert [twin.forward(x)[2].seed for _ in range(3)] == drawn, "and they follow from the network's seed"
    assert_same_bits(network.forward(x, seed=drawn[1])[0], network.forward(x, seed=drawn[1])[0])

    with pytest.raises(ValueError, match="seed"):
        network.forward(x, seed=2**64)
    with pytest.raises(ValueError, match="seed"):
        network.forward(x, seed=-1)


@pytest.mark.parametrize("first", [-1, 2**32 - 2, 2**32, 2**63 - 1])
def test_the_first_sequence_leaves_room_for_the_batch(first: int) -> None:
    x = np.ones((4, 3, 5), np.float32)
    network = swiftrnn.GRU(5, 40, num_layers=2, dropout=0.5, seed=1)
    other = swiftrnn.GRU(5, 40, num_layers=2, dropout=0.5, seed=1)
    with pytest.raises(ValueError, match=f"first_sequence: {first} is outside 0...{2**32 - 3}$"):
        network.forward(x, first_sequence=first)
    assert (network.forward(x)[0] == other.forward(x)[0]).all(), "a refused pass draws no seed"
    last, _, _ = network.forward(x, seed=1, first_sequence=2**32 - 3)
    assert (last != network.forward(x, seed=1)[0]).any()


def test_the_share_of_dropped_units() -> None:
    """In a network whose second layer hands its input through, the zeros can be counted."""
    hidden, steps, sequences = 64, 40, 25
    network = swiftrnn.RNN(1, hidden, 2, "relu", dropout=0.3, dtype="float64", bias=False, seed=0)
    network.flat[:] = 0
    network.parameters["weight_ih_l0"][:] = 1
    network.parameters["weight_ih_l1"][:] = np.eye(hidden)
    y, _, _ = network.forward(np.ones((steps, sequences, 1)), seed=3)
    values = np.unique(y)
    assert values.tolist() == [0.0, 1.0 / 0.7] or np.allclose(values, [0, 1 / 0.7], rtol=1e-15)
    share = float((y == 0).mean())
    assert abs(share - 0.3) < 5 * np.sqrt(0.3 * 0.7 / y.size)
    inference, _ = network(np.ones((steps, sequences, 1)), pair(None))
    assert (inference == 1).all()
