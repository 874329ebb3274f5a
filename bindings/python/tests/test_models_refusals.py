"""What users get wrong: each has an error that says where, what was given, and what is expected."""

from __future__ import annotations

import ast
import inspect
import pickle
import re
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest
import swiftrnn
from swiftrnn.models import (
    Batch,
    Classifier,
    EncoderDecoder,
    Features,
    LanguageModel,
    Model,
    OutputFeedback,
    Regressor,
    Tagger,
    Trainer,
    VectorDecoder,
    Vocabulary,
    _words,
)

LETTERS = Vocabulary("characters", ["abc"], specials=())
IDS = LanguageModel(7, 4, seed=0)
TEXTS = LanguageModel(LETTERS, 4, seed=0)
TAGGER = Tagger(LETTERS, ["A", "B"], 4, seed=0)
CLASSES = Classifier(LETTERS, ["A", "B"], 4, seed=0)
SERIES = Classifier(Features(2), ["A", "B"], 4, seed=0)
VECTORS = VectorDecoder(3, 6, 4, seed=0)
PAIRS = EncoderDecoder(LETTERS, 6, 4, seed=0)
UNKNOWN = Classifier(LETTERS, Vocabulary("lines", ["A\nVowel"]), 4, seed=0)
UNKNOWNS = Tagger(LETTERS, Vocabulary("whitespace", ["A B"]), 4, seed=0)
ONE: Any = [("ab", "A")]


def fit(model: Any, data: Any, **options: Any) -> Callable[[], Any]:
    return lambda: model.fit(data, progress=False, **options)


