"""The library's five handles as Python objects, and what a network says of itself. No numbers are touched here.

A handle is given back when the last reference to its object goes. Handles of equations, networks, weights and forests
are immutable: any number of threads may share them.
"""

from __future__ import annotations

import dataclasses
import weakref
from typing import Any, Protocol

from . import _c as c
from ._arrays import Array, address
from .errors import renamed
from .options import LayerOptions

CELLS = {
    "rnn_tanh": c.RNN_TANH,
    "rnn_relu": c.RNN_RELU,
    "lstm": c.LSTM,
    "gru": c.GRU,
    "gru_reset_before": c.GRU_RESET_BEFORE,
    "equations": c.EQUATIONS,
}


class Equations(Protocol):
    """The part of a `Cell` that a network's handle reads."""

    @property
    def _title(self) -> str:
        """The name or first line of the cell's text."""

    @property
    def _handle(self) -> "EquationsHandle":
        """The parsed text."""


@dataclasses.dataclass(frozen=True)
class Config:
    """Configuration of a network: ``swiftrnn_config`` in torch's words."""

    cell: str
    dtype: str
    input_size: int
    hidden_size: int
    num_layers: int
    bias: bool
    batch_first: bool
    dropout: float
    bidirectional: bool
    proj_size: int
    num_threads: int
    equations: Equations | None = None
    """The `Cell`, of cell "equations"."""
    sizes: tuple[tuple[str, int], ...] = ()
    """Sizes that the equations name, beside I and H."""
    options: LayerOptions | None = None

    def described(self, name: str | None = None) -> str:
        """As a call that makes such a network, of class `name`; None: the class of its cell."""
        words = [str(self.input_size), str(self.hidden_size)]
        if self.equations is not None:
            words.insert(0, repr(self.equations._title))
            name = name or "CellNetwork"
        if self.num_layers != 1:
            words.append(f"num_layers={self.num_layers}")
        if self.cell.startswith("rnn"):
            words.append(f"nonlinearity={self.cell[4:]!r}")
        if self.cell == "gru_reset_before":
            words.append("reset_after=False")
        if not self.bias:
            words.append("bias=False")
        if self.batch_first:
            words.append("batch_first=True")
        if self.dropout:
            words.append(f"dropout={self.dropout}")
        if self.bidirectional:
            words.append("bidirectional=True")
        if self.proj_size:
            words.append(f"proj_size={self.proj_size}")
        if self.dtype != "float32":
            words.append(f"dtype={self.dtype!r}")
        if self.options is not None:
            words.append(f"options={self.options!r}")
        words += [f"{size}={value}" for size, value in self.sizes]
        return f"{name or self.cell.partition('_')[0].upper()}({', '.join(words)})"


@dataclasses.dataclass(frozen=True)
class ParameterInfo:
    """Name, shape, and place in the flat vector, of one parameter tensor."""

    name: str
    shape: tuple[int, ...]
    elements: int
    offset: int


def _owned(owner: Any, pointer: Any, destroy: Any) -> None:
    # Not at the interpreter's exit: another thread may still be in a call, and the memory goes with the process.
    weakref.finalize(owner, destroy, pointer).atexit = False


class EquationsHandle:
    """A ``swiftrnn_equations``: a cell's text, parsed."""

    def __init__(self, text: bytes) -> None:
        pointer = c.EquationsPointer()
        c.cell_parse(text, len(text), c.byref(pointer))
        self.pointer = pointer
        _owned(self, pointer, c.equations_destroy)


