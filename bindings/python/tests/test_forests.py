"""Forests in Python: what they are made of, copies, and what is refused."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import swiftrnn
from torch_reference import assert_same_bits
from tree_reference import PARENTS, child_sum_layer, x_of


def test_forests() -> None:
    forest = swiftrnn.Forest(PARENTS)
    assert forest.node_count == len(forest) == 11 and forest.edge_count == 8
    assert repr(forest) == "Forest(node_count=11, edge_count=8)"
    assert forest.roots.tolist() == [2, 9, 10] and forest.roots.dtype == np.int64
    children, parents = forest.edges
    assert children.tolist() == [0, 1, 3, 4, 5, 6, 7, 8] and parents.tolist() == [2, 2, 2, 6, 6, 9, 9, 4]
    for array in (children, parents, forest.roots):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    for name in ("node_count", "edge_count", "edges", "roots"):
        with pytest.raises(AttributeError):
            setattr(forest, name, 3)
    for kind in (np.int8, np.int64, np.uint64, ">i4"):
        assert swiftrnn.Forest.from_edges(3, np.array([0, 1], kind), np.array([1, 2], kind)).roots.tolist() == [2]
    strided = np.repeat(np.array(PARENTS), 2)[::2]
    assert not strided.flags.c_contiguous and swiftrnn.Forest(strided).edges[1].tolist() == parents.tolist()


def test_a_forest_does_not_change_with_the_array_that_it_was_made_of() -> None:
    given = np.array(PARENTS)
    forest = swiftrnn.Forest(given)
    network, x = child_sum_layer(), x_of(11, 3)
    expected = network.tree(forest, x)[0]
    given[:] = -1
    assert_same_bits(network.tree(forest, x)[0], expected)
    assert forest.edge_count == 8 and given.flags.writeable
    children, parents = np.array([0, 1]), np.array([1, 2])
    forest = swiftrnn.Forest.from_edges(3, children, parents)
    children[:] = 2
    assert forest.edges[0].tolist() == [0, 1] and children.flags.writeable


def test_forests_of_edges() -> None:
    forest = swiftrnn.Forest.from_edges(5, [0, 0, 1, 2, 3], [1, 2, 3, 3, 4])
    assert (forest.node_count, forest.edge_count, forest.roots.tolist()) == (5, 5, [4])
    by_parents, network, x = swiftrnn.Forest(PARENTS), child_sum_layer(), x_of(11, 3)
    by_edges = swiftrnn.Forest.from_edges(11, *by_parents.edges)
    assert_same_bits(network.tree(by_edges, x)[0], network.tree(by_parents, x)[0])


def test_trees_are_joined() -> None:
    trees: list[Any] = [[2, 2, -1], [], np.array([-1, 0, 0]), (-1,), [1, 2, -1]]
    forest = swiftrnn.Forest.from_trees(trees)
    assert len(forest) == 10 and forest.roots.tolist() == [2, 3, 6, 9]
    assert [e.tolist() for e in forest.edges] == [[0, 1, 4, 5, 7, 8], [2, 2, 3, 3, 8, 9]]
    assert [e.tolist() for e in swiftrnn.Forest.from_trees(iter(trees)).edges] == [e.tolist() for e in forest.edges]
    for none in ([], [[]], [[], []]):
        assert len(swiftrnn.Forest.from_trees(none)) == 0


def test_copies_of_forests() -> None:
    network, x = child_sum_layer(), x_of(11, 3)
    for forest in (swiftrnn.Forest(PARENTS), swiftrnn.Forest.from_edges(11, [5, 1, 1], [2, 2, 0])):
        assert copy.copy(forest) is forest and copy.deepcopy(forest) is forest
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
            twin = pickle.loads(pickle.dumps(forest, protocol))
            assert repr(twin) == repr(forest) and [e.tolist() for e in twin.edges] == [e.tolist() for e in forest.edges]
            assert_same_bits(network.tree(twin, x)[0], network.tree(forest, x)[0])
            with pytest.raises(ValueError, match="read-only"):
                twin.edges[0][0] = 1
    assert type(pickle.loads(pickle.dumps(Woods(PARENTS)))) is Woods


class Woods(swiftrnn.Forest):
    """One of the user's own."""


