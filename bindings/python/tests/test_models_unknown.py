"""Tokens that a vocabulary lacks are counted, and a warning tells where most are."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest

from swiftrnn.models import Classifier, EncoderDecoder, LanguageModel, Tagger, Vocabulary

QUIET: Any = {"progress": False, "seed": 0, "epochs": 1}
WORDS = Vocabulary("words", ["the cat sat on a mat"])
FRAMED = Vocabulary("words", ["die katze sass"], specials=("<unk>", "<bos>", "<eos>"))
OTHERS = "completely different words without one that is known " * 8
KNOWN = "the cat sat on a mat " * 8
LACKS = "the vocabulary lacks .* of the tokens, which are read as <unk>"


def language_model() -> LanguageModel:
    return LanguageModel(WORDS, 4, seed=0)


def test_a_training_on_unknown_tokens_warns_at_the_line_of_the_call(tmp_path: Path) -> None:
    (tmp_path / "text").write_text(OTHERS)
    for data in (OTHERS, [OTHERS, OTHERS], tmp_path / "text", WORDS.encode(OTHERS)):
        with pytest.warns(UserWarning, match=LACKS) as told:
            language_model().fit(data, batch_size=2, **QUIET)
        assert [warning.filename for warning in told] == [__file__]


def test_a_training_on_known_tokens_does_not_warn() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        language_model().fit(KNOWN + "the dog sat", batch_size=2, validation=0.2, **QUIET)
        # Ids behind the ends of sequences are those of <unk>: these do not count.
        language_model().fit(["the cat", KNOWN], **QUIET)
        LanguageModel(8, 4).fit([0, 1] * 20, batch_size=2, **QUIET)


def test_a_validation_on_unknown_tokens_warns() -> None:
    with pytest.warns(UserWarning, match=LACKS):
        language_model().fit(KNOWN, validation=OTHERS, batch_size=2, **QUIET)


@pytest.mark.parametrize("text, share", [("the dog sat on", 0.25), ("the cat sat", 0.0)])
def test_the_share_is_that_of_the_inputs(text: str, share: float) -> None:
    found = language_model().evaluate([f"{text} the"])
    assert found.unknown == share and ("unknown" in str(found)) == (share > 0)
    labelled = [(text.split(), [0] * len(text.split())), (["cat"] * 4, [1] * 4)]
    assert Tagger(WORDS, 2, 4, seed=0).evaluate(labelled).unknown == pytest.approx(
        share * len(text.split()) / (len(text.split()) + 4)
    )


def test_a_text_as_a_stream_is_counted_in_whole() -> None:
    ids = language_model().evaluate("the dog sat on " * 8, batch_size=1)
    assert ids.unknown == pytest.approx(8 / 31)


def test_targets_of_a_decoder_count() -> None:
    model = EncoderDecoder(WORDS, FRAMED, 4, seed=0)
    # Four words, four targets, and <eos>: one source and two targets are unknown.
    assert model.evaluate([("the dog sat on", "die maus lief katze")]).unknown == pytest.approx(3 / 9)


def test_models_without_unk_have_no_share() -> None:
    assert LanguageModel(Vocabulary("words", ["a b"], specials=()), 4).evaluate("a b a b a").unknown is None
    assert LanguageModel(8, 4).evaluate([0, 1, 0, 1]).unknown is None
    assert Classifier(8, 2, 4).evaluate([([0, 1], 1)]).unknown is None
