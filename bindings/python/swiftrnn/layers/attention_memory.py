"""The part of attention that depends on keys alone, computed once for all queries; and its gradients."""

from __future__ import annotations

import dataclasses
from typing import Any

from .._arguments import flag
from .._arrays import Array
from .._batch import Lengths
from ..functional import AttentionGradients, attention_memory, attention_memory_backward
from ..gradients import Gradients
from ._layout import kept
from ._scores import Scores
from .tape import check_version


def parameter_views(gradients: Any) -> dict[str, Array]:
    """The views of a layer's gradients by their names in `AttentionGradients`."""
    return {} if gradients is None else dict(gradients)


class MemorySums:
    """Sums over the steps of the gradients for a memory and for the values; and whether they are complete."""

    def __init__(self) -> None:
        self.memory: Array | None = None
        self.values: Array | None = None
        self.complete = False


@dataclasses.dataclass(eq=False, repr=False)
class MemoryGradients(Gradients):
    """The gradients of a step that attended to an `AttentionMemory`: what reaches the memory is added up over the
    steps, and `AttentionMemory.backward` makes the gradients of keys and values of the sum.

    Attributes
    ----------
    memory : AttentionMemory
        The memory that was attended to.
    x : ndarray or None
        Gradient for this step's queries; None if not requested.
    parameters, flat
        As for `Gradients`: the part by way of the queries, so far.
    """

    memory: "AttentionMemory | None" = None
    _sums: MemorySums = dataclasses.field(default_factory=MemorySums)

    def _sums_of(self, memory: "AttentionMemory", name: str) -> MemorySums:
        """The sums, which must be of `memory`, and not complete."""
        if self.memory is not memory:
            raise ValueError(f"{name}: these gradients are of another memory")
        if self._sums.complete:
            raise ValueError(f"{name}: these gradients have been completed by AttentionMemory.backward")
        return self._sums


class AttentionMemory:
    """The keys of an `Attention`, their values, lengths and mask, and what the keys alone give to the scores:
    ``Attention.memory``.

    It holds keys and values by reference: leave them as they are until the last use. After a change of the parameters
    it is refused. In training, tapes of steps that attend to it are gone through backwards, each
    ``tape.backward(dcontext, accumulate_into=…)`` with the gradients of the one before; then `backward` is called once.

    Attributes
    ----------
    array : ndarray [Tk, N, M]
        ``k``, ``weight @ k``, or ``weight @ k + bias``, steps first.

    Examples
    --------
    >>> import numpy as np, swiftrnn
    >>> attention = swiftrnn.Attention("additive", 8, 6, seed=0)
    >>> memory, tapes = attention.memory(np.ones((5, 2, 6), np.float32)), []
    >>> for step in range(3):
    ...     context, weights, tape = attention.forward(np.ones((1, 2, 8), np.float32), memory)
    ...     tapes.append(tape)
    >>> grads = None
    >>> for tape in reversed(tapes):
    ...     grads = tape.backward(np.ones_like(context), accumulate_into=grads)
    >>> grads = memory.backward(grads)
    >>> grads.inputs["keys"].shape, grads.flat.shape == attention.flat.shape
    ((5, 2, 6), True)
    """

    def __init__(self, layer: Scores, keys: Array, values: Array | None, lengths: Lengths | None, mask: Any) -> None:
        self._layer = layer
        self._version = layer.parameters.version
        self._keys, self._values = keys, values
        if values is not None and values.shape[:2] != keys.shape[:2]:
            raise ValueError(f"values: expected as many steps and sequences as keys, got {list(values.shape)}")
        own = {name: layer.parameters[name] for name in ("weight", "bias") if name in layer.parameters}
        self._own_parameters: dict[str, Any] = {"kind": layer.kind, **own}
        size = layer.query_size if layer.kind == "concat" else None
        self.array = attention_memory(keys, lengths=lengths, mask=mask, query_size=size, **self._own_parameters)
        self._counted = kept(lengths, mask)

    def __repr__(self) -> str:
        steps, sequences = self._keys.shape[:2]
        return f"AttentionMemory({self._layer!r}, steps={steps}, sequences={sequences})"

    def _checked(self) -> "AttentionMemory":
        """This memory, as long as the parameters are those that it was made by."""
        check_version(self._layer, self._version)
        return self

    def _arguments(self) -> dict[str, Any]:
        """The arguments of `attention` that are not queries."""
        known = {"keys": self._keys, "values": self._values, "memory": self.array}
        return {**known, **self._counted, **self._layer._options()}

    def backward(
        self, gradients: MemoryGradients, *, need_inputs: bool = True, need_parameters: bool = True
    ) -> Gradients:
        """The gradients of keys, values and parameters, of what the steps have added up.

        Parameters
        ----------
        gradients : MemoryGradients
            Result of the last ``tape.backward``. The part by way of the keys is added to its `flat`: once.
        need_inputs, need_parameters : bool
            Which gradients to compute.

        Returns
        -------
        Gradients
            Its `inputs` has "keys" and, if values were given, "values"; its `x` and `state` are None; `flat` is that of
            `gradients`, complete.

        Raises
        ------
        TypeError, ValueError
            They are no gradients of steps that attended to this memory, or were made with ``need_inputs=False``; or
            they have been here before.
        SwiftRNNError
            MISMATCH: the parameters have changed since the memory was made.
        """
        self._checked()
        if not isinstance(gradients, MemoryGradients):
            raise TypeError(f"gradients: expected those of a step, MemoryGradients, got {type(gradients).__name__}")
        sums, wants_keys = gradients._sums_of(self, "gradients"), flag(need_inputs, "need_inputs")
        if sums.memory is None:
            raise ValueError("gradients: they were made with need_inputs=False, without what reaches the memory")
        wanted = flag(need_parameters, "need_parameters") and gradients.flat is not None
        views = parameter_views(gradients.parameters) if wanted else {}
        given = {name: views[name] for name in ("weight", "bias") if name in views}
        # The values' gradient is the keys' as values where no values were given.
        as_values = sums.values if self._values is None and wants_keys else None
        found = attention_memory_backward(
            sums.memory, self._keys, need_keys=wants_keys, need_parameters=wanted,
            accumulate_into=AttentionGradients(keys=as_values, **given), **self._own_parameters, **self._counted,
        )  # fmt: skip
        sums.complete = True
        inputs: dict[str, Array] | None = None
        if wants_keys:
            inputs = {} if found.keys is None else {"keys": self._layer._own(found.keys)}
            if self._values is not None and sums.values is not None:
                inputs["values"] = self._layer._own(sums.values)
        return Gradients(
            x=None, state=None, parameters=gradients.parameters if wanted else None,
            flat=gradients.flat if wanted else None, inputs=inputs,
        )  # fmt: skip
