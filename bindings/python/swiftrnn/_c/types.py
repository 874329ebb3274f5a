"""The header's enumerations, the structs of networks and trees, and the pointers and arrays that functions take.

Fields are in the header's order, with its names; a test compares their sizes and offsets with the C compiler's.
"""

from __future__ import annotations

import ctypes
from ctypes import (
    POINTER,
    Structure,
    byref as byref,
    c_char,
    c_char_p,
    c_double as c_double,
    c_int as c_int,
    c_int32 as c_int32,
    c_int64 as c_int64,
    c_uint8,
    c_uint64,
    c_void_p as c_void_p,
    create_string_buffer as create_string_buffer,
    pointer as pointer,
)
from typing import Any, Callable, Sequence

# ---- Enumerations: int in C ------------------------------------------------------------------------------------------

FLOAT32, FLOAT64 = 0, 1
RNN_TANH, RNN_RELU, LSTM, GRU, GRU_RESET_BEFORE, EQUATIONS = 1, 2, 3, 4, 5, 6
SKIP_NONE, SKIP_RESIDUAL, SKIP_DENSE = 0, 1, 2
MERGE_CONCATENATE, MERGE_SUM, MERGE_MEAN, MERGE_PRODUCT = 0, 1, 2, 3
GAPS_NONE, GAPS_REPEATED, GAPS_ZERO = 0, 1, 2
WORKSPACE_FORWARD, WORKSPACE_FORWARD_WEIGHTS, WORKSPACE_BACKWARD = 0, 1, 2
DISTRIBUTION_TORCH, DISTRIBUTION_CONSTANT, DISTRIBUTION_UNIFORM, DISTRIBUTION_NORMAL = 0, 1, 2, 3
DISTRIBUTION_GLOROT_UNIFORM, DISTRIBUTION_GLOROT_NORMAL, DISTRIBUTION_HE_UNIFORM, DISTRIBUTION_HE_NORMAL = 4, 5, 6, 7
DISTRIBUTION_LECUN_UNIFORM, DISTRIBUTION_LECUN_NORMAL, DISTRIBUTION_ORTHOGONAL, DISTRIBUTION_IDENTITY = 8, 9, 10, 11
REDUCTION_MEAN, REDUCTION_SUM = 0, 1
LOSS_BINARY_CROSS_ENTROPY, LOSS_SQUARED_ERROR, LOSS_ABSOLUTE_ERROR, LOSS_HUBER = 0, 1, 2, 3
FORGET_GATE_AS_BIAS, FORGET_GATE_CONSTANT, FORGET_GATE_CHRONO = 0, 1, 2
POOL_LAST, POOL_MEAN, POOL_MAX, POOL_ATTENTION = 0, 1, 2, 3
ATTENTION_DOT, ATTENTION_GENERAL, ATTENTION_CONCAT, ATTENTION_ADDITIVE = 0, 1, 2, 3


def dtype_code(dtype: Any) -> int:
    """The ``swiftrnn_dtype`` of float32 or float64, given as a numpy dtype or by name."""
    return FLOAT32 if dtype == "float32" else FLOAT64


# ---- Pointers and arrays ---------------------------------------------------------------------------------------------

Pointers = POINTER(c_void_p)
Int64s = POINTER(c_int64)
Doubles = POINTER(c_double)
Bytes = POINTER(c_uint8)
Uint64s = POINTER(c_uint64)


def address_of(pointer: Any) -> int:
    """Where a struct, an array, or what a pointer to a library's own struct points to, is."""
    if isinstance(pointer, ctypes._Pointer):
        return ctypes.cast(pointer, c_void_p).value or 0
    return ctypes.addressof(pointer)


def pointers(addresses: Sequence[int | None]) -> Any:
    """A C array of pointers; None becomes NULL."""
    return (c_void_p * len(addresses))(*addresses)


def text_of(write: Callable[[Any, int, Any], None]) -> str:
    """The bytes that ``write(text, text_size, out_size)`` writes, after a call for their number."""
    size = c_int64()
    write(None, 0, byref(size))
    buffer = create_string_buffer(size.value)
    write(buffer, size.value, None)
    return buffer.value.decode("utf-8", "replace")


def int64s(address: int | None) -> Any:
    """An address as `int64_t *`; None is NULL."""
    return None if address is None else ctypes.cast(address, Int64s)


def doubles(address: int | None) -> Any:
    """An address as `double *`; None is NULL."""
    return None if address is None else ctypes.cast(address, Doubles)


def uint8s(address: int | None) -> Any:
    """An address as `uint8_t *`; None is NULL."""
    return None if address is None else ctypes.cast(address, Bytes)


def uint64s(address: int | None) -> Any:
    """An address as `uint64_t *`; None is NULL."""
    return None if address is None else ctypes.cast(address, Uint64s)


# ---- Opaque structs: the library's own -------------------------------------------------------------------------------


class Network(Structure):
    """swiftrnn_network, opaque."""


class Equations(Structure):
    """swiftrnn_equations, opaque."""


class Weights(Structure):
    """swiftrnn_weights, opaque."""


class Stream(Structure):
    """swiftrnn_stream, opaque."""


class Forest(Structure):
    """swiftrnn_forest, opaque."""


NetworkPointer = POINTER(Network)
EquationsPointer = POINTER(Equations)
WeightsPointer = POINTER(Weights)
StreamPointer = POINTER(Stream)
ForestPointer = POINTER(Forest)

# ---- Structs ---------------------------------------------------------------------------------------------------------


class _Sized(Structure):
    """A struct whose first field is its own size, set when it is made; the rest starts as zeros."""

    def __init__(self, **fields: Any) -> None:
        super().__init__(size=ctypes.sizeof(type(self)), **fields)


