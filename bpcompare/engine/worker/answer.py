"""Whether a record answers a plan: no array missing or unexpected, each of the right shape and dtype. Values are not judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from typing import Any, get_origin

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.ops import algorithms
from bpcompare.plan import Plan, step_prefix, trees
from bpcompare.plan.record import Provenance, Record, StepRecord

ShapesByName = Mapping[str, tuple[int, ...]]
NAMED = 3
"""How many missing or unknown names a message lists."""
SOURCES, WORD = 500, 500
"""Entries of a voice, or of a table, and characters of each of a voice."""
LONGEST_TEXT = 100_000
"""Characters of a text in a provenance."""


def problems(plan: Plan, record: Any, *, owned: bool = True) -> Iterator[str]:
    """What `record` lacks as an answer to `plan`, each with its path, what was wanted and what came.

    `owned`: arrays must own their memory, as a backend's must; those read from a file are nobody else's anyway.
    """
    if not isinstance(record, Record):
        yield f"run must return a Record, returned {type(record).__name__}"
        return
    if not isinstance(record.provenance, Provenance):
        yield f"provenance: wanted a Provenance, got {type(record.provenance).__name__}"
    else:
        yield from _provenance(record.provenance)
        if owned:  # in a file, a name that is not known, or no longer, widens nothing
            found = algorithms.problems(record.provenance.algorithms, plan.dtype)
            yield from (f"provenance.algorithms: {problem}" for problem in found)
    if record.plan_digest != plan.digest:
        yield f"plan_digest: wanted {plan.digest}, got {record.plan_digest}: the answer is to another plan"
    if len(record.steps) != len(plan.batches):
        yield f"steps: wanted {len(plan.batches)}, got {len(record.steps)}"
        return
    lent = {id(x) for _, x in plan.arrays()}
    for number, step in enumerate(record.steps, 1):
        yield from _step(plan, number, step, lent if owned else None)


def _provenance(provenance: Provenance) -> Iterator[str]:
    for field, hint in trees.hints(Provenance).items():
        value = getattr(provenance, field)
        if hint is str and not (isinstance(value, str) and len(value) <= LONGEST_TEXT):
            yield f"provenance.{field}: wanted a text of at most {LONGEST_TEXT:,} characters, got {_kind(value)}"
        elif hint is bool and not isinstance(value, bool | np.bool_):
            yield f"provenance.{field}: wanted True or False, got {_kind(value)}"
        elif hint is float and not (isinstance(value, int | float | np.number) and np.isfinite(value)):
            yield f"provenance.{field}: wanted a finite number, got {_kind(value)}"
        elif get_origin(hint) is Mapping and not (isinstance(value, Mapping) and len(value) <= SOURCES):
            yield f"provenance.{field}: wanted a mapping of at most {SOURCES} entries, got {_kind(value)}"
    voice: Any = provenance.voice
    few = isinstance(voice, tuple) and len(voice) <= SOURCES
    if not few or not all(isinstance(one, str) and len(one) <= WORD for one in voice):
        yield f"provenance.voice: wanted a tuple of at most {SOURCES} names"


def _kind(value: Any) -> str:
    return repr(value) if value is None or isinstance(value, bool | int | float) else f"a {type(value).__name__}"


def with_arrays(record: Any) -> Any:
    """`record` with NumPy's scalars as arrays without dimensions: what sums and indices of arrays give is either."""
    if not isinstance(record, Record) or not isinstance(record.steps, tuple):
        return record
    steps: tuple[Any, ...] = record.steps
    return replace(record, steps=tuple(_arrays_of(step) if isinstance(step, StepRecord) else step for step in steps))


def _arrays_of(step: StepRecord) -> StepRecord:
    found: dict[str, Any] = {}
    for field in fields(step):
        value: Any = getattr(step, field.name)
        if isinstance(value, np.generic):
            found[field.name] = np.array(value)
        elif isinstance(value, Mapping) and any(isinstance(x, np.generic) for x in value.values()):
            found[field.name] = {name: np.array(x) if isinstance(x, np.generic) else x for name, x in value.items()}
    return replace(step, **found) if found else step


def _step(plan: Plan, number: int, step: Any, lent: set[int] | None) -> Iterator[str]:
    prefix = step_prefix(number)
    if not isinstance(step, StepRecord):
        yield f"{prefix}steps: wanted a StepRecord, got {type(step).__name__}"
        return
    examples = len(plan.batches[number - 1])
    layers = {name: (examples, *plan.network.shape(name)) for name in plan.order}
    parameters = {name: x.shape for name, x in plan.parameters.items()}
    trainable = {name: parameters[name] for name in plan.network.trainable}
    groups: tuple[tuple[str, str, Any, ShapesByName], ...] = (
        ("net_in", ".in", step.net_in, layers),
        ("a", ".a", step.a, layers),
        ("delta", ".delta", step.delta, layers),
        ("gradient", ".gradient", step.gradient, trainable),
        ("plain", ".plain", {} if step.plain is None else step.plain, {} if step.plain is None else trainable),
        ("parameters", ".update", step.parameters, parameters),
        ("state", "", step.state, {path: x.shape for path, x in plan.state.items()}),
        ("slots", "", step.slots, {path: x.shape for path, x in plan.slots.items()}),
        ("back", ".back", step.back, {name: shape for name, shape in layers.items() if name in _names(step.back)}),
    )
    yield from _array(f"{prefix}error", step.error, (), plan.dtype, lent)
    for group, quantity, found, wanted in groups:
        if not isinstance(found, Mapping):
            yield f"{prefix}{group}: wanted a mapping from names to arrays, got {type(found).__name__}"
            continue
        if found.keys() != wanted.keys():
            yield f"{prefix}{group}: {_difference(wanted, found)}"
        for name in wanted:
            if name not in found:
                continue
            yield from _array(f"{prefix}{name}{quantity}", found[name], wanted[name], plan.dtype, lent)


def _names(found: Any) -> Any:
    """The names of what a backend may give, and need not."""
    return found if isinstance(found, Mapping) else ()


def _array(path: str, x: Any, shape: tuple[int, ...], dtype: str, lent: set[int] | None) -> Iterator[str]:
    if type(x) is not np.ndarray:
        yield f"{path}: wanted a NumPy array, got {type(x).__module__}.{type(x).__qualname__}"
    elif x.shape != shape or x.dtype != dtype:
        yield f"{path}: wanted {dtype} of shape {list(shape)}, got {x.dtype} of shape {list(x.shape)}"
    elif lent is None:
        pass
    elif id(x) in lent:
        yield f"{path}: wanted an array of its own, got the plan's"
    elif not x.flags.owndata:
        yield f"{path}: wanted an array that owns its memory, got a view of {_owner(x)}"


def _owner(x: Array) -> str:
    return f"another array of shape {list(x.base.shape)}" if isinstance(x.base, np.ndarray) else f"a {type(x.base).__name__}"


def _difference(wanted: ShapesByName, found: Mapping[Any, Any]) -> str:
    parts = []
    for title, names in (("missing", wanted.keys() - found.keys()), ("unknown", found.keys() - wanted.keys())):
        if names:
            listed = sorted(map(str, names))
            more = f" and {len(listed) - NAMED} more" if len(listed) > NAMED else ""
            parts.append(f"{title} {', '.join(listed[:NAMED])}{more}")
    return f"wanted {len(wanted)} entries, got {len(found)}: {'; '.join(parts)}"
