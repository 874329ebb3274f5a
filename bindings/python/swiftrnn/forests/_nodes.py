"""From numpy arrays to ``swiftrnn_forest_forward``: the rows of a forest's nodes, their states; and the call."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

import numpy as np

from .. import _c as c
from .._arrays import Array, address, dense, shaped, typed
from .._batch import input_array, joined_state, named_inputs, split_state, state_pointers
from .._handles import NetworkHandle
from .._memory import BufferPools
from .forest import Forest


class Nodes:
    """The rows of the nodes of a forest: `x` is [M, I], the further `inputs` are [M, width], all dense."""

    def __init__(
        self, handle: NetworkHandle, forest: Any, x: Any, inputs: Mapping[str, Any], keywords: Sequence[str]
    ) -> None:
        if not isinstance(forest, Forest):
            raise TypeError(f"forest: expected a swiftrnn.Forest, got {type(forest).__name__}")
        self.handle = handle
        self.forest = forest
        self.dtype = np.dtype(handle.config.dtype)
        # Errors of network and forest come first, such as that the cell is not recursive.
        self.workspace_size = handle.forest_workspace_size(c.WORKSPACE_FORWARD, forest._handle)
        array, size = typed(x, "x", self.dtype), handle.config.input_size
        if array.shape != (len(forest), size):
            raise ValueError(
                f"x: expected [M, I] with M = {len(forest)} nodes and I = input_size = {size}, "
                f"got shape {list(array.shape)}"
            )
        self.x = dense(array)
        self.input_shapes: list[tuple[int, ...]] = []
        """As the caller has them: one of a number per node may do without its last axis."""
        given = named_inputs(handle, inputs, keywords)
        self.inputs = [self._input(value, *info) for value, info in zip(given, handle.inputs)]

    def _input(self, value: Any, name: str, width: int) -> Array:
        array = input_array(value, name, self.dtype, (len(self.forest), width))
        self.input_shapes.append(array.shape)
        return dense(array)

    def empty(self, features: int) -> Array:
        """A new array with a row for each node."""
        return np.empty((len(self.forest), features), self.dtype)

    def rows(self, value: Any, name: str, features: int) -> Array:
        """An array of the caller's with a row for each node, checked and dense."""
        return dense(shaped(value, name, self.dtype, (len(self.forest), features)))

    def states(self, state: Any, name: str) -> list[Array | None] | None:
        """The tensors of states of the caller's, checked and dense; None: all zeros."""
        if state is None:
            return None
        names, nodes = self.handle.state_names, len(self.forest)
        shapes = [self.handle.state_shape(index, nodes) for index in range(len(names))]
        return [
            None if tensor is None else dense(shaped(tensor, f"{name} {part}", self.dtype, shape))
            for tensor, part, shape in zip(split_state(state, names, name), names, shapes)
        ]

    def empty_states(self) -> list[Array]:
        """New tensors for the states of all nodes."""
        handle, nodes = self.handle, len(self.forest)
        return [np.empty(handle.state_shape(index, nodes), self.dtype) for index in range(len(handle.state_names))]


def run_forest_forward(
    nodes: Nodes, *, parameters: Any, pools: BufferPools, tape: Array | None = None, seed: int = 0, first_node: int = 0
) -> tuple[Array, Any]:
    """One ``swiftrnn_forest_forward``: y and the states of all nodes."""
    handle = nodes.handle
    y, states = nodes.empty(handle.output_size), nodes.empty_states()
    workspace = pools.forward.take(nodes.workspace_size)
    arguments = c.ForestForwardArgs(
        x=address(nodes.x),
        inputs=c.pointers([address(array) for array in nodes.inputs]),
        input_count=len(nodes.inputs),
        y=address(y),
        final_states=state_pointers(states),
        state_count=len(states),
        parameters=parameters,
        parameter_count=len(handle.parameters),
        tape=address(tape),
        tape_size=0 if tape is None else tape.nbytes,
        workspace=address(workspace),
        workspace_size=workspace.nbytes,
        seed=seed,
        seeded=1,
        first_node=first_node,
    )
    c.forest_forward(handle.pointer, nodes.forest._handle.pointer, c.byref(arguments))
    pools.forward.give(workspace)
    return y, joined_state(states)
