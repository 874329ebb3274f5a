"""Results of `Model.inspect`: gradients step by step, spectral radii, saturated gates; as numbers and as a picture."""

from __future__ import annotations

import dataclasses
from typing import Any, Mapping

import numpy as np
from numpy.typing import NDArray

from ._handles import PathLike
from ._pictures import new_figure, saved


@dataclasses.dataclass(frozen=True)
class StateGradients:
    """Norms of the gradient of the loss for a state.

    Attributes
    ----------
    state : str
        The cell's name of it: "h", "c".
    norms : ndarray of float64 [T]
        Element t: the 2-norm, over the units of all sequences that have a step t, of the gradient for the state after
        step t. Of the reverse direction, too, t counts from the beginning of the sequence.
    is_output : bool
        The state is the output of its steps: the norms have the gradients from above and from the later steps. False:
        those of the later steps alone.
    """

    state: str
    norms: NDArray[np.float64]
    is_output: bool


@dataclasses.dataclass(frozen=True)
class LayerInspection:
    """One direction of one layer.

    Attributes
    ----------
    network : str
        "network"; of encoders and decoders "encoder_network" and "decoder_network".
    layer, direction : int
        Direction 0 is forward, 1 reverse.
    gradients : tuple of StateGradients
        Norms for each state.
    radii : dict of (str, str) to float
        The spectral radius of each gate's recurrent matrix, by the parameter's name and the gate (Pascanu, Mikolov,
        Bengio 2013): below 1 gradients vanish, above 1 they may explode.
    saturation : dict of str to (float, float)
        By gate: the shares of sigmoid gates below 0.05 and above 0.95, of tanh beyond -0.95 and 0.95, where the slope
        is nearly 0.
    """

    network: str
    layer: int
    direction: int
    gradients: tuple[StateGradients, ...]
    radii: dict[tuple[str, str], float]
    saturation: dict[str, tuple[float, float]]

    @property
    def name(self) -> str:
        """Such as "network, layer 0, reverse"."""
        return f"{self.network}, layer {self.layer}{', reverse' if self.direction else ''}"


@dataclasses.dataclass(frozen=True)
class Inspection:
    """A look inside of a model: what `Model.inspect` gives.

    Attributes
    ----------
    loss : float
        Loss of the batch, without dropout.
    count : int
        Targets that counted.
    layers : tuple of LayerInspection
    """

    loss: float
    count: int
    layers: tuple[LayerInspection, ...]

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> "Inspection":
        """The inspection that the library's JSON object describes.

        Parameters
        ----------
        found : mapping
            The object.
        """
        return cls(float(found["loss"]), found["count"], tuple(_layer(layer) for layer in found["layers"]))

    def plot(self, path: PathLike | None = None) -> Any:
        """A picture: norms of gradients over the steps, spectral radii, shares of saturated gates.

        Parameters
        ----------
        path : path, optional
            A picture is written there, in the format of its suffix. None: none is.

        Returns
        -------
        figure : matplotlib.figure.Figure

        Raises
        ------
        ImportError
            matplotlib is not installed: ``pip install swiftrnn[plot]``.
        """
        figure = new_figure(figsize=(12, 4))
        norms, radii, gates = figure.subplots(1, 3)
        norms.set(title="gradient of the loss for the states", xlabel="step", ylabel="norm", yscale="log")
        for layer in self.layers:
            for gradients in layer.gradients:
                shown = np.where(gradients.norms > 0, gradients.norms, np.nan)
                norms.plot(shown, label=f"{gradients.state}: {layer.name}")
        norms.legend(fontsize="small")
        values = {f"{layer.layer}{'r' * layer.direction} {gate}": value
                  for layer in self.layers for (_, gate), value in layer.radii.items()}  # fmt: skip
        radii.set(title="spectral radius of recurrent matrices")
        radii.barh(list(values), list(values.values()))
        radii.axvline(1, color="black", linewidth=1)
        shares = {f"{layer.layer}{'r' * layer.direction} {gate}": pair
                  for layer in self.layers for gate, pair in layer.saturation.items()}  # fmt: skip
        gates.set(title="saturated activations", xlim=(0, 1))
        low, high = ([pair[end] for pair in shares.values()] for end in (0, 1))
        gates.barh(list(shares), low, label="at the lower end")
        gates.barh(list(shares), high, left=low, label="at the upper end")
        gates.legend(fontsize="small")
        for axes in (radii, gates):
            axes.invert_yaxis()
        return saved(figure, path)


def _layer(found: Mapping[str, Any]) -> LayerInspection:
    return LayerInspection(
        found["network"],
        found["layer"],
        found["direction"],
        tuple(
            StateGradients(one["state"], np.array([float(norm) for norm in one["norms"]]), one["is_output"])
            for one in found["gradients"]
        ),
        {(one["parameter"], one["gate"]): float(one["value"]) for one in found["radii"]},
        {one["name"]: (float(one["low"]), float(one["high"])) for one in found["saturations"]},
    )
