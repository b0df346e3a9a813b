"""Which framework code under test is written in: found among the modules that its author has imported; we import none."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bpcompare.tools.gradient.door.code import CodeUnderTest
from bpcompare.tools.gradient.door.of_jax import in_jax, pulled_by_jax
from bpcompare.tools.gradient.door.of_numpy import in_numpy
from bpcompare.tools.gradient.door.of_torch import in_torch, is_torch, pulled_by_torch
from bpcompare.tools.gradient.trees import flattened, leaves


def code_under_test(
    forward: Any, backward: Any, inputs: Sequence[Any], names: Sequence[str], meant_for: Any = None
) -> CodeUnderTest:
    """The code under test, for the framework that it is written in. Raises ValueError where there is no backward to be found."""
    torch, jax = sys.modules.get("torch"), sys.modules.get("jax")
    parts = leaves(inputs)
    if any(
        np.iscomplexobj(x) if isinstance(x, (np.ndarray, np.generic, complex)) else "complex" in str(getattr(x, "dtype", ""))
        for x in parts
    ):
        raise ValueError(
            "inputs: complex numbers are not tried. Frameworks do not agree on what their gradient is (torch has the conjugate "
            "of JAX's); ask about the real and the imaginary part as two inputs"
        )
    if torch is not None and (any(isinstance(x, torch.Tensor) for x in parts) or is_torch(torch, forward)):
        if meant_for is not None:
            forward, backward = meant_for, backward or pulled_by_torch(torch, forward)
        return in_torch(torch, flattened(forward, backward, inputs, names))
    if jax is not None and (any(isinstance(x, jax.Array) for x in parts) or isinstance(forward, jax.custom_vjp)):
        if meant_for is not None:
            forward, backward = meant_for, backward or pulled_by_jax(jax, forward)
        return in_jax(jax, flattened(forward, backward, inputs, names))
    if backward is None:
        raise ValueError("backward: a NumPy function needs one: backward(*inputs, dy) -> a gradient for each input")
    return in_numpy(flattened(meant_for or forward, backward, inputs, names))


def cast(inputs: Sequence[Any], dtype: str) -> list[Any]:
    """The inputs with their floats in another format."""
    torch = sys.modules.get("torch")

    def one(x: Any) -> Any:
        if torch is not None and isinstance(x, torch.Tensor):
            return x.to(getattr(torch, dtype)) if x.is_floating_point() else x
        if isinstance(x, Mapping):
            return {key: one(value) for key, value in x.items()}
        if isinstance(x, (list, tuple)):
            return type(x)(map(one, x))
        return x.astype(dtype) if hasattr(x, "astype") and np.dtype(x.dtype).kind in "fV" else x

    return [one(x) for x in inputs]
