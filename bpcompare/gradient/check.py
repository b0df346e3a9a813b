"""Each VJP of a backward against the forward-only oracle, and against the law where there is one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from bpcompare.gradient.derivative import Along, Derivative
from bpcompare.gradient.door import Door, door
from bpcompare.gradient.known import Known
from bpcompare.gradient.likely import likely
from bpcompare.ops import Op
from bpcompare.parameter import Array
from bpcompare.power import LEAST

EVERY = 2_000
"""Up to so many elements an input, each is tried; larger ones along random directions, and then down to the element."""
SOME, DIRECTIONS = 16, 4
GRANTED = 1024.0
"""u times the sum of |terms| that a backward may be off by its own rounding."""
TRUSTED = 4.0
"""Times the oracle's error estimate."""

Verdict = Literal["certified", "convention", "undecided", "wrong"]


@dataclass(frozen=True)
class InputFinding:
    """What was found of the gradient of one input.

    `power`: the smallest relative mistake that would have shown in its largest element. `tried`: elements looked at one by one.
    """

    name: str
    shape: tuple[int, ...]
    verdict: Verdict
    power: float
    tried: int
    index: tuple[int, ...] = ()
    got: float = 0.0
    expected: float = 0.0
    error: float = 0.0
    off: int = 0
    cause: str = ""
    code: str | None = None
    note: str = ""

    @property
    def relative(self) -> float:
        """How far the worst element is off, relative to what is expected."""
        gap = abs(self.got - self.expected)
        return gap / abs(self.expected) if self.expected else float("inf") if gap else 0.0


