"""Checking a golden against what its backend computes now, and making it anew."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bpcompare import document
from bpcompare.address import Address, locate
from bpcompare.backend import Backend
from bpcompare.change import Change
from bpcompare.comparison import EXIT, GOOD, NOTHING_COMPARED
from bpcompare.draw import plan as draw
from bpcompare.golden import store
from bpcompare.golden.golden import Golden
from bpcompare.golden.store import GoldenError
from bpcompare.isolation import Isolated
from bpcompare.network import Dtype, Network
from bpcompare.plan import Plan
from bpcompare.record import Record
from bpcompare.session import answers, changed, judge
from bpcompare.spec import read as load


@dataclass(frozen=True)
class Options:
    """What a golden is of, where that is not the spec's own choice; and how the backend is run."""

    dtype: Dtype | None = None
    steps: int | None = None
    seed: int | None = None
    isolate: bool = False
    timeout: float | None = None
    memory: int | None = None

    @property
    def named(self) -> dict[str, Any]:
        """Those that belong to the golden's name."""
        return {"dtype": self.dtype, "steps": self.steps, "seed": self.seed}


@dataclass(frozen=True, eq=False)
class Checked:
    """A golden and what became of it: `change` is None for a golden that is new. `written` is where it was written to."""

    golden: Golden
    change: Change | None
    path: Path
    written: bool = False

    @property
    def current(self) -> bool:
        """Whether the golden says all of this already: the same bits, by the same version."""
        if self.change is None or self.change.outcome != "same":
            return False
        old, new = self.change.records
        return replace(old.provenance, seconds=0.0, printed="") == replace(new.provenance, seconds=0.0, printed="")


def check(spec: str | os.PathLike[str], backend: str | type[Backend], options: Options | None = None) -> Checked:
    """Run `backend` on the numbers of its golden of `spec`, and judge both.

    Raises GoldenError, SpecError, UnknownBackendError.
    """
    options = options or Options()
    network, name, address = load(spec), _named(backend), _address(backend)
    stem = store.stem_of(spec, name, **options.named)
    path = store.found(stem)
    if path is None:
        raise GoldenError(
            f"{spec} has no golden of {name}: {stem}{store.TEXT} is not there; `bpcompare golden update` makes it",
            NOTHING_COMPARED,
        )
    golden = store.read(path)
    if difference := next(_differences(golden.plan, _drawn(network, options)), ""):
        raise GoldenError(f"{path} is of another spec: {difference}; if that is meant, `bpcompare golden update` makes it anew")
    record = _answer(golden.plan, address, options)
    return Checked(golden, _changed(golden, record), path)


def update(spec: str | os.PathLike[str], backend: str | type[Backend], options: Options | None = None) -> Checked:
    """What `write` would write: a new golden and what moved since the old one. Nothing is written yet.

    The numbers stay as long as the spec does. Raises GoldenError where the backend does not run, or what it computes is wrong.
    """
    options = options or Options()
    network, name, address = load(spec), _named(backend), _address(backend)
    stem = store.stem_of(spec, name, **options.named)
    plan, old = _drawn(network, options), None
    path = store.found(stem)
    if path is not None:
        try:
            old = store.read(path)
        except GoldenError:
            old = None  # damaged or foreign: nothing to compare with, and update is how it is put right
        if old is not None and not any(_differences(old.plan, plan)):
            plan = old.plan
        else:
            old = None
    record = _answer(plan, address, options)
    if record.failure is not None:
        raise GoldenError(f"{name} does not run, so it has no golden: {record.failure.partition(chr(10))[0]}", EXIT["not_run"])
    verdict = judge(network.name, plan, {name: record}).verdict
    if verdict not in (*GOOD, "undecided", "convention"):
        raise GoldenError(
            f"{name} is {verdict} on {spec}, and a golden must not be; `bpcompare run {spec} -b {name}` says where", EXIT[verdict]
        )
    # How long it took, and what it printed, is no part of what is to stay the same.
    record = replace(record, provenance=replace(record.provenance, seconds=0.0, printed=""))
    golden = Golden(network.name, name, plan, record, verdict)
    return Checked(golden, None if old is None else _changed(old, record), stem)


def write(updated: Checked) -> Checked:
    """Write what `update` proposed. Raises GoldenError."""
    return Checked(updated.golden, updated.change, store.write(updated.golden, updated.path), written=True)


def backends_of(spec: str | os.PathLike[str], options: Options | None = None) -> tuple[str, ...]:
    """The backends that `spec` has goldens of, under these options."""
    here = store.stem_of(spec, "*", **(options or Options()).named)
    names = {path.name.removesuffix(ending) for ending in (store.TEXT, store.TENSORS) for path in _glob(here, ending)}
    before, after = here.name.split("*", 1)
    bare = (name.removeprefix(before).removesuffix(after) if after else name.removeprefix(before) for name in names)
    return tuple(sorted(name for name in bare if "." not in name))


def _glob(stem: Path, ending: str) -> Iterator[Path]:
    return stem.parent.glob(stem.name + ending) if stem.parent.is_dir() else iter(())


def _named(backend: str | type[Backend]) -> str:
    """What a golden is called by: `jax` for `jax@0.4.35` too, the class for a file."""
    if not isinstance(backend, str):
        return backend.name
    address = locate(backend)
    if address.from_file:
        return address.target.rpartition(":")[2]
    return f"{address.base}!{address.mistake}" if address.mistake else address.base


def _address(backend: str | type[Backend]) -> Address | type[Backend]:
    return locate(backend) if isinstance(backend, str) else backend


def _drawn(network: Network, options: Options) -> Plan:
    return draw(network, options.dtype, options.steps, options.seed)


def _answer(plan: Plan, backend: Address | type[Backend], options: Options) -> Record:
    apart = Isolated(Isolated.timeout if options.timeout is None else options.timeout, options.memory)
    alone = options.isolate or options.timeout is not None or options.memory is not None
    (record,) = answers(plan, [backend], apart, alone=alone).values()
    return record


def _changed(golden: Golden, record: Record) -> Change:
    return changed(golden.spec, golden.plan, (golden.backend, golden.record, "golden"), (golden.backend, record, "now"))


def _differences(then: Plan, now: Plan) -> Iterator[str]:
    """In what the plans were meant to be differently: spec and options. What was drawn is not compared."""
    if then.dtype != now.dtype:
        yield f"it is in {then.dtype}, the spec in {now.dtype}"
    if len(then.batches) != len(now.batches):
        yield f"it has {len(then.batches)} steps, the spec {len(now.batches)}"
    (old, old_arrays), (new, new_arrays) = document.dump(then.network), document.dump(now.network)
    yield from _different("", old, new)
    for key in old_arrays.keys() & new_arrays.keys():
        if not np.array_equal(old_arrays[key], new_arrays[key]):
            yield f"{key.replace('/', '.')} has other numbers now"


def _different(place: str, old: Any, new: Any) -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys((*old, *new)):
            here = f"{place}.{key}" if place else key
            if key not in new:
                yield f"{here} is gone"
            elif key not in old:
                yield f"{here} is new"
            else:
                yield from _different(here, old[key], new[key])
    elif old != new:
        yield f"{place} was {old!r}, is {new!r}"
