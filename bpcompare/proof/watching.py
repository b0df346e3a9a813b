"""Whether reading the Δ changed the gradient: the gradient computed without that instrumentation against the recorded one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bpcompare.laws import LAWS, Laws
from bpcompare.network.parameter import Array
from bpcompare.plan import Plan, step_prefix
from bpcompare.plan.record import Record
from bpcompare.proof.finding import Doubt, Finding
from bpcompare.proof.question import question
from bpcompare.proof.values import StepValues, step_values

RUNS = 16
"""Noisy runs of the law at most, before a difference is called unexplained."""

SPREAD = 10.0
"""The difference may be this many times the noise; for correct jit-compiled code the largest seen was 3.0."""

CLOSE = 8.0
"""Up to this many u (normwise) no noise is needed to explain a difference."""


def plain_findings(plan: Plan, record: Record, laws: Laws = LAWS) -> tuple[Finding, ...]:
    """One finding for each gradient of each step of a record that has both.

    Eager code must give the same bits. A compiler may round otherwise when it has less to return: there the difference must be
    within `SPREAD` times what noise of one u at every node does to the law, in float64.
    """
    found = []
    with np.errstate(all="ignore"):  # norms of what is near the largest number overflow
        for number, (step, values) in enumerate(zip(record.steps, step_values(plan, record), strict=True), 1):
            if step.plain is None:
                continue
            noise = _Noise(plan, values, laws, number)
            for name in plan.network.trainable:
                path = f"{step_prefix(number)}{name}.plain"
                found.append(_judged(path, name, step.plain[name], step.gradient[name], record.provenance.mode, noise))
    return tuple(found)


def _judged(path: str, name: str, plain: Array, recorded: Array, mode: str, noise: _Noise) -> Finding:
    if np.array_equal(plain, recorded):
        return Finding(path, "gradient", "holds", 0.0, 0.0, size=plain.size)
    size = float(np.linalg.norm(recorded.astype(np.float64)))
    gap = float(np.linalg.norm(plain.astype(np.float64) - recorded))
    relative = gap / size if size else float("inf")
    if not np.isfinite(gap):
        return _undecided(path, plain, relative, "the gradient is not finite", "infinite")
    if mode == "eager":
        return _undecided(
            path, plain, relative, "the gradient without instrumentation has other bits: watching changed the answer"
        )
    if gap <= CLOSE * noise.u * size:
        return Finding(path, "gradient", "holds", 0.0, 0.0, relative=relative, size=plain.size)
    for spread in noise.spreads(name, recorded):
        if gap <= SPREAD * spread:
            return Finding(path, "gradient", "holds", gap / (SPREAD * spread), 0.0, relative=relative, size=plain.size)
    note = f"without instrumentation it is another gradient: {relative:.3g} away, over {SPREAD:g} times what rounding explains"
    return _undecided(path, plain, relative, note)


def _undecided(path: str, plain: Array, relative: float, note: str, doubt: Doubt = "watched") -> Finding:
    return Finding(path, "gradient", "undecided", float("inf"), 0.0, relative=relative, size=plain.size, note=note, doubt=doubt)


class _Noise:
    """Runs of the law in float64 from the same start, each number multiplied by 1 ± u; made when first asked for."""

    def __init__(self, plan: Plan, values: StepValues, laws: Laws, number: int) -> None:
        self.u = float(np.finfo(plan.dtype).eps) / 2
        self._plan, self._values, self._laws = plan, values, laws
        self._random = np.random.default_rng(number)
        self._runs: list[Mapping[str, Any]] = []

    def spreads(self, name: str, recorded: Array) -> Any:
        """The largest distance of a run's gradient from the recorded one, after each run."""
        largest = 0.0
        for at in range(RUNS):
            if at == len(self._runs):
                self._runs.append(self._run())
            largest = max(largest, float(np.linalg.norm(self._runs[at][f"{name}.gradient"] - recorded)))
            yield largest

    def _run(self) -> Mapping[str, Any]:
        given, seen = self._values.given, dict[str, Any]()

        def get(path: str) -> Any:
            x = seen[path] if path in seen else given[path]
            return x.astype(np.float64) if isinstance(x, np.ndarray) and x.dtype == np.float32 else x

        with np.errstate(all="ignore"):
            for claim in question(self._plan).claims:
                if claim.statement in ("update", "state"):
                    continue
                exact = np.asarray(claim.value(get, self._laws))
                seen[claim.path] = exact * (1 + self.u * self._random.uniform(-1, 1, exact.shape))
        return seen
