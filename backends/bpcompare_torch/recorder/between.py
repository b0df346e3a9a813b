"""What became of gradients between backward and their use, as a program."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import replace

import numpy as np

from bpcompare.ops.call import Call, Read
from bpcompare.program import Place, Recording, Step, Unexamined, Value
from bpcompare_torch.recorder.draft import Draft, constant, listed
from bpcompare_torch.recorder.moved import Held, OptimizerStep
from bpcompare_torch.recorder.reduction import Reduction
from bpcompare_torch.recorder.tape import SPARSE, Entry, Seen, behind

BY_HAND = "updates by hand"
OF_NOBODY = "what stands in .grad was not made from what a watched backward delivered to it, as far as anybody saw"
OF_OTHERS = (
    "what stands in .grad was made from the gradients of other parameters: right for a copy of them in another format, a mistake "
    "where two were swapped"
)
AT_ONCE = "one write moves several parameters in one memory: whether each was moved by its own gradient was not asked"
BY_OTHERS = "it was made from gradients of other parameters alone: a mistake, unless it is meant"


def between(title: str, held: Sequence[Held], place: Place, entries: list[Entry], judged: set[Seen]) -> list[Recording]:
    """What became of gradients between `backward` and their use; nothing where nothing did. What is `judged` is told already."""
    draft = Draft(title, entries)
    needed: set[Seen] = set()
    reasons: dict[str, list[str]] = {}
    for one in held:
        if one.gradient not in judged:
            made = set(behind(one.gradient))
            needed |= {seen for seen in made - judged if not _is_zero(seen)}
            for why in _unconnected(one, made):
                reasons.setdefault(why, []).append(one.name)
    for why, names in reasons.items():
        draft.unexamined.append(Unexamined(f"the gradient of {listed(names)}", why, place.line))
    return _made_of(draft, needed, judged)


def updated_by_hand(
    held: Sequence[Held], place: Place, entries: list[Entry], judged: set[Seen], whose: Callable[[set[int]], set[int]]
) -> list[Recording]:
    """What somebody's own code wrote into parameters, as a program; nothing where nothing is left to tell.

    `whose`: parameters, by their identity, and those whose copies they are.
    """
    draft = Draft(BY_HAND, entries)
    needed: set[Seen] = set()
    foreign: dict[str, None] = {}
    mixed: dict[str, None] = {}
    for one in held:
        made = set(behind(one.gradient))
        needed |= made - judged
        gradients = {seen.address for seen in made if seen.kind == "given" and seen.address is not None}
        if gradients and one.address not in whose(gradients):
            foreign[one.name] = None
        elif one.with_others and len(gradients) > 1:
            mixed[one.name] = None
    for names, why in ((foreign, BY_OTHERS), (mixed, AT_ONCE)):
        if names:
            draft.unexamined.append(Unexamined(f"the update of {listed(list(names))}", why, place.line))
    return _made_of(draft, needed, judged)


def _made_of(draft: Draft, needed: set[Seen], judged: set[Seen]) -> list[Recording]:
    """The program that makes what is needed; nothing where all that it does is to hand on."""
    judged |= needed
    touched = any(seen.entry is not None and seen.entry.function != "identity" for seen in needed)
    if not touched and not draft.unexamined:
        return []
    for entry in draft.entries:
        for result in entry.results:
            if result is not None and result in needed and result.floating:
                draft.step(entry, result, lambda _seen: False)
        _integers(draft, entry, needed)
    return [draft.recording()]


def _integers(draft: Draft, entry: Entry, needed: Container[Seen]) -> None:
    """That numbers which were made from gradients are kept as integers (a state of 8 bits), of which no law speaks."""
    for result in entry.results:
        kept = result is not None and result in needed and not result.floating and result.kept.dtype != "bool"
        if kept and entry.function == "_to_copy" and any(one.floating for one in entry.read()):
            what, line = f"integers that {entry.place.function} makes", entry.place.line
            doubt = Unexamined(what, "they are made from gradients, and were taken as they are: no law speaks of integers", line)
            draft.unexamined += [] if doubt in draft.unexamined else [doubt]


def _is_zero(seen: Seen) -> bool:
    """Whether a gradient was begun anew."""
    return seen.entry is not None and seen.entry.function == "zero" and not bool(seen.kept.tensor.any())


def _unconnected(one: Held, made: set[Seen]) -> Iterator[str]:
    """Why what is in `.grad` is not, or not only, what watched backward passes delivered to this parameter."""
    if one.gradient.why == SPARSE:
        yield SPARSE
        return
    own = one.stands_for or {one.address}
    if not any((seen.kind == "given" and seen.address in own) or _is_zero(seen) for seen in made):
        yield OF_OTHERS if any(seen.kind == "given" and seen.address is not None for seen in made) else OF_NOBODY
    yield from dict.fromkeys(seen.why for seen in made if seen.why)


def of_own_step(number: int, step: OptimizerStep, several: bool, judged: set[Seen]) -> Recording:
    """The program of a step whose optimizer has no law: every function that it called. What is `judged` is told already."""
    draft = Draft(f"{step.optimizer}.step {number}" if several else f"{step.optimizer}.step", list(step.called))
    if not step.ended:
        draft.unexamined.append(Unexamined(draft.title, "it did not end", step.place.line))
    for entry in step.called:
        for result in entry.results:
            if result is not None and result.reduced and result.floating and result not in judged:
                draft.step(entry, result, lambda _seen: False)
                judged.add(result)
        _integers(draft, entry, {one for one in entry.results if one is not None and one.reduced})
    followed = any(result is not None and result.depends for entry in step.called for result in entry.results)
    if step.ended and not draft.steps and not followed:  # what autograd follows, a later pass goes through
        draft.unexamined.append(Unexamined(draft.title, "it called no function of torch", step.place.line))
    return draft.recording()


def of_ranks(found: Sequence[Reduction], place: Place) -> Recording:
    """What became of gradients between their accumulation here and the end of backward, where several processes train."""
    draft = Draft("gradients over all ranks", [])
    for one in found:
        name = draft.unique(one.name)
        local, left = f"{name}.local", f"{name}.reduced"
        draft.given.put(local, constant(np.zeros(one.left.kept.shape)) if one.local is None else draft.numbers(one.local.kept))
        draft.recorded.put(left, draft.numbers(one.left.kept))
        arguments = {"self": Read(0), "parameter": one.name, "used": one.local is not None, "hook": one.hook}
        op = Call("all_reduce" if one.shared else "identity", arguments, (one.left.kept.shape,))
        draft.values[local] = Value(local, name, given=True, dtype=one.left.kept.dtype)
        draft.values[left] = Value(left, name, dtype=one.left.kept.dtype)
        draft.steps.append(Step(name, op, (local,), left))
        draft.places[name] = replace(place, module=one.name.rpartition(".")[0], function=op.function)
    return draft.recording()
