"""What NumPy's and scipy's ufuncs mean: the law's function, and what its arguments are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bpcompare.ops.call import Read
from bpcompare.tools.gradient.arrays.array import Memory, TracedArray, bare, fresh, reaching
from bpcompare.tools.gradient.arrays.tape import Tape, UntraceableError

ONE: Mapping[str, str] = {
    "negative": "neg", "absolute": "abs", "fabs": "abs", "exp": "exp", "exp2": "exp2", "expm1": "expm1", "log": "log",
    "log2": "log2", "log10": "log10", "log1p": "log1p", "sqrt": "sqrt", "square": "square", "reciprocal": "reciprocal",
    "sin": "sin", "cos": "cos", "tan": "tan", "arcsin": "asin", "arccos": "acos", "arctan": "atan", "sinh": "sinh",
    "cosh": "cosh", "tanh": "tanh", "arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh", "floor": "floor",
    "ceil": "ceil", "trunc": "trunc", "rint": "round", "sign": "sign", "expit": "sigmoid", "erf": "erf", "erfc": "erfc",
    "gammaln": "lgamma", "logit": "logit", "psi": "digamma", "ndtr": "special_ndtr", "log_expit": "log_sigmoid_forward",
    "erfinv": "erfinv", "deg2rad": "deg2rad", "rad2deg": "rad2deg", "radians": "deg2rad", "degrees": "rad2deg",
}  # fmt: skip
"""Of one argument, `self`."""
TWO: Mapping[str, str] = {
    "add": "add", "subtract": "sub", "multiply": "mul", "divide": "div", "true_divide": "div", "maximum": "maximum",
    "minimum": "minimum", "fmax": "fmax", "fmin": "fmin", "arctan2": "atan2", "hypot": "hypot", "logaddexp": "logaddexp",
    "logaddexp2": "logaddexp2", "fmod": "fmod", "remainder": "remainder", "copysign": "copysign", "matmul": "matmul",
    "xlogy": "xlogy", "xlog1py": "special_xlog1py",
}  # fmt: skip
"""Of two arguments, `self` and `other`."""
FLAT = frozenset({
    "greater", "greater_equal", "less", "less_equal", "equal", "not_equal", "isnan", "isinf", "isfinite", "signbit",
    "logical_and", "logical_or", "logical_not", "logical_xor", "floor_divide", "heaviside",
})  # fmt: skip
"""Truth values, whole numbers, steps: they have no derivative."""
REDUCED: Mapping[str, str] = {"add": "sum", "multiply": "prod", "maximum": "amax", "minimum": "amin"}


def applied(tape: Tape, ufunc: Any, method: str, inputs: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """What a call of a ufunc gives. Raises UntraceableError for one that nothing is known of."""
    out, where = kwargs.pop("out", None), kwargs.pop("where", True)
    if where is not True:
        raise UntraceableError(f"np.{ufunc.__name__}(…, where=…)")
    if method == "at":
        return _added_at(tape, ufunc, inputs)
    if method in ("reduce", "accumulate"):
        found = _along(tape, ufunc, method, inputs, kwargs)
    elif method == "outer":
        x, y = (one if isinstance(one, TracedArray) else fresh(tape, one) for one in inputs)
        found = applied(tape, ufunc, "__call__", (x.reshape(x.shape + (1,) * y.ndim), y), kwargs)
    elif method == "__call__":
        found = _called(tape, ufunc, inputs, kwargs)
    else:
        raise UntraceableError(f"np.{ufunc.__name__}.{method}")
    if out is None:
        return found
    (target,) = out
    if not isinstance(target, TracedArray):
        raise UntraceableError("a result is written into a bare array (out=)")
    target.written((), found, ufunc.__name__) if target.ndim == 0 else target.written(slice(None), found, ufunc.__name__)
    return target


def _called(tape: Tape, ufunc: Any, inputs: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    x = ufunc(*map(bare, inputs), **kwargs)
    name = ufunc.__name__
    if isinstance(x, tuple) or (np.asarray(x).dtype.kind not in "fc" and name not in FLAT and reaching(inputs)):
        raise UntraceableError(f"np.{name} of what depends on an input")
    if name in FLAT or not reaching(inputs):
        return fresh(tape, x) if np.asarray(x).dtype.kind in "fc" else x
    if np.asarray(x).dtype.kind == "c":
        if name in ("conjugate", "square"):
            more = {"other": inputs[0]} if name == "square" else {}
            return recorded(tape, "conj" if name == "conjugate" else "mul", {"self": inputs[0], **more}, x, name)
        if name == "power" and isinstance(inputs[1], (int, float)) and inputs[1] == 2:
            return recorded(tape, "mul", {"self": inputs[0], "other": inputs[0]}, x, name)
    if name in ONE:
        arguments: dict[str, Any] = {"self": inputs[0]}
        return recorded(tape, ONE[name], arguments, x, name)
    if name in ("power", "float_power"):
        return recorded(tape, "pow", {"self": inputs[0], "exponent": inputs[1]}, x, name)
    if name in TWO:
        return recorded(tape, TWO[name], {"self": inputs[0], "other": inputs[1]}, x, name)
    if name in ("positive", "conjugate"):
        return recorded(tape, "identity", {"self": inputs[0]}, x, name)
    raise UntraceableError(f"{name}, which bpcompare has no law for")


def recorded(tape: Tape, function: str, arguments: Mapping[str, Any], x: Any, called: str) -> TracedArray:
    """A step. Numbers of Python's, arrays of whole numbers and truth values stand in it as they are; floats are read."""
    reads: list[str] = []

    def read(path: str) -> Read:
        reads.append(path)
        return Read(len(reads) - 1)

    def placed(value: Any) -> Any:
        if isinstance(value, TracedArray):
            return read(value.path())
        if isinstance(value, complex) and not isinstance(value, np.generic):
            return str(value)
        if isinstance(value, np.generic) and value.dtype.kind in "fiubc":
            value = np.asarray(value)
        if isinstance(value, np.ndarray):
            return read(tape.constant(value)) if value.dtype.kind in "fc" else value
        if isinstance(value, (tuple, list)):
            return tuple(map(placed, value))
        return value

    placed_arguments = {key: placed(value) for key, value in arguments.items()}
    x = np.array(x)
    return TracedArray(tape, x, Memory(x, tape.step(function, placed_arguments, reads, [x], called=called)))


