"""Cells that are given as equations, and those of them that come with the library."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from . import _c_api as c
from ._arrays import real, text_name
from ._handles import EquationsHandle

if TYPE_CHECKING:
    from ._cell_network import CellNetwork
    from ._layer_options import LayerOptions

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


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
        Lines behind the text, ``dt=0.05`` for ``dt = 0.05``: constants of a cell of the library, given another value;
        or parameters of a text, made constants.

    Attributes
    ----------
    text : str
        The whole text.

    Raises
    ------
    SwiftRNNError
        The text is no cell: the message has line, column, and the line with a caret (also a ValueError).

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
        options: "LayerOptions | None" = None,
        **sizes: int,
    ) -> "CellNetwork":
        """A network of this cell: `CellNetwork`, which documents the arguments.

        Examples
        --------
        >>> import swiftrnn
        >>> swiftrnn.Cell("lstm_projected").layer(3, 8, num_layers=2, P=4, seed=0)
        CellNetwork('lstm_projected', 3, 8, num_layers=2, P=4)
        """
        from ._cell_network import CellNetwork  # which needs this module

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
