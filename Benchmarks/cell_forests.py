"""Passes over forests by the C functions, which the Python package declares, but does not offer yet."""

from __future__ import annotations

from typing import Any

import numpy as np
import swiftrnn
from swiftrnn import _c as c


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
        self.forest = c.ForestPointer()
        c.forest_create(c.int64s(parents.ctypes.data), len(parents), c.byref(self.forest))
        tape = self.buffer(c.forest_tape_size)
        forward = self.buffer(c.forest_workspace_size, c.WORKSPACE_FORWARD)
        backward = self.buffer(c.forest_workspace_size, c.WORKSPACE_BACKWARD)
        common: dict[str, Any] = {
            "x": x.ctypes.data,
            "parameters": handle.flat_pointers(network.flat.ctypes.data, network.flat.nbytes),
            "parameter_count": len(handle.parameters),
            "tape": tape.ctypes.data,
            "tape_size": tape.nbytes,
        }
        self.forward = c.ForestForwardArgs(
            y=self.y.ctypes.data, workspace=forward.ctypes.data, workspace_size=forward.nbytes, **common
        )
        self.backward = c.ForestBackwardArgs(
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
        c.forest_forward(self.network, self.forest, c.byref(self.forward))
        c.forest_backward(self.network, self.forest, c.byref(self.backward))

    def close(self) -> None:
        c.forest_destroy(self.forest)


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
