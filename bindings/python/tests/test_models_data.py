"""What models are given: vocabularies, batches by length, examples; what they refuse; histories and progress."""

from __future__ import annotations

import io
import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import swiftrnn
from swiftrnn.models import (
    Batch,
    Classifier,
    EncoderDecoder,
    Features,
    History,
    LanguageModel,
    Model,
    Regressor,
    Report,
    Tagger,
    Trainer,
    VectorDecoder,
    Vocabulary,
    load,
)
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


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: Vocabulary("letters"), ValueError, "kind: expected one of 'bytes'"),
        (lambda: Vocabulary("words", "a text"), TypeError, "texts: expected several"),
        (lambda: Vocabulary("words", [3]), TypeError, r"texts\[0\]: expected str or bytes"),
        (lambda: Vocabulary("words", ["\ud800"]), ValueError, "surrogate"),
        (lambda: Vocabulary("words", specials=("<end>",)), ValueError, "specials"),
        (lambda: Vocabulary("bytes", lowercase=True), ValueError, "lowercase"),
        (lambda: Vocabulary("words", maximum_size=0), ValueError, "maximum_size"),
        (lambda: Vocabulary("characters", ["a"], specials=()).encode("ab"), ValueError, "byte 1"),
        (lambda: Vocabulary("characters", ["a"], specials=()).ids(["b"]), ValueError, "no 'b'"),
        (lambda: Vocabulary("characters", ["a"])["b"], KeyError, "no token 'b'"),
        (lambda: Vocabulary("characters", ["a"]).decode([2]), ValueError, "ids"),
        (lambda: Vocabulary.from_json("{}"), ValueError, "kind"),
        (lambda: Vocabulary.from_file("words", "/no/such/file"), OSError, "/no/such/file"),
    ],
)
def test_vocabularies_refuse(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


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


# ---- Refusals ----


def language_model() -> LanguageModel:
    return LanguageModel(5, 4, seed=0)


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: Model(), TypeError, "base of the models"),
        (lambda: LanguageModel("words", 4), TypeError, "vocabulary: expected a Vocabulary"),
        (lambda: LanguageModel(0, 4), ValueError, "vocabulary"),
        (lambda: LanguageModel(5, 0), ValueError, "hidden_size"),
        (lambda: LanguageModel(5, 4, cell="lstn"), ValueError, "lstn"),
        (lambda: LanguageModel(5, 4, cell=3), TypeError, "cell"),
        (lambda: LanguageModel(5, 4, dropout=1.0), ValueError, "dropout"),
        (lambda: LanguageModel(5, 4, dtype="int8"), TypeError, "dtype"),
        (lambda: LanguageModel(5, 4, tie_embedding=True, embedding_size=3), ValueError, "tied"),
        (lambda: Tagger(5, None, 4), ValueError, "labels, outputs"),
        (lambda: Tagger(Features(2), 3, 4, embedding_size=2), ValueError, "embedding_size"),
        (lambda: Classifier(5, ["a\nb"], 4), ValueError, r"classes\[0\]"),
        (lambda: Classifier(5, 2, 4, pooling="sum"), ValueError, "pooling: expected one of 'last'"),
        (lambda: EncoderDecoder(5, Vocabulary("words", ["a"]), 4), ValueError, "lacks <bos>"),
        (lambda: EncoderDecoder(5, 5, 4, attention="luong"), ValueError, "attention"),
        (lambda: VectorDecoder(2, 2, 4), ValueError, "too few"),
        (lambda: language_model().loss(Batch(ids=[[5]], targets=[[0]])), ValueError, "5"),
        (lambda: language_model().loss(Batch(ids=[[1, 2]], targets=[[0]])), ValueError, r"targets: expected shape \[1, 2\]"),
        (lambda: language_model().loss(Batch(ids=[1, 2], targets=[0])), ValueError, "ids"),
        (lambda: language_model().loss(Batch(targets=[[0]])), ValueError, "batch.ids: a language model needs it"),
        (lambda: language_model().loss(Batch(ids=[[1]])), swiftrnn.SwiftRNNError, "targets"),
        (lambda: language_model().loss(Batch(ids=[[1]], targets=[[0]], lengths=[2])), ValueError, "lengths"),
        (lambda: language_model().loss(Batch(ids=[[1]], targets=[[0]]), "here"), TypeError, "state"),
        (lambda: language_model().fit("text"), TypeError, "no vocabulary"),
        (lambda: language_model().fit([0, 1, 7], batch_size=1), ValueError, r"data\[2\]: 7 is no id"),
        (lambda: language_model().fit([0, 1], batch_size=2), ValueError, "too few for 2 parts"),
        (lambda: language_model().fit(np.arange(5), epochs=0), ValueError, "epochs"),
        (lambda: language_model().fit(np.arange(5), batch_size=1, optimizer="adagrad"), ValueError, "optimizer"),
        (lambda: language_model().fit(np.arange(5), batch_size=1, patience=1), ValueError, "patience"),
        (lambda: Classifier(3, 2, 4).fit([([0], 1)], sampling="linear"), ValueError, "sampling"),
        (lambda: language_model().fit(np.arange(5), batch_size=1, optimizer={"optimizer": "sgd", "beta": 1}), ValueError, "beta"),
        (lambda: language_model().generate([[1, 9]]), ValueError, r"prompt\[0\]\[1\]: 9 is no id"),
        (lambda: language_model().generate(top_p=0), ValueError, "top_p"),
        (lambda: language_model().generate(temperature=-1), ValueError, "temperature"),
        (lambda: language_model().generate(beams=2, count=3), ValueError, "count"),
        (lambda: Classifier(5, 2, 4).fit([([1], 2)]), ValueError, r"data\[0\]\[1\]: 2 is no label"),
        (lambda: Classifier(5, ["a"], 4).fit([([1], "b")]), ValueError, "there is no label 'b'"),
        (lambda: Classifier(5, 2, 4).fit([[1, 2, 3]]), TypeError, "expected a pair"),
        (lambda: Classifier(5, 2, 4).fit([]), ValueError, "no example"),
        (lambda: Classifier(5, 2, 4).fit([([1], 1)], validation=0.1), ValueError, "validation"),
        (lambda: Classifier(5, 2, 4).fit([([1], 1)], steps=3), ValueError, "steps"),
        (lambda: Classifier(5, 2, 4).predict("text"), TypeError, "sequences: expected a sequence"),
        (lambda: Classifier(5, 2, 4).make_state(), swiftrnn.SwiftRNNError, "state"),
        (lambda: Tagger(5, 2, 4).fit([([1, 2], [0])]), ValueError, "1 labels, and the sequence 2 steps"),
        (lambda: Regressor(Features(2), 1, 4).fit([([[1, 2, 3]], 1)]), ValueError, r"expected shape \[T, 2\]"),
        (lambda: VectorDecoder(2, 5, 4).generate([[1, 2, 3]]), ValueError, r"sources\[0\]: expected shape \[2\]"),
        (lambda: Trainer(language_model(), schedule="cosine"), ValueError, "steps"),
        (lambda: load("/no/such/file"), OSError, "/no/such/file"),
        (lambda: language_model().save("/no/such/folder/model"), OSError, "/no/such/folder"),
        (lambda: language_model().load_state_dict({}), ValueError, "missing"),
        (lambda: pickle.dumps(language_model()), TypeError, "save"),
    ],
)
def test_models_refuse(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_a_file_of_another_kind_or_damaged_is_refused(tmp_path: Path) -> None:
    language_model().save(tmp_path / "model")
    with pytest.raises(ValueError, match="has a LanguageModel, not a Tagger"):
        Tagger.load(tmp_path / "model")
    assert type(Model.load(tmp_path / "model")) is LanguageModel
    data = bytearray((tmp_path / "model").read_bytes())
    data[-1] ^= 1
    (tmp_path / "model").write_bytes(data)
    with pytest.raises(ValueError, match="checksum|damaged"):
        load(tmp_path / "model")


# ---- Parameters ----


def test_parameters_state_dict_and_metadata(tmp_path: Path) -> None:
    a, b = LanguageModel(5, 4, seed=0), LanguageModel(5, 4, seed=1)
    b.load_state_dict(a.state_dict("lm."), prefix="lm.")
    assert (a.flat == b.flat).all()
    with pytest.raises(ValueError, match="unexpected"):
        b.load_state_dict({**a.state_dict(), "more": a.flat})
    b.load_state_dict({"output.bias": np.ones(5, np.float32), "more": a.flat}, strict=False)
    assert (b.parameters["output.bias"] == 1).all() and b.parameters["output.bias"].base is not None
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
