"""The functions of ``include/swiftrnn_models.h``, each once, below its C prototype; a test compares the two.

A function that returns a status raises `SwiftRNNError` itself, as those of `functions` do.
"""

from __future__ import annotations

from ctypes import POINTER, c_char_p, c_int, c_int32, c_int64, c_uint64, c_void_p

from .around_types import ElementwiseLossConfig
from .functions import _declare, status
from .model_types import (
    GenerationOptions,
    InspectionPointer,
    ModelBatch,
    ModelLossOptions,
    ModelParameterInfo,
    ModelPointer,
    ModelStatePointer,
    TextStreamPointer,
    VocabularyConfig,
    VocabularyPointer,
)
from .types import Doubles, Initializer, Int64s, Pointers

# ---- Vocabularies ----------------------------------------------------------------------------------------------------

# swiftrnn_status swiftrnn_vocabulary_create(const swiftrnn_vocabulary_config *config, const char *const *texts,
#                                            const int64_t *text_sizes, int64_t text_count,
#                                            swiftrnn_vocabulary **out_vocabulary);
vocabulary_create = _declare(
    "swiftrnn_vocabulary_create", status, POINTER(VocabularyConfig), POINTER(c_char_p), Int64s, c_int64,
    POINTER(VocabularyPointer)
)

# swiftrnn_status swiftrnn_vocabulary_create_from_file(const swiftrnn_vocabulary_config *config, const char *path,
#                                                      swiftrnn_vocabulary **out_vocabulary);
vocabulary_create_from_file = _declare(
    "swiftrnn_vocabulary_create_from_file", status, POINTER(VocabularyConfig), c_char_p,
    POINTER(VocabularyPointer)
)

# swiftrnn_status swiftrnn_vocabulary_parse(const char *json, int64_t json_size, swiftrnn_vocabulary **out_vocabulary);
vocabulary_parse = _declare("swiftrnn_vocabulary_parse", status, c_char_p, c_int64, POINTER(VocabularyPointer))

# void swiftrnn_vocabulary_destroy(swiftrnn_vocabulary *vocabulary);
vocabulary_destroy = _declare("swiftrnn_vocabulary_destroy", None, VocabularyPointer)

# swiftrnn_status swiftrnn_vocabulary_json(const swiftrnn_vocabulary *vocabulary, char *text, int64_t text_size,
#                                          int64_t *out_size);
vocabulary_json = _declare("swiftrnn_vocabulary_json", status, VocabularyPointer, c_char_p, c_int64, Int64s)

# swiftrnn_status swiftrnn_vocabulary_size(const swiftrnn_vocabulary *vocabulary, int64_t *out_size);
vocabulary_size = _declare("swiftrnn_vocabulary_size", status, VocabularyPointer, Int64s)

# swiftrnn_status swiftrnn_vocabulary_id(const swiftrnn_vocabulary *vocabulary, const char *token, int64_t token_size,
#                                        int64_t *out_id);
vocabulary_id = _declare("swiftrnn_vocabulary_id", status, VocabularyPointer, c_char_p, c_int64, Int64s)

# swiftrnn_status swiftrnn_vocabulary_encode(const swiftrnn_vocabulary *vocabulary, const char *text, int64_t text_size,
#                                            int32_t framed, int64_t *ids, int64_t id_count, int64_t *out_count);
vocabulary_encode = _declare(
    "swiftrnn_vocabulary_encode", status, VocabularyPointer, c_char_p, c_int64, c_int32, Int64s, c_int64, Int64s
)

# swiftrnn_status swiftrnn_vocabulary_decode(const swiftrnn_vocabulary *vocabulary, const int64_t *ids,
#                                            int64_t id_count, int32_t write_specials, char *text,
#                                            int64_t text_size, int64_t *out_size);
vocabulary_decode = _declare(
    "swiftrnn_vocabulary_decode", status, VocabularyPointer, Int64s, c_int64, c_int32, c_char_p, c_int64, Int64s
)

# ---- Texts that are read as a stream ---------------------------------------------------------------------------------

# swiftrnn_status swiftrnn_text_stream_open(const char *path, const swiftrnn_vocabulary *vocabulary, int64_t sequences,
#                                           int64_t steps, swiftrnn_text_stream **out_stream);
text_stream_open = _declare(
    "swiftrnn_text_stream_open", status, c_char_p, VocabularyPointer, c_int64, c_int64, POINTER(TextStreamPointer)
)

