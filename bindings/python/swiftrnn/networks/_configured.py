"""The configuration of a network as attributes, in torch's words."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._handles import NetworkHandle
from ..options import LayerOptions


class Configured:
    """A network's configuration, which can be read and not changed."""

    _handle: NetworkHandle

    @property
    def input_size(self) -> int:
        """I"""
        return self._handle.config.input_size

    @property
    def hidden_size(self) -> int:
        """H"""
        return self._handle.config.hidden_size

    @property
    def num_layers(self) -> int:
        """L"""
        return self._handle.config.num_layers

    @property
    def bias(self) -> bool:
        """Whether there are bias vectors, b and d."""
        return self._handle.config.bias

    @property
    def batch_first(self) -> bool:
        """Whether x and y are [N, T, features]; the state is not concerned."""
        return self._handle.config.batch_first

    @property
    def dropout(self) -> float:
        """The probability that an output of a layer, the last excepted, is dropped in training."""
        return self._handle.config.dropout

    @property
    def bidirectional(self) -> bool:
        """Whether D is 2."""
        return self._handle.config.bidirectional

    @property
    def proj_size(self) -> int:
        """P, or 0 for no projection."""
        return self._handle.config.proj_size

    @property
    def num_threads(self) -> int:
        """Threads of one call; 0: `get_num_threads` at the call."""
        return self._handle.config.num_threads

    @property
    def options(self) -> LayerOptions:
        """How layers and directions are joined."""
        return self._handle.config.options or LayerOptions()

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32 or float64: of every array of this network."""
        return np.dtype(self._handle.config.dtype)
