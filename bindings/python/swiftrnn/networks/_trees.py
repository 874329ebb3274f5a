"""Passes over trees: the part of `CellNetwork` that runs a recursive cell over the nodes of a `Forest`."""

from __future__ import annotations

from typing import Any

from .._arguments import integer, unsigned
from .._arrays import Array
from .._batch import TREE, TREE_FORWARD, needs_seed
from ..forests import Forest, ForestTape, Nodes, run_forest_forward
from .network import Network


class TreePasses(Network):
    """A network with passes over the nodes of trees: the base of `CellNetwork`. Not made itself."""

    def tree(self, forest: Forest, x: Array, **inputs: Array) -> tuple[Array, Any]:
        """Inference over the nodes of trees, from the leaves up, without dropout.

        Missing children have states of zeros. Shapes: M nodes, I inputs, O outputs, L layers.

        Parameters
        ----------
        forest : Forest
            M nodes.
        x : ndarray
            [M, I]: a row for each node.
        **inputs : ndarray
            All that the cell has beside x, by name, each [M, width], or [M] if its width is 1.

        Returns
        -------
        y : ndarray
            [M, O]; ``y[forest.roots]`` are the outputs of the roots.
        state : ndarray or tuple of ndarray
            The states of all nodes, each [L, M, width]: an array if the cell has one state, else a tuple.

        Raises
        ------
        SwiftRNNError
            UNSUPPORTED: the cell is not recursive, or the network is bidirectional. MISMATCH: the cell numbers its
            children, and a node has several parents.
        TypeError, ValueError
            A type or a shape is wrong.

        Examples
        --------
        >>> import numpy as np, swiftrnn
        >>> network = swiftrnn.Cell("tree_binary").layer(3, 8, num_layers=2, seed=0)
        >>> forest = swiftrnn.Forest([2, 2, -1])     # two leaves and their parent
        >>> y, (h, c) = network.tree(forest, np.ones((3, 3), np.float32))
        >>> y.shape, h.shape, bool((y == h[1]).all())
        ((3, 8), (2, 3, 8), True)
        """
        nodes = Nodes(self._handle, forest, x, inputs, TREE)
        return run_forest_forward(nodes, parameters=self._pointers(), pools=self._pools)

    def tree_forward(
        self, forest: Forest, x: Array, *, seed: int | None = None, first_node: int = 0, **inputs: Array
    ) -> tuple[Array, Any, ForestTape]:
        """The forward pass of training over trees: as `tree`, but with dropout and masks, and with a tape for the
        backward pass.

        Parameters
        ----------
        forest, x
            As for `tree`.
        seed : int, optional
            Seed of the masks, as for `forward`.
        first_node : int
            In 0...2^32 - M, added to a node's number in the masks: trees computed in parts have the masks of the whole,
            if all parts have one `seed`; without one it is refused.
        **inputs : ndarray
            As for `tree`.

        Returns
        -------
        y, state
            As for `tree`.
        tape : ForestTape
            Holds x and inputs by reference: leave them as they are until the last ``tape.backward``.

        Examples
        --------
        >>> import numpy as np, swiftrnn
        >>> network = swiftrnn.Cell("tree_child_sum").layer(3, 8, seed=0)
        >>> forest, x = swiftrnn.Forest.from_trees([[2, 2, -1], [1, -1]]), np.ones((5, 3), np.float32)
        >>> y, (h, c), tape = network.tree_forward(forest, x)
        >>> tape.backward(y).x.shape                 # of the loss sum(y ** 2) / 2
        (5, 3)
        """
        nodes = Nodes(self._handle, forest, x, inputs, TREE_FORWARD)
        first_node = integer(first_node, "first_node", 0, 2**32 - len(forest))
        needs_seed(seed, first_node, "first_node", "parts of a forest")
        chosen = self._dropout_seeds.getrandbits(64) if seed is None else unsigned(seed, "seed")
        version = self._parameters.version
        buffer = self._pools.tape.take(self._handle.forest_tape_size(forest._handle))
        y, state = run_forest_forward(
            nodes, parameters=self._pointers(), pools=self._pools, tape=buffer, seed=chosen, first_node=first_node
        )
        return y, state, ForestTape(self, nodes, buffer, chosen, version)