def _along(tape: Tape, ufunc: Any, method: str, inputs: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    (x,) = inputs
    axis, keepdims = kwargs.get("axis", 0), kwargs.get("keepdims", False)
    if not isinstance(x, TracedArray) or {**kwargs}.keys() - {"axis", "keepdims", "dtype"} or kwargs.get("dtype") is not None:
        raise UntraceableError(f"np.{ufunc.__name__}.{method} with {', '.join(kwargs)}")
    y = getattr(ufunc, method)(x.x, **kwargs)
    if not x.depends:
        return fresh(tape, y)
    if method == "accumulate" and ufunc.__name__ in ("add", "multiply"):
        return recorded(tape, "cumsum" if ufunc.__name__ == "add" else "cumprod", {"self": x, "dim": axis}, y, ufunc.__name__)
    if method == "reduce" and ufunc.__name__ in REDUCED:
        return reduced(tape, REDUCED[ufunc.__name__], x, axis, y, f"{ufunc.__name__}.reduce", keepdims=keepdims)
    raise UntraceableError(f"np.{ufunc.__name__}.{method}")


def reduced(
    tape: Tape, function: str, x: TracedArray, axis: Any, y: Any, called: str, *, keepdims: bool = False, **more: Any
) -> TracedArray:
    """A reduction of x along axes, all of them for None, whose result in NumPy is `y`.

    `function` is the law's name, `more` its other arguments. Raises UntraceableError for a product along several axes.
    """
    dim = tuple(range(x.ndim)) if axis is None else (axis,) if isinstance(axis, (int, np.integer)) else tuple(axis)
    dim = tuple(int(one) % max(x.ndim, 1) for one in dim)
    if function == "prod" and len(dim) != 1:
        x, dim = x.reshape(-1) if axis is None else x, (0,)
        if axis is not None:
            raise UntraceableError("a product along several axes")
    arguments = {"self": x, "dim": dim[0] if function == "prod" else dim, "keepdim": bool(keepdims), **more}
    return recorded(tape, function, arguments, y, called)


def _added_at(tape: Tape, ufunc: Any, inputs: Sequence[Any]) -> None:
    """np.add.at(x, index, terms): what meets at a place is added up."""
    target, key, terms = inputs
    if ufunc is not np.add or not isinstance(target, TracedArray):
        raise UntraceableError(f"np.{ufunc.__name__}.at")
    from bpcompare.tools.gradient.arrays.array import plain

    key = plain(key)
    places = np.asarray(np.arange(target.size).reshape(target.shape)[key])
    y = target.x.copy()
    np.add.at(y, key, bare(terms))
    if not reaching([target, terms]):
        target.written(..., y)
        return
    spread = terms if isinstance(terms, TracedArray) else fresh(tape, np.asarray(terms, y.dtype))
    if spread.shape != places.shape:
        spread = spread.moved(lambda ids: np.broadcast_to(ids, places.shape), "broadcast_to")
    arguments = {"self": target.reshape(-1), "index": places.reshape(-1), "source": spread.reshape(-1), "dim": 0}
    found = recorded(tape, "index_add", arguments, y.reshape(-1), "add.at")
    target.written(..., found.reshape(target.shape), "add.at")
