"""Complex numbers, as pairs: arrays of real numbers with a last axis of two, the real part and the imaginary part.

Δ of a pair is the pair of its parts' Δ, which is what torch calls the gradient of a complex number: −(∂E/∂re + i ∂E/∂im). So a
law is a forward program on both parts, and the transposes are those of real numbers. An argument that is real has no second part.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isqrt, prod
from typing import Any

import numpy as np

from bpcompare.laws import kernel
from bpcompare.laws.calls import arithmetic, blends, contractions, functions, indexing, layouts, moves, reductions, sums, writing
from bpcompare.laws.calls.called import Arguments, CallLaw, Rows, floats
from bpcompare.laws.kernel import Node, lifted

rows = Rows()
Pair = tuple[Node, Node]
Parts = tuple[Node, Node | None]
PREFIX = "complex."
AT_ZERO = ("at 0, where the size of a complex number has no derivative",)


def pair(x: Any) -> Pair:
    """Both parts of an array of pairs."""
    x = lifted(x)
    re, im = (kernel.reshape(kernel.cut(x, x.ndim - 1, range(i, i + 1)), x.shape[:-1]) for i in (0, 1))
    return re, im


def paired(re: Node, im: Node) -> Node:
    """An array of pairs."""
    shape = np.broadcast_shapes(re.shape, im.shape)
    return kernel.concat([kernel.reshape(kernel.expand(x, shape), (*shape, 1)) for x in (re, im)], len(shape))


def parts(a: Arguments, name: str) -> Parts:
    """Both parts of an argument; of a real one the second is None."""
    if a.slot(name) in a.pairs:
        return pair(getattr(a, name))
    found = getattr(a, name)
    if isinstance(found, str):  # a complex number of Python's, as it is written
        z = complex(found)
        return lifted(a.number_of(z.real)), lifted(a.number_of(z.imag))
    return lifted(a.number_of(float(found)) if isinstance(found, (int, float)) else floats(found)), None


def _zeros(like: Node) -> Node:
    return lifted(np.zeros(like.shape))


def multiplied(x: Pair, y: Pair, times: Callable[[Any, Any], Node] = kernel.multiply) -> Pair:
    """(a + ib)(c + id) = ac − bd + i(ad + bc), for any product that is bilinear."""
    (a, b), (c, d) = x, y
    return kernel.subtract(times(a, c), times(b, d)), kernel.add(times(a, d), times(b, c))


def product_of(
    x: tuple[Node, Node | None], y: tuple[Node, Node | None], times: Callable[[Any, Any], Node] = kernel.multiply
) -> Node:
    """(a + ib)(c + id), for any product that is bilinear."""
    (a, b), (c, d) = x, y
    if b is None and d is None:
        return paired(times(a, c), _zeros(times(a, c)))
    if b is None:
        return paired(times(a, c), times(a, d))
    if d is None:
        return paired(times(a, c), times(b, c))
    return paired(*multiplied((a, b), (c, d), times))


def squared(re: Node, im: Node) -> Node:
    """|z|²."""
    return kernel.add(kernel.multiply(re, re), kernel.multiply(im, im))


# what is done with each part alone


def each(law: CallLaw) -> Callable[[Arguments], Any]:
    """The law of a function on both parts, where it is linear and does nothing else with a number than with its parts."""

    def formula(a: Arguments) -> Any:
        if set(a.slots) - set(a.pairs) or not a.to_pairs:
            raise LookupError("complex and real arrays together")
        re, im = law.written(a.part(0)), law.written(a.part(1))
        if isinstance(re, (list, tuple)):
            return [None if one is None else paired(one, other) for one, other in zip(re, im, strict=True)]
        return paired(re, im)

    return formula


LINEAR = (
    "neg", "sum", "mean", "index_select", "index_add", "gather", "scatter_add", "index_put", "where", "cumsum", "constant_pad_nd",
    "zero", "copy", "flip", "roll", "rot90", "tril", "triu", "repeat", "index_copy", "overlay", "reread", "trace",
    "take", "index",
)  # fmt: skip

for _family in (moves, layouts, indexing, writing, sums, reductions, arithmetic, functions, blends, contractions):
    for _name, _law in _family.rows.table.items():
        if _law.moves or _name in LINEAR:
            _traits = {"moves_back": True} if _law.moves_back else {"moves": _law.moves}
            rows.law(f"{PREFIX}{_name}", rearranged=_law.rearranged, **_traits)(each(_law))


# between real numbers and complex ones

rows.law(f"{PREFIX}view_as_real", f"{PREFIX}view_as_complex", moves_back=True)(lambda a: lifted(a.self))
rows.law(f"{PREFIX}complex", moves_back=True)(lambda a: paired(lifted(a.real), lifted(a.imag)))


rows.law("_neg_view", once=True)(lambda a: kernel.negative(a.self))  # the imaginary part of a conjugate


@rows.law(f"{PREFIX}polar", rearranged=True)
def _polar(a: Arguments) -> Node:
    size, angle = lifted(a.get("abs")), lifted(a.angle)
    return paired(kernel.multiply(size, cos(angle)), kernel.multiply(size, sin(angle)))


@rows.law(f"{PREFIX}_to_copy", once=True)
def _to_copy(a: Arguments) -> Node:
    """In another format. A real number has the imaginary part 0, and loses it."""
    re, im = parts(a, "self")
    if not a.to_pairs:
        return kernel.multiply(1.0, re)
    return paired(kernel.multiply(1.0, re), _zeros(re) if im is None else kernel.multiply(1.0, im))


def sin(x: Node) -> Node:
    """Of real numbers."""
    return kernel.elementwise(x, np.sin, np.cos)


def cos(x: Node) -> Node:
    """Of real numbers."""
    return kernel.elementwise(x, np.cos, lambda x: -np.sin(x))


@rows.law(f"{PREFIX}_conj", f"{PREFIX}_conj_physical", f"{PREFIX}conj_physical", f"{PREFIX}conj")
def _conj(a: Arguments) -> Node:
    re, im = pair(a.self)
    return paired(re, kernel.negative(im))


# arithmetic


def _sum(a: Arguments, sign: float) -> Node:
    (re, im), (other, imaginary) = parts(a, "self"), parts(a, "other")
    alpha = sign * float(a.get("alpha", 1))

    def weighed(x: Node) -> Node:
        return x if alpha == 1 else kernel.negative(x) if alpha == -1 else kernel.multiply(a.number_of(alpha), x)

    shape = np.broadcast_shapes(re.shape, other.shape)
    second = [part for part in (im, None if imaginary is None else weighed(imaginary)) if part is not None]
    return paired(kernel.add(re, weighed(other)), kernel.expand(second[0] if len(second) == 1 else kernel.add(*second), shape))


rows.law(f"{PREFIX}add", rearranged=True)(lambda a: _sum(a, 1.0))
rows.law(f"{PREFIX}sub", rearranged=True)(lambda a: _sum(a, -1.0))
rows.law(f"{PREFIX}mul", rearranged=True)(lambda a: product_of(parts(a, "self"), parts(a, "other")))
rows.law(f"{PREFIX}mm", rearranged=True)(lambda a: product_of(parts(a, "self"), parts(a, "mat2"), kernel.matmul))
rows.law(f"{PREFIX}matmul", rearranged=True)(lambda a: product_of(parts(a, "self"), parts(a, "other"), sums.product))
rows.law(f"{PREFIX}bmm", rearranged=True)(lambda a: product_of(parts(a, "self"), parts(a, "mat2"), kernel.matmul))


@rows.law(f"{PREFIX}div", rearranged=True)
def _div(a: Arguments) -> Node:
    """z/w = z w̄/|w|²."""
    (re, im), (other, imaginary) = parts(a, "self"), parts(a, "other")
    if imaginary is None:
        return paired(kernel.divide(re, other), kernel.divide(_zeros(re) if im is None else im, other))
    size = squared(other, imaginary)
    return product_of((re, im), (kernel.divide(other, size), kernel.negative(kernel.divide(imaginary, size))))


@rows.law(f"{PREFIX}abs", rearranged=True, kinks=AT_ZERO)
def _abs(a: Arguments) -> Node:
    return kernel.sqrt(squared(*pair(a.self)))


@rows.law(f"{PREFIX}angle", rearranged=True)
def _angle(a: Arguments) -> Node:
    re, im = pair(a.self)
    return functions.angle(im, re)


# discrete Fourier transforms


def _turns(n: int, count: int) -> tuple[Any, Any]:
    """cos and sin of 2π j k/n, for j < n and k < `count`; where they are 0 or 1, exactly so."""
    at = (np.arange(n)[:, None] * np.arange(count)) % n
    cos, sin = np.cos(2 * np.pi * at / n), np.sin(2 * np.pi * at / n)
    for x, zeros in ((cos, (4 * at) % (2 * n) == n), (sin, (2 * at) % n == 0)):
        x[zeros] = 0.0
    return cos, sin


def _along(x: Node, axis: int, matrix: Any) -> Node:
    """The product of an axis with a matrix.

    Fast transforms mix all numbers of an axis on their way to each result, also those whose factor in the sum is 0: they stand in
    it with 1 and with −1, so that what rounding does to them is granted.
    """
    last = x.ndim - 1
    axes = [*(i for i in range(x.ndim) if i != axis), axis]
    rows, unseen = kernel.reshape(kernel.permute(x, axes), (-1, x.shape[axis])), np.where(matrix == 0, 1.0, 0.0)
    if unseen.any():
        rows, matrix = kernel.concat([rows, rows], 1), np.concatenate([matrix + unseen, -unseen])
    y = kernel.matmul(rows, matrix)
    y = kernel.reshape(y, (*(x.shape[i] for i in axes[:-1]), matrix.shape[1]))
    back = list(range(last))
    back.insert(axis, last)
    return kernel.permute(y, back)


def _turned(re: Node, im: Node | None, axis: int, *, forward: bool, count: int | None = None) -> Pair:
    """One axis: Σ_j x_j e^(∓2πi j k/n), for k < `count`."""
    n = re.shape[axis]
    cos, sin = _turns(n, n if count is None else count)
    sin = -sin if forward else sin
    if im is None:
        return _along(re, axis, cos), _along(re, axis, sin)
    return (
        kernel.subtract(_along(re, axis, cos), _along(im, axis, sin)),
        kernel.add(_along(re, axis, sin), _along(im, axis, cos)),
    )


def _scaled(a: Arguments, x: Node, sizes: Sequence[int]) -> Node:
    """By nothing, 1/√n or 1/n, as the call says."""
    n, how = prod(sizes), a.normalization
    if how == 0 or n == 1:
        return x
    root = float(isqrt(n)) if isqrt(n) ** 2 == n else float(np.sqrt(n))
    return kernel.multiply(a.number_of(1.0 / (n if how == 2 else root)), x)


def _axes(a: Arguments, ndim: int) -> list[int]:
    return [axis % ndim for axis in a.dim]


@rows.law(f"{PREFIX}_fft_r2c", rearranged=True)
def _fft_r2c(a: Arguments) -> Node:
    """Of real numbers; of the last axis only the half that says it all, where that is asked for."""
    x = lifted(a.self)
    *others, last = _axes(a, x.ndim)
    half = x.shape[last] // 2 + 1 if a.onesided else None
    re, im = _turned(x, None, last, forward=True, count=half)
    for axis in others:
        re, im = _turned(re, im, axis, forward=True)
    return _scaled(a, paired(re, im), [x.shape[axis] for axis in (*others, last)])


@rows.law(f"{PREFIX}_fft_c2c", rearranged=True)
def _fft_c2c(a: Arguments) -> Node:
    re, im = pair(a.self)
    axes = _axes(a, re.ndim)
    for axis in axes:
        re, im = _turned(re, im, axis, forward=bool(a.forward))
    return _scaled(a, paired(re, im), [re.shape[axis] for axis in axes])


@rows.law(f"{PREFIX}_fft_c2r", rearranged=True)
def _fft_c2r(a: Arguments) -> Node:
    """To real numbers: of the last axis a half is given, whose entries stand for two, but the first and the one in the middle."""
    re, im = pair(a.self)
    *others, last = _axes(a, re.ndim)
    for axis in others:
        re, im = _turned(re, im, axis, forward=False)
    n = int(a.last_dim_size)
    cos, sin = (x[:, : n // 2 + 1].T for x in _turns(n, n))
    count = np.full(n // 2 + 1, 2.0)
    count[0] = 1.0
    if n % 2 == 0:
        count[-1] = 1.0
    y = kernel.subtract(_along(re, last, cos * count[:, None]), _along(im, last, sin * count[:, None]))
    return _scaled(a, y, [n, *(re.shape[axis] for axis in others)])
