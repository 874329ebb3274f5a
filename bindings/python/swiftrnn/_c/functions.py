"""The header's functions, each once, below its C prototype; a test compares the two.

A function that returns a status raises `SwiftRNNError` itself (see `_check`), so callers never see one. ctypes gives
the GIL back during each call.
"""

from __future__ import annotations

from ctypes import POINTER, c_char_p, c_double, c_int, c_int64, c_uint64, c_void_p
from typing import Any

from ..errors import SwiftRNNError, error_of
from .loader import load
from .types import (
    BackwardArgs,
    Config,
    EquationsPointer,
    ForestBackwardArgs,
    ForestForwardArgs,
    ForestPointer,
    ForwardArgs,
    Initializer,
    InputInfo,
    Int64s,
    NamedSize,
    NetworkPointer,
    ParameterInfo,
    Pointers,
    StateInfo,
    StatePart,
    StreamPointer,
    WeightsPointer,
)

library = load()

# ---- Declaring and checking ------------------------------------------------------------------------------------------


class status(c_int):
    """swiftrnn_status. A subclass of c_int, so that ctypes hands it to `_check` as it is."""


def failure(code: int) -> SwiftRNNError:
    """The exception of a status that is not OK. The message is this thread's, and the thread has not changed."""
    return error_of(code, (last_error() or b"").decode("utf-8", "replace"))


def _check(result: status, function: Any, arguments: tuple[Any, ...]) -> None:
    """Raises the exception of a status that is not OK."""
    if result.value != 0:
        raise failure(result.value)


def _declare(name: str, result: Any, *arguments: Any) -> Any:
    function = getattr(library, name)
    function.restype = result
    function.argtypes = arguments
    if result is status:
        function.errcheck = _check
    return function


# ---- Version, status, process ----------------------------------------------------------------------------------------

# const char *swiftrnn_version(void);
version = _declare("swiftrnn_version", c_char_p)

# const char *swiftrnn_status_string(swiftrnn_status status);
status_string = _declare("swiftrnn_status_string", c_char_p, c_int)

# const char *swiftrnn_last_error(void);
last_error = _declare("swiftrnn_last_error", c_char_p)

# const char *swiftrnn_isa(void);
isa = _declare("swiftrnn_isa", c_char_p)

# swiftrnn_status swiftrnn_set_num_threads(int64_t threads);
set_num_threads = _declare("swiftrnn_set_num_threads", status, c_int64)

# int64_t swiftrnn_get_num_threads(void);
get_num_threads = _declare("swiftrnn_get_num_threads", c_int64)

# ---- Networks --------------------------------------------------------------------------------------------------------

# swiftrnn_status swiftrnn_config_init(swiftrnn_config *config, int64_t size, swiftrnn_cell cell);
config_init = _declare("swiftrnn_config_init", status, POINTER(Config), c_int64, c_int)

# swiftrnn_status swiftrnn_network_create(const swiftrnn_config *config, swiftrnn_network **out_network);
network_create = _declare("swiftrnn_network_create", status, POINTER(Config), POINTER(NetworkPointer))

# void swiftrnn_network_destroy(swiftrnn_network *network);
network_destroy = _declare("swiftrnn_network_destroy", None, NetworkPointer)

# swiftrnn_status swiftrnn_cell_parse(const char *text, int64_t text_size, swiftrnn_equations **out_equations);
cell_parse = _declare("swiftrnn_cell_parse", status, c_char_p, c_int64, POINTER(EquationsPointer))

# void swiftrnn_equations_destroy(swiftrnn_equations *equations);
equations_destroy = _declare("swiftrnn_equations_destroy", None, EquationsPointer)

# swiftrnn_status swiftrnn_network_create_equations(const swiftrnn_equations *equations, const swiftrnn_config *config,
#                                                   const swiftrnn_named_size *sizes, int64_t size_count,
#                                                   swiftrnn_network **out_network);
network_create_equations = _declare(
    "swiftrnn_network_create_equations", status, EquationsPointer, POINTER(Config), POINTER(NamedSize), c_int64,
    POINTER(NetworkPointer),
)  # fmt: skip

# swiftrnn_status swiftrnn_network_describe(const swiftrnn_network *network, char *text, int64_t text_size,
#                                           int64_t *out_size);
network_describe = _declare("swiftrnn_network_describe", status, NetworkPointer, c_char_p, c_int64, Int64s)

# swiftrnn_status swiftrnn_network_output_size(const swiftrnn_network *network, int64_t *out_size);
network_output_size = _declare("swiftrnn_network_output_size", status, NetworkPointer, Int64s)

# swiftrnn_status swiftrnn_network_input_count(const swiftrnn_network *network, int64_t *out_count);
network_input_count = _declare("swiftrnn_network_input_count", status, NetworkPointer, Int64s)

# swiftrnn_status swiftrnn_network_input_info(const swiftrnn_network *network, int64_t index,
#                                             swiftrnn_input_info *out_info);
network_input_info = _declare(
    "swiftrnn_network_input_info", status, NetworkPointer, c_int64, POINTER(InputInfo)
)

