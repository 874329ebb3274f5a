"""Owners of parameters: networks, layers, and layers by name. One flat vector, named views, dictionaries, files."""

from __future__ import annotations

import os
import secrets
import weakref
from typing import Any, Mapping, Union

from ._arrays import Array, dense, shaped
from .parameters import IncompatibleKeys, Parameters

Path = Union[str, "os.PathLike[str]"]


class Parameterized:
    """The base of `Network`, `Layer` and `Layers`. Not made itself."""

    _flat: Array
    _parameters: Parameters
    _held_by: "weakref.ref[Any] | None" = None
    """The `Layers` whose vector `_flat` is a part of."""

    @property
    def parameters(self) -> Parameters:
        """Named views of `flat`, in torch's names, shapes and order."""
        return self._parameters

    @property
    def flat(self) -> Array:
        """All parameters as one vector, without padding, in the order of `parameters`: what an optimizer, an
        all-reduce or a file wants. It may be written to; ``parameters.changed()`` lets tapes know.

        ``network.flat = vector`` copies into it, checks type and shape, and counts as a change that a tape notices, as
        does ``network.flat += vector``.

        In a `Layers` it is a part of the vector of all layers.

        Examples
        --------
        >>> import numpy as np, swiftrnn
        >>> gru = swiftrnn.GRU(3, 4, seed=0)
        >>> vector = gru.flat
        >>> gru.flat *= 0
        >>> gru.flat is vector, bool(vector.any())
        (True, False)
        """
        return self._flat

    @flat.setter
    def flat(self, value: Array) -> None:
        if value is not self._flat:  # it is where += has written
            self._flat[...] = shaped(value, "flat", self._flat.dtype, self._flat.shape)
        self._parameters.changed()

    def state_dict(self, prefix: str = "") -> dict[str, Array]:
        """Copies of all parameters by torch's names.

        Parameters
        ----------
        prefix : str
            Put before each name: ``"encoder."``, say.

        Examples
        --------
        >>> import swiftrnn
        >>> list(swiftrnn.RNN(3, 4, bias=False).state_dict())
        ['weight_ih_l0', 'weight_hh_l0']
        >>> list(swiftrnn.Linear(3, 4).state_dict(prefix="output."))
        ['output.weight', 'output.bias']
        """
        return self._parameters.copies(prefix)

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True, prefix: str = "") -> IncompatibleKeys:
        """Copies parameters in, by torch's names; nothing is copied unless all fit.

        From torch: ``network.load_state_dict({name: t.numpy() for name, t in module.state_dict().items()})``.

        Parameters
        ----------
        state : mapping of str to ndarray
            A dictionary, or what ``np.load`` returns for an .npz file.
        strict : bool
            Whether each parameter must be there, and nothing else. If not, parameters that are missing keep their
            numbers, and other names are left alone; types and shapes must fit in any case.
        prefix : str
            Names that do not start with it are left alone; of the others what follows it counts. ``"encoder."`` takes
            the encoder's parameters out of those of a whole model.

        Returns
        -------
        IncompatibleKeys
            The names that were missing and those that were not expected: both empty if `strict`.

        Raises
        ------
        ValueError
            A name is missing or unknown, or a shape differs.
        TypeError
            A type differs: nothing is cast. Or a value is no numpy array.

        Examples
        --------
        >>> import swiftrnn
        >>> a, b = swiftrnn.LSTM(3, 4), swiftrnn.LSTM(3, 4)
        >>> b.load_state_dict(a.state_dict())
        IncompatibleKeys(missing_keys=[], unexpected_keys=[])
        >>> bool((a.flat == b.flat).all())
        True
        """
        return self._parameters.load(state, strict, prefix)

    def save(self, path: Path) -> None:
        """Writes all parameters to one safetensors file, under the names of `state_dict`. Needs the package
        ``safetensors``.

        The file is written beside `path` under another name, and renamed when it is whole: whatever fails before, an
        older file at `path` is as it was.

        Parameters
        ----------
        path : str or path
            The file, which is replaced if there is one.

        Raises
        ------
        ImportError
            There is no package safetensors.
        OSError
            The file cannot be written.

        Examples
        --------
        >>> import os, swiftrnn, tempfile
        >>> a, b = swiftrnn.Linear(3, 4), swiftrnn.Linear(3, 4)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     a.save(os.path.join(folder, "linear.safetensors"))
        ...     b.load(os.path.join(folder, "linear.safetensors"))
        IncompatibleKeys(missing_keys=[], unexpected_keys=[])
        >>> bool((a.flat == b.flat).all())
        True
        """
        write_tensors(path, {name: array for name, array in self._parameters.items()})

    def load(self, path: Path, strict: bool = True, prefix: str = "") -> IncompatibleKeys:
        """Reads parameters from a safetensors file, of `save` or of anything else that writes such files. Needs the
        package ``safetensors``.

        Parameters
        ----------
        path : str or path
            The file.
        strict : bool
            As for `load_state_dict`.
        prefix : str
            As for `load_state_dict`.

        Returns
        -------
        IncompatibleKeys
            As for `load_state_dict`.

        Raises
        ------
        ImportError
            There is no package safetensors.
        OSError
            The file cannot be read.
        ValueError
            It is no safetensors file. Or as for `load_state_dict`.
        """
        return self._parameters.load(read_tensors(path), strict, prefix)

    def _rebind(self, vector: Array) -> None:
        """Makes `vector`, a part of a larger one, the owner's `flat`, with the numbers that it has now."""
        raise NotImplementedError


def _package() -> Any:
    try:
        import safetensors.numpy
    except ImportError as error:
        raise ImportError(
            "swiftrnn: save and load need the package safetensors: pip install safetensors. Without it, "
            "np.savez(path, **owner.state_dict()) and owner.load_state_dict(np.load(path)) do the same"
        ) from error
    return safetensors


def write_tensors(path: Path, tensors: Mapping[str, Array]) -> None:
    """Writes arrays to a file: beside it first, then renamed, so that a file at `path` is never in pieces.

    Raises
    ------
    ImportError
        There is no package safetensors.
    OSError
        The file cannot be written; there is no temporary one left.
    """
    contents = _package().numpy.save({name: dense(array) for name, array in tensors.items()})
    target = os.fspath(path)
    temporary = f"{target}.tmp-{os.getpid()}-{secrets.token_hex(4)}"
    try:
        with open(temporary, "xb") as file:
            file.write(contents)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        try:
            os.unlink(temporary)
        except OSError:
            pass  # it was never made
        raise


def read_tensors(path: Path) -> dict[str, Array]:
    """The arrays of a file by their names.

    Raises
    ------
    ImportError
        There is no package safetensors.
    OSError
        The file cannot be read.
    ValueError
        It is no safetensors file, or has tensors of a type that numpy has not.
    """
    package = _package()
    with open(path, "rb") as file:
        contents = file.read()
    try:
        found: dict[str, Array] = package.numpy.load(contents)
    except (package.SafetensorError, KeyError, TypeError) as error:
        raise ValueError(f"{os.fspath(path)}: no safetensors file that numpy can hold: {error}") from None
    return found
