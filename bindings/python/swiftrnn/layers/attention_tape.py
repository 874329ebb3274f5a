"""The tape of an `Attention`: gradients of queries, and of keys and values or of a memory of them."""

from __future__ import annotations

from typing import Any, Union

import numpy as np

from .._arguments import flag
from .._arrays import Array, shaped
from ..functional import AttentionGradients, attention_backward
from ..gradients import Gradients
from ._layout import kept, swapped
from ._scores import Scores
from .attention_memory import AttentionMemory, MemoryGradients, MemorySums, parameter_views
from .tape import LayerTape, gradient_views


class AttentionTape(LayerTape):
    """The tape of one ``Attention.forward``; as `LayerTape`.

    Examples
    --------
    >>> import numpy as np, swiftrnn
    >>> attention = swiftrnn.Attention("dot", 4)
    >>> context, weights, tape = attention.forward(np.ones((3, 2, 4), np.float32), np.ones((5, 2, 4), np.float32))
    >>> tape.backward(np.ones_like(context)).inputs["keys"].shape
    (5, 2, 4)
    """

    _layer: Scores

    def __init__(
        self, layer: Scores, queries: Array, given: dict[str, Any], weights: Array, memory: AttentionMemory | None,
        shape: tuple[int, ...],
    ) -> None:  # fmt: skip
        if memory is None:
            given = {**given, **kept(given["lengths"], given["mask"])}
        self._weights, self._queries, self._given = weights, queries, given
        self._memory, self._shape = memory, shape
        super().__init__(layer, {"queries": queries, "keys": given["keys"], "values": given["values"]}, self._unused)

    @staticmethod
    def _unused(dy: Any, gradients: Any, need_x: bool) -> None:
        """Stands for a backward pass until the tape is closed: `backward` is this class's own."""

    def backward(
        self,
        dy: Array,
        *,
        need_x: bool = True,
        need_parameters: bool = True,
        need_inputs: bool = True,
        accumulate_into: Union[Gradients, Array, None] = None,
    ) -> Gradients:
        """The gradients of a loss from its gradient for the context.

        Parameters
        ----------
        dy : ndarray
            In the layout and type of the context.
        need_x, need_parameters, need_inputs : bool
            Which gradients to compute: of queries, of parameters, of keys and values or their memory.
        accumulate_into : Gradients or ndarray, optional
            As for `LayerTape.backward`. Gradients of another step that attended to the same memory are also added to
            where they are of the memory.

        Returns
        -------
        Gradients
            `x` is that of the queries; `inputs` has "keys" (as values, too, where they are) and, if values were given,
            "values". Of a memory `MemoryGradients`, whose `inputs` is empty: `AttentionMemory.backward` completes them.

        Raises
        ------
        TypeError, ValueError, SwiftRNNError
            As for `LayerTape.backward`. Or `accumulate_into` is of a memory that is complete, or of another one.
        """
        self._function()
        layer, memory = self._layer, self._memory
        dcontext = swapped(shaped(dy, "dy", layer.dtype, self._shape), layer.batch_first)
        wants_keys = flag(need_inputs, "need_inputs")
        sums = MemorySums()
        if memory is not None and isinstance(accumulate_into, MemoryGradients):
            sums = accumulate_into._sums_of(memory, "accumulate_into")
        views = gradient_views(layer, need_parameters, accumulate_into, {**self._read, "dy": dy})
        own = parameter_views(views)
        into = AttentionGradients(memory=sums.memory, values=sums.values, **own)
        found = attention_backward(
            dcontext, self._weights, self._queries, need_queries=flag(need_x, "need_x"), need_keys=wants_keys,
            need_parameters=views is not None, accumulate_into=into, **self._given,
        )  # fmt: skip
        dx = None if found.queries is None else layer._own(found.queries)
        flat = None if views is None else views._flat
        if memory is not None:
            if wants_keys:
                sums.memory, sums.values = found.memory, found.values
            return MemoryGradients(dx, None, views, flat, {}, memory=memory, _sums=sums)
        inputs = {"keys": found.keys, "values": found.values} if wants_keys else None
        if inputs is not None:
            inputs = {name: layer._own(array) for name, array in inputs.items() if array is not None}
        return Gradients(dx, None, views, flat, inputs)

    def close(self) -> None:
        """Drops what the tape holds; `backward` is an error from then on."""
        super().close()
        self._weights = self._queries = np.empty(0, self._layer.dtype)
        self._given, self._memory = {}, None
