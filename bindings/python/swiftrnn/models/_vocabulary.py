"""Tokens and their ids."""

from __future__ import annotations

import ctypes
import functools
import json
import os
import re
from typing import Any, Iterable, Mapping, Sequence, Union

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _c as c
from .._arguments import flag, integer
from .._arrays import address, indices
from .._handles import _owned
from ._handles import PathLike, path_bytes

Text = Union[str, bytes, bytearray, memoryview]

KINDS = {
    "bytes": c.TOKENS_BYTES,
    "characters": c.TOKENS_CHARACTERS,
    "words": c.TOKENS_WORDS,
    "whitespace": c.TOKENS_WHITESPACE,
    "lines": c.TOKENS_LINES,
}
SPECIALS = {
    "<pad>": c.SPECIAL_PAD, "<unk>": c.SPECIAL_UNK, "<bos>": c.SPECIAL_BOS, "<eos>": c.SPECIAL_EOS
}  # fmt: skip
_PATH = re.compile(r"\S*\w\.[A-Za-z]\w{0,4}|\.{0,2}/\S+")


class Vocabulary:
    """Tokens and their ids: numbers from 0 on, special tokens first, then those of texts, the most frequent first.

    Immutable: threads may share a vocabulary. Two are equal if their kinds and tokens are.

    Parameters
    ----------
    kind : str
        A token is, for ``"bytes"``, one of the 256 bytes, whatever the texts; for ``"characters"`` a Unicode scalar;
        for ``"words"`` a run of letters, marks and digits, or any other scalar but white space by itself; for
        ``"whitespace"`` whatever white space separates (texts that are split already, tags, phonemes); for ``"lines"``
        a line (labels of any text).
    texts : iterable of str or bytes
        Texts whose tokens the vocabulary has. A str is encoded as UTF-8.
    specials : sequence of str
        Some of ``<pad> <unk> <bos> <eos>``. ``<unk>`` stands for tokens that the vocabulary lacks; else such tokens
        are errors. Decoders need ``<bos>`` and ``<eos>`` in what they write.
    lowercase : bool
        Words are in lower case; of kind ``"words"`` only.
    minimum_count : int
        Tokens that are in the texts less often are left out.
    maximum_size : int, optional
        The most ids, special tokens included: the most frequent tokens stay. None: 2^24.

    Raises
    ------
    ValueError
        There is no such kind or special token, or a number is out of its range.

    Examples
    --------
    >>> from swiftrnn.models import Vocabulary
    >>> vocabulary = Vocabulary("words", ["to be, or not to be"])
    >>> len(vocabulary), vocabulary.tokens
    (6, ['<unk>', 'be', 'to', ',', 'not', 'or'])
    >>> vocabulary.decode(vocabulary.encode("not to be"))
    'not to be'
    """

    def __init__(
        self,
        kind: str,
        texts: Iterable[Text] = (),
        *,
        specials: Sequence[str] = ("<unk>",),
        lowercase: bool = False,
        minimum_count: int = 1,
        maximum_size: int | None = None,
    ) -> None:
        config = _config(kind, specials, lowercase, minimum_count, maximum_size)
        if isinstance(texts, (str, bytes, bytearray)):
            raise TypeError(f"texts: expected several texts, got {type(texts).__name__} (put it in a list)")
        texts = list(texts)
        if len(texts) == 1 and is_path_of_file(texts[0]):
            raise ValueError(
                f"texts[0]: {texts[0]!r} is the path of a file, and a str is the text itself: use "
                "Vocabulary.from_file for the file, or bytes for this text"
            )
        encoded = [text_bytes(text, f"texts[{index}]") for index, text in enumerate(texts)]
        sizes = (ctypes.c_int64 * len(encoded))(*map(len, encoded))
        pointer = c.VocabularyPointer()
        c.vocabulary_create(
            c.byref(config), (ctypes.c_char_p * len(encoded))(*encoded), sizes, len(encoded), c.byref(pointer)
        )
        self._adopt(pointer)

    @classmethod
    def from_file(
        cls,
        kind: str,
        path: PathLike,
        *,
        specials: Sequence[str] = ("<unk>",),
        lowercase: bool = False,
        minimum_count: int = 1,
        maximum_size: int | None = None,
    ) -> "Vocabulary":
        """A vocabulary of the tokens of a text file, which may be larger than memory.

        Parameters
        ----------
        kind : str
            As for the class.
        path : str or path
            The file, in UTF-8.
        specials, lowercase, minimum_count, maximum_size
            As for the class.

        Raises
        ------
        SwiftRNNFileError
            The file cannot be read (also an OSError).
        """
        config = _config(kind, specials, lowercase, minimum_count, maximum_size)
        pointer = c.VocabularyPointer()
        c.vocabulary_create_from_file(c.byref(config), path_bytes(path), c.byref(pointer))
        return cls._of(pointer)

    @classmethod
    def from_json(cls, text: str) -> "Vocabulary":
        """The vocabulary that `json` described: see docs/files.md.

        Parameters
        ----------
        text : str
            The JSON.
        """
        encoded, pointer = text_bytes(text, "text"), c.VocabularyPointer()
        c.vocabulary_parse(encoded, len(encoded), c.byref(pointer))
        return cls._of(pointer)

    @classmethod
    def _of(cls, pointer: Any) -> "Vocabulary":
        vocabulary = cls.__new__(cls)
        vocabulary._adopt(pointer)
        return vocabulary

    def _adopt(self, pointer: Any) -> None:
        self._pointer = pointer
        _owned(self, pointer, c.vocabulary_destroy)
        size = c.c_int64()
        c.vocabulary_size(pointer, c.byref(size))
        self._size = size.value

    # ---- What there is ----

    @functools.cached_property
    def json(self) -> str:
        """The whole vocabulary as JSON (docs/files.md)."""
        return c.bytes_of(lambda *buffer: c.vocabulary_json(self._pointer, *buffer)).decode()

    @functools.cached_property
    def _fields(self) -> Mapping[str, Any]:
        return json.loads(self.json)  # type: ignore[no-any-return]

    @property
    def kind(self) -> str:
        """The kind of tokens."""
        return str(self._fields["kind"])

    @property
    def lowercase(self) -> bool:
        """Whether words are in lower case."""
        return bool(self._fields.get("lowercase", False))

    @property
    def specials(self) -> tuple[str, ...]:
        """The special tokens that there are, in the order of their ids."""
        return tuple(self._fields["specials"])

    @functools.cached_property
    def tokens(self) -> list[str]:
        """All tokens in the order of their ids. Of kind ``"bytes"`` the character with the number of the byte."""
        own = map(chr, range(256)) if self.kind == "bytes" else self._fields["tokens"]
        return [*self.specials, *own]

    @functools.cached_property
    def _numbers(self) -> dict[str, int]:
        first = len(self.specials)
        own = {token: first + number for number, token in enumerate(self.tokens[first:])}
        return own

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, token: Text) -> int:
        """The id of a token by its text, or of a special token by its name.

        Raises
        ------
        KeyError
            The vocabulary lacks the token.
        """
        number = self._id(token)
        if number < 0:
            raise KeyError(f"the vocabulary has no token {token!r}")
        return number

    def __contains__(self, token: object) -> bool:
        return isinstance(token, (str, bytes)) and self._id(token) >= 0

    def _id(self, token: Text) -> int:
        encoded, number = text_bytes(token, "token"), c.c_int64()
        c.vocabulary_id(self._pointer, encoded, len(encoded), c.byref(number))
        return number.value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self._size == other._size and self.json == other.json

    def __hash__(self) -> int:
        return hash(self.json)

    def __repr__(self) -> str:
        specials = f", specials={self.specials!r}" if self.specials else ""
        return f"<Vocabulary {self.kind!r}, {len(self)} tokens{specials}>"

    def __reduce__(self) -> Any:
        return Vocabulary.from_json, (self.json,)

    # ---- Texts to ids and back ----

    def encode(self, text: Text, framed: bool = False) -> NDArray[np.int64]:
        """The ids of a text.

        Parameters
        ----------
        text : str or bytes
        framed : bool
            ``<bos>`` comes before and ``<eos>`` behind, as far as the vocabulary has them.

        Raises
        ------
        ValueError
            The text has a token that the vocabulary lacks, and that has no ``<unk>``; the message says where.
        """
        encoded, count = text_bytes(text, "text"), c.c_int64()
        # No text has more tokens than bytes, beside the two of the frame.
        ids = np.empty(len(encoded) + 2, np.int64)
        room = c.int64s(address(ids))
        c.vocabulary_encode(
            self._pointer, encoded, len(encoded), flag(framed, "framed"), room, len(ids), c.byref(count)
        )
        return ids[: count.value].copy()

    def ids(self, tokens: Iterable[str]) -> NDArray[np.int64]:
        """The ids of tokens that are given one by one, of texts that are split already: ``<unk>`` for tokens that the
        vocabulary lacks.

        Parameters
        ----------
        tokens : iterable of str
            The tokens, one by one.

        Raises
        ------
        ValueError
            The vocabulary lacks a token, and has no ``<unk>``.
        """
        numbers, unknown = self._numbers, self._id("<unk>")
        found = []
        for index, token in enumerate(tokens):
            if not isinstance(token, str):
                raise TypeError(f"tokens[{index}]: expected a str, got {type(token).__name__}")
            number = numbers.get(token)
            if number is None and self.lowercase:
                number = numbers.get(token.lower())
            if number is None:
                number = unknown
            if number < 0:
                raise ValueError(f"tokens[{index}]: the vocabulary has no {token!r}, and no <unk>")
            found.append(number)
        return np.array(found, np.int64)

    def decode(self, ids: ArrayLike, specials: bool = False) -> str:
        """The text of ids: of characters the text, of words and of what white space separates with one space between
        tokens, of lines with a line feed. What is no UTF-8 becomes U+FFFD: see `decode_bytes`.

        Parameters
        ----------
        ids : array of integers [count]
        specials : bool
            Special tokens are written by their names, else left out.

        Raises
        ------
        ValueError
            A number is no id.
        """
        return self.decode_bytes(ids, specials).decode("utf-8", "replace")

    def decode_bytes(self, ids: ArrayLike, specials: bool = False) -> bytes:
        """As `decode`, the bytes themselves: of kind ``"bytes"`` exactly those that were encoded.

        Parameters
        ----------
        ids, specials
            As for `decode`.
        """
        own, named = indices(ids, "ids"), flag(specials, "specials")
        numbers = c.int64s(address(own))
        return c.bytes_of(lambda *buffer: c.vocabulary_decode(self._pointer, numbers, len(own), named, *buffer))