# swiftrnn_status swiftrnn_cell_count(int64_t *out_count);
cell_count = _declare("swiftrnn_cell_count", status, Int64s)

# swiftrnn_status swiftrnn_cell_name(int64_t index, char *name, int64_t name_size);
cell_name = _declare("swiftrnn_cell_name", status, c_int64, c_char_p, c_int64)

# swiftrnn_status swiftrnn_cell_text(const char *name, char *text, int64_t text_size, int64_t *out_size);
cell_text = _declare("swiftrnn_cell_text", status, c_char_p, c_char_p, c_int64, Int64s)

# swiftrnn_status swiftrnn_network_parameter_count(const swiftrnn_network *network, int64_t *out_count);
network_parameter_count = _declare("swiftrnn_network_parameter_count", status, NetworkPointer, Int64s)

# swiftrnn_status swiftrnn_network_parameter_info(const swiftrnn_network *network, int64_t index,
#                                                 swiftrnn_parameter_info *out_info);
network_parameter_info = _declare(
    "swiftrnn_network_parameter_info", status, NetworkPointer, c_int64, POINTER(ParameterInfo)
)

# swiftrnn_status swiftrnn_network_flat_count(const swiftrnn_network *network, int64_t *out_elements);
network_flat_count = _declare("swiftrnn_network_flat_count", status, NetworkPointer, Int64s)

# swiftrnn_status swiftrnn_network_flat_pointers(const swiftrnn_network *network, void *flat, int64_t flat_size,
#                                                void **pointers, int64_t pointer_count);
network_flat_pointers = _declare(
    "swiftrnn_network_flat_pointers", status, NetworkPointer, c_void_p, c_int64, Pointers, c_int64
)

# swiftrnn_status swiftrnn_network_initialize(const swiftrnn_network *network, uint64_t seed, void *const *parameters,
#                                             int64_t parameter_count);
network_initialize = _declare(
    "swiftrnn_network_initialize", status, NetworkPointer, c_uint64, Pointers, c_int64
)

# swiftrnn_status swiftrnn_initializer_init(swiftrnn_initializer *initializer, int64_t size);
initializer_init = _declare("swiftrnn_initializer_init", status, POINTER(Initializer), c_int64)

# swiftrnn_status swiftrnn_network_initialize_with(const swiftrnn_network *network,
#                                                  const swiftrnn_initializer *initializer, uint64_t seed,
#                                                  void *const *parameters, int64_t parameter_count);
network_initialize_with = _declare(
    "swiftrnn_network_initialize_with", status, NetworkPointer, POINTER(Initializer), c_uint64, Pointers, c_int64
)

# swiftrnn_status swiftrnn_network_state_count(const swiftrnn_network *network, int64_t *out_count);
network_state_count = _declare("swiftrnn_network_state_count", status, NetworkPointer, Int64s)

# swiftrnn_status swiftrnn_network_state_info(const swiftrnn_network *network, int64_t index,
#                                             swiftrnn_state_info *out_info);
network_state_info = _declare(
    "swiftrnn_network_state_info", status, NetworkPointer, c_int64, POINTER(StateInfo)
)

# swiftrnn_status swiftrnn_network_state_part(const swiftrnn_network *network, int64_t index, int64_t layer,
#                                             swiftrnn_state_part *out_part);
network_state_part = _declare(
    "swiftrnn_network_state_part", status, NetworkPointer, c_int64, c_int64, POINTER(StatePart)
)

# ---- Sequences -------------------------------------------------------------------------------------------------------

# swiftrnn_status swiftrnn_weights_create(const swiftrnn_network *network, const void *const *parameters,
#                                         int64_t parameter_count, swiftrnn_weights **out_weights);
weights_create = _declare(
    "swiftrnn_weights_create", status, NetworkPointer, Pointers, c_int64, POINTER(WeightsPointer)
)

# void swiftrnn_weights_destroy(swiftrnn_weights *weights);
weights_destroy = _declare("swiftrnn_weights_destroy", None, WeightsPointer)

# swiftrnn_status swiftrnn_network_workspace_size(const swiftrnn_network *network, swiftrnn_workspace purpose,
#                                                 int64_t steps, int64_t sequences, int64_t *out_size);
network_workspace_size = _declare(
    "swiftrnn_network_workspace_size", status, NetworkPointer, c_int, c_int64, c_int64, Int64s
)

# swiftrnn_status swiftrnn_network_tape_size(const swiftrnn_network *network, int64_t steps, int64_t sequences,
#                                            int64_t *out_size);
network_tape_size = _declare("swiftrnn_network_tape_size", status, NetworkPointer, c_int64, c_int64, Int64s)

# swiftrnn_status swiftrnn_network_forward(const swiftrnn_network *network, const swiftrnn_forward_args *args);
network_forward = _declare("swiftrnn_network_forward", status, NetworkPointer, POINTER(ForwardArgs))

