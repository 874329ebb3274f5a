"""Names that other programs of the field have for options of this one: errors suggest the program's own names."""

from __future__ import annotations

import difflib
from typing import Sequence

_OTHERS = {
    "--rate": "lr learning-rate step-size eta alpha",
    "--batch-size": "batch bs batchsize minibatch mini-batch batch-sz",
    "--hidden": "hidden-size hidden-dim hidden-units hidden-layer-size units rnn-size rnn-dim nhid n-hidden num-hidden "
    "hidden-sz state-size num-units",
    "--embedding": "embedding-size embedding-dim embed embed-size embed-dim emb emb-size emb-dim emsize word-dim",
    "--layers": "num-layers n-layers nlayers layer depth n-layer",
    "--steps": "seq-len seq-length sequence-length seqlen bptt bptt-steps block-size context context-length unroll "
    "num-steps k1 window",
    "--look-back": "k2 lookback",
    "--epochs": "epoch num-epochs n-epochs max-epochs max-epoch iterations iters",
    "--optimizer": "optim optimiser opt",
    "--weight-decay": "wd l2",
    "--clip": "clip-norm clip-grad grad-clip gradient-clip gradient-clipping max-grad-norm clip-grad-norm max-norm",
    "--dropout": "drop drop-rate dropout-rate p-dropout",
    "--schedule": "scheduler lr-scheduler lr-schedule rate-schedule decay",
    "--factor": "gamma lr-decay decay-rate",
    "--warm-up": "warmup warmup-steps warm-up-steps",
    "--patience": "early-stopping early-stop",
    "--validation": "valid val dev valid-size val-size test-size validation-split val-split valid-file val-file "
    "dev-file",
    "--output": "out save save-to save-model model-out output-file output-model model-file",
    "--checkpoint": "ckpt checkpoint-file checkpoint-path",
    "--checkpoint-every": "save-every save-interval checkpoint-interval",
    "--every": "log-every log-interval report-every eval-every eval-interval log-steps",
    "--restart": "no-resume from-scratch",
    "--overwrite": "force replace",
    "--cell": "model rnn rnn-type cell-type model-type type network",
    "--bidirectional": "bidir bi birnn",
    "--tie-embedding": "tied tie tie-weights tied-weights tie-embeddings share-embeddings",
    "--tokens": "token tokenizer tokenization level unit token-type token-level",
    "--source-tokens": "src-tokens src-level source-tokenizer",
    "--target-tokens": "tgt-tokens trg-tokens tgt-level target-tokenizer",
    "--minimum-count": "min-count min-freq minimum-frequency min-frequency cutoff",
    "--maximum-size": "max-size vocab-size max-vocab max-vocab-size vocabulary-size",
    "--adaptive-cutoffs": "cutoffs adaptive adaptive-softmax adaptive-softmax-cutoff",
    "--lowercase": "lower lower-case uncased",
    "--sampling": "scheduled-sampling teacher-forcing",
    "--columns": "cols column fields text-column label-column source-column target-column",
    "--column": "col columns field text-column",
    "--delimiter": "sep separator delim",
    "--header": "has-header",
    "--no-header": "no-header-row",
    "--temperature": "temp",
    "--top-k": "topk",
    "--top-p": "topp nucleus",
    "--length": "max-length max-len maxlen max-tokens max-new-tokens length-limit num-tokens",
    "--count": "num-samples n-samples samples num-return-sequences nbest n-best",
    "--beams": "beam beam-size beam-width num-beams",
    "--length-penalty": "lenpen alpha",
    "--repetition-penalty": "repeat-penalty",
    "--prompt": "start seed-text prime primer prefix",
    "--seed": "random-seed rng-seed manual-seed",
    "--threads": "num-threads n-threads nthreads jobs n-jobs workers num-workers",
    "--quiet": "silent no-progress",
    "--label-smoothing": "smoothing",
    "--probabilities": "probs proba probability scores",
    "--by-label": "per-label per-class f1 report classification-report",
    "--pooling": "pool",
}  # fmt: skip


def suggestion(word: str, flags: Sequence[str]) -> str | None:
    """The option among `flags` that an unknown word is likely to mean; None: there is none near."""
    flag = word.partition("=")[0]
    name = flag.lstrip("-").replace("_", "-").lower()
    if f"--{name}" in flags:
        return f"--{name}"
    for own, others in _OTHERS.items():
        if own in flags and name in others.split():
            return own
    near = difflib.get_close_matches(flag, [own for own in flags if own != "--help"], 1, cutoff=0.65)
    return near[0] if near else None