class Config(_Sized):
    """swiftrnn_config"""

    _fields_ = [
        ("size", c_int64),
        ("cell", c_int),
        ("dtype", c_int),
        ("input_size", c_int64),
        ("hidden_size", c_int64),
        ("projection_size", c_int64),
        ("num_layers", c_int64),
        ("num_directions", c_int32),
        ("bias", c_int32),
        ("dropout", c_double),
        ("num_threads", c_int64),
        ("skip", c_int),
        ("merge", c_int),
        ("gaps", c_int),
        ("independent_directions", c_int32),
        ("learned_initial_states", c_int32),
        ("reserved", c_int32),
        ("layer_hidden_sizes", Int64s),
        ("layer_dilations", Int64s),
    ]


class NamedSize(Structure):
    """swiftrnn_named_size"""

    _fields_ = [("name", c_char_p), ("value", c_int64)]


class Initializer(_Sized):
    """swiftrnn_initializer"""

    _fields_ = [
        ("size", c_int64),
        ("weights", c_int),
        ("recurrent", c_int),
        ("bias", c_int),
        ("forget_gate", c_int),
        ("weights_scale", c_double),
        ("recurrent_scale", c_double),
        ("bias_scale", c_double),
        ("forget_value", c_double),
    ]


class InputInfo(Structure):
    """swiftrnn_input_info"""

    _fields_ = [("name", c_char * 64), ("width", c_int64)]


class ParameterInfo(Structure):
    """swiftrnn_parameter_info"""

    _fields_ = [
        ("name", c_char * 64),
        ("rank", c_int64),
        ("shape", c_int64 * 2),
        ("elements", c_int64),
        ("offset", c_int64),
    ]


class StateInfo(Structure):
    """swiftrnn_state_info"""

    _fields_ = [("name", c_char * 16), ("width", c_int64)]


class StatePart(Structure):
    """swiftrnn_state_part"""

    _fields_ = [("width", c_int64), ("rows", c_int64), ("offset", c_int64)]


class ForwardArgs(_Sized):
    """swiftrnn_forward_args"""

    _fields_ = [
        ("size", c_int64),
        ("steps", c_int64),
        ("sequences", c_int64),
        ("x", c_void_p),
        ("x_step_stride", c_int64),
        ("x_sequence_stride", c_int64),
        ("y", c_void_p),
        ("y_step_stride", c_int64),
        ("y_sequence_stride", c_int64),
        ("lengths", Int64s),
        ("initial_states", Pointers),
        ("final_states", Pointers),
        ("state_count", c_int64),
        ("parameters", Pointers),
        ("parameter_count", c_int64),
        ("weights", WeightsPointer),
        ("tape", c_void_p),
        ("tape_size", c_int64),
        ("workspace", c_void_p),
        ("workspace_size", c_int64),
        ("seed", c_uint64),
        ("first_sequence", c_int64),
        ("inputs", Pointers),
        ("input_count", c_int64),
        ("mask", Bytes),
        ("seeded", c_int32),
        ("reserved", c_int32),
    ]


class BackwardArgs(_Sized):
    """swiftrnn_backward_args"""

    _fields_ = [
        ("size", c_int64),
        ("steps", c_int64),
        ("sequences", c_int64),
        ("x", c_void_p),
        ("x_step_stride", c_int64),
        ("x_sequence_stride", c_int64),
        ("dy", c_void_p),
        ("dy_step_stride", c_int64),
        ("dy_sequence_stride", c_int64),
        ("dx", c_void_p),
        ("dx_step_stride", c_int64),
        ("dx_sequence_stride", c_int64),
        ("lengths", Int64s),
        ("initial_states", Pointers),
        ("final_state_gradients", Pointers),
        ("initial_state_gradients", Pointers),
        ("state_count", c_int64),
        ("parameters", Pointers),
        ("gradients", Pointers),
        ("parameter_count", c_int64),
        ("accumulate", c_int32),
        ("reserved", c_int32),
        ("tape", c_void_p),
        ("tape_size", c_int64),
        ("workspace", c_void_p),
        ("workspace_size", c_int64),
        ("inputs", Pointers),
        ("input_gradients", Pointers),
        ("input_count", c_int64),
        ("mask", Bytes),
    ]


class ForestForwardArgs(_Sized):
    """swiftrnn_forest_forward_args"""

    _fields_ = [
        ("size", c_int64),
        ("x", c_void_p),
        ("inputs", Pointers),
        ("input_count", c_int64),
        ("y", c_void_p),
        ("final_states", Pointers),
        ("state_count", c_int64),
        ("parameters", Pointers),
        ("parameter_count", c_int64),
        ("tape", c_void_p),
        ("tape_size", c_int64),
        ("workspace", c_void_p),
        ("workspace_size", c_int64),
        ("seed", c_uint64),
        ("first_node", c_int64),
        ("seeded", c_int32),
        ("reserved", c_int32),
    ]


class ForestBackwardArgs(_Sized):
    """swiftrnn_forest_backward_args"""

    _fields_ = [
        ("size", c_int64),
        ("x", c_void_p),
        ("inputs", Pointers),
        ("input_gradients", Pointers),
        ("input_count", c_int64),
        ("dy", c_void_p),
        ("dx", c_void_p),
        ("state_gradients", Pointers),
        ("state_count", c_int64),
        ("parameters", Pointers),
        ("gradients", Pointers),
        ("parameter_count", c_int64),
        ("accumulate", c_int32),
        ("reserved", c_int32),
        ("tape", c_void_p),
        ("tape_size", c_int64),
        ("workspace", c_void_p),
        ("workspace_size", c_int64),
    ]