class NetworkHandle:
    """A ``swiftrnn_network``: the checked configuration, and its parameters', states' and inputs' names and shapes."""

    def __init__(self, config: Config) -> None:
        cell = CELLS[config.cell]
        described = c.Config()
        c.config_init(c.byref(described), described.size, cell)
        described.dtype = c.dtype_code(config.dtype)
        described.input_size = config.input_size
        described.hidden_size = config.hidden_size
        described.projection_size = config.proj_size
        described.num_layers = config.num_layers
        described.num_directions = 2 if config.bidirectional else 1
        described.bias = 1 if config.bias else 0
        described.dropout = config.dropout
        described.num_threads = config.num_threads
        kept = None if config.options is None else config.options.fill(described, config.num_layers)
        pointer = c.NetworkPointer()
        if config.equations is None:
            c.network_create(c.byref(described), c.byref(pointer))
        else:
            named = [c.NamedSize(name.encode(), value) for name, value in config.sizes]
            sizes = (c.NamedSize * len(named))(*named)
            equations = config.equations._handle.pointer
            c.network_create_equations(equations, c.byref(described), sizes, len(sizes), c.byref(pointer))
        del kept  # the library has its own copy
        self.pointer = pointer
        self.address = c.address_of(pointer)
        self.config = config
        _owned(self, pointer, c.network_destroy)

        self.parameters = tuple(self._parameter(index) for index in range(self._count(c.network_parameter_count)))
        self.flat_count = self._count(c.network_flat_count)
        states = range(self._count(c.network_state_count))
        self.state_names = tuple(self._state_name(index) for index in states)
        self.inputs = tuple(self._input(index) for index in range(self._count(c.network_input_count)))
        """Names and widths of those beside x."""
        self.directions = 2 if config.bidirectional else 1
        self.state_parts = tuple(
            tuple(self._state_part(index, layer) for layer in range(config.num_layers)) for index in states
        )
        """Rows per sequence and their width, for each state and layer."""
        self.output_size = self._count(c.network_output_size)
        self._workspaces: dict[tuple[int, int, int], int] = {}

    def _count(self, query: Any) -> int:
        count = c.c_int64()
        query(self.pointer, c.byref(count))
        return count.value

    def _parameter(self, index: int) -> ParameterInfo:
        info = c.ParameterInfo()
        c.network_parameter_info(self.pointer, index, c.byref(info))
        return ParameterInfo(info.name.decode("ascii"), tuple(info.shape[: info.rank]), info.elements, info.offset)

    def _state_name(self, index: int) -> str:
        info = c.StateInfo()
        c.network_state_info(self.pointer, index, c.byref(info))
        return info.name.decode("ascii")

    def _state_part(self, index: int, layer: int) -> tuple[int, int]:
        part = c.StatePart()
        c.network_state_part(self.pointer, index, layer, c.byref(part))
        return part.rows, part.width

    def state_shape(self, index: int, sequences: int) -> tuple[int, ...]:
        """Shape of a state tensor: [rows, N, width]; one axis of all numbers where layers differ in width."""
        parts = self.state_parts[index]
        if len({width for _, width in parts}) == 1:
            return (sum(rows for rows, _ in parts), sequences, parts[0][1])
        return (sequences * sum(rows * width for rows, width in parts),)

    def _input(self, index: int) -> tuple[str, int]:
        info = c.InputInfo()
        c.network_input_info(self.pointer, index, c.byref(info))
        return info.name.decode("ascii"), info.width

    def describe(self) -> str:
        """The computation of the network in words."""
        return c.text_of(lambda *buffer: c.network_describe(self.pointer, *buffer))

    def flat_pointers(self, flat_address: int | None, flat_size: int) -> Any:
        """A C array of where each parameter starts in a flat vector of `flat_size` bytes."""
        result = c.pointers([None] * len(self.parameters))
        c.network_flat_pointers(self.pointer, flat_address, flat_size, result, len(self.parameters))
        return result

    def workspace_size(self, purpose: int, steps: int, sequences: int) -> int:
        """Bytes of scratch of a call. Those of the last few dozen shapes are remembered."""
        key = (purpose, steps, sequences)
        known = self._workspaces.get(key)
        if known is None:
            size = c.c_int64()
            c.network_workspace_size(self.pointer, purpose, steps, sequences, c.byref(size))
            if len(self._workspaces) >= 64:
                self._workspaces.clear()
            known = self._workspaces[key] = size.value
        return known

    def forward_workspace_size(self, weights: "WeightsHandle | None", steps: int, sequences: int) -> int:
        """Bytes of scratch of a forward pass from parameters, or from packed `weights`."""
        purpose = c.WORKSPACE_FORWARD if weights is None else c.WORKSPACE_FORWARD_WEIGHTS
        return self.workspace_size(purpose, steps, sequences)

    def tape_size(self, steps: int, sequences: int) -> int:
        """Bytes of a tape."""
        size = c.c_int64()
        c.network_tape_size(self.pointer, steps, sequences, c.byref(size))
        return size.value

    def forest_workspace_size(self, purpose: int, forest: "ForestHandle") -> int:
        """Bytes of scratch of a call over trees."""
        size = c.c_int64()
        c.forest_workspace_size(self.pointer, forest.pointer, purpose, c.byref(size))
        return size.value

    def forest_tape_size(self, forest: "ForestHandle") -> int:
        """Bytes of a tape of trees."""
        size = c.c_int64()
        c.forest_tape_size(self.pointer, forest.pointer, c.byref(size))
        return size.value


class ForestHandle:
    """A ``swiftrnn_forest``: the nodes of trees, by edges from `children` to `parents`, int64; or without `children` by
    the parent of each node, -1 for a root."""

    def __init__(self, node_count: int, children: Array | None, parents: Array) -> None:
        pointer = c.ForestPointer()
        above = c.int64s(address(parents))
        if children is None:
            c.forest_create(above, node_count, c.byref(pointer))
        else:
            below = c.int64s(address(children))
            c.forest_create_edges(node_count, below, above, len(parents), c.byref(pointer))
        self.pointer = pointer
        _owned(self, pointer, c.forest_destroy)


class WeightsHandle:
    """A ``swiftrnn_weights``: packed parameters."""

    def __init__(self, network: NetworkHandle, parameters: Any) -> None:
        pointer = c.WeightsPointer()
        c.weights_create(network.pointer, parameters, len(network.parameters), c.byref(pointer))
        self.pointer = pointer
        _owned(self, pointer, c.weights_destroy)


class StreamHandle:
    """A ``swiftrnn_stream``: one thread at a time."""

    def __init__(self, network: NetworkHandle, weights: WeightsHandle, sequences: int) -> None:
        pointer = c.StreamPointer()
        with renamed("sequences", "batch"):
            c.stream_create(network.pointer, weights.pointer, sequences, c.byref(pointer))
        self.pointer = pointer
        self.address = c.address_of(pointer)
        _owned(self, pointer, c.stream_destroy)
