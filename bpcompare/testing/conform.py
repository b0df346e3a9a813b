"""A backend tried on every case: what it is asked, and the table of what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

from bpcompare.backend import Backend, gaps_of, unsupported
from bpcompare.engine.registry import Ready, problems, resolve
from bpcompare.engine.worker import InProcess
from bpcompare.mistakes import MISTAKES
from bpcompare.network import Dtype, Network
from bpcompare.ops import OPS, Op
from bpcompare.plan import Plan
from bpcompare.plan.draw import plan as draw
from bpcompare.plan.record import Record
from bpcompare.proof.values import recorded_values
from bpcompare.report import text
from bpcompare.session import judge
from bpcompare.session import run as run_all
from bpcompare.testing.cases import Case, cases
from bpcompare.testing.planted import unnoticed
from bpcompare.verdict.comparison import Comparison

DTYPES: tuple[Dtype, ...] = get_args(Dtype)[::-1]
WITNESS = "delta"


@dataclass(frozen=True)
class Trial:
    """One case in one dtype: the verdict on the backend, its largest share of a ball, and what is to be said."""

    case: Case
    dtype: Dtype
    verdict: str
    share: float
    problem: str = ""


@dataclass(frozen=True)
class Conformance:
    """Everything that was tried. It conforms if `complaints` is empty."""

    name: str
    version: str
    gaps: dict[str, str]
    trials: tuple[Trial, ...]
    complaints: tuple[str, ...]
    conventions: tuple[str, ...]
    planted: int
    mistakes: int = field(default=0)
    untried: dict[str, str] = field(default_factory=dict)
    """Ops of its table that were tried in no case, each with the gaps that keep it from that."""


def resolved(backend: str | type[Backend]) -> type[Backend]:
    """The class. Raises UnknownBackendError, or LookupError with the reason why it cannot be used."""
    if not isinstance(backend, str):
        return backend
    status = resolve(backend)
    if not isinstance(status, Ready):
        raise LookupError(getattr(status, "reason", "") or f"its framework is not installed: {getattr(status, 'hint', '')}")
    return status.backend


def tried(backend: type[Backend]) -> tuple[Case, ...]:
    """The cases that need no op it has a gap for, and none in a form that it cannot do."""
    return tuple(case for case in cases() if not unsupported(backend, case.network))


def able(backends: Sequence[str], network: Network) -> tuple[str, ...]:
    """Those of `backends` that can do every op of `network`, each in the form that it has there."""
    return tuple(name for name in backends if not unsupported(resolved(name), network))


def sharp(backend: type[Backend]) -> tuple[Case, ...]:
    """Those on no kink, where a planted error might be another valid derivative."""
    return tuple(case for case in tried(backend) if not case.kink)


def contract(backend: type[Backend]) -> tuple[str, ...]:
    """How it breaks the contract of `Backend`: a name, and every op at most once in its table and gaps."""
    return problems(backend)


def trial(backend: type[Backend], case: Case, dtype: Dtype) -> Trial:
    """Run one case: is it certified, and does it give the same bits again?"""
    plan = draw(case.network, dtype)
    record = InProcess().run(backend, plan)
    records = {WITNESS: _witness(plan), backend.name: record} if backend.name != WITNESS else {WITNESS: record}
    comparison = judge(case.name, plan, records)
    certificate = comparison.certificates[backend.name]
    worst = certificate.worst
    share = worst.share if worst is not None else 0.0
    problem = _unconvincing(comparison, backend.name, case)
    if not problem and (moved := _differs(record, InProcess().run(backend, plan))):
        problem = f"{case.name}, {dtype}: it is not deterministic: {moved} has other bits when the same plan is run again"
    return Trial(case, dtype, certificate.verdict, share, problem)


def _witness(plan: Plan) -> Record:
    return InProcess().run(resolved(WITNESS), plan)


def _unconvincing(comparison: Comparison, name: str, case: Case) -> str:
    """Why a case counts against the backend, or "" if it does not."""
    verdict = comparison.certificates[name].verdict
    if verdict == "certified" or (verdict == "convention" and case.kink):
        return ""
    if verdict == "undecided" and name != WITNESS and comparison.certificates[WITNESS].verdict == "undecided":
        return ""
    return f"{case.name}, {comparison.dtype}:\n{text(comparison)}"


def _differs(one: Record, other: Record) -> str:
    for step, again in zip(one.steps, other.steps, strict=True):
        values = recorded_values(again)
        for path, x in recorded_values(step).items():
            if x.tobytes() != values[path].tobytes():
                return path
    return ""


def false_gap(backend: type[Backend], op: type[Op]) -> str:
    """Why a declared gap is none: every case of the op is certified when the check for gaps is left out. "" if it is a gap."""
    mine = [case for case in cases() if case.about is op and case.needs & gaps_of(backend).keys() == {op}]
    for case in mine:
        plan = draw(case.network, "float64")
        record = _unguarded(backend, plan)
        if record is None or judge(case.name, plan, {backend.name: record}).verdict != "certified":
            return ""
    if not mine:
        return ""
    return f"{op.name} is declared as a gap ({backend.gaps[op]!r}), and all {len(mine)} cases of it are certified: it can do it"


def _unguarded(backend: type[Backend], plan: Plan) -> Record | None:
    # The check for gaps asks whether the table has a row: a row that raises passes it. A backend without a table ignores the row.
    rows = {op: backend.table.get(op, _nothing) for op in OPS.values()}
    record = InProcess().run(type(backend.__name__, (backend,), {"table": rows, "gaps": {}}), plan)
    return None if record.failure is not None else record


def _nothing(*_: Any) -> Any:
    raise NotImplementedError("a gap")


def blind(backend: type[Backend], case: Case) -> str:
    """Why errors planted in the backend's own answer prove nothing: one is not seen, or there is no answer. "" if all are."""
    plan = draw(case.network, "float64")
    record = InProcess().run(backend, plan)
    if record.failure is not None:
        return f"{case.name}: no error could be planted, for it gave no answer: {record.failure.partition(chr(10))[0]}"
    missed = tuple(unnoticed(plan, record))
    return f"{case.name}: errors planted in its own answer are not seen: {', '.join(missed)}" if missed else ""


