"""Trees as users have them, side by side as one forest: what models over trees read."""

from __future__ import annotations

from typing import Any, Sequence

import numpy as np

from .._arrays import Array
from ..forests.forest import Forest


class Tree:
    """The nodes of one example, by its edges.

    Parameters
    ----------
    value : Forest or sequence of int
        A forest of one tree or several; or the parent of each node, -1 for a root.
    name : str
        Name of the argument in errors.
    """

    def __init__(self, value: Any, name: str) -> None:
        if not isinstance(value, Forest):
            try:
                value = Forest(value)
            except (TypeError, ValueError) as error:
                raise type(error)(*_renamed(error, name)) from None
        self.count: int = value.node_count
        self.children, self.parents = value.edges
        self.roots: int = len(value.roots)


def _renamed(error: Exception, name: str) -> tuple[Any, ...]:
    """The arguments of an error, with the name of an example in its message."""
    status = getattr(error, "status", None)
    message = getattr(error, "message", str(error))
    return (f"{name}: {message}",) if status is None else (status, f"{name}: {message}")


def joined(trees: Sequence[Tree]) -> Forest:
    """All nodes in one forest: those of the second example follow those of the first, and so on."""
    offsets = np.cumsum([0, *(tree.count for tree in trees)])
    children: list[Array] = [tree.children + offset for tree, offset in zip(trees, offsets)]
    parents: list[Array] = [tree.parents + offset for tree, offset in zip(trees, offsets)]
    none = [np.empty(0, np.int64)]
    return Forest.from_edges(int(offsets[-1]), np.concatenate(children or none), np.concatenate(parents or none))


def tree_of(pair: Any, name: str) -> tuple[Tree, Any]:
    """The tree of a pair (parents, tokens), and its tokens or features."""
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise TypeError(f"{name}: expected a pair (parents, nodes), got {type(pair).__name__}")
    return Tree(pair[0], f"{name}[0]"), pair[1]
