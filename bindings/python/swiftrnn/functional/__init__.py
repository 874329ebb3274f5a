"""Functions of numpy arrays for what surrounds a network: embedding, linear layer, attention, pooling, dropout,
losses, sampling.

Arrays are float32 or float64, all of one call the same, and never cast; identifiers are integers of any type, in arrays
or nested lists. Arrays that are not dense are copied. Each call gives the GIL back while it computes, and any number of
threads may call.
"""

from __future__ import annotations

from ._attention import attention as attention
from ._attention import attention_backward as attention_backward
from ._attention_arguments import Attended as Attended
from ._attention_arguments import AttentionGradients as AttentionGradients
from ._attention_memory import (
    attention_memory as attention_memory,
)
from ._attention_memory import (
    attention_memory_backward as attention_memory_backward,
)
from ._dropout import Dropped as Dropped
from ._dropout import dropout as dropout
from ._dropout import dropout_backward as dropout_backward
from ._elementwise_losses import (
    ElementwiseLoss as ElementwiseLoss,
)
from ._elementwise_losses import (
    binary_cross_entropy_with_logits as binary_cross_entropy_with_logits,
)
from ._elementwise_losses import (
    huber_loss as huber_loss,
)
from ._elementwise_losses import (
    l1_loss as l1_loss,
)
from ._elementwise_losses import (
    mse_loss as mse_loss,
)
from ._embedding import embedding as embedding
from ._embedding import embedding_backward as embedding_backward
from ._linear import LinearGradients as LinearGradients
from ._linear import linear as linear
from ._linear import linear_backward as linear_backward
from ._losses import (
    CrossEntropy as CrossEntropy,
)
from ._losses import (
    LinearCrossEntropy as LinearCrossEntropy,
)
from ._losses import (
    cross_entropy as cross_entropy,
)
from ._losses import (
    linear_cross_entropy as linear_cross_entropy,
)
from ._pool import Pooled as Pooled
from ._pool import PoolGradients as PoolGradients
from ._pool import pool as pool
from ._pool import pool_backward as pool_backward
from ._sampling import Ids as Ids
from ._sampling import Sampler as Sampler
from ._sampling import sample as sample
