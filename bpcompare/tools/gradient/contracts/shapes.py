"""The same code with other numbers of rows: 1, and those around the sizes of blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bpcompare.tools.gradient.contracts.asked import Asked
from bpcompare.tools.gradient.contracts.comparison import settled
from bpcompare.tools.gradient.contracts.options import ROWS, Options
from bpcompare.tools.gradient.contracts.outcome import Outcome

ADVICE = "look at the last block, which may be only partly filled, and at one that is exactly full"


def shapes(asked: Asked, options: Options) -> Outcome:
    """Each number of rows, checked as the given inputs were."""
    wish, again = options.shapes, options.again
    if wish is None or wish is False or again is None:
        return Outcome("shapes", "not tried", "ask for it with shapes=True, or with numbers of rows")
    rows = ROWS if isinstance(wish, bool) or callable(wish) else tuple(wish)
    own = len(asked.code.inputs) - len(asked.code.parameters)
    found: list[Outcome] = []
    for n in rows:
        if options.budget.over():
            found.append(Outcome("shapes", "not tried", options.budget.leave(f"contract: {n} rows")))
            break
        try:
            inputs = wish(n) if callable(wish) else asked.arguments(_resized(asked, n))[:own]
            check = again(inputs, leaves=not callable(wish))
        except Exception as error:  # noqa: BLE001 — the author's code, or their factory
            words = " ".join(str(error).split())[:160]
            more = "" if callable(wish) else "; shapes= may be a function that gives the inputs for a number of rows"
            found.append(Outcome("shapes", "refused", f"with {n} rows: {words}{more}"))
            continue
        wrong = [one for one in check.findings if one.verdict == "wrong"]
        if wrong:
            one = wrong[0]
            place = f"{one.name}[{', '.join(map(str, one.index))}]" if one.index else one.name
            said = one.note or f"the gradient of {place} is {one.got:.9g} where it should be {one.expected:.9g}"
            said = f"with {n} rows: {said}; with {_rows(asked)} it is right"
            return Outcome("shapes", "broken", said, ADVICE, one.name, one.index, one.got, one.expected)
        if check.verdict == "undecided":
            found.append(Outcome("shapes", "undecided", f"with {n} rows, the gradients could not be decided"))
    if found:
        return settled("shapes", found)
    return Outcome("shapes", "kept", ", ".join(map(str, rows)))


def _rows(asked: Asked) -> int:
    """Rows of the output; where it has none, of the first input that is an array of any."""
    ys = [y for y in asked.pullback.outputs if y.ndim]
    arrays = [x for x in asked.code.inputs if isinstance(x, np.ndarray) and x.ndim]
    return len(ys[0]) if ys else len(arrays[0]) if arrays else 1


def _resized(asked: Asked, n: int) -> Sequence[Any]:
    """The inputs that have the rows of the output, with `n` of them: some of theirs again, those of floats a little moved."""
    old = _rows(asked)
    at = np.arange(n) % old

    def resized(i: int, x: Any) -> Any:
        if not isinstance(x, np.ndarray) or not x.ndim or len(x) != old or i in asked.code.parameters:
            return x
        taken = x[at]
        if i in asked.code.carrying:
            taken = (taken * asked.random.uniform(0.9, 1.0, taken.shape)).astype(x.dtype)
        return taken

    return [resized(i, x) for i, x in enumerate(asked.code.inputs)]
