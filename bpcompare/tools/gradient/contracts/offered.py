"""The other ways to differentiate the code, where it offers them or is asked for them by name."""

from __future__ import annotations

from bpcompare.tools.gradient.contracts.asked import Asked
from bpcompare.tools.gradient.contracts.options import Options
from bpcompare.tools.gradient.contracts.outcome import Outcome
from bpcompare.tools.gradient.contracts.ways.modes import Modes, modes_of


def offered(asked: Asked, options: Options, name: str, none: str) -> Modes | Outcome:
    """Those of the framework for the contract `name`; or that it is not tried, and why: `none` where there are none at all."""
    modes = modes_of(asked.way)
    if modes is None:
        return Outcome(name, "not tried", none)
    why = modes.missing.get(name, "")
    return Outcome(name, "not tried", why) if why and name not in options.named else modes