# swiftrnn_status swiftrnn_network_backward(const swiftrnn_network *network, const swiftrnn_backward_args *args);
network_backward = _declare("swiftrnn_network_backward", status, NetworkPointer, POINTER(BackwardArgs))

# swiftrnn_status swiftrnn_network_update_statistics(const swiftrnn_network *network, const void *tape,
#                                                    int64_t tape_size, int64_t steps, int64_t sequences,
#                                                    double momentum,
#                                                    void *const *parameters, int64_t parameter_count);
network_update_statistics = _declare(
    "swiftrnn_network_update_statistics",
    status,
    NetworkPointer,
    c_void_p,
    c_int64,
    c_int64,
    c_int64,
    c_double,
    Pointers,
    c_int64,
)

# ---- Streams ---------------------------------------------------------------------------------------------------------

# swiftrnn_status swiftrnn_stream_create(const swiftrnn_network *network, const swiftrnn_weights *weights,
#                                        int64_t sequences, swiftrnn_stream **out_stream);
stream_create = _declare(
    "swiftrnn_stream_create", status, NetworkPointer, WeightsPointer, c_int64, POINTER(StreamPointer)
)

# void swiftrnn_stream_destroy(swiftrnn_stream *stream);
stream_destroy = _declare("swiftrnn_stream_destroy", None, StreamPointer)

# swiftrnn_status swiftrnn_stream_step(swiftrnn_stream *stream, const void *x, void *y);
stream_step = _declare("swiftrnn_stream_step", status, StreamPointer, c_void_p, c_void_p)

# swiftrnn_status swiftrnn_stream_step_inputs(swiftrnn_stream *stream, const void *x, const void *const *inputs,
#                                             int64_t input_count, void *y);
stream_step_inputs = _declare(
    "swiftrnn_stream_step_inputs", status, StreamPointer, c_void_p, Pointers, c_int64, c_void_p
)

# swiftrnn_status swiftrnn_stream_run(swiftrnn_stream *stream, int64_t steps, const void *x, void *y);
stream_run = _declare("swiftrnn_stream_run", status, StreamPointer, c_int64, c_void_p, c_void_p)

# swiftrnn_status swiftrnn_stream_reset(swiftrnn_stream *stream);
stream_reset = _declare("swiftrnn_stream_reset", status, StreamPointer)

# swiftrnn_status swiftrnn_stream_get_state(const swiftrnn_stream *stream, void *const *states, int64_t state_count);
stream_get_state = _declare("swiftrnn_stream_get_state", status, StreamPointer, Pointers, c_int64)

# swiftrnn_status swiftrnn_stream_set_state(swiftrnn_stream *stream, const void *const *states, int64_t state_count);
stream_set_state = _declare("swiftrnn_stream_set_state", status, StreamPointer, Pointers, c_int64)

# ---- Trees -----------------------------------------------------------------------------------------------------------

# swiftrnn_status swiftrnn_forest_create(const int64_t *parents, int64_t node_count, swiftrnn_forest **out_forest);
forest_create = _declare("swiftrnn_forest_create", status, Int64s, c_int64, POINTER(ForestPointer))

# swiftrnn_status swiftrnn_forest_create_edges(int64_t node_count, const int64_t *children, const int64_t *parents,
#                                              int64_t edge_count, swiftrnn_forest **out_forest);
forest_create_edges = _declare(
    "swiftrnn_forest_create_edges", status, c_int64, Int64s, Int64s, c_int64, POINTER(ForestPointer)
)

# void swiftrnn_forest_destroy(swiftrnn_forest *forest);
forest_destroy = _declare("swiftrnn_forest_destroy", None, ForestPointer)

# swiftrnn_status swiftrnn_forest_tape_size(const swiftrnn_network *network, const swiftrnn_forest *forest,
#                                           int64_t *out_size);
forest_tape_size = _declare("swiftrnn_forest_tape_size", status, NetworkPointer, ForestPointer, Int64s)

# swiftrnn_status swiftrnn_forest_workspace_size(const swiftrnn_network *network, const swiftrnn_forest *forest,
#                                                swiftrnn_workspace purpose, int64_t *out_size);
forest_workspace_size = _declare(
    "swiftrnn_forest_workspace_size", status, NetworkPointer, ForestPointer, c_int, Int64s
)

# swiftrnn_status swiftrnn_forest_forward(const swiftrnn_network *network, const swiftrnn_forest *forest,
#                                         const swiftrnn_forest_forward_args *args);
forest_forward = _declare(
    "swiftrnn_forest_forward", status, NetworkPointer, ForestPointer, POINTER(ForestForwardArgs)
)

# swiftrnn_status swiftrnn_forest_backward(const swiftrnn_network *network, const swiftrnn_forest *forest,
#                                          const swiftrnn_forest_backward_args *args);
forest_backward = _declare(
    "swiftrnn_forest_backward", status, NetworkPointer, ForestPointer, POINTER(ForestBackwardArgs)
)
