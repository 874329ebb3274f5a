"""Tapes: the record of a forward pass for training, from which its backward pass computes gradients."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar, Union

import numpy as np

from . import _c as c
from ._arguments import real
from ._arrays import Array, address
from ._batch import Batch, State, joined_state, state_pointers
from ._memory import BufferPools, refuse_overlap
from .errors import Status, SwiftRNNError
from .gradients import Gradients, flat_gradient
from .parameters import NamedViews, Parameters

_Self = TypeVar("_Self", bound="TapeMemory")


class Recorded(Protocol):
    """The part of a `Network` that its tapes use: parameters, and memory that goes back to the network."""

    _flat: Array
    _pools: BufferPools

    @property
    def parameters(self) -> Parameters:
        """Named views of the vector of parameters."""

    def _pointers(self) -> Any:
        """A C array of the parameters' addresses."""


class TapeMemory:
    """The base of the tapes of sequences and of trees: they hold their network, and memory that goes back to it.

    Attributes
    ----------
    seed : int
        The seed of the dropout masks.
    nbytes : int
        The tape's size in bytes.
    """

    def __init__(self, network: Recorded, buffer: Array, seed: int, version: int) -> None:
        self._network = network
        self._buffer: Array | None = buffer
        self._version = version
        self.seed = seed
        self.nbytes = buffer.nbytes

    def __reduce_ex__(self, protocol: Any) -> Any:  # what copy, deepcopy and pickle call
        raise TypeError(
            f"a {type(self).__name__} cannot be copied or pickled, its memory goes back to its network: share it, or "
            "run forward again"
        )

    def _memory(self) -> Array:
        """The tape's bytes, as long as gradients can be made of them."""
        if self._buffer is None:
            raise ValueError("the tape is closed")
        if self._network.parameters.version != self._version:
            raise SwiftRNNError(Status.MISMATCH, "the parameters have changed since the forward pass of this tape")
        return self._buffer

    @staticmethod
    def _refuse_nothing(dy: Any, dstates: "list[Array | None] | None") -> None:
        """Refuses a backward pass that no gradient arrives at: all of its results would be zeros, without a word."""
        if dy is None and (dstates is None or all(tensor is None for tensor in dstates)):
            raise ValueError(
                "no gradient arrives: give dy, the loss's gradient for y, or dstate, its gradient for the state that "
                "the pass returned, or both"
            )

    def close(self) -> None:
        """Gives the tape's memory back; `backward` is an error from then on. Not while another thread is in it."""
        buffer, self._buffer = self._buffer, None
        if buffer is not None:
            self._network._pools.tape.give(buffer)

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_buffer", None) is not None:
            self.close()


