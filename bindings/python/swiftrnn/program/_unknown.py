"""Tokens of texts that a model does not know: the program tells how many there are."""

from __future__ import annotations

from typing import Iterable, Sequence, Union

from ..models import Vocabulary
from ._failures import note
from ._readers import counted


class UnknownTokens:
    """Counts the tokens of texts, and those that a vocabulary lacks.

    Parameters
    ----------
    vocabulary : Vocabulary or None
        The model's. None, or one without ``<unk>``: nothing is counted.
    where : str
        The name of the texts, as notes have it.
    """

    def __init__(self, vocabulary: Vocabulary | None, where: str) -> None:
        self._vocabulary, self._where = vocabulary, where
        self._unknown = -1 if vocabulary is None else vocabulary._id("<unk>")
        self._count = self._lacking = 0

    def add(self, texts: Iterable[Union[str, bytes, Sequence[str]]]) -> None:
        """Counts texts, or sequences of tokens."""
        if self._vocabulary is None or self._unknown < 0:
            return
        for text in texts:
            ids = self._vocabulary.encode(text) if isinstance(text, (str, bytes)) else self._vocabulary.ids(text)
            self._count += len(ids)
            self._lacking += int((ids == self._unknown).sum())

    def tell(self) -> None:
        """Tells, if there are any, how many."""
        if self._lacking:
            known = self._count - self._lacking
            note(f"{self._where}: the model knows {known} of {counted(self._count, 'token')}, and reads others as <unk>")
