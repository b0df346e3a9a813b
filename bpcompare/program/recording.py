"""A run of somebody's own code as a program, with its numbers and its places in their code. Frameworks' recorders make it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bpcompare.program.program import Program

CUT_OFF = "cut off"
"""How the paths of numbers begin that a program worked out and then cut off from the way back: they are no data."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in somebody's code a step stands: `module`, the path of the module whose forward made it, "" outside of all.

    `function` is the framework's function, `line` "FILE:LINE" of the caller, `custom` the name of a custom backward around it,
    `backward` the line where that is defined.
    """

    module: str
    function: str
    line: str = ""
    custom: str = ""
    backward: str = ""


@dataclass(frozen=True, slots=True)
class Unexamined:
    """Something that was not examined: `what` by name, `why`, and `line` of their code if there is one.

    `by` are names of functions of theirs that make it so: a hook that is meant to change gradients can be told apart by them.
    """

    what: str
    why: str
    line: str = ""
    by: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Recording:
    """One program that ran, whole: a backward pass, what became of gradients after it, or an optimizer's step.

    `title` names it for people. `numbers` are arrays by path: of given values, of recorded ones, and of their Δ. A Δ is −∂E, a
    parameter's gradient +∂E. `places` are by the name of a step. `unexamined` is what the recorder itself could not follow.
    `kept`: of an update that was recorded function by function, the paths of what it gives, by name: parameters and state.
    """

    title: str
    program: Program
    given: Mapping[str, Any]
    recorded: Mapping[str, Any]
    places: Mapping[str, Place]
    unexamined: tuple[Unexamined, ...] = ()
    kept: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Watched:
    """Everything that a recorder saw: its recordings in the order of time, and who computed.

    `parameters`: the path of every parameter that ought to have been reached, each with why it was not; "" where it was.
    `facts` are what a report says of the run besides (framework, version, device); "failed", if the recorder itself did: then
    nothing that it recorded accuses anybody. `unwatched`: where the same step gives other bits when nobody watches it (it is
    compiled, say), the gradients of that run by parameter, and its loss under "".
    """

    recordings: tuple[Recording, ...]
    parameters: Mapping[str, str]
    facts: Mapping[str, str] = field(default_factory=dict)
    unexamined: tuple[Unexamined, ...] = ()
    unwatched: Mapping[str, Any] = field(default_factory=dict)
