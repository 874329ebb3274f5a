"""What the tests of optimizers and clipping go through: types, and optimizers, ours, torch's and both's options."""

from __future__ import annotations

from typing import Any, Callable

import pytest
import torch

import swiftrnn

TYPES = pytest.mark.parametrize("dtype", ["float64", "float32"])

OPTIMIZERS: dict[str, tuple[Callable[..., Any], Callable[..., Any], dict[str, Any]]] = {
    "sgd": (swiftrnn.SGD, torch.optim.SGD, dict(lr=0.1)),
    "sgd decay": (swiftrnn.SGD, torch.optim.SGD, dict(lr=0.1, weight_decay=0.05)),
    "momentum": (swiftrnn.SGD, torch.optim.SGD, dict(lr=0.1, momentum=0.9, weight_decay=0.01)),
    "nesterov": (swiftrnn.SGD, torch.optim.SGD, dict(lr=0.1, momentum=0.9, weight_decay=0.01, nesterov=True)),
    "adam": (swiftrnn.Adam, torch.optim.Adam, dict(lr=0.01)),
    "adam decay": (swiftrnn.Adam, torch.optim.Adam, dict(lr=0.01, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.1)),
    "adamw": (swiftrnn.AdamW, torch.optim.AdamW, dict(lr=0.01)),
    "rmsprop": (swiftrnn.RMSprop, torch.optim.RMSprop, dict(lr=0.01)),
    "rmsprop decay": (swiftrnn.RMSprop, torch.optim.RMSprop, dict(lr=0.01, alpha=0.8, eps=1e-4, weight_decay=0.1)),
    "rmsprop momentum": (swiftrnn.RMSprop, torch.optim.RMSprop, dict(lr=0.01, momentum=0.9)),
    "rmsprop centered": (
        swiftrnn.RMSprop, torch.optim.RMSprop,
        dict(lr=0.01, alpha=0.9, eps=1e-3, weight_decay=0.05, momentum=0.5, centered=True),
    ),
    "adamw decay": (swiftrnn.AdamW, torch.optim.AdamW, dict(lr=0.01, betas=(0.7, 0.9), weight_decay=0.3)),
}
