"""The base of all networks: configuration, parameters, inference, training, packed weights, streams."""

from __future__ import annotations

import copy
import random
from typing import Any, TypeVar

import numpy as np

from .._arguments import integer, unsigned
from .._arrays import Array, address, own, shaped, typed
from .._batch import FORWARD, Batch, Lengths, State, needs_seed, run_forward
from .._handles import Config, NetworkHandle
from .._initializers import Initialized
from .._memory import BufferPools
from .._parameterized import Parameterized
from ..frozen import Frozen, Inference
from ..parameters import Parameters
from ..streams import Stream
from ..tapes import Tape
from ._configured import Configured

_OWN_ATTRIBUTES = frozenset(
    {"_handle", "_flat", "_parameters", "_parameter_pointers", "_pools", "_inference", "_dropout_seeds", "_held_by"}
)

_Self = TypeVar("_Self", bound="Network")


class Network(Configured, Initialized, Parameterized):
    """A recurrent network: the base of `LSTM`, `GRU`, `RNN` and `CellNetwork`, which document its arguments. Not made
    itself.

    Shapes: T steps, N sequences, I inputs, H hidden units, P = H or ``proj_size``, L layers, D directions.
    x is [T, N, I], [N, T, I] if ``batch_first``, or [T, I] unbatched; y the same with D*P features. The state is h
    [L*D, N, P]; for LSTM the pair (h, c) with c [L*D, N, H]; for a cell of equations an array if it has one state, else
    a tuple of as many as it has; unbatched without N. With `LayerOptions` a dilated layer has k rows for each of these,
    and where layers differ in width a state is one axis of all numbers: `layer_state` finds a layer's.

    Any number of threads may use one network at once, as long as none changes its parameters meanwhile; each call gives
    the GIL back while it computes.

    Networks can be pickled and copied. Configuration, parameters, the place in the sequence of dropout seeds and added
    attributes go along; ``copy.copy``, too, copies the parameters. What is copied or pickled together stays together:
    ``copy.deepcopy((network, optimizer))`` gives an optimizer of the new network.
    """

    def __new__(cls: type[_Self], *_: Any, **__: Any) -> _Self:
        if cls is Network:
            raise TypeError("swiftrnn.Network is the base of LSTM, GRU and RNN: make one of these")
        return super().__new__(cls)

    def __init__(self, config: Config, seed: int | None) -> None:
        if not isinstance(config, Config):
            raise TypeError("swiftrnn.Network is the base of LSTM, GRU and RNN: derive from one of these")
        chosen = None if seed is None else unsigned(seed, "seed")
        handle = NetworkHandle(config)
        self._adopt(handle, np.empty(handle.flat_count, config.dtype))
        self._dropout_seeds = random.Random(chosen)
        self.initialize(chosen)

    def _adopt(self, handle: NetworkHandle, flat: Array) -> None:
        self._handle = handle
        self._flat = flat
        self._parameters = Parameters(flat, handle.parameters)
        self._parameter_pointers = handle.flat_pointers(address(flat), flat.nbytes)
        self._pools = BufferPools()
        self._inference = Inference(handle, self._parameter_pointers, None, self._pools)

    def _rebind(self, vector: Array) -> None:
        vector[...] = self._flat
        version = self._parameters.version
        self._adopt(self._handle, vector)
        self._parameters.version = version + 1  # tapes made before have the addresses of the vector before

    def __repr__(self) -> str:
        return self._handle.config.described(type(self).__name__)

    def _pointers(self) -> Any:
        """A C array of where each parameter is; nobody writes to it."""
        return self._parameter_pointers

    # ---- Whole sequences ----

    def __call__(
        self,
        x: Array,
        state: State | None = None,
        lengths: Lengths | None = None,
        mask: Array | None = None,
        **inputs: Array,
    ) -> tuple[Array, Any]:
        """Inference over whole sequences, without dropout.

        Parameters
        ----------
        x : ndarray
            [T, N, I], [N, T, I] if batch_first, or [T, I]. Not copied where its rows of I are dense.
        state : ndarray or (ndarray, ndarray), optional
            The initial state; None, or one of the pair None: zeros, or what a cell's text says by ``init``.
        lengths : sequence of int, optional
            N values in 0...T, in any order; None: all T. Past a sequence's end y is zero; its final state is the one at
            its last step; the reverse direction starts at its own end; length 0 hands the initial state through.
        mask : array of bool, optional
            For a network with ``LayerOptions.gaps``: [T, N] (as x, without its last axis), False for steps that are
            left out; None: none is.
        **inputs : ndarray
            Inputs of a cell of equations beside x: all of them, by name, each as x with the input's width for I. An
            input of width 1 may do without that axis.

        Returns
        -------
        y : ndarray
            As x, with D*P features.
        state : ndarray or (ndarray, ndarray)
            The final state.

        Raises
        ------
        TypeError, ValueError
            A type or a shape is wrong.

        Examples
        --------
        >>> import numpy as np, swiftrnn
        >>> lstm = swiftrnn.LSTM(3, 4, num_layers=2, bidirectional=True, seed=0)
        >>> y, (h, c) = lstm(np.ones((5, 2, 3), np.float32), lengths=[5, 2])
        >>> y.shape, h.shape, bool((y[2:, 1] == 0).all())
        ((5, 2, 8), (4, 2, 4), True)
        """
        return self._inference(x, state, lengths, mask, inputs)

    def forward(
        self,
        x: Array,
        state: State | None = None,
        lengths: Lengths | None = None,
        mask: Array | None = None,
        *,
        seed: int | None = None,
        first_sequence: int = 0,
        **inputs: Array,
    ) -> tuple[Array, Any, Tape]:
        """The forward pass of training: as a call, but with dropout, and with a tape for the backward pass.

        One step of one cell, for a loop of one's own, is T = 1.

        Parameters
        ----------
        x, state, lengths, mask
            As for a call.
        seed : int, optional
            Seed of the dropout masks, in 0...2^64 - 1: the same seed, the same masks. None: the next of a sequence that
            the network's own seed starts; ``Tape.seed`` is this seed.
        first_sequence : int
            In 0...2^32 - N, added to a sequence's index in the masks: a batch computed in parts has the masks of the
            whole, if all parts have one `seed`; without one it is refused.
        **inputs : ndarray
            As for a call.

        Returns
        -------
        y, state
            As for a call.
        tape : Tape
            Holds x, inputs and the state by reference: leave them as they are until the last ``tape.backward``.

        Examples
        --------
        >>> import numpy as np, swiftrnn
        >>> gru = swiftrnn.GRU(3, 4, num_layers=2, dropout=0.5, seed=0)
        >>> x = np.ones((5, 2, 3), np.float32)
        >>> y, h, tape = gru.forward(x, seed=1)
        >>> part, _, _ = gru.forward(x[:, 1:], seed=1, first_sequence=1)
        >>> bool((part[:, 0] == y[:, 1]).all())
        True
        """
        batch = Batch(self._handle, x, lengths, inputs, mask, FORWARD)
        initial = batch.states(state)
        first_sequence = integer(first_sequence, "first_sequence", 0, 2**32 - batch.sequences)
        needs_seed(seed, first_sequence, "first_sequence", "parts of a batch")
        chosen = self._dropout_seeds.getrandbits(64) if seed is None else unsigned(seed, "seed")
        version = self._parameters.version
        buffer = self._pools.tape.take(self._handle.tape_size(batch.steps, batch.sequences))
        y, final = run_forward(
            batch,
            initial,
            parameters=self._pointers(),
            weights=None,
            pools=self._pools,
            tape=buffer,
            seed=chosen,
            first_sequence=first_sequence,
        )
        return y, final, Tape(self, batch, initial, buffer, chosen, version)

    def layer_state(self, tensor: Array, layer: int, index: int = 0) -> Array:
        """A layer's part of a state tensor as a view: [D, k, N, width], k the layer's dilation.

        Parameters
        ----------
        tensor : ndarray
            State `index` of this network; unbatched, N is 1.
        layer : int
            In 0...L - 1.
        index : int
            Which of the states, if there are several: 1 for LSTM's c.

        Raises
        ------
        ValueError
            `tensor` has not that state's shape, or there is no such layer or state.

        Examples
        --------
        >>> import numpy as np, swiftrnn
        >>> rnn = swiftrnn.RNN(3, 8, num_layers=2, options=swiftrnn.LayerOptions(hidden_sizes=[8, 5]), seed=0)
        >>> y, h = rnn(np.ones((4, 2, 3), np.float32))
        >>> h.shape, rnn.layer_state(h, 1).shape, bool((rnn.layer_state(h, 1)[0, 0] == y[-1]).all())
        ((26,), (1, 1, 2, 5), True)
        """
        tensor = typed(tensor, "tensor")
        parts = self._handle.state_parts[integer(index, "index", 0, len(self._handle.state_parts) - 1)]
        layer = integer(layer, "layer", 0, self.num_layers - 1)
        per_sequence = sum(rows * width for rows, width in parts)
        if tensor.ndim == 2:  # unbatched
            tensor = tensor[:, np.newaxis]
        sequences = tensor.shape[1] if tensor.ndim == 3 else tensor.size // per_sequence
        expected = self._handle.state_shape(index, sequences)
        if tensor.shape != expected:
            shape = [expected[0], "N", *expected[2:]] if len(expected) == 3 else [f"{per_sequence} N"]
            raise ValueError(f"tensor: expected shape [{', '.join(map(str, shape))}], got {list(tensor.shape)}")
        # Along the first axis, whose cuts are views also where the tensor is not dense.
        counts = [rows if tensor.ndim == 3 else sequences * rows * width for rows, width in parts]
        part = tensor[sum(counts[:layer]) :][: counts[layer]]
        (rows, width), directions = parts[layer], self._handle.directions
        return part.reshape(directions, rows // directions, sequences, width)

    # ---- Packed weights and streams ----

    def freeze(self) -> Frozen:
        """A snapshot of the parameters, packed once instead of once per call. Same results, bit for bit.

        Examples
        --------
        >>> import numpy as np, swiftrnn
        >>> rnn = swiftrnn.RNN(3, 4, seed=0)
        >>> x = np.ones((5, 2, 3), np.float32)
        >>> frozen = rnn.freeze()
        >>> bool((frozen(x)[0] == rnn(x)[0]).all())
        True
        """
        return Frozen(self._handle, self._pointers())

    def stream(self, batch: int = 1) -> Stream:
        """State that lives between calls, for input that arrives step by step; with a snapshot of the parameters.

        Parameters
        ----------
        batch : int
            N: how many sequences run side by side. 0 is accepted: steps take x [0, I] and give y [0, P].

        Raises
        ------
        SwiftRNNError
            UNSUPPORTED: the network is bidirectional. INVALID_SIZE: `batch` is negative (also a ValueError).
        """
        return self.freeze().stream(batch)

    def close(self) -> None:
        """Gives the scratch memory that is kept for the next call back to the system. The network stays usable."""
        self._pools.clear()
        self._inference.clear()

    # ---- Pickle and copy: configuration, parameters, where the dropout seeds are, and attributes that were added ----

    def _added(self) -> dict[str, Any]:
        """The attributes that a subclass or a user added."""
        return {name: value for name, value in vars(self).items() if name not in _OWN_ATTRIBUTES}

    def __getstate__(self) -> dict[str, Any]:
        return {
            "config": self._handle.config,
            "flat": self._flat,
            "dropout_seeds": self._dropout_seeds.getstate(),
            "attributes": self._added(),
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        handle = NetworkHandle(state["config"])
        self._adopt(handle, own(shaped(state["flat"], "flat", np.dtype(handle.config.dtype), (handle.flat_count,))))
        self._dropout_seeds = random.Random()
        self._dropout_seeds.setstate(state["dropout_seeds"])
        vars(self).update(state.get("attributes", {}))

    def __copy__(self) -> "Network":
        copied = type(self).__new__(type(self))
        copied.__setstate__({**self.__getstate__(), "flat": self._flat.copy()})
        return copied

    def __deepcopy__(self, memo: dict[int, Any]) -> "Network":
        copied = type(self).__new__(type(self))
        memo[id(self)] = copied  # before the attributes, which may refer to the network
        # Copy through memo: whatever else is copied along and holds the vector or a view of it gets this copy's.
        state = {**self.__getstate__(), "flat": copy.deepcopy(self._flat, memo), "attributes": {}}
        copied.__setstate__(state)
        memo[id(self._parameters)] = copied._parameters
        for name, view in self._parameters.items():
            memo.setdefault(id(view), copied._parameters[name])
        vars(copied).update(copy.deepcopy(self._added(), memo))
        return copied
