"""The optimizers that tests go through: ours, torch's, and the options of both."""

from __future__ import annotations

from typing import Any, Callable

import pytest
import torch

import swiftrnn

TOLERANCE = {"float64": 1e-12, "float32": 3e-6}
TYPES = pytest.mark.parametrize("dtype", ["float64", "float32"])
SIZES = [1, 7, 64, 4097, 10000]

OPTIMIZERS: dict[str, tuple[Callable[..., Any], Callable[..., Any], dict[str, Any]]] = {
    "sgd": (swiftrnn.SGD, torch.optim.SGD, dict(lr=0.1)),
    "sgd decay": (swiftrnn.SGD, torch.optim.SGD, dict(lr=0.1, weight_decay=0.05)),
    "momentum": (swiftrnn.SGD, torch.optim.SGD, dict(lr=0.1, momentum=0.9, weight_decay=0.01)),
    "nesterov": (swiftrnn.SGD, torch.optim.SGD, dict(lr=0.1, momentum=0.9, weight_decay=0.01, nesterov=True)),
    "adam": (swiftrnn.Adam, torch.optim.Adam, dict(lr=0.01)),
    "adam decay": (swiftrnn.Adam, torch.optim.Adam, dict(lr=0.01, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.1)),
    "adamw": (swiftrnn.AdamW, torch.optim.AdamW, dict(lr=0.01)),
    "adamw decay": (swiftrnn.AdamW, torch.optim.AdamW, dict(lr=0.01, betas=(0.7, 0.9), weight_decay=0.3)),
}
