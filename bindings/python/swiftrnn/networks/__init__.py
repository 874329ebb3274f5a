"""Networks with fused kernels: `LSTM`, `GRU` and `RNN`, and the base of all networks, `Network`.

Networks of other cells are made by `swiftrnn.Cell`.
"""

from .gru import GRU as GRU
from .lstm import LSTM as LSTM
from .network import Network as Network
from .rnn import RNN as RNN
