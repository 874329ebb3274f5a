"""The C contract, ``include/swiftrnn.h``, as ctypes sees it. No other part of the package declares C types.

`types` has the enumerations, structs and pointers, `functions` each function, below its C prototype. The other modules
take both under one name: ``from . import _c_api as c``. `direct` has those few once more that must be quick to call. A
test compares all of it with the header.
"""

from . import direct as direct
from .functions import *
from .types import *
