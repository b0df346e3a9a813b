"""Checking a golden against what its backend computes now, and making it anew."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from bpcompare.backend import Backend
from bpcompare.engine.address import Address, locate
from bpcompare.engine.isolation import Isolated
from bpcompare.network import Dtype, Network
from bpcompare.plan import Plan, written
from bpcompare.plan.draw import plan as draw
from bpcompare.plan.record import Record
from bpcompare.plan.voice import CODE
from bpcompare.session import answers, changed, judge
from bpcompare.spec import read as load
from bpcompare.tools.golden import store
from bpcompare.tools.golden.golden import Golden, portable
from bpcompare.tools.golden.store import Entry, GoldenError
from bpcompare.verdict.change import Change
from bpcompare.verdict.comparison import EXIT, GOOD, NOTHING_COMPARED


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
    """A golden and what became of it: `change` is None for a golden that is new. `path` is where it is, or will be.

    `replaces` says what else is there, if it is no earlier version of the same: a damaged file, or numbers of another spec.
    """

    golden: Golden
    change: Change | None
    path: Path
    written: bool = False
    replaces: str = ""

    @property
    def current(self) -> bool:
        """Whether the golden says all of this already: the same bits, by the same version."""
        if self.change is None or self.change.outcome != "same":
            return False
        old, new = self.change.records[0].provenance, self.golden.record.provenance
        return replace(old, seconds=0.0, printed="", voice=()) == replace(new, seconds=0.0, printed="", voice=())


def check(spec: str | os.PathLike[str], backend: str | type[Backend], options: Options | None = None) -> Checked:
    """Run `backend` on the numbers of its golden of `spec`, and judge both.

    Raises GoldenError, SpecError, UnknownBackendError.
    """
    options = options or Options()
    network, name, address = load(spec), _named(backend), _address(backend)
    path, stem = _found(spec, name, options, network)
    if path is None:
        others = [one.path.name for one in store.listed(spec) if one.backend == name]
        there = f"; there is {', '.join(others)}" if others else ""
        raise GoldenError(
            f"{spec} has no golden of {name}: {stem}{store.TEXT} is not there{there}; `bpcompare golden update` makes it",
            NOTHING_COMPARED,
        )
    golden = store.read(path)
    if namesake := _namesake(golden, address, spec):
        raise GoldenError(f"{path} is of {namesake}, not of {address.name}: each has the class {name}, and one golden is of one")
    if difference := next(_differences(golden.plan, _drawn(network, options)), ""):
        raise GoldenError(
            f"{path} is of another spec: {difference}; if that is meant, `bpcompare golden update SPEC --force` makes it anew"
        )
    record = _answer(golden.plan, address, options)
    return Checked(golden, _changed(golden, record), path)


def update(spec: str | os.PathLike[str], backend: str | type[Backend], options: Options | None = None) -> Checked:
    """What `write` would write: a new golden and what moved since the old one. Nothing is written yet.

    The numbers stay as long as the spec does. Raises GoldenError where the backend does not run, or what it computes is wrong.
    """
    options = options or Options()
    network, name, address = load(spec), _named(backend), _address(backend)
    path, stem = _found(spec, name, options, network)
    plan, old, replaces = _drawn(network, options), None, ""
    if path is not None:
        try:
            old = store.read(path)
        except GoldenError as error:
            replaces = str(error)
        if old is not None and (difference := next(_differences(old.plan, plan), "")):
            old, replaces = None, f"{path} is of another spec: {difference}"
        plan = plan if old is None else old.plan
    record = _answer(plan, address, options)
    if record.failure is not None:
        raise GoldenError(f"{name} does not run, so it has no golden: {record.failure.partition(chr(10))[0]}", EXIT["not_run"])
    verdict = judge(network.name, plan, {name: record}).verdict
    if verdict not in (*GOOD, "undecided", "convention"):
        raise GoldenError(
            f"{name} is {verdict} on {spec}, and a golden must not be; `bpcompare run {spec} -b {name}` says where", EXIT[verdict]
        )
    # How long it took, and what it printed, is no part of what is to stay the same.
    change = None if old is None else _changed(old, record)
    kept = portable(record.provenance.address, spec)
    if old is not None and (namesake := _namesake(old, address, spec)):
        replaces = f"{path} is of {namesake}, not of {kept}"
    # Nor is its code: a golden is to be read, and holds nothing that changes while the numbers stay.
    voice = tuple(one for one in record.provenance.voice if not one.startswith(CODE))
    provenance = replace(record.provenance, seconds=0.0, printed="", address=kept, voice=voice)
    golden = Golden(network.name, name, plan, replace(record, provenance=provenance), verdict)
    return Checked(golden, change, stem, replaces=replaces)


def write(updated: Checked, *, force: bool = False) -> Checked:
    """Write what `update` proposed. Raises GoldenError, also where it would replace something else, unless `force`."""
    if updated.replaces and not force:
        raise GoldenError(
            f"{updated.replaces}. It would be replaced: if that is meant, `bpcompare golden update SPEC --force` does it"
        )
    return replace(updated, path=store.write(updated.golden, updated.path), written=True)


def goldens_of(
    spec: str | os.PathLike[str], options: Options | None = None, backends: Iterable[str] | None = None
) -> tuple[Entry, ...]:
    """The goldens that `spec` has: under the options that are set, and of the backends that are named, as `check` takes them."""
    wanted = {key: value for key, value in (options or Options()).named.items() if value is not None}
    names = None if backends is None else {_named(one) for one in backends}
    return tuple(
        entry
        for entry in store.listed(spec)
        if all(entry.named[key] == value for key, value in wanted.items()) and (names is None or entry.backend in names)
    )


def backends_of(spec: str | os.PathLike[str], options: Options | None = None) -> tuple[str, ...]:
    """The backends that `spec` has goldens of, under just these options."""
    named = (options or Options()).named
    return tuple(dict.fromkeys(entry.backend for entry in store.listed(spec) if entry.named == named))


def runnable(spec: str | os.PathLike[str], entry: Entry, *, trust: bool = False) -> str:
    """By what name the backend of a golden is run. A golden chooses no code: one of a file is run only on `trust`.

    Raises GoldenError.
    """
    address = store.read(entry.path).address(spec)
    if address != entry.backend and not trust:
        message = f"{entry.path} is of {address}, and a golden does not choose what runs here: -b {address} checks it, or --trust"
        raise GoldenError(message, EXIT["not_run"])
    return address


def _found(spec: str | os.PathLike[str], name: str, options: Options, network: Network) -> tuple[Path | None, Path]:
    """The golden's file, if there is one, and its stem. An option that says what the spec says is as good as none."""
    own = {"dtype": network.training.dtype, "steps": network.training.steps, "seed": network.training.seed}
    asked = options.named
    choices = [
        [asked[key], own[key] if asked[key] is None else None] if asked[key] in (None, own[key]) else [asked[key]] for key in own
    ]
    for values in product(*choices):
        stem = store.stem_of(spec, name, **dict(zip(own, values, strict=True)))
        if (path := store.found(stem)) is not None:
            return path, stem
    return None, store.stem_of(spec, name, **asked)


def _named(backend: str | type[Backend]) -> str:
    """What a golden is called by: `jax` for `jax@0.4.35` too, the class for a file."""
    if not isinstance(backend, str):
        return backend.name
    address = locate(backend)
    if address.from_file:
        return address.target.rpartition(":")[2]
    return f"{address.base}!{address.mistake}" if address.mistake else address.base


def _namesake(golden: Golden, address: Address | type[Backend], spec: str | os.PathLike[str]) -> str:
    """Whose golden it is, if that is another file than the one asked for, which is still there. One that moved is no other."""
    whose = golden.address(spec)
    then = Path(whose.rpartition(":")[0])
    if not isinstance(address, Address) or not address.from_file or not then.is_file():
        return ""
    return "" if then.resolve() == Path(address.target.rpartition(":")[0]).resolve() else whose


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
    (old, old_arrays), (new, new_arrays) = written.dump(then.network), written.dump(now.network)
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
