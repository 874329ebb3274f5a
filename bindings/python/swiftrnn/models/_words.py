"""Arguments that models, their methods and `Trainer` do not have: what others call those that there are."""

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
    "vocab": "vocabulary",
    "vocab_size": "vocabulary",
    "num_tokens": "vocabulary",
    "source_vocabulary": "input",
    "input_size": "input",
    "num_classes": "classes",
    "n_classes": "classes",
    "num_labels": "labels",
    "output_size": "outputs",
    "units": "hidden_size",
    "hidden": "hidden_size",
    "hidden_dim": "hidden_size",
    "rnn_size": "hidden_size",
    "layers": "num_layers",
    "n_layers": "num_layers",
    "embedding_dim": "embedding_size",
    "embed_size": "embedding_size",
    "embed_dim": "embedding_size",
    "emb_size": "embedding_size",
    "rnn_type": "cell",
    "cell_type": "cell",
    "network": "cell",
    "tied": "tie_embedding",
    "tie_weights": "tie_embedding",
    "max_length": "length",
    "max_len": "length",
    "max_new_tokens": "length",
    "max_tokens": "length",
    "n": "count",
    "num_samples": "count",
    "num_return_sequences": "count",
    "num_beams": "beams",
    "beam_size": "beams",
    "beam_width": "beams",
    "k": "top_k",
    "p": "top_p",
    "nucleus": "top_p",
    "return_probabilities": "probabilities",
    "proba": "probabilities",
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
    **{
        name: f"it is of the training: fit(data, {name}=...)"
        for name in ("epochs", "batch_size", "optimizer", "rate", "validation", "patience", "clip")
    },
    "lr": "it is of the training: fit(data, rate=...)",
    "learning_rate": "it is of the training: fit(data, rate=...)",
    "do_sample": "temperature=0 takes the likeliest token, and above 0 tokens are drawn",
    "stop": "<eos> of the vocabulary ends a text",
}
_PAIRS = "inputs and targets are one argument, a list of pairs: fit(list(zip(inputs, targets)), ...)"


def answers_words(name: str | None = None) -> Callable[[_Function], _Function]:
    """Lets a function say which argument was meant by one that it does not have; `name` is the function's in errors,
    None the class's of its first argument. Looked for only where Python has refused the call."""

    def answering(function: _Function) -> _Function:
        own = [one for one in inspect.signature(function).parameters.values() if one.name != "self"]
        known = [one.name for one in own]
        by_place = [one.name for one in own if one.kind is not one.KEYWORD_ONLY]

        @functools.wraps(function)
        def call(*arguments: Any, **given: Any) -> Any:
            try:
                return function(*arguments, **given)
            except TypeError:
                unknown = [one for one in given if one not in known]
                told = type(arguments[0]).__name__ if name is None else name
                if len(arguments) > 1 + len(by_place):
                    raise TypeError(f"{told}: {_by_place(told, by_place)}") from None
                if not unknown:
                    raise  # of something else
                raise TypeError(f"{told}: there is no argument {unknown[0]!r}; {_advice(unknown[0], known)}") from None

        return call  # type: ignore[return-value]

    return answering


def _by_place(name: str, known: list[str]) -> str:
    if name == "fit":
        return _PAIRS
    return f"only {', '.join(known)} {'is' if len(known) == 1 else 'are'} given by place: give all else by name"


def _advice(name: str, known: list[str]) -> str:
    if CALLED_HERE.get(name) in known:
        return f"it is called {CALLED_HERE[name]!r} here"
    if name in INSTEAD:
        return INSTEAD[name]
    near = difflib.get_close_matches(name, known, 1)
    return f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