def unblamed(backend: type[Backend], code: str) -> str:
    """Why the mistake, made by delta beside this backend, is not found and blamed on delta; or nothing."""
    for one in tried(backend):
        if one.kink or not MISTAKES[code].applies(one.network):
            continue
        # What reads from the step before needs a second one to show.
        steps = 2 if MISTAKES[code].laws(one.network).remembers else None
        comparison = run_all(one.network, [backend, f"{WITNESS}!{code}"], steps=steps)
        honest, wrong = comparison.certificates[backend.name], comparison.certificates[f"{WITNESS}!{code}"]
        if honest.failure:
            why = honest.failure.partition("\n")[0]
            return f"{code} was made by delta in {one.name}, and {backend.name} gave no answer: {why}"
        accused = any(blame.blame == backend.name for blame in comparison.blames)
        if accused or honest.verdict not in ("certified", "undecided"):
            return f"{code} was made by delta in {one.name}, and {backend.name} is accused:\n{text(comparison)}"
        if wrong.verdict == "wrong":
            return ""
    return f"{code} was made by delta, and found in no case"


def with_mistakes(backend: type[Backend]) -> tuple[str, ...]:
    """Codes of mistakes that can be made in a case which the backend can do."""
    mine = tried(backend)
    return tuple(code for code, one in MISTAKES.items() if any(one.applies(case.network) for case in mine if not case.kink))


def untried(backend: type[Backend]) -> dict[str, str]:
    """Ops that it has a row for and no case tries, by name: what their cases need and it has not."""
    gaps, found = gaps_of(backend), {}
    for op in OPS.values():
        own = [case for case in cases() if case.about is op]
        if own and op not in gaps and all(unsupported(backend, case.network) for case in own):
            lacks = [lack for case in own if (lack := sorted(one.name for one in case.needs & gaps.keys()))]
            least: list[str] = min(lacks, key=len, default=["a form that it does not have"])
            found[op.name] = ", ".join(least)
    return found


def conform(backend: str | type[Backend], progress: Callable[[str], None] = lambda _: None) -> Conformance:
    """Try everything. Raises UnknownBackendError, and LookupError for a backend that cannot be used."""
    chosen = resolved(backend)
    complaints = [*contract(chosen)]
    trials = []
    for case in tried(chosen):
        for dtype in DTYPES:
            progress(f"{case.name} {dtype}")
            trials.append(trial(chosen, case, dtype))
    complaints += [one.problem for one in trials if one.problem]
    for op in chosen.gaps:
        progress(f"the gap {op.name}")
        complaints += [problem] if (problem := false_gap(chosen, op)) else []
    planted = 0
    silent = {one.case.name for one in trials if one.verdict == "not_run"}
    for case in sharp(chosen)[:: max(1, len(sharp(chosen)) // 12)]:
        if case.name not in silent:
            progress(f"errors planted in {case.name}")
            planted += 2 * sum(1 for _ in _paths(case))
            complaints += [problem] if (problem := blind(chosen, case)) else []
    # Who answers nothing has no mistakes made beside it: each would be the same complaint again.
    codes = with_mistakes(chosen) if len(silent) < len({one.case.name for one in trials}) else ()
    for code in codes:
        progress(f"{code} beside it")
        complaints += [problem] if (problem := unblamed(chosen, code)) else []
    conventions = [f"{one.case.name} ({one.dtype})" for one in trials if one.verdict == "convention"]
    version = chosen.version()
    gaps = {op.name: reason for op, reason in gaps_of(chosen).items()}
    tried_of = (tuple(trials), tuple(complaints), tuple(conventions), planted, len(codes))
    return Conformance(chosen.name, version, gaps, *tried_of, untried(chosen))


def _paths(case: Case) -> Iterator[str]:
    from bpcompare.proof.question import question

    yield from (claim.path for claim in question(draw(case.network, "float64")).claims)
