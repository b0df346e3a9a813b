"""Which framework code under test is written in: found among the modules that its author has imported; we import none."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bpcompare.tools.gradient.door.code import CodeUnderTest
from bpcompare.tools.gradient.door.of_jax import in_jax, pulled_by_jax
from bpcompare.tools.gradient.door.of_numpy import in_numpy, of_dy_alone
from bpcompare.tools.gradient.door.of_torch import apart, in_torch, is_torch, pulled_by_torch
from bpcompare.tools.gradient.door.of_torch import with_parameters as of_module
from bpcompare.tools.gradient.door.pairs import Convention, Parts, holds_complex, in_pairs, of_jax, of_numpy, of_torch
from bpcompare.tools.gradient.trees import Given, flattened, leaves

COMPLEX: Mapping[str, str] = {"float64": "complex128"}
"""The complex numbers whose parts are in a format; of shorter ones complex64."""


def code_under_test(
    forward: Any,
    backward: Any,
    inputs: Sequence[Any],
    names: Sequence[str],
    meant_for: Any = None,
    convention: Convention | None = None,
    *,
    complex_output: bool = False,
) -> CodeUnderTest:
    """The code under test, for the framework that it is written in. Raises ValueError where there is no backward to be found.

    Where inputs are complex, or `complex_output` says that outputs are, it is code of pairs. `convention`: of the gradients that
    the backward gives; by default the framework's own, and torch's in NumPy.
    """
    torch, jax = sys.modules.get("torch"), sys.modules.get("jax")
    parts = leaves(inputs)
    in_complex = complex_output or any(map(holds_complex, parts))

    def paired(
        given: Given, parts: Callable[[], Parts], own: Convention, code: Callable[[Given], CodeUnderTest]
    ) -> CodeUnderTest:
        parameters: Iterable[tuple[str, Any]] = getattr(given.forward, "named_parameters", tuple)()
        names = frozenset(name for name, x in (*given.inputs.items(), *parameters) if holds_complex(x))
        if not in_complex:
            found = code(given)
            return replace(found, complexes=names, convention=own) if names else found
        found = code(in_pairs(given, parts(), own, convention or own))
        return replace(found, analytic=False, complexes=names, convention=convention or own)

    if torch is not None and (any(isinstance(x, torch.Tensor) for x in parts) or is_torch(torch, forward)):
        if meant_for is not None:
            forward, backward = meant_for, backward or pulled_by_torch(torch, forward)
        given = flattened(apart(torch, forward), backward, inputs, names)
        return paired(given, lambda: of_torch(torch), "torch", lambda given: in_torch(torch, given))
    if jax is not None and (any(isinstance(x, jax.Array) for x in parts) or isinstance(forward, jax.custom_vjp)):
        if meant_for is not None:
            forward, backward = meant_for, backward or pulled_by_jax(jax, forward)
        given = flattened(forward, backward, inputs, names)
        return paired(given, lambda: of_jax(jax), "jax", lambda given: in_jax(jax, given))
    if backward is None:
        raise ValueError("backward: a NumPy function needs one: backward(*inputs, dy) -> a gradient for each input")
    backward = of_dy_alone(forward, backward)
    return paired(flattened(meant_for or forward, backward, inputs, names), of_numpy, "torch", in_numpy)


def with_parameters(code: CodeUnderTest) -> CodeUnderTest:
    """The code as a function of its inputs and of the parameters that it has, where it is a module of torch."""
    return of_module(sys.modules["torch"], code) if code.framework == "torch" else code


def cast(inputs: Sequence[Any], dtype: str) -> list[Any]:
    """The inputs with their floats in another format."""
    torch = sys.modules.get("torch")

    def one(x: Any) -> Any:
        if torch is not None and isinstance(x, torch.Tensor):
            if x.is_complex():
                return x.to(getattr(torch, COMPLEX.get(dtype, "complex64")))
            return x.to(getattr(torch, dtype)) if x.is_floating_point() else x
        if isinstance(x, Mapping):
            return {key: one(value) for key, value in x.items()}
        if isinstance(x, (list, tuple)):
            return type(x)(map(one, x))
        if holds_complex(x):
            return x.astype(COMPLEX.get(dtype, "complex64"))
        return x.astype(dtype) if hasattr(x, "astype") and np.dtype(x.dtype).kind in "fV" else x

    return [one(x) for x in inputs]
