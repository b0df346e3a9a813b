"""What NumPy's functions and the methods of arrays mean: entries that move, arrays that are joined, laws by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.ops.call import Read
from bpcompare.tools.gradient.arrays.array import Memory, TracedArray, bare, fresh, plain, reaching
from bpcompare.tools.gradient.arrays.products import contracted, einsum, outer, tensordot
from bpcompare.tools.gradient.arrays.tape import Tape, UntraceableError
from bpcompare.tools.gradient.arrays.ufuncs import recorded, reduced

MOVES = frozenset({
    "reshape", "ravel", "transpose", "permute_dims", "matrix_transpose", "swapaxes", "moveaxis", "rollaxis", "squeeze",
    "expand_dims", "broadcast_to", "tile", "repeat", "roll", "flip", "fliplr", "flipud", "rot90", "diagonal", "take", "compress",
    "delete", "atleast_1d", "atleast_2d", "atleast_3d", "sliding_window_view", "copy", "flatten", "resize",
})  # fmt: skip
"""What moves the entries of its first argument, whatever they are."""
SPLITS = frozenset({"split", "array_split", "hsplit", "vsplit", "dsplit", "unstack"})
JOINS = frozenset({"concatenate", "concat", "stack", "hstack", "vstack", "dstack", "column_stack", "row_stack", "block"})
ASKED = frozenset({
    "shape", "ndim", "size", "argmax", "argmin", "argsort", "argpartition", "nonzero", "flatnonzero", "argwhere", "any", "all",
    "array_equal", "allclose", "isclose", "searchsorted", "digitize", "count_nonzero", "result_type", "can_cast", "iscomplexobj",
    "isrealobj", "shares_memory", "may_share_memory", "min_scalar_type", "common_type", "array2string", "array_repr", "array_str",
})  # fmt: skip
"""What gives truth values, whole numbers or words: no derivative goes through it."""
LIKE = frozenset({"zeros_like", "ones_like", "empty_like", "full_like"})
REDUCTIONS: Mapping[str, str] = {
    "sum": "sum", "mean": "mean", "var": "var", "std": "std", "prod": "prod", "max": "amax", "amax": "amax", "min": "amin",
    "amin": "amin",
}  # fmt: skip
METHODS = (MOVES | ASKED | REDUCTIONS.keys() | {"cumsum", "cumprod", "clip", "dot", "trace", "round"}) - {"atleast_1d", "resize"}


def called(tape: Tape, function: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """What a call of one of NumPy's functions gives. Raises UntraceableError for one that nothing is known of."""
    name = function.__name__
    if name in ASKED:
        return function(*bare(tuple(args)), **{key: bare(value) for key, value in kwargs.items()})
    if name in LIKE:
        return fresh(tape, function(*bare(tuple(args)), **{key: bare(value) for key, value in kwargs.items()}))
    if not reaching([*args, *kwargs.values()]):
        return _unreached(tape, function, args, kwargs)
    if name in ("real", "imag"):
        return getattr(args[0], name)
    if name in MOVES:
        x, *rest = args
        rest, kwargs = plain(tuple(rest)), {key: plain(value) for key, value in kwargs.items()}
        return x.moved(lambda ids: function(ids, *rest, **kwargs), name)
    if name in SPLITS:
        x, *rest = args
        parts = function(x.x, *plain(tuple(rest)), **kwargs)
        return [x.moved(lambda ids, k=k: function(ids, *rest, **kwargs)[k], name) for k in range(len(parts))]
    if name in JOINS:
        (parts, *rest) = args
        return joined(tape, list(parts), lambda ids: function(ids, *rest, **kwargs), name)
    if name in REDUCTIONS:
        return _reduction(tape, name, *args, **kwargs)
    if name in _KNOWN:
        return _KNOWN[name](tape, *args, **kwargs)
    raise UntraceableError(f"np.{name}, which cannot be written down")


