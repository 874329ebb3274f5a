"""Cells that are given as equations: `Cell`, and `CellNetwork`, the network of one; `cells` and `cell_text`, the
equations that come with the library. (The module is not called ``cells``, which is the function.)"""

from __future__ import annotations

import math
import re
from typing import Any

from . import _c as c
from ._arguments import real, text_name
from ._batch import check_names
from ._handles import EquationsHandle
from ._keywords import sizes_or_arguments
from ._warnings import warn
from .networks._arguments import checked_config
from .networks._trees import TreePasses
from .options import LayerOptions

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_COMMENT = re.compile(r"#.*")


class Cell:
    """A recurrent cell, given as its equations.

    docs/cells.md has the language: ``x`` is the input, ``h`` a state's previous value and ``h'`` its next one, ``@``
    the product of a matrix with a vector; names that no equation gives are parameters. `layer` makes a network of it.

    Cells never change, so a copy of one is itself. They are equal if their texts are, and are pickled by their text.

    Parameters
    ----------
    text : str
        The equations; or the name of a cell of the library alone, which means ``like`` that name: see `cells`.
    **numbers : float
        Lines after the text, ``dt=0.05`` for ``dt = 0.05``: constants of a cell of the library, given another value;
        or parameters of a text, made constants.

    Attributes
    ----------
    text : str
        The whole text.

    Raises
    ------
    SwiftRNNError
        The text is no cell: the message has line, column, and the line with a caret (also a ValueError).

    Warns
    -----
    UserWarning
        Two names of several letters differ only in case: a mistyped name would be one more parameter.

    Examples
    --------
    >>> import numpy as np, swiftrnn
    >>> mgu = swiftrnn.Cell('''
    ... f  = sigmoid(Wf @ x + Uf @ h + bf)
    ... n  = tanh(Wn @ x + Un @ (f * h) + bn)
    ... h' = (1 - f) * h + f * n
    ... ''')
    >>> y, h = mgu.layer(3, 8, seed=0)(np.ones((5, 2, 3), np.float32))
    >>> y.shape, h.shape
    ((5, 2, 8), (1, 2, 8))
    >>> swiftrnn.Cell("cornn", dt=0.05)
    Cell('like cornn\\ndt = 0.05')
    >>> try:
    ...     swiftrnn.Cell("h' = tnah(W @ x + U @ h)")
    ... except swiftrnn.SwiftRNNError as error:
    ...     print(error.message)
    line 1, column 6: there is no function "tnah" (did you mean "tanh"?)
      h' = tnah(W @ x + U @ h)
           ^
    """

    def __init__(self, text: str, **numbers: float) -> None:
        if not isinstance(text, str):
            raise TypeError(f"text: expected a str, got {type(text).__name__}")
        lines = [f"like {text.strip()}" if _NAME.fullmatch(text.strip()) else text]
        lines += [f"{text_name(name, 'number')} = {_finite(value, name)!r}" for name, value in numbers.items()]
        self._text = "\n".join(lines)
        self._handle = EquationsHandle(self._text.encode("utf-8", "surrogatepass"))
        _warn_of_case(self._text)

    @property
    def text(self) -> str:
        """The whole text."""
        return self._text

    @property
    def _title(self) -> str:
        """To know it by: the library's name, or the first line."""
        lines = [line.strip() for line in self._text.splitlines() if line.strip()]
        name = lines[0].removeprefix("like ").strip()
        if len(lines) == 1:
            return name
        return f"{lines[0]} …"

    def __repr__(self) -> str:
        return f"Cell({self._text!r})"

    def __eq__(self, other: object) -> bool:
        return self._text == other._text if isinstance(other, Cell) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._text)

    def __copy__(self) -> "Cell":
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> "Cell":
        return self

    def __reduce__(self) -> Any:
        return type(self), (self._text,)

    def layer(
        self,
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
    ) -> "CellNetwork":
        """A network of this cell.

        Parameters
        ----------
        input_size : int
            I, the features of x.
        hidden_size : int
            H, the hidden units.
        num_layers : int
            L: each layer's y is the next one's x.
        batch_first : bool
            x and y are [N, T, features] instead of [T, N, features]; states stay [L*D, N, width].
        dropout : float
            In [0, 1): on the output of each layer but the last, in `forward` only. With one layer it does nothing, and
            a UserWarning says so, as torch's does.
        bidirectional : bool
            A second direction runs from each sequence's end; y is [forward, reverse] side by side.
        dtype : "float32" or "float64"
            The type of every array.
        seed : int, optional
            Seed of the initial parameters, drawn as torch does, and of the sequence of dropout seeds. None: drawn anew.
        num_threads : int
            Threads of one call; 0: what `swiftrnn.get_num_threads` returns at the call. Results do not depend on it.
        options : LayerOptions, optional
            How layers, directions and steps are joined, if not as in torch.
        **sizes : int
            Sizes that the cell's text names, beside I and H: ``P=64`` where it says ``size h = P``.

        Returns
        -------
        CellNetwork
            The network.

        Raises
        ------
        SwiftRNNError
            A size is missing, unknown or out of range, or sizes do not fit each other (also a ValueError).
        ValueError
            An input has the name of an argument of the network's methods.

        Examples
        --------
        >>> import swiftrnn
        >>> swiftrnn.Cell("lstm_projected").layer(3, 8, num_layers=2, P=4, seed=0)
        CellNetwork('lstm_projected', 3, 8, num_layers=2, P=4)
        """
        return CellNetwork(
            self,
            input_size,
            hidden_size,
            num_layers,
            batch_first,
            dropout,
            bidirectional,
            dtype,
            seed,
            num_threads=num_threads,
            options=options,
            **sizes,
        )


