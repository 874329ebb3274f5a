"""Functions of numpy arrays for what surrounds a network: embedding, linear layer, attention, pooling, dropout,
losses, sampling.

Arrays are float32 or float64, all of one call the same, and never cast; identifiers are integers of any type, in arrays
or nested lists. Arrays that are not dense are copied. Each call gives the GIL back while it computes, and any number of
threads may call.
"""

from __future__ import annotations

from ._attention import attention as attention, attention_backward as attention_backward
from ._attention_arguments import Attended as Attended, AttentionGradients as AttentionGradients
from ._attention_memory import (
    attention_memory as attention_memory,
    attention_memory_backward as attention_memory_backward,
)
from ._dropout import Dropped as Dropped, dropout as dropout, dropout_backward as dropout_backward
from ._elementwise_losses import (
    ElementwiseLoss as ElementwiseLoss,
    binary_cross_entropy_with_logits as binary_cross_entropy_with_logits,
    huber_loss as huber_loss,
    l1_loss as l1_loss,
    mse_loss as mse_loss,
)
from ._embedding import embedding as embedding, embedding_backward as embedding_backward
from ._linear import LinearGradients as LinearGradients, linear as linear, linear_backward as linear_backward
from ._losses import (
    CrossEntropy as CrossEntropy,
    LinearCrossEntropy as LinearCrossEntropy,
    cross_entropy as cross_entropy,
    linear_cross_entropy as linear_cross_entropy,
)
from ._pool import Pooled as Pooled, PoolGradients as PoolGradients, pool as pool, pool_backward as pool_backward
from ._sampling import Ids as Ids, Sampler as Sampler, sample as sample
