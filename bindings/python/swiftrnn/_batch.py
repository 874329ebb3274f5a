"""From numpy arrays to ``swiftrnn_network_forward``: a batch's layout, lengths, inputs, states; and the call."""

from __future__ import annotations

import difflib
from typing import Any, Mapping, Sequence, Union

import numpy as np

from . import _c as c
from ._arguments import refuse_masked
from ._arrays import Array, address, dense, integers, shaped, strided, typed
from ._handles import NetworkHandle, WeightsHandle
from ._memory import BufferPools
from .errors import Status, SwiftRNNError

# Keywords of the methods that take inputs, after those that are always given: x, and a tree's forest.
CALL = ("state", "lengths", "mask")
FORWARD = (*CALL, "seed", "first_sequence")
STEP = ("out",)
TREE: tuple[str, ...] = ()
TREE_FORWARD = ("seed", "first_node")
RESERVED = tuple(dict.fromkeys(("self", "x", *FORWARD, *STEP, "forest", *TREE_FORWARD)))
_STATE = "state"
_STATES_ELSEWHERE = ("hx", "h0", "h_0", "hidden", "initial_state")


def check_names(handle: NetworkHandle) -> None:
    """Refuses a cell one of whose inputs could not be given by its name."""
    for name, _ in handle.inputs:
        if name in RESERVED:
            raise ValueError(
                f"the cell's input {name!r} is also the name of an argument of the network's methods "
                f"({', '.join(RESERVED)}), so it could not be given: call it otherwise"
            )


def named_inputs(handle: NetworkHandle, given: Mapping[str, Any] | None, keywords: Sequence[str]) -> list[Any]:
    """Inputs that were given by keyword, in the library's order: all inputs of the network, and no other.

    `keywords` are the other arguments of the method, one of which may have been meant.
    """
    if not given and not handle.inputs:
        return []
    given = given or {}
    names = [name for name, _ in handle.inputs]
    has = f"this network's inputs beside x are {', '.join(names)}" if names else "this network has no inputs beside x"
    for name in given:
        if name not in names:
            raise TypeError(f"unexpected argument {name!r}{_meant(name, keywords, names, given)}: {has}")
    missing = [name for name in names if name not in given]
    if missing:
        raise TypeError(f"missing input {missing[0]!r}: pass {missing[0]}=…; {has}")
    return [given[name] for name in names]


