"""First rows that are headers, where no argument says so."""

from __future__ import annotations

import collections
from typing import Sequence

NAMES = frozenset(
    "author body category class comment content date description document emotion en english de german fr french es "
    "spanish english_text id idx index input intent label labels lang language line message name ner no number output "
    "phoneme phonemes polarity pos pos_tag question answer query rating review reviews score sentence sentence_id "
    "sentences sentiment source src star stars subject summary tag tags target targets text texts tgt title token "
    "tokens topic translation trg tweet type utterance word words".split()
)
"""Names that columns of text data usually have, in lower case."""
_OF_ANSWERS = frozenset(
    "category class emotion intent label labels ner output polarity pos pos_tag sentiment tag tags target targets tgt "
    "topic translation trg".split()
)
"""Names that usually are of a model's targets."""
_LEAST_ROWS = 4
"""Rows below which an unusual first row means nothing."""


def is_header(rows: Sequence[Sequence[str]], places: Sequence[int]) -> bool:
    """Whether the first row is a header beyond doubt: its fields at `places` are usual names of columns, different
    ones, which their columns do not have again; and its other fields are no numbers and not empty."""
    if len(rows) < 2:
        return False
    first = [_plain(field) for field in rows[0]]
    chosen = [first[place] for place in places]
    return (
        all(name in NAMES for name in chosen)
        and len(set(chosen)) == len(set(places))
        and all(name and not is_number(name) for name in first)
        and not any(_plain(row[place]) == first[place] for row in rows[1:] for place in places if place < len(row))
    )


def is_turned_round(first: Sequence[str]) -> bool:
    """Whether the names of two columns are those of an answer and of its question: not in the order of the program."""
    names = [_plain(field) for field in first]
    return len(names) == 2 and names[0] in _OF_ANSWERS and names[1] in NAMES - _OF_ANSWERS


def suspicion(rows: Sequence[Sequence[str]], places: Sequence[int], label: int | None) -> str | None:
    """A reason to take the first row for a header that was forgotten; None: there is none. `label` is the place of the
    labels, of which a few must be those of all rows for a suspicion."""
    rest = rows[1:]
    if len(rest) < _LEAST_ROWS:
        return None
    first = rows[0]
    for place in places:
        if not is_number(first[place]) and all(place < len(row) and is_number(row[place]) for row in rest):
            return f"each row but the first has a number in column {place + 1}, and that has {first[place]!r}"
    if label is not None:
        counts = collections.Counter(row[label].strip() for row in rest if label < len(row))
        if first[label].strip() not in counts and len(counts) * 2 <= len(rest):
            return f"no other row has the label {first[label]!r}"
    return None


def is_number(text: str) -> bool:
    """Whether a field is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def _plain(field: str) -> str:
    return field.strip().lower().replace(" ", "_").replace("-", "_")
