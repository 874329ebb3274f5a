"""The nodes of trees, over which a network of a recursive cell runs."""

from __future__ import annotations

from typing import Any, Iterable, Sequence, Union

import numpy as np

from .._arguments import integer
from .._arrays import Array, indices
from .._handles import ForestHandle
from ..errors import SwiftRNNError

Indices = Union[Sequence[int], Array]


class Forest:
    """Trees, over whose nodes `CellNetwork.tree` and `CellNetwork.tree_forward` run.

    Each node has a number in 0...M - 1, its row in x and y; parents may stand before or after their children. A node's
    children are in the order of their numbers: the first is what a cell's text calls ``h[1]``. Trees that are given one
    by one are joined by `from_trees`; `from_edges` makes a graph without cycles.

    Forests never change: any number of threads and networks may share one, and a copy of one is itself. They are
    pickled by their edges.

    Parameters
    ----------
    parents : sequence of int
        [M]: the parent of each node, -1 for a root.

    Attributes
    ----------
    node_count : int
        M, which ``len`` says too.
    edge_count : int
        E, pairs of a child and its parent: in trees, nodes that are no root.
    edges : (ndarray, ndarray)
        Children and parents, each [E], int64, read-only.
    roots : ndarray
        The nodes without a parent, in ascending order, int64, read-only.

    Raises
    ------
    SwiftRNNError
        INVALID_VALUE: a parent is outside -1...M - 1 (also a ValueError). MISMATCH: the parents form a cycle.
    TypeError, ValueError
        `parents` is not one axis of integers.

    Examples
    --------
    >>> import numpy as np, swiftrnn
    >>> forest = swiftrnn.Forest([2, 2, -1, -1])     # two leaves and their parent; a tree of one node
    >>> forest
    Forest(node_count=4, edge_count=2)
    >>> forest.roots
    array([2, 3])
    >>> network = swiftrnn.Cell("tree_child_sum").layer(3, 8, seed=0)
    >>> y, (h, c) = network.tree(forest, np.ones((4, 3), np.float32))
    >>> y[forest.roots].shape, h.shape
    ((2, 8), (1, 4, 8))
    """

    _handle: ForestHandle
    _node_count: int
    _edges: tuple[Array, Array]
    _roots: Array

    def __init__(self, parents: Indices) -> None:
        of_each = indices(parents, "parents")
        handle = ForestHandle(len(of_each), None, of_each)
        children = np.flatnonzero(of_each >= 0).astype(np.int64)
        self._adopt(handle, len(of_each), children, of_each[children])

    @classmethod
    def from_trees(cls, trees: Iterable[Indices]) -> "Forest":
        """Joins trees that are given one by one: the nodes of the second follow those of the first, and so on.

        Parameters
        ----------
        trees : iterable of sequences of int
            The parents of each tree, as `Forest` takes them, as numbers within that tree.

        Raises
        ------
        ValueError
            A parent is not in its tree.
        SwiftRNNError
            MISMATCH: the parents of a tree form a cycle.

        Examples
        --------
        >>> import swiftrnn
        >>> forest = swiftrnn.Forest.from_trees([[2, 2, -1], [-1, 0]])
        >>> forest.roots
        array([2, 3])
        >>> children, parents = forest.edges
        >>> children.tolist(), parents.tolist()
        ([0, 1, 4], [2, 2, 3])
        """
        if not isinstance(trees, Iterable):
            raise TypeError(f"trees: expected the parents of each tree, got {type(trees).__name__}")
        given, joined, first = [], [], 0
        for number, tree in enumerate(trees):
            parents = indices(tree, f"trees[{number}]")
            wrong = np.flatnonzero((parents < -1) | (parents >= len(parents)))
            if wrong.size:
                node = int(wrong[0])
                raise ValueError(
                    f"trees[{number}][{node}]: {int(parents[node])} is outside -1...{len(parents) - 1}: "
                    "parents are numbers within their own tree"
                )
            given.append(parents)
            joined.append(np.where(parents < 0, -1, parents + first))
            first += len(parents)
        try:
            return cls(np.concatenate(joined) if joined else np.empty(0, np.int64))
        except SwiftRNNError:
            for number, parents in enumerate(given):  # by its own numbers, not by those of all trees
                try:
                    cls(parents)
                except SwiftRNNError as error:
                    raise type(error)(error.status, f"trees[{number}]: {error.message}") from None
            raise

    @classmethod
    def from_edges(cls, node_count: int, children: Indices, parents: Indices) -> "Forest":
        """A graph without cycles, whose nodes may have several parents, for cells that use ``sum_children`` only.

        A node's children are in the order of the edges, so that trees whose children are in another order than their
        numbers are made by this, too.

        Parameters
        ----------
        node_count : int
            M.
        children, parents : sequence of int
            [E]: the two ends of each edge, in 0...M - 1.

        Raises
        ------
        SwiftRNNError
            INVALID_VALUE, INVALID_SIZE: a number is out of range (also a ValueError). MISMATCH: the edges form a
            cycle.
        TypeError, ValueError
            Not as many children as parents; or they are not integers.

        Examples
        --------
        >>> import swiftrnn
        >>> forest = swiftrnn.Forest.from_edges(4, [0, 0, 1, 2], [1, 2, 3, 3])  # a diamond
        >>> forest.node_count, forest.edge_count, forest.roots.tolist()
        (4, 4, [3])
        """
        count = integer(node_count, "node_count")
        below, above = indices(children, "children"), indices(parents, "parents")
        if len(below) != len(above):
            raise ValueError(
                f"children and parents: expected as many of the one as of the other, got {len(below)} and {len(above)}"
            )
        forest = cls.__new__(cls)
        forest._adopt(ForestHandle(count, below, above), count, below, above)
        return forest

    def _adopt(self, handle: ForestHandle, node_count: int, children: Array, parents: Array) -> None:
        is_root = np.ones(node_count, bool)
        is_root[children] = False
        roots = np.flatnonzero(is_root).astype(np.int64)
        for array in (children, parents, roots):
            array.flags.writeable = False
        self._handle, self._node_count, self._edges, self._roots = handle, node_count, (children, parents), roots

    @property
    def node_count(self) -> int:
        """M"""
        return self._node_count

    @property
    def edge_count(self) -> int:
        """E"""
        return len(self._edges[0])

    @property
    def edges(self) -> tuple[Array, Array]:
        """Children and parents, each [E]."""
        return self._edges

    @property
    def roots(self) -> Array:
        """The nodes without a parent."""
        return self._roots

    def __len__(self) -> int:
        return self._node_count

    def __bool__(self) -> bool:
        return True  # an empty forest is a forest

    def __repr__(self) -> str:
        return f"Forest(node_count={self.node_count}, edge_count={self.edge_count})"

    def __copy__(self) -> "Forest":
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> "Forest":
        return self

    def __reduce__(self) -> Any:
        return type(self).from_edges, (self._node_count, *self._edges)