def _meant(name: str, keywords: Sequence[str], inputs: Sequence[str], given: Mapping[str, Any]) -> str:
    possible = [*keywords, *(one for one in inputs if one not in given)]
    by_others = name in _STATES_ELSEWHERE and _STATE in keywords
    near = [_STATE] if by_others else difflib.get_close_matches(name, possible, 1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def input_array(value: Any, name: str, dtype: np.dtype[Any], shape: Sequence[int]) -> Array:
    """An input, which must have this shape, whose last axis is its width; where that is 1 it may be left out."""
    # A number out of an array of numbers per step: of one sequence, unbatched.
    array = typed(np.asarray(value) if isinstance(value, np.generic) else value, name, dtype)
    shapes = [tuple(shape)] + ([tuple(shape[:-1])] if shape[-1] == 1 else [])
    if array.shape not in shapes:
        expected = " or ".join(str(list(shape)) for shape in shapes)
        raise ValueError(f"{name}: expected shape {expected}, got {list(array.shape)}")
    return array


Lengths = Union[Sequence[int], Array]
State = Union[Array, "tuple[Array, ...]"]
"""h [L*D, N, P]; for LSTM the pair (h, c) with c [L*D, N, H]; for a cell of equations as many as it has, in a tuple
unless it is one. Unbatched: without N."""


class Batch:
    """The layout of one batch: T, N, and how the caller's arrays hold them.

    `x` is [T, N, I], [N, T, I] if batch_first, or [T, I] unbatched; so are the further `inputs`, by name.
    """

    def __init__(
        self,
        handle: NetworkHandle,
        x: Any,
        lengths: Lengths | None,
        inputs: Mapping[str, Any] | None = None,
        mask: Any = None,
        keywords: Sequence[str] = CALL,
    ) -> None:
        config = handle.config
        self.handle = handle
        self.dtype = np.dtype(config.dtype)
        array = typed(x, "x", self.dtype)
        self.batched = array.ndim == 3
        if array.ndim not in (2, 3) or array.shape[-1] != config.input_size:
            axes = "[N, T, I]" if config.batch_first else "[T, N, I]"
            raise ValueError(
                f"x: expected {axes} or unbatched [T, I] with I = input_size = {config.input_size}, "
                f"got shape {list(array.shape)}"
            )
        array = self._by_step(array)
        self.steps, self.sequences = array.shape[:2]
        self.x, self.x_step_stride, self.x_sequence_stride = strided(array)
        self.lengths = self._lengths(lengths)
        self.mask = self._mask(mask)
        self.input_shapes: list[tuple[int, ...]] = []
        """As the caller has them: one of a number per step may do without its last axis."""
        given = named_inputs(handle, inputs, keywords)
        self.inputs = [self._input(value, *info) for value, info in zip(given, handle.inputs)]

    def _input(self, value: Any, name: str, width: int) -> Array:
        """An input of the caller's, checked, dense [T, N, width]."""
        shape = self.shape(width)
        array = input_array(value, name, self.dtype, shape)
        self.input_shapes.append(array.shape)
        return dense(self._by_step(array.reshape(shape)))

    def input_gradient(self, index: int, gradient: Array) -> Array:
        """The gradient [T, N, width] of an input in the caller's layout, dense."""
        swapped = self.batched and self.handle.config.batch_first
        return dense(gradient.swapaxes(0, 1) if swapped else gradient).reshape(self.input_shapes[index])

    def _by_step(self, array: Array) -> Array:
        """The caller's layout as a view [T, N, features]."""
        if not self.batched:
            return array[:, np.newaxis, :]
        return array.swapaxes(0, 1) if self.handle.config.batch_first else array

    def shape(self, features: int) -> tuple[int, ...]:
        """The caller's layout of T, N and `features`."""
        if not self.batched:
            return (self.steps, features)
        if self.handle.config.batch_first:
            return (self.sequences, self.steps, features)
        return (self.steps, self.sequences, features)

    def empty(self, features: int) -> tuple[Array, int, int]:
        """A new dense array in the caller's layout, and its strides of steps and sequences in elements."""
        array = np.empty(self.shape(features), self.dtype)
        _, step_stride, sequence_stride = strided(self._by_step(array))
        return array, step_stride, sequence_stride

    def sequence(self, value: Any, name: str, features: int) -> tuple[Array, int, int]:
        """An array of the caller's in the caller's layout, checked, as [T, N, features] with its two strides."""
        array = shaped(value, name, self.dtype, self.shape(features))
        return strided(self._by_step(array))

    def _lengths(self, lengths: Lengths | None) -> Array | None:
        if lengths is None:
            return None
        found = integers(lengths, "lengths")
        if found.shape != (self.sequences,):
            raise ValueError(f"lengths: expected shape [{self.sequences}], got {list(found.shape)}")
        wrong = np.flatnonzero((found < 0) | (found > self.steps))
        if wrong.size:
            first = int(wrong[0])
            raise ValueError(f"lengths[{first}]: {int(found[first])} is outside 0...{self.steps}")
        return np.array(found)  # the batch's own: a tape needs them as they were

    def _mask(self, mask: Any) -> Array | None:
        """Which steps count, dense [T, N] bytes."""
        if mask is None:
            return None
        options = self.handle.config.options
        if options is None or options.gaps == "none":
            raise SwiftRNNError(
                Status.UNSUPPORTED,
                'mask: this network takes none: make it with options=LayerOptions(gaps="zero") or (gaps="repeated")',
            )
        refuse_masked(mask, "mask")
        found = np.asarray(mask)
        if found.dtype != np.bool_:
            raise TypeError(f"mask: expected booleans, True where a step counts, got {found.dtype}: use .astype(bool)")
        shape = self.shape(1)[:-1]
        if found.shape != shape:
            raise ValueError(f"mask: expected shape {list(shape)}, got {list(found.shape)}")
        by_step = self._by_step(found[..., np.newaxis])[..., 0]
        return np.array(by_step, np.uint8, order="C")  # the batch's own: a tape needs it as it was

    # ---- States ----

    def _state_shape(self, index: int) -> tuple[int, ...]:
        shape = self.handle.state_shape(index, self.sequences)
        return shape if self.batched or len(shape) == 1 else (shape[0], shape[2])

    def states(self, state: Any, name: str = "state") -> list[Array | None] | None:
        """The tensors of a state of the caller's, checked and dense; None: all zeros."""
        if state is None:
            return None
        names = self.handle.state_names
        tensors = split_state(state, names, name)
        return [
            None if tensor is None else dense(shaped(tensor, f"{name} {part}", self.dtype, self._state_shape(index)))
            for index, (tensor, part) in enumerate(zip(tensors, names))
        ]

    def empty_states(self) -> list[Array]:
        """New tensors for a state."""
        return [np.empty(self._state_shape(index), self.dtype) for index in range(len(self.handle.state_names))]


def split_state(state: Any, parts: Sequence[str], name: str) -> Sequence[Any]:
    """A state as its tensors: one array, or a tuple, such as LSTM's pair (h, c), any of which may be None."""
    if len(parts) == 1:
        return (state,)
    if not isinstance(state, (tuple, list)) or len(state) != len(parts):
        got = f"{len(state)} items" if isinstance(state, (tuple, list)) else type(state).__name__
        kind = {0: "an empty tuple", 2: "a pair"}.get(len(parts), "a tuple")
        expected = f"{kind} ({', '.join(parts)})" if parts else f"{kind}, because the cell has no state"
        raise TypeError(f"{name}: expected {expected}, got {got}")
    return state


def joined_state(tensors: Sequence[Array]) -> Any:
    """The tensors of a state as the caller sees them: one array, or a tuple, such as LSTM's pair (h, c)."""
    return tensors[0] if len(tensors) == 1 else tuple(tensors)


def state_pointers(tensors: Sequence[Array | None] | None) -> Any:
    """A C array of where a state's tensors are; None: NULL."""
    return None if tensors is None else c.pointers([address(tensor) for tensor in tensors])


def needs_seed(seed: Any, first: int, name: str, parts: str) -> None:
    """Refuses a place in masks that are drawn anew in each call: nobody can have meant it."""
    if seed is None and first != 0:
        raise ValueError(f"{name} is {first}, but there is no seed: {parts} that share one have the masks of the whole")


def forward_arguments(
    batch: Batch,
    y: tuple[Array, int, int],
    initial: list[Array | None] | list[Array] | None,
    final: list[Array],
    workspace: Array,
    **rest: Any,
) -> Any:
    """``swiftrnn_forward_args`` of what all passes have: `y` with its strides, states before and after, scratch."""
    return c.ForwardArgs(
        steps=batch.steps,
        sequences=batch.sequences,
        x=address(batch.x),
        x_step_stride=batch.x_step_stride,
        x_sequence_stride=batch.x_sequence_stride,
        y=address(y[0]),
        y_step_stride=y[1],
        y_sequence_stride=y[2],
        initial_states=state_pointers(initial),
        final_states=state_pointers(final),
        state_count=len(final),
        workspace=address(workspace),
        workspace_size=workspace.nbytes,
        **rest,
    )


def run_forward(
    batch: Batch,
    initial: list[Array | None] | None,
    *,
    parameters: Any,
    weights: WeightsHandle | None,
    pools: BufferPools,
    tape: Array | None = None,
    seed: int = 0,
    first_sequence: int = 0,
) -> tuple[Array, Any]:
    """One ``swiftrnn_network_forward``: y and the final state. The library checks what is left to check."""
    handle = batch.handle
    y, final = batch.empty(handle.output_size), batch.empty_states()
    workspace = pools.forward.take(handle.forward_workspace_size(weights, batch.steps, batch.sequences))
    arguments = forward_arguments(
        batch,
        y,
        initial,
        final,
        workspace,
        lengths=c.int64s(address(batch.lengths)),
        parameters=parameters,
        parameter_count=0 if parameters is None else len(handle.parameters),
        weights=None if weights is None else weights.pointer,
        tape=address(tape),
        tape_size=0 if tape is None else tape.nbytes,
        seed=seed,
        seeded=1,
        first_sequence=first_sequence,
        inputs=c.pointers([address(array) for array in batch.inputs]),
        input_count=len(batch.inputs),
        mask=c.uint8s(address(batch.mask)),
    )
    c.network_forward(handle.pointer, c.byref(arguments))
    pools.forward.give(workspace)
    return y[0], joined_state(final)
