"""One contract that says: these gradients are the same as those."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.report.numbers import short
from bpcompare.text.words import printable
from bpcompare.tools.gradient.contracts.asked import Asked, Gradients
from bpcompare.tools.gradient.contracts.expected import Expected
from bpcompare.tools.gradient.contracts.gap import Gap, gap
from bpcompare.tools.gradient.contracts.outcome import RANKS, Kind, Outcome

MOST = 160
"""Characters of the message of an error."""


def compared(
    asked: Asked,
    name: str,
    done: str,
    ask: Callable[[], Gradients],
    expected: Expected,
    advice: str,
    *,
    must_answer: bool = False,
) -> Outcome | None:
    """What `ask` gives beside what is `expected`; None where it is the same. `done` says what was done: "dy was transposed".

    An error of the code is "refused", or where it `must_answer`, "broken".
    """
    try:
        got = ask()
    except Exception as error:  # noqa: BLE001 — the author's code
        said = f"{done}: it raises {raised(error)}"
        return Outcome(name, "broken" if must_answer else "refused", said, advice if must_answer else "")
    found = gap(asked, got, expected)
    return None if found is None else told(asked, name, done, found, advice)


def of_outputs(name: str, done: str, got: Sequence[Array], want: Sequence[Array], advice: str) -> Outcome | None:
    """Outputs of the forward that should be the same; None where they are, to half of the digits: no rounding takes more."""
    for k, (y, right) in enumerate(zip(got, want, strict=True)):
        what = "what the forward gives" if len(want) == 1 else f"output {k} of the forward"
        if y.shape != right.shape:
            return Outcome(
                name, "broken", f"{done}: {what} has shape {list(y.shape)}, and should have {list(right.shape)}", advice
            )
        off = np.abs(y.astype(np.float64) - right)
        if np.isfinite(right).all() and not (off <= np.sqrt(np.finfo(right.dtype).eps) * np.abs(right).max(initial=0.0)).all():
            index = tuple(int(i) for i in np.argwhere(~(off < np.nanmax(off)))[0])
            a, b = float(y[index]), float(right[index])
            said = f"{done}: {what} is {a:.9g} at [{', '.join(map(str, index))}] where it should be {b:.9g}"
            return Outcome(name, "broken", said, advice, "", index, a, b)
    return None


def told(asked: Asked, name: str, done: str, found: Gap, advice: str) -> Outcome:
    """A gap as what became of the contract `name`: `done` says what was done, `advice` what to do where it is broken."""
    title = asked.names[found.at]
    place = f"{title}[{', '.join(map(str, found.index))}]" if found.index else title
    if found.why:
        said = f"{done}: of the gradient of {title}, {found.why}"
    else:
        said = f"{done}: the gradient of {place} is {found.got:.9g} where it should be {found.expected:.9g}{_size(found)}"
    if not found.proved:
        said += "; that is more than this code's own rounding, and the forward is too rough to tell which is right"
    kind: Kind = "broken" if found.proved else "undecided"
    return Outcome(name, kind, said, advice if found.proved else "", title, found.index, found.got, found.expected)


def _size(found: Gap) -> str:
    off = abs(found.got - found.expected)
    return f", off by {short(off / abs(found.expected))} of it" if found.expected and off < float("inf") else ""


def raised(error: Exception) -> str:
    """An error in a few words."""
    words = " ".join(printable(str(error)).split())
    return f"{type(error).__name__}: {words if len(words) <= MOST else words[: MOST - 1] + '…'}"


def settled(name: str, found: Sequence[Outcome]) -> Outcome:
    """One outcome of all that was tried for a contract: the worst, or that it is kept."""
    return min(found, key=lambda one: RANKS[one.outcome]) if found else Outcome(name, "kept")