def is_path_of_file(text: Any) -> bool:
    """Whether a text is a str that looks like the path of a file, and there is that file."""
    return isinstance(text, str) and 0 < len(text) < 4096 and "\n" not in text and os.path.isfile(text)


def looks_like_path(text: Any) -> bool:
    """Whether a str is written as the path of a file is: short, without white space, with a suffix behind a letter or
    digit, or with a folder at its beginning."""
    return isinstance(text, str) and len(text) < 1024 and _PATH.fullmatch(text) is not None


def text_bytes(text: Any, name: str) -> bytes:
    """A text as UTF-8, or bytes as they are."""
    if isinstance(text, str):
        try:
            return text.encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"{name}: has half of a surrogate pair at character {error.start}") from None
    if isinstance(text, (bytes, bytearray, memoryview)):
        return bytes(text)
    advice = " (a path: read the file, or use from_file)" if isinstance(text, os.PathLike) else ""
    raise TypeError(f"{name}: expected str or bytes, got {type(text).__name__}{advice}")


def _config(
    kind: str, specials: Sequence[str], lowercase: bool, minimum_count: int, maximum_size: int | None
) -> c.VocabularyConfig:
    if not isinstance(kind, str):
        known = ", ".join(map(repr, KINDS))
        raise TypeError(f"kind: expected one of {known} before the texts, got {type(kind).__name__}")
    if kind not in KINDS:
        raise ValueError(f"kind: expected one of {', '.join(map(repr, KINDS))}, got {kind!r}")
    if isinstance(specials, str):
        raise TypeError("specials: expected several names, got str (put it in a tuple)")
    for special in specials:
        if special not in SPECIALS:
            raise ValueError(f"specials: expected names of {', '.join(SPECIALS)}, got {special!r}")
    if flag(lowercase, "lowercase") and kind != "words":
        raise ValueError(f"lowercase: is of the kind 'words', not of {kind!r}")
    return c.VocabularyConfig(
        tokens=KINDS[kind],
        specials=sum(SPECIALS[special] for special in set(specials)),
        lowercase=int(lowercase),
        minimum_count=integer(minimum_count, "minimum_count", 0),
        maximum_size=0 if maximum_size is None else integer(maximum_size, "maximum_size", 1, 1 << 24),
    )
