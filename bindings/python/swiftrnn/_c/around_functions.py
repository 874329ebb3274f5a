"""The header's functions for what surrounds a network, each once, below its C prototype; a test compares the two.

A function that returns a status raises `SwiftRNNError` itself, as those of `functions` do.
"""

from __future__ import annotations

from ctypes import POINTER, c_double, c_int, c_int32, c_int64, c_void_p

from .around_types import (
    AdamConfig,
    AttentionArgs,
    AttentionBackwardArgs,
    AttentionConfig,
    CrossEntropyOptions,
    DropoutConfig,
    ElementwiseLossConfig,
    LinearCrossEntropyArgs,
    PoolArgs,
    PoolBackwardArgs,
    PoolConfig,
    RMSpropConfig,
    SampleConfig,
)
from .functions import _declare, status
from .types import Doubles, Int64s, Pointers, Uint64s

# swiftrnn_status swiftrnn_embedding_forward(swiftrnn_dtype dtype, int64_t vocabulary, int64_t width,
#                                            const void *weight, int64_t count, const int64_t *ids, void *out);
embedding_forward = _declare(
    "swiftrnn_embedding_forward", status, c_int, c_int64, c_int64, c_void_p, c_int64, Int64s, c_void_p
)

# swiftrnn_status swiftrnn_embedding_backward(swiftrnn_dtype dtype, int64_t vocabulary, int64_t width, int64_t count,
#                                             const int64_t *ids, const void *dout, int32_t accumulate, void *dweight);
embedding_backward = _declare(
    "swiftrnn_embedding_backward", status, c_int, c_int64, c_int64, c_int64, Int64s, c_void_p, c_int32, c_void_p
)

# swiftrnn_status swiftrnn_linear_forward(swiftrnn_dtype dtype, int64_t rows, int64_t inputs, int64_t outputs,
#                                         const void *x, const void *weight, const void *bias, void *y);
linear_forward = _declare(
    "swiftrnn_linear_forward", status, c_int, *[c_int64] * 3, c_void_p, c_void_p, c_void_p, c_void_p
)

# swiftrnn_status swiftrnn_linear_backward(swiftrnn_dtype dtype, int64_t rows, int64_t inputs, int64_t outputs,
#                                          const void *x, const void *weight, const void *dy, int32_t accumulate,
#                                          void *dx, void *dweight, void *dbias);
linear_backward = _declare(
    "swiftrnn_linear_backward", status, c_int, *[c_int64] * 3, *[c_void_p] * 3, c_int32, *[c_void_p] * 3
)

# swiftrnn_status swiftrnn_cross_entropy(swiftrnn_dtype dtype, int64_t rows, int64_t classes, const void *logits,
#                                        const int64_t *targets, int64_t ignore_index, double *row_losses,
#                                        void *dlogits, double *out_loss, double *out_perplexity, int64_t *out_count);
cross_entropy = _declare(
    "swiftrnn_cross_entropy", status, c_int, c_int64, c_int64, c_void_p, Int64s, c_int64, Doubles,
    c_void_p, Doubles, Doubles, Int64s,
)  # fmt: skip

# swiftrnn_status swiftrnn_cross_entropy_with(swiftrnn_dtype dtype, const swiftrnn_cross_entropy_options *options,
#                                             int64_t rows, int64_t classes, const void *logits, const int64_t *targets,
#                                             int64_t ignore_index, double *row_losses, void *dlogits, double *out_loss,
#                                             double *out_perplexity, int64_t *out_count);
cross_entropy_with = _declare(
    "swiftrnn_cross_entropy_with", status, c_int, POINTER(CrossEntropyOptions), c_int64, c_int64, c_void_p, Int64s,
    c_int64, Doubles, c_void_p, Doubles, Doubles, Int64s,
)  # fmt: skip

# swiftrnn_status swiftrnn_linear_cross_entropy(swiftrnn_dtype dtype, const swiftrnn_linear_cross_entropy_args *args);
linear_cross_entropy = _declare(
    "swiftrnn_linear_cross_entropy", status, c_int, POINTER(LinearCrossEntropyArgs)
)

# swiftrnn_status swiftrnn_elementwise_loss(swiftrnn_dtype dtype, const swiftrnn_elementwise_loss_config *config,
#                                           int64_t rows, int64_t width, const void *predictions, const void *targets,
#                                           void *dpredictions, double *out_loss);
elementwise_loss = _declare(
    "swiftrnn_elementwise_loss", status, c_int, POINTER(ElementwiseLossConfig), c_int64, c_int64, *[c_void_p] * 3,
    Doubles,
)  # fmt: skip

