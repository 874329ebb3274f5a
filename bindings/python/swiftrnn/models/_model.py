"""The base of the seven models: `Model`, whose `fit` checks its arguments and hands them to the loop."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any, Callable, Mapping

import numpy as np

from .._arguments import flag, integer, real, unsigned
from ._checkpoint import Change, OtherTraining, Progress, check_model
from ._evaluation import evaluate_batches, example_batches
from ._examples import Examples
from ._handles import PathLike
from ._history import History, Report
from ._number_loss import NumberLoss
from ._passes import Passes
from ._progress import progress_of
from ._settings import trainer_settings
from ._sources import ExampleSource, Source, Validation, warn_of_unknown
from ._trainer import Trainer
from ._training import Plan, Training
from ._words import answers_words


class Model(Passes):
    """A model: its parts with all parameters in one vector. The base of the seven models, which document their
    arguments; not made itself.

    Belongs to one thread at a time: calls of other threads wait. Each gives the GIL back while it computes. Results are
    the same bits for any number of threads, and do not depend on the other sequences of a batch.
    """

    @answers_words("fit")
    def fit(
        self,
        data: Any,
        *,
        epochs: int = 10,
        batch_size: int = 32,
        optimizer: str | Mapping[str, Any] = "adam",
        rate: float | None = None,
        schedule: str | Mapping[str, Any] | None = None,
        validation: Any = None,
        patience: int | None = None,
        clip: float | None = 1.0,
        label_smoothing: float = 0.0,
        class_weights: Any = None,
        numbers: str = "squared_error",
        delta: float | None = None,
        sampling: str | Mapping[str, Any] = "none",
        sampled_classes: int = 0,
        tape_limit: int | str | None = None,
        steps: int | None = None,
        look_back: int = 0,
        token_limit: int | None = None,
        seed: int | None = None,
        progress: bool = True,
        checkpoint: PathLike | None = None,
        resume: bool = True,
        every: int | None = None,
        checkpoint_every: int | None = None,
        callback: Callable[[Report], Any] | None = None,
    ) -> History:
        """Trains the model.

        Parameters
        ----------
        data
            LanguageModel: a text (str, bytes, a ``pathlib.Path`` of a text file, which may be larger than memory, or an
            array of ids), read as a stream; or a list of texts, each a sequence by itself, between ``<bos>`` and
            ``<eos>`` as far as the vocabulary has them. Tagger: pairs (tokens, labels); Classifier: pairs (sequence,
            label); Regressor: pairs (sequence, numbers); EncoderDecoder: pairs (source, target); VectorDecoder: pairs
            (vector, target). A sequence is a str, which the vocabulary splits, a list of tokens, an array of ids, or an
            array of features [T, F]. Numbers are converted to the model's type.
        epochs : int
            The number of passes over all data.
        batch_size : int
            The most sequences of a batch. Those of about the same length are together, in an order that is drawn anew
            in each epoch. Of a text, how many parts of it are read side by side.
        optimizer : str or mapping
            "adam", "adamw", "sgd" or "rmsprop"; or a mapping with further settings (docs/models.md):
            ``{"optimizer": "sgd", "momentum": 0.9}``.
        rate : float, optional
            Learning rate, the largest one of a schedule. None: 1e-3, of sgd 0.1.
        schedule : str or mapping, optional
            "constant", "cosine", "linear", "step", "exponential" or "plateau"; or a mapping with further settings:
            ``{"schedule": "cosine", "warm_up": 100}``. Those with an end end with the last epoch. "plateau" lowers the
            rate after `patience` reports without a smaller validation loss: ``{"schedule": "plateau", "patience": 10,
            "factor": 0.1}``.
        validation : data, or float, optional
            Data that the loss is computed of in each report; or the share of `data` that is held out for it, a float of
            any type: examples that the seed chooses; of a text its end.
        patience : int, optional
            Reports in a row that may have no smaller validation loss than the smallest; one more ends the training.
            The model ends with the parameters of the smallest.
        clip : float, optional
            The largest norm of the gradients; None: not clipped.
        label_smoothing : float
            In [0, 1] (Szegedy et al. 2016).
        class_weights, numbers, delta
            As for `Model.loss`. `delta` None: 1.
        sampling : str or mapping
            Language models and decoders: "none" is teacher forcing; "linear", "exponential" and "inverse_sigmoid" are
            the decays of scheduled sampling (Bengio et al. 2015), with further settings in a mapping.
        sampled_classes, tape_limit
            As for `Model.loss`.
        steps : int, optional
            For a text: T of a batch, through which gradients flow back; states carry on. None: 64.
        look_back : int
            For a text: steps before each batch that gradients reach back into. With ``steps=k1, look_back=k2 - k1``
            this is truncated back-propagation with k2 above k1 (Williams, Peng 1990), in about k2 / k1 times the time.
        token_limit : int, optional
            The most padded tokens of a batch. None: twice what `batch_size` sequences of the mean length have.
        seed : int, optional
            Seed of the order of batches, of the choice of held-out data, of dropout. None: drawn anew.
        progress : bool
            A bar on a terminal, plain lines elsewhere, on the standard error.
        checkpoint : path, optional
            The training is saved there in each report, and once a minute at least: killed at any moment, it goes on
            by the same call, and ends with the same bits. With `patience` the best parameters so far are beside it,
            in a file whose name ends in ".best".
        resume : bool
            Goes on from the checkpoint, if that is there: data, validation, settings and configuration must be the
            same, and the model be the one that began, or of a training that is not over any that was drawn and not
            trained since. Parameters are copied into the model's memory. False: begins anew.
        every : int, optional
            Steps between reports. None: a report ends each epoch.
        checkpoint_every : int, optional
            Steps between checkpoints, beside those of reports. None: one minute.
        callback : callable, optional
            Is called with each `Report`; True ends the training for good, as patience does: a further call with the
            checkpoint, even with more epochs, trains no more.

        Returns
        -------
        history : History

        Raises
        ------
        TrainingInterrupted
            Ctrl-C (a KeyboardInterrupt): the checkpoint, if there is one, is written.
        FloatingPointError
            The loss or the norm of its gradients is not finite, in a step that the message names; the checkpoint stays
            as it was before. The parameters are spoilt then: make the model anew, or load the checkpoint. With
            `patience` and no checkpoint they are the best so far.
        ValueError, TypeError
            An argument or the data are wrong, such as numbers that are NaN or infinite; or the checkpoint is of another
            training, or its file of best parameters is missing.
        """
        epochs = integer(epochs, "epochs", 1)
        batch_size = integer(batch_size, "batch_size", 1, 65536)
        limit = None if token_limit is None else integer(token_limit, "token_limit", 1)
        path = None if checkpoint is None else Path(checkpoint)
        if path is not None:
            _check_writable(path)
        resumes = flag(resume, "resume") and path is not None and path.exists()
        trainer, state, told = Trainer.load(path) if resumes and path is not None else (None, None, "")
        before = None
        if trainer is not None:
            check_model(self, trainer.model, path)
            before = Progress.of(told, path)
        chosen = before.seed if before else secrets.randbits(63) if seed is None else unsigned(seed, "seed")
        if seed is not None and unsigned(seed, "seed") != chosen:
            change = Change("fit", "seed", chosen, seed)
            raise OtherTraining(path, str(change), [change])
        by = NumberLoss(numbers, delta)
        source, held = self._sources(data, validation, batch_size, limit, steps, chosen, by)
        if source.batches == 0:
            raise ValueError("data: there is no example")
        carried = integer(look_back, "look_back", 0)
        if carried and not source.carries_state:
            raise ValueError("look_back: is of a language model's text, whose batches go on where the last one ended")
        settings = trainer_settings(
            optimizer, rate=rate, schedule=schedule, steps=epochs * source.batches, clip=clip, seed=chosen,
            label_smoothing=label_smoothing, sampling=sampling, numbers=numbers, delta=delta, tape_limit=tape_limit,
            class_weights=None if class_weights is None else self._class_weights(class_weights).tolist(),
            sampled_classes=sampled_classes,
        )  # fmt: skip
        if patience is not None:
            if held is None:
                raise ValueError("patience: there is no validation")
            patience = integer(patience, "patience", 0)
        if sampling != "none" and self._kind not in ("language_model", "vector_decoder", "encoder_decoder"):
            raise ValueError(f"sampling: is of language models and decoders, not of {type(self).__name__}")
        plan = Plan(
            epochs=epochs,
            settings=settings,
            seed=chosen,
            every=None if every is None else integer(every, "every", 1),
            patience=patience,
            checkpoint=path,
            checkpoint_every=None if checkpoint_every is None else integer(checkpoint_every, "checkpoint_every", 1),
            validation=held,
            callback=callback,
            look_back=carried,
            progress=progress_of(flag(progress, "progress")),
        )
        if trainer is None:
            trainer = Trainer._of_settings(self, settings)
            state = self.make_state(carried) if source.carries_state else None
        if before is None:
            warn_of_unknown(self, source)
        training = Training(self, source, plan, trainer, state)
        if before is not None:
            training.restore(before)  # refuses another training, before the model changes
            plan.progress.note(f"going on from {path} after {training.place.step} steps")
        return training.run()

    def _sources(
        self,
        data: Any,
        validation: Any,
        batch_size: int,
        token_limit: int | None,
        steps: int | None,
        seed: int,
        by: NumberLoss,
    ) -> tuple[Source, Validation | None]:
        """The source of batches, and what validates."""
        if steps is not None:
            raise ValueError("steps: is of a language model's text")
        examples = data if isinstance(data, Examples) else self._examples(data)
        held: Examples | None = None
        if is_share(validation):
            examples, held = split(examples, share(validation), seed)
        elif validation is not None:
            held = validation if isinstance(validation, Examples) else self._examples(validation, "validation")
        if len(examples) == 0:
            raise ValueError("data: there is no example")
        source = ExampleSource(examples, batch_size, token_limit, seed)
        if held is None:
            return source, None
        kept = held
        return source, Validation(
            lambda: evaluate_batches(self, example_batches(kept, batch_size), by), kept.fingerprint
        )


def load(path: PathLike) -> Model:
    """The model of a file, whatever its kind: see `Model.load`.

    Parameters
    ----------
    path : str or path
        The file, which is not trusted.

    Returns
    -------
    Model
        A model of the class of its kind.
    """
    return Model.load(path)


def _check_writable(path: Path) -> None:
    """Refuses a checkpoint that could not be written, before the first epoch and not after."""
    folder = path.absolute().parent
    if not folder.is_dir():
        raise FileNotFoundError(f"checkpoint: there is no folder {folder}")
    if path.exists() and not path.is_file():
        raise OSError(f"checkpoint: {path} is there, and is no file")
    if not os.access(folder, os.W_OK):
        raise PermissionError(f"checkpoint: the folder {folder} cannot be written to")


def is_share(value: Any) -> bool:
    """Whether `validation` is a share of the data, and not data: a float of any type."""
    return isinstance(value, (float, np.floating)) or (
        isinstance(value, np.ndarray) and value.ndim == 0 and value.dtype.kind == "f"
    )


def share(value: Any) -> float:
    """The share of the data that is held out."""
    number = real(value, "validation")
    if not 0 < number < 1:
        raise ValueError(f"validation: {number} is no share between 0 and 1")
    return number


def split(examples: Examples, part: float, seed: int) -> tuple[Examples, Examples]:
    """Examples to learn from, and those that are held out."""
    count = round(part * len(examples))
    if not 0 < count < len(examples):
        raise ValueError(f"validation: {part} of {len(examples)} examples are {count}")
    order = np.random.Generator(np.random.PCG64([seed, 2**32])).permutation(len(examples))
    return examples.part(np.sort(order[count:])), examples.part(np.sort(order[:count]))