@dataclass(frozen=True)
class GradientCheck:
    """What `check_gradient` found: one finding an input that carries a gradient."""

    framework: str
    findings: tuple[InputFinding, ...]
    law: str = ""

    @property
    def verdict(self) -> Verdict:
        """The worst of the findings."""
        verdicts = {finding.verdict for finding in self.findings}
        order: tuple[Verdict, ...] = ("wrong", "undecided", "convention")
        return next((bad for bad in order if bad in verdicts), "certified")

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong and nothing undecided. A kink is no mistake."""
        return self.verdict in ("certified", "convention")

    @property
    def power(self) -> float:
        """The smallest relative mistake that would have shown in every input."""
        return max((finding.power for finding in self.findings), default=float("inf"))

    def __str__(self) -> str:
        from bpcompare.gradient.text import text

        return text(self)

    def assert_ok(self) -> None:
        """Raise AssertionError with the text, unless `ok`."""
        __tracebackhide__ = True
        if not self.ok:
            raise AssertionError(f"\n{self}")


def check_gradient(
    forward: Any,
    backward: Any = None,
    inputs: Sequence[Any] = (),
    *,
    names: Sequence[str] | None = None,
    op: Op | None = None,
    seed: int = 0,
) -> GradientCheck:
    """Try a hand-written backward against its own forward.

    NumPy: `forward(*inputs)` is an array and `backward(*inputs, dy)` a gradient for each input (None where there is none).
    torch: `forward` is an `autograd.Function`, or any function of tensors; JAX: a `custom_vjp`. There `backward` may be left out.
    `op`: the op that it is meant to be; then it is tried against the law of it, too: sources first, then parameters by role.

    Never raises on a wrong gradient. Raises ValueError for code that cannot be tried: inputs that are no numbers, a forward that
    raises, changes its mind or its inputs, or gives something that is not finite.
    """
    if not inputs:
        raise ValueError("inputs: at least one is needed")
    code = door(forward, backward, inputs)
    titles = tuple(names) if names is not None else tuple(f"input {i}" for i in range(len(inputs)))
    if len(titles) != len(inputs):
        raise ValueError(f"names: {len(titles)} names for {len(inputs)} inputs")
    _numbers(code.inputs, titles)
    y = _output(code)
    random = np.random.default_rng(seed)
    # Every element of dy counts, and none is like another.
    dy = (random.uniform(0.5, 1.5, y.shape) * random.choice([-1.0, 1.0], y.shape)).astype(y.dtype)
    gradients, problem = _gradients(code, dy)
    known = Known(op, code.inputs, y, dy) if op is not None else None
    carrying = [i for i, x in enumerate(code.inputs) if x.dtype.kind == "f"]
    tries = {i: _Try(code, i, dy, random) for i in carrying}
    findings = [_judged(tries, i, titles, gradients, problem, known) for i in carrying]
    if known is not None and not known.output.holds(_double(code.forward(code.inputs))):
        note = f"forward is not {known.op.name}: its output leaves the law's ball"
        findings.insert(0, InputFinding("the output", y.shape, "wrong", 0.0, y.size, note=note))
    return GradientCheck(code.framework, tuple(findings), "" if known is None else known.op.name)


def _numbers(inputs: Sequence[Array], names: Sequence[str]) -> None:
    if not any(x.dtype.kind == "f" for x in inputs):
        raise ValueError("inputs: none of them holds floating-point numbers, so nothing has a gradient")
    for x, name in zip(inputs, names, strict=True):
        if x.dtype.kind not in "fiub":
            raise ValueError(f"{name}: is of dtype {x.dtype}; numbers are needed")
        if not x.size:
            raise ValueError(f"{name}: has shape {list(x.shape)}, so there is nothing in it")
        if not np.isfinite(x).all():
            raise ValueError(f"{name}: holds NaN or infinity")


def _output(code: Door) -> Array:
    before = [x.copy() for x in code.inputs]
    try:
        y, again = code.forward(code.inputs), code.forward(code.inputs)
    except Exception as error:
        raise ValueError(f"forward: {type(error).__name__}: {error}") from error
    if any(not np.array_equal(x, was) for x, was in zip(code.inputs, before, strict=True)):
        raise ValueError("forward: changes its inputs")
    if y.dtype.kind != "f" or not y.size:
        raise ValueError(f"forward: gives an array of {y.dtype} of shape {list(y.shape)}; floating-point numbers are needed")
    if not np.isfinite(y).all():
        raise ValueError("forward: gives NaN or infinity on these inputs")
    if not np.array_equal(y, again):
        raise ValueError("forward: gives something else when it is called again; fix its random numbers")
    return y


def _gradients(code: Door, dy: Array) -> tuple[list[Array | None], str]:
    """What the backward gives, or what is wrong with all of it."""
    nothing: list[Array | None] = [None] * len(code.inputs)
    try:
        found = code.backward(code.inputs, dy)
    except Exception as error:  # noqa: BLE001 — the author's code
        return nothing, f"backward raised {type(error).__name__}: {error}"
    parts = list(found) if isinstance(found, tuple | list) else [found]
    if len(parts) != len(code.inputs):
        return nothing, f"backward gave {len(parts)} gradients for {len(code.inputs)} inputs"
    return [None if part is None else np.asarray(part) for part in parts], ""


class _Try:
    """One input, and the oracle along its directions."""

    def __init__(self, code: Door, at: int, dy: Array, random: np.random.Generator) -> None:
        wide = [_double(x) if x.dtype.kind == "f" else x for x in code.inputs]
        self.x, self.random = wide[at], random
        self.u = float(np.finfo(code.inputs[at].dtype).eps) / 2
        self._known: dict[int, Derivative] = {}

        def replaced(x: Array) -> Array:
            return code.forward([*wide[:at], x, *wide[at + 1 :]])

        self.along = Along(replaced, self.x, _double(dy), analytic=code.analytic)

    def element(self, k: int) -> Derivative:
        """The derivative by one element, by its number."""
        if k not in self._known:
            v = np.zeros(self.x.shape)
            v.flat[k] = 1.0
            self._known[k] = self.along(v)
        return self._known[k]

    def radius(self, found: Derivative, largest: float) -> float:
        """How far a right backward may be away: the oracle's error, and its own rounding."""
        return TRUSTED * found.error + GRANTED * self.u * found.bulk + 64 * self.u * largest


def _double(x: Array) -> Array:
    return np.asarray(x, np.float64)


