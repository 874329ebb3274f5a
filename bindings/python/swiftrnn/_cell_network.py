"""The network of a cell that is given as equations."""

from __future__ import annotations

from typing import Any

from ._equations import Cell
from ._inputs import check_names
from ._network import Network, checked_config


class CellNetwork(Network):
    """A network of a cell that is given as equations: what ``Cell.layer`` makes. It is used as an `LSTM` is.

    The state is an array if the cell has one, and a tuple of as many as it has otherwise: h first, then in the order of
    their equations. Parameters have the text's names with the layer behind: ``Wf_l0``, ``Wf_l0_reverse``. They are
    drawn as torch does, but where the text says by ``init`` what they start with.

    Inputs beside x are given by their names: ``network(x, a=a)``, ``network.forward(x, a=a)``,
    ``stream.step(x[t], a=a[t])``. Every layer reads them. `Gradients.inputs` has their gradients.

    Parameters
    ----------
    cell : Cell
    input_size, hidden_size, num_layers, batch_first, dropout, bidirectional, dtype, seed, num_threads
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
        **sizes: int,
    ) -> None:
        if not isinstance(cell, Cell):
            raise TypeError(f"cell: expected a swiftrnn.Cell, got {type(cell).__name__}")
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