REFUSED: list[tuple[Any, type[Exception], str]] = [
    # Vocabularies
    (lambda: Vocabulary("letters"), ValueError, "kind: expected one of 'bytes', 'characters'"),
    (lambda: Vocabulary("words", "one text"), TypeError, "texts: expected several texts, got str"),
    (lambda: Vocabulary("words", [3]), TypeError, r"texts\[0\]: expected str or bytes, got int"),
    (lambda: Vocabulary("words", [Path("a")]), TypeError, "a path: read the file, or use from_file"),
    (lambda: Vocabulary("words", [], specials="<unk>"), TypeError, "specials: expected several names"),
    (lambda: Vocabulary("words", [], specials=["<UNK>"]), ValueError, "specials: expected names of <pad>"),
    (lambda: Vocabulary("bytes", [], lowercase=True), ValueError, "lowercase: is of the kind 'words'"),
    (lambda: Vocabulary("words", ["\ud800"]), ValueError, "half of a surrogate pair at character 0"),
    (lambda: Vocabulary.from_json("{}"), ValueError, "the vocabulary"),
    (lambda: Vocabulary("words", maximum_size=0), ValueError, "maximum_size: 0 is outside 1"),
    (lambda: Vocabulary.from_file("words", "/no/such/file"), OSError, "/no/such/file"),
    (lambda: LETTERS.encode("axyz"), ValueError, "byte 1"),
    (lambda: LETTERS.ids(["a", "x"]), ValueError, r"tokens\[1\]: the vocabulary has no 'x'"),
    (lambda: LETTERS["x"], KeyError, "the vocabulary has no token 'x'"),
    (lambda: LETTERS.decode([9]), ValueError, r"ids\[0\] is 9"),
    # Making models
    (lambda: Model(), TypeError, "is the base of the models"),
    (lambda: LanguageModel("abc", 4), TypeError, "vocabulary: expected a Vocabulary, .*, got str"),
    (lambda: LanguageModel(0, 4), ValueError, "vocabulary: 0 is outside 1"),
    (lambda: LanguageModel(7, 0), ValueError, "hidden_size: 0 is outside 1"),
    (lambda: LanguageModel(7, 4, num_layers=0), ValueError, "num_layers: 0 is outside 1"),
    (lambda: LanguageModel(7, 4, cell="lsmt"), ValueError, 'no cell "lsmt" .did you mean "lstm"'),
    (lambda: LanguageModel(7, 4, cell="y = "), ValueError, "line 1, column 5"),
    (lambda: LanguageModel(7, 4, cell=3), TypeError, "cell: expected a name, the text of equations"),
    (lambda: LanguageModel(7, 4, dropout=1.0), ValueError, "dropout: 1.0 is outside"),
    (lambda: LanguageModel(7, 4, embedding_size=3, tie_embedding=True), ValueError, "embedding_size.* is 3, must be 4"),
    (lambda: LanguageModel(7, 4, dtype="int32"), TypeError, "dtype: expected float32 or float64"),
    (lambda: LanguageModel(7, 4, seed=-1), ValueError, "seed: -1 is outside"),
    (lambda: LanguageModel(2**31, 2**20), swiftrnn.SwiftRNNMemoryError, "out of memory"),
    (lambda: Tagger(LETTERS, None, 4), ValueError, "labels, outputs: give one of them"),
    (lambda: Tagger(LETTERS, "AB", 4), TypeError, "labels: expected a Vocabulary, the names of labels"),
    (lambda: Tagger(LETTERS, [], 4), ValueError, "labels: there is none"),
    (lambda: Tagger(LETTERS, ["a\nb"], 4), ValueError, r"labels\[0\]: expected the name of a label, of one line"),
    (lambda: Tagger(LETTERS, ["a", "a"], 4), ValueError, r"labels\[1\]: 'a' is there twice"),
    (lambda: Classifier(3.5, 2, 4), TypeError, "input: expected a Vocabulary, .*, got float"),
    (lambda: Classifier(3, 2, 4, pooling="sum"), ValueError, "pooling: expected one of 'last', 'mean'"),
    (lambda: Classifier(Features(2), 2, 4, embedding_size=2), ValueError, "embedding_size: is of tokens"),
    (lambda: Classifier(3, 2, 4, bidirectional=1), TypeError, "bidirectional: expected a bool, got int"),
    (lambda: EncoderDecoder(3, LETTERS, 4), ValueError, "vocabulary: lacks <bos>.*specials="),
    (lambda: EncoderDecoder(3, 2, 4), ValueError, "2 tokens are too few"),
    (lambda: EncoderDecoder(3, 6, 4, attention="luong"), ValueError, "attention: expected one of 'none'"),
    (lambda: EncoderDecoder(3, 6, 4, attention="dot", bidirectional=True), ValueError, "dot, is 8, must be 4"),
    (lambda: EncoderDecoder(3, 6, 4, attention_use="both"), ValueError, "attention_use: expected one of 'output'"),
    (lambda: EncoderDecoder(3, 6, 4, attention="none", attention_use="input"), swiftrnn.SwiftRNNError, "no attention"),
    (lambda: VectorDecoder(3, 6, 4, vector_use="state"), ValueError, "vector_use: expected one of 'states'"),
    # Data
    (fit(TEXTS, "a"), ValueError, "data: the text has 1 tokens, too few for 32 parts of 2: a smaller batch_size"),
    (fit(TEXTS, "xyz" * 99), ValueError, "data: "),
    (fit(TEXTS, 3), TypeError, "data: expected a sequence of examples, got int"),
    (fit(TEXTS, []), ValueError, "data: there is no example"),
    (fit(TEXTS, "ab" * 50, token_limit=3), ValueError, "token_limit: "),
    (fit(TEXTS, Path("/no/file")), OSError, "No such file"),
    (fit(IDS, "abc"), TypeError, "data: the model has no vocabulary: expected ids, got str"),
    (fit(IDS, [0, 9] * 99), ValueError, r"data\[1\]: 9 is no id: there are 0...6"),
    (fit(TAGGER, "abc"), TypeError, "data: expected a sequence of examples, got str"),
    (fit(TAGGER, ["ab"]), TypeError, r"data\[0\]: expected a pair \(sequence, labels\), got str"),
    (fit(TAGGER, [("ab", "A")]), ValueError, r"data\[0\]\[1\]: expected a label for each of 2 steps of the"),
    (fit(TAGGER, [("ab", ["A", "C"])]), ValueError, r"data\[0\]\[1\]\[1\]: there is no label 'C'"),
    (fit(TAGGER, [("ab", 3)]), TypeError, r"data\[0\]\[1\]: expected labels, one for each step, got int"),
    (fit(CLASSES, {"ab": "A"}), TypeError, "data: expected a sequence of examples, got dict"),
    (fit(CLASSES, iter(ONE)), TypeError, "data: expected a sequence of examples, got list_iterator"),
    (fit(CLASSES, [("ab", "C")]), ValueError, r"data\[0\]\[1\]: there is no label 'C'"),
    (fit(CLASSES, [("ab", 1.5)]), TypeError, r"data\[0\]\[1\]: expected integers"),
    (fit(CLASSES, [("ab", 5)]), ValueError, r"data\[0\]\[1\]: 5 is no label: there are 0...1"),
    (fit(CLASSES, [("ax", "A")]), ValueError, r"data\[0\]\[0\]: "),
    (fit(SERIES, [(np.zeros((3, 3)), "A")]), ValueError, r"data\[0\]\[0\]: expected shape \[T, 2\], got \[3, 3\]"),
    (fit(Regressor(3, 2, 4), [([0], [1.0])]), ValueError, r"data\[0\]\[1\]: expected shape \[2\], got \[1\]"),
    (fit(VECTORS, [([1, 2], [0])]), ValueError, r"data\[0\]\[0\]: expected shape \[3\], got \[2\]"),
    (fit(PAIRS, ["ab"]), TypeError, r"data\[0\]: expected a pair \(source, target\), got str"),
    (fit(PAIRS, [("ab", "ab")]), TypeError, r"data\[0\]\[1\]: the model has no vocabulary"),
    # Numbers that are none
    (fit(SERIES, [(np.zeros((3, 2)), "A"), ([[0, 1], [2, np.nan]], "A")]), ValueError,
     r"data\[1\]\[0\]\[1, 1\]: is nan \(step 1, column 1\): leave the example out, or put a number in its place"),
    (fit(SERIES, [(np.zeros((3, 2)), "A")], validation=[([[0, -np.inf]], "A")]), ValueError,
     r"validation\[0\]\[0\]\[0, 1\]: is -inf \(step 0, column 1\)"),
    (fit(Regressor(3, 2, 4), [([0], [0.0, np.inf])]), ValueError, r"data\[0\]\[1\]\[1\]: is inf: leave the example"),
    (fit(Regressor(3, 1, 4), [([0], 1e300)]), ValueError, r"data\[0\]\[1\]\[0\]: 1e\+300 is too large for float32"),
    (fit(Tagger(3, None, 4, outputs=1), [([0, 1], [0, np.nan])]), ValueError, r"\[1, 0\]: is nan \(step 1, column 0\)"),
    (fit(VECTORS, [([1, 2, np.nan], [0])]), ValueError, r"data\[0\]\[0\]\[2\]: is nan"),
    (lambda: VECTORS.generate([[1, 2, np.nan]]), ValueError, r"sources\[0\]\[2\]: is nan"),
    (lambda: SERIES.predict([[[0, np.nan]]]), ValueError, r"sequences\[0\]\[0, 1\]: is nan"),
    (fit(CLASSES, ONE, class_weights=[1, np.inf]), ValueError, r"class_weights\[1\]: is inf: a weight is a finite"),
    (fit(CLASSES, ONE, class_weights={"A": np.nan}), ValueError, r"class_weights\['A'\]: nan is outside \[0, inf\)"),
    # One example where several are meant
    (lambda: SERIES.predict(np.zeros((5, 2))), ValueError, r"sequences\[0\]: .* in a list, sequences=\[\.\.\.\]"),
    (lambda: VECTORS.generate(np.zeros(3)), ValueError, r"put a single example in a list, sources="),
    (lambda: IDS.score([1, 2]), ValueError, r"texts\[0\]: expected one axis of ids, .* in a list, texts="),
    (lambda: TAGGER.predict("abc"), TypeError, r"sequences: .*got str \(put a single example in a list\)"),
    (fit(CLASSES, ("ab", "A")), TypeError, r"data\[0\]: expected a pair .*, got str: put a single example in a list"),
    (fit(PAIRS, ("ab", [1])), TypeError, r"data\[0\]: expected a pair .*put a single example in a list, data="),
    (fit(SERIES, np.zeros((4, 2))), TypeError, r"data\[0\]: expected a pair .*got ndarray: put a single example in a"),
    (fit(SERIES, np.array(1.0)), TypeError, "data: expected a sequence of examples, got one number"),
    (lambda: SERIES.predict(["ab"]), TypeError, r"sequences\[0\]: expected numbers"),
    (lambda: TAGGER.predict("abc"), TypeError, "sequences: expected a sequence of examples, got str"),
    (lambda: TAGGER.predict([3]), ValueError, r"sequences\[0\]: expected one axis of ids"),
    (lambda: VECTORS.generate(np.zeros(3)), ValueError, r"sources\[0\]: expected shape \[3\], got \[\]"),
    # Labels, of vocabularies with <unk>
    (fit(UNKNOWN, [("ab", "C")]), ValueError, r"data\[0\]\[1\]: there is no label 'C': correct it, or make the mod"),
    (fit(UNKNOWN, [("ab", "Vowe")]), ValueError, r"there is no label 'Vowe' \(did you mean 'Vowel'\?\)"),
    (lambda: UNKNOWN.evaluate([("ab", "C")]), ValueError, r"data\[0\]\[1\]: there is no label 'C'"),
    (fit(UNKNOWNS, [("ab", "A C")]), ValueError, r"data\[0\]\[1\]: there is no label 'C'"),
    (fit(UNKNOWNS, [("ab", ["A", "C"])]), ValueError, r"data\[0\]\[1\]\[1\]: there is no label 'C'"),
    (lambda: UNKNOWNS.score([("ab", "A C")]), ValueError, r"data\[0\]\[1\]: there is no label 'C'"),
    # Settings
    (fit(CLASSES, ONE, lr=0.1), TypeError, "fit: there is no argument 'lr'; it is called 'rate' here"),
    (fit(CLASSES, ONE, validation_split=0.1), TypeError, "'validation_split'; it is called 'validation' here"),
    (fit(CLASSES, ONE, epoch=3), TypeError, r"no argument 'epoch'; did you mean 'epochs'\?"),
    (fit(CLASSES, ONE, weight_decay=1), TypeError, "a setting of the optimizer: optimizer={'optimizer': 'adamw', "),
    (fit(IDS, [1, 2] * 99, k2=64), TypeError, "no argument 'k2'; give steps=k1 and look_back=k2 - k1"),
    (fit(CLASSES, ONE, xyz=3), TypeError, "no argument 'xyz'; there are data, epochs, batch_size"),
    (lambda: Trainer(CLASSES, learning_rate=0.1), TypeError, "Trainer: there is no argument 'learning_rate'; .*'rate"),
    (fit(CLASSES, ONE, epochs=0), ValueError, "epochs: 0 is outside 1"),
    (fit(CLASSES, ONE, batch_size=0), ValueError, "batch_size: 0 is outside 1"),
    (fit(CLASSES, ONE, rate=-1), ValueError, "rate: -1.0 is outside"),
    (fit(CLASSES, ONE, clip=-1), ValueError, "clip: -1.0 is outside"),
    (fit(CLASSES, ONE, steps=3), ValueError, "steps: is of a language model's text"),
    (fit(CLASSES, ONE, look_back=3), ValueError, "look_back: is of a language model's text"),
    (fit(IDS, [[1, 2]], look_back=3), ValueError, "look_back: is of a language model's text"),
    (fit(IDS, [1, 2] * 99, look_back=-1), ValueError, "look_back: -1 is outside 0"),
    (fit(CLASSES, ONE, optimizer="adamm"), ValueError, "optimizer: expected one of 'adam', 'adamw'"),
    (fit(CLASSES, ONE, optimizer=3), TypeError, "optimizer: expected a name or a mapping, got int"),
    (fit(CLASSES, ONE, optimizer={"momentum": 1}), ValueError, "a mapping with the key 'optimizer'"),
    (fit(CLASSES, ONE, optimizer={"optimizer": "adam", "momentum": 0.9}), ValueError, "momentum is for"),
    (fit(CLASSES, ONE, schedule="cosin"), ValueError, "schedule: expected one of 'constant'"),
    (fit(CLASSES, ONE, schedule={"schedule": "cosine", "warmup": 1}), ValueError, 'unknown key "warmup"; the keys are'),
    (fit(CLASSES, ONE, validation=1.5), ValueError, "validation: 1.5 is no share"),
    (fit(CLASSES, ONE, validation=0.5), ValueError, "validation: 0.5 of 1 examples are 0"),
    (fit(CLASSES, ONE, validation=["ab"]), TypeError, r"validation\[0\]: expected a pair"),
    (fit(CLASSES, ONE, patience=3), ValueError, "patience: there is no validation"),
    (fit(CLASSES, ONE, sampling="linear"), ValueError, "sampling: is of language models and decoders"),
    (fit(CLASSES, ONE, numbers="hube"), ValueError, "numbers: expected one of"),
    (fit(CLASSES, ONE, numbers="huber"), swiftrnn.SwiftRNNError, "for taggers of numbers and regressors"),
    (fit(CLASSES, ONE, class_weights=[1]), ValueError, r"class_weights: expected shape \[2\], got \[1\]"),
    (fit(CLASSES, ONE, class_weights={"C": 1}), ValueError, "class_weights: there is no label 'C'"),
    (lambda: CLASSES.loss(ONE, label_smoothing=2), ValueError, "label_smoothing is 2"),
    (lambda: CLASSES.loss(ONE, class_weights=[-1, 1]), ValueError, r"class_weights\[0\] has -1"),
    (lambda: CLASSES.loss(ONE, sampling_probability=0.5), swiftrnn.SwiftRNNError, "scheduled sampling is for"),
    (lambda: CLASSES.loss(ONE, tape_limit="x"), TypeError, "tape_limit: expected an integer"),
    (lambda: Trainer(CLASSES, schedule="cosine"), ValueError, "steps: the schedule 'cosine' ends after so many"),
    (lambda: Trainer(CLASSES).set_rate_factor(-1), ValueError, "factor is -1|rate_factor"),
    (lambda: pickle.dumps(CLASSES), TypeError, "a model is not pickled or copied: save it, and load the file"),
    # Batches and states
    (lambda: Batch(ids=[[1.5]]), TypeError, "ids: expected integers"),
    (lambda: TEXTS.loss(Batch()), ValueError, "batch.ids: a language model needs it"),
    (lambda: TEXTS.loss(Batch(ids=[[1]])), swiftrnn.SwiftRNNError, "targets must not be NULL"),
    (lambda: TEXTS.loss(Batch(ids=[[1, 2]], targets=[[1]])), ValueError, r"batch.targets: expected shape"),
    (lambda: TEXTS.loss(Batch(ids=[[9]], targets=[[1]])), ValueError, r"ids\[0\] is 9, must be in 0...2"),
    (lambda: TEXTS.loss(Batch(ids=[[1]], targets=[[9]])), ValueError, r"targets\[0\] is 9, must be in 0...2"),
    (lambda: TEXTS.loss(Batch(ids=[[1]], targets=[[1]], lengths=[2])), ValueError, "batch.lengths: expected numbers"),
    (lambda: TEXTS.loss(Batch(ids=[1], targets=[1])), ValueError, r"batch.ids: expected shape \[T, N\], got \[1\]"),
    (lambda: TEXTS.loss(Batch(ids=[[1]], targets=[[1]]), 3), TypeError, "state: expected what make_state gave"),
    (lambda: SERIES.loss(Batch(features=np.zeros((1, 1, 2)))), TypeError, "batch.features: .*float32, got float64"),
    (lambda: CLASSES.make_state(), swiftrnn.SwiftRNNError, "a state is carried on by"),
    # Methods of classes
    (lambda: CLASSES.load("file"), TypeError, r"load: makes a new model and .* model = Classifier.load\(path\), or"),
    (lambda: Trainer(CLASSES).load("file"), TypeError, r"load: makes a new trainer .*= Trainer.load\(path\)"),
    # Writing
    (lambda: IDS.generate("a"), TypeError, r"prompt\[0\]: the model has no vocabulary"),
    (lambda: IDS.generate([9]), ValueError, r"prompt\[0\]\[0\]: 9 is no id"),
    (lambda: TEXTS.generate("a", -1), ValueError, "length: -1 is outside 0"),
    (lambda: TEXTS.generate("a", temperature=-1), ValueError, "temperature is -1"),
    (lambda: TEXTS.generate("a", top_k=-1), ValueError, "top_k: -1 is outside 0"),
    (lambda: TEXTS.generate("a", top_p=2), ValueError, "top_p is 2"),
    (lambda: TEXTS.generate("a", top_p=0), ValueError, "top_p: 0.0 is outside"),
    (lambda: TEXTS.generate("a", repetition_penalty=0), ValueError, "repetition_penalty: 0.0 is not above 0"),
    (lambda: TEXTS.generate("a", beams=0), ValueError, "beams: 0 is outside 1"),
    (lambda: TEXTS.generate("a", beams=2, count=3), ValueError, "count: 3 is more than 2 beams"),
    (lambda: TEXTS.generate("a", temperature=0, count=2), ValueError, "count: with temperature 0 all 2 texts are"),
    (lambda: VECTORS.generate(np.zeros((1, 3)), count=2), ValueError, "count: with temperature 0 .* or beams=2 for"),
    (lambda: TEXTS.generate("a", beams=2, temperature=0.5), ValueError, "temperature: a search with beams=2 draws"),
    (lambda: TEXTS.generate("a", beams=2, top_k=3), ValueError, "top_k: a search with beams=2 draws nothing"),
    (lambda: PAIRS.generate(["a"], beams=2, top_p=0.5), ValueError, "top_p: a search with beams=2 draws nothing"),
    (lambda: PAIRS.generate(["a"], top_k=3), ValueError, "top_k: with temperature 0 nothing is drawn"),
    (lambda: TEXTS.generate("a", temperature=0, top_p=0.5), ValueError, "top_p: with temperature 0 nothing is drawn"),
    (lambda: TEXTS.generate("a", length_penalty=1), ValueError, "length_penalty: is of a search: give beams above 1"),
    (lambda: VECTORS.generate(np.zeros((1, 3)), beams=0), ValueError, "beams: 0 is outside 1"),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(REFUSED)))
