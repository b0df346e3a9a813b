"""Functions of one complex number, by those of its parts, and products that stand in one call with a sum."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bpcompare.laws import kernel
from bpcompare.laws.calls import functions
from bpcompare.laws.calls.called import Arguments, Rows, plainly
from bpcompare.laws.calls.complex_numbers import PREFIX, Pair, Parts, cos, multiplied, pair, paired, parts, sin, squared
from bpcompare.laws.kernel import Node, lifted

rows = Rows()


def _sinh(x: Any) -> Node:
    return kernel.elementwise(x, np.sinh, np.cosh)


def _cosh(x: Any) -> Node:
    return kernel.elementwise(x, np.cosh, np.sinh)


def sine(z: Pair) -> Pair:
    """sin(a + ib) = sin a cosh b + i cos a sinh b. DLMF 4.21.37."""
    a, b = z
    return kernel.multiply(sin(a), _cosh(b)), kernel.multiply(cos(a), _sinh(b))


def cosine(z: Pair) -> Pair:
    """cos(a + ib) = cos a cosh b − i sin a sinh b. DLMF 4.21.38."""
    a, b = z
    return kernel.multiply(cos(a), _cosh(b)), kernel.negative(kernel.multiply(sin(a), _sinh(b)))


def hyperbolic_sine(z: Pair) -> Pair:
    """sinh(a + ib) = sinh a cos b + i cosh a sin b. DLMF 4.35.34."""
    a, b = z
    return kernel.multiply(_sinh(a), cos(b)), kernel.multiply(_cosh(a), sin(b))


def hyperbolic_cosine(z: Pair) -> Pair:
    """cosh(a + ib) = cosh a cos b + i sinh a sin b. DLMF 4.35.35."""
    a, b = z
    return kernel.multiply(_cosh(a), cos(b)), kernel.multiply(_sinh(a), sin(b))


def hyperbolic_tangent(z: Pair) -> Pair:
    """tanh(a + ib) = (sinh 2a + i sin 2b)/(cosh 2a + cos 2b). DLMF 4.35.36."""
    a, b = (kernel.multiply(2.0, x) for x in z)
    below = kernel.add(_cosh(a), cos(b))
    return kernel.divide(_sinh(a), below), kernel.divide(sin(b), below)


def logarithm(z: Pair) -> Pair:
    """ln |z| + i arg z."""
    return kernel.multiply(0.5, kernel.log(squared(*z))), functions.angle(z[1], z[0])


def exponential(z: Pair) -> Pair:
    """e^a (cos b + i sin b)."""
    size = kernel.exp(z[0])
    return kernel.multiply(size, cos(z[1])), kernel.multiply(size, sin(z[1]))


def root(z: Pair) -> Pair:
    """√|z| e^(i arg z/2)."""
    size = kernel.sqrt(kernel.sqrt(squared(*z)))
    half = kernel.multiply(0.5, functions.angle(z[1], z[0]))
    return kernel.multiply(size, cos(half)), kernel.multiply(size, sin(half))


def reciprocal(z: Pair) -> Pair:
    """z̄/|z|²."""
    size = squared(*z)
    return kernel.divide(z[0], size), kernel.negative(kernel.divide(z[1], size))


def sigmoid(z: Pair) -> Pair:
    """1/(1 + e^−z)."""
    re, im = exponential((kernel.negative(z[0]), kernel.negative(z[1])))
    return reciprocal((kernel.add(1.0, re), im))


def sign(z: Pair) -> Pair:
    """z/|z|. Raises LookupError at 0."""
    if ((plainly(z[0]) == 0) & (plainly(z[1]) == 0)).any():
        raise LookupError("the sign of 0")
    size = kernel.sqrt(squared(*z))
    return kernel.divide(z[0], size), kernel.divide(z[1], size)


FUNCTIONS: dict[str, Callable[[Pair], Pair]] = {
    "exp": exponential,
    "sin": sine,
    "cos": cosine,
    "sinh": hyperbolic_sine,
    "cosh": hyperbolic_cosine,
    "tanh": hyperbolic_tangent,
    "log": logarithm,
    "sqrt": root,
    "rsqrt": lambda z: reciprocal(root(z)),
    "reciprocal": reciprocal,
    "sigmoid": sigmoid,
    "sgn": sign,
    "square": lambda z: multiplied(z, z),
}
for _name, _f in FUNCTIONS.items():
    rows.law(f"{PREFIX}{_name}", rearranged=True)(lambda a, f=_f: paired(*f(pair(a.self))))  # type: ignore[misc]


@rows.law(f"{PREFIX}pow", rearranged=True)
def _pow(a: Arguments) -> Node:
    """Whole powers by products. Raises LookupError for others."""
    n = a.exponent
    if not (isinstance(n, (int, float)) and float(n).is_integer() and 1 <= n <= 8):
        raise LookupError("a power that is not a whole one from 1 to 8")
    z = y = pair(a.self)
    for _ in range(int(n) - 1):
        y = multiplied(y, z)
    return paired(*y)


def _scaled(a: Arguments, name: str, z: Parts) -> Parts:
    """Times an argument of the call. Raises LookupError for a complex one."""
    value = a.get(name, 1)
    if isinstance(value, str):
        raise LookupError("a complex factor")
    if value == 1:
        return z
    by = a.number_of(float(value))
    return kernel.multiply(by, z[0]), None if z[1] is None else kernel.multiply(by, z[1])


def _summed(x: Parts, y: Parts) -> Node:
    """x + y; where one is real, the sum has the other's imaginary part."""
    im = [part for part in (x[1], y[1]) if part is not None]
    re = kernel.add(x[0], y[0])
    return paired(re, kernel.expand(im[0] if len(im) == 1 else kernel.add(*im), re.shape))


