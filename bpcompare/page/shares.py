"""How much of its ball every element takes, backend by backend."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from bpcompare.laws import LAWS
from bpcompare.numbers.ball.format import format_of
from bpcompare.plan import step_prefix
from bpcompare.proof.balls import Balls
from bpcompare.proof.claims import Claim
from bpcompare.proof.evaluation import evaluate
from bpcompare.proof.finding import Finding
from bpcompare.proof.power import unit_power
from bpcompare.proof.question import question
from bpcompare.proof.values import StepValues, step_values
from bpcompare.verdict.comparison import Comparison


class Shares:
    """Everything that the page says about one step of a run."""

    def __init__(self, comparison: Comparison, step: int) -> None:
        self.comparison = comparison
        self.step = step
        self.values: dict[str, StepValues] = {
            name: step_values(comparison.plan, comparison.records[name])[step - 1] for name in comparison.ran
        }
        self._balls = {
            name: Balls(values, format_of(comparison.plan.dtype, comparison.records[name].provenance.flushes))
            for name, values in self.values.items()
        }
        self.prefix = step_prefix(step)
        self._numbers = question(comparison.plan).claims.numbers
        self.of = cache(self._of)

    @property
    def first(self) -> StepValues:
        """What the first backend has."""
        return next(iter(self.values.values()))

    def get(self, path: str) -> Any:
        """A quantity as the first backend has it."""
        values = self.first
        return values.given[path] if path in values.given else values.recorded[path]

    def finding(self, backend: str, path: str) -> Finding | None:
        """What the certificate says of a quantity of this step."""
        findings, count = self.comparison.certificates[backend].all, len(self._numbers)
        if path not in self._numbers or len(findings) < count * self.step:
            return None
        return findings[(self.step - 1) * count + self._numbers[path]]

    def _of(self, backend: str, claim: Claim) -> Any:
        """|recorded − law| / radius for every element; 0 or infinity in exact mode and for frozen parameters."""
        recorded = self.values[backend].recorded[claim.path].astype(np.float64)
        finding = self.finding(backend, claim.path)
        with np.errstate(all="ignore"):
            if not claim.owners:
                return np.where(recorded == self.values[backend].given[claim.subject], 0.0, np.inf)
            ball = evaluate(claim, self._balls[backend], LAWS)
            share = np.abs(recorded - ball.mid) / (np.asarray(ball.final_radius()) + 1e-300)
        share = np.nan_to_num(np.broadcast_to(share, recorded.shape), nan=np.inf)
        if finding is not None and finding.outcome == "holds" and share.max(initial=0.0) > 1:
            # Compiled code was granted that it computes a number again where it uses it.
            share = np.minimum(share, min(finding.share, 1.0))
        return share

    def unit_power(self, backend: str, claim: Claim) -> Any:
        """The smallest relative mistake that would show, for every unit; empty where no arithmetic is done."""
        with np.errstate(all="ignore"):
            ball = evaluate(claim, self._balls[backend], LAWS)
            return unit_power(np.asarray(ball.final_radius()), ball.mid)

    def mark(self, backend: str, claim: Claim, index: tuple[int, ...]) -> str:
        """ok, WRONG, convention or undecided, of one element."""
        finding = self.finding(backend, claim.path)
        if finding is None:
            return ""
        if finding.outcome == "refuted":
            value = float(self.values[backend].recorded[claim.path][index])
            return "WRONG" if self.share(backend, claim, index) > 1 or not np.isfinite(value) else "ok"
        return {"holds": "ok"}.get(finding.outcome, finding.outcome)

    def share(self, backend: str, claim: Claim, index: tuple[int, ...]) -> float:
        """One element's share of its ball."""
        return float(self.of(backend, claim)[index])
