"""The C contract, ``include/swiftrnn.h`` and ``include/swiftrnn_models.h``, as ctypes sees it. No other part of the
package declares C types.

`types` has the enumerations, structs and pointers, `functions` each function, below its C prototype. Those of losses,
optimizers and whatever else surrounds a network are in `around_types` and `around_functions`, those of models in
`model_types`, `model_functions`, `trainer_functions` and `tensor_functions`. `loader` finds and loads ``libswiftrnn``.

The other modules take all under one name: ``from . import _c as c``. `direct` declares those few functions once more
that must be quick to call. A test compares all of it with the headers.
"""

from . import direct as direct
from .around_functions import *
from .around_types import *
from .functions import *
from .model_functions import *
from .model_types import *
from .tensor_functions import *
from .trainer_functions import *
from .types import *
