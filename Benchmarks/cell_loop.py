"""A loop over time in torch around a step of a cell of equations, forward and backward by autograd."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from cell_torch import Draw, TorchCell


@dataclass
class Problem:
    """What a call reads: x [T, N, I], the other inputs [T, N, width], states [N, width], parameters, and dL/dy."""

    x: torch.Tensor
    inputs: dict[str, torch.Tensor]
    states: dict[str, torch.Tensor]
    parameters: dict[str, torch.Tensor]
    dy: torch.Tensor

    @property
    def leaves(self) -> dict[str, torch.Tensor]:
        """What gradients are wanted of, by the gradients' names."""
        own = {"x": self.x, **self.inputs, **self.parameters}
        return {f"d{name}": tensor for name, tensor in own.items()}


def mask_shapes(cell: TorchCell, problem: Problem) -> dict[Draw, tuple[int, ...]]:
    """What each mask covers in one step: a step is run, in which they write down what they meet."""
    found: dict[int, tuple[int, ...]] = {}

    def drop(value: torch.Tensor, number: int) -> torch.Tensor:
        found[number] = tuple(value.shape)
        return value

    def zone(following: torch.Tensor, _: torch.Tensor, number: int) -> torch.Tensor:
        return drop(following, number)

    once, moments, step = cell.functions(problem.x.dtype, drop, zone)
    fixed = once(*problem.parameters.values(), *(draw.number for draw in cell.matrix_masks))
    rows = [problem.x[0], *(value[0] for value in problem.inputs.values())]
    masks = [[draw.number for draw in draws] for draws in (cell.step_masks, cell.sequence_masks)]
    found_moments = moments(problem.x, *problem.inputs.values(), *fixed)
    step(*rows, *masks[0], *(problem.states[name] for name in cell.states), *fixed, *masks[1], *found_moments)
    return {draw: found[draw.number] for draw in cell.draws}


def drawn_masks(shapes: Mapping[Draw, tuple[int, ...]], steps: int, dtype: torch.dtype) -> dict[Draw, torch.Tensor]:
    """Masks as torch draws them."""
    masks = {}
    for draw, shape in shapes.items():
        mask = torch.empty((steps, *shape) if draw.per_step else shape, dtype=dtype).bernoulli_(1 - draw.probability)
        masks[draw] = mask.bool() if draw.kind == "zoneout" else mask.div_(1 - draw.probability)
    return masks


class TorchLoop:
    """Forward and backward of a cell over all steps. `masks` gives those of a call; None: torch draws them."""

    def __init__(
        self, cell: TorchCell, problem: Problem, masks: Mapping[Draw, torch.Tensor] | None = None,
        compiled: bool = False,
    ) -> None:
        self.cell, self.problem, self.masks = cell, problem, masks
        for tensor in problem.leaves.values():
            tensor.requires_grad_()
        self.mask_shapes = mask_shapes(cell, problem)
        self.once, self.moments, step = cell.functions(problem.x.dtype)
        self.step = torch.compile(step, dynamic=False) if compiled else step
        self.initial = tuple(problem.states[name] for name in cell.states)

    def run(self) -> None:
        cell, problem = self.cell, self.problem
        masks = self.masks
        if masks is None:
            masks = drawn_masks(self.mask_shapes, problem.x.shape[0], problem.x.dtype)
        fixed = self.once(*problem.parameters.values(), *(masks[draw] for draw in cell.matrix_masks))
        kept = [masks[draw] for draw in cell.sequence_masks]
        kept += self.moments(problem.x, *problem.inputs.values(), *fixed)
        rows = [problem.x, *problem.inputs.values(), *(masks[draw] for draw in cell.step_masks)]
        states, outputs = self.initial, []
        for row in zip(*(tensor.unbind(0) for tensor in rows)):
            y, states = self.step(*row, *states, *fixed, *kept)
            outputs.append(y)
        self.y = torch.stack(outputs)
        leaves = list(problem.leaves.values())
        self.gradients = torch.autograd.grad(self.y, leaves, problem.dy, allow_unused=True)

    def results(self) -> dict[str, np.ndarray]:
        """y and all gradients, by name."""
        found = {"y": self.y.detach().numpy()}
        for (name, leaf), gradient in zip(self.problem.leaves.items(), self.gradients):
            found[name] = np.zeros(tuple(leaf.shape), found["y"].dtype) if gradient is None else gradient.numpy()
        return found