def test_refusals(number: int) -> None:
    call, error, message = REFUSED[number]
    with pytest.raises(error, match=message):
        call()


def test_a_failed_step_leaves_parameters_as_they_were() -> None:
    before, trainer = TEXTS.flat.copy(), Trainer(TEXTS)
    with pytest.raises(ValueError):
        trainer.step(Batch(ids=[[1]], targets=[[9]]))
    np.testing.assert_array_equal(TEXTS.flat, before)
    assert trainer.steps == 0


def test_a_loss_that_is_not_finite_ends_a_training() -> None:
    model = Regressor(Features(1), 1, 4, seed=0)
    with pytest.raises(FloatingPointError, match="the loss is .* in step 1: no step was made before it: the numb"):
        model.fit([([1.0], np.float32(3e38))], progress=False)
    with pytest.raises(FloatingPointError, match="in step 2: a lower rate, or clip=, may help; the last report was"):
        model = Regressor(Features(1), 1, 4, seed=0)
        model.fit([([1.0], 1.0)], optimizer="sgd", rate=1e38, clip=None, progress=False)


def test_what_is_said_of_arguments_exists() -> None:
    classes: Any = (LanguageModel, Tagger, Classifier, Regressor, VectorDecoder, EncoderDecoder, OutputFeedback)
    functions = [Model.fit, Trainer.__init__, *(one.__init__ for one in classes), *(one.evaluate for one in classes)]
    functions += [*(one.predict for one in classes), LanguageModel.generate, EncoderDecoder.generate]
    signatures = [list(inspect.signature(function).parameters) for function in functions]
    known = {name for names in signatures for name in names}
    assert set(_words.CALLED_HERE.values()) <= known and not set(_words.CALLED_HERE) & known
    assert signatures[0][:3] == ["self", "data", "epochs"]  # what help() and editors show
    for name, text in _words.INSTEAD.items():
        found = re.search(r"(optimizer|schedule)=(\{.*\})", text)
        if found:
            fit(CLASSES, ONE, epochs=1, **{found[1]: ast.literal_eval(found[2])})()


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: CLASSES.fit([[0]], [1]), "fit: inputs and targets are one argument, a list of pairs: fit(list(zip("),
        (lambda: LanguageModel(9, 4, layers=2), "LanguageModel: there is no argument 'layers'; it is called 'num_l"),
        (lambda: Regressor(Features(1), 1, 4, units=2), "Regressor: there is no argument 'units'; it is called 'hidd"),
        (lambda: Classifier(9, 2, 4, poling="max"), "Classifier: there is no argument 'poling'; did you mean 'pooling"),
        (lambda: Classifier(9, 2, 4, epochs=3), "Classifier: there is no argument 'epochs'; it is of the training: f"),
        (lambda: TEXTS.generate("a", max_new_tokens=4), "generate: there is no argument 'max_new_tokens'; it is call"),
        (lambda: TEXTS.generate("a", 4, 0.5), "generate: only prompt, length are given by place: give all else by na"),
        (lambda: TEXTS.evaluate("ab", bptt=4), "evaluate: there is no argument 'bptt'; it is called 'steps' here"),
    ],
)
def test_mistyped_arguments_are_told(call: Any, message: str) -> None:
    with pytest.raises(TypeError, match=re.escape(message)):
        call()


