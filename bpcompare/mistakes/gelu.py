"""Mistakes about gelu, which exists in two forms and is full of constants."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import pi, sqrt
from typing import Any

import numpy as np

from bpcompare.laws import LAWS, elementary
from bpcompare.mistakes.mistake import Altered, Form, Mistake, Places, at_activations
from bpcompare.network import Network
from bpcompare.numbers import special
from bpcompare.ops import GeluErf, GeluTanh
from bpcompare.ops.op import Op

ROOT, CUBIC = sqrt(2.0 / pi), 0.044715
"""√(2/π), and the factor of x³ in the tanh form."""
DENSITY = 1.0 / sqrt(2.0 * pi)
"""The factor of φ(x) = e^(−x²/2)/√(2π)."""


_OTHER: Mapping[type[Op], type[Op]] = {GeluErf: GeluTanh, GeluTanh: GeluErf}


def _other(method: str) -> Places:
    def make(network: Network, name: str, law: Any) -> Any:
        other = LAWS.ops[_OTHER[type(network.layers[name].g)]]
        return Altered(law, **{method: getattr(other, method)})

    return at_activations(make, GeluErf, GeluTanh)


def _tanh_form(x: Any, root: float, cubic: float) -> Any:
    return np.tanh(root * (x + cubic * (x * x * x)))


def _tanh_g(root: float, cubic: float) -> Callable[[Any], Any]:
    return lambda x: 0.5 * x * (1.0 + _tanh_form(x, root, cubic))


def _tanh_prime(root: float, cubic: float, slope: float) -> Callable[[Any], Any]:
    """`slope` stands before x² in the derivative of the inner function: 3 times `cubic`, if it is right."""

    def prime(x: Any) -> Any:
        a = _tanh_form(x, root, cubic)
        return 0.5 * (1.0 + a) + 0.5 * x * (1.0 - a * a) * (root * (1.0 + slope * (x * x)))

    return prime


def _without_root(x: Any) -> Any:
    a = _tanh_form(x, ROOT, CUBIC)
    return 0.5 * (1.0 + a) + 0.5 * x * (1.0 - a * a) * (1.0 + (3.0 * CUBIC) * (x * x))


def _erf_prime(density: float, inner: float = sqrt(0.5)) -> Callable[[Any], Any]:
    return lambda x: 0.5 * (1.0 + special.erf(x * inner)) + x * np.exp(-0.5 * x * x) * density


def _quick_g(x: Any) -> Any:
    return x * elementary.sigmoid(1.702 * x)


def _quick_prime(x: Any) -> Any:
    s = elementary.sigmoid(1.702 * x)
    return s * (1.0 + 1.702 * x * (1.0 - s))


def _g(wrong: Callable[[Any], Any], *ops: type[Op]) -> Places:
    return at_activations(lambda _network, _name, law: Altered(law, forward=lambda at: wrong(at.x)), *ops)


def _prime(wrong: Callable[[Any], Any], *ops: type[Op]) -> Places:
    return at_activations(lambda _network, _name, law: Altered(law, delta=lambda at: wrong(at.x) * at.dy), *ops)


_CONSTANT_PRIMES: Mapping[type[Op], Callable[[Any], Any]] = {
    GeluErf: _erf_prime(1.0 / sqrt(pi)),
    GeluTanh: _tanh_prime(ROOT, CUBIC, CUBIC),
}
"""Another constant in g': 1/√π for 1/√(2π), and 0.044715 for three times that."""


def _constant(network: Network, name: str, law: Any) -> Any:
    wrong = _CONSTANT_PRIMES[type(network.layers[name].g)]
    return Altered(law, delta=lambda at: wrong(at.x) * at.dy)


_ROOTS = (0.8, 0.798, 0.7979, 0.79788, 0.797885, 0.7978846, 0.79788456, 0.7978845608, sqrt(2.0) / pi, sqrt(pi / 2.0), 2.0 / pi)
_CUBICS = (0.04, 0.044, 0.045, 0.0447, 0.04471, 0.04472, 0.04715, 0.044175, 0.44715)

_DERIVATIVES = (
    *(Form(f"√(2/π) written as {c:.10g}", _prime(_tanh_prime(c, CUBIC, 3 * CUBIC), GeluTanh)) for c in _ROOTS),
    *(Form(f"0.044715 written as {c:.10g}", _prime(_tanh_prime(ROOT, c, 3 * c), GeluTanh)) for c in _CUBICS),
    *(
        Form(f"{c:.10g} x² in the inner derivative, for 3 · 0.044715 x²", _prime(_tanh_prime(ROOT, CUBIC, c), GeluTanh))
        for c in (2 * CUBIC, 0.134, 0.1341, 0.13415, 0.0, CUBIC**3)
    ),
    Form("√(2/π) missing in the inner derivative", _prime(_without_root, GeluTanh)),
    *(
        Form(f"{c:.10g} for 1/√(2π)", _prime(_erf_prime(c), GeluErf))
        for c in (1.0, 0.5, sqrt(0.5), ROOT, 0.4, 0.399, 0.3989, 0.39894, 0.398942, 0.3989423, 0.39894228, 1.0 / (2.0 * pi))
    ),
    Form("erf(x) for erf(x/√2)", _prime(_erf_prime(DENSITY, 1.0), GeluErf)),
    Form("the derivative of x σ(1.702 x)", _prime(_quick_prime, GeluErf, GeluTanh)),
)
_VALUES = (
    *(Form(f"√(2/π) written as {c:.10g}", _g(_tanh_g(c, CUBIC), GeluTanh)) for c in _ROOTS),
    *(Form(f"0.044715 written as {c:.10g}", _g(_tanh_g(ROOT, c), GeluTanh)) for c in _CUBICS),
    Form("erf(x) for erf(x/√2)", _g(lambda x: 0.5 * x * (1.0 + special.erf(x)), GeluErf)),
    Form("x σ(1.702 x)", _g(_quick_g, GeluErf, GeluTanh)),
)


MISTAKES = (
    Mistake(
        "BP209",
        "derivative of the other gelu",
        "g' of the tanh approximation for the erf form, or the reverse",
        "g' of the same form as g",
        "The two gelus differ by up to 5e-4. torch's F.gelu is the erf form unless told otherwise, jax.nn.gelu the tanh form.",
        _other("delta"),
    ),
    Mistake(
        "BP223",
        "wrong constant in gelu'",
        "erf form: Φ(x) + x e^(−x²/2)/√π;  tanh form: √(2/π)(1 + 0.044715 x²) for the inner derivative",
        "erf form: Φ(x) + x e^(−x²/2)/√(2π);  tanh form: √(2/π)(1 + 3 · 0.044715 x²)",
        "The constants are easily mistyped, rounded, or left without the 3 of the derivative of x³. A rounded √(2/π) such "
        "as 0.79788 is seen in float64, too.",
        at_activations(_constant, GeluErf, GeluTanh),
        others=_DERIVATIVES,
    ),
    Mistake(
        "BP502",
        "the other gelu",
        "the tanh approximation for the erf form, the reverse, or other constants",
        "the form that the spec names",
        "The two differ by up to 5e-4. torch's F.gelu is the erf form unless told otherwise, jax.nn.gelu the tanh form. "
        "x σ(1.702 x), “quick gelu”, is a third one.",
        _other("forward"),
        others=_VALUES,
    ),
)
