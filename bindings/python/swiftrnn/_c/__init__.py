"""The C contract, ``include/swiftrnn.h`` and ``include/swiftrnn_models.h``, as ctypes sees it. No other part of the
package declares C types.

`types` has the enumerations, structs and pointers, `functions` each function, below its C prototype; `model_types` and
`model_functions` those of models. `loader` finds and loads ``libswiftrnn``. The other modules take all under one name:
``from . import _c as c``. `direct` has those few once more that must be quick to call. A test compares all of it with
the headers.
"""

from . import direct as direct
from .functions import *
from .model_functions import *
from .model_types import *
from .tensor_functions import *
from .trainer_functions import *
from .types import *
