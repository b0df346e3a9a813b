"""All that is shown of one claim: the element that decides, the law's formula there, the numbers around it, who says so."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

import numpy as np
from markupsafe import Markup

from bpcompare.network.parameter import Array
from bpcompare.numbers.ball.format import format_of
from bpcompare.own.formula import expression
from bpcompare.own.judged import Judged
from bpcompare.own.page.mathml import Formulas
from bpcompare.own.page.window import Picture, Window, picture, window
from bpcompare.own.text import told
from bpcompare.own.wrong import Wrong
from bpcompare.proof.balls import Balls
from bpcompare.proof.claims import Claim
from bpcompare.proof.evaluation import evaluate
from bpcompare.proof.finding import Finding
from bpcompare.report.numbers import long, off, short

STORY = ("oracle", "cause", "follows")
"""What is said of a mistake with its numbers; where it is stands there already."""
LONGEST = 12_000
"""Characters of a formula's markup; a longer one is read by nobody."""


@dataclass(frozen=True)
class Sheet:
    """`at` is the element that decides, of an array of `shape`; `recorded`, the `law` and its `radius` are its numbers.

    `blamed`: it is the first mistake of its kind. `symbols` and `numbers` are its formula, "" where there is none: `unwritten`
    says why. `said` are labels with words: whose fault it is. `window` has the recorded numbers around the element, `expected`
    the law's; `picture` is the whole array.
    """

    blamed: bool
    at: str
    shape: str
    recorded: str
    hex: str
    law: str
    radius: str
    off: str
    symbols: Markup
    numbers: Markup
    unwritten: str
    said: tuple[tuple[str, str], ...]
    window: Window | None
    expected: Window | None
    picture: Picture | None


def sheet(one: Judged, claim: Claim, finding: Finding, state: str, *, blamed: bool, formulas: Formulas) -> Sheet:
    """The sheet of a claim. `blamed`: whether the whole story is told of it, as of the first mistake of its kind."""
    recorded = np.asarray(one.values.recorded[claim.path])
    index = finding.worst if len(finding.worst) == recorded.ndim else (0,) * recorded.ndim
    symbols, numbers, unwritten = _formula(one, claim, index, formulas) if recorded.size else (Markup(), Markup(), "it is empty")
    law, radius = (None, None) if state != "wrong" else _law(one, claim, recorded)
    said = told(Wrong(one, claim, finding)) if blamed else ()
    number = float(recorded[index]) if recorded.size else 0.0
    known = isfinite(finding.expected) and (bool(finding.worst) or recorded.ndim == 0)
    return Sheet(
        blamed=blamed,
        at=_index(index),
        shape=f"{'×'.join(map(str, recorded.shape)) or 'one number'} {claim.dtype}".strip(),
        recorded=long(number + 0.0).strip(),
        hex=number.hex(),
        law=long(finding.expected + 0.0).strip() if known else "",
        radius=short(finding.radius),
        off=off(finding.recorded, finding.expected) if state == "wrong" else "",
        symbols=symbols,
        numbers=numbers,
        unwritten=unwritten,
        said=tuple((label, words) for label, words, _ in said if label in STORY),
        window=window(recorded, index) if recorded.size > 1 else None,
        expected=window(law, index) if law is not None and recorded.size > 1 else None,
        picture=None if law is None or radius is None or recorded.size < 2 else picture(recorded, law, radius),
    )


def _formula(one: Judged, claim: Claim, index: tuple[int, ...], formulas: Formulas) -> tuple[Markup, Markup, str]:
    nothing = Markup()
    found = expression(one, claim, index)
    if found is None:
        return nothing, nothing, "it has no formula that can be written"
    try:
        symbols, numbers = formulas.math(formulas.symbols(found)), formulas.math(formulas.numbers(found))
    except Exception:  # noqa: BLE001 — a law may use what has no formula, and the verdict does not need one
        return nothing, nothing, "it has no formula that can be written"
    if len(symbols) > LONGEST:
        return nothing, nothing, "its formula is too long to be read"
    return symbols, numbers, ""


def _law(one: Judged, claim: Claim, recorded: Array) -> tuple[Array | None, Array | None]:
    """The law's numbers and radii, for all of the array; nothing where they cannot be had."""
    balls = Balls(one.values, format_of("float64"), exact=True)
    try:
        with np.errstate(all="ignore"):
            ball = evaluate(claim, balls.of(claim) if claim.dtype else balls, one.laws)
            radius = np.asarray(ball.final_radius(), np.float64)
            return np.broadcast_to(ball.mid, recorded.shape), np.broadcast_to(radius, recorded.shape)
    except Exception:  # noqa: BLE001 — a picture decides nothing
        return None, None


def _index(index: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, index))}]" if index else ""
