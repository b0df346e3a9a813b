"""What a backward may not touch: dy, the inputs, what the forward gave and saved. And that it can be asked again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.tools.gradient.contracts.asked import Asked
from bpcompare.tools.gradient.contracts.comparison import compared, raised
from bpcompare.tools.gradient.contracts.expected import Expected
from bpcompare.tools.gradient.contracts.outcome import Outcome

NEAR = 1 - 2.0**-5
"""Other numbers are so close to those that were given, relative to their size, that most functions take them, too."""
BETWEEN = "keep what the backward needs in ctx, which every call has for itself, not in the class, a global or the module"


def memory(asked: Asked) -> Iterator[Outcome]:
    """Of "dy", "inputs", "runs" and "twice" what became."""
    changes: dict[str, Any] = {}
    arguments, raw = asked.arguments(), asked.raw(asked.dys)
    try:
        pullback = asked.way.pullback(arguments, saved=True)
    except Exception:  # noqa: BLE001 — not everything that is saved can be looked at
        pullback = asked.way.pullback(arguments)
    held = {asked.names[i]: x for i, x in enumerate(arguments) if isinstance(asked.code.inputs[i], np.ndarray)}
    held |= pullback.held
    before = {what: asked.way.numbers(x) for what, x in held.items()}
    first = asked.named(pullback.pull(raw))
    if asked.way.fixed:
        yield Outcome("dy", "not tried", asked.way.fixed)
        yield Outcome("inputs", "not tried", asked.way.fixed)
    else:
        names = ["dy"] if len(raw) == 1 else [f"dy of output {k}" for k in range(len(raw))]
        seen = {name: asked.way.numbers(x) for name, x in zip(names, raw, strict=True)}
        yield _dy(dict(zip(names, asked.dys, strict=True)), seen)
        after = {what: asked.way.numbers(x) for what, x in held.items()}
        changes = {what: x for what, x in before.items() if not np.array_equal(x, after[what], equal_nan=True)}
        yield _inputs(before, after, list(changes))
    yield runs(asked, first)
    if changes:
        yield Outcome("twice", "not tried", "its inputs or what it saved are changed by the first call")
        return
    done = "the same pullback was called again (retain_graph=True)" if asked.way.framework == "torch" else "it was called again"
    advice = "leave what the forward saved as it is, and add nothing up from call to call"
    again = compared(
        asked,
        "twice",
        done,
        lambda: asked.named(pullback.pull(asked.raw(asked.dys))),
        Expected(first, asked.dys, exactly=True),
        advice,
    )
    yield again or _between(asked, first) or Outcome("twice", "kept")


def _between(asked: Asked, first: Mapping[int, Array]) -> Outcome | None:
    """The forward once more, at other numbers, before the backward of the first: what autograd keeps is kept for each call.

    Only where autograd calls the backward. A layer in NumPy that keeps the last input for its backward does as layers do.
    """
    if asked.way.framework != "torch" or asked.way.partial:
        return None
    near = [(x * NEAR).astype(x.dtype) if i in asked.code.carrying else x for i, x in enumerate(asked.code.inputs)]
    pullback = asked.open()
    try:
        asked.open(asked.arguments(near))
    except Exception:  # noqa: BLE001 — such numbers may be none that the code takes
        return None
    done = "its forward was called with other numbers before its backward"
    expected = Expected(first, asked.dys, exactly=True)
    return compared(asked, "twice", done, lambda: asked.named(pullback.pull(asked.raw(asked.dys))), expected, BETWEEN)


def _dy(before: Mapping[str, Array], after: Mapping[str, Array]) -> Outcome:
    changed = [name for name in before if not np.array_equal(before[name], after[name], equal_nan=True)]
    if not changed:
        return Outcome("dy", "kept")
    advice = "work on a copy of dy: autograd may hand the same memory to others"
    return _changed("dy", "the backward was called once", changed[0], before[changed[0]], after[changed[0]], advice)


def _inputs(before: Mapping[str, Array], after: Mapping[str, Array], changed: list[str]) -> Outcome:
    if not changed:
        return Outcome("inputs", "kept")
    advice = "work on a copy: whoever reads it after the backward, reads other numbers"
    return _changed("inputs", "the backward was called once", changed[0], before[changed[0]], after[changed[0]], advice)


def _changed(name: str, done: str, what: str, before: Array, after: Array, advice: str) -> Outcome:
    where = before != after
    index = tuple(int(k) for k in np.argwhere(where)[0])
    place = f"{what}[{', '.join(map(str, index))}]" if index else what
    said = (
        f"{done}: it changed {int(where.sum()):,} of {before.size:,} entries of {what} in place; "
        f"{place} was {before[index]:.9g} and is {after[index]:.9g}"
    )
    return Outcome(name, "broken", said, advice, what, index, float(after[index]), float(before[index]))


def runs(asked: Asked, first: Mapping[int, Array], times: int = 1) -> Outcome:
    """Forward and backward again, from the same numbers, so many `times` besides those that are known."""
    advice = "it draws random numbers, keeps state, or reads memory that nobody filled: fix what the gradient depends on"
    done = "forward and backward ran again on the same numbers"
    try:
        found = [asked.given, asked.first, *(asked.fresh() for _ in range(times))]
    except Exception as error:  # noqa: BLE001 — the author's code
        return Outcome("runs", "broken", f"{done}: it raises {raised(error)}", advice)
    other = [run for run in found if any(not np.array_equal(run[i], first[i], equal_nan=True) for i in first)]
    for run in other:
        broken = compared(asked, "runs", done, lambda run=run: run, Expected(first, asked.dys, exactly=True), advice)  # type: ignore[misc]
        if broken is not None:
            return broken
    if not other:
        return Outcome("runs", "kept")
    size = max(float(np.abs(run[i].astype(np.float64) - first[i]).max(initial=0.0)) for run in other for i in first)
    return Outcome("runs", "kept", f"not the same bits: nondeterministic, by {size:.3g} at most, which is rounding")