def test_a_text_that_looks_like_a_path_is_told() -> None:
    for text in ("data/train.txt", "train.txt", "/data/train", "../a.b"):
        for call in (fit(TEXTS, text), lambda: TEXTS.evaluate(text)):
            with pytest.raises(ValueError, match="looks like the path of a file that is not there, and a str is"):
                call()
    model = LanguageModel(Vocabulary("bytes"), 4, seed=0)
    for text in ("ab ab. ba", "ab" * 40, "ab.\n" * 20, "1.5" * 20, "a-b ... a" * 9, "a/b.c/" * 400 + "a.b"):
        assert model.evaluate(text).count > 0


def test_a_path_that_is_taken_for_a_text_is_told(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("abc" * 99)
    there = r": '.*text.txt' is the path of a file, and a str is the text itself: pass pathlib.Path\('.*text.txt'\) for"
    for call, name in [
        (fit(TEXTS, str(path)), "data"),
        (fit(TEXTS, [str(path)]), r"data\[0\]"),
        (fit(TEXTS, "abc" * 99, validation=str(path)), "validation"),
        (lambda: TEXTS.evaluate(str(path)), "data"),
    ]:
        with pytest.raises(ValueError, match=name + there):
            call()
    with pytest.raises(ValueError, match=r"texts\[0\]: .* is the path of a file, .*: use Vocabulary.from_file for"):
        Vocabulary("characters", [str(path)])
    assert len(Vocabulary("characters", [str(path).encode()], specials=())) > 3
    assert TEXTS.evaluate(path).count == TEXTS.evaluate("abc" * 99).count


def test_names_of_labels_are_ids_by_place() -> None:
    model = Classifier(3, ["zebra", "ape", "a b"], 4, seed=0)
    assert model.target_vocabulary is not None and model.target_vocabulary.tokens == ["zebra", "ape", "a b"]
    assert model.loss([([0], "ape")]) == model.loss([([0], 1)])
