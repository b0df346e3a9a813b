"""Gradients against derivatives of the forward alone, by differences and the complex step: for code that nobody can trace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from bpcompare.laws import LAWS
from bpcompare.network.parameter import Array
from bpcompare.own.causes.likely import likely
from bpcompare.own.step import WatchedStep
from bpcompare.proof.power import LEAST
from bpcompare.report.lines import counted
from bpcompare.report.numbers import off
from bpcompare.tools.gradient.answer import Answer
from bpcompare.tools.gradient.derivative import Derivative
from bpcompare.tools.gradient.finding import NOT_ASKED, InputFinding
from bpcompare.tools.gradient.tries import TRUSTED, Tries, Try, double

EVERY = 2_000
"""Up to so many elements an input, each is tried; larger ones along random directions, and then down to the element."""
SOME, DIRECTIONS = 16, 4
LOST = 1e-2
"""Relative to its terms: what is off by more was not lost in roundings, whatever it is in float64."""
DOUBTED = 1e-6
"""Relative to its terms: what is off by less accuses nobody, for a forward may be an approximation, and its slope another."""


TIMES = 64.0
"""Rounding in another order may do so many times what drawn errors of rounding do."""


def aside(tries: Tries, answer: Answer, finding: InputFinding, step: WatchedStep) -> InputFinding:
    """A wrong gradient behind a function with kinks: whether it is one of several valid ones, by the forward on both sides.

    The law takes one of them; what is between left and right derivative is no mistake, element by element.
    """
    if finding.verdict != "wrong" or finding.name not in answer.names or not kinks(step):
        return finding
    at = answer.names.index(finding.name)
    if _on_no_kink(tries, at, finding, answer.gradients[at]):
        return finding
    found = differenced(tries, at, finding.name, answer.gradients[at])
    return replace(found, power=finding.power) if found.verdict == "convention" else finding


def _on_no_kink(tries: Tries, at: int, finding: InputFinding, g: Array | None) -> bool:
    """Whether the element that is farthest off is on no kink, and not what differences say: then no other one excuses it."""
    if g is None or g.shape != np.shape(tries.inputs[at]) or not np.isfinite(g).all() or tries.budget.over():
        return False
    k = int(np.ravel_multi_index(finding.index, g.shape)) if finding.index else 0
    try:
        this = tries[at]
        if _square(this.x):
            return False
        found = this.element(k)
    except Exception:  # noqa: BLE001 — the author's code
        return False
    radius = this.radius(found, found.bulk) + DOUBTED * found.bulk
    return bool(not found.kink and abs(double(g).reshape(-1)[k] - found.value) > radius)


def kinks(step: WatchedStep) -> bool:
    """Whether a law on the way has kinks."""
    owners = (owner for one in step.judged for claim, _ in one.findings for owner in claim.owners)
    return any(op.kinks or getattr(LAWS.of(name, op), "kinks", ()) for name, op in owners if op.role != "update")


def differenced(tries: Tries, at: int, name: str, g: Array | None) -> InputFinding:
    """The gradient `g` of input number `at`, which has the input's shape; None stands for zeros.

    Where the forward refuses the numbers that differences need, nothing is decided.
    """
    if tries.budget.over():
        note = tries.budget.leave(f"any of {np.size(tries.inputs[at]):,} elements of the gradient of {name}")
        return InputFinding(name, np.shape(tries.inputs[at]), "undecided", float("inf"), 0, note=note)
    try:
        return _differenced(tries, at, name, g)
    except Exception as error:  # noqa: BLE001 — the author's code
        note = (
            f"not decided, for the forward refuses inputs close to these ({type(error).__name__}: {error}). Inputs farther from "
            "the edge of what it takes would decide it"
        )
        return InputFinding(name, np.shape(tries.inputs[at]), "undecided", float("inf"), 0, note=note)


def _differenced(tries: Tries, at: int, name: str, g: Array | None) -> InputFinding:
    this = tries[at]
    shape = this.x.shape
    if g is None:
        g = np.zeros(shape)
    if not np.isfinite(g).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(g))[0])
        return InputFinding(
            name,
            shape,
            "wrong",
            0.0,
            0,
            where,
            float(g[where]),
            note=f"its gradient is {float(g[where])} here, and not a finite number",
        )
    asked = _in_order(tries, this, name, g)
    numbers, left = _in_time(tries, this, name, asked)
    found = [this.element(k) for k in numbers]
    largest = max((one.bulk for one in found), default=0.0)
    radii = [this.radius(one, largest) for one in found]
    flat = double(g).reshape(-1)
    bad = [
        place
        for place, (k, one, radius) in enumerate(zip(numbers, found, radii, strict=True))
        if not one.low - radius <= flat[k] <= one.high + radius
    ]
    power = _power([abs(one.value) for one in found], radii)
    if len(numbers) < this.x.size:
        power = max(power, this.least(flat))
    if not bad and left:
        return InputFinding(name, shape, "undecided", float("inf"), len(numbers), note=tries.budget.leave(left))
    if not bad:
        return _clean(this, name, found, numbers, flat, power)
    sure = [place for place in bad if abs(flat[numbers[place]] - found[place].value) > radii[place] + DOUBTED * found[place].bulk]
    if not sure:
        place = max(bad, key=lambda place: abs(flat[numbers[place]] - found[place].value))
        index = tuple(int(i) for i in np.unravel_index(numbers[place], shape)) if shape else ()
        note = (
            f"differences of the forward say that it is {off(float(flat[numbers[place]]), found[place].value)}, which may also "
            "come from an approximation inside of the forward. A forward that can be followed would decide it, or reference="
        )
        return InputFinding(name, shape, "undecided", power, len(numbers), index, note=note)
    wrong = [(numbers[place], found[place], radii[place]) for place in sure]
    if _in_steps(this, wrong, flat):
        return InputFinding(name, shape, "undecided", float("inf"), len(numbers), note=STAIRS)
    want = np.array([one.value for one in found])
    if note := _lost(tries, at, wrong, g):
        return InputFinding(name, shape, "undecided", float("inf"), len(numbers), note=note)
    symmetric = len(numbers) == this.x.size and name not in tries.pairs
    if symmetric and _symmetric(this.x, flat, want, np.array(radii)):
        note = (
            "the input is symmetric: along symmetric directions the gradient is right; along all others its value is a convention"
        )
        return InputFinding(name, shape, "convention", power, len(numbers), note=note)
    worst = max(bad, key=lambda place: _share((numbers[place], found[place], radii[place]), flat))
    whole = len(numbers) == this.x.size and not tries.budget.over()
    cause = NOT_ASKED if not tries.causes else _cause(tries, at, g, want.reshape(shape), radii) if whole else ""
    return InputFinding(
        name,
        shape,
        "wrong",
        power,
        len(numbers),
        tuple(int(i) for i in np.unravel_index(numbers[worst], shape)) if shape else (),
        float(flat[numbers[worst]]),
        found[worst].value,
        found[worst].error,
        len(bad),
        cause,
    )


Element = tuple[int, Derivative, float]
"""Its number, what the oracle says of it, and how far that may be off."""


def _share(wrong: Element, flat: Array) -> float:
    """How far off it is, beside what is granted."""
    k, one, radius = wrong
    return float(abs(flat[k] - one.value) / max(radius, 1e-300))


def _in_steps(this: Try, wrong: Sequence[Element], flat: Array) -> bool:
    """Whether those that are farthest off may all be slopes of steps. Some are asked: each takes hundreds of calls."""
    farthest = sorted(wrong, key=lambda one: _share(one, flat), reverse=True)
    return all(this.may_be(float(flat[k]), k) for k, _, _ in farthest[:SOME])


def _lost(tries: Tries, at: int, wrong: Sequence[Element], g: Array) -> str:
    """Why what is wrong may be right but for digits that were lost on the way; nothing where it may not."""
    flat, noise = double(g).reshape(-1), TIMES * tries.noise(at, g).reshape(-1)
    # On a kink, another gradient for inputs beside it is no rounding.
    if all(not one.kink and abs(flat[k] - one.value) <= radius + noise[k] for k, one, radius in wrong):
        return (
            "it is not what differences of the forward say, but errors of rounding in the inputs move it as far as that: this "
            "backward loses its digits here. Inputs in float64, or others, would decide it"
        )
    if all(abs(flat[k] - one.value) <= LOST * one.bulk for k, one, _ in wrong) and _right_in_float64(tries, at, wrong):
        return (
            "it is not what differences of the forward say, but in float64 the same backward is: in fewer digits, roundings "
            "inside of the forward move it as far as that. Inputs in float64, or others, would decide it"
        )
    return ""


def _right_in_float64(tries: Tries, at: int, wrong: Sequence[Element]) -> bool:
    wide = tries.wide(at)
    if wide is None:
        return False
    g, most = wide.reshape(-1), max(radius for _, _, radius in wrong)
    return all(abs(g[k] - one.value) <= most + DOUBTED * one.bulk for k, one, _ in wrong)


def _in_order(tries: Tries, this: Try, name: str, g: Array) -> list[int]:
    """The elements to be tried. Of large inputs some; where time is short, first those that directions show to be wrong."""
    tries.budget.tell(f"{name}: along directions")
    every = this.x.size <= EVERY
    if every and not tries.budget.limited:
        return list(range(this.x.size))
    first = [] if tries.budget.over() else _some(this, g)
    return list(dict.fromkeys([*reversed(first), *range(this.x.size)])) if every else first


def _in_time(tries: Tries, this: Try, name: str, asked: Sequence[int]) -> tuple[list[int], str]:
    """Those for which there is time, and what is left, in words."""
    done = 0
    for done, k in enumerate(asked):
        if tries.budget.over():
            break
        if not done % 100:
            tries.budget.tell(f"{name}: element {done + 1:,} of {len(asked):,}")
        this.element(k)
    else:
        if asked:
            return sorted(asked), ""
    left = len(asked) - done
    words = f"{left:,} of {this.x.size:,} elements" if asked else f"any of {this.x.size:,} elements"
    return sorted(asked[:done]), f"{words} of the gradient of {name}"


def beyond(tries: Tries, answer: Answer, finding: InputFinding) -> InputFinding:
    """What a trace could not tell because the way itself is not finite: whether the forward has a derivative there all the same.

    0 · ∞ on a branch that `where` does not take is NaN, for who differentiates both branches; the function is smooth there.
    """
    if finding.verdict != "undecided" or finding.name not in answer.names:
        return finding
    at = answer.names.index(finding.name)
    g = answer.carried[at]
    lost = np.flatnonzero(~np.isfinite(g))
    for k in lost[:SOME]:
        if tries.budget.over():
            return finding
        try:
            found = tries[at].element(int(k))
        except Exception:  # noqa: BLE001 — the author's code
            return finding
        # Where the branch that is taken is a constant, it is 0, which no number is small beside but those of the forward.
        size = abs(found.value) or tries[at].slope
        if np.isfinite(found.value) and TRUSTED * found.error <= LEAST * size and not found.kink:
            index = tuple(int(i) for i in np.unravel_index(int(k), finding.shape)) if finding.shape else ()
            cause = (
                "the forward has a derivative here, and it is finite. Is it the NaN of a branch that is not taken? `where` "
                "differentiates both branches, and 0 · ∞ is NaN: give the other branch a number for which it is finite"
            )
            return replace(
                finding, verdict="wrong", index=index, got=float(g.reshape(-1)[k]), expected=found.value, error=found.error,
                off=len(lost), note="", cause=cause,
            )  # fmt: skip
    return finding


def _square(x: Array) -> bool:
    """Whether it is matrices that may be symmetric: directions that are count for more than elements there."""
    return x.ndim >= 2 and x.shape[-1] == x.shape[-2] > 1


def _symmetric(x: Array, g: Array, want: Array, radii: Array) -> bool:
    """Whether g is right along symmetric directions, and they are what is meant.

    They are where one triangle of x is not read, unless g is the transpose of what is right; and where x and g are symmetric.
    """
    if not _square(x):
        return False

    def turned(part: Array) -> Array:
        return np.swapaxes(part.reshape(x.shape), -1, -2)

    def both(part: Array) -> Array:
        return np.asarray(part.reshape(x.shape) + turned(part))

    def close(one: Array, other: Array) -> bool:
        return bool((np.abs(one - other) <= both(radii)).all())

    read = (np.abs(want) > radii).reshape(x.shape)
    half = not np.triu(read, 1).any() or not np.tril(read, -1).any()
    whole = np.array_equal(x, turned(x)) and close(g.reshape(x.shape), turned(g))
    return (whole or (half and not close(g.reshape(x.shape), turned(want)))) and close(both(g), both(want))


STAIRS = (
    "the forward goes in steps here. Where they come from a rounding to fewer digits, its slope is that of the whole stairs, and "
    "where they are meant (as of round), it is that of one step: differences cannot tell. A forward that can be followed would "
    "decide it, or reference="
)
SMALL = 0.01
"""Elements below this share of the largest are not asked how sharply they were seen."""


def _power(sizes: Sequence[float], radii: Sequence[float]) -> float:
    """The worst of the elements that are not small."""
    top = max(sizes, default=0.0)
    return max((2 * r / size for size, r in zip(sizes, radii, strict=True) if size > SMALL * top), default=float("inf"))


def _clean(this: Try, name: str, found: Sequence[Derivative], numbers: Sequence[int], flat: Array, power: float) -> InputFinding:
    shape = this.x.shape
    kinks = [k for k, one in zip(numbers, found, strict=True) if one.kink]
    if any(one.stairs for one in found):
        return InputFinding(name, shape, "undecided", float("inf"), len(numbers), note=STAIRS)
    if not any(one.bulk for one in found):
        return InputFinding(
            name, shape, "certified", 0.0, len(numbers), note="the output does not depend on it, and its gradient is 0"
        )
    if power > LEAST and not kinks:
        note = (
            "differences of the forward are too rough to decide. Inputs in float64 would decide it, or inputs farther from a kink"
        )
        return InputFinding(name, shape, "undecided", power, len(numbers), note=note)
    if kinks:
        index = tuple(int(i) for i in np.unravel_index(kinks[0], shape)) if shape else ()
        one = found[numbers.index(kinks[0])]
        note = (
            f"the forward has a kink here, and no one derivative: {flat[kinks[0]] + 0.0:.6g} is one of the valid values, "
            f"which lie from {one.low:.4g} to {one.high:.4g}; {len(kinks)} of {counted(len(numbers), 'element')} are on a kink"
        )
        return InputFinding(name, shape, "convention", power, len(numbers), index, float(flat[kinks[0]]), note=note)
    return InputFinding(name, shape, "certified", power, len(numbers))


def _some(this: Try, g: Array) -> list[int]:
    """Elements of a large input: the largest, some at random, and one that a direction shows to be wrong."""
    flat = double(g).reshape(-1)
    at_random = this.random.choice(flat.size, min(SOME, flat.size), replace=False).tolist()
    chosen = [*np.argsort(np.abs(flat))[-SOME // 2 :].tolist(), *at_random]
    for _ in range(DIRECTIONS):
        v = this.random.choice([-1.0, 1.0], flat.size)
        if not _agrees(this, flat, v, np.arange(flat.size)):
            chosen.append(_bisected(this, flat, v))
            break
    return list(dict.fromkeys(chosen))


def _agrees(this: Try, flat: Array, v: Array, where: Array) -> bool:
    direction = np.zeros(flat.size)
    direction[where] = v[where]
    found = this.along(direction.reshape(this.x.shape))
    return bool(abs(flat @ direction - found.value) <= this.granted(found, flat[where])) or found.kink


def _bisected(this: Try, flat: Array, v: Array) -> int:
    """An element whose half, quarter … disagrees each time."""
    where = np.arange(flat.size)
    while len(where) > 1:
        left, right = where[: len(where) // 2], where[len(where) // 2 :]
        where = right if _agrees(this, flat, v, left) else left
    return int(where[0])


def _cause(tries: Tries, at: int, g: Array, want: Array, radii: Sequence[float]) -> str:
    radius = np.array(radii).reshape(want.shape)

    def close(x: Array, y: Array) -> bool:
        return bool((np.abs(x - y) <= 4 * radius + 1e-9 * np.abs(y)).all())

    others = [_whole(tries[i]) for i, x in enumerate(tries.inputs) if i != at and i in tries.carrying and x.shape == g.shape]
    return likely(double(g), want, others, close)


def _whole(this: Try) -> Array | None:
    if this.x.size > EVERY:
        return None
    return np.array([this.element(k).value for k in range(this.x.size)]).reshape(this.x.shape)
