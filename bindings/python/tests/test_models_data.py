"""What models are given: vocabularies, batches by length, examples; parameters, histories and progress."""

from __future__ import annotations

import io
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from swiftrnn.models import History, LanguageModel, Report, Vocabulary, load
from swiftrnn.models._buckets import Buckets
from swiftrnn.models._examples import Examples
from swiftrnn.models._progress import Lines, PlainBar, progress_of
from swiftrnn.models._streams import FileStream, IdStream

# ---- Vocabularies ----


@given(st.lists(st.text(), max_size=4), st.sampled_from(["bytes", "characters"]))
@settings(max_examples=60, deadline=None)
def test_texts_come_back(texts: list[str], kind: str) -> None:
    texts = [text.encode("utf-8", "ignore").decode() for text in texts]
    vocabulary = Vocabulary(kind, texts, specials=("<bos>", "<eos>"))
    for text in texts:
        ids = vocabulary.encode(text, framed=True)
        assert ids[0] == vocabulary["<bos>"] == 0 and ids[-1] == vocabulary["<eos>"] == 1
        assert vocabulary.decode(ids) == text and vocabulary.decode_bytes(ids) == text.encode()
        assert vocabulary.decode(ids, specials=True) == f"<bos>{text}<eos>"
    again = pickle.loads(pickle.dumps(vocabulary))
    assert again == vocabulary and hash(again) == hash(vocabulary) and len(again.tokens) == len(vocabulary)


def test_vocabularies_of_words_lines_and_white_space(tmp_path: Path) -> None:
    words = Vocabulary("words", ["The cat. the CAT, the end"], lowercase=True, maximum_size=3)
    assert words.tokens == ["<unk>", "the", "cat"] and words.lowercase and words.specials == ("<unk>",)
    assert words.ids(["The", "cat", "dog"]).tolist() == words.encode("The cat dog").tolist() == [1, 2, 0]
    assert "cat" in words and "dog" not in words and 3 not in words
    lines = Vocabulary("lines", ["New York\nRome\nRome"], specials=())
    assert lines.tokens == ["Rome", "New York"] and lines.decode([1, 0]) == "New York\nRome"
    assert Vocabulary("whitespace", ["a-b c's"]).decode([1, 2]) == "a-b c's"
    (tmp_path / "text").write_text("b a b")
    assert Vocabulary.from_file("characters", tmp_path / "text").tokens == ["<unk>", " ", "b", "a"]
    assert Vocabulary.from_json(words.json) == words
    assert Vocabulary("bytes", specials=()).decode_bytes([0, 255]) == b"\0\xff"


# ---- Batches ----


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(1, 60)), max_size=80),
    st.integers(1, 9), st.integers(1, 300), st.integers(0, 2**32),
)  # fmt: skip
@settings(max_examples=80, deadline=None)
def test_every_sequence_is_in_one_batch_of_each_epoch(
    lengths: list[tuple[int, int]], size: int, limit: int, seed: int
) -> None:
    array = np.array(lengths, np.int64).reshape(-1, 2)
    buckets = Buckets(array, size, limit, seed)
    for batches in (buckets.batches(0), buckets.batches(1), buckets.ordered()):
        assert len(batches) == len(buckets)
        assert sorted(number for batch in batches for number in batch) == list(range(len(lengths)))
        for batch in batches:
            assert 1 <= len(batch) <= size
            assert len(batch) == 1 or len(batch) * array[batch].max(axis=0).sum() <= limit
    again = Buckets(array, size, limit, seed).batches(1)
    assert all((a == b).all() for a, b in zip(again, buckets.batches(1)))


def test_batches_are_drawn_anew_and_have_little_padding() -> None:
    lengths = np.random.default_rng(0).integers(1, 100, 2000)
    buckets = Buckets(lengths, 32, None, 5)
    epochs = [[tuple(batch) for batch in buckets.batches(epoch)] for epoch in range(2)]
    assert set(epochs[0]) != set(epochs[1])
    padded = sum(len(batch) * lengths[list(batch)].max() for batch in epochs[0])
    assert padded < 1.1 * lengths.sum()