# void swiftrnn_text_stream_destroy(swiftrnn_text_stream *stream);
text_stream_destroy = _declare("swiftrnn_text_stream_destroy", None, TextStreamPointer)

# swiftrnn_status swiftrnn_text_stream_position(const swiftrnn_text_stream *stream, int64_t *out_tokens,
#                                               int64_t *out_batches, int64_t *out_position);
text_stream_position = _declare("swiftrnn_text_stream_position", status, TextStreamPointer, Int64s, Int64s, Int64s)

# swiftrnn_status swiftrnn_text_stream_next(swiftrnn_text_stream *stream, int64_t *ids, int64_t *targets,
#                                           int64_t *out_steps);
text_stream_next = _declare("swiftrnn_text_stream_next", status, TextStreamPointer, Int64s, Int64s, Int64s)

# swiftrnn_status swiftrnn_text_stream_seek(swiftrnn_text_stream *stream, int64_t position);
text_stream_seek = _declare("swiftrnn_text_stream_seek", status, TextStreamPointer, c_int64)

# ---- Models ----------------------------------------------------------------------------------------------------------

# swiftrnn_status swiftrnn_model_create(swiftrnn_dtype dtype, const char *configuration, int64_t configuration_size,
#                                       swiftrnn_model **out_model);
model_create = _declare("swiftrnn_model_create", status, c_int, c_char_p, c_int64, POINTER(ModelPointer))

# swiftrnn_status swiftrnn_model_load(const char *path, swiftrnn_model **out_model);
model_load = _declare("swiftrnn_model_load", status, c_char_p, POINTER(ModelPointer))

# swiftrnn_status swiftrnn_model_save(const swiftrnn_model *model, const char *path);
model_save = _declare("swiftrnn_model_save", status, ModelPointer, c_char_p)

# void swiftrnn_model_destroy(swiftrnn_model *model);
model_destroy = _declare("swiftrnn_model_destroy", None, ModelPointer)

# swiftrnn_status swiftrnn_model_initialize(swiftrnn_model *model, const swiftrnn_initializer *initializer,
#                                           uint64_t seed);
model_initialize = _declare("swiftrnn_model_initialize", status, ModelPointer, POINTER(Initializer), c_uint64)

# swiftrnn_status swiftrnn_model_configuration(const swiftrnn_model *model, char *text, int64_t text_size,
#                                              int64_t *out_size);
model_configuration = _declare("swiftrnn_model_configuration", status, ModelPointer, c_char_p, c_int64, Int64s)

# swiftrnn_status swiftrnn_model_dtype(const swiftrnn_model *model, swiftrnn_dtype *out_dtype);
model_dtype = _declare("swiftrnn_model_dtype", status, ModelPointer, POINTER(c_int))

# swiftrnn_status swiftrnn_model_parameters(const swiftrnn_model *model, void **out_values, void **out_gradients,
#                                           int64_t *out_elements);
model_parameters = _declare("swiftrnn_model_parameters", status, ModelPointer, Pointers, Pointers, Int64s)

# swiftrnn_status swiftrnn_model_parameter_count(const swiftrnn_model *model, int64_t *out_count);
model_parameter_count = _declare("swiftrnn_model_parameter_count", status, ModelPointer, Int64s)

# swiftrnn_status swiftrnn_model_parameter_info_at(const swiftrnn_model *model, int64_t index,
#                                                  swiftrnn_model_parameter_info *out_info);
model_parameter_info_at = _declare(
    "swiftrnn_model_parameter_info_at", status, ModelPointer, c_int64, POINTER(ModelParameterInfo)
)

# swiftrnn_status swiftrnn_model_set_vocabulary(swiftrnn_model *model, swiftrnn_vocabulary_role role,
#                                               const swiftrnn_vocabulary *vocabulary);
model_set_vocabulary = _declare("swiftrnn_model_set_vocabulary", status, ModelPointer, c_int, VocabularyPointer)

# swiftrnn_status swiftrnn_model_vocabulary(const swiftrnn_model *model, swiftrnn_vocabulary_role role,
#                                           swiftrnn_vocabulary **out_vocabulary);
model_vocabulary = _declare("swiftrnn_model_vocabulary", status, ModelPointer, c_int, POINTER(VocabularyPointer))

