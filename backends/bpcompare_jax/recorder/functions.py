"""What JAX's primitives are called in all frameworks, where their meaning is the same: the name, and those of the arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bpcompare.ops.call import Read

X, XY = ("self",), ("self", "other")

SAME: Mapping[str, tuple[str, tuple[str, ...]]] = {
    **{
        name: (name, X)
        for name in (
            "abs", "acos", "acosh", "asin", "asinh", "atan", "atanh", "ceil", "cos", "cosh", "digamma", "erf", "erfc", "exp",
            "exp2", "expm1", "floor", "lgamma", "log", "log1p", "neg", "round", "rsqrt", "sign", "sin", "sinh", "sqrt", "square",
            "tan", "tanh",
        )
    },
    "add": ("add", XY),
    "add_any": ("add", XY),
    "sub": ("sub", XY),
    "mul": ("mul", XY),
    "div": ("div", XY),
    "max": ("maximum", XY),
    "min": ("minimum", XY),
    "rem": ("fmod", XY),
    "atan2": ("atan2", XY),
    "pow": ("pow", ("self", "exponent")),
    "logistic": ("sigmoid", X),
    "complex": ("complex", ("real", "imag")),
    "real": ("real", X),
    "imag": ("imag", X),
    "conj": ("_conj", X),
    "erf_inv": ("erfinv", X),
    "copy": ("identity", X),
    "copy_p": ("identity", X),
    "name": ("identity", X),
    "pvary": ("identity", X),
    "reduced_vary_cast_p": ("identity", X),
    "sharding_constraint": ("identity", X),
    "layout_constraint": ("identity", X),
    "reshard": ("identity", X),
    "cbrt": ("lax.cbrt", X),
    "convert_element_type": ("_to_copy", X),
    "reshape": ("reshape", X),
    "squeeze": ("reshape", X),
    "expand_dims": ("reshape", X),
}  # fmt: skip
"""By primitive: the function, and the names of what it reads."""

PASSING = frozenset({"optimization_barrier", "device_put", "tie"})
"""Primitives whose results are what they read, one by one."""


def _sum(p: Mapping[str, Any]) -> dict[str, Any]:
    return {"dim": tuple(p["axes"]), "keepdim": False}


REDUCING: Mapping[str, str] = {"reduce_sum": "sum", "reduce_max": "amax", "reduce_min": "amin", "reduce_prod": "prod"}
"""By primitive that reduces axes: the function."""

SHAPED: Mapping[str, tuple[str, Callable[[Mapping[str, Any]], dict[str, Any]]]] = {
    "transpose": ("permute", lambda p: {"dims": tuple(p["permutation"])}),
    "rev": ("flip", lambda p: {"dims": tuple(p["dimensions"])}),
    **{name: (function, _sum) for name, function in REDUCING.items()},
    "split": ("split", lambda p: {"dim": p["axis"]}),
    "top_k": ("topk", lambda p: {"dim": -1, "k": p["k"], "largest": True}),
    "cumprod": ("cumprod", lambda p: {"dim": p["axis"]}),
}
"""By primitive that reads one array: the function, and its other arguments."""


def transform(params: Mapping[str, Any], axes: int) -> tuple[str, dict[str, Any]]:
    """The discrete Fourier transform of the last axes, by aten's name; those back are divided by the number of entries."""
    kind, lengths = str(getattr(params["fft_type"], "name", params["fft_type"])), tuple(params["fft_lengths"])
    back = kind in ("IFFT", "IRFFT")
    arguments = {"self": Read(0), "dim": tuple(range(axes - len(lengths), axes)), "normalization": 2 if back else 0}
    if kind == "RFFT":
        return "_fft_r2c", {**arguments, "onesided": True}
    if kind == "IRFFT":
        return "_fft_c2r", {**arguments, "last_dim_size": lengths[-1]}
    return "_fft_c2c", {**arguments, "forward": not back}


def common(name: str, params: Mapping[str, Any], numbers: int) -> tuple[str, dict[str, Any]] | None:
    """The common name of a primitive with its arguments; None where it has a form of its own."""
    if name in SAME and len(SAME[name][1]) == numbers:
        function, names = SAME[name]
        return function, {key: Read(i) for i, key in enumerate(names)}
    if name in (*REDUCING, "psum") and not params["axes"] and numbers == 1:
        return "identity", {"self": Read(0)}  # of no axis: torch would take all
    if name in SHAPED and not params.get("reverse"):
        function, others = SHAPED[name]
        return function, {"self": Read(0), **others(params)}
    if name == "concatenate":
        return "cat", {"tensors": tuple(Read(i) for i in range(numbers)), "dim": params["dimension"]}
    if name == "select_n" and numbers == 3:
        return "where", {"condition": Read(0), "self": Read(2), "other": Read(1)}
    if name == "psum" and numbers == 1 and all(isinstance(axis, int) for axis in params["axes"]):
        return "sum", {"self": Read(0), **_sum(params)}  # of the axis that a vmap has given a name
    return None
