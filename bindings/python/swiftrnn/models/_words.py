"""Arguments that `fit` and `Trainer` do not have: what others call those that there are."""

from __future__ import annotations

import difflib
import functools
import inspect
from typing import Any, Callable, TypeVar

_Function = TypeVar("_Function", bound=Callable[..., Any])

CALLED_HERE = {
    "lr": "rate",
    "learning_rate": "rate",
    "num_epochs": "epochs",
    "n_epochs": "epochs",
    "max_epochs": "epochs",
    "batch": "batch_size",
    "validation_data": "validation",
    "validation_split": "validation",
    "eval_set": "validation",
    "early_stopping": "patience",
    "clip_norm": "clip",
    "clipnorm": "clip",
    "max_norm": "clip",
    "gradient_clip": "clip",
    "class_weight": "class_weights",
    "loss": "numbers",
    "criterion": "numbers",
    "teacher_forcing": "sampling",
    "bptt": "steps",
    "k1": "steps",
    "sequence_length": "steps",
    "seq_len": "steps",
    "scheduler": "schedule",
    "lr_scheduler": "schedule",
    "random_state": "seed",
    "verbose": "progress",
    "callbacks": "callback",
    "log_every": "every",
}
INSTEAD = {
    "k2": "give steps=k1 and look_back=k2 - k1",
    "weight_decay": "it is a setting of the optimizer: optimizer={'optimizer': 'adamw', 'weight_decay': 0.01}",
    "momentum": "it is a setting of the optimizer: optimizer={'optimizer': 'sgd', 'momentum': 0.9}",
    "betas": "they are settings of the optimizer: optimizer={'optimizer': 'adam', 'betas': [0.9, 0.99]}",
    "warmup": "it is a setting of the schedule: schedule={'schedule': 'cosine', 'warm_up': 100}",
    "warm_up": "it is a setting of the schedule: schedule={'schedule': 'cosine', 'warm_up': 100}",
    "shuffle": "batches are always drawn anew in each epoch: leave it out",
    "device": "everything is computed on the CPU: leave it out",
    "dropout": "it is an argument of the model's class",
}


def answers_words(name: str) -> Callable[[_Function], _Function]:
    """Lets a function say which argument was meant by one that it does not have. Looked for only where Python has
    refused the call."""

    def answering(function: _Function) -> _Function:
        known = [one for one in inspect.signature(function).parameters if one != "self"]

        @functools.wraps(function)
        def call(*arguments: Any, **given: Any) -> Any:
            try:
                return function(*arguments, **given)
            except TypeError:
                unknown = [one for one in given if one not in known]
                if not unknown:
                    raise  # of something else
                raise TypeError(f"{name}: there is no argument {unknown[0]!r}; {_advice(unknown[0], known)}") from None

        return call  # type: ignore[return-value]

    return answering


def _advice(name: str, known: list[str]) -> str:
    if CALLED_HERE.get(name) in known:
        return f"it is called {CALLED_HERE[name]!r} here"
    if name in INSTEAD:
        return INSTEAD[name]
    near = difflib.get_close_matches(name, known, 1)
    return f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
