"""The enumerations and structs of ``include/swiftrnn_models.h``, and pointers to the library's own structs.

Fields are in the header's order, with its names; a test compares their sizes and offsets with the C compiler's.
"""

from __future__ import annotations

from ctypes import POINTER, Structure, c_char, c_char_p, c_double, c_int, c_int32, c_int64, c_uint64, c_void_p
from typing import Any, Callable

from .around_types import ElementwiseLossConfig
from .types import ForestPointer, Int64s, _Sized, byref, create_string_buffer

# ---- Enumerations: int in C ------------------------------------------------------------------------------------------

TOKENS_BYTES, TOKENS_CHARACTERS, TOKENS_WORDS, TOKENS_WHITESPACE, TOKENS_LINES = 0, 1, 2, 3, 4
SPECIAL_PAD, SPECIAL_UNK, SPECIAL_BOS, SPECIAL_EOS = 1, 2, 4, 8
VOCABULARY_INPUT, VOCABULARY_OUTPUT = 0, 1


def bytes_of(write: Callable[[Any, int, Any], None]) -> bytes:
    """The bytes that ``write(text, text_size, out_size)`` writes, zero bytes among them, without the last one."""
    size = c_int64()
    write(None, 0, byref(size))
    if size.value == 0:
        return b""
    buffer = create_string_buffer(size.value)
    write(buffer, size.value, None)
    return buffer.raw[:-1]


# ---- Opaque structs: the library's own -------------------------------------------------------------------------------


class Vocabulary(Structure):
    """swiftrnn_vocabulary, opaque."""


class TextStream(Structure):
    """swiftrnn_text_stream, opaque."""


class Model(Structure):
    """swiftrnn_model, opaque."""


class ModelState(Structure):
    """swiftrnn_model_state, opaque."""


class Inspection(Structure):
    """swiftrnn_inspection, opaque."""


class Trainer(Structure):
    """swiftrnn_trainer, opaque."""


class Tensors(Structure):
    """swiftrnn_tensors, opaque."""


VocabularyPointer = POINTER(Vocabulary)
TextStreamPointer = POINTER(TextStream)
ModelPointer = POINTER(Model)
ModelStatePointer = POINTER(ModelState)
InspectionPointer = POINTER(Inspection)
TrainerPointer = POINTER(Trainer)
TensorsPointer = POINTER(Tensors)

# ---- Structs ---------------------------------------------------------------------------------------------------------


class VocabularyConfig(_Sized):
    """swiftrnn_vocabulary_config"""

    _fields_ = [
        ("size", c_int64),
        ("tokens", c_int),
        ("specials", c_int32),
        ("lowercase", c_int32),
        ("reserved", c_int32),
        ("minimum_count", c_int64),
        ("maximum_size", c_int64),
    ]


class ModelParameterInfo(Structure):
    """swiftrnn_model_parameter_info"""

    _fields_ = [
        ("name", c_char * 128),
        ("rank", c_int64),
        ("shape", c_int64 * 2),
        ("elements", c_int64),
        ("offset", c_int64),
    ]


class ModelBatch(_Sized):
    """swiftrnn_model_batch"""

    _fields_ = [
        ("size", c_int64),
        ("steps", c_int64),
        ("sequences", c_int64),
        ("ids", Int64s),
        ("features", c_void_p),
        ("lengths", Int64s),
        ("targets", Int64s),
        ("values", c_void_p),
        ("decoder_ids", Int64s),
        ("target_steps", c_int64),
        ("target_lengths", Int64s),
        ("first_sequence", c_int64),
        ("forest", ForestPointer),
    ]


class ModelLossOptions(_Sized):
    """swiftrnn_model_loss_options"""

    _fields_ = [
        ("size", c_int64),
        ("seed", c_uint64),
        ("seeded", c_int32),
        ("reserved", c_int32),
        ("label_smoothing", c_double),
        ("class_weights", c_void_p),
        ("sampling_probability", c_double),
        ("memory_limit", c_int64),
        ("tape_limit", c_int64),
        ("sampled_classes", c_int64),
        ("numbers", POINTER(ElementwiseLossConfig)),
    ]


class GenerationOptions(_Sized):
    """swiftrnn_generation_options"""

    _fields_ = [
        ("size", c_int64),
        ("length", c_int64),
        ("start", c_int64),
        ("end", c_int64),
        ("temperature", c_double),
        ("top_k", c_int64),
        ("top_p", c_double),
        ("seed", c_uint64),
        ("seeded", c_int32),
        ("reserved", c_int32),
        ("repetition_penalty", c_double),
        ("beams", c_int64),
        ("length_penalty", c_double),
    ]


class TrainerResult(_Sized):
    """swiftrnn_trainer_result"""

    _fields_ = [
        ("size", c_int64),
        ("loss", c_double),
        ("count", c_int64),
        ("norm", c_double),
        ("rate", c_double),
        ("step", c_int64),
    ]


class TensorInfo(Structure):
    """swiftrnn_tensor_info"""

    _fields_ = [
        ("name", c_char_p),
        ("dtype", c_char_p),
        ("rank", c_int64),
        ("shape", Int64s),
        ("elements", c_int64),
        ("bytes", c_int64),
        ("data", c_void_p),
    ]
