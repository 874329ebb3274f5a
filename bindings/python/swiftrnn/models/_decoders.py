"""Models that write a sequence: from a vector, or from another sequence."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from .._arguments import flag, integer
from .._arrays import Array
from . import _configuration as made_of
from ._base import natural
from ._batch import Batch
from ._configuration import CellLike, Input
from ._evaluation import EvaluationResult, evaluate_batches, example_batches, in_batches
from ._examples import Examples
from ._generation import Generated, generate, number_of_texts, options
from ._model import Model
from ._sequences import in_a_list, numbers, read as read_sequence, token_ids, type_of
from ._vocabulary import Vocabulary
from ._words import answers_words

ATTENTIONS = ("none", "additive", "dot", "general", "concat")
ATTENTION_USES = ("output", "input")
VECTOR_USES = ("states", "input")


class Decoder(Model):
    """The base of models that write a sequence of tokens."""

    _source_word = "source"

    def _source(self, value: Any, name: str) -> Array:
        raise NotImplementedError

    def _frame(self) -> tuple[int, int]:
        """``<bos>`` and ``<eos>``; of a model without a vocabulary the last two tokens but none."""
        vocabulary = self.target_vocabulary
        if vocabulary is None:
            return self._plain_frame
        return vocabulary["<bos>"], vocabulary["<eos>"]

    @property
    def _plain_frame(self) -> tuple[int, int]:
        count = self._configuration["decoder_input"]["vocabulary"]
        return count - 2, count - 1

    def _examples(self, data: Any, name: str = "data") -> Examples:
        count = self._configuration["outputs"]
        sources, written = [], []
        for index, pair in enumerate(natural(data, name)):
            if not isinstance(pair, (tuple, list)) or len(pair) != 2:
                raise TypeError(
                    f"{name}[{index}]: expected a pair ({self._source_word}, target), got {type_of(pair)}"
                    f"{in_a_list(f'{name}[{index}]')}"
                )
            sources.append(self._source(pair[0], f"{name}[{index}][0]"))
            written.append(token_ids(pair[1], f"{name}[{index}][1]", self.target_vocabulary, count))
        return Examples(self._kind, sources, written, self._frame())

    @answers_words("evaluate")
    def evaluate(self, data: Any, *, batch_size: int = 64, exact: bool = True) -> EvaluationResult:
        """The loss and perplexity of targets behind their sources, under teacher forcing, and the share of sequences
        that the model writes without a mistake.

        Parameters
        ----------
        data : sequence of pairs, or Batch
            As for `fit`.
        batch_size : int
        exact : bool
            Whether sequences are written, greedily, which takes longer than the loss. Not of a Batch.
        """
        if isinstance(data, Batch):
            return evaluate_batches(self, iter([data]))
        examples = data if isinstance(data, Examples) else self._examples(data)
        size = integer(batch_size, "batch_size", 1)
        share = self._exact(examples, size) if flag(exact, "exact") and len(examples) else None
        return evaluate_batches(self, example_batches(examples, size), exact=share)

    def _exact(self, examples: Examples, batch_size: int) -> float:
        """The share of targets that are written as they are."""
        right, end = 0, self._frame()[1]
        assert examples.targets is not None
        for chosen in in_batches(examples, batch_size):
            targets = [np.append(examples.targets[number], end) for number in chosen]
            made = self._options(max(map(len, targets)), 0.0, 0, 1.0, 1.0, 1, 0.0, None)
            sources = Examples(self._kind, [examples.inputs[number] for number in chosen], None, None)
            written = generate(self, sources.batch(range(len(chosen))), made, None)
            right += sum(np.array_equal(found[0].ids, target) for found, target in zip(written, targets))
        return right / len(examples)

    @answers_words("score")
    def score(self, data: Any, *, batch_size: int = 64) -> NDArray[np.float64]:
        """log P of the target, with its end, of each pair of `data`, in nats.

        Returns
        -------
        scores : ndarray of float64 [count]
        """
        examples = self._examples(data)
        scores = np.zeros(len(examples))
        for chosen in in_batches(examples, integer(batch_size, "batch_size", 1)):
            scores[chosen] = self._scores(examples.batch(chosen))[0]
        return scores

    def _options(
        self, length: int, temperature: float | None, top_k: int, top_p: float, penalty: float, beams: int,
        alpha: float, seed: int | None,
    ) -> Any:  # fmt: skip
        begin, end = self._frame()
        return options(length, begin, end, temperature, 0.0, top_k, top_p, penalty, beams, alpha, seed)

    @answers_words("generate")
    def generate(
        self,
        sources: Sequence[Any],
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
        batch_size: int = 32,
    ) -> list[Any]:
        """Writes a sequence for each source, or vector.

        Parameters
        ----------
        sources : sequence
            As those of `fit`.
        length : int
            Tokens at most, the end token included.
        temperature : float, optional
            0: the likeliest token each time; above: drawn. None: 0.
        top_k, top_p, repetition_penalty, beams, length_penalty, seed, count, details
            As for `LanguageModel.generate`.
        batch_size : int
            Sources of a call.

        Returns
        -------
        texts : list
            For each source a str, or an array of ids if there is no target vocabulary; a list of `count` of them where
            `count` is given.
        """
        wanted = number_of_texts(count, beams, 0.0 if temperature is None else temperature)
        made = self._options(length, temperature, top_k, top_p, repetition_penalty, beams, length_penalty, seed)
        copies = wanted if beams == 1 else 1
        inputs = [
            self._source(source, f"sources[{index}]")
            for index, source in enumerate(natural(sources, "sources"))
            for _ in range(copies)
        ]
        examples = Examples(self._kind, inputs, None, None)
        rows: list[list[Generated]] = [[] for _ in inputs]
        # Draws are told apart by the row of a call: a batch of all of them, if they are drawn.
        size = integer(batch_size, "batch_size", 1)
        together = in_batches(examples, size) if made.temperature == 0 or beams > 1 else _whole(len(inputs))
        for chosen in together:
            for number, found in zip(chosen, generate(self, examples.batch(chosen), made, self.target_vocabulary)):
                rows[number] = found[:wanted]
        groups = [[one for row in rows[k : k + copies] for one in row] for k in range(0, len(rows), copies)]
        results = [[one if details else one.value for one in group] for group in groups]
        return results if count is not None else [group[0] for group in results]


    @answers_words("predict")
    def predict(
        self,
        sources: Sequence[Any],
        length: int = 200,
        *,
        beams: int = 1,
        length_penalty: float = 0.0,
        batch_size: int = 32,
    ) -> list[Any]:
        """The likeliest sequence for each source, or vector: token by token, or by a beam search.

        Parameters
        ----------
        sources, length, batch_size
            As for `generate`.
        beams, length_penalty
            As for `LanguageModel.generate`.

        Returns
        -------
        texts : list
            For each source a str, or an array of ids if there is no target vocabulary.
        """
        return self.generate(sources, length, beams=beams, length_penalty=length_penalty, batch_size=batch_size)


def _whole(count: int) -> list[Any]:
    return [np.arange(count)] if count else []


class VectorDecoder(Decoder):
    """A sequence of tokens from a vector.

    Parameters
    ----------
    vector_size : int
        Numbers of the vector.
    vocabulary : Vocabulary or int
        The vocabulary of the output, with ``<bos>`` and ``<eos>``. A number of tokens: the last two are these.
    hidden_size : int
    embedding_size, cell, num_layers, dropout
        As for `LanguageModel`.
    vector_use : str
        "states": a linear layer of the vector makes the states that the decoder starts with; "input": the vector is
        part of the input of every step.
    tie_embedding : bool
        The linear layer has the embedding's table for its weights.
    adaptive_cutoffs, adaptive_divisor
        Settings of an adaptive softmax, for large vocabularies, as for `LanguageModel`.
    sizes, dtype, seed
        As for `LanguageModel`.

    Examples
    --------
    >>> import numpy as np
    >>> from swiftrnn.models import VectorDecoder, Vocabulary
    >>> names = ["red", "green", "blue"]
    >>> letters = Vocabulary("characters", names, specials=("<bos>", "<eos>"))
    >>> model = VectorDecoder(3, letters, hidden_size=32, seed=0)
    >>> data = list(zip(np.eye(3), names))
    >>> history = model.fit(data, epochs=60, rate=0.02, seed=0, progress=False)
    >>> model.predict(np.eye(3))
    ['red', 'green', 'blue']
    """

    _kind = "vector_decoder"
    _source_word = "vector"

    @answers_words()
    def __init__(
        self,
        vector_size: int,
        vocabulary: Vocabulary | int,
        hidden_size: int,
        *,
        embedding_size: int | None = None,
        cell: CellLike = "lstm",
        num_layers: int = 1,
        dropout: float = 0.0,
        vector_use: str = "states",
        tie_embedding: bool = False,
        adaptive_cutoffs: Sequence[int] = (),
        adaptive_divisor: int = 4,
        sizes: Mapping[str, int] | None = None,
        dtype: Any = None,
        seed: int | None = None,
    ) -> None:
        own = written_vocabulary(vocabulary)
        read_back = made_of.tokens(vocabulary, "vocabulary", embedding_size, hidden_size)
        configuration = {
            "decoder_input": read_back,
            "decoder": made_of.recurrent(cell, hidden_size, num_layers, False, sizes),
            "outputs": read_back["vocabulary"],
            "dropout": made_of.rate_of_dropout(dropout),
            "vector_size": made_of.size(vector_size, "vector_size"),
            "vector_use": made_of.word(vector_use, "vector_use", VECTOR_USES),
            "tie_embedding": flag(tie_embedding, "tie_embedding"),
            **made_of.adaptive(adaptive_cutoffs, adaptive_divisor, read_back["vocabulary"]),
        }
        self._make(configuration, dtype, seed, None, own)

    def _source(self, value: Any, name: str) -> Array:
        return numbers(value, name, (self._configuration["vector_size"],), self.dtype)


class EncoderDecoder(Decoder):
    """A sequence of tokens from a sequence: an encoder, a bridge to the decoder's states where the two differ, a
    decoder, and attention behind it.

    Parameters
    ----------
    input : Vocabulary, int or Features
        A step of the source: a token of a vocabulary, or of so many tokens; or numbers.
    vocabulary : Vocabulary or int
        The vocabulary of the output, with ``<bos>`` and ``<eos>``. A number of tokens: the last two are these.
    hidden_size : int
        Hidden units of the encoder in each direction, and of the decoder.
    embedding_size, decoder_embedding_size : int, optional
        Numbers of a token's vector. None: `hidden_size`; and `embedding_size`, or `hidden_size` again.
    cell, num_layers
        For both, as for `LanguageModel`.
    decoder_cell, decoder_num_layers, decoder_hidden_size : optional
        The decoder's, where they differ. None: the encoder's.
    bidirectional : bool
        The encoder also reads from the end.
    attention : str
        "dot", "general", "concat" (Luong, Pham, Manning 2015), "additive" (Bahdanau, Cho, Bengio 2015), or "none".
    attention_size : int
        Units of attention's hidden layer, for "additive" and "concat".
    attention_use : str
        "output": behind the decoder, whose output attends (Luong, Pham, Manning 2015); "input": the decoder's state
        before a step attends, and the context is part of the step's input (Bahdanau, Cho, Bengio 2015).
    tie_embedding : bool
        The last linear layer has the decoder's embedding for its weights.
    adaptive_cutoffs, adaptive_divisor
        Settings of the decoder's adaptive softmax, for large vocabularies, as for `LanguageModel`.
    dropout, sizes, dtype, seed
        As for `LanguageModel`.

    Examples
    --------
    >>> from swiftrnn.models import EncoderDecoder, Vocabulary
    >>> digits = ["zero", "one", "two", "three"]
    >>> data = [(str(n), " ".join(digits[int(d)] for d in str(n))) for n in (*range(4), 10, 12, 13, 21, 23, 30, 31, 32)]
    >>> source = Vocabulary("characters", [a for a, _ in data])
    >>> target = Vocabulary("words", [b for _, b in data], specials=("<bos>", "<eos>"))
    >>> model = EncoderDecoder(source, target, hidden_size=32, seed=0)
    >>> history = model.fit(data, epochs=60, rate=0.02, seed=0, progress=False)
    >>> model.predict(["12", "30"])
    ['one two', 'three zero']
    """

    _kind = "encoder_decoder"

    @answers_words()
    def __init__(
        self,
        input: Input,
        vocabulary: Vocabulary | int,
        hidden_size: int,
        *,
        embedding_size: int | None = None,
        decoder_embedding_size: int | None = None,
        cell: CellLike = "lstm",
        num_layers: int = 1,
        decoder_cell: CellLike | None = None,
        decoder_num_layers: int | None = None,
        decoder_hidden_size: int | None = None,
        bidirectional: bool = False,
        attention: str = "general",
        attention_size: int = 128,
        attention_use: str = "output",
        tie_embedding: bool = False,
        adaptive_cutoffs: Sequence[int] = (),
        adaptive_divisor: int = 4,
        dropout: float = 0.0,
        sizes: Mapping[str, int] | None = None,
        dtype: Any = None,
        seed: int | None = None,
    ) -> None:
        own = written_vocabulary(vocabulary)
        width = hidden_size if decoder_hidden_size is None else decoder_hidden_size
        back = embedding_size if decoder_embedding_size is None else decoder_embedding_size
        read_back = made_of.tokens(vocabulary, "vocabulary", back, width)
        # The embedding's size is the decoder's where the encoder reads features.
        first = None if isinstance(input, made_of.Features) else embedding_size
        read = made_of.tokens_or_features(input, "input", first, hidden_size)
        configuration = {
            "input": read,
            "network": made_of.recurrent(cell, hidden_size, num_layers, bidirectional, sizes),
            "decoder_input": read_back,
            "decoder": made_of.recurrent(
                cell if decoder_cell is None else decoder_cell,
                width,
                num_layers if decoder_num_layers is None else decoder_num_layers,
                False,
                sizes,
                "decoder_",
            ),
            "outputs": read_back["vocabulary"],
            "dropout": made_of.rate_of_dropout(dropout),
            "attention": made_of.word(attention, "attention", ATTENTIONS),
            "tie_embedding": flag(tie_embedding, "tie_embedding"),
            **made_of.adaptive(adaptive_cutoffs, adaptive_divisor, read_back["vocabulary"]),
        }
        if attention in ("additive", "concat"):
            configuration["attention_size"] = made_of.size(attention_size, "attention_size")
        if made_of.word(attention_use, "attention_use", ATTENTION_USES) != "output":
            configuration["attention_use"] = attention_use
        self._make(configuration, dtype, seed, input if isinstance(input, Vocabulary) else None, own)

    def _source(self, value: Any, name: str) -> Array:
        return read_sequence(value, name, self._configuration["input"], self.vocabulary, self.dtype)


def written_vocabulary(vocabulary: Any) -> Vocabulary | None:
    """The vocabulary of what a decoder writes; None for a number of tokens.

    Raises
    ------
    ValueError
        The vocabulary lacks ``<bos>`` or ``<eos>``.
    """
    if not isinstance(vocabulary, Vocabulary):
        if isinstance(vocabulary, int) and not isinstance(vocabulary, bool) and vocabulary < 3:
            raise ValueError(f"vocabulary: {vocabulary} tokens are too few: the last two are <bos> and <eos>")
        return None
    for special in ("<bos>", "<eos>"):
        if special not in vocabulary.specials:
            raise ValueError(
                f"vocabulary: lacks {special}, which a decoder needs: make it with specials=('<unk>', '<bos>', '<eos>')"
            )
    return vocabulary