# swiftrnn_status swiftrnn_clip_gradients(swiftrnn_dtype dtype, int64_t tensor_count, void *const *gradients,
#                                         const int64_t *elements, double max_norm, double *out_norm);
clip_gradients = _declare(
    "swiftrnn_clip_gradients", status, c_int, c_int64, Pointers, Int64s, c_double, Doubles
)

# swiftrnn_status swiftrnn_clip_values(swiftrnn_dtype dtype, int64_t tensor_count, void *const *gradients,
#                                      const int64_t *elements, double limit);
clip_values = _declare("swiftrnn_clip_values", status, c_int, c_int64, Pointers, Int64s, c_double)

# swiftrnn_status swiftrnn_sgd_step(swiftrnn_dtype dtype, int64_t elements, double rate, double momentum,
#                                   double weight_decay, int32_t nesterov, const void *gradient, void *parameter,
#                                   void *velocity);
sgd_step = _declare(
    "swiftrnn_sgd_step", status, c_int, c_int64, c_double, c_double, c_double, c_int32, *[c_void_p] * 3
)

# swiftrnn_status swiftrnn_adam_step(swiftrnn_dtype dtype, const swiftrnn_adam_config *config, int64_t step,
#                                    int64_t elements, const void *gradient, void *parameter, void *first,
#                                    void *second);
adam_step = _declare(
    "swiftrnn_adam_step", status, c_int, POINTER(AdamConfig), c_int64, c_int64, *[c_void_p] * 4
)

# swiftrnn_status swiftrnn_rmsprop_step(swiftrnn_dtype dtype, const swiftrnn_rmsprop_config *config, int64_t elements,
#                                       const void *gradient, void *parameter, void *square, void *mean,
#                                       void *velocity);
rmsprop_step = _declare(
    "swiftrnn_rmsprop_step", status, c_int, POINTER(RMSpropConfig), c_int64, *[c_void_p] * 5
)

# swiftrnn_status swiftrnn_sample(swiftrnn_dtype dtype, const swiftrnn_sample_config *config, int64_t rows,
#                                 int64_t classes, const void *logits, int64_t *out_ids);
sample = _declare(
    "swiftrnn_sample", status, c_int, POINTER(SampleConfig), c_int64, c_int64, c_void_p, Int64s
)

# swiftrnn_status swiftrnn_dropout(swiftrnn_dtype dtype, const swiftrnn_dropout_config *config, int64_t steps,
#                                  int64_t sequences, int64_t width, const void *x, void *y, uint64_t *out_seed);
dropout = _declare(
    "swiftrnn_dropout", status, c_int, POINTER(DropoutConfig), *[c_int64] * 3, c_void_p, c_void_p, Uint64s
)

# swiftrnn_status swiftrnn_pool_forward(swiftrnn_dtype dtype, const swiftrnn_pool_config *config,
#                                       const swiftrnn_pool_args *args);
pool_forward = _declare("swiftrnn_pool_forward", status, c_int, POINTER(PoolConfig), POINTER(PoolArgs))

# swiftrnn_status swiftrnn_pool_backward(swiftrnn_dtype dtype, const swiftrnn_pool_config *config,
#                                        const swiftrnn_pool_backward_args *args);
pool_backward = _declare(
    "swiftrnn_pool_backward", status, c_int, POINTER(PoolConfig), POINTER(PoolBackwardArgs)
)

# swiftrnn_status swiftrnn_attention_memory(swiftrnn_dtype dtype, const swiftrnn_attention_config *config,
#                                           const swiftrnn_attention_args *args);
attention_memory = _declare(
    "swiftrnn_attention_memory", status, c_int, POINTER(AttentionConfig), POINTER(AttentionArgs)
)

# swiftrnn_status swiftrnn_attention_forward(swiftrnn_dtype dtype, const swiftrnn_attention_config *config,
#                                            const swiftrnn_attention_args *args);
attention_forward = _declare(
    "swiftrnn_attention_forward", status, c_int, POINTER(AttentionConfig), POINTER(AttentionArgs)
)

# swiftrnn_status swiftrnn_attention_backward(swiftrnn_dtype dtype, const swiftrnn_attention_config *config,
#                                             const swiftrnn_attention_backward_args *args);
attention_backward = _declare(
    "swiftrnn_attention_backward", status, c_int, POINTER(AttentionConfig), POINTER(AttentionBackwardArgs)
)

# swiftrnn_status swiftrnn_attention_memory_backward(swiftrnn_dtype dtype, const swiftrnn_attention_config *config,
#                                                    const swiftrnn_attention_backward_args *args);
attention_memory_backward = _declare(
    "swiftrnn_attention_memory_backward", status, c_int, POINTER(AttentionConfig), POINTER(AttentionBackwardArgs)
)
