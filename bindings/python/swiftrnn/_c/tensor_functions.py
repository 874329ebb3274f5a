"""The functions of ``include/swiftrnn_models.h`` for tensors of files, each once, below its C prototype; a test
compares them.
"""

from __future__ import annotations

from ctypes import POINTER, c_char_p, c_int64

from .functions import _declare, status
from .model_types import TensorInfo, TensorsPointer
from .types import Int64s, NetworkPointer, Pointers

# swiftrnn_status swiftrnn_tensors_load(const char *path, swiftrnn_tensors **out_tensors);
tensors_load = _declare("swiftrnn_tensors_load", status, c_char_p, POINTER(TensorsPointer))

# void swiftrnn_tensors_destroy(swiftrnn_tensors *tensors);
tensors_destroy = _declare("swiftrnn_tensors_destroy", None, TensorsPointer)

# swiftrnn_status swiftrnn_tensors_count(const swiftrnn_tensors *tensors, int64_t *out_count);
tensors_count = _declare("swiftrnn_tensors_count", status, TensorsPointer, Int64s)

# swiftrnn_status swiftrnn_tensors_index(const swiftrnn_tensors *tensors, const char *name, int64_t *out_index);
tensors_index = _declare("swiftrnn_tensors_index", status, TensorsPointer, c_char_p, Int64s)

# swiftrnn_status swiftrnn_tensors_info_at(const swiftrnn_tensors *tensors, int64_t index,
#                                          swiftrnn_tensor_info *out_info);
tensors_info_at = _declare("swiftrnn_tensors_info_at", status, TensorsPointer, c_int64, POINTER(TensorInfo))

# swiftrnn_status swiftrnn_tensors_metadata(const swiftrnn_tensors *tensors, const char *key, char *text,
#                                           int64_t text_size, int64_t *out_size);
tensors_metadata = _declare("swiftrnn_tensors_metadata", status, TensorsPointer, c_char_p, c_char_p, c_int64, Int64s)

# swiftrnn_status swiftrnn_tensors_parameters(const swiftrnn_tensors *tensors, const char *prefix,
#                                             const swiftrnn_network *network, const void **parameters,
#                                             int64_t parameter_count);
tensors_parameters = _declare(
    "swiftrnn_tensors_parameters", status, TensorsPointer, c_char_p, NetworkPointer, Pointers, c_int64
)
