"""Arithmetics that frameworks lend to who judges: of those frameworks that this process has loaded already.

Who judges loads none by itself: an import may end a process, take seconds, or run what nobody asked for. A run in which a backend
of the framework ran in this process has it loaded, and others do without. Only where somebody's own code left the proof, or they
ask for it, another framework is loaded (`voices`): no backend ran there, and the accused's own framework is no independent voice.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from bpcompare.engine.interruption import pass_on
from bpcompare.network.parameter import Array
from bpcompare.numbers.number import Num


class NotLentError(Exception):
    """The framework is not loaded, or its numbers do not load."""


@dataclass(frozen=True)
class Arithmetic:
    """A framework that differentiates laws: `source`, its name as a source of voices, and the module with its numbers.

    `loads`: it may be loaded for this alone. Then `environment` keeps it from what others may need: it takes no accelerator.
    """

    source: str
    module: str
    environment: Mapping[str, str] = field(default_factory=dict, hash=False)
    loads: bool = False

    @property
    def installed(self) -> bool:
        """Whether it is there, and its package: neither is loaded to tell."""
        return all(name in sys.modules or find_spec(name) is not None for name in (self.source, self.module.partition(".")[0]))

    def gradient(self, f: Callable[[Num], Num], x: Array) -> Array:
        """∂f/∂x of a number f(x), all of it at once. Raises NotLentError, and whatever the framework raises."""
        lender = None
        if self.source in sys.modules:
            lender = _imported(self.module)
        elif self.loads and self.installed:
            with _environment(self.environment):
                lender = _imported(self.module)
        if lender is None:
            raise NotLentError(self.source)
        found: Array = lender.gradient(f, x)
        return found


ARITHMETICS = (
    Arithmetic("torch", "bpcompare_torch.number"),
    Arithmetic("jax", "bpcompare_jax.number", {"JAX_PLATFORMS": "cpu"}),
)
"""In the order in which they are asked."""


def voices(accused: str) -> tuple[Arithmetic, ...]:
    """All of them, to be asked about code of the framework `accused`: that one last, and the others loaded where they are not."""
    return tuple(replace(one, loads=True) for one in sorted(ARITHMETICS, key=lambda one: one.source == accused))


@contextmanager
def _environment(names: Mapping[str, str]) -> Iterator[None]:
    """Variables of the environment, in here, where nobody has set them."""
    new = {name: value for name, value in names.items() if name not in os.environ}
    os.environ.update(new)
    try:
        yield
    finally:
        for name in new:
            os.environ.pop(name, None)


@cache
def _imported(module: str) -> ModuleType | None:
    """A module; None where it does not load, which is tried once."""
    try:
        return import_module(module)
    except BaseException as error:  # a framework that does not load may raise anything
        pass_on(error)
        return None
