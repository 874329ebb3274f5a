"""Input that arrives step by step."""

from __future__ import annotations

import threading
from typing import Any, Mapping

import numpy as np

from . import _c as c
from ._arguments import integer
from ._arrays import Array, address, dense, shaped, typed, writeable
from ._batch import STEP, State, input_array, joined_state, named_inputs, split_state, state_pointers
from ._handles import NetworkHandle, StreamHandle, WeightsHandle


class Stream:
    """State that lives between calls: ``Network.stream(batch)`` or ``Frozen.stream(batch)``. It starts with zeros, or
    with what a cell's text says by ``init``.

    The results are those of the whole sequence in one call, bit for bit. One thread at a time: a second one gets a
    RuntimeError. `close`, or leaving a ``with`` block, gives the memory back at once. A stream cannot be copied or
    pickled; its `state` can, and be set in another stream.

    Examples
    --------
    >>> import numpy as np, swiftrnn
    >>> lstm = swiftrnn.LSTM(3, 4, seed=0)
    >>> x = np.random.default_rng(0).normal(size=(5, 1, 3)).astype(np.float32)
    >>> stream = lstm.stream()
    >>> steps = np.stack([stream.step(row) for row in x])
    >>> bool((steps == lstm(x)[0]).all())
    True
    """

    def __init__(self, handle: NetworkHandle, weights: WeightsHandle, batch: int) -> None:
        self.batch = integer(batch, "batch")
        """N, the number of sequences side by side."""
        self._network = handle
        self._stream: StreamHandle | None = StreamHandle(handle, weights, self.batch)
        self._dtype = np.dtype(handle.config.dtype)
        self._inputs = (self.batch, handle.config.input_size)
        self._outputs = (self.batch, handle.output_size)
        self._lock = threading.Lock()
        # Memory of a step's own: copying a caller's numbers takes less time than asking numpy for their address.
        self._x, self._y = np.empty(self._inputs, self._dtype), np.empty(self._outputs, self._dtype)
        self._further = [np.empty((self.batch, width), self._dtype) for _, width in handle.inputs]
        self._further_pointers = c.pointers([address(array) for array in self._further])
        self._addresses = (self._stream.address, address(self._x), address(self._y))

    def __repr__(self) -> str:
        closed = ", closed" if self._stream is None else ""
        return f"Stream({self._network.config.described()}, batch={self.batch}{closed})"

    def __reduce_ex__(self, protocol: Any) -> Any:  # what copy, deepcopy and pickle call
        raise TypeError("a Stream cannot be copied or pickled: make a new one, and set its state to this one's")

    def _claim(self) -> Any:
        """The handle's pointer, this thread's alone until `_lock` is released."""
        if not self._lock.acquire(blocking=False):
            raise RuntimeError("this stream is in use by another thread")
        if self._stream is None:
            self._lock.release()
            raise ValueError("the stream is closed")
        return self._stream.pointer

    def step(self, x: Array, out: Array | None = None, **inputs: Array) -> Array:
        """One step.

        Parameters
        ----------
        x : ndarray
            [N, I], or [I] for a stream of one sequence.
        out : ndarray, optional
            [N, P] (or [P] with x [I]), C-contiguous, not overlapping x: receives y, so that nothing is allocated.
        **inputs : ndarray
            Inputs of a cell of equations beside x: all of them, by name, [N, width], or [width] with x [I]. An input
            of width 1 may do without that axis.

        Returns
        -------
        y : ndarray
            [N, P], or [P]; `out` if that was given.
        """
        x = typed(x, "x", self._dtype)
        y = self._y
        if x.shape != self._inputs:
            if self.batch != 1 or x.shape != self._inputs[1:]:
                raise ValueError(f"x: expected shape {list(self._inputs)}, got {list(x.shape)}")
            y = y[0]
        result = None if out is None else self._output(out, y.shape, x)
        given = self._given(inputs, x.shape[:-1], result) if inputs or self._further else []
        self._claim()
        try:
            self._x[...] = x
            self._step(given)
            if result is None:
                return y.copy()
            result[...] = y
        finally:
            self._lock.release()
        return result

    def _step(self, given: list[Array]) -> None:
        """One step of the stream's own x, and of further inputs. The caller has the lock."""
        stream, x, y = self._addresses
        if given:
            for own, value in zip(self._further, given):
                own[...] = value
            inputs = c.address_of(self._further_pointers)
            status = c.direct.stream_step_inputs(stream, x, inputs, len(given), y)
        else:
            status = c.direct.stream_step(stream, x, y)
        if status:
            raise c.failure(status)

    def run(self, x: Array, out: Array | None = None, **inputs: Array) -> Array:
        """As many steps as x has, one after the other.

        Parameters
        ----------
        x : ndarray
            [T, N, I], [N, T, I] if the network is batch_first, or [T, I] for a stream of one sequence.
        out : ndarray, optional
            y's shape, C-contiguous, not overlapping x. Not with batch_first and N above 1, where y is transposed.
        **inputs : ndarray
            As for `step`, each in x's layout.

        Returns
        -------
        y : ndarray
            As x, with P features; `out` if that was given.

        Examples
        --------
        >>> import numpy as np, swiftrnn
        >>> stream = swiftrnn.GRU(3, 4, seed=0).stream(batch=2)
        >>> stream.run(np.ones((5, 2, 3), np.float32)).shape, stream.state.shape
        ((5, 2, 4), (1, 2, 4))
        """
        array = typed(x, "x", self._dtype)
        batch_first = self._network.config.batch_first
        swapped = batch_first and array.ndim == 3
        if array.ndim == 2 and self.batch == 1:
            by_step = array[:, np.newaxis, :]
        else:
            by_step = array.swapaxes(0, 1) if swapped else array
        if by_step.ndim != 3 or by_step.shape[1:] != self._inputs:
            n, features = self._inputs
            expected = f"[{n}, T, {features}]" if batch_first else f"[T, {n}, {features}]"
            raise ValueError(f"x: expected shape {expected}, got {list(array.shape)}")
        steps = by_step.shape[0]
        by_step = dense(by_step)
        if out is not None and swapped and self.batch > 1:
            raise ValueError("out: not with batch_first and more than one sequence")
        y_shape = array.shape[:-1] + self._outputs[1:]
        y_dense: Array
        if out is not None:
            result = self._output(out, y_shape, array)
            y_dense = result
        elif swapped:
            y_dense = np.empty((steps, *self._outputs), self._dtype)
            result = y_dense.swapaxes(0, 1)
        else:
            result = y_dense = np.empty(y_shape, self._dtype)
        given = self._given(inputs, array.shape[:-1], None if out is None else y_dense)
        if swapped:
            given = [dense(value.swapaxes(0, 1)) for value in given]
        stream = self._claim()
        try:
            if given:
                rows = y_dense.reshape(steps, *self._outputs)
                for t in range(steps):
                    self._x[...] = by_step[t]
                    self._step([value[t] for value in given])
                    rows[t] = self._y
            else:
                c.stream_run(stream, steps, address(by_step), address(y_dense))
        finally:
            self._lock.release()
        return result

    def _given(self, inputs: Mapping[str, Any], lead: tuple[int, ...], out: Array | None) -> list[Array]:
        """The further inputs, checked, dense [*lead, width]."""
        given = []
        for value, (name, width) in zip(named_inputs(self._network, inputs, STEP), self._network.inputs):
            shape = (*lead, width)
            array = dense(input_array(value, name, self._dtype, shape)).reshape(shape)
            if out is not None and np.may_share_memory(array, out):
                raise ValueError(f"out overlaps {name}")
            given.append(array)
        return given

    def _output(self, out: Array, shape: tuple[int, ...], x: Array) -> Array:
        array = writeable(out, "out", self._dtype, shape)
        if np.may_share_memory(array, x):
            raise ValueError("out overlaps x")
        return array

    def reset(self) -> None:
        """All states to where they start: zero, or what a cell's text says by ``init``."""
        stream = self._claim()
        try:
            c.stream_reset(stream)
        finally:
            self._lock.release()

    @property
    def state(self) -> Any:
        """The state: a copy of h [L, N, P]; for LSTM of the pair (h, c) with c [L, N, H]; for a cell of equations an
        array if it has one state, else a tuple of as many as it has. May be set, which copies; None, for all of it or
        one of the pair, means zeros, or what a cell's text says by ``init``.

        Examples
        --------
        >>> import numpy as np, swiftrnn
        >>> stream = swiftrnn.LSTM(3, 4, seed=0).stream()
        >>> y = stream.step(np.ones((1, 3), np.float32))
        >>> before = stream.state
        >>> z = stream.step(np.ones((1, 3), np.float32))
        >>> stream.state = before
        >>> bool((stream.step(np.ones((1, 3), np.float32)) == z).all())
        True
        """
        tensors = [np.empty(shape, self._dtype) for shape in self._state_shapes()]
        stream = self._claim()
        try:
            c.stream_get_state(stream, state_pointers(tensors), len(tensors))
        finally:
            self._lock.release()
        return joined_state(tensors)

    @state.setter
    def state(self, value: State | None) -> None:
        shapes, names = self._state_shapes(), self._network.state_names
        given = (None,) * len(shapes) if value is None else split_state(value, names, "state")
        tensors = [
            None if tensor is None else dense(shaped(tensor, f"state {name}", self._dtype, shape))
            for tensor, name, shape in zip(given, names, shapes)
        ]
        stream = self._claim()
        try:
            c.stream_set_state(stream, state_pointers(tensors), len(tensors))
        finally:
            self._lock.release()

    def _state_shapes(self) -> list[tuple[int, ...]]:
        return [self._network.state_shape(index, self.batch) for index in range(len(self._network.state_names))]

    def close(self) -> None:
        """Gives the stream's memory back. Every use from then on is a ValueError."""
        if not self._lock.acquire(blocking=False):
            raise RuntimeError("this stream is in use by another thread")
        try:
            self._stream = None
        finally:
            self._lock.release()

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