def method(x: TracedArray, name: str) -> Any:
    """An attribute or a method of an array. Raises UntraceableError for one unknown here, AttributeError for none at all."""
    if name == "T":
        return x.moved(lambda ids: ids.T, "transpose")
    if name == "mT":
        return x.moved(lambda ids: np.swapaxes(ids, -1, -2), "transpose")
    if name in ("flags", "strides", "base", "data", "ctypes", "view"):
        raise UntraceableError(f".{name} of an array")
    if name == "flat":
        return x.reshape(-1)
    if name == "astype":
        return lambda dtype, **_more: _astype(x, dtype)
    if name == "fill":
        return lambda value: x.written(..., value)
    if name in ("conj", "conjugate"):
        return lambda: np.conjugate(x)
    if name in METHODS and hasattr(np.ndarray, name):
        return lambda *args, **kwargs: _method(x, name, args, kwargs)
    if hasattr(np.ndarray, name):
        raise UntraceableError(f".{name}(…) of an array")
    raise AttributeError(f"'numpy.ndarray' object has no attribute {name!r}")


def _method(x: TracedArray, name: str, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    if name in MOVES:
        args, kwargs = plain(tuple(args)), {key: plain(value) for key, value in kwargs.items()}
        return x.moved(lambda ids: getattr(ids, name)(*args, **kwargs), name)
    if name in ASKED:
        return getattr(x.x, name)(*bare(tuple(args)), **kwargs)
    return called(x.tape, getattr(np, name), (x, *args), kwargs)


def _unreached(tape: Tape, function: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """What no input reaches is NumPy's alone."""
    if "out" in kwargs:
        raise UntraceableError(f"np.{function.__name__}(…, out=…)")
    if function is np.copyto:
        args[0].written(..., args[1])
        return None
    found = function(*bare(tuple(args)), **{key: bare(value) for key, value in kwargs.items()})
    if isinstance(found, np.ndarray) and found.dtype.kind in "fc":
        return fresh(tape, found)
    return found


def joined(tape: Tape, parts: Sequence[Any], how: Callable[[Any], Array], called: str) -> TracedArray:
    """Arrays put together as `how` puts together the numbers of their entries."""
    flat: list[TracedArray] = []

    def numbered(value: Any) -> Any:
        if isinstance(value, (list, tuple)):
            return [numbered(one) for one in value]
        bare_format = np.complex128 if np.iscomplexobj(value) else np.float64
        x = value if isinstance(value, TracedArray) else fresh(tape, np.asarray(value, bare_format))
        start = sum(one.size for one in flat)
        flat.append(x)
        return np.arange(start, start + x.size).reshape(x.shape)

    index = how(numbered(parts))
    x = np.asarray(how(bare(list(parts))))
    reads = [one.path() for one in flat]
    total = sum(one.size for one in flat)
    vectors = [
        tape.opened("view", {"self": Read(0)}, [path], (one.size,), one.dtype) for path, one in zip(reads, flat, strict=True)
    ]
    whole = tape.opened("cat", {"tensors": tuple(map(Read, range(len(vectors)))), "dim": 0}, vectors, (total,), x.dtype)
    path = tape.step("take", {"self": Read(0), "index": np.asarray(index)}, [whole], [x], called=called)
    return TracedArray(tape, x.copy(), Memory(x.copy(), path))


def _astype(x: TracedArray, dtype: Any) -> Any:
    y = x.x.astype(dtype)
    if y.dtype.kind not in "fc" or (y.dtype.kind == "f" and x.dtype.kind == "c"):
        if x.depends:
            raise UntraceableError("floats are made whole numbers, or complex ones real (astype)")
        return y
    if not x.depends:
        return fresh(x.tape, y)
    return recorded(x.tape, "_to_copy" if y.dtype != x.dtype else "clone", {"self": x}, y, "astype")


def _reduction(
    tape: Tape, name: str, a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, ddof: Any = 0,
    **more: Any,
) -> TracedArray:  # fmt: skip
    if out is not None or more or dtype is not None:
        raise UntraceableError(f"np.{name} with {', '.join(more) or 'dtype= or out='}")
    keepdims = keepdims is True  # NumPy's own default stands for no value
    extra = {"ddof": ddof} if name in ("var", "std") else {}
    y = getattr(np, name)(a.x, axis=axis, keepdims=keepdims, **extra)
    corrected = {"correction": ddof} if extra else {}
    return reduced(tape, REDUCTIONS[name], a, axis, y, name, keepdims=keepdims, **corrected)


def _where(tape: Tape, condition: Any, x: Any = None, y: Any = None) -> Any:
    if isinstance(condition, TracedArray) and condition.depends:
        condition = condition.x != 0
    condition = np.asarray(bare(condition), bool)
    found = np.where(condition, bare(x), bare(y))
    return recorded(tape, "where", {"condition": condition, "self": x, "other": y}, found, "where")


def _clip(tape: Tape, a: Any, a_min: Any = None, a_max: Any = None, **more: Any) -> Any:
    low, high = more.pop("min", a_min), more.pop("max", a_max)
    if more or reaching([low, high]):
        raise UntraceableError("np.clip with bounds that depend on an input")
    return recorded(tape, "clamp", {"self": a, "min": bare(low), "max": bare(high)}, np.clip(a.x, bare(low), bare(high)), "clip")


def _round(tape: Tape, a: Any, decimals: int = 0) -> Any:
    if decimals != 0:
        raise UntraceableError("np.round to some decimals")
    return recorded(tape, "round", {"self": a}, np.round(a.x), "round")


def _cumulated(law: str, name: str) -> Callable[..., Any]:
    def found(tape: Tape, a: Any, axis: Any = None) -> Any:
        a = a.reshape(-1) if axis is None else a
        return recorded(tape, law, {"self": a, "dim": axis or 0}, getattr(np, name)(a.x, axis=axis or 0), name)

    return found


def _dot(tape: Tape, a: Any, b: Any) -> Any:
    x, y = np.asarray(bare(a)), np.asarray(bare(b))
    if x.ndim == 0 or y.ndim == 0:
        return recorded(tape, "mul", {"self": a, "other": b}, x * y, "dot")
    if y.ndim > 2:
        return _summed_out(tape, a, b, x.ndim - 1, y.ndim - 2, np.dot(x, y), "dot")
    return recorded(tape, "matmul", {"self": a, "other": b}, np.dot(x, y), "dot")


def _inner(tape: Tape, a: Any, b: Any) -> Any:
    x, y = np.asarray(bare(a)), np.asarray(bare(b))
    if x.ndim == 0 or y.ndim == 0:
        return recorded(tape, "mul", {"self": a, "other": b}, x * y, "inner")
    return _summed_out(tape, a, b, x.ndim - 1, y.ndim - 1, np.inner(x, y), "inner")


def _summed_out(tape: Tape, a: Any, b: Any, i: int, j: int, found: Any, called: str) -> Any:
    """A product summed along axis i of the one and axis j of the other."""
    first, second = list("abcdefghijk"[: np.ndim(bare(a))]), list("lmnopqrstuv"[: np.ndim(bare(b))])
    second[j] = first[i]
    rest = "".join(one for one in (*first, *second) if one != first[i])
    return contracted(tape, f"{''.join(first)},{''.join(second)}->{rest}", [a, b], found, called)


def _pad(tape: Tape, array: Any, pad_width: Any, mode: str = "constant", **more: Any) -> Any:
    if mode in ("edge", "reflect", "symmetric", "wrap") and not more:
        return array.moved(lambda ids: np.pad(ids, pad_width, mode=mode), "pad")  # type: ignore[call-overload]
    if mode != "constant" or np.any(bare(more.get("constant_values", 0))):
        raise UntraceableError(f"np.pad with mode={mode!r} and these values")
    index = np.pad(np.arange(array.size).reshape(array.shape), pad_width, constant_values=-1)
    return recorded(tape, "reread", {"self": array, "index": index}, np.pad(array.x, pad_width), "pad")


def _diag(tape: Tape, v: Any, k: int = 0) -> Any:
    if v.ndim != 1:
        return v.moved(lambda ids: np.diag(ids, k), "diag")
    index = np.diag(np.arange(v.size) + 1, k) - 1
    return recorded(tape, "reread", {"self": v, "index": index}, np.diag(v.x, k), "diag")


def _triangle(name: str) -> Callable[..., Any]:
    return lambda tape, m, k=0: recorded(tape, name, {"self": m, "diagonal": k}, getattr(np, name)(m.x, k), name)


def _along_axis(tape: Tape, arr: Any, indices: Any, axis: Any = -1) -> Any:  # noqa: ARG001 — all of the table have it
    return arr.moved(lambda ids: np.take_along_axis(ids, bare(indices), axis), "take_along_axis")


def _sort(tape: Tape, a: Any, axis: Any = -1, **_more: Any) -> Any:  # noqa: ARG001 — all of the table have it
    a = a.reshape(-1) if axis is None else a
    axis = -1 if axis is None else axis
    order = np.argsort(a.x, axis=axis, kind="stable")
    return a.moved(lambda ids: np.take_along_axis(ids, order, axis), "sort")


def _norm(tape: Tape, x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:  # noqa: A002 — NumPy's word
    if (axis is None and x.ndim > 1 and ord is not None) or (isinstance(axis, tuple) and ord is not None):
        raise UntraceableError("the norm of a matrix by np.linalg.norm(…, ord=…)")
    y = np.linalg.norm(x.x, ord=ord, axis=axis, keepdims=keepdims)
    return reduced(tape, "linalg_vector_norm", x, axis, y, "norm", keepdims=keepdims, ord=2 if ord is None else ord)


def _vdot(tape: Tape, a: Any, b: Any) -> Any:
    return _dot(tape, np.conjugate(a).reshape(-1), b.reshape(-1))


def _transform(name: str) -> Callable[..., Any]:
    """A discrete Fourier transform along one axis, or along several (fftn), of the length that there is."""
    several, inverse, half = name.endswith("n"), name.startswith("i"), "rfft" in name

    def found(tape: Tape, a: Any, n: Any = None, axis: int = -1, norm: Any = None, axes: Any = None) -> Any:
        if n is not None and (several or n != a.shape[axis]):
            raise UntraceableError(f"np.fft.{name} of another length, which cuts or pads")
        along = {"axes": axes} if several else {"axis": axis}
        y = getattr(np.fft, name)(a.x, norm=norm, **along)
        dim = tuple(range(a.ndim)) if several and axes is None else tuple(axes) if several else (axis,)
        scaled = {"ortho": 1, "forward": 0 if inverse else 2}.get(norm, 2 if inverse else 0)  # by 1/√n, by 1/n
        more: dict[str, Any] = {"onesided": True} if half else {"forward": not inverse}
        if not half and a.dtype.kind == "f":
            a = a.astype(np.result_type(a.dtype, np.complex64))
        arguments = {"self": a, "dim": tuple(int(one) % a.ndim for one in dim), "normalization": scaled, **more}
        return recorded(tape, "_fft_r2c" if half else "_fft_c2c", arguments, y, name)

    return found


def _trace(tape: Tape, a: Any, offset: int = 0) -> Any:
    diagonal = a.moved(lambda ids: np.diagonal(ids, offset), "diagonal")
    return _reduction(tape, "sum", diagonal, axis=-1)


def _copyto(tape: Tape, dst: Any, src: Any) -> None:  # noqa: ARG001 — all of the table have it
    dst.written(..., src)


def _linear(law: str, name: str) -> Callable[..., Any]:
    def found(tape: Tape, a: Any) -> Any:
        if np.ndim(bare(a)) != 2:
            raise UntraceableError(f"np.linalg.{name} of several matrices")
        return recorded(tape, law, {"self": a, "A": a}, getattr(np.linalg, name)(bare(a)), name)

    return found


_KNOWN: Mapping[str, Callable[..., Any]] = {
    "where": _where, "clip": _clip, "cumsum": _cumulated("cumsum", "cumsum"), "cumprod": _cumulated("cumprod", "cumprod"),
    "dot": _dot, "inner": _inner, "outer": outer, "vdot": _vdot,
    "tensordot": tensordot, "einsum": einsum, "pad": _pad, "diag": _diag, "tril": _triangle("tril"), "triu": _triangle("triu"),
    "take_along_axis": _along_axis, "sort": _sort, "norm": _norm, "trace": _trace, "copyto": _copyto,
    "round": _round, "around": _round,
    "inv": _linear("linalg_inv", "inv"), **{name: _transform(name) for name in ("fft", "ifft", "fftn", "ifftn", "rfft")},
}  # fmt: skip
"""What has a law of its own."""
