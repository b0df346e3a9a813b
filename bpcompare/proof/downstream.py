"""What depends on a value: the forward pass behind it, on to where a Δ was recorded. Its derivative is that value's Δ.

    Σ_y ⟨Δ_y, y(x)⟩ − E(x)      over what depends on x, with the Δ that were recorded

The oracle differentiates it by complex steps and by frameworks, `prove` on symbols. The steps are searched for anew: a claim
finds those that its Δ comes from by going back (`Program.behind`), this goes forward.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from bpcompare.laws import Laws
from bpcompare.numbers.number import Num
from bpcompare.program import Program
from bpcompare.proof.walk import Walk


def downstream(program: Program, path: str, get: Callable[[str], Any], laws: Laws) -> Iterator[tuple[Num, Num]]:
    """Δ_y and y for everything that depends on the value at `path`; E comes with −1, its Δ.

    `get` looks numbers up by path, in any arithmetic; for `path` it gives the number that is moved. y and Δ_y have one shape.
    """
    moved = {path: get(path)}
    walk = Walk(program, lambda at: moved[at] if at in moved else get(at), laws)
    for step in program.steps:
        if moved.keys().isdisjoint((*step.reads, *step.parameters.values())):
            continue
        y, delta = walk.forward(step), program.values[step.writes].delta
        if step.writes == program.end:
            yield -1.0, y
        elif delta is None:
            moved[step.writes] = y
        else:
            yield get(delta), y