def test_examples_are_padded() -> None:
    examples = Examples("encoder_decoder", [np.array([3, 4]), np.array([5])], [np.array([1]), np.array([2, 1])], (8, 9))
    batch = examples.batch([0, 1])
    assert batch.ids.tolist() == [[3, 5], [4, 0]] and batch.lengths.tolist() == [2, 1]
    assert batch.decoder_ids.tolist() == [[8, 8], [1, 2], [8, 1]] and batch.target_lengths.tolist() == [2, 3]
    assert batch.targets.tolist() == [[1, 2], [9, 1], [-100, 9]]
    assert "decoder_ids: [3, 2]" in repr(batch)


@given(st.integers(2, 40), st.integers(1, 9), st.text("ab\n é", min_size=80, max_size=200))
@settings(max_examples=30, deadline=None)
def test_a_stream_of_ids_is_that_of_a_file(sequences: int, steps: int, text: str) -> None:
    import tempfile

    vocabulary = Vocabulary("characters", [text])
    with tempfile.NamedTemporaryFile() as file:
        file.write(text.encode())
        file.flush()
        a, b = IdStream(vocabulary.encode(text), sequences, steps), FileStream(file.name, vocabulary, sequences, steps)
        assert (a.tokens, a.batches) == (b.tokens, b.batches)
        for _ in range(a.batches):
            one, other = a.next(), b.next()
            assert (one.ids == other.ids).all() and (one.targets == other.targets).all() and a.position == b.position
        assert a.next() is None and b.next() is None
        a.seek(1)
        b.seek(1)
        assert (a.next().ids == b.next().ids).all() if a.length > 2 else a.next() is None


def test_huge_steps_take_no_more_memory_than_the_text(tmp_path: Path) -> None:
    import tracemalloc

    text = "abc" * 40
    path, model = tmp_path / "text", LanguageModel(Vocabulary("characters", [text]), 4, seed=0)
    path.write_text(text)
    result = model.evaluate(text)
    tracemalloc.start()
    try:
        assert model.evaluate(path, steps=2**31) == result
        model.fit(path, epochs=1, batch_size=4, steps=2**31, seed=0, progress=False)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


# ---- Parameters ----


def test_metadata_and_views_that_outlive_their_model(tmp_path: Path) -> None:
    a = LanguageModel(5, 4, seed=0)
    a.set_metadata({"author": "me"})
    a.save(tmp_path / "a")
    assert load(tmp_path / "a").get_metadata("author") == "me" and a.get_metadata("title") is None
    views = load(tmp_path / "a").parameters  # outlive the model
    assert (views["embedding.weight"] == a.parameters["embedding.weight"]).all()
    a.initialize(3, forget_bias=1.0)
    assert (a.parameters["network.bias_ih_l0"][4:8] == 1).all()


# ---- Histories and progress ----


def report(step: int, loss: float, validation: float | None = None) -> Report:
    return Report(step / 2, step, loss, validation, None, 0.1, 1.0, 2.0)


def test_a_history_has_columns() -> None:
    history = History()
    assert len(history) == 0 and history.best is None and history.train_loss == []
    history.reports = [report(1, 3.0, 2.0), report(2, 2.0, 1.5), report(3, 1.0, float("nan"))]
    assert history.train_loss == [3, 2, 1] and history.epochs == [0.5, 1, 1.5] and history.steps == [1, 2, 3]
    assert history.best.step == 2 and "validation 1.5000" in str(history.best)
    assert History.fromdict(history.asdict()).reports[:2] == history.reports[:2]
    assert "3 reports: epoch 1.5" in repr(history)
    with pytest.raises(AttributeError, match="it has epochs, steps"):
        history.losses


def test_a_plot_tells_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"swiftrnn\[plot\]"):
        History().plot("curve.png")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_a_bar_on_a_terminal_and_lines_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert type(progress_of(True, io.StringIO())) is Lines
    terminal = Terminal()
    bar = progress_of(True, terminal)
    assert type(bar) is PlainBar
    bar.begin(10, 4)
    bar.step(1.5)
    bar.report(report(5, 1.5))
    bar.end()
    assert "5/10 loss 1.5000" in terminal.getvalue() and "epoch 2.5, step 5" in terminal.getvalue()
    lines = io.StringIO()
    quiet = progress_of(False, lines)
    quiet.begin(1, 0)
    quiet.step(1.0)
    quiet.end()
    assert lines.getvalue() == ""
