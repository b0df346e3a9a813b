"""The conductor: the one place that knows the order of things, from a network to a comparison."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, get_args

from bpcompare.engine.address import Address
from bpcompare.engine.arithmetics import ARITHMETICS
from bpcompare.engine.asked import Located, Wanted, located, titles
from bpcompare.engine.isolation import Isolated
from bpcompare.engine.surroundings import in_turn
from bpcompare.engine.worker import AbsentError, InProcess, unanswered
from bpcompare.laws import LAWS, Laws
from bpcompare.mistakes.blind import Unseen, unseen
from bpcompare.network import Dtype, Network
from bpcompare.numbers.ball import Format
from bpcompare.numbers.ball.format import format_of
from bpcompare.plan import Plan, step_prefix
from bpcompare.plan.draw import plan as draw
from bpcompare.plan.record import Record
from bpcompare.proof import exact as exact_mode
from bpcompare.proof.balls import Balls
from bpcompare.proof.certificate import Means
from bpcompare.proof.finding import Certificate
from bpcompare.proof.question import question
from bpcompare.proof.values import StepValues, step_values
from bpcompare.session.arrivals import Arrivals, room
from bpcompare.spec import read
from bpcompare.text import arguments
from bpcompare.verdict.blame import Case, blames
from bpcompare.verdict.change import Change
from bpcompare.verdict.comparison import BlindSpots, Comparison
from bpcompare.verdict.distance import Pairs

BEFORE = 8
"""Steps before a wrong one in which its cause is looked for: what adds up over steps is refuted in the second that it does so."""


def run(
    network: Network | str | os.PathLike[str],
    backends: Iterable[Wanted] | Wanted | None = None,
    dtype: Dtype | None = None,
    steps: int | None = None,
    exact: bool = False,
    oracle: str = "auto",
    seed: int | None = None,
    laws: Laws = LAWS,
    isolate: bool = False,
    timeout: float | None = None,
    memory: int | None = None,
    certificate: str = "probes",
    progress: Callable[[str], None] = lambda _: None,
) -> Comparison:
    """Run a network on every backend, or on those wanted (names or classes, or one of them), and judge what they answer.

    `network` is a Network, the path of a spec, or the name of an example. `isolate` gives every backend a process of its own, and
    so does a `timeout` (seconds) or a limit of `memory` (bytes); backends of another Python always have one. In this process,
    what a backend changes by accident is put back, and malice is not stopped: isolate what you do not trust. `certificate`:
    "probes" tries large products along random vectors first, "full" judges every number (docs/mathematics.md).

    Never raises on a mismatch or on what a backend does. Raises SpecError for a network that cannot be read or run,
    UnknownBackendError for what is no backend or is asked for twice, TypeError and ValueError for other arguments, OSError where
    records have no room in memory (256 MiB, or what BPCOMPARE_MEMORY says) and none on the disk.
    """
    network = _network(network)
    settled = arguments.choice("oracle", oracle, ("auto", "off")) == "auto"
    means: Means = "probes" if arguments.choice("certificate", certificate, ("probes", "full")) == "probes" else "full"
    dtype = arguments.dtype("dtype", dtype, get_args(Dtype))
    exact, isolate = arguments.switch("exact", exact), arguments.switch("isolate", isolate)
    timeout, memory = arguments.seconds("timeout", timeout), arguments.memory("memory", memory)
    progress = arguments.function("progress", progress)
    if not isinstance(laws, Laws):
        raise TypeError(f"laws: bpcompare.laws.Laws is wanted, not {arguments.told(laws)}")
    asked = located(backends)
    plan = exact_mode.draw(network, dtype, steps, seed) if exact else draw(network, dtype, steps, seed)
    apart = Isolated(Isolated.timeout if timeout is None else timeout, memory, progress)
    alone = isolate or timeout is not None or memory is not None
    arrivals = Arrivals(plan, laws, means, room())
    records = answers(plan, asked, apart, alone=alone, forgiving=backends is None, arrivals=arrivals, progress=progress)
    progress("judging")
    return judge(network.name, plan, records, settled, laws, arrivals=arrivals)


def _network(wanted: Any) -> Network:
    if isinstance(wanted, Network):
        return wanted
    if isinstance(wanted, str | os.PathLike):
        return read(wanted)
    raise TypeError(f"network: a Network, the path of a spec or the name of an example is wanted, not {arguments.told(wanted)}")


def answers(
    plan: Plan,
    asked: Sequence[Located],
    apart: Isolated,
    *,
    alone: bool = False,
    forgiving: bool = False,
    called: Sequence[str] | None = None,
    arrivals: Arrivals | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, Record]:
    """The records of all backends that were `asked`, by name.

    `apart` runs a backend in a process of its own: all of them if `alone`, and in any case those of another Python. A framework
    that is not installed gives a record with a failure; if `forgiving`, that backend is left out. `called` are the names, one for
    each backend that answers; by default names are found that differ (`bpcompare.engine.asked`). `arrivals` keeps and judges each
    record before the next backend runs. `progress` is told what is being done.

    Raises AssertionError if two backends would have the same name, so that one answer would be lost; OSError where `arrivals`
    finds the disk full.
    """
    ran: list[Located] = []
    found: list[Record] = []
    with in_turn():
        for one in asked:
            progress(f"running {one.name}")
            foreign = isinstance(one, Address) and one.foreign
            try:
                record = (apart if alone or foreign else InProcess()).run(one, plan)
            except AbsentError as error:
                if forgiving:
                    continue
                record = unanswered(one.name, plan, f"its framework is not installed: {error.hint}")
            if isinstance(one, Address):
                record = replace(record, provenance=replace(record.provenance, address=one.repeatable))
            if arrivals is not None:
                record = arrivals.kept(record)  # what was given is free from here on
                progress(f"judging {one.name}")
                arrivals.judge(record)
                record = record.lasting()
            ran.append(one)
            found.append(record)
    names = titles(ran, [record.provenance.backend for record in found]) if called is None else called
    records = dict(zip(names, found, strict=True))
    if len(records) != len(found):
        raise AssertionError(f"{len(found)} backends were asked for, and would be judged as {len(records)}: {', '.join(names)}")
    return records


def judge(
    spec: str,
    plan: Plan,
    records: Mapping[str, Record],
    oracle: bool = True,
    laws: Laws = LAWS,
    *,
    related: bool = False,
    means: Means = "probes",
    arrivals: Arrivals | None = None,
) -> Comparison:
    """The comparison of `records`, all of them answers to `plan`, by the name of the backend.

    `spec` is the name of the spec in reports. `oracle`: ask the oracle who is wrong. `laws` may be wrong ones, for tests.
    `related`: all records count as one voice, as for one backend before and after a change. `means`: see `certify`. `arrivals`
    has judged them already, in this order. Never raises on what a record holds.
    """
    if arrivals is None:
        arrivals = Arrivals(plan, laws, means)
        for record in records.values():
            arrivals.judge(record)
    certificates = dict(zip(records, arrivals.certificates, strict=True))
    records = {name: record.lasting() for name, record in records.items()}
    cases = _cases(plan, records, certificates)
    found = blames(plan, records, cases, oracle, laws, related=related, lent=ARITHMETICS)
    return Comparison(
        spec=spec,
        plan=plan,
        records=records,
        certificates=certificates,
        blames=found,
        pairs=Pairs(records),
        search=partial(_blind, plan, records, certificates, laws),
        oracle=oracle,
        certificate_seconds=arrivals.seconds,
    )


def changed(spec: str, plan: Plan, then: tuple[str, Record, str], now: tuple[str, Record, str]) -> Change:
    """What changed between two records of one backend on one plan, each judged on its own.

    `then` and `now` are each a name, a record, and a word for a report that tells which one it is ("golden", "now").
    """
    titles = []
    for name, record, which in (then, now):
        version = f"{record.provenance.framework} {record.provenance.version}" if record.failure is None else name
        titles.append(f"{version} ({which})")
    return Change(judge(spec, plan, {titles[0]: then[1], titles[1]: now[1]}, related=True), *titles)


def _cases(plan: Plan, records: Mapping[str, Record], certificates: Mapping[str, Certificate]) -> list[Case]:
    """Every refuted claim, in the order of the proof, with what all backends have there."""
    refuted = {name: {finding.path: finding for finding in certificate.refuted} for name, certificate in certificates.items()}
    if not any(refuted.values()):
        return []
    listed = question(plan).claims
    answered = [name for name, record in records.items() if record.failure is None]
    values = {name: step_values(plan, records[name]) for name in answered}
    formats = {name: format_of(plan.dtype, records[name].provenance.flushes) for name in answered}
    cases, waiting = [], {name for name, found in refuted.items() if found}
    for number in range(1, len(plan.batches) + 1):
        for claim in listed:
            path = step_prefix(number) + claim.path
            here = {name: refuted[name][path] for name in answered if path in refuted[name]}
            if waiting & here.keys():
                balls = {name: _lookup(plan, values[name][number - 1], formats[name]) for name in answered}
                before = {
                    name: [
                        _lookup(plan, earlier, formats[name])
                        for earlier in values[name][max(0, number - 1 - BEFORE) : number - 1]
                    ]
                    for name in here
                }
                cases.append(Case(number, claim, balls, here, before))
                waiting -= here.keys()
    return cases


def _lookup(plan: Plan, values: StepValues, fmt: Format) -> Balls:
    return exact_mode.Exactly(values, fmt, plan.dtype) if plan.exact else Balls(values, fmt)


def _blind(plan: Plan, records: Mapping[str, Record], certificates: Mapping[str, Certificate], laws: Laws) -> BlindSpots:
    found = _unseen(plan, records, certificates, laws)
    codes = None if found.mistakes is None else tuple(mistake.code for mistake in found.mistakes)
    return BlindSpots(codes, found.steps, found.why, tuple(mistake.code for mistake in found.untried))


def _unseen(plan: Plan, records: Mapping[str, Record], certificates: Mapping[str, Certificate], laws: Laws) -> Unseen:
    """Blind spots of the run, on the record of a backend that is not wrong."""
    if plan.exact:
        return Unseen(None, why="exact mode draws numbers so that nothing rounds, not so that mistakes show")
    good = next((name for name, certificate in certificates.items() if certificate.verdict in ("certified", "undecided")), None)
    if good is None:
        return Unseen(None, why="they are looked for on the numbers of a backend that is right, and none is")
    fmt = format_of(plan.dtype, records[good].provenance.flushes)
    steps = [Balls(values, fmt) for values in step_values(plan, records[good])]
    return unseen(question(plan).claims, steps, plan.network, laws)
