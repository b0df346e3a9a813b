"""From what was seen to programs: of every backward pass, of what became of gradients, of every optimizer's step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bpcompare.ops.call import Call, Fixed, Read
from bpcompare.program import Place, Program, Recording, Step, Unexamined, Update, Value
from bpcompare_torch.recorder.deviating import deviating, hooked
from bpcompare_torch.recorder.memory import Kept
from bpcompare_torch.recorder.moved import Held, Moved, OptimizerStep
from bpcompare_torch.recorder.pairs import format_of, paired, shape_of
from bpcompare_torch.recorder.reduction import Reduction
from bpcompare_torch.recorder.tape import Entry, Pass, Seen


class Numbers(Mapping[str, Any]):
    """Arrays by path, read from kept tensors when they are asked for."""

    def __init__(self) -> None:
        self._made: dict[str, Callable[[], Any]] = {}

    def put(self, path: str, make: Callable[[], Any]) -> None:
        """The array of a path."""
        self._made[path] = make

    def __getitem__(self, path: str) -> Any:
        return self._made[path]()

    def __iter__(self) -> Iterator[str]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)


class _Draft:
    """A program in the making."""

    def __init__(self, title: str, entries: list[Entry]) -> None:
        self.title = title
        self.entries = entries
        self.given, self.recorded = Numbers(), Numbers()
        self.values: dict[str, Value] = {}
        self.steps: list[Step] = []
        self.places: dict[str, Place] = {}
        self.unexamined: list[Unexamined] = []
        self.paths: dict[Seen, str] = {}
        self.kept: list[Kept] = []
        self._names: Counter[str] = Counter()

    def unique(self, name: str) -> str:
        """The name, with a number from its second use on."""
        self._names[name] += 1
        return name if self._names[name] == 1 else f"{name} ({self._names[name]})"

    def numbers(self, kept: Kept) -> Callable[[], Any]:
        """What reads kept numbers."""
        self.kept.append(kept)
        return lambda: paired(kept.array())

    def recording(self, updates: Iterable[Update] = (), end: str = "error", addends: tuple[str, ...] = ()) -> Recording:
        """What was drafted. Where its numbers were written into and nobody saw it, nothing can be judged."""
        if any(kept.torn for kept in self.kept):
            what = "in another thread, or by a function that does not say that it writes"
            torn = Unexamined(self.title, f"its numbers were written into in a way that nobody saw: {what}")
            return Recording(self.title, Program({}, (), (), end, ()), {}, {}, {}, (*self.unexamined, torn))
        program = Program(self.values, tuple(self.steps), tuple(updates), end, addends)
        return Recording(self.title, program, self.given, self.recorded, self.places, tuple(self.unexamined))

    def path(self, seen: Seen, *, reached: bool) -> str:
        """The path of a value that is read; what nothing reaches is given."""
        if seen not in self.paths:
            path = self.unique(seen.name or "constant")
            self.paths[seen] = path
            self.given.put(path, self.numbers(seen.kept))
            self.values[path] = Value(path, path, given=True, dtype=format_of(seen.kept), parameter=reached)
        return self.paths[seen]

    def step(self, entry: Entry, seen: Seen, reached: Callable[[Seen], bool]) -> Step:
        """The step that makes one result of a call."""
        place = entry.place
        name = self.unique(f"{place.module}:{entry.function}" if place.module else entry.function)
        read = _Reading(self, name, reached)
        arguments = {key: read.argument(value) for key, value in entry.arguments.items()}
        for number, result in enumerate(entry.results):
            if result is not None and not result.floating:
                read.constant(self.numbers(result.kept), f"result{number}")
        shapes = tuple(() if result is None else shape_of(result) for result in entry.results)
        function = entry.function
        made = [result.complex for result in entry.results if result is not None and result.floating]
        if read.pairs or any(made):
            function = f"complex.{function}"
            arguments |= {"pairs": tuple(read.pairs), "to_pairs": all(made)}
        op = Call(function, arguments, shapes, seen.output)
        writes = f"{name}.y"
        self.paths[seen] = writes
        state = {called: f"{name}.{called}" for called in entry.states} if seen.output == 0 else {}
        for called, path in state.items():
            self.recorded.put(path, self.numbers(entry.states[called]))
        step = Step(name, op, tuple(read.paths), writes, constants=read.constants, state=state)
        self.steps.append(step)
        self.places[name] = place
        if not seen.between:
            self.recorded.put(writes, self.numbers(seen.kept))
        self.values[writes] = Value(writes, name, open=seen.between, dtype=format_of(seen.kept))
        return step


class _Reading:
    """The arguments of one step: floats by the paths that it reads, integers as its constants."""

    def __init__(self, draft: _Draft, name: str, reached: Callable[[Seen], bool]) -> None:
        self._draft, self._name, self._reached = draft, name, reached
        self.paths: list[str] = []
        self.pairs: list[int] = []
        self.constants: dict[str, str] = {}

    def argument(self, value: Any) -> Any:
        """What stands in the call for an argument."""
        if isinstance(value, Seen):
            if not value.floating:
                return self.constant(self._draft.numbers(value.kept))
            if value.complex:
                self.pairs.append(len(self.paths))
            self.paths.append(self._draft.path(value, reached=self._reached(value)))
            return Read(len(self.paths) - 1)
        if isinstance(value, np.ndarray):
            return self.constant(lambda: value)
        return tuple(map(self.argument, value)) if isinstance(value, tuple) else value

    def constant(self, make: Callable[[], Any], called: str = "") -> Fixed:
        """An array that is given, under a name."""
        key = called or f"argument{len(self.constants)}"
        path = f"{self._name}.{key}"
        self.constants[key] = path
        self._draft.given.put(path, make)
        return Fixed(key)


def of_pass(number: int, done: Pass, entries: list[Entry], several: bool) -> Recording:
    """The program of one backward pass: what its roots were made from, as far as a leaf reaches."""
    draft = _Draft(f"backward {number}" if several else "backward", entries)
    if done.failed:
        draft.unexamined.append(Unexamined(draft.title, done.failed, done.place.line))
        return draft.recording()
    needed = _needed(done)
    for seen in needed:
        if seen.kind == "unknown":
            why = (
                "it was made before anybody watched, or in a way that nobody saw (another thread, compiled code), "
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


def _with_delta(draft: _Draft, done: Pass, seen: Seen, path: str, *, trusted: bool) -> None:
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


def _constant(value: Any) -> Callable[[], Any]:
    return lambda: value


def _seeded(draft: _Draft, done: Pass) -> Iterator[str]:
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


def between(title: str, held: Sequence[Held], place: Place, entries: list[Entry], judged: set[Seen]) -> list[Recording]:
    """What became of gradients between `backward` and their use; nothing where nothing did. What is `judged` is told already."""
    draft = _Draft(title, entries)
    needed: set[Seen] = set()
    reasons: dict[str, list[str]] = {}
    for one in held:
        if one.gradient not in judged:
            behind = _behind(one.gradient)
            needed |= {seen for seen in behind - judged if not _is_zero(seen)}
            for why in _unconnected(one, behind):
                reasons.setdefault(why, []).append(one.name)
    judged |= needed
    for why, names in reasons.items():
        draft.unexamined.append(Unexamined(f"the gradient of {_listed(names)}", why, place.line))
    touched = any(seen.entry is not None and seen.entry.function != "identity" for seen in needed)
    if not touched and not draft.unexamined:
        return []
    for entry in entries:
        for result in entry.results:
            if result is not None and result in needed:
                draft.step(entry, result, lambda _seen: False)
    return [draft.recording()]


def _is_zero(seen: Seen) -> bool:
    """Whether a gradient was begun anew."""
    return seen.entry is not None and seen.entry.function == "zero" and not bool(seen.kept.tensor.any())


def _behind(gradient: Seen) -> set[Seen]:
    """What a gradient was made from, as far as it was made from gradients."""
    found: set[Seen] = set()
    waiting = [gradient]
    while waiting:
        seen = waiting.pop()
        if seen not in found:
            found.add(seen)
            waiting += [one for one in _read(seen.entry) if one.reduced or one.why]
    return found


ANEW = ("zero", "fill", "copy")
"""Functions that write without reading what stood there."""


def _read(entry: Entry | None) -> list[Seen]:
    if entry is None:
        return []
    before = entry.arguments.get("self") if entry.function in ANEW else None
    return [one for one in entry.read() if one is not before]


def _unconnected(one: Held, behind: set[Seen]) -> Iterator[str]:
    """Why what is in `.grad` is not, or not only, what watched backward passes delivered to this parameter."""
    if not any((seen.kind == "given" and seen.address == one.address) or _is_zero(seen) for seen in behind):
        yield "what stands in .grad was not made from what a watched backward delivered to it, as far as anybody saw"
    yield from dict.fromkeys(seen.why for seen in behind if seen.why)


def of_ranks(found: Sequence[Reduction], place: Place) -> Recording:
    """What became of gradients between their accumulation here and the end of backward, where several processes train."""
    draft = _Draft("gradients over all ranks", [])
    for one in found:
        name = draft.unique(one.name)
        local, left = f"{name}.local", f"{name}.reduced"
        draft.given.put(local, _constant(np.zeros(one.left.kept.shape)) if one.local is None else draft.numbers(one.local.kept))
        draft.recorded.put(left, draft.numbers(one.left.kept))
        arguments = {"self": Read(0), "parameter": one.name, "used": one.local is not None, "hook": one.hook}
        op = Call("all_reduce" if one.shared else "identity", arguments, (one.left.kept.shape,))
        draft.values[local] = Value(local, name, given=True, dtype=one.left.kept.dtype)
        draft.values[left] = Value(left, name, dtype=one.left.kept.dtype)
        draft.steps.append(Step(name, op, (local,), left))
        draft.places[name] = replace(place, module=one.name.rpartition(".")[0], function=op.function)
    return draft.recording()


def of_step(number: int, step: OptimizerStep, several: bool) -> Recording:
    """The program of an optimizer's step: what becomes of each of its parameters."""
    draft = _Draft(f"{step.optimizer}.step {number}" if several else f"{step.optimizer}.step", [])
    updates = []
    reasons: dict[str, list[str]] = {}
    if not step.ended:
        draft.unexamined.append(Unexamined(draft.title, "it did not end", step.place.line))
        return draft.recording()
    for one in step.moved:
        name = draft.unique(one.name)
        if one.after is None or (one.gradient is not None and one.rule is None):
            reasons.setdefault(one.why or "it did not end", []).append(one.name)
            continue
        lacking = [slot for slot, left in one.slots_after.items() if left is None]
        if one.gradient is not None and lacking:
            reasons.setdefault(f"{step.optimizer} keeps no {lacking[0]}", []).append(one.name)
            continue
        draft.places[name] = step.place
        updates.append(_moved(draft, name, one, one.after))
    for why, names in reasons.items():
        draft.unexamined.append(Unexamined(f"{draft.title} of {_listed(names)}", why, step.place.line))
    return draft.recording(updates)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{', '.join(names[:3])}{more}"


