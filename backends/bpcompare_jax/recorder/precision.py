"""In what precision JAX multiplies numbers of float32: what `precision` allows an equation, on the device that it ran on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import jax
import numpy as np

PRODUCTS = ("dot_general", "conv_general_dilated", "ragged_dot", "ragged_dot_general")

TF32, BF16, BF16_3 = 2.0**-10, 2.0**-8, 2.0**-15
"""What a factor is off, relatively: cut to TF32, rounded to bfloat16, and to two numbers of bfloat16."""

ALLOWED = {
    "gpu": {"DEFAULT": TF32, "HIGH": TF32},
    "tpu": {"DEFAULT": BF16, "HIGH": BF16_3},
}
"""By platform, as `jax.lax.Precision` describes it; only tried on the CPU, where nothing is cut, and on GPUs."""

ALGORITHMS = {"TF32_TF32_F32_X3": BF16_3, "TF32_TF32_F32": TF32, "BF16_BF16_F32_X": BF16_3, "BF16_BF16_": BF16}
"""What the names of `jax.lax.DotAlgorithmPreset` begin with; all others take numbers of float32 whole."""


def factors(equation: Any, number: Any) -> float:
    """How far, relatively, a factor of an equation's products may be off; 0 where its result, `number`, is not of float32."""
    if equation.primitive.name not in PRODUCTS or number.dtype not in (np.float32, np.complex64):
        return 0.0
    platform = _platform(number)
    return max((_of(one, platform) for one in _said(equation.params.get("precision"))), default=0.0)


def _platform(number: Any) -> str:
    devices = number.devices() if isinstance(number, jax.Array) else ()
    found = {device.platform for device in devices} or {jax.default_backend()}
    return "gpu" if found & {"gpu", "cuda", "rocm"} else found.pop()


def _said(precision: Any) -> Iterable[str]:
    if isinstance(precision, tuple):
        return [_name(one) for one in precision] or ["DEFAULT"]
    return [_name(precision)]


def _name(one: Any) -> str:
    return "DEFAULT" if one is None else str(getattr(one, "name", one)).upper()


def _of(name: str, platform: str) -> float:
    for beginning, off in ALGORITHMS.items():
        if name.startswith(beginning):
            return off
    return ALLOWED.get(platform, {}).get(name, 0.0)
