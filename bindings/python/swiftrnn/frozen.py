"""Inference over whole sequences, by `Network` from its parameters and by `Frozen` from packed weights.

A call of one step of a small network computes for less time than numpy and ctypes need to describe it. So what a call
of a shape needs is kept ready after the second one, with arrays of its own for x, states and y: inputs are copied in,
results out. Of a few KB that takes less time than asking numpy for the address of one array.
"""

from __future__ import annotations

from typing import Any, Mapping

import numpy as np

from . import _c as c
from ._arrays import Array
from ._batch import Batch, Lengths, State, forward_arguments, run_forward
from ._handles import NetworkHandle, WeightsHandle
from ._memory import BufferPools
from .streams import Stream

# Bytes of arrays and scratch of one shape: larger calls compute for much longer than they are prepared.
_MOST_OF_A_SHAPE = 1 << 18
# The same for all shapes together; once there are more, all are forgotten.
_MOST_OF_ALL = 1 << 20
# Calls of one shape that are kept ready: as many as there were at the same time, up to this.
_MOST_READY = 4


class _Ready:
    """A call of one shape, but for the numbers. It belongs to one caller at a time."""

    def __init__(self, inference: "Inference", shape: tuple[int, ...]) -> None:
        handle, weights, parameters = inference.handle, inference.weights, inference.parameters
        self.x: Array = np.empty(shape, handle.config.dtype)
        batch = Batch(handle, self.x, None)
        self.initial, self.final = batch.empty_states(), batch.empty_states()
        y = batch.empty(handle.output_size)
        self.y = y[0]
        self._workspace = np.empty(handle.forward_workspace_size(weights, batch.steps, batch.sequences), np.uint8)
        self._arguments = [
            forward_arguments(
                batch,
                y,
                initial,
                self.final,
                self._workspace,
                parameters=parameters,
                parameter_count=0 if parameters is None else len(handle.parameters),
                weights=None if weights is None else weights.pointer,
            )
            for initial in (None, self.initial)
        ]
        self.from_zeros, self.from_state = (c.address_of(arguments) for arguments in self._arguments)


