"""Language models and decoders whose output layer is an adaptive softmax, against torch's in float64."""

import numpy as np
import pytest
import torch
from swiftrnn import SwiftRNNError
from swiftrnn.models import Batch, EncoderDecoder, LanguageModel, Model, VectorDecoder

VOCABULARY, HIDDEN, CUTOFFS, DIVISOR = 30, 12, [5, 14], 2


def model_of_ids(**options):
    made = {"dtype": np.float64, "seed": 3, "adaptive_cutoffs": CUTOFFS, "adaptive_divisor": DIVISOR, **options}
    return LanguageModel(VOCABULARY, HIDDEN, embedding_size=7, **made)


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = torch.nn.Embedding(VOCABULARY, 7)
        self.network = torch.nn.LSTM(7, HIDDEN)
        self.output = torch.nn.AdaptiveLogSoftmaxWithLoss(HIDDEN, VOCABULARY, CUTOFFS, div_value=DIVISOR)

    def rows(self, ids):
        return self.network(self.embedding(ids))[0].reshape(-1, HIDDEN)


@pytest.fixture
def both():
    ours, theirs = model_of_ids(), Theirs().double()
    theirs.load_state_dict({name: torch.from_numpy(value) for name, value in ours.state_dict().items()})
    return ours, theirs


def assert_close(ours, theirs):
    np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=1e-10, atol=1e-12)


def test_loss_gradients_and_log_probabilities_are_torchs(both):
    ours, theirs = both
    texts = np.random.default_rng(1).integers(0, VOCABULARY, (4, 9))
    ids, targets = torch.from_numpy(texts[:, :-1].T.copy()), torch.from_numpy(texts[:, 1:].T.copy())
    rows = theirs.rows(ids)
    output = theirs.output(rows, targets.reshape(-1))
    output.loss.backward()
    examples = [list(map(int, text)) for text in texts]
    assert ours.loss(examples) == pytest.approx(float(output.loss.detach()), rel=1e-12)
    assert list(ours.gradients) == [name for name, _ in theirs.named_parameters()]
    for name, parameter in theirs.named_parameters():
        assert_close(ours.gradients[name], parameter.grad)
    assert_close(ours.score(examples), output.output.reshape(8, 4).sum(0))
    result = ours.evaluate(examples)
    assert result.loss == pytest.approx(float(output.loss.detach()), rel=1e-12) and result.count == 32
    assert_close(ours.logits(examples).reshape(-1, VOCABULARY), theirs.output.log_prob(rows))


class TheirDecoder(torch.nn.Module):
    """A decoder that reads a vector in each step, or begins with the states of an encoder."""

    def __init__(self, vector_size=0):
        super().__init__()
        if not vector_size:
            self.encoder_embedding = torch.nn.Embedding(6, HIDDEN)
            self.encoder_network = torch.nn.LSTM(HIDDEN, HIDDEN)
        self.decoder_embedding = torch.nn.Embedding(VOCABULARY, HIDDEN)
        self.decoder_network = torch.nn.LSTM(HIDDEN + vector_size, HIDDEN)
        self.output = torch.nn.AdaptiveLogSoftmaxWithLoss(HIDDEN, VOCABULARY, CUTOFFS, div_value=DIVISOR)

    def rows(self, ids, vector=None, sources=None):
        x, states = self.decoder_embedding(ids), None
        if vector is not None:
            x = torch.cat([x, vector.expand(len(ids), *vector.shape)], -1)
        else:
            states = self.encoder_network(self.encoder_embedding(sources))[1]
        return self.decoder_network(x, states)[0].reshape(-1, HIDDEN)


