"""Who is wrong: a vote among independent voices, or the oracle; where neither can tell, nobody.

Votes are counted by voice (`bpcompare.plan.voice`), not by backend. A backend that shares the laws counts as the law itself,
and has no vote. A backend alone against the law is blamed if another voice holds with the law, or if the oracle sides with the
law. Voices that disagree with the law, and agree with each other, are evidence against the law. Two kinds of voice do not count
as such evidence: one that also agrees with the law (in another version, or in the backend that a subclass was made of), and those
whose numbers a known mistake gives, because different people make the same mistake independently.

The oracle has two ways, and takes a side only where both do. Where they differ, the votes may still say what the complex step
says, and nothing else: a second way never leads to a blame that would not be there without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from bpcompare.laws import LAWS, Laws
from bpcompare.mistakes import Mistake
from bpcompare.mistakes.diagnosis import causes, confined, form, ratio
from bpcompare.plan import Plan
from bpcompare.plan.record import Record
from bpcompare.plan.voice import LAWS as SHARED_LAWS
from bpcompare.plan.voice import Voice, listed, sources, voices
from bpcompare.proof.balls import Balls
from bpcompare.proof.claims import Claim
from bpcompare.proof.exact import Exactly, evaluate, narrowed
from bpcompare.proof.finding import Finding
from bpcompare.proof.oracle import Lent, Opinion, opinion
from bpcompare.proof.question import question

LAW = "law"


@dataclass(frozen=True)
class Blame:
    """The first place where `backend` leaves the proof, and who is to blame there.

    `blame` is a backend, "law", or None where nobody can tell; `ground` says on what the blame rests. `code` names the mistake
    that reproduces the recorded value, `also` others that do so too; `ratio` the constant by which every element is off, where no
    mistake does. `oracle` is the oracle's value of the worst element, `doubt` why it takes no side there. `alone` is the
    parameter at which alone the mistake was made, where the other parameters of its layers are right; `form` says which form of
    the mistake it is, if there are several.
    """

    path: str
    backend: str
    blame: str | None
    ground: str
    code: str | None
    also: tuple[str, ...]
    relative: float
    oracle: float | None = None
    ratio: str = ""
    alone: str = ""
    form: str = ""
    doubt: str = ""


@dataclass(frozen=True)
class Case:
    """What is known of one claim at one step: each backend's values there and before, and whether it was refuted there."""

    step: int
    claim: Claim
    balls: Mapping[str, Balls]
    refuted: Mapping[str, Finding]
    before: Mapping[str, Sequence[Balls]] = field(default_factory=dict)


def blames(
    plan: Plan,
    records: Mapping[str, Record],
    cases: Sequence[Case],
    oracle: bool,
    laws: Laws = LAWS,
    *,
    related: bool = False,
    lent: Sequence[Lent] = (),
) -> tuple[Blame, ...]:
    """One blame for every backend that is wrong: about its first refuted claim, in the order of the proof.

    `records` are by the name of the backend; `cases` are all refuted claims. `oracle`: ask the oracle.
    `related`: all records are of one backend, before and after a change, so that they count as one voice whatever they declare.
    `lent` are the frameworks that the oracle may ask; none is asked unless there is somebody to blame.
    """
    found: dict[str, Blame] = {}
    kin = {"the same backend"} if related else set()
    heard = {name: sources(name, record.provenance) | kin for name, record in records.items()}
    for case in cases:
        for name in case.refuted:
            if name not in found:
                found[name] = _blame(plan, name, case, heard, oracle, laws, lent)
    return tuple(found.values())


def _blame(
    plan: Plan,
    name: str,
    case: Case,
    heard: Mapping[str, frozenset[str]],
    oracle: bool,
    laws: Laws,
    lent: Iterable[Lent],
) -> Blame:
    finding = case.refuted[name]
    balls = case.balls[name]
    said: Opinion | None = None
    if oracle and np.isfinite(finding.recorded) and np.isfinite(finding.expected):
        # A framework would repeat its own formulas, for a backend or against it: it has no say where one made with it is accused.
        accused = frozenset[str]().union(*(heard[one] for one in case.refuted))
        others = [framework for framework in lent if framework.source not in accused]
        said = opinion(plan.program, case.claim, balls.values, finding.worst, finding.expected, finding.recorded, laws, others)
    explained: tuple[Mistake, ...] = ()
    alone = words = ""
    earlier = case.before.get(name, ())
    if case.claim.owners and np.isfinite(finding.recorded):
        related = [
            claim for claim in question(plan).claims if claim.subject == case.claim.subject and claim.path != case.claim.path
        ]
        explained = causes(case.claim, balls, plan.network, laws, related, earlier)
        if explained:
            alone = confined(explained[0], case.claim, balls, plan.network, question(plan).claims, laws, earlier) or ""
            words = form(explained[0], case.claim, balls, plan.network, laws, earlier)
    codes = tuple(mistake.code for mistake in explained)
    blamed, ground = _verdict(name, case, heard, said, oracle, laws, known=bool(codes))
    constant = ""
    if not codes and case.claim.owners and np.isfinite(finding.recorded):
        found = ratio(case.claim, balls, plan.network, laws)
        constant = f"{found.name} times what it should be, in every element: {found.hint}" if found else ""
    value = said.value if said else None
    code = codes[0] if codes else None
    doubt = said.doubt if said else ""
    return Blame(finding.path, name, blamed, ground, code, codes[1:], finding.relative, value, constant, alone, words, doubt)


