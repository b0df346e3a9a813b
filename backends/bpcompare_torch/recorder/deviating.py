"""What is no derivative on its way through a backward pass: what hooks change, and what nobody could see arrive."""

from __future__ import annotations

from collections.abc import Iterator

from bpcompare.program import Place, Unexamined
from bpcompare_torch.recorder.tape import Pass, Seen

HOOK = "hook"
"""The name by which every hook can be said to be meant."""


def hooked(done: Pass, seen: Seen) -> bool:
    """Whether a hook changes what arrives at a value, there or on the way to it; or other processes have a part in it."""
    if seen in done.bent or seen in done.shared:
        return True
    before, after = done.before_hooks.get(seen), done.deltas.get(seen)
    return before is not None and (after is None or not after.same(before))


def deviating(done: Pass, seen: Seen) -> Iterator[Unexamined]:
    """That a hook changes a gradient; of a leaf, that nobody could see what arrived."""
    if seen in done.shared:
        by, function = done.shared[seen]
        place = seen.entry.place if seen.entry is not None else done.place
        why = f"{by}.backward calls {function}: other ranks have a part in it, whose numbers are not here. It was taken as it is"
        yield Unexamined(_arriving(seen, place), why, place.line, (by,))
    elif hooked(done, seen):
        hooks = tuple(dict.fromkeys((*done.hooks.get(seen, ()), *done.bent.get(seen, ()))))
        why = f"{_changes(hooks)}: what goes on is not what backward delivers, and was taken as it is"
        place = seen.entry.place if seen.entry is not None else done.place
        yield Unexamined(_arriving(seen, place), why, place.line, (*hooks, HOOK))
    if seen in done.changed:
        hooks = done.changed[seen]
        why = f"{_changes(hooks)}: what goes on is not what backward delivers, which alone was examined"
        yield Unexamined(f"the gradient of {seen.name}", why, done.place.line, (*hooks, HOOK))
    elif seen in done.written:
        why = "code inside of backward wrote into .grad itself: what autograd delivers is not all of it"
        yield Unexamined(f"the gradient of {seen.name or 'a tensor'}", why, done.place.line)
    elif seen.kind == "leaf" and seen in done.followed and seen not in done.deltas and seen.point not in done.reached:
        what = f"the gradient of {seen.name or 'a tensor that asks for one'}"
        why = "a custom function reads it, but not as an argument: autograd leads no gradient to it from there"
        yield Unexamined(what, why, done.place.line)
    elif seen.kind == "leaf" and seen not in done.followed:
        yield Unexamined(
            f"the gradient of {seen.name}", "it was changed, or frozen, between forward and backward", done.place.line
        )


def _arriving(seen: Seen, place: Place) -> str:
    if seen.kind == "leaf":
        return f"the gradient of {seen.name or 'a tensor'}"
    return f"Δ of the result of {place.module or place.function}"


def _changes(hooks: tuple[str, ...]) -> str:
    return f"a hook changes it ({', '.join(hooks)})" if hooks else "a hook changes it"