class Inference:
    """Calls of one network: from `parameters`, where the tensors are, or from `weights`."""

    def __init__(
        self, handle: NetworkHandle, parameters: Any, weights: WeightsHandle | None, pools: BufferPools
    ) -> None:
        self.handle, self.parameters, self.weights, self._pools = handle, parameters, weights, pools
        self._dtype = np.dtype(handle.config.dtype)
        self._ready: dict[tuple[int, ...], list[_Ready]] = {}
        self._seen: set[tuple[int, ...]] = set()
        self._bytes = 0

    def __call__(
        self, x: Array, state: State | None, lengths: Lengths | None, mask: Array | None, inputs: Mapping[str, Array]
    ) -> tuple[Array, Any]:
        """y and the final state; all is checked."""
        plain = lengths is None and mask is None and not inputs
        if plain and type(x) is np.ndarray and x.dtype is self._dtype:
            idle = self._ready.get(x.shape)
            if idle is not None:
                found = self._run_ready(idle, x, state)
                if found is not None:
                    return found
        batch = Batch(self.handle, x, lengths, inputs, mask)
        initial = batch.states(state)
        result = run_forward(batch, initial, parameters=self.parameters, weights=self.weights, pools=self._pools)
        if plain and not self.handle.inputs:
            self._keep_ready(batch, x.shape)
        return result

    def _run_ready(self, idle: list[_Ready], x: Array, state: State | None) -> tuple[Array, Any] | None:
        """A call of a shape that has been checked. None: of the state it is not known whether it fits."""
        try:
            ready = idle.pop()  # one operation, which the GIL makes whole: no lock that a fork could leave locked
        except IndexError:
            ready = _Ready(self, x.shape)
        final = ready.final
        arguments = ready.from_zeros
        if state is not None:
            if not self._take_state(ready, state):
                idle.append(ready)
                return None
            arguments = ready.from_state
        ready.x[...] = x
        status = c.direct.network_forward(self.handle.address, arguments)
        if status:
            raise c.failure(status)
        y = ready.y.copy()
        after = final[0].copy() if len(final) == 1 else tuple([tensor.copy() for tensor in final])
        if len(idle) < _MOST_READY:
            idle.append(ready)
        return y, after

    def _take_state(self, ready: _Ready, state: State) -> bool:
        """Copies a state of the caller's in, if it is beyond doubt one."""
        tensors = (state,) if len(ready.initial) == 1 else state
        if type(tensors) is not tuple or len(tensors) != len(ready.initial):
            return False
        for own, tensor in zip(ready.initial, tensors):
            if type(tensor) is not np.ndarray or tensor.dtype is not self._dtype or tensor.shape != own.shape:
                return False
            own[...] = tensor
        return True

    def _keep_ready(self, batch: Batch, shape: tuple[int, ...]) -> None:
        """Gets the next call of this shape ready, if it is small and this is not the first."""
        if shape not in self._seen:
            if len(self._seen) >= 256:
                self._seen.clear()
            self._seen.add(shape)
            return
        handle = self.handle
        numbers = batch.steps * (handle.config.input_size + handle.output_size)
        numbers += 2 * sum(rows * width for parts in handle.state_parts for rows, width in parts)
        size = batch.sequences * numbers * self._dtype.itemsize
        size += handle.forward_workspace_size(self.weights, batch.steps, batch.sequences)
        if size > _MOST_OF_A_SHAPE or shape in self._ready:
            return
        if self._bytes + size > _MOST_OF_ALL:
            self.clear()
        try:
            self._ready[shape] = [_Ready(self, shape)]
        except MemoryError:  # the call itself has its results
            return
        self._bytes += size

    def clear(self) -> None:
        """Gives what is kept ready back to the system."""
        self._ready.clear()
        self._seen.clear()
        self._bytes = 0


class Frozen:
    """A network with a packed, immutable snapshot of its parameters: ``Network.freeze()``.

    The network may change or go; the snapshot stays. Any number of threads may share it. As it never changes, a copy of
    it is itself; it cannot be pickled: pickle the network, and freeze that.

    Examples
    --------
    >>> import numpy as np, swiftrnn
    >>> frozen = swiftrnn.LSTM(3, 4, seed=0).freeze()
    >>> y, (h, c) = frozen(np.ones((5, 2, 3), np.float32))
    >>> y.shape, h.shape
    ((5, 2, 4), (1, 2, 4))
    """

    def __init__(self, handle: NetworkHandle, parameters: Any) -> None:
        self._handle = handle
        self._weights = WeightsHandle(handle, parameters)
        self._pools = BufferPools()
        self._inference = Inference(handle, None, self._weights, self._pools)

    def __call__(
        self,
        x: Array,
        state: State | None = None,
        lengths: Lengths | None = None,
        mask: Array | None = None,
        **inputs: Array,
    ) -> tuple[Array, Any]:
        """Inference over whole sequences: arguments, results, errors and bits as for a call of the network."""
        return self._inference(x, state, lengths, mask, inputs)

    def __repr__(self) -> str:
        return f"Frozen({self._handle.config.described()})"

    def __copy__(self) -> "Frozen":
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> "Frozen":
        return self

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("a Frozen cannot be pickled, it is packed for this CPU: pickle its network and freeze that")

    def stream(self, batch: int = 1) -> Stream:
        """A stream that shares this snapshot: see ``Network.stream``.

        Parameters
        ----------
        batch : int
            N: how many sequences run side by side.
        """
        return Stream(self._handle, self._weights, batch)

    def close(self) -> None:
        """Gives the scratch memory that is kept for the next call back to the system. The snapshot stays usable."""
        self._pools.clear()
        self._inference.clear()
