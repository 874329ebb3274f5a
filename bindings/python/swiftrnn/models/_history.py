"""How a training went."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Mapping

from ._handles import PathLike
from ._pictures import new_figure, saved


@dataclasses.dataclass(frozen=True)
class Report:
    """One report of a training: at the end of an epoch, or after every so many steps.

    Attributes
    ----------
    epoch : float
        Epochs so far; 1.5 is in the middle of the second.
    step : int
        Steps so far.
    train_loss : float
        Mean loss of the targets since the last report, dropout, smoothing and class weights included: the sum of
        weighted losses over the sum of weights.
    validation_loss, validation_accuracy : float or None
        On the validation's data, if there are any, without dropout, smoothing and class weights; of `OutputFeedback`
        by running freely.
    rate : float
        Learning rate of the last step.
    norm : float
        Mean norm of the gradients before clipping.
    seconds : float
        Time so far, of all runs of the training.
    """

    epoch: float
    step: int
    train_loss: float
    validation_loss: float | None
    validation_accuracy: float | None
    rate: float
    norm: float
    seconds: float

    def __str__(self) -> str:
        words = [f"epoch {self.epoch:.4g}", f"step {self.step}", f"loss {self.train_loss:.4f}"]
        if self.validation_loss is not None:
            words.append(f"validation {self.validation_loss:.4f}")
        if self.validation_accuracy is not None:
            words.append(f"accuracy {self.validation_accuracy:.4f}")
        return ", ".join([*words, f"rate {self.rate:.3g}", f"{self.seconds:.0f} s"])


class History:
    """All reports of a training: what `fit` returns.

    Attributes
    ----------
    reports : list of Report
    stopped_early : bool
        Whether the training is over by `patience` or by the callback, and not by its number of epochs.
    """

    def __init__(self) -> None:
        self.reports: list[Report] = []
        self.stopped_early = False

    def __len__(self) -> int:
        return len(self.reports)

    def __getattr__(self, name: str) -> list[Any]:
        # Columns: history.train_loss is [report.train_loss for report in reports].
        field = {"epochs": "epoch", "steps": "step"}.get(name, name)
        if field in Report.__dataclass_fields__:
            return [getattr(report, field) for report in self.reports]
        raise AttributeError(f"a History has no {name!r}: it has epochs, steps, {', '.join(_FIELDS[2:])}, reports")

    @property
    def best(self) -> Report | None:
        """The report with the smallest validation loss, of several the first; without validation the last one."""
        validated = [report for report in self.reports if report.validation_loss is not None]
        if validated:
            return min(validated, key=lambda report: (_ordered(report.validation_loss), report.step))
        return self.reports[-1] if self.reports else None

    def asdict(self) -> dict[str, list[Any]]:
        """Columns by name, for a table or a file."""
        return {name: [getattr(report, name) for report in self.reports] for name in _FIELDS}

    @classmethod
    def fromdict(cls, columns: Mapping[str, list[Any]]) -> "History":
        """The history whose columns `asdict` returned.

        Parameters
        ----------
        columns : mapping of str to list
            A column for each name.
        """
        history = cls()
        rows = zip(*(columns[name] for name in _FIELDS))
        history.reports = [Report(*row) for row in rows]
        return history

    def plot(self, path: PathLike | None = None) -> Any:
        """The learning curve: losses over epochs.

        Parameters
        ----------
        path : path, optional
            A picture is written there, in the format of its suffix. None: none is.

        Returns
        -------
        figure : matplotlib.figure.Figure

        Raises
        ------
        ImportError
            matplotlib is not installed: ``pip install swiftrnn[plot]``.
        """
        figure = new_figure(figsize=(6.4, 4))
        axes = figure.add_subplot(xlabel="epoch", ylabel="loss")
        axes.plot(self.epochs, self.train_loss, label="training", marker="." if len(self) < 30 else None)
        if any(loss is not None for loss in self.validation_loss):
            shown = [math.nan if loss is None else loss for loss in self.validation_loss]
            axes.plot(self.epochs, shown, label="validation", marker="." if len(self) < 30 else None)
        axes.legend()
        axes.grid(alpha=0.3)
        return saved(figure, path)

    def __repr__(self) -> str:
        return f"<History, {len(self)} reports{': ' + str(self.reports[-1]) if self.reports else ''}>"


_FIELDS = tuple(field.name for field in dataclasses.fields(Report))


def _ordered(loss: float | None) -> float:
    return math.inf if loss is None or math.isnan(loss) else loss
