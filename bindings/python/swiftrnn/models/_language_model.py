"""Language models: tokens to the token that follows each."""

from __future__ import annotations

import dataclasses
import os
from typing import Any, Mapping, Sequence, Union

import numpy as np
from numpy.typing import NDArray

from .._arguments import flag, integer
from .._arrays import Array
from . import _configuration as made_of
from ._base import natural
from ._batch import Batch
from ._configuration import CellLike
from ._evaluation import (
    EvaluationResult,
    bits_per_character,
    evaluate_batches,
    evaluate_stream,
    example_batches,
    in_batches,
)
from ._examples import Examples
from ._generation import generate, number_of_texts, options
from ._model import Model, is_share, share
from ._number_loss import NumberLoss
from ._sequence_models import softmax
from ._sequences import refuse_missing_path, refuse_path, token_ids
from ._sources import Source, StreamSource, Validation
from ._streams import FileStream, IdStream, Stream
from ._vocabulary import Vocabulary
from ._words import answers_words

Text = Union[str, bytes, "os.PathLike[str]", Array]


class LanguageModel(Model):
    """A language model: an embedding, a recurrent network, a linear layer, a softmax over the next token.

    Parameters
    ----------
    vocabulary : Vocabulary or int
        The vocabulary of input and output; or the number of tokens, for a model whose texts are ids.
    hidden_size : int
        H of the network.
    embedding_size : int, optional
        Numbers of a token's vector. None: `hidden_size`.
    cell : str or Cell
        "lstm", "gru", "gru_before" (the reset gate before the product), "rnn", "rnn_relu"; another cell of the library
        (`swiftrnn.cells`) by name; or the text of equations.
    num_layers : int
    dropout : float
        Share of the numbers that training leaves out of what goes into the first layer, between layers, and into the
        linear layer (Zaremba, Sutskever, Vinyals 2014).
    tie_embedding : bool
        The linear layer has the embedding's table for its weights (Press, Wolf 2017): `embedding_size` is the
        network's output size then.
    adaptive_cutoffs : sequence of int
        The output layer is an adaptive softmax (Grave et al. 2017), for large vocabularies in falling order of
        frequency: tokens from the first cutoff on are in clusters, each of which begins at a cutoff and has narrower
        layers than the one before. Rising, each in 1...vocabulary - 1; `logits` gives log-probabilities then. Neither
        with `tie_embedding` nor with label smoothing, class weights and sampled classes. Empty: a linear layer.
    adaptive_divisor : int
        The divisor of an adaptive softmax: cluster i is by way of
        ``outputs of the network // adaptive_divisor**(i + 1)`` numbers, 1 at least.
    sizes : mapping, optional
        Sizes that the cell's text names, such as ``{"P": 64}``.
    dtype : str or dtype, optional
        None: float32.
    seed : int, optional
        Seed of the parameters, in 0...2^64 - 1. None: one from the operating system.

    Examples
    --------
    >>> from swiftrnn.models import LanguageModel, Vocabulary
    >>> text = "the cat sat on the mat. " * 20
    >>> model = LanguageModel(Vocabulary("characters", [text]), hidden_size=32, seed=0)
    >>> history = model.fit(text, epochs=15, batch_size=4, steps=16, rate=0.02, seed=0, progress=False)
    >>> model.generate("the c", length=12, temperature=0)
    'at sat on th'
    """

    _kind = "language_model"

    @answers_words()
    def __init__(
        self,
        vocabulary: Vocabulary | int,
        hidden_size: int,
        *,
        embedding_size: int | None = None,
        cell: CellLike = "lstm",
        num_layers: int = 1,
        dropout: float = 0.0,
        tie_embedding: bool = False,
        adaptive_cutoffs: Sequence[int] = (),
        adaptive_divisor: int = 4,
        sizes: Mapping[str, int] | None = None,
        dtype: Any = None,
        seed: int | None = None,
    ) -> None:
        network = made_of.recurrent(cell, hidden_size, num_layers, False, sizes)
        read = made_of.tokens(vocabulary, "vocabulary", embedding_size, hidden_size)
        configuration = {
            "input": read,
            "network": network,
            "outputs": read["vocabulary"],
            "dropout": made_of.rate_of_dropout(dropout),
            "tie_embedding": flag(tie_embedding, "tie_embedding"),
            **made_of.adaptive(adaptive_cutoffs, adaptive_divisor, read["vocabulary"]),
        }
        self._make(configuration, dtype, seed, vocabulary if isinstance(vocabulary, Vocabulary) else None)

    # ---- Data ----

    def _examples(self, data: Any, name: str = "data") -> Examples:
        """Texts, each a sequence by itself, between ``<bos>`` and ``<eos>`` as far as there are these."""
        framed = [self._framed(text, f"{name}[{index}]") for index, text in enumerate(natural(data, name))]
        return Examples(self._kind, [ids[:-1] for ids in framed], [ids[1:] for ids in framed], None)

    def _framed(self, text: Any, name: str) -> NDArray[np.int64]:
        ids = self._ids(text, name)
        begin, end = self._special("<bos>"), self._special("<eos>")
        before = [] if begin is None else [begin]
        behind = [] if end is None else [end]
        return np.concatenate([np.array(before, np.int64), ids, np.array(behind, np.int64)])

    def _ids(self, text: Any, name: str) -> Array:
        return token_ids(text, name, self.vocabulary, self._configuration["outputs"])

    def _special(self, name: str) -> int | None:
        number = -1 if self.vocabulary is None else self.vocabulary._id(name)
        return None if number < 0 else number

    def _is_text(self, data: Any) -> bool:
        """Whether data are one text, and not several."""
        if isinstance(data, (str, bytes, bytearray, os.PathLike)):
            return True
        if isinstance(data, np.ndarray):
            return data.ndim == 1 and data.dtype.kind in "iu"
        return isinstance(data, (list, tuple)) and bool(data) and all(
            hasattr(type(item), "__index__") and not isinstance(item, np.ndarray) for item in data
        )

    def _stream(self, text: Any, name: str, sequences: int, steps: int) -> Stream:
        """A text as a stream."""
        if isinstance(text, os.PathLike):
            if self.vocabulary is None:
                raise TypeError(f"{name}: the model has no vocabulary: expected ids, got a path")
            return FileStream(text, self.vocabulary, sequences, steps)
        return IdStream(self._ids(text, name), sequences, steps, name)

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
        for value, name in ((data, "data"), (validation, "validation")):
            refuse_path(value, name)
            refuse_missing_path(value, name)
            if isinstance(value, (list, tuple)) and value:
                refuse_path(value[0], f"{name}[0]")
        if not self._is_text(data):
            return super()._sources(data, validation, batch_size, token_limit, steps, seed, by)
        if token_limit is not None:
            raise ValueError("token_limit: a text is read as a stream, without padding; it is of a list of texts")
        width = 64 if steps is None else integer(steps, "steps", 1, 2**31)
        if is_share(validation):
            data, validation = self._held_out(data, share(validation))
        source = StreamSource(self._stream(data, "data", batch_size, width), batch_size, width)
        if validation is None:
            return source, None
        if not self._is_text(validation):
            examples = self._examples(validation, "validation")
            return source, Validation(lambda: self._evaluate_examples(examples, batch_size), examples.fingerprint)
        held = self._evaluation_stream(validation, "validation", batch_size, width)
        return source, Validation(lambda: evaluate_stream(self, held), held.fingerprint)

    def _held_out(self, text: Any, part: float) -> tuple[Array, Array]:
        """A text in memory, cut before its last part."""
        if isinstance(text, os.PathLike):
            raise ValueError("validation: a part of a file cannot be held out; give the path of another file")
        ids = self._ids(text, "data")
        cut = len(ids) - round(part * len(ids))
        return ids[:cut], ids[cut:]

    def _evaluation_stream(self, text: Any, name: str, sequences: int, steps: int) -> Stream:
        """A stream of as many parts as asked for; of fewer where the text is short, so that each has T tokens."""
        if isinstance(text, os.PathLike):
            count = self._stream(text, name, 1, steps).tokens
        else:
            text = self._ids(text, name)
            count = len(text)
        return self._stream(text, name, max(1, min(sequences, count // (steps + 1))), steps)

    # ---- Evaluation ----

    @answers_words("evaluate")
    def evaluate(self, data: Any, *, batch_size: int = 16, steps: int = 256) -> EvaluationResult:
        """The loss, perplexity and bits per character of a text, or of several.

        Parameters
        ----------
        data
            As for `fit`. A text is cut into `batch_size` parts, fewer if it is short, which are read side by side: the
            first token of each is not predicted. With ``batch_size=1`` it is one part.
        batch_size : int
        steps : int
            Tokens of a part that are read in one call; does not matter to the result.
        """
        sequences, width = integer(batch_size, "batch_size", 1, 65536), integer(steps, "steps", 1, 2**31)
        if isinstance(data, Batch):
            return evaluate_batches(self, iter([data]))
        refuse_path(data, "data")
        refuse_missing_path(data, "data")
        if self._is_text(data):
            return evaluate_stream(self, self._evaluation_stream(data, "data", sequences, width))
        return self._evaluate_examples(self._examples(data), sequences)

    def _evaluate_examples(self, examples: Examples, batch_size: int) -> EvaluationResult:
        result = evaluate_batches(self, example_batches(examples, batch_size))
        return dataclasses.replace(result, bits_per_character=bits_per_character(self, result.loss))

    @answers_words("score")
    def score(self, texts: Sequence[Any], *, batch_size: int = 32) -> NDArray[np.float64]:
        """log P of each text, in nats: of its tokens and ``<eos>`` behind ``<bos>``, as far as the vocabulary has them.
        Without ``<bos>`` the first token is given, and has no part in it.

        Parameters
        ----------
        texts : sequence of texts
            Each a str, bytes, a list of tokens, or ids.
        batch_size : int
            Texts of a call; does not matter to the result.

        Returns
        -------
        scores : ndarray of float64 [count]
        """
        examples = self._examples(texts, "texts")
        scores = np.zeros(len(examples))
        for numbers in in_batches(examples, integer(batch_size, "batch_size", 1)):
            scores[numbers] = self._scores(examples.batch(numbers))[0]
        return scores

    @answers_words("predict")
    def predict(self, texts: Sequence[Any], *, probabilities: bool = False, batch_size: int = 32) -> Any:
        """The likeliest token after each text. `generate` goes on for longer, and draws.

        Parameters
        ----------
        texts : sequence of texts
            Each a str, bytes, a list of tokens, or ids; an empty one as the prompt of `generate`.
        probabilities : bool
            An array [count, vocabulary] of float64 in the place of tokens.
        batch_size : int
            Texts of a call; does not matter to the result.

        Returns
        -------
        tokens : list
            Texts, or ids where the model has no vocabulary.
        """
        prompts = [self._prompt(text, f"texts[{index}]") for index, text in enumerate(natural(texts, "texts"))]
        examples = Examples(self._kind, prompts, None, None)
        logits = np.empty((len(prompts), self._configuration["outputs"]), self.dtype)
        for chosen in in_batches(examples, integer(batch_size, "batch_size", 1)):
            logits[chosen] = self._last_logits(examples.batch(chosen))
        if flag(probabilities, "probabilities"):
            return softmax(logits)
        likeliest = logits.argmax(axis=-1).tolist()
        return likeliest if self.vocabulary is None else [self.vocabulary.tokens[token] for token in likeliest]

    def _last_logits(self, batch: Batch) -> Array:
        """Logits [N, vocabulary] after the last token of each sequence, some steps at a time: those of all steps of a
        long text would take more memory than the model."""
        assert batch.ids is not None
        ids, width = batch.ids, 64
        lengths = np.full(ids.shape[1], len(ids)) if batch.lengths is None else np.asarray(batch.lengths)
        found = np.empty((ids.shape[1], self._configuration["outputs"]), self.dtype)
        state = self.make_state()
        for start in range(0, len(ids), width):
            left = np.clip(lengths - start, 0, width)
            part = ids[start : start + width]
            logits = self.logits(Batch(ids=part, lengths=np.minimum(left, len(part))), state)
            ends = np.flatnonzero((lengths > start) & (lengths <= start + width))
            found[ends] = logits[left[ends] - 1, ends]
        return found

    # ---- Writing ----

    @answers_words("generate")
    def generate(
        self,
        prompt: Any = "",
        length: int = 200,
        *,
        temperature: float | None = None,
        top_k: int = 0,
        top_p: float = 1.0,
        repetition_penalty: float = 1.0,
        beams: int = 1,
        length_penalty: float = 0.0,
        seed: int | None = None,
        count: int | None = None,
        details: bool = False,
    ) -> Any:
        """Goes on from a prompt, or from several.

        Parameters
        ----------
        prompt : text, or list of texts
            Each a str, bytes, or array of ids. An empty one begins with ``<bos>``; of a vocabulary without that with a
            line feed, or else with the most frequent token. A vocabulary's ``<bos>`` also comes before other prompts.
        length : int
            Tokens at most; ``<eos>`` ends a text before.
        temperature : float, optional
            0: the likeliest token; 1: as the model says. None: 1.
        top_k : int
            Only the K likeliest tokens; 0: all.
        top_p : float
            Only the likeliest tokens that together have p (Holtzman et al. 2020); 1: all.
        repetition_penalty : float
            Above 1: of tokens that are there already (Keskar et al. 2019).
        beams : int
            Width of a search for the likeliest text, which takes the place of drawing, and so of `temperature`, `top_k`
            and `top_p`; 1: none.
        length_penalty : float
            For a search: alpha in ((5 + length) / 6)^alpha (Wu et al. 2016).
        seed : int, optional
            The same seed, the same text. None: one from the operating system.
        count : int, optional
            Texts for each prompt, of a search the best ones; above 1 not with temperature 0, which writes the
            same text each time. None: one, and no list of them.
        details : bool
            `Generated` in the place of texts.

        Returns
        -------
        text : str
            Behind the prompt, without special tokens; an array of ids if the model has no vocabulary. A list of `count`
            of them; a list of either for a list of prompts.
        """
        several = isinstance(prompt, (list, tuple)) and not self._is_text(prompt)
        wanted = number_of_texts(count, beams, 1.0 if temperature is None else temperature)
        prompts = [self._prompt(one, f"prompt[{k}]") for k, one in enumerate(prompt if several else [prompt])]
        if beams == 1:
            prompts = [one for one in prompts for _ in range(wanted)]
        made = options(
            length, self._start(), self._special("<eos>"), temperature, 1.0, top_k, top_p, repetition_penalty,
            beams, length_penalty, seed,
        )  # fmt: skip
        if not prompts:
            return []
        batch = Examples(self._kind, prompts, None, None).batch(range(len(prompts)))
        written = generate(self, batch, made, self.vocabulary)
        rows = [one for found in written for one in found[:wanted]]
        chosen: list[Any] = rows if details else [row.value for row in rows]
        if beams == 1:
            groups = [chosen[k : k + wanted] for k in range(0, len(chosen), wanted)]
        else:
            ends = np.cumsum([0, *(min(wanted, len(found)) for found in written)])
            groups = [chosen[start:end] for start, end in zip(ends, ends[1:])]
        results = [group[0] if count is None else group for group in groups]
        return results if several else results[0]

    def _prompt(self, text: Any, name: str) -> Array:
        if isinstance(text, (str, bytes)) and not text:
            ids = np.empty(0, np.int64)
        else:
            ids = self._ids(text, name)
        begin = self._special("<bos>")
        if begin is not None:
            return np.concatenate([np.array([begin], np.int64), ids])
        return ids if len(ids) else np.array([self._start()], np.int64)

    def _start(self) -> int:
        """The token that a text without a prompt begins with."""
        begin = self._special("<bos>")
        if begin is not None:
            return begin
        if self.vocabulary is None:
            return 0
        feed = self.vocabulary._id("\n")
        return feed if feed >= 0 else min(len(self.vocabulary.specials), len(self.vocabulary) - 1)
