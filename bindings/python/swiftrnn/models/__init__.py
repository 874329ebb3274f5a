"""Models: language models, taggers, classifiers, regressors, decoders from a vector, encoders and decoders; taggers,
classifiers and regressors of trees; networks with output feedback.

>>> from swiftrnn.models import LanguageModel, Vocabulary
>>> text = "Twinkle, twinkle, little star,\\nHow I wonder what you are!\\n" * 8
>>> model = LanguageModel(Vocabulary("characters", [text]), hidden_size=64, seed=0)
>>> history = model.fit(text, epochs=30, batch_size=4, steps=16, rate=0.01, seed=0, progress=False)
>>> model.generate("How I", length=12, temperature=0)
' wonder what'

A model is its parts (embedding, network of any cell, pooling, attention, linear layer), all parameters in one vector.
`fit` trains it, `evaluate` tests it, `predict`, `score` and `generate` use it, `save` and `load` keep it in a file that
C and Swift read, too. `Trainer` trains step by step. docs/python-models.md is the page, docs/models.md has equations.
All arithmetic is the library's: results are the same bits for any number of threads.
"""

from ._batch import Batch
from ._configuration import Features
from ._decoders import EncoderDecoder, VectorDecoder
from ._evaluation import EvaluationResult
from ._generation import Generated
from ._history import History, Report
from ._inspection import Inspection, LayerInspection, StateGradients
from ._language_model import LanguageModel
from ._model import Model, load
from ._output_feedback import OutputFeedback
from ._pooled_models import Classifier, Regressor
from ._state import ModelState
from ._taggers import Tagger
from ._trainer import StepResult, Trainer
from ._training import TrainingInterrupted
from ._vocabulary import Vocabulary

__all__ = [
    "Batch",
    "Classifier",
    "EncoderDecoder",
    "EvaluationResult",
    "Features",
    "Generated",
    "History",
    "Inspection",
    "LanguageModel",
    "LayerInspection",
    "Model",
    "ModelState",
    "OutputFeedback",
    "Regressor",
    "Report",
    "StateGradients",
    "StepResult",
    "Tagger",
    "Trainer",
    "TrainingInterrupted",
    "VectorDecoder",
    "Vocabulary",
    "load",
]
