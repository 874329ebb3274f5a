"""The gradients of `Layers`: one vector, and its parts by the layers' names."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Mapping

from ._arrays import Array
from ._parameters import NamedViews
from ._tape import Gradients

if TYPE_CHECKING:
    from ._layers import Layers


@dataclasses.dataclass(eq=False, repr=False)
class LayersGradients(Gradients):
    """The gradients of all layers of a `Layers`, made by ``Layers.gradients``.

    ``grads["encoder"]`` is the part of a layer as `Gradients`, of a `Layers` within it as `LayersGradients`: what the
    layer's ``tape.backward(dy, accumulate_into=…)`` takes, optimizers and clipping.

    Attributes
    ----------
    parameters : mapping of str to ndarray
        Views of `flat` by names such as ``encoder.weight_ih_l0``.
    flat : ndarray
        All gradients as one vector, in the order of ``Layers.flat``.
    x, state, inputs
        None: these are the layers' own.
    """

    parts: Mapping[str, Gradients] = dataclasses.field(default_factory=dict)
    """The parts by the layers' names."""

    @classmethod
    def _of(cls, layers: "Layers", flat: Array) -> "LayersGradients":
        parts: dict[str, Gradients] = {}
        offset = 0
        for name, layer in layers.items():
            part = flat[offset : offset + layer.flat.size]
            offset += layer.flat.size
            if hasattr(layer, "gradients"):
                parts[name] = cls._of(layer, part)
            else:
                views = NamedViews(part, layer.parameters._infos)
                parts[name] = Gradients(x=None, state=None, parameters=views, flat=part, inputs=None)
        views = NamedViews(flat, layers.parameters._infos)
        return cls(x=None, state=None, parameters=views, flat=flat, inputs=None, parts=parts)

    def __getitem__(self, name: str) -> Gradients:
        try:
            return self.parts[name]
        except (KeyError, TypeError):
            raise KeyError(f"there is no layer {name!r}: there are {', '.join(self.parts)}") from None

    def zero(self) -> None:
        """Sets all gradients to 0, for the next step of training."""
        if self.flat is not None:
            self.flat[...] = 0