class Tape(TapeMemory):
    """The tape of one ``Network.forward``, from which `backward` makes gradients, as often as wanted.

    It holds x, further inputs, the initial state, and the parameters' vector by reference: they must stay as they were
    until the last `backward`. A change of the parameters that the package saw (an optimizer's step,
    ``load_state_dict``, ``initialize``, ``parameters[name] = …``, ``parameters.changed()``) is an error; a change of x,
    or of a raw numpy view, is not noticed and gives wrong gradients.

    Any number of threads may call `backward` at once. `close`, or leaving a ``with`` block, gives the memory back to
    the network for its next forward pass; otherwise that happens when the last reference goes. So there is one owner: a
    tape cannot be copied or pickled.

    Attributes
    ----------
    seed : int
        The seed of the dropout masks.
    nbytes : int
        The tape's size in bytes.

    Examples
    --------
    >>> import numpy as np, swiftrnn
    >>> lstm = swiftrnn.LSTM(3, 4, seed=0)
    >>> y, state, tape = lstm.forward(np.ones((5, 2, 3), np.float32))
    >>> grads = tape.backward(np.ones_like(y))
    >>> grads.x.shape, grads.state[1].shape, grads.parameters["weight_ih_l0"].shape, grads.flat.shape
    ((5, 2, 3), (1, 2, 4), (16, 3), (144,))
    """

    def __init__(
        self,
        network: Recorded,
        batch: Batch,
        initial: list[Array | None] | None,
        buffer: Array,
        seed: int,
        version: int,
    ) -> None:
        super().__init__(network, buffer, seed, version)
        self._batch = batch
        self._initial = initial

    def __repr__(self) -> str:
        batch, closed = self._batch, ", closed" if self._buffer is None else ""
        sizes = f"steps={batch.steps}, sequences={batch.sequences}, nbytes={self.nbytes}"
        return f"Tape({self._network!r}, {sizes}{closed})"

    def backward(
        self,
        dy: Array | None = None,
        dstate: State | None = None,
        *,
        need_x: bool = True,
        need_state: bool = True,
        need_parameters: bool = True,
        need_inputs: bool = True,
        accumulate_into: Union[Gradients, Array, None] = None,
    ) -> Gradients:
        """Back-propagation through time, of gradients that arrive through y, the final state, or both.

        Parameters
        ----------
        dy : ndarray, optional
            The loss's gradient for y, in y's layout and type; None: zeros. Past each length it is not read.
        dstate : ndarray or (ndarray, ndarray), optional
            The loss's gradient for the final state, in its layout; for LSTM a pair (dh, dc), either may be None: zeros.
        need_x, need_state, need_parameters, need_inputs : bool
            Which gradients to compute; what is not wanted costs nothing.
        accumulate_into : Gradients or ndarray, optional
            Gradients of an earlier call, or a flat vector: those of the parameters are added to it, and the result's
            `flat` is that vector. Without it they go to a new vector.

        Returns
        -------
        Gradients

        Raises
        ------
        TypeError, ValueError
            `dy`, `dstate` or `accumulate_into` has the wrong type or shape.
        SwiftRNNError
            MISMATCH: the parameters have changed since the forward pass.
        ValueError
            Neither `dy` nor any of `dstate` is given; or the tape is closed.

        Examples
        --------
        >>> import numpy as np, swiftrnn
        >>> gru = swiftrnn.GRU(3, 4, seed=0)
        >>> y, h, tape = gru.forward(np.ones((5, 2, 3), np.float32))
        >>> grads = tape.backward(dstate=np.ones_like(h), need_x=False)
        >>> grads.x is None
        True
        >>> twice = tape.backward(dstate=np.ones_like(h), accumulate_into=grads)
        >>> twice.flat is grads.flat
        True
        """
        network, batch, handle = self._network, self._batch, self._batch.handle
        buffer = self._memory()

        dy_given = (None, 0, 0) if dy is None else batch.sequence(dy, "dy", handle.output_size)
        dfinal = batch.states(dstate, "dstate")
        self._refuse_nothing(dy, dfinal)
        dx_wanted = batch.empty(handle.config.input_size) if need_x else (None, 0, 0)
        dinitial = batch.empty_states() if need_state else None
        dinputs = [np.empty_like(array) for array in batch.inputs] if need_inputs else None
        flat = flat_gradient(network._flat, need_parameters, accumulate_into)
        if accumulate_into is not None:
            read = {"x": batch.x, "dy": dy_given[0]}
            read.update((f"input {name}", array) for (name, _), array in zip(handle.inputs, batch.inputs))
            for state, tensors in (("state", self._initial), ("dstate", dfinal)):
                read.update((f"{state} {name}", tensor) for name, tensor in zip(handle.state_names, tensors or ()))
            refuse_overlap(flat, "accumulate_into", read)

        parameters = network._pointers()
        gradients = None if flat is None else handle.flat_pointers(address(flat), flat.nbytes)
        size = handle.workspace_size(c.WORKSPACE_BACKWARD, batch.steps, batch.sequences)
        workspace = network._pools.backward.take(size)
        arguments = c.BackwardArgs(
            steps=batch.steps,
            sequences=batch.sequences,
            x=address(batch.x),
            x_step_stride=batch.x_step_stride,
            x_sequence_stride=batch.x_sequence_stride,
            dy=address(dy_given[0]),
            dy_step_stride=dy_given[1],
            dy_sequence_stride=dy_given[2],
            dx=address(dx_wanted[0]),
            dx_step_stride=dx_wanted[1],
            dx_sequence_stride=dx_wanted[2],
            lengths=c.int64s(address(batch.lengths)),
            initial_states=state_pointers(self._initial),
            final_state_gradients=state_pointers(dfinal),
            initial_state_gradients=state_pointers(dinitial),
            state_count=len(handle.state_names),
            parameters=parameters,
            gradients=gradients,
            parameter_count=len(handle.parameters),
            accumulate=0 if accumulate_into is None else 1,
            tape=address(buffer),
            tape_size=buffer.nbytes,
            workspace=address(workspace),
            workspace_size=workspace.nbytes,
            inputs=c.pointers([address(array) for array in batch.inputs]),
            input_gradients=None if dinputs is None else c.pointers([address(array) for array in dinputs]),
            input_count=len(batch.inputs),
            mask=c.uint8s(address(batch.mask)),
        )
        c.network_backward(handle.pointer, c.byref(arguments))
        network._pools.backward.give(workspace)
        return Gradients(
            x=dx_wanted[0],
            state=None if dinitial is None else joined_state(dinitial),
            parameters=None if flat is None else NamedViews(flat, handle.parameters),
            flat=flat,
            inputs=None if dinputs is None else self._named(dinputs),
        )

    def update_statistics(self, momentum: float = 0.1) -> None:
        """Moves the running means and variances of ``batch_norm`` towards those of this pass: ``m += momentum * (batch
        - m)``, the variance with M - 1 for M rows, as in torch. Does nothing for cells without it. Once per step of
        training, after the last `backward`: it changes parameters.

        Parameters
        ----------
        momentum : float
            In [0, 1].

        Examples
        --------
        >>> import numpy as np, swiftrnn
        >>> network = swiftrnn.Cell("li_gru").layer(3, 4, seed=0)
        >>> y, h, tape = network.forward(np.random.default_rng(0).standard_normal((5, 2, 3), np.float32))
        >>> before = network.parameters["mz_l0"].copy()
        >>> tape.update_statistics()
        >>> bool((network.parameters["mz_l0"] != before).all())
        True
        """
        network, batch, buffer = self._network, self._batch, self._memory()
        parameters = network._pointers()
        c.network_update_statistics(
            batch.handle.pointer,
            address(buffer),
            buffer.nbytes,
            batch.steps,
            batch.sequences,
            real(momentum, "momentum"),
            parameters,
            len(batch.handle.parameters),
        )
        network.parameters.changed()

    def _named(self, dinputs: list[Array]) -> dict[str, Array]:
        """The gradients of the further inputs, as the caller gave these."""
        batch = self._batch
        names = [name for name, _ in batch.handle.inputs]
        return {name: batch.input_gradient(k, gradient) for k, (name, gradient) in enumerate(zip(names, dinputs))}
