"""Tree-LSTMs in torch as they are written by hand: one tree at a time, node by node, backward by autograd."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch


class TorchTrees:
    """Forward and backward of a recursive cell over all trees, one after the other; children come before parents.

    The weights of all gates that read the same are one matrix, so that a node is two or three products with vectors."""

    # Of each matrix, the cell's own in their order, one below the other.
    MATRICES = {
        "tree_child_sum": {"W": ["Wi", "Wo", "Wu", "Wf"], "U": ["Ui", "Uo", "Uu"], "Uf": ["Uf"],
                           "b": ["bi", "bo", "bu"], "bf": ["bf"]},
        "tree_binary": {"W": ["Wi", "Wo", "Wu", "Wf"], "U1": ["Ui1", "Uo1", "Uu1", "Uf11", "Uf21"],
                        "U2": ["Ui2", "Uo2", "Uu2", "Uf12", "Uf22"], "b": ["bi", "bo", "bu", "bf"]},
    }  # fmt: skip

    def __init__(
        self, cell: str, parameters: Mapping[str, np.ndarray], trees: list[list[int]], x: np.ndarray, dy: np.ndarray
    ) -> None:
        self.names, self.own = list(parameters), self.MATRICES[cell]
        self.leaves = {
            name: torch.cat([torch.from_numpy(parameters[part].copy()) for part in parts]).requires_grad_()
            for name, parts in self.own.items()
        }
        self.hidden = parameters["bi"].size
        self.node = {"tree_child_sum": self.child_sum, "tree_binary": self.binary}[cell]
        self.x, self.dy = torch.from_numpy(x.copy()).requires_grad_(), torch.from_numpy(dy)
        self.children = []
        for tree in trees:
            children: list[list[int]] = [[] for _ in tree]
            for node, parent in enumerate(tree):
                if parent >= 0:
                    children[parent].append(node)
            self.children.append(children)

    def child_sum(
        self, x: torch.Tensor, h: list[torch.Tensor], c: list[torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        p, size = self.leaves, self.hidden
        wx = torch.mv(p["W"], x)
        gates = wx[: 3 * size] + p["b"]
        if h:
            gates = gates + torch.mv(p["U"], sum(h[1:], h[0]))
        i, o, u = gates.chunk(3)
        new = torch.sigmoid(i) * torch.tanh(u)
        for child_h, child_c in zip(h, c):
            new = new + torch.sigmoid(wx[3 * size :] + torch.mv(p["Uf"], child_h) + p["bf"]) * child_c
        return torch.sigmoid(o) * torch.tanh(new), new

    def binary(
        self, x: torch.Tensor, h: list[torch.Tensor], c: list[torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        p = self.leaves
        i, o, u, f = (torch.mv(p["W"], x) + p["b"]).chunk(4)
        if not h:
            new = torch.sigmoid(i) * torch.tanh(u)
            return torch.sigmoid(o) * torch.tanh(new), new
        hi, ho, hu, first, second = (torch.mv(p["U1"], h[0]) + torch.mv(p["U2"], h[1])).chunk(5)
        new = torch.sigmoid(i + hi) * torch.tanh(u + hu)
        new = new + torch.sigmoid(f + first) * c[0] + torch.sigmoid(f + second) * c[1]
        return torch.sigmoid(o + ho) * torch.tanh(new), new

    def run(self) -> None:
        for leaf in (self.x, *self.leaves.values()):
            leaf.grad = None
        outputs, start = [], 0
        for children in self.children:
            end = start + len(children)
            states: list[tuple[torch.Tensor, torch.Tensor]] = []
            for row, own in zip(self.x[start:end].unbind(0), children):
                states.append(self.node(row, [states[n][0] for n in own], [states[n][1] for n in own]))
            y = torch.stack([h for h, _ in states])
            y.backward(self.dy[start:end])
            outputs.append(y.detach())
            start = end
        self.y = torch.cat(outputs)

    def results(self) -> dict[str, np.ndarray]:
        """As `cell_forests.Forests` has them: the gradients of all parameters, in the network's order."""
        gradients = {}
        for name, parts in self.own.items():
            for part, values in zip(parts, self.leaves[name].grad.numpy().reshape(len(parts), -1)):
                gradients[part] = values
        return {
            "y": self.y.numpy(),
            "dx": self.x.grad.numpy(),
            "gradients": np.concatenate([gradients[name] for name in self.names]),
        }

    def close(self) -> None:
        pass