def _moved(draft: _Draft, name: str, one: Moved, after: Kept) -> Update:
    """One parameter's update, with its numbers."""
    writes, dtype = f"{name}.update", format_of(one.before)
    draft.given.put(name, draft.numbers(one.before))
    draft.recorded.put(writes, draft.numbers(after))
    draft.values[name] = Value(name, name, given=True, dtype=dtype)
    if one.gradient is None or one.rule is None:
        return Update(name, None, writes, dtype=dtype)
    gradient, t, slots, formats = f"{name}.gradient", f"{name}.t", {}, {}
    draft.given.put(gradient, draft.numbers(one.gradient.kept))
    draft.given.put(t, _constant(one.t))
    for slot, left in one.slots_after.items():
        if left is None:
            continue
        kept, path = one.slots[slot], f"{name}.{slot}"
        initial = paired(np.full(left.shape, one.rule.initial(slot), left.array().dtype))
        draft.given.put(f"{path}.before", _constant(initial) if kept is None else draft.numbers(kept))
        draft.recorded.put(path, draft.numbers(left))
        slots[slot], formats[slot] = path, format_of(left)
    # A rate that is a tensor of a narrower format is what the step is rounded by.
    step_dtype = "float32" if dtype == "float64" and one.rate not in ("", "float64") else dtype
    return Update(name, one.rule, writes, gradient, slots, t, step_dtype, formats, one.rule.counts)
