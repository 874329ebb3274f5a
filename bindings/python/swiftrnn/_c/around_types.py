"""The header's structs for what surrounds a network: losses, optimizers, sampling, dropout, pooling, attention.

Fields are in the header's order, with its names; a test compares their sizes and offsets with the C compiler's.
"""

from __future__ import annotations

from ctypes import POINTER, c_double, c_int, c_int32, c_int64, c_uint64, c_void_p

from .types import Bytes, Doubles, Int64s, _Sized


class AdamConfig(_Sized):
    """swiftrnn_adam_config"""

    _fields_ = [
        ("size", c_int64),
        ("rate", c_double),
        ("beta1", c_double),
        ("beta2", c_double),
        ("epsilon", c_double),
        ("weight_decay", c_double),
        ("decoupled", c_int32),
        ("reserved", c_int32),
    ]


class RMSpropConfig(_Sized):
    """swiftrnn_rmsprop_config"""

    _fields_ = [
        ("size", c_int64),
        ("rate", c_double),
        ("alpha", c_double),
        ("epsilon", c_double),
        ("weight_decay", c_double),
        ("momentum", c_double),
        ("centered", c_int32),
        ("reserved", c_int32),
    ]


class CrossEntropyOptions(_Sized):
    """swiftrnn_cross_entropy_options"""

    _fields_ = [
        ("size", c_int64),
        ("label_smoothing", c_double),
        ("class_weights", c_void_p),
        ("row_weights", c_void_p),
        ("reduction", c_int),
        ("reserved", c_int32),
    ]


class LinearCrossEntropyArgs(_Sized):
    """swiftrnn_linear_cross_entropy_args"""

    _fields_ = [
        ("size", c_int64),
        ("rows", c_int64),
        ("inputs", c_int64),
        ("classes", c_int64),
        ("x", c_void_p),
        ("weight", c_void_p),
        ("bias", c_void_p),
        ("targets", Int64s),
        ("ignore_index", c_int64),
        ("options", POINTER(CrossEntropyOptions)),
        ("memory_limit", c_int64),
        ("accumulate", c_int32),
        ("reserved", c_int32),
        ("row_losses", Doubles),
        ("dx", c_void_p),
        ("dweight", c_void_p),
        ("dbias", c_void_p),
        ("out_loss", Doubles),
        ("out_perplexity", Doubles),
        ("out_count", Int64s),
    ]


class ElementwiseLossConfig(_Sized):
    """swiftrnn_elementwise_loss_config"""

    _fields_ = [
        ("size", c_int64),
        ("loss", c_int),
        ("reduction", c_int),
        ("delta", c_double),
        ("row_weights", c_void_p),
        ("positive_weights", c_void_p),
        ("lengths", Int64s),
        ("sequences", c_int64),
    ]


class SampleConfig(_Sized):
    """swiftrnn_sample_config"""

    _fields_ = [
        ("size", c_int64),
        ("temperature", c_double),
        ("top_k", c_int64),
        ("top_p", c_double),
        ("seed", c_uint64),
        ("position", c_uint64),
        ("seeded", c_int32),
        ("reserved", c_int32),
    ]


class DropoutConfig(_Sized):
    """swiftrnn_dropout_config"""

    _fields_ = [
        ("size", c_int64),
        ("p", c_double),
        ("layer", c_int64),
        ("seed", c_uint64),
        ("first_step", c_int64),
        ("first_sequence", c_int64),
        ("seeded", c_int32),
        ("reserved", c_int32),
    ]


class PoolConfig(_Sized):
    """swiftrnn_pool_config"""

    _fields_ = [
        ("size", c_int64),
        ("kind", c_int),
        ("num_directions", c_int32),
        ("width", c_int64),
        ("attention_size", c_int64),
    ]


class PoolArgs(_Sized):
    """swiftrnn_pool_args"""

    _fields_ = [
        ("size", c_int64),
        ("steps", c_int64),
        ("sequences", c_int64),
        ("lengths", Int64s),
        ("mask", Bytes),
        ("y", c_void_p),
        ("weight", c_void_p),
        ("bias", c_void_p),
        ("query", c_void_p),
        ("out", c_void_p),
        ("weights", c_void_p),
    ]


class PoolBackwardArgs(_Sized):
    """swiftrnn_pool_backward_args"""

    _fields_ = [
        ("size", c_int64),
        ("steps", c_int64),
        ("sequences", c_int64),
        ("lengths", Int64s),
        ("mask", Bytes),
        ("y", c_void_p),
        ("weight", c_void_p),
        ("bias", c_void_p),
        ("query", c_void_p),
        ("dout", c_void_p),
        ("dy", c_void_p),
        ("dweight", c_void_p),
        ("dbias", c_void_p),
        ("dquery", c_void_p),
        ("accumulate", c_int32),
        ("reserved", c_int32),
    ]


class AttentionConfig(_Sized):
    """swiftrnn_attention_config"""

    _fields_ = [
        ("size", c_int64),
        ("kind", c_int),
        ("reserved", c_int32),
        ("query_size", c_int64),
        ("key_size", c_int64),
        ("value_size", c_int64),
        ("attention_size", c_int64),
        ("scale", c_double),
    ]


class AttentionArgs(_Sized):
    """swiftrnn_attention_args"""

    _fields_ = [
        ("size", c_int64),
        ("steps", c_int64),
        ("sequences", c_int64),
        ("query_steps", c_int64),
        ("lengths", Int64s),
        ("mask", Bytes),
        ("queries", c_void_p),
        ("keys", c_void_p),
        ("values", c_void_p),
        ("query_weight", c_void_p),
        ("weight", c_void_p),
        ("bias", c_void_p),
        ("score", c_void_p),
        ("memory", c_void_p),
        ("context", c_void_p),
        ("weights", c_void_p),
    ]


class AttentionBackwardArgs(_Sized):
    """swiftrnn_attention_backward_args"""

    _fields_ = [
        ("size", c_int64),
        ("steps", c_int64),
        ("sequences", c_int64),
        ("query_steps", c_int64),
        ("lengths", Int64s),
        ("mask", Bytes),
        ("queries", c_void_p),
        ("keys", c_void_p),
        ("values", c_void_p),
        ("query_weight", c_void_p),
        ("weight", c_void_p),
        ("bias", c_void_p),
        ("score", c_void_p),
        ("memory", c_void_p),
        ("weights", c_void_p),
        ("dcontext", c_void_p),
        ("dqueries", c_void_p),
        ("dkeys", c_void_p),
        ("dvalues", c_void_p),
        ("dmemory", c_void_p),
        ("dquery_weight", c_void_p),
        ("dweight", c_void_p),
        ("dbias", c_void_p),
        ("dscore", c_void_p),
        ("accumulate", c_int32),
        ("accumulate_keys", c_int32),
    ]