@rows.law(f"{PREFIX}addmm", rearranged=True)
def _addmm(a: Arguments) -> Node:
    product = multiplied(pair(a.mat1), pair(a.mat2), kernel.matmul)
    return _summed(_scaled(a, "beta", parts(a, "self")), _scaled(a, "alpha", product))


@rows.law(f"{PREFIX}mv", rearranged=True)
def _mv(a: Arguments) -> Node:
    x, y = pair(a.self), pair(a.vec)
    column = (kernel.reshape(y[0], (*y[0].shape, 1)), kernel.reshape(y[1], (*y[1].shape, 1)))
    re, im = multiplied(x, column, kernel.matmul)
    return paired(kernel.reshape(re, re.shape[:-1]), kernel.reshape(im, im.shape[:-1]))


def _dot(x: Pair, y: Pair) -> Node:
    re, im = multiplied(x, y, lambda p, q: kernel.total(kernel.multiply(p, q)))
    return paired(re, im)


@rows.law(f"{PREFIX}dot", rearranged=True)
def _plain_dot(a: Arguments) -> Node:
    return _dot(pair(a.self), pair(a.tensor))


@rows.law(f"{PREFIX}vdot", rearranged=True)
def _vdot(a: Arguments) -> Node:
    """Σ x̄ y."""
    re, im = pair(a.self)
    return _dot((re, kernel.negative(im)), pair(a.other))


@rows.law(f"{PREFIX}addcmul", rearranged=True)
def _addcmul(a: Arguments) -> Node:
    product = multiplied(pair(a.tensor1), pair(a.tensor2))
    return _summed(parts(a, "self"), _scaled(a, "value", product))


@rows.law(f"{PREFIX}masked_fill")
def _masked_fill(a: Arguments) -> Node:
    """The value, real or complex, where the mask is true."""
    re, im = pair(a.self)
    other, imaginary = parts(a, "value")
    mask = np.asarray(a.mask, bool)
    return paired(kernel.where(mask, other, re), kernel.where(mask, lifted(np.zeros(())) if imaginary is None else imaginary, im))


@rows.law(f"{PREFIX}linalg_vector_norm", rearranged=True)
def _vector_norm(a: Arguments) -> Node:
    """√Σ|z|². Raises LookupError for other norms."""
    if float(a.get("ord", 2)) != 2:
        raise LookupError("a norm of complex numbers that is not the Euclidean one")
    re, im = pair(a.self)
    axes = a.get("dim")
    over = tuple(range(re.ndim)) if axes is None else tuple(axis % re.ndim for axis in np.atleast_1d(axes))
    return kernel.reshape(kernel.sqrt(kernel.total(squared(re, im), over)), a.shape)
