"""Other ways to differentiate the same code: forward mode, many inputs at once, and once more."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from bpcompare.network.parameter import Array
from bpcompare.tools.gradient.contracts.ways.jax_modes import JaxModes
from bpcompare.tools.gradient.contracts.ways.of_jax import JaxWay
from bpcompare.tools.gradient.contracts.ways.of_torch import TorchWay
from bpcompare.tools.gradient.contracts.ways.torch_modes import TorchModes
from bpcompare.tools.gradient.contracts.ways.way import Batched, Way


class Modes(Protocol):
    """`missing`: why the code does not offer a mode by itself, by the contract that asks for it."""

    missing: Mapping[str, str]

    def forward(self, arguments: Sequence[Any], i: int, v: Array) -> list[Array]:
        """How the outputs move when input `i` moves along `v`, by forward mode."""
        ...

    def batched(self, arguments: Sequence[Any], dys: Sequence[Any], axes: Sequence[int | None]) -> Batched:
        """Outputs and gradients under vmap. Inputs are stacked along `axes` (None: the same for all), all else along 0."""
        ...

    def second(
        self, arguments: Sequence[Any], dys: Sequence[Any], weights: Mapping[int, Array]
    ) -> tuple[dict[int, Array], list[Array]]:
        """The derivatives of Σ ⟨weights, gradients⟩ by each input and each dy, by reverse over reverse."""
        ...

    @property
    def twofold(self) -> Callable[[Sequence[Any], Sequence[Any], Mapping[int, Array], int, Array], float] | None:
        """The derivative of Σ ⟨weights, gradients⟩ along a vector of one input, by forward over reverse, where there is that.

        It is asked with arguments, dys, weights, the number of the input, and the vector.
        """
        ...


def modes_of(way: Way) -> Modes | None:
    """Those of the framework; None for NumPy, which differentiates nothing."""
    if isinstance(way, TorchWay):
        return TorchModes(way)
    return JaxModes(way, sys.modules["jax"]) if isinstance(way, JaxWay) else None
