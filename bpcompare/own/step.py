"""One step of somebody's training, watched: what was recorded, and the verdict about it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from bpcompare.own.verdict import Pictured, Verdict
from bpcompare.program import Unexamined, Watched
from bpcompare.text.duration import seconds_of

if TYPE_CHECKING:
    # What judges is imported when a verdict is asked for: where a step is only recorded, it need not be installed.
    from bpcompare.own.judged import Judged, Judging, Moment
    from bpcompare.own.replay import Replay
    from bpcompare.own.sample import Sample
    from bpcompare.proof.claims import Claim
    from bpcompare.proof.finding import Finding

HARMLESS = ("zero", "still", "empty")
"""Doubts that are no fault of the judgement: the law itself is 0 here, or nothing moves. They are counted and listed."""


def harmless(claim: Claim, finding: Finding) -> bool:
    """Whether nothing can show here and that is nobody's fault.

    A parameter that hardly moves is one: its step is lost in its own rounding, all of it ("still") or most. What it is made of
    (gradient, state) has claims of its own.
    """
    return finding.doubt in HARMLESS or (finding.doubt == "blurred" and claim.statement == "update")


HOOK = "hook"
"""What stands in the place of a custom function where hooks of a module change gradients."""


class WatchedStep(Pictured):
    """What a `watch` saw. The verdict is worked out when it is first asked for.

    `title` says which run of the code it is; `intended` are names of custom functions whose backward is not meant to be
    the derivative. `sample` is the time that there is for judging; None: as long as it takes. `beside`: of a copy of the model in
    another format, the step of the model as it is.
    """

    def __init__(
        self,
        watched: Watched,
        *,
        intended: Sequence[str] = (),
        title: str = "",
        also: Sequence[Unexamined] = (),
        sample: Sample | None = None,
        beside: WatchedStep | None = None,
    ) -> None:
        self.watched = watched
        self._beside = beside
        self.intended = tuple(intended)
        self.title = title
        self.again = ""
        """The command that shows this again, where there is one."""
        self.also = tuple(also)
        self._sample = sample
        self._judging: Judging | None = None
        self._stopped = ""
        self.replays: tuple[Replay, ...] | None = None
        """What `replay` found; None before it was asked."""

    @property
    def framework(self) -> str:
        """The framework that the code is of, such as "torch"."""
        return self.watched.facts.get("framework", "")

    def sampled(self, time: str | float) -> WatchedStep:
        """The same step, judged for so long at most: "30s", "2min", or seconds; claims of the greatest risk first.

        What was left is named under `unexamined`, and the verdict is `certified in part` at best. Raises ValueError for what is
        no time.
        """
        from bpcompare.own.sample import Sample

        return WatchedStep(
            self.watched, intended=self.intended, title=self.title, also=self.also, sample=Sample(seconds_of(time))
        )

    def judge(self, observed: Callable[[Moment], None] | None = None) -> None:
        """Judge now. `observed` is told before each claim which one it is.

        A KeyboardInterrupt loses nothing: `judge` goes on where it was, and `stop` lets the verdict rest on what is judged.
        """
        from bpcompare.own.judged import Judging

        if "judged" in vars(self):
            return
        if self._judging is None:
            self._judging = Judging(self.watched.recordings, sampled=self._sample is not None)
        if self._sample is None:
            self._judging.go_on(observed=observed)
        else:
            with self._sample.share() as (until, said):
                self._judging.go_on(until, observed)
            self._stopped = f"not judged within {said}"
        self._settle(self._judging.judged())

    def stop(self, why: str = "not judged: interrupted") -> None:
        """Let the verdict rest on what has been judged; the rest is not examined, and it is said why."""
        if "judged" not in vars(self):
            self._stopped = why
            from bpcompare.own.judged import Judging

            judging = self._judging or Judging(self.watched.recordings)
            self._settle(judging.judged())

    def _settle(self, judged: tuple[Judged, ...]) -> None:
        self.judged = judged
        self._judging = None

    def with_judged(self, judged: tuple[Judged, ...]) -> WatchedStep:
        """The same step with other recordings in the place of its own, which are judged already."""
        watched = replace(self.watched, recordings=tuple(one.recording for one in judged))
        other = WatchedStep(watched, intended=self.intended, title=self.title, also=self.also)
        other._settle(judged)
        return other

    @cached_property
    def judged(self) -> tuple[Judged, ...]:
        """Every recording with its findings."""
        self.judge()
        found: tuple[Judged, ...] = vars(self)["judged"]
        return found

    @cached_property
    def left(self) -> tuple[Unexamined, ...]:
        """What there was no time for: claims that were not judged, by kind."""
        from bpcompare.own.left import left

        return tuple(left(self.judged, self._stopped))

    @cached_property
    def findings(self) -> tuple[tuple[Judged, Claim, Finding], ...]:
        """All findings, with the recording and the claim that they are about."""
        return tuple((one, claim, finding) for one in self.judged for claim, finding in one.findings)

    @cached_property
    def refuted(self) -> tuple[tuple[Judged, Claim, Finding], ...]:
        """What left the proof, and was not meant to."""
        excused = all(self._of_the_copy(*found[:2]) for found in self._off)  # one cause may be behind several
        return () if excused else self._off

    @cached_property
    def _off(self) -> tuple[tuple[Judged, Claim, Finding], ...]:
        return tuple(found for found in self.findings if found[2].outcome == "refuted" and not self._meant(*found[:2]))

    def _of_the_copy(self, one: Judged, claim: Claim) -> bool:
        """Whether what a function of the framework's own gives is off in the copy alone, and holds in the model as it is."""
        places = [one.recording.places[owner] for owner, _ in claim.owners if owner in one.recording.places]
        if self._beside is None or not places or any(place.custom for place in places):
            return False
        found = [beside for _, other, beside in self._beside.findings if other.path == claim.path]
        return bool(found) and all(beside.outcome == "holds" for beside in found)

    @cached_property
    def deviations(self) -> tuple[tuple[Judged, Claim, Finding], ...]:
        """What left the proof as it was meant to."""
        return tuple(found for found in self.findings if found[2].outcome == "refuted" and self._meant(*found[:2]))

    @property
    def reduced_as_meant(self) -> bool:
        """Whether what other ranks have added to gradients is taken as it is, as was said."""
        from bpcompare.own.coverage import REDUCED

        return REDUCED in self.intended and any(REDUCED in one.covered.hidden for one in self.judged)

    def _meant(self, one: Judged, claim: Claim) -> bool:
        places = one.recording.places
        return any(owner in places and places[owner].custom in (*self.intended, HOOK) for owner, _ in claim.owners)

    @cached_property
    def undecided(self) -> tuple[tuple[Judged, Claim, Finding], ...]:
        """What could not be told."""
        return tuple(found for found in self.findings if found[2].outcome == "undecided" and not harmless(found[1], found[2]))

    @cached_property
    def zeros(self) -> tuple[tuple[Judged, Claim, Finding], ...]:
        """What is 0, up to rounding or altogether, and what does not move: nothing could have shown there."""
        return tuple(
            found for found in self.findings if harmless(found[1], found[2]) or (found[2].terms and found[2].outcome == "holds")
        )

    @cached_property
    def unexamined(self) -> tuple[Unexamined, ...]:
        """What was not examined. A verdict is no better than this."""
        return tuple(one for one in self._left_out if not self._said(one))

    @cached_property
    def hooked(self) -> tuple[Unexamined, ...]:
        """What was not examined for hooks that are meant to change it."""
        return tuple(one for one in self._left_out if self._said(one))

    @cached_property
    def _left_out(self) -> tuple[Unexamined, ...]:
        from bpcompare.own.coverage import unreached

        waiting = [claim for one in self.judged for claim in one.left]
        claimed = {claim.path for claim in (*waiting, *(found[1] for found in self.findings)) if claim.statement == "gradient"}
        found = [*self.left, *self.watched.unexamined, *self.also, *unreached(self.watched, claimed)]
        for one in self.judged:
            found += one.unexamined
        found += [_in_the_copy(*off) for off in self._off if not self.refuted]
        found += [_hooked(one, claim) for one, claim, _ in self.deviations if self._by_hook(one, claim)]
        found += [mixed for one, claim, _ in self.deviations if (mixed := self._mixed(one, claim)) is not None]
        return tuple(dict.fromkeys(found))

    def _said(self, one: Unexamined) -> bool:
        """Whether it was said to be meant: by the names of all functions that make it so, or as a hook."""
        names, hook = set(one.by) - {HOOK}, HOOK in one.by and HOOK in self.intended
        return hook or (bool(names) and names <= set(self.intended))

    def _mixed(self, one: Judged, claim: Claim) -> Unexamined | None:
        """That what deviates as it is meant to is a sum, to which others add what could not be told apart from it."""
        places = [one.recording.places[owner] for owner, _ in claim.owners if owner in one.recording.places]
        others = [place for place in places if place.custom not in (*self.intended, HOOK)]
        if not others:
            return None
        names = ", ".join(dict.fromkeys(place.custom or place.function for place in others))
        why = f"it is a sum, and one part of it is meant to be no derivative: what {names} adds to it could not be told apart"
        return Unexamined(claim.path, why, others[0].line)

    def _by_hook(self, one: Judged, claim: Claim) -> bool:
        customs = {one.recording.places[owner].custom for owner, _ in claim.owners if owner in one.recording.places}
        return HOOK in customs and customs.isdisjoint(set(self.intended) - {HOOK})

    @cached_property
    def verdict(self) -> Verdict:
        """Say "wrong" if anything left the proof; "undecided"; "certified in part" if something was not examined; "certified"."""
        if self.refuted:  # what a recorder that failed says of others is no evidence
            return "undecided" if self.watched.facts.get("failed") else "wrong"
        if self.undecided:
            return "undecided"
        held = any(finding.outcome in ("holds", "convention") for _, _, finding in self.findings)
        if held and not self.unexamined:
            return "certified"
        return "certified in part" if held or (self.unexamined and not self.left) else "undecided"

    @cached_property
    def power(self) -> tuple[float, str]:
        """The smallest relative mistake that would have shown everywhere, and where that is largest; infinite if nothing held."""
        held = [
            (finding.power, claim.path) for _, claim, finding in self.findings if finding.outcome == "holds" and not finding.terms
        ]
        return max(held, default=(float("inf"), ""))

    def replay(self) -> tuple[Replay, ...]:
        """Compute every backward pass again, whole, in another framework's arithmetic, in float64, from what was given alone.

        What it found stands in the report from then on. It changes no verdict: where rounding turns a branch, honest gradients
        differ. Where no other framework is installed, it is the code's own.
        """
        from bpcompare.engine.arithmetics import voices
        from bpcompare.own.replay import Replay, passes, replayed

        lent = next((one for one in voices(self.framework) if one.installed), None)
        found = passes(self.judged)
        if lent is None:
            self.replays = tuple(Replay("no framework", {}, {}, "none is installed", title=one.recording.title) for one in found)
        else:
            self.replays = tuple(replayed(one, lent) for one in found)
        return self.replays

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the step to a file that `bpcompare.load_watched` reads, with all of its numbers.

        Raises StorageError for what has no place in a file, OSError from the disk.
        """
        from bpcompare.own.storage import save

        save(self, path)

    def _shown(self) -> tuple[WatchedStep, ...]:
        return (self,)

    def tree(self) -> str:
        """The model as a tree of modules: for each the verdict, the power, its claims, and how many parameters are reached."""
        from bpcompare.own.tree import tree

        return tree(self)

    def __str__(self) -> str:
        from bpcompare.own.text import text

        return text(self)


def _hooked(one: Judged, claim: Claim) -> Unexamined:
    places = [one.recording.places[owner] for owner, _ in claim.owners if owner in one.recording.places]
    place = next(place for place in places if place.custom == HOOK)
    why = f"a backward hook of {place.module or 'the model'} changes it: what goes on was taken as it is"
    return Unexamined(claim.path, why, place.line, (HOOK,))


def _in_the_copy(one: Judged, claim: Claim, finding: Finding) -> Unexamined:
    place = next(one.recording.places[owner] for owner, _ in claim.owners if owner in one.recording.places)
    off = f"{finding.recorded:.12g} is not the {finding.expected:.12g} of its law"
    why = (
        f"in the copy alone {off}; as the model is, it holds. {place.function} is at fault in that format, or something changes "
        "its numbers unseen, by less than shows in the model"
    )
    return Unexamined(claim.path, why, place.line)


class Watching:
    """What `with bpcompare.watch(…) as step:` gives. Inside of the block there is no verdict yet."""

    def __init__(self, recorder: Any, intended: Sequence[str], sample: Sample | None = None) -> None:
        self._recorder = recorder
        self._intended = intended
        self._sample = sample
        self._step: WatchedStep | None = None
        self._broken = ""
        self._begun = False

    def __enter__(self) -> Self:
        if self._begun:
            raise RuntimeError("a watch is for one block: call bpcompare.watch again for another")
        self._begun = True
        self._recorder.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self._recorder.__exit__(kind, error, trace)
        if error is not None:
            self._broken = f"{type(error).__name__} ended it"

    @property
    def step(self) -> WatchedStep:
        """What was watched. Raises RuntimeError inside of the block."""
        if self._step is None:
            watched = self._recorder.watched()
            also = [Unexamined("the rest of the step", self._broken)] if self._broken else []
            self._step = WatchedStep(watched, intended=self._intended, title="as it ran", also=also, sample=self._sample)
        return self._step

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.step, name)

    def __str__(self) -> str:
        return str(self.step)
