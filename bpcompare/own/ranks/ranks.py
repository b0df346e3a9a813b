"""`ranks`: the steps of all processes that train one model, judged together."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import cached_property

from bpcompare.own.coverage import REDUCED
from bpcompare.own.judged import Judged
from bpcompare.own.ranks.mean import cause, means
from bpcompare.own.ranks.rank import Rank, Reduction
from bpcompare.own.ranks.sync import Apart, apart
from bpcompare.own.step import WatchedStep, Watching, harmless
from bpcompare.own.verdict import WORST, Certifiable, Verdict
from bpcompare.program import Unexamined
from bpcompare.proof.claims import Claim
from bpcompare.proof.finding import Finding
from bpcompare.report.lines import named

Given = WatchedStep | Watching | str | os.PathLike[str]


def ranks(steps: Sequence[Given], *, intended: Sequence[str] = ()) -> Ranks:
    """Judge the steps of all ranks of a DistributedDataParallel together:

        with bpcompare.watch(model, optimizer) as step: ...     # in every process
        step.save(f"rank{rank}.step")

        print(bpcompare.ranks(["rank0.step", "rank1.step"]))    # in one of them, or afterwards

    Claimed are: the parameters were the same on all ranks before the step; each gradient is, on each rank, the mean over all
    ranks of what these accumulated; the parameters are the same after the step; and all that each rank's own step claims.
    `intended`: as for `watch`, and names of communication hooks whose result is not meant to be the mean.
    Raises ValueError for fewer than two steps, or two of one rank; OSError and StorageError for files.
    """
    from bpcompare.own.storage import load

    found: list[WatchedStep] = []
    for one in steps:
        loaded = load(one) if isinstance(one, (str, os.PathLike)) else one
        found.append(loaded.step if isinstance(loaded, Watching) else loaded)
    if len(found) < 2:
        raise ValueError("the steps of at least two ranks are needed")
    numbers = [int(step.watched.facts.get("rank", at)) for at, step in enumerate(found)]
    twice = [number for number in numbers if numbers.count(number) > 1]
    if twice:
        raise ValueError(f"there are {numbers.count(twice[0])} steps of rank {twice[0]}: give one of each")
    return Ranks(sorted((Rank(*pair) for pair in zip(numbers, found, strict=True)), key=lambda one: one.number), intended)


class Ranks(Certifiable):
    """The verdict about the steps of several ranks."""

    def __init__(self, members: Sequence[Rank], intended: Sequence[str]) -> None:
        self.members = tuple(members)
        self.intended = tuple(intended)

    @cached_property
    def _asked(self) -> tuple[dict[str, str], list[str]]:
        """Why the mean cannot be asked for, by parameter; and the parameters of which it can."""
        missing, asked = {}, []
        for name in dict.fromkeys(name for rank in self.members for name in rank.reductions):
            why = self._why_not(name)
            if why:
                missing[name] = why
            else:
                asked.append(name)
        return missing, asked

    def _why_not(self, name: str) -> str:
        lacking = [rank.number for rank in self.members if name not in rank.reductions]
        found = [rank.reductions[name] for rank in self.members if name in rank.reductions]
        said = int(self.members[0].step.watched.facts.get("ranks", len(self.members)))
        calls = sorted({call for rank in self.members for call in rank.calls})
        shared = any(one.shared for one in found)
        if said != len(self.members):
            return f"the steps of {len(self.members)} of {said} ranks were given"
        if lacking:
            return f"rank {lacking[0]} has no such parameter, or no gradient of it"
        if len({one.left.shape for one in found}) > 1:
            return "it has another shape on each rank"
        if not shared and calls:
            return f"the ranks speak with each other by themselves ({', '.join(calls)})"
        parameter = found[0].parameter
        if not all(one.shared for one in found) and any(rank.moves[parameter] > 1 for rank in self.members):
            return "an optimizer used it more than once in what was watched"
        if not shared and not any(parameter in rank.updates for rank in self.members):
            return "no rank had a part in another's, and no optimizer used it in what was watched"
        return ""

    @cached_property
    def means(self) -> Judged:
        """Every gradient that ought to be the mean, on every rank."""
        return means(self.members, self._asked[1])

    @cached_property
    def findings(self) -> tuple[tuple[str, Rank, Claim, Finding], ...]:
        """All findings about means: the parameter, the rank, the claim, and what was found."""
        by_path = {f"{name} on rank {rank.number}": (name, rank) for name in self._asked[1] for rank in self.members}
        return tuple((*by_path[claim.path], claim, finding) for claim, finding in self.means.findings)

    @cached_property
    def refuted(self) -> tuple[tuple[str, Rank, Finding], ...]:
        """Gradients that are not the mean; of those that a communication hook made, the ones whose cause is known."""
        return tuple(found for found in self._off if not self._bent(*found[:2]))

    @cached_property
    def _off(self) -> tuple[tuple[str, Rank, Finding], ...]:
        return tuple((name, rank, finding) for name, rank, _, finding in self.findings if finding.outcome == "refuted")

    def _bent(self, name: str, rank: Rank) -> bool:
        """Whether a communication hook explains that it is not the mean."""
        return bool(rank.reductions[name].hook) and not cause(self.members, name, rank)

    @cached_property
    def apart(self) -> tuple[Apart, ...]:
        """Parameters that are not the same on all ranks, though their gradients are shared."""
        return tuple(apart(self.members, [name for name in self._asked[1] if all(one.shared for one in self._of(name))]))

    def _of(self, name: str) -> list[Reduction]:
        return [rank.reductions[name] for rank in self.members]

    @cached_property
    def unused(self) -> dict[str, list[int]]:
        """Parameters that some ranks did not use, with these: there 0 counts in the mean."""
        found = {name: [rank.number for rank in self.members if not rank.reductions[name].used] for name in self._asked[1]}
        return {name: numbers for name, numbers in found.items() if numbers}

    @cached_property
    def steps(self) -> tuple[WatchedStep, ...]:
        """The step of each rank. What became of its gradients is examined here, unless it is named under `unexamined`."""
        settled = [] if self._asked[0] or self.means.failed else [REDUCED]
        return tuple(
            WatchedStep(
                rank.step.watched,
                intended=[*rank.step.intended, *self.intended, *settled],
                title=f"rank {rank.number}",
                also=rank.step.also,
            )
            for rank in self.members
        )

    @cached_property
    def unexamined(self) -> tuple[Unexamined, ...]:
        """What was not examined of what the ranks have in common."""
        return tuple(self._unexamined())

    def _unexamined(self) -> Iterator[Unexamined]:
        yield from self.means.failed
        reasons: dict[str, list[str]] = {}
        for name, why in self._asked[0].items():
            reasons.setdefault(why, []).append(name)
        for name, rank, _ in self._off:
            hook = rank.reductions[name].hook
            if hook not in self.intended and self._bent(name, rank):
                why = f"it is not their mean: the communication hook {hook} stands in between (intended={hook!r} allows it)"
                reasons.setdefault(why, []).append(name)
        for why, names in reasons.items():
            yield Unexamined(f"the gradient over all ranks of {named(list(dict.fromkeys(names)))}", why)
        if not any(rank.reductions for rank in self.members):
            yield Unexamined(
                "the gradients over all ranks", "none of these steps was watched where several processes train together"
            )

    @cached_property
    def verdict(self) -> Verdict:
        """The worst of what the ranks have in common, and of each rank."""
        return min([self._common, *(step.verdict for step in self.steps)], key=WORST.index)

    @property
    def _common(self) -> Verdict:
        if self.refuted or self.apart:
            failed = any(rank.step.watched.facts.get("failed") for rank in self.members)
            return "undecided" if failed else "wrong"
        if any(finding.outcome == "undecided" and not harmless(claim, finding) for _, _, claim, finding in self.findings):
            return "undecided"
        return "certified in part" if self.unexamined else "certified"

    def __str__(self) -> str:
        from bpcompare.own.ranks.text import text

        return text(self)
