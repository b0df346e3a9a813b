"""The forward-only oracle: one element of a Δ or of a gradient, from the forward laws alone, by the complex step.

Im f(x + ihv)/h is the derivative of f along v without subtraction, exact to rounding for analytic f: Squire and Trapp,
SIAM Review 40 (1998). Perturbing one element by ih and pairing what arrives at the consumers with their Δ gives
⟨Δ_x, v⟩ = ⟨Δ_y, J v⟩: the Δ rule of no law is used, so a law of Δ can be tried.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from bpcompare.claims import Claim
from bpcompare.laws import LAWS, Laws
from bpcompare.plan import Plan
from bpcompare.values import StepValues

STEP = 2.0**-300
"""The complex step: so small that its square vanishes, so large that nothing underflows on its way."""

NEARER = 100.0
"""The oracle speaks only where it is this many times nearer to one side than to the other."""


class OracleError(ArithmeticError):
    """A forward law that dropped the derivative: its result is real."""


@dataclass(frozen=True)
class Word:
    """What the oracle says of one element: its own value, and which side it is on, if any."""

    value: float
    side: Literal["law", "record", "neither"]


def word(
    plan: Plan, claim: Claim, values: StepValues, index: tuple[int, ...], law: float, recorded: float, laws: Laws = LAWS
) -> Word | None:
    """The oracle's word on element `index` of a claim of Δ or gradient; None for claims that it knows nothing of."""
    if claim.statement not in ("base", "inductive", "gradient"):
        return None
    with np.errstate(all="ignore"):
        try:
            value = element(plan, claim, values, index, laws)
        except OracleError:
            return None
    if not np.isfinite(value):
        return None
    to_law, to_record = abs(value - law), abs(value - recorded)
    side: Literal["law", "record", "neither"] = "neither"
    if to_record > NEARER * to_law:
        side = "law"
    elif to_law > NEARER * to_record:
        side = "record"
    return Word(value, side)


def element(plan: Plan, claim: Claim, values: StepValues, index: tuple[int, ...], laws: Laws = LAWS) -> float:
    """One element of Δ = −∂E/∂in, or of the gradient +∂E/∂p, given the Δ that the consumers recorded."""
    lookup = _Lookup(values)
    if claim.statement == "gradient":
        return -_paired(plan, _perturbed(lookup, claim.subject, index), plan.network.uses[claim.subject], laws)
    name = claim.subject
    layer = plan.network.layers[name]
    net_in = _imaginary(lookup(f"{name}.in"), index)
    a = _checked(laws.of(f"{name}.g", layer.g).forward(layer.g, [net_in], {}, {}))
    get = _Replaced(lookup, {f"{name}.a": a})
    total = _paired(plan, get, [(consumer, "") for consumer in dict.fromkeys(c for c, _ in plan.network.consumers[name])], laws)
    if plan.network.error.of == name:
        op = plan.network.error.op
        total -= _derivative(laws.of("error", op).forward(op, [a, lookup("target")], {}, {})).sum()
    return float(total)


def _paired(plan: Plan, get: Any, at: Any, laws: Laws) -> float:
    """Σ ⟨Δ_y, J v⟩ over the layers `at`."""
    total = 0.0
    for name in dict.fromkeys(name for name, _ in at):
        layer = plan.network.layers[name]
        xs = [get(f"{source}.a") for source in layer.sources]
        p = {role: get(path) for role, path in layer.parameters.items()}
        c = {key: get(path) for key, path in plan.draw_paths[name].items()}
        c |= {key: get(f"{path}.before") for key, path in plan.state_paths[name].items()}
        moved = _derivative(laws.of(name, layer.op).forward(layer.op, xs, p, c))
        total += float(np.sum(get(f"{name}.delta") * moved))
    return total


class _Lookup:
    """Values of one step as float64, whoever they come from."""

    def __init__(self, values: StepValues) -> None:
        self.values = values

    def __call__(self, path: str) -> Any:
        x = self.values.given[path] if path in self.values.given else self.values.recorded[path]
        return x.astype(np.float64) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x


class _Replaced:
    def __init__(self, lookup: Any, other: dict[str, Any]) -> None:
        self.lookup = lookup
        self.other = other

    def __call__(self, path: str) -> Any:
        return self.other[path] if path in self.other else self.lookup(path)


def _perturbed(lookup: _Lookup, path: str, index: tuple[int, ...]) -> _Replaced:
    return _Replaced(lookup, {path: _imaginary(lookup(path), index)})


def _imaginary(x: Any, index: tuple[int, ...]) -> Any:
    moved = np.asarray(x).astype(np.complex128)
    moved[index] += 1j * STEP
    return moved


def _checked(y: Any) -> Any:
    if not np.iscomplexobj(y):
        raise OracleError("a forward law turned complex numbers into real ones, and the derivative was lost")
    return y


def _derivative(y: Any) -> Any:
    return np.asarray(_checked(y)).imag / STEP
