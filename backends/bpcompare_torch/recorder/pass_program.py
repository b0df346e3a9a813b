"""The program of a backward pass: what its roots were made from, and the Δ that arrived."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from bpcompare.ops.call import Call, Read
from bpcompare.program import Recording, Step, Unexamined, Value
from bpcompare_torch.recorder.customs import HOOKED
from bpcompare_torch.recorder.deviating import deviating, hooked
from bpcompare_torch.recorder.draft import Draft
from bpcompare_torch.recorder.memory import Kept
from bpcompare_torch.recorder.pairs import format_of, paired
from bpcompare_torch.recorder.tape import Entry, Pass, Seen


def of_pass(number: int, done: Pass, entries: list[Entry], several: bool) -> Recording:
    """The program of one backward pass: what its roots were made from, as far as a leaf reaches."""
    draft = Draft(f"backward {number}" if several else "backward", entries)
    if done.failed:
        draft.unexamined.append(Unexamined(draft.title, done.failed, done.place.line))
        return draft.recording()
    needed = _needed(done)
    for seen in needed:
        if seen.kind == "unknown":
            why = (
                "it was made before anybody watched, or in a way that nobody saw (another thread, compiled code, "
                "a derivative that is taken forward), "
                "or its memory was written into without autograd"
            )
            draft.unexamined.append(Unexamined(f"a value of {seen.name}", why, done.place.line))
    for entry in entries:
        for result in entry.results:
            if result in needed:
                draft.step(entry, result, needed.__contains__)
    moved = {seen.address for seen in needed if seen.kind == "leaf" and seen not in done.followed}
    done.followed -= {seen for seen in needed if seen.address in moved}  # what arrives is of both values that it had
    for seen, path in draft.paths.items():
        if seen in needed:
            _with_delta(draft, done, seen, path, trusted=hooked(done, seen))
            draft.unexamined += deviating(done, seen)
    addends = tuple(_seeded(draft, done))
    draft.values["error"] = Value("error", "error", open=True)
    if len(addends) > 1:
        reads = {"tensors": tuple(Read(i) for i in range(len(addends)))}
        draft.steps.append(Step("error", Call("sum_of", reads, ((),)), addends, "error"))
    return draft.recording(end="error", addends=addends)


def undifferentiated(passes: Sequence[Pass], entries: list[Entry]) -> list[Unexamined]:
    """Custom functions through whose backward a later pass went: it was followed as it is written, whatever it leaves out."""
    customs = dict.fromkeys(entry.custom for entry in entries if entry.custom is not None and entry.custom.name != HOOKED)
    why = "a later pass differentiates it as it is written: whether that is the second derivative of its forward was not examined"
    met = {
        (f"{custom.name}.backward", custom.place.line)
        for done in passes[:-1]
        if done.graphed
        for custom in customs
        if any(("node", number) in done.reached for number in custom.nodes)
    }
    return [Unexamined(name, why, line) for name, line in sorted(met)]


def _needed(done: Pass) -> dict[Seen, None]:
    """What the roots were made from, as far as a leaf reaches it. Where a forward is run again, `detach` cuts."""
    found: dict[Seen, None] = {}
    waiting = [root for root in done.roots if root.depends]
    while waiting:
        seen = waiting.pop()
        if seen in found or _cut(seen, done):
            continue
        found[seen] = None
        if seen.entry is not None:
            waiting += [one for one in seen.entry.read() if one.depends and one.floating]
    return found


def _cut(seen: Seen, done: Pass) -> bool:
    """Whether a value was detached inside of a custom function whose backward lets autograd follow its forward once more.

    Elsewhere a custom function detaches because autograd does not follow it: there it says nothing about the function. Neither
    does it for a leaf of its own, for what it gives back, and for what it is given if it asks for a gradient itself.
    """
    entry = seen.entry
    if entry is None or entry.function != "detach" or entry.custom is None or seen.followed:
        return False
    if entry.custom.nodes & done.asked:
        return entry.arguments["self"] not in entry.custom.arguments
    return bool(entry.custom.nodes & done.again)


def _with_delta(draft: Draft, done: Pass, seen: Seen, path: str, *, trusted: bool) -> None:
    """The Δ of a value, where somebody would have seen it arrive.

    What did not arrive where autograd's graph leads is 0, unless it was not asked for. Where the graph does not lead (a view that
    was written into has another way), it is open. `trusted`: Δ also comes from where nobody saw.
    """
    value = draft.values[path]
    leaf = seen.kind == "leaf"
    arrived = done.deltas.get(seen)
    delta = None
    there = arrived is not None or (not done.partial and seen.point in done.reached)
    if seen.hooked and (not leaf or seen in done.followed) and there and seen not in done.written:
        delta = f"{path}.gradient" if leaf else f"{path}.delta"
        if arrived is not None:
            draft.kept.append(arrived)
        draft.recorded.put(delta, _gradient(arrived, seen.kept, 1.0 if leaf else -1.0))
    draft.values[path] = Value(path, value.owner, leaf or value.given, value.open, delta, leaf, value.dtype, trusted)


def _gradient(arrived: Kept | None, like: Kept, sign: float) -> Callable[[], Any]:
    def make() -> Any:
        if arrived is None:
            return paired(np.zeros(like.shape, np.complex128 if like.tensor.is_complex() else np.float64))
        array = paired(arrived.array())
        return array if sign > 0 else -array

    return make


def _seeded(draft: Draft, done: Pass) -> Iterator[str]:
    """E: every root, times the gradient that `backward` was called with."""
    roots = [(root, seed) for root, seed in zip(done.roots, done.seeds, strict=True) if root in draft.paths]
    for number, (root, seed) in enumerate(roots):
        name = "error" if len(roots) == 1 else f"error{number}"
        path = f"{name}.seed"
        draft.given.put(path, draft.numbers(seed))
        draft.values[path] = Value(path, name, given=True, dtype=format_of(seed))
        op = Call("backward", {"self": Read(0), "seed": Read(1)}, ((),))
        step = "backward" if len(roots) == 1 else f"backward{number}"
        draft.steps.append(Step(step, op, (draft.paths[root], path), name))
        draft.places[step] = done.place
        draft.values[name] = Value(name, name, open=True)
        yield name
