"""Inference with parameters that were packed once."""

from __future__ import annotations

from typing import Any

from ._arrays import Array
from ._buffers import BufferPools
from ._handles import NetworkHandle, WeightsHandle
from ._inference import Inference
from ._sequence import Lengths, State
from ._stream import Stream


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
        """A stream of `batch` sequences that shares this snapshot: see ``Network.stream``."""
        return Stream(self._handle, self._weights, batch)

    def close(self) -> None:
        """Gives the scratch memory that is kept for the next call back to the system. The snapshot stays usable."""
        self._pools.clear()
        self._inference.clear()
