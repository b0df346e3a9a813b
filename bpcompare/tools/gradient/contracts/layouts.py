"""The gradient of the same numbers, however they lie in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from bpcompare.tools.gradient.contracts.asked import Asked, Dys
from bpcompare.tools.gradient.contracts.comparison import compared, of_outputs, raised, settled
from bpcompare.tools.gradient.contracts.expected import Expected
from bpcompare.tools.gradient.contracts.gap import of_rounding, shaky
from bpcompare.tools.gradient.contracts.outcome import Outcome
from bpcompare.tools.gradient.contracts.ways.way import EXPANDED, PART, repeated

DRAWN = "of its inputs, for it draws random numbers, which lie in memory as these do"
ADVICE = "read memory by its strides, or make it contiguous first: here, neighbours in the array are no neighbours in memory"


def layouts(asked: Asked) -> Outcome:
    """Dy and inputs transposed, with gaps, reversed, expanded: each beside contiguous copies of the same numbers."""
    if asked.way.fixed:
        return Outcome("layouts", "not tried", asked.way.fixed)
    found = [*_of_dy(asked, asked.way.layouts), *_expanded_dy(asked)]
    if asked.way.draws(asked.arguments()):
        return settled("layouts", [*found, Outcome("layouts", "not tried", DRAWN)])
    return settled("layouts", [*found, *_of_inputs(asked, asked.way.layouts), *_expanded(asked)])


def views(asked: Asked) -> Outcome:
    """Dy and inputs as parts of larger arrays, around which stands NaN."""
    if asked.way.fixed:
        return Outcome("views", "not tried", asked.way.fixed)
    return settled("views", [*_of_dy(asked, (PART,), "views"), *_of_inputs(asked, (PART,), "views")])


def _of_dy(asked: Asked, ways: Sequence[str], name: str = "layouts") -> Iterator[Outcome]:
    for layout in ways:
        if any(laid is not None for laid in asked.laid_dys(asked.dys, layout)):
            yield from _dy(asked, name, f"dy was {layout}", layout, asked.dys)


def _expanded_dy(asked: Asked) -> Iterator[Outcome]:
    """As what sums and means of the output hand back: one number for all, or one row."""
    number = tuple(np.full_like(dy, 0.75) for dy in asked.dys)
    row = tuple(dy if (one := repeated(dy)) is None else one for dy in asked.dys)
    for what, dys in (("one number", number), ("one row", row)):
        if any(laid is not None for laid in asked.laid_dys(dys, EXPANDED)):
            yield from _dy(asked, "layouts", f"dy was {what} {EXPANDED}", EXPANDED, dys)


def _dy(asked: Asked, name: str, done: str, layout: str, dys: Dys) -> Iterator[Outcome]:
    try:
        want = asked.first if dys is asked.dys else asked.gradients(dys)
    except Exception as error:  # noqa: BLE001 — the author's code
        yield Outcome(name, "refused", f"{done}: it raises {raised(error)}")
        return
    one = compared(asked, name, done, partial(asked.gradients, dys, layout=layout), Expected(want, dys), ADVICE)
    if one is not None:
        yield one


def _of_inputs(asked: Asked, ways: Sequence[str], name: str = "layouts") -> Iterator[Outcome]:
    # How a module lays out its parameters in memory is its own affair.
    arrays = [i for i, x in enumerate(asked.code.inputs) if isinstance(x, np.ndarray) and i not in asked.code.parameters]
    for layout in ways:
        at = [i for i in arrays if asked.laid(i, asked.code.inputs[i], layout) is not None]
        if at:
            yield from _laid(asked, at, layout, name, asked.first, asked.code.inputs)
        if len(at) > 1 and layout in asked.way.layouts[:1]:  # one of them, where the others are contiguous
            for i in at:
                yield from _laid(asked, [i], layout, name, asked.first, asked.code.inputs)


def _laid(
    asked: Asked, at: Sequence[int], layout: str, name: str, want: Mapping[int, Any], inputs: Sequence[Any]
) -> Iterator[Outcome]:
    """All of them at once; if that is not the same, one after the other."""
    one = _once(asked, at, layout, name, want, inputs)
    if one is None:
        return
    apart = [_once(asked, [i], layout, name, want, inputs) for i in at] if len(at) > 1 else []
    yield next((other for other in apart if other is not None), one)


def _once(
    asked: Asked, at: Sequence[int], layout: str, name: str, want: Mapping[int, Any], inputs: Sequence[Any]
) -> Outcome | None:
    dys: Dys = asked.dys
    who = " and ".join(asked.names[i] for i in at)
    done = f"{who} {'was' if len(at) == 1 else 'were'} {layout}"
    others = None if inputs is asked.code.inputs else inputs

    def laid() -> list[Any]:
        return asked.arguments(inputs, dict.fromkeys(at, layout))

    plain = asked.pullback if others is None else asked.open(asked.arguments(others))
    try:
        one = of_outputs(name, done, asked.open(laid()).outputs, plain.outputs, ADVICE)
        one = None if one is not None and of_rounding(asked, inputs, one) else one
    except Exception as error:  # noqa: BLE001 — the author's code
        return Outcome(name, "refused", f"{done}: it raises {raised(error)}")
    return one or compared(asked, name, done, lambda: asked.gradients(dys, laid()), Expected(want, dys, others), ADVICE)


def _expanded(asked: Asked) -> Iterator[Outcome]:
    """Inputs of floats whose first entry is repeated: as it is in memory, and with a stride of 0."""
    for i in asked.inputs_alone:
        x = repeated(asked.code.inputs[i])
        if x is None:
            continue
        inputs = [x if k == i else other for k, other in enumerate(asked.code.inputs)]
        try:
            if shaky(asked, inputs):
                continue  # numbers of the test's own, at which the code under test need not be right
            want = asked.gradients(asked.dys, asked.arguments(inputs))
        except Exception:  # noqa: BLE001, S112 — such numbers may be none that the code takes
            continue
        yield from _laid(asked, [i], EXPANDED, "layouts", want, inputs)