def _warn_of_case(text: str) -> None:
    """Warns of names that differ only in case. Those of one letter are told apart by it: u, and the matrix U."""
    seen: dict[str, str] = {}
    for name in dict.fromkeys(_NAME.findall(_COMMENT.sub("", text))):
        other = seen.setdefault(name.lower(), name)
        if other != name and len(name) > 1:
            warn(f"text: {other!r} and {name!r} are two names of the cell, which differ only in case: is one mistyped?")


def _finite(value: Any, name: str) -> float:
    number = real(value, name)
    if not math.isfinite(number):
        raise ValueError(f"{name}: expected a finite number, got {number}")
    return number


def cells() -> list[str]:
    """The names of the cells of equations that come with the library.

    Examples
    --------
    >>> import swiftrnn
    >>> swiftrnn.cells()[:3]
    ['rnn', 'rnn_relu', 'rnn_any']
    """
    count, names = c.c_int64(), []
    c.cell_count(c.byref(count))
    for index in range(count.value):
        name = c.create_string_buffer(64)
        c.cell_name(index, name, 64)
        names.append(name.value.decode("ascii"))
    return names


def cell_text(name: str) -> str:
    """The equations of a cell of the library.

    Parameters
    ----------
    name : str
        One of `cells`.

    Raises
    ------
    ValueError
        There is none of this name.

    Examples
    --------
    >>> import swiftrnn
    >>> print(swiftrnn.cell_text("lstm_cifg"))
    # coupled input and forget gates (Greff 2017; ONNX input_forget: f's rows are unused)
    like lstm
    f = 1 - i
    """
    if not isinstance(name, str):
        raise TypeError(f"name: expected a str, got {type(name).__name__}")
    if name not in cells():
        raise ValueError(f"name: the library has no cell {name!r}; swiftrnn.cells() lists what it has")
    return c.text_of(lambda *buffer: c.cell_text(name.encode("ascii"), *buffer))


class CellNetwork(TreePasses):
    """A network of a cell that is given as equations: what ``Cell.layer`` makes. It is used as an `LSTM` is.

    The state is an array if the cell has one, and a tuple of as many as it has otherwise: h first, then in the order of
    their equations. Parameters have the text's names followed by the layer: ``Wf_l0``, ``Wf_l0_reverse``. They are
    drawn as torch does, but where the text says by ``init`` what they start with.

    Inputs beside x are given by their names: ``network(x, a=a)``, ``network.forward(x, a=a)``,
    ``stream.step(x[t], a=a[t])``. Every layer reads them. ``Gradients.inputs`` has their gradients.

    A network of a recursive cell, one that uses ``sum_children`` or ``h[k]``, also runs over the nodes of trees, with
    the same parameters: `tree` and `tree_forward`.

    Parameters
    ----------
    cell : Cell
        The equations.
    input_size : int
        I, the features of x.
    hidden_size : int
        H, the hidden units.
    num_layers : int
        L: each layer's y is the next one's x.
    batch_first : bool
        x and y are [N, T, features] instead of [T, N, features]; states stay [L*D, N, width].
    dropout : float
        In [0, 1): on the output of each layer but the last, in `forward` only. With one layer it does nothing, and a
        UserWarning says so, as torch's does.
    bidirectional : bool
        A second direction runs from each sequence's end; y is [forward, reverse] side by side.
    dtype : "float32" or "float64"
        The type of every array.
    seed : int, optional
        Seed of the initial parameters, drawn as torch does, and of the sequence of dropout seeds. None: drawn anew.
    num_threads : int
        Threads of one call; 0: what `swiftrnn.get_num_threads` returns at the call. Results do not depend on it.
    options : LayerOptions, optional
        How layers, directions and steps are joined, if not as in torch.
    **sizes : int
        Sizes that the cell's text names, beside I and H: ``P=64`` where it says ``size h = P``.


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
            super().__init__(checked_config("equations", locals(), equations=cell, sizes=sizes), seed)
        check_names(self._handle)

    @property
    def cell(self) -> Cell:
        """The cell of this network."""
        found: Any = self._handle.config.equations
        return found  # type: ignore[no-any-return]

    @property
    def sizes(self) -> dict[str, int]:
        """Sizes that the cell's text names, beside I and H."""
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
        """The computation in words: parameters, inputs, states, products with their shapes, vector
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
