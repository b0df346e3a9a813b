"""The program of an optimizer's step: what becomes of each of its parameters."""

from __future__ import annotations

import numpy as np

from bpcompare.program import Recording, Unexamined, Update, Value
from bpcompare_torch.recorder.draft import Draft, constant, listed
from bpcompare_torch.recorder.memory import Kept
from bpcompare_torch.recorder.moved import Moved, OptimizerStep
from bpcompare_torch.recorder.pairs import format_of, paired


def of_step(number: int, step: OptimizerStep, several: bool) -> Recording:
    """The program of an optimizer's step: what becomes of each of its parameters."""
    draft = Draft(f"{step.optimizer}.step {number}" if several else f"{step.optimizer}.step", [])
    updates = []
    reasons: dict[str, list[str]] = {}
    if not step.ended:
        draft.unexamined.append(Unexamined(draft.title, "it did not end", step.place.line))
        return draft.recording()
    for one in step.moved:
        if not one.before.tensor.numel():  # of what is shared out among processes, nothing is here
            continue
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
        draft.unexamined.append(Unexamined(f"{draft.title} of {listed(names)}", why, step.place.line))
    return draft.recording(updates)


def _moved(draft: Draft, name: str, one: Moved, after: Kept) -> Update:
    """One parameter's update, with its numbers."""
    writes, dtype = f"{name}.update", format_of(one.before)
    draft.given.put(name, draft.numbers(one.before))
    draft.recorded.put(writes, draft.numbers(after))
    draft.values[name] = Value(name, name, given=True, dtype=dtype)
    if one.gradient is None or one.rule is None:
        return Update(name, None, writes, dtype=dtype)
    gradient, t, slots, formats = f"{name}.gradient", f"{name}.t", {}, {}
    draft.given.put(gradient, draft.numbers(one.gradient.kept))
    draft.given.put(t, constant(one.t))
    for slot, left in one.slots_after.items():
        if left is None:
            continue
        kept, path = one.slots[slot], f"{name}.{slot}"
        numbers, begin = left.array(), one.rule.initial(slot)
        initial = paired(np.full(left.shape, complex(begin, begin) if np.iscomplexobj(numbers) else begin, numbers.dtype))
        draft.given.put(f"{path}.before", constant(initial) if kept is None else draft.numbers(kept))
        draft.recorded.put(path, draft.numbers(left))
        slots[slot], formats[slot] = path, format_of(left)
    stages = {} if one.way is None else one.way.stages
    for stage, seen in stages.items():
        draft.recorded.put(f"{name}.{stage}", draft.numbers(seen.kept))
        formats[stage] = format_of(seen.kept)
    # A rate that is a tensor of a narrower format is what the step is rounded by.
    step_dtype = "float32" if dtype == "float64" and one.rate not in ("", "float64") else dtype
    return Update(
        name,
        one.rule,
        writes,
        gradient,
        slots,
        t,
        step_dtype,
        formats,
        one.rule.counts,
        {stage: f"{name}.{stage}" for stage in stages},
        None if one.way is None else one.way.rule(one.rule),
    )