def _verdict(
    name: str,
    case: Case,
    heard: Mapping[str, frozenset[str]],
    said: Opinion | None,
    oracle: bool,
    laws: Laws,
    *,
    known: bool = False,
) -> tuple[str | None, str]:
    """Who is to blame, and why. `known`: a formula of the catalogue gives the number, and that is wrong beyond doubt."""
    finding = case.refuted[name]
    if not np.isfinite(finding.recorded):
        return name, "it is not finite, and everything it was computed from is"
    if not case.claim.owners:
        return name, "the parameter is frozen: no arithmetic is involved"
    voting = [other for other in case.balls if SHARED_LAWS not in heard[other]]
    if narrower := _narrower(name, case, laws):
        return name, f"all it has here fits {narrower}, and the right numbers need more bits: it computes in a narrower format"
    holding = voices([other for other in voting if other not in case.refuted], heard)
    together = [other for other in voting if other in case.refuted and other != name and _agree(name, other, case, laws)]
    leaving = voices([name, *together] if name in voting else together, heard)
    # A voice that says both things has not said that the law is wrong.
    against = [voice for voice in leaving if not _speaks_for(voice, holding, heard)]
    if said is not None and said.side == "law":
        others = f", and {_agreeing(holding)} with it" if holding else ""
        return name, f"the oracle, from the forward pass alone, confirms the law{others}"
    if said is not None and said.side == "record":
        return LAW, f"the oracle, from the forward pass alone, confirms {listed([name, *together])} against the law"
    doubt = f": {said.doubt}" if said is not None and said.doubt else ""
    voted: tuple[str, str] | None = None
    if not known and len(against) > 1 and len(against) > len(holding):
        voted = LAW, f"{listed(against)} leave the law together and agree with each other"
    elif holding:
        company = f"; {listed(leaving)} leave it together" if together and leaving else ""
        voted = name, f"the law and {_agreeing(holding, 1)} without it{company}"
    if voted is not None:
        alone = {"law": name, "record": LAW}.get(said.alone) if said is not None else None
        if alone in (None, voted[0]):
            return voted
        return None, f"undecided: the votes are against {voted[0]}, the complex step is not, and the oracle takes no side{doubt}"
    why = "the oracle is off" if not oracle else f"the oracle cannot tell here{doubt}"
    who = listed(leaving) if together and name in voting and len(leaving) == 1 else name
    mute = [other for other in case.balls if other not in voting and other not in case.refuted]
    law = f"the law{f', whose voice is also that of {listed(mute)},' if mute else ''} stands against {who}"
    return None, f"undecided: only {law}, and {why}; add a third backend" + ("" if oracle else " or take --oracle auto")


def _narrower(name: str, case: Case, laws: Laws) -> str:
    balls = case.balls[name]
    if not isinstance(balls, Exactly):
        return ""
    x = balls.values.recorded[case.claim.path].astype(np.float64)
    return narrowed(x, evaluate(case.claim, balls, laws).mid, balls.dtype) if np.isfinite(x).all() else ""


def _speaks_for(voice: Voice, others: Sequence[Voice], heard: Mapping[str, frozenset[str]]) -> bool:
    """Whether members of `voice` share a source with one of `others`."""
    return any(heard[one] & heard[other] for one in voice.members for those in others for other in those.members)


def _agreeing(voices: Sequence[Voice], more: int = 0) -> str:
    """The voices, with a verb; `more` others are in the sentence already."""
    members = sum(len(voice.members) for voice in voices) + more
    return f"{listed(voices)} agree{'s' if members == 1 else ''}"


def _agree(a: str, b: str, case: Case, laws: Laws) -> bool:
    """Whether two backends are off by the same amount: each measured from the law on its own inputs."""
    off = []
    for name in (a, b):
        balls = case.balls[name]
        ball = evaluate(case.claim, balls, laws)
        off.append((balls.values.recorded[case.claim.path].astype(np.float64) - ball.mid, np.asarray(ball.final_radius())))
    (x, rx), (y, ry) = off
    # Where nothing rounds, the same mistake has the same bits.
    slack = 0.0 if isinstance(case.balls[a], Exactly) else 1e-3 * np.maximum(np.abs(x), np.abs(y)).max()
    return bool((np.abs(x - y) <= rx + ry + slack).all())
