"""Whose code it is: the framework of a model, and the recorder that its package offers. bpcompare itself imports no framework."""

from __future__ import annotations

import random
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any, Protocol

import numpy as np

from bpcompare.program import Watched

RECORDERS: Mapping[str, str] = {"torch": "bpcompare_torch.recorder", "jax": "bpcompare_jax.recorder"}
"""By the framework that a model's class comes from: the module with its recorder."""


class Recorder(Protocol):
    """What a framework's package offers: it records while it is entered."""

    def __enter__(self) -> Any: ...

    def __exit__(self, *error: object) -> Any: ...

    def watched(self) -> Watched:
        """Everything that was recorded, once it is left."""


def framework_of(model: Any) -> str | None:
    """The framework that a model's class, or a class it is made from, comes from; None for no known one."""
    roots = [base.__module__.partition(".")[0] for base in type(model).__mro__]
    return "torch" if "torch" in roots else None


def is_loss(model: Any) -> bool:
    """Whether it is a function that JAX may differentiate: JAX is loaded, and it is no torch module."""
    return "jax" in sys.modules and callable(model) and framework_of(model) is None


def models_of(model: Any) -> dict[str, Any]:
    """The models by a prefix for their names, "" for the only one. Raises TypeError for what is no model."""
    if isinstance(model, Mapping):
        found = {str(name): one for name, one in model.items()}
    elif isinstance(model, Sequence) and not isinstance(model, str):
        found = {str(number): one for number, one in enumerate(model)}
    else:
        found = {"": model}
    for one in found.values():
        if framework_of(one) is None:
            raise TypeError(
                f"a {type(one).__name__} is no model that can be watched: a torch.nn.Module is, or a list or dict of several"
            )
    if not found:
        raise TypeError("there is no model in it")
    return found


def recorder_of(models: Mapping[str, Any], reference: Mapping[Any, Any], memory: int | None = None) -> Recorder:
    """A recorder for these models; `memory` is what its numbers may take, in bytes.

    Raises TypeError if they are of two frameworks, ImportError where its package is missing.
    """
    frameworks = {str(framework_of(one)) for one in models.values()}
    if len(frameworks) > 1:
        raise TypeError(f"the models are of {' and '.join(sorted(frameworks))}: one framework at a time")
    recorder: Recorder = import_module(RECORDERS[frameworks.pop()]).recorder(models, reference, memory=memory)
    return recorder


def seeded(seed: int) -> None:
    """Set the seed of every random generator that somebody's code may draw from, as far as its framework is installed."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 — theirs may be the old one
    with suppress(ImportError):
        import_module(RECORDERS["torch"]).seeded(seed)  # JAX has no generator of the process
