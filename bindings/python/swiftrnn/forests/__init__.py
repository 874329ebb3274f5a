"""Trees: the `Forest` of nodes that a network of a recursive cell runs over, and the `ForestTape` of such a pass."""

from ._nodes import Nodes as Nodes, run_forest_forward as run_forest_forward
from .forest import Forest as Forest
from .tape import ForestTape as ForestTape