def test_no_nodes() -> None:
    network, forest = child_sum_layer(layers=2), swiftrnn.Forest([])
    assert len(forest) == 0 and bool(forest) and forest.roots.size == 0
    y, (h, c), tape = network.tree_forward(forest, x_of(0, 3))
    assert y.shape == (0, 4) and h.shape == c.shape == (2, 0, 4)
    gradients = tape.backward(y)
    assert gradients.x.shape == (0, 3) and not gradients.flat.any()


@pytest.mark.parametrize(
    "parents, error, message",
    [
        ([5, -1], ValueError, r"parents\[0\] is 5, must be in -1...1 \[INVALID_VALUE\]"),
        ([-1, -2], ValueError, r"parents\[1\] is -2, must be in -1...1 \[INVALID_VALUE\]"),
        ([1, 0], swiftrnn.SwiftRNNError, r"the parents form a cycle at node 0: parent chain 0 -> 1 -> 0 \[MISMATCH\]"),
        ([-1, 1], swiftrnn.SwiftRNNError, r"the parents form a cycle at node 1: parent chain 1 -> 1 \[MISMATCH\]"),
        ([0.0], TypeError, "parents: expected integers, got float64"),
        ([True], TypeError, "parents: expected integers, got bool"),
        ([None], TypeError, r"parents\[0\]: expected an integer, got NoneType"),
        ([2**70], ValueError, r"parents\[0\]: 1180591620717411303424 is outside -92"),
        (np.empty(0), TypeError, "parents: expected integers, got float64"),
        (np.array([2**64 - 1], np.uint64), ValueError, r"parents\[0\]: 18446744073709551615 is outside -92"),
        ([[1, -1]], ValueError, r"parents: expected one axis, got shape \[1, 2\]"),
        (-1, ValueError, r"parents: expected one axis, got shape \[\]"),
        ([[1, -1], [-1]], ValueError, "parents: expected one axis of integers, got lists of different lengths"),
    ],
)
def test_parents_that_are_no_forest(parents: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{message}"):
        swiftrnn.Forest(parents)


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ((2, [0], [2]), ValueError, r"parents\[0\] is 2, must be in 0...1"),
        ((2, [0, -1], [1, 1]), ValueError, r"children\[1\] is -1, must be in 0...1"),
        ((0, [0], [0]), ValueError, r"children\[0\] is 0"),
        ((2, [0, 1], [1]), ValueError, "children and parents: .* as many .* got 2 and 1"),
        ((3, [0, 1, 2], [1, 2, 0]), swiftrnn.SwiftRNNError, "the parents form a cycle .* 0 -> 1 -> 2 -> 0 "),
        ((-1, [], []), ValueError, r"node_count is -1, must be in 0...2147483648 \[INVALID_SIZE\]"),
        ((2**40, [], []), ValueError, r"node_count is 1099511627776, must be in 0...2147483648 \[INVALID_SIZE\]"),
        ((2**64, [], []), ValueError, "node_count: 18446744073709551616 is outside"),
        ((2.0, [], []), TypeError, "node_count: expected an integer, got float"),
        ((True, [], []), TypeError, "node_count: expected an integer, got bool"),
        ((2, [0.5], [1]), TypeError, "children: expected integers, got float64"),
        ((2, [0], [[1]]), ValueError, r"parents: expected one axis, got shape \[1, 1\]"),
    ],
)
def test_edges_that_are_no_forest(arguments: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{message}"):
        swiftrnn.Forest.from_edges(*arguments)


@pytest.mark.parametrize(
    "trees, error, message",
    [
        ([[1, -1], [2, -1], [-1]], ValueError, r"trees\[1\]\[0\]: 2 is outside -1...1: parents are numbers"),
        ([[1, -1], [-1, -2]], ValueError, r"trees\[1\]\[1\]: -2 is outside -1...1"),
        ([[-1], [1, 0]], swiftrnn.SwiftRNNError, "the parents form a cycle at node 1: parent chain 1 -> 2 -> 1 "),
        ([2, 2, -1], ValueError, r"trees\[0\]: expected one axis, got shape \[\]"),
        ([[-1], [0.5]], TypeError, r"trees\[1\]: expected integers, got float64"),
        (5, TypeError, "trees: expected the parents of each tree, got int"),
        ([swiftrnn.Forest([-1])], TypeError, r"trees\[0\]: expected integers, got Forest"),
    ],
)
def test_trees_that_are_no_forest(trees: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{message}"):
        swiftrnn.Forest.from_trees(trees)