@pytest.mark.parametrize("kind", ["vector decoder", "encoder and decoder"])
def test_decoders_are_torchs(kind):
    made = {"dtype": np.float64, "seed": 3, "adaptive_cutoffs": CUTOFFS, "adaptive_divisor": DIVISOR}
    rng = np.random.default_rng(2)
    ids, targets = rng.integers(0, VOCABULARY, (2, 5, 3))
    if kind == "vector decoder":
        ours, theirs = VectorDecoder(2, VOCABULARY, HIDDEN, vector_use="input", **made), TheirDecoder(2).double()
        read = {"features": rng.normal(size=(3, 2))}
        inputs = {"vector": torch.from_numpy(read["features"])}
    else:
        ours, theirs = EncoderDecoder(6, VOCABULARY, HIDDEN, attention="none", **made), TheirDecoder().double()
        read = {"ids": rng.integers(0, 6, (4, 3))}
        inputs = {"sources": torch.from_numpy(read["ids"])}
    theirs.load_state_dict({name: torch.from_numpy(value) for name, value in ours.state_dict().items()})
    rows = theirs.rows(torch.from_numpy(ids), **inputs)
    output = theirs.output(rows, torch.from_numpy(targets).reshape(-1))
    output.loss.backward()
    batch = Batch(decoder_ids=ids, targets=targets, **read)
    assert ours.loss(batch) == pytest.approx(float(output.loss.detach()), rel=1e-12)
    assert set(ours.gradients) == {name for name, _ in theirs.named_parameters()}
    for name, parameter in theirs.named_parameters():
        assert_close(ours.gradients[name], parameter.grad)
    assert_close(ours.logits(batch).reshape(-1, VOCABULARY), theirs.output.log_prob(rows))
    assert ours.configuration["adaptive_cutoffs"] == CUTOFFS and ours.configuration["adaptive_divisor"] == DIVISOR
    source = [read["features"][0]] if kind == "vector decoder" else [read["ids"][:, 0]]
    assert len(ours.generate(source, 6)[0]) > 0
    with pytest.raises(SwiftRNNError, match="tied"):
        type(ours)(2, VOCABULARY, HIDDEN, tie_embedding=True, **made)
    with pytest.raises(ValueError, match=r"adaptive_cutoffs\[0\]: 30 is outside 1\.\.\.29"):
        type(ours)(2, VOCABULARY, HIDDEN, **{**made, "adaptive_cutoffs": [30]})
    with pytest.raises(SwiftRNNError, match="adaptive_cutoffs"):
        ours.loss(batch, label_smoothing=0.1)


def test_files_and_writing(tmp_path, both):
    ours, _ = both
    ours.save(tmp_path / "model.safetensors")
    loaded = Model.load(tmp_path / "model.safetensors")
    assert loaded.configuration == ours.configuration
    assert (loaded.configuration["adaptive_cutoffs"], loaded.configuration["adaptive_divisor"]) == (CUTOFFS, DIVISOR)
    np.testing.assert_array_equal(loaded.flat, ours.flat)
    for options in ({"seed": 4}, {"beams": 3}):
        written = ours.generate([3, 1], 12, **options)
        np.testing.assert_array_equal(loaded.generate([3, 1], 12, **options), written)
        assert len(written) == 12
    assert "adaptive_cutoffs" not in model_of_ids(adaptive_cutoffs=(), adaptive_divisor=4).configuration


def test_training_lowers_the_loss():
    model = model_of_ids(dtype=np.float32)
    text = np.arange(600) % VOCABULARY
    before = model.evaluate(text).loss
    model.fit(text, epochs=8, batch_size=4, steps=15, rate=0.02, seed=0, progress=False)
    assert model.evaluate(text).loss < before / 2


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"adaptive_cutoffs": [0]}, ValueError, r"adaptive_cutoffs\[0\]: 0 is outside 1\.\.\.29"),
        ({"adaptive_cutoffs": [5, 5]}, ValueError, r"adaptive_cutoffs\[1\]: 5 is outside 6\.\.\.29"),
        ({"adaptive_cutoffs": [30]}, ValueError, r"adaptive_cutoffs\[0\]: 30"),
        ({"adaptive_cutoffs": [[5], [6]]}, ValueError, "adaptive_cutoffs: expected integers side by side"),
        ({"adaptive_cutoffs": 5}, ValueError, "adaptive_cutoffs"),
        ({"adaptive_cutoffs": [2.5]}, TypeError, "adaptive_cutoffs"),
        ({"adaptive_divisor": 0}, ValueError, "adaptive_divisor"),
        ({"adaptive_divisor": 2.0}, TypeError, "adaptive_divisor"),
        ({"adaptive_cutoffs": []}, ValueError, "adaptive_divisor: is of the clusters"),
        ({"tie_embedding": True}, SwiftRNNError, "tied"),
    ],
)
def test_wrong_arguments(options, error, message):
    with pytest.raises(error, match=message):
        model_of_ids(**options)


@pytest.mark.parametrize(
    "options", [{"label_smoothing": 0.1}, {"sampled_classes": 4}, {"class_weights": np.ones(VOCABULARY)}]
)
def test_losses_without_an_adaptive_form_are_refused(options):
    with pytest.raises(SwiftRNNError, match="adaptive_cutoffs"):
        model_of_ids().loss([[1, 2, 3]], **options)
