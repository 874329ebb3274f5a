"""The optimizers SGD with momentum, Adam, AdamW and RMSprop; `clip_grad_norm` and `clip_grad_value` are to be found
here too.

They work in place on float32 or float64 vectors; for a network, on its ``flat``. The optimizer holds its moments.

Settings, such as ``lr``, are attributes that may be changed between steps; they are checked when they are set.

Copies and pickles: an optimizer that is deep-copied or pickled together with what it trains, as
``copy.deepcopy((network, optimizer))``, trains the copy. By itself it takes a copy of its parameters along, as torch's
do. Pickle does not know that arrays are views of one vector: where that matters, give the optimizer the network.
``copy.copy`` gives an optimizer of the same parameters with moments of its own.
"""

from __future__ import annotations

from ._arguments import Gradient as Gradient, Parameter as Parameter
from .adam import Adam as Adam, AdamW as AdamW
from .clipping import clip_grad_norm as clip_grad_norm, clip_grad_value as clip_grad_value
from .rmsprop import RMSprop as RMSprop
from .sgd import SGD as SGD
