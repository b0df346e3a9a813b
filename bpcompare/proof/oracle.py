"""The forward-only oracle: one element of a Δ or of a gradient, from the forward laws alone, in two ways.

The complex step: Im f(x + ihv)/h is the derivative of f along v without subtraction, exact to rounding for analytic f: Squire and
Trapp, SIAM Review 40 (1998). Perturbing one element by ih and pairing what arrives downstream (`bpcompare.proof.downstream`) with
its Δ gives ⟨Δ_x, v⟩ = ⟨Δ_y, J v⟩: the Δ rule of no law is used, so a law of Δ can be tried.

The second way is a framework's own differentiation of the same forward laws. It can take the complex step's word away, and never
gives one: nobody is accused whom the complex step alone would not accuse. A backend's own framework has no say about it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

from bpcompare.laws import LAWS, Laws
from bpcompare.network.parameter import Array
from bpcompare.numbers.number import Num, total
from bpcompare.program import Program
from bpcompare.proof.claims import Claim
from bpcompare.proof.downstream import downstream
from bpcompare.proof.values import StepValues

STEP = 2.0**-300
"""The complex step: so small that its square vanishes, so large that nothing underflows on its way."""

NEARER = 100.0
"""The oracle takes a side only where its value is this many times nearer to that side than to the other."""


class OracleError(ArithmeticError):
    """A forward law dropped the imaginary part, which carries the derivative: its result is real."""


class Lent(Protocol):
    """A framework that differentiates laws, and `source`, its name as a source of voices."""

    @property
    def source(self) -> str:
        """Such as "torch"."""

    def gradient(self, f: Callable[[Num], Num], x: Array) -> Array:
        """∂f/∂x of a number f(x), all of it at once. May raise anything, and then the framework says nothing."""


Side = Literal["law", "record", "neither"]


@dataclass(frozen=True)
class Opinion:
    """The oracle's result for one element: its own `value`, and whether that is near the law's value, the record's, or neither.

    Near: the other side is farther off by a factor of more than `NEARER`.

    `value` is that of the complex step; None where it has none. `second` is the framework that was asked. `doubt` says why the
    oracle takes no side although the complex step alone has one, `alone`, or although a framework has a value.
    """

    value: float | None
    side: Side
    second: str = ""
    doubt: str = ""
    alone: Side = "neither"


def opinion(
    program: Program,
    claim: Claim,
    values: StepValues,
    index: tuple[int, ...],
    law: float,
    recorded: float,
    laws: Laws = LAWS,
    lent: Iterable[Lent] = (),
) -> Opinion | None:
    """The oracle's opinion on one element of a Δ or a gradient; None for other claims, and where neither way has a finite value.

    `index` is the element's index in the array of the claim; `law` and `recorded` are the two values that disagree there. `lent`
    are the frameworks that may be asked: the first that has a finite value counts. The formulas are in this module's docstring.
    """
    if claim.statement not in ("base", "inductive", "gradient"):
        return None
    with np.errstate(all="ignore"):
        value = _by_complex_step(program, claim, values, index, laws)
        side = "neither" if value is None else _side(value, law, recorded)
        if value is not None and side == "neither":
            return Opinion(value, side)
        second, other = _by_framework(program, claim, values, index, laws, lent)
    if other is None:
        return None if value is None else Opinion(value, side)
    if value is not None and _side(other, law, recorded) == side:
        return Opinion(value, side, second)
    has = f"{second}'s differentiation of the forward pass has {other:.15g}"
    if value is None:
        return Opinion(None, "neither", second, f"the complex step has no value, and {has}, which accuses nobody alone")
    return Opinion(value, "neither", second, f"the complex step has {value:.15g}, and {has}", side)


def _side(value: float, law: float, recorded: float) -> Side:
    """Whose number `value` confirms."""
    to_law, to_record = abs(value - law), abs(value - recorded)
    if to_record > NEARER * to_law:
        return "law"
    return "record" if to_law > NEARER * to_record else "neither"


def _by_complex_step(program: Program, claim: Claim, values: StepValues, index: tuple[int, ...], laws: Laws) -> float | None:
    try:
        value = element(program, claim, values, index, laws)
    except OracleError:
        return None
    return value if np.isfinite(value) else None


def _by_framework(
    program: Program, claim: Claim, values: StepValues, index: tuple[int, ...], laws: Laws, lent: Iterable[Lent]
) -> tuple[str, float | None]:
    """The first framework that has a value, and the value."""
    for framework in lent:
        try:
            value = float(tensor(program, claim, values, framework, laws)[index])
        except Exception:  # noqa: BLE001, S112 — what a framework cannot do is no fault of those who are judged
            continue
        if np.isfinite(value):
            return framework.source, value
    return "", None


def tensor(program: Program, claim: Claim, values: StepValues, lent: Lent, laws: Laws = LAWS) -> Array:
    """Δ = −∂E/∂in, or the gradient +∂E/∂p, given the Δ that the consumers recorded: all of it, as a framework differentiates."""
    lookup, path = _Lookup(values), _subject(program, claim)

    def paired(x: Num) -> Num:
        return total([total(delta * y) for delta, y in downstream(program, path, _with(lookup, path, x), laws)])

    found = lent.gradient(paired, np.asarray(lookup(path)))
    return -found if claim.statement == "gradient" else found


def element(program: Program, claim: Claim, values: StepValues, index: tuple[int, ...], laws: Laws = LAWS) -> float:
    """One element of Δ = −∂E/∂in, or of the gradient +∂E/∂p, given the Δ that the consumers recorded.

    `index` is its index in the array of the claim: (example, …) of a Δ, an index of the parameter for a gradient. The complex
    step of Squire and Trapp (1998), see this module. Raises OracleError where a forward law returns a real number.
    """
    lookup, path = _Lookup(values), _subject(program, claim)
    moved = np.asarray(lookup(path)).astype(np.complex128)
    moved[index] += 1j * STEP
    pairs = downstream(program, path, _with(lookup, path, moved), laws)
    found = sum(float(np.sum(delta * _derivative(y))) for delta, y in pairs)
    return -found if claim.statement == "gradient" else found


def _subject(program: Program, claim: Claim) -> str:
    """The path of the value whose Δ, or gradient, a claim is about."""
    return next(value.path for value in program.values.values() if value.delta == claim.path)


class _Lookup:
    """Values of one step as float64, whoever they come from."""

    def __init__(self, values: StepValues) -> None:
        self.values = values

    def __call__(self, path: str) -> Any:
        x = self.values.given[path] if path in self.values.given else self.values.recorded[path]
        return x.astype(np.float64) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x


def _with(lookup: _Lookup, path: str, x: Any) -> Callable[[str], Any]:
    """The lookup with another number at `path`."""
    return lambda at: x if at == path else lookup(at)


def _derivative(y: Any) -> Any:
    if not np.iscomplexobj(y):
        raise OracleError("a forward law turned complex numbers into real ones, and the derivative was lost")
    return np.asarray(y).imag / STEP
