"""The loss of models that give out numbers: its name and delta, for the library, and of numbers that have come out."""

from __future__ import annotations

import dataclasses
from typing import Any

from .. import _c as c
from .._arguments import real
from .._arrays import Array
from ..functional import binary_cross_entropy_with_logits, huber_loss, l1_loss, mse_loss

CODES = {
    "binary_cross_entropy": c.LOSS_BINARY_CROSS_ENTROPY,
    "squared_error": c.LOSS_SQUARED_ERROR,
    "absolute_error": c.LOSS_ABSOLUTE_ERROR,
    "huber": c.LOSS_HUBER,
}
_FUNCTIONS: dict[str, Any] = {
    "binary_cross_entropy": binary_cross_entropy_with_logits,
    "squared_error": mse_loss,
    "absolute_error": l1_loss,
}


@dataclasses.dataclass(frozen=True)
class NumberLoss:
    """A loss of numbers; `delta` is of the Huber loss (Huber 1964) alone. None: 1.

    Raises
    ------
    ValueError
        There is no loss of that name, or it has no delta.
    """

    name: str = "squared_error"
    delta: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or self.name not in CODES:
            raise ValueError(f"numbers: expected one of {', '.join(map(repr, CODES))}, got {self.name!r}")
        if self.delta is not None and self.name != "huber":
            raise ValueError(f"delta: is of the loss 'huber', not of {self.name!r}")

    @property
    def _delta(self) -> float:
        return 1.0 if self.delta is None else self.delta

    def config(self) -> c.ElementwiseLossConfig:
        """The loss for the library."""
        return c.ElementwiseLossConfig(loss=CODES[self.name], delta=real(self._delta, "delta"))

    def mean(self, outputs: Array, values: Array, lengths: Any) -> float:
        """The mean over all numbers that are there. A model's own evaluation is as good, where its outputs are those of
        a batch: what a network with output feedback writes by itself is not."""
        options = {"lengths": lengths, "need_gradient": False}
        if self.name == "huber":
            return float(huber_loss(outputs, values, delta=self._delta, **options).loss)
        return float(_FUNCTIONS[self.name](outputs, values, **options).loss)
