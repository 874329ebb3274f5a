"""One training that a test kills: ``models_fit_program.py KIND CHECKPOINT RESULT``. Writes the final parameters."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from swiftrnn.models import Classifier, LanguageModel, Model, Vocabulary

TEXT = "a quick brown fox jumps over the lazy dog, and the dog does not mind. " * 12


def build(kind: str) -> tuple[Model, Any, dict[str, Any]]:
    """The model, its data, and the arguments of fit."""
    if kind == "text":
        model: Model = LanguageModel(Vocabulary("characters", [TEXT]), 16, dropout=0.2, seed=3)
        return model, TEXT, {"epochs": 6, "batch_size": 4, "steps": 8, "schedule": "cosine", "validation": TEXT[:80]}
    rng = np.random.default_rng(0)
    data = [(rng.integers(0, 5, rng.integers(2, 12)), int(rng.integers(0, 2))) for _ in range(60)]
    plateau = {"schedule": "plateau", "patience": 1}
    arguments = {"epochs": 30, "batch_size": 4, "validation": 0.3, "patience": 12, "schedule": plateau, "every": 7}
    return Classifier(5, 2, 16, dropout=0.3, seed=3), data, arguments


if __name__ == "__main__":
    kind, checkpoint, result = sys.argv[1:]
    model, data, arguments = build(kind)
    print("begins", flush=True)
    model.fit(data, **arguments, seed=8, progress=False, checkpoint=checkpoint, checkpoint_every=5)
    np.save(result, model.flat)