def _judged(
    tries: dict[int, _Try],
    at: int,
    names: Sequence[str],
    gradients: Sequence[Array | None],
    problem: str,
    known: Known | None,
) -> InputFinding:
    this, name, g = tries[at], names[at], gradients[at]
    shape = this.x.shape
    if problem:
        return InputFinding(name, shape, "wrong", 0.0, 0, note=problem)
    if g is None:
        g = np.zeros(shape)
    if g.shape != shape:
        note = f"its gradient has shape {list(g.shape)}, the input has {list(shape)}"
        cause = "a broadcast input: sum the gradient over the axes that were broadcast" if g.size > this.x.size else ""
        return InputFinding(name, shape, "wrong", 0.0, 0, cause=cause, note=note)
    if not np.isfinite(g).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(g))[0])
        return InputFinding(name, shape, "wrong", 0.0, 0, where, float(g[where]), note="its gradient is not finite")
    numbers = list(range(this.x.size)) if this.x.size <= EVERY else _some(this, g)
    found = [this.element(k) for k in numbers]
    largest = max((one.bulk for one in found), default=0.0)
    radii = [this.radius(one, largest) for one in found]
    flat = _double(g).reshape(-1)
    bad = [
        place
        for place, (k, one, radius) in enumerate(zip(numbers, found, radii, strict=True))
        if not one.low - radius <= flat[k] <= one.high + radius
    ]
    top = max(range(len(found)), key=lambda place: abs(found[place].value))
    power = 2 * radii[top] / abs(found[top].value) if found[top].value else float("inf")
    if not bad:
        return _clean(this, name, found, numbers, flat, power)
    worst = max(bad, key=lambda place: abs(flat[numbers[place]] - found[place].value) / max(radii[place], 1e-300))
    want = np.array([one.value for one in found])
    cause = code = ""
    if len(numbers) == this.x.size:
        cause = _cause(tries, at, g, want.reshape(shape), radii)
        codes = known.codes(at, _double(g)) if known is not None else ()
        code = codes[0] if codes else ""
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
        code or None,
    )


def _clean(this: _Try, name: str, found: Sequence[Derivative], numbers: Sequence[int], flat: Array, power: float) -> InputFinding:
    shape = this.x.shape
    kinks = [k for k, one in zip(numbers, found, strict=True) if one.kink]
    if not any(one.bulk for one in found):
        return InputFinding(
            name, shape, "certified", 0.0, len(numbers), note="the output does not depend on it, and its gradient is 0"
        )
    if power > LEAST and not kinks:
        note = "the forward is too rough for its differences to decide; wider inputs, or a smoother place, would"
        return InputFinding(name, shape, "undecided", power, len(numbers), note=note)
    if kinks:
        index = tuple(int(i) for i in np.unravel_index(kinks[0], shape)) if shape else ()
        note = f"{len(kinks)} of {len(numbers)} elements are on a kink, where its value is one of the valid ones"
        return InputFinding(name, shape, "convention", power, len(numbers), index, float(flat[kinks[0]]), note=note)
    return InputFinding(name, shape, "certified", power, len(numbers))


def _some(this: _Try, g: Array) -> list[int]:
    """Elements of a large input: the largest, some at random, and one that a direction shows to be wrong."""
    flat = _double(g).reshape(-1)
    chosen = [*np.argsort(np.abs(flat))[-SOME // 2 :].tolist(), *this.random.choice(flat.size, SOME, replace=False).tolist()]
    for _ in range(DIRECTIONS):
        v = this.random.choice([-1.0, 1.0], flat.size)
        if not _agrees(this, flat, v, np.arange(flat.size)):
            chosen.append(_bisected(this, flat, v))
            break
    return list(dict.fromkeys(chosen))


def _agrees(this: _Try, flat: Array, v: Array, where: Array) -> bool:
    direction = np.zeros(flat.size)
    direction[where] = v[where]
    found = this.along(direction.reshape(this.x.shape))
    rounding = GRANTED * this.u * (found.bulk + float(np.sqrt(np.square(flat[where]).sum())))
    return bool(abs(flat @ direction - found.value) <= TRUSTED * found.error + rounding) or found.kink


def _bisected(this: _Try, flat: Array, v: Array) -> int:
    """An element whose half, quarter … disagrees each time."""
    where = np.arange(flat.size)
    while len(where) > 1:
        left, right = where[: len(where) // 2], where[len(where) // 2 :]
        where = right if _agrees(this, flat, v, left) else left
    return int(where[0])


def _cause(tries: dict[int, _Try], at: int, g: Array, want: Array, radii: Sequence[float]) -> str:
    radius = np.array(radii).reshape(want.shape)

    def close(x: Array, y: Array) -> bool:
        return bool((np.abs(x - y) <= 4 * radius + 1e-9 * np.abs(y)).all())

    others = [_whole(one) for i, one in tries.items() if i != at and one.x.shape == g.shape]
    return likely(_double(g), want, others, close)


def _whole(this: _Try) -> Array | None:
    if this.x.size > EVERY:
        return None
    return np.array([this.element(k).value for k in range(this.x.size)]).reshape(this.x.shape)