# swiftrnn_status swiftrnn_model_set_metadata(swiftrnn_model *model, const char *key, const char *value);
model_set_metadata = _declare("swiftrnn_model_set_metadata", status, ModelPointer, c_char_p, c_char_p)

# swiftrnn_status swiftrnn_model_metadata(const swiftrnn_model *model, const char *key, char *text, int64_t text_size,
#                                         int64_t *out_size);
model_metadata = _declare("swiftrnn_model_metadata", status, ModelPointer, c_char_p, c_char_p, c_int64, Int64s)

# swiftrnn_status swiftrnn_model_state_create(const swiftrnn_model *model, int64_t look_back,
#                                             swiftrnn_model_state **out_state);
model_state_create = _declare(
    "swiftrnn_model_state_create", status, ModelPointer, c_int64, POINTER(ModelStatePointer)
)

# void swiftrnn_model_state_destroy(swiftrnn_model_state *state);
model_state_destroy = _declare("swiftrnn_model_state_destroy", None, ModelStatePointer)

# swiftrnn_status swiftrnn_model_state_reset(swiftrnn_model_state *state);
model_state_reset = _declare("swiftrnn_model_state_reset", status, ModelStatePointer)

# swiftrnn_status swiftrnn_model_loss(swiftrnn_model *model, const swiftrnn_model_batch *batch,
#                                     swiftrnn_model_state *state, const swiftrnn_model_loss_options *options,
#                                     double *out_mean, int64_t *out_count);
model_loss = _declare(
    "swiftrnn_model_loss", status, ModelPointer, POINTER(ModelBatch), ModelStatePointer,
    POINTER(ModelLossOptions), Doubles, Int64s
)

# swiftrnn_status swiftrnn_model_evaluate(swiftrnn_model *model, const swiftrnn_model_batch *batch,
#                                         swiftrnn_model_state *state, const swiftrnn_elementwise_loss_config *numbers,
#                                         double *out_mean, int64_t *out_count);
model_evaluate = _declare(
    "swiftrnn_model_evaluate", status, ModelPointer, POINTER(ModelBatch), ModelStatePointer,
    POINTER(ElementwiseLossConfig), Doubles, Int64s
)

# swiftrnn_status swiftrnn_model_predict(swiftrnn_model *model, const swiftrnn_model_batch *batch,
#                                        swiftrnn_model_state *state, void *out, int64_t out_elements);
model_predict = _declare(
    "swiftrnn_model_predict", status, ModelPointer, POINTER(ModelBatch), ModelStatePointer, c_void_p, c_int64
)

# swiftrnn_status swiftrnn_model_score(swiftrnn_model *model, const swiftrnn_model_batch *batch,
#                                      swiftrnn_model_state *state, double *out_log_probabilities, int64_t *out_counts);
model_score = _declare(
    "swiftrnn_model_score", status, ModelPointer, POINTER(ModelBatch), ModelStatePointer, Doubles, Int64s
)

# swiftrnn_status swiftrnn_model_generate(swiftrnn_model *model, const swiftrnn_model_batch *batch,
#                                         const swiftrnn_generation_options *options, int64_t *out_tokens,
#                                         int64_t *out_lengths, double *out_log_probabilities, double *out_scores);
model_generate = _declare(
    "swiftrnn_model_generate", status, ModelPointer, POINTER(ModelBatch), POINTER(GenerationOptions), Int64s,
    Int64s, Doubles, Doubles
)

# ---- A look inside ---------------------------------------------------------------------------------------------------

# swiftrnn_status swiftrnn_inspection_create(swiftrnn_model *model, const swiftrnn_model_batch *batch,
#                                            swiftrnn_model_state *state, swiftrnn_inspection **out_inspection);
inspection_create = _declare(
    "swiftrnn_inspection_create", status, ModelPointer, POINTER(ModelBatch), ModelStatePointer,
    POINTER(InspectionPointer)
)

# void swiftrnn_inspection_destroy(swiftrnn_inspection *inspection);
inspection_destroy = _declare("swiftrnn_inspection_destroy", None, InspectionPointer)

# swiftrnn_status swiftrnn_inspection_json(const swiftrnn_inspection *inspection, char *text, int64_t text_size,
#                                          int64_t *out_size);
inspection_json = _declare("swiftrnn_inspection_json", status, InspectionPointer, c_char_p, c_int64, Int64s)
