"""The network of a cell that is given as equations."""

from __future__ import annotations

from typing import Any

from ._arrays import Array, integer, unsigned
from ._config import checked_config
from ._equations import Cell
from ._forest import Forest
from ._forest_tape import ForestTape
from ._inputs import TREE, TREE_FORWARD, check_names
from ._keywords import sizes_or_arguments
from ._layer_options import LayerOptions
from ._network import Network
from ._nodes import Nodes, run_forest_forward
from ._sequence import needs_seed


class CellNetwork(Network):
    """A network of a cell that is given as equations: what ``Cell.layer`` makes. It is used as an `LSTM` is.

    The state is an array if the cell has one, and a tuple of as many as it has otherwise: h first, then in the order of
    their equations. Parameters have the text's names with the layer behind: ``Wf_l0``, ``Wf_l0_reverse``. They are
    drawn as torch does, but where the text says by ``init`` what they start with.

    Inputs beside x are given by their names: ``network(x, a=a)``, ``network.forward(x, a=a)``,
    ``stream.step(x[t], a=a[t])``. Every layer reads them. `Gradients.inputs` has their gradients.

    A network of a recursive cell, one that uses ``sum_children`` or ``h[k]``, also runs over the nodes of trees, with
    the same parameters: `tree` and `tree_forward`.

    Parameters
    ----------
    cell : Cell
    input_size, hidden_size, num_layers, batch_first, dropout, bidirectional, dtype, seed, num_threads, options
        As for `LSTM`.
    **sizes : int
        Those that the cell's text names, beside I and H: ``P=64`` where it says ``size h = P``.

    Raises
    ------
    SwiftRNNError
        A size is missing, unknown or out of range, or sizes do not fit each other (also a ValueError).
    ValueError
        An input has the name of an argument of the network's methods.

    Examples
    --------
    >>> import numpy as np, swiftrnn
    >>> network = swiftrnn.CellNetwork(swiftrnn.Cell("augru"), 3, 8, seed=0)
    >>> x, a = np.ones((5, 2, 3), np.float32), np.full((5, 2), 0.5, np.float32)
    >>> y, h, tape = network.forward(x, a=a)
    >>> tape.backward(y).inputs["a"].shape
    (5, 2)
    >>> list(network.parameters)
    ['weight_ih_l0', 'weight_hh_l0', 'bias_ih_l0', 'bias_hh_l0']
    """

    def __init__(
        self,
        cell: Cell,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        dtype: Any = "float32",
        seed: int | None = None,
        *,
        num_threads: int = 0,
        options: LayerOptions | None = None,
        **sizes: int,
    ) -> None:
        if not isinstance(cell, Cell):
            raise TypeError(f"cell: expected a swiftrnn.Cell, got {type(cell).__name__}")
        with sizes_or_arguments(sizes, CellNetwork.__init__):
            config = checked_config(
                "equations",
                input_size=input_size,
                hidden_size=hidden_size,
                num_layers=num_layers,
                batch_first=batch_first,
                dropout=dropout,
                bidirectional=bidirectional,
                dtype=dtype,
                num_threads=num_threads,
                options=options,
                equations=cell,
                sizes=sizes,
            )
            super().__init__(config, seed)
        check_names(self._handle)

    @property
    def cell(self) -> Cell:
        """What this is a network of."""
        found: Any = self._handle.config.equations
        return found  # type: ignore[no-any-return]

    @property
    def sizes(self) -> dict[str, int]:
        """Those that the cell's text names, beside I and H."""
        return dict(self._handle.config.sizes)

    @property
    def inputs(self) -> dict[str, int]:
        """Names and widths of the inputs beside x."""
        return dict(self._handle.inputs)

    @property
    def bias(self) -> bool:
        """Not of a cell of equations: its text has the biases."""
        raise AttributeError("a network of equations has no bias: the cell's text says which biases there are")

    @property
    def proj_size(self) -> int:
        """Not of a cell of equations: `sizes` has what its text names."""
        raise AttributeError("a network of equations has no proj_size: see its sizes")

    def describe(self) -> str:
        """What the library computes when, in words: parameters, inputs, states, products with their shapes, vector
        instructions, what the tape holds of a step.

        Examples
        --------
        >>> import swiftrnn
        >>> print(swiftrnn.Cell("min_gru").layer(3, 8).describe().partition("forward")[0])
        parameter Wz [8, 3]
        parameter Wn [8, 3]
        parameter bz [8]
        parameter bn [8]
        input x [3]
        state h [8]
        output [8]
        <BLANKLINE>
        """
        return self._handle.describe()

    # ---- Trees ----

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
        forest, x, **inputs
            As for `tree`.
        seed : int, optional
            Of the masks, as for `forward`.
        first_node : int
            In 0...2^32 - M, added to a node's number in the masks: trees computed in parts have the masks of the whole,
            if all parts have one `seed`; without one it is refused.

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
