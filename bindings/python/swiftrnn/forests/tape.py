"""The tape of a forward pass over trees, from which gradients are computed."""

from __future__ import annotations

from typing import Union

import numpy as np

from .. import _c as c
from .._arrays import Array, address
from .._batch import State, state_pointers
from .._memory import refuse_overlap
from ..gradients import Gradients, flat_gradient
from ..parameters import NamedViews
from ..tapes import Recorded, TapeMemory
from ._nodes import Nodes


class ForestTape(TapeMemory):
    """The tape of one ``CellNetwork.tree_forward``, from which `backward` makes gradients, as often as wanted.

    All that holds of a `Tape` holds of it: x, further inputs and parameters must stay as they were; any number of
    threads may call `backward`; `close`, or leaving a ``with`` block, gives the memory back.

    Attributes
    ----------
    seed : int
        The seed of the masks.
    nbytes : int
        The tape's size in bytes.

    Examples
    --------
    >>> import numpy as np, swiftrnn
    >>> network = swiftrnn.Cell("tree_child_sum").layer(3, 8, seed=0)
    >>> y, state, tape = network.tree_forward(swiftrnn.Forest([2, 2, -1]), np.ones((3, 3), np.float32))
    >>> grads = tape.backward(np.ones_like(y))
    >>> grads.x.shape, grads.parameters["Wi_l0"].shape, grads.flat.shape
    ((3, 3), (8, 3), (384,))
    """

    def __init__(self, network: Recorded, nodes: Nodes, buffer: Array, seed: int, version: int) -> None:
        super().__init__(network, buffer, seed, version)
        self._nodes = nodes

    def __repr__(self) -> str:
        closed = ", closed" if self._buffer is None else ""
        return f"ForestTape({self._network!r}, {self._nodes.forest!r}, nbytes={self.nbytes}{closed})"

    def backward(
        self,
        dy: Array | None = None,
        dstate: State | None = None,
        *,
        need_x: bool = True,
        need_parameters: bool = True,
        need_inputs: bool = True,
        accumulate_into: Union[Gradients, Array, None] = None,
    ) -> Gradients:
        """Back-propagation through structure, of gradients that arrive through y, the nodes' states, or both.

        Parameters
        ----------
        dy : ndarray, optional
            The loss's gradient for y, [M, O]; None: zeros.
        dstate : ndarray or tuple of ndarray, optional
            The loss's gradient for the states of all nodes, each [L, M, width]; of several, any may be None: zeros.
        need_x, need_parameters, need_inputs : bool
            Which gradients to compute; what is not wanted costs nothing.
        accumulate_into : Gradients or ndarray, optional
            As for `Tape.backward`.

        Returns
        -------
        Gradients
            Its `state` is None: trees have no initial state.

        Raises
        ------
        TypeError, ValueError
            `dy`, `dstate` or `accumulate_into` has the wrong type or shape.
        SwiftRNNError
            MISMATCH: the parameters have changed since the forward pass.
        ValueError
            Neither `dy` nor any of `dstate` is given; or the tape is closed.

        Examples
        --------
        >>> import numpy as np, swiftrnn
        >>> network = swiftrnn.Cell("tree_child_sum").layer(3, 8, seed=0)
        >>> forest = swiftrnn.Forest([2, 2, -1])
        >>> y, (h, c), tape = network.tree_forward(forest, np.ones((3, 3), np.float32))
        >>> dy = np.zeros_like(y)
        >>> dy[forest.roots] = 1                     # of the loss that adds up the roots' outputs
        >>> grads = tape.backward(dy)
        >>> grads.state is None, bool(grads.x[0].any())
        (True, True)
        """
        network, nodes, handle = self._network, self._nodes, self._nodes.handle
        buffer = self._memory()
        dy_given = None if dy is None else nodes.rows(dy, "dy", handle.output_size)
        dstates = nodes.states(dstate, "dstate")
        self._refuse_nothing(dy, dstates)
        dx = np.empty_like(nodes.x) if need_x else None
        dinputs = [np.empty_like(array) for array in nodes.inputs] if need_inputs else None
        flat = flat_gradient(network._flat, need_parameters, accumulate_into)
        if accumulate_into is not None:
            read = {"x": nodes.x, "dy": dy_given}
            read.update((f"input {name}", array) for (name, _), array in zip(handle.inputs, nodes.inputs))
            read.update((f"dstate {name}", tensor) for name, tensor in zip(handle.state_names, dstates or ()))
            refuse_overlap(flat, "accumulate_into", read)

        workspace = network._pools.backward.take(
            handle.forest_workspace_size(c.WORKSPACE_BACKWARD, nodes.forest._handle)
        )
        arguments = c.ForestBackwardArgs(
            x=address(nodes.x),
            inputs=c.pointers([address(array) for array in nodes.inputs]),
            input_gradients=None if dinputs is None else c.pointers([address(array) for array in dinputs]),
            input_count=len(nodes.inputs),
            dy=address(dy_given),
            dx=address(dx),
            state_gradients=state_pointers(dstates),
            state_count=len(handle.state_names),
            parameters=network._pointers(),
            gradients=None if flat is None else handle.flat_pointers(address(flat), flat.nbytes),
            parameter_count=len(handle.parameters),
            accumulate=0 if accumulate_into is None else 1,
            tape=address(buffer),
            tape_size=buffer.nbytes,
            workspace=address(workspace),
            workspace_size=workspace.nbytes,
        )
        c.forest_backward(handle.pointer, nodes.forest._handle.pointer, c.byref(arguments))
        network._pools.backward.give(workspace)
        named = zip(handle.inputs, dinputs or [], nodes.input_shapes)
        return Gradients(
            x=dx,
            state=None,
            parameters=None if flat is None else NamedViews(flat, handle.parameters),
            flat=flat,
            inputs=None if dinputs is None else {name: array.reshape(shape) for (name, _), array, shape in named},
        )
