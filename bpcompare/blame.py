"""Who is wrong: a vote among independent voices, or the oracle; where neither can tell, nobody.

Votes are counted by voice (`bpcompare.voice`), not by backend. Whoever shares the laws speaks with the law's own voice, and has
no vote. A backend alone against the law is blamed if another voice holds with the law, or if the oracle sides with the law.
Voices that leave the law together, and agree with each other, put the law on trial; one that also holds with the law, in
another version or in the backend that a subclass was made of, does not count against it. Nor do those who agree by a formula
of the catalogue: people make the same mistakes without having conferred.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from bpcompare.certificate import Balls
from bpcompare.claims import Claim, claims
from bpcompare.diagnosis import causes, confined, form, ratio
from bpcompare.exact import Exactly, evaluate, narrowed
from bpcompare.finding import Certificate, Finding
from bpcompare.laws import LAWS, Laws
from bpcompare.mistakes import Mistake
from bpcompare.oracle import Word, word
from bpcompare.plan import Plan
from bpcompare.record import Record
from bpcompare.voice import LAWS as SHARED_LAWS
from bpcompare.voice import Voice, listed, sources, voices

LAW = "law"


@dataclass(frozen=True)
class Blame:
    """The first place where `backend` leaves the proof, and who is to blame there.

    `blame` is a backend, "law", or None where nobody can tell; `ground` says on what the blame rests. `code` names the mistake
    that reproduces the recorded value, `also` others that do so too; `ratio` the constant by which every element is off, where no
    mistake does. `oracle` is the oracle's value of the worst element. `alone` is the parameter at which alone the mistake was
    made, where the other parameters of its layers are right; `form` says which form of the mistake it is, if there are several.
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
    certificates: Mapping[str, Certificate],
    cases: Sequence[Case],
    oracle: bool,
    laws: Laws = LAWS,
    *,
    related: bool = False,
) -> tuple[Blame, ...]:
    """One blame for every backend that is wrong: about its first refuted claim, in the order of the proof.

    `related` records are of one backend, then and now: whatever their voices are, they have it together.
    """
    found: dict[str, Blame] = {}
    kin = {"the same backend"} if related else set()
    heard = {name: sources(name, record.provenance) | kin for name, record in records.items()}
    for case in cases:
        for name in case.refuted:
            if name not in found:
                found[name] = _blame(plan, name, case, heard, oracle, laws)
    return tuple(found.values())


def _blame(plan: Plan, name: str, case: Case, heard: Mapping[str, frozenset[str]], oracle: bool, laws: Laws) -> Blame:
    finding = case.refuted[name]
    balls = case.balls[name]
    said: Word | None = None
    if oracle and np.isfinite(finding.recorded) and np.isfinite(finding.expected):
        said = word(plan, case.claim, balls.values, finding.worst, finding.expected, finding.recorded, laws)
    explained: tuple[Mistake, ...] = ()
    alone = words = ""
    earlier = case.before.get(name, ())
    if case.claim.owners and np.isfinite(finding.recorded):
        related = [claim for claim in claims(plan) if claim.subject == case.claim.subject and claim.path != case.claim.path]
        explained = causes(case.claim, balls, plan.network, laws, related, earlier)
        if explained:
            alone = confined(explained[0], case.claim, balls, plan.network, claims(plan), laws, earlier) or ""
            words = form(explained[0], case.claim, balls, plan.network, laws, earlier)
    codes = tuple(mistake.code for mistake in explained)
    blamed, ground = _verdict(name, case, heard, said, oracle, laws, known=bool(codes))
    constant = ""
    if not codes and case.claim.owners and np.isfinite(finding.recorded):
        found = ratio(case.claim, balls, plan.network, laws)
        constant = f"{found.name} times what it should be, in every element: {found.hint}" if found else ""
    value = said.value if said else None
    code = codes[0] if codes else None
    return Blame(finding.path, name, blamed, ground, code, codes[1:], finding.relative, value, constant, alone, words)


def _verdict(
    name: str,
    case: Case,
    heard: Mapping[str, frozenset[str]],
    said: Word | None,
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
    if not known and len(against) > 1 and len(against) > len(holding):
        return LAW, f"{listed(against)} leave the law together and agree with each other"
    if holding:
        company = f"; {listed(leaving)} leave it together" if together and leaving else ""
        return name, f"the law and {_agreeing(holding, 1)} without it{company}"
    why = "the oracle is off" if not oracle else "the oracle cannot tell here"
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
