"""Passes over forests by the C functions, which the Python package does not have yet."""

from __future__ import annotations

from ctypes import POINTER, Structure, c_int, c_int32, c_int64, c_uint64, c_void_p
from typing import Any

import numpy as np
import swiftrnn
from swiftrnn import _c_api as c
from swiftrnn._c_api.functions import _declare, status
from swiftrnn._c_api.types import Int64s, NetworkPointer, Pointers, _Sized


class Forest(Structure):
    """swiftrnn_forest, opaque."""


class ForestForwardArgs(_Sized):
    """swiftrnn_forest_forward_args"""

    _fields_ = [
        ("size", c_int64), ("x", c_void_p), ("inputs", Pointers), ("input_count", c_int64), ("y", c_void_p),
        ("final_states", Pointers), ("state_count", c_int64), ("parameters", Pointers), ("parameter_count", c_int64),
        ("tape", c_void_p), ("tape_size", c_int64), ("workspace", c_void_p), ("workspace_size", c_int64),
        ("seed", c_uint64), ("first_node", c_int64),
    ]  # fmt: skip


class ForestBackwardArgs(_Sized):
    """swiftrnn_forest_backward_args"""

    _fields_ = [
        ("size", c_int64), ("x", c_void_p), ("inputs", Pointers), ("input_gradients", Pointers),
        ("input_count", c_int64), ("dy", c_void_p), ("dx", c_void_p), ("state_gradients", Pointers),
        ("state_count", c_int64),
        ("parameters", Pointers), ("gradients", Pointers), ("parameter_count", c_int64), ("accumulate", c_int32),
        ("reserved", c_int32), ("tape", c_void_p), ("tape_size", c_int64), ("workspace", c_void_p),
        ("workspace_size", c_int64),
    ]  # fmt: skip


ForestPointer = POINTER(Forest)
forest_create = _declare("swiftrnn_forest_create", status, Int64s, c_int64, POINTER(ForestPointer))
forest_destroy = _declare("swiftrnn_forest_destroy", None, ForestPointer)
forest_tape_size = _declare("swiftrnn_forest_tape_size", status, NetworkPointer, ForestPointer, Int64s)
forest_workspace_size = _declare(
    "swiftrnn_forest_workspace_size", status, NetworkPointer, ForestPointer, c_int, Int64s
)
forest_forward = _declare(
    "swiftrnn_forest_forward", status, NetworkPointer, ForestPointer, POINTER(ForestForwardArgs)
)
forest_backward = _declare(
    "swiftrnn_forest_backward", status, NetworkPointer, ForestPointer, POINTER(ForestBackwardArgs)
)


def random_tree(random: np.random.Generator, leaves: int) -> list[int]:
    """Parents of a random binary tree: two of the roots that there are get a parent, until there is one root."""
    parents, roots = [-1] * leaves, list(range(leaves))
    while len(roots) > 1:
        for _ in range(2):
            parents[roots.pop(int(random.integers(len(roots))))] = len(parents)
        roots.append(len(parents))
        parents.append(-1)
    return parents


class ForestPass:
    """Forward with tape and backward with dx and all gradients of parameters, over some trees, in memory of its own.
    `gradients` are added to if `accumulate`."""

    def __init__(
        self, network: swiftrnn.CellNetwork, parents: np.ndarray, x: np.ndarray, dy: np.ndarray, gradients: np.ndarray,
        accumulate: bool,
    ) -> None:
        handle = network._handle
        self.network, self.parents = handle.pointer, parents
        self.arrays = [x, dy, gradients, network.flat]
        self.y = np.empty((len(x), handle.output_size), x.dtype)
        self.dx = np.empty_like(x)
        self.forest = ForestPointer()
        forest_create(c.int64s(parents.ctypes.data), len(parents), c.byref(self.forest))
        tape = self.buffer(forest_tape_size)
        forward = self.buffer(forest_workspace_size, c.WORKSPACE_FORWARD)
        backward = self.buffer(forest_workspace_size, c.WORKSPACE_BACKWARD)
        common: dict[str, Any] = {
            "x": x.ctypes.data,
            "parameters": handle.flat_pointers(network.flat.ctypes.data, network.flat.nbytes),
            "parameter_count": len(handle.parameters),
            "tape": tape.ctypes.data,
            "tape_size": tape.nbytes,
        }
        self.forward = ForestForwardArgs(
            y=self.y.ctypes.data, workspace=forward.ctypes.data, workspace_size=forward.nbytes, **common
        )
        self.backward = ForestBackwardArgs(
            dy=dy.ctypes.data, dx=self.dx.ctypes.data, accumulate=int(accumulate),
            gradients=handle.flat_pointers(gradients.ctypes.data, gradients.nbytes),
            workspace=backward.ctypes.data, workspace_size=backward.nbytes, **common,
        )  # fmt: skip
        self.arrays += [tape, forward, backward]

    def buffer(self, query: Any, *purpose: int) -> np.ndarray:
        size = c.c_int64()
        query(self.network, self.forest, *purpose, c.byref(size))
        return np.empty(size.value, np.uint8)

    def run(self) -> None:
        forest_forward(self.network, self.forest, c.byref(self.forward))
        forest_backward(self.network, self.forest, c.byref(self.backward))

    def close(self) -> None:
        forest_destroy(self.forest)


class Forests:
    """All trees in one call, or one after the other. Both have their handles and memory beforehand."""

    def __init__(
        self, network: swiftrnn.CellNetwork, trees: list[list[int]], x: np.ndarray, dy: np.ndarray, together: bool
    ) -> None:
        self.gradients = np.empty_like(network.flat)
        self.passes = []
        if together:
            joined: list[int] = []
            for tree in trees:
                joined += [parent if parent < 0 else parent + len(joined) for parent in tree]
            self.passes.append(ForestPass(network, np.array(joined, np.int64), x, dy, self.gradients, False))
        else:
            start = 0
            for tree in trees:
                rows = slice(start, start + len(tree))
                start += len(tree)
                parents = np.array(tree, np.int64)
                self.passes.append(ForestPass(network, parents, x[rows], dy[rows], self.gradients, bool(self.passes)))

    def run(self) -> None:
        for one in self.passes:
            one.run()

    def results(self) -> dict[str, np.ndarray]:
        """Copies, by name."""
        found = {name: np.concatenate([getattr(one, name) for one in self.passes]) for name in ("y", "dx")}
        return {**found, "gradients": self.gradients.copy()}

    def close(self) -> None:
        for one in self.passes:
            one.close()
