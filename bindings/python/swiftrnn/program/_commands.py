"""The commands of the program: what each does, its arguments, and examples."""

from __future__ import annotations

import argparse
from typing import Callable, NamedTuple

from .._version import __version__
from . import _classification, _info, _language, _scoring, _tagging, _translation
from ._parser import Parser


class Command(NamedTuple):
    """A command of the program: the function that runs it, the one that adds its arguments, and texts of its help."""

    run: Callable[[argparse.Namespace], None]
    add: Callable[[argparse.ArgumentParser], None]
    summary: str
    examples: str


COMMANDS = {
    "train-lm": Command(
        _language.train_lm, _language.add_train, "train a language model on a text",
        "swiftrnn train-lm book.txt -o book.safetensors\n"
        "swiftrnn train-lm news.txt --tokens words --minimum-count 3 --layers 2 --dropout 0.3 --epochs 20\n"
        "swiftrnn train-lm names.txt --lines -o names.safetensors --plot names.png",
    ),
    "sample": Command(
        _language.sample, _language.add_sample, "write text with a language model",
        "swiftrnn sample book.safetensors --prompt 'Once upon a time'\n"
        "swiftrnn sample book.safetensors --temperature 1 --top-p 0.9 --seed 1 --count 5",
    ),
    "score": Command(
        _scoring.score, _scoring.add_score, "tell how good a model is on a file",
        "swiftrnn score book.safetensors test.txt\n"
        "swiftrnn score book.safetensors sentences.txt --lines\n"
        "swiftrnn score tagger.safetensors test.tsv --by-label",
    ),
    "train-seq2seq": Command(
        _translation.train_seq2seq, _translation.add_train, "train an encoder and decoder on pairs of texts",
        "swiftrnn train-seq2seq pairs.tsv -o translate.safetensors\n"
        "swiftrnn train-seq2seq numbers.csv --columns number,words --source-tokens characters\n"
        "swiftrnn train-seq2seq train.en train.de --validation dev.en --validation-targets dev.de --attention additive",
    ),
    "translate": Command(
        _translation.translate, _translation.add_translate, "write the target of each line",
        "swiftrnn translate translate.safetensors < sources.txt\n"
        "swiftrnn translate translate.safetensors sources.txt --beams 8 --length-penalty 0.6\n"
        "swiftrnn translate translate.safetensors numbers.csv --column number",
    ),
    "train-tagger": Command(
        _tagging.train_tagger, _tagging.add_train, "train a model that labels each token",
        "swiftrnn train-tagger train.tsv --validation dev.tsv -o tagger.safetensors\n"
        "swiftrnn train-tagger eng.train --columns 1,4\n"
        "swiftrnn train-tagger sentences.csv --layout rows --columns text,tags",
    ),
    "tag": Command(
        _tagging.tag, _tagging.add_tag, "label each token of a text",
        "echo 'the cat sat' | swiftrnn tag tagger.safetensors\n"
        "swiftrnn tag tagger.safetensors sentences.txt --output-layout rows > tags.txt\n"
        "swiftrnn tag tagger.safetensors eng.test --layout columns",
    ),
    "train-classifier": Command(
        _classification.train_classifier, _classification.add_train, "train a model that labels texts",
        "swiftrnn train-classifier reviews.csv --columns review,sentiment -o reviews.safetensors\n"
        "swiftrnn train-classifier names.tsv --tokens characters --pooling last",
    ),
    "classify": Command(
        _classification.classify, _classification.add_classify, "label each line of a text",
        "swiftrnn classify reviews.safetensors < reviews.txt\n"
        "swiftrnn classify reviews.safetensors reviews.csv --column review --probabilities",
    ),
    "info": Command(
        _info.info, _info.add_info, "print configuration, parameters and vocabularies of a file",
        "swiftrnn info book.safetensors\nswiftrnn info book.safetensors --json | python3 -m json.tool",
    ),
}  # fmt: skip


def make_parser() -> Parser:
    """The program's arguments."""
    parser = Parser(
        prog="swiftrnn", description="Trains and uses recurrent networks: language models, encoders and decoders, "
        "taggers, classifiers.", epilog="swiftrnn COMMAND --help tells the arguments of a command, with examples.",
        allow_abbrev=False,
    )  # fmt: skip
    parser.add_argument("--version", action="version", version=f"swiftrnn {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)
    for name, command in COMMANDS.items():
        own = commands.add_parser(
            name, help=command.summary, description=f"{command.summary[0].upper()}{command.summary[1:]}.",
            epilog="examples:\n" + "\n".join(f"  {line}" for line in command.examples.splitlines()),
            formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False,
        )  # fmt: skip
        command.add(own)
    return parser
