"""One model that is not ours: where it comes from, and what its training step is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, eq=False)
class Made:
    """A model with random weights, what it is called with, and E of its output (None: the output has a `.loss`).

    `intended`: its custom functions whose backward is meant to be no derivative of their forward.
    """

    model: Any
    inputs: Any
    loss: Callable[[Any], Any] | None = None
    intended: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Real:
    """A model of a package, by the name that it has in the table; `make` builds it, small, and imports its package."""

    name: str
    package: str
    make: Callable[[], Made]


class Models:
    """A list of models under construction: `@models.model("GCN")` on the function that makes one."""

    def __init__(self, package: str) -> None:
        self.package = package
        self.found: list[Real] = []

    def add(self, name: str, make: Callable[[], Made]) -> None:
        """One more."""
        self.found.append(Real(name, self.package, make))

    def model(self, name: str) -> Callable[[Callable[[], Made]], Callable[[], Made]]:
        """The decorated function makes the model of that name."""

        def enter(make: Callable[[], Made]) -> Callable[[], Made]:
            self.add(name, make)
            return make

        return enter


def near(*path: str) -> Callable[[Any], Any]:
    """E of an output without a loss: the mean square of its distance from a wave, of the first tensor found along `path`.

    The mean square of the output alone would not do: behind a norm it is nearly constant, and all Δ would be rounding.
    """

    def error(output: Any) -> Any:
        import torch

        for name in path:
            output = output[int(name)] if name.isdigit() else getattr(output, name)
        while not isinstance(output, torch.Tensor):
            output = output[0]
        wave = torch.sin(torch.arange(output.numel(), dtype=output.dtype)).reshape(output.shape)
        return ((output - wave) ** 2).mean()

    return error


def tokens(*shape: int, below: int = 40) -> Any:
    """Random token ids, none of the special ones."""
    import torch

    return torch.randint(5, below, shape)


def noise(*shape: int) -> Any:
    """Random numbers of size one."""
    import torch

    return torch.randn(shape)
