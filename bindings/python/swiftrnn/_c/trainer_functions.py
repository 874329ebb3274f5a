"""The functions of ``include/swiftrnn_models.h`` that train, each once, below its C prototype; a test compares them."""

from __future__ import annotations

from ctypes import POINTER, c_char_p, c_double, c_int32, c_int64

from .functions import _declare, status
from .model_types import ModelBatch, ModelPointer, ModelStatePointer, TrainerPointer, TrainerResult
from .types import Int64s

# ---- Training --------------------------------------------------------------------------------------------------------

# swiftrnn_status swiftrnn_trainer_create(swiftrnn_model *model, const char *settings, int64_t settings_size,
#                                         swiftrnn_trainer **out_trainer);
trainer_create = _declare("swiftrnn_trainer_create", status, ModelPointer, c_char_p, c_int64, POINTER(TrainerPointer))

# void swiftrnn_trainer_destroy(swiftrnn_trainer *trainer);
trainer_destroy = _declare("swiftrnn_trainer_destroy", None, TrainerPointer)

# swiftrnn_status swiftrnn_trainer_settings(const swiftrnn_trainer *trainer, char *text, int64_t text_size,
#                                           int64_t *out_size);
trainer_settings = _declare("swiftrnn_trainer_settings", status, TrainerPointer, c_char_p, c_int64, Int64s)

# swiftrnn_status swiftrnn_trainer_step(swiftrnn_trainer *trainer, const swiftrnn_model_batch *batch,
#                                       swiftrnn_model_state *state, swiftrnn_trainer_result *out_result);
trainer_step = _declare(
    "swiftrnn_trainer_step", status, TrainerPointer, POINTER(ModelBatch), ModelStatePointer,
    POINTER(TrainerResult)
)

# swiftrnn_status swiftrnn_trainer_update(swiftrnn_trainer *trainer, swiftrnn_trainer_result *out_result);
trainer_update = _declare("swiftrnn_trainer_update", status, TrainerPointer, POINTER(TrainerResult))

# swiftrnn_status swiftrnn_trainer_report(swiftrnn_trainer *trainer, double validation_loss, int32_t *out_improved);
trainer_report = _declare("swiftrnn_trainer_report", status, TrainerPointer, c_double, POINTER(c_int32))

# swiftrnn_status swiftrnn_trainer_rate(const swiftrnn_trainer *trainer, double *out_rate, int64_t *out_steps);
trainer_rate = _declare("swiftrnn_trainer_rate", status, TrainerPointer, POINTER(c_double), Int64s)

# swiftrnn_status swiftrnn_trainer_set_rate_factor(swiftrnn_trainer *trainer, double factor);
trainer_set_rate_factor = _declare("swiftrnn_trainer_set_rate_factor", status, TrainerPointer, c_double)

# swiftrnn_status swiftrnn_trainer_save(const swiftrnn_trainer *trainer, const swiftrnn_model_state *state,
#                                       const char *progress, int64_t progress_size, const char *path);
trainer_save = _declare("swiftrnn_trainer_save", status, TrainerPointer, ModelStatePointer, c_char_p, c_int64, c_char_p)

# swiftrnn_status swiftrnn_trainer_load(const char *path, swiftrnn_model **out_model, swiftrnn_trainer **out_trainer,
#                                       swiftrnn_model_state **out_state);
trainer_load = _declare(
    "swiftrnn_trainer_load", status, c_char_p, POINTER(ModelPointer), POINTER(TrainerPointer),
    POINTER(ModelStatePointer)
)

# swiftrnn_status swiftrnn_trainer_progress(const swiftrnn_trainer *trainer, char *text, int64_t text_size,
#                                           int64_t *out_size);
trainer_progress = _declare("swiftrnn_trainer_progress", status, TrainerPointer, c_char_p, c_int64, Int64s)
