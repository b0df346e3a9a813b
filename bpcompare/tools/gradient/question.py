"""One question about a backward: the code, its inputs, and what is to be tried; and its answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bpcompare.ops import Op
from bpcompare.own.step import WatchedStep
from bpcompare.tools.gradient.answer import Answer, ComplexOutputError, answered
from bpcompare.tools.gradient.budget import Budget
from bpcompare.tools.gradient.contracts import Options
from bpcompare.tools.gradient.contracts import contracts as kept
from bpcompare.tools.gradient.conventions import OTHER, in_other_convention, of_complex
from bpcompare.tools.gradient.door import CodeUnderTest, Convention, code_under_test
from bpcompare.tools.gradient.finding import GradientCheck
from bpcompare.tools.gradient.followed import Followed
from bpcompare.tools.gradient.judged import judged
from bpcompare.tools.gradient.known import beside_law, known
from bpcompare.tools.gradient.recorded import recorded
from bpcompare.tools.gradient.rows import as_matrices, right_for_matrices, same_numbers
from bpcompare.tools.gradient.tries import Tries


@dataclass(frozen=True, eq=False)
class Question:
    """What `check_gradient` is asked, for one format; arguments as there."""

    forward: Any
    backward: Any
    inputs: Sequence[Any]
    names: tuple[str, ...]
    op: Op | None
    seed: int
    reference: Mapping[Any, Callable[..., Any]]
    meant_for: Any
    options: Options
    convention: Convention | None = None
    causes: bool = True
    budget: Budget = field(default_factory=Budget)

    def answer(self) -> GradientCheck:
        """Of complex numbers, by the convention that was asked for, or is the framework's; in NumPy by the one that holds."""
        found = self._explained(self.in_convention(self.convention))
        if not found.convention or self.budget.over() or not any(one.verdict == "wrong" for one in found.findings):
            return found
        other = OTHER[found.convention]
        try:
            beside = self._without_contracts().in_convention(other)
        except Exception:  # noqa: BLE001 — code that cannot be called as code of the other convention
            return found
        if found.framework == "numpy" and self.convention is None and beside.ok:
            return self.in_convention(other)
        return in_other_convention(found, beside)

    def _explained(self, found: GradientCheck) -> GradientCheck:
        """With a cause of what is wrong and has none, where the backward is right for the same rows as one matrix."""
        unknown = self.causes and any(one.verdict == "wrong" and not (one.cause or one.note) for one in found.findings)
        given = as_matrices(self.inputs) if unknown and not self.budget.over() else None
        if given is None:
            return found
        other = replace(self._without_contracts(), inputs=given)
        try:
            same = same_numbers(self.called(self.convention)[1].y, other.called(self.convention)[1].y)
            return right_for_matrices(found, self.inputs, given) if same and other.in_convention(self.convention).ok else found
        except Exception:  # noqa: BLE001 — code that does not take matrices
            return found

    def _without_contracts(self) -> Question:
        return replace(self, options=Options.of(False, None, None, 1))

    def code(self) -> CodeUnderTest:
        """The code, which is not of complex numbers, and not called. Raises ValueError where there is no backward."""
        return code_under_test(self.forward, self.backward, self.inputs, self.names, self.meant_for)

    def called(self, convention: Convention | None) -> tuple[CodeUnderTest, Answer]:
        """The code, and what it gives. Raises ValueError for code that cannot be tried."""

        def called(*, complex_output: bool = False) -> tuple[CodeUnderTest, Answer]:
            more: dict[str, Any] = {"convention": convention, "complex_output": complex_output}
            code = code_under_test(self.forward, self.backward, self.inputs, self.names, self.meant_for, **more)
            return code, answered(code, code.names, self.seed)

        try:
            return called()
        except ComplexOutputError:
            return called(complex_output=True)

    def in_convention(self, convention: Convention | None) -> GradientCheck:
        """By one of the two conventions for complex numbers; None for the framework's.

        Raises ValueError for code that cannot be tried, and for an op and complex numbers together.
        """
        code, answer = self.called(convention)
        if self.op is not None and code.convention:
            raise ValueError("op: the laws of ops are of real numbers")
        step, why = (None, "") if answer.malformed else recorded(answer, self.seed, self.reference, self.budget)
        return self.found(answer, step, why, Tries(code, answer.dy, self.seed, self.budget, causes=self.causes))

    def found(self, answer: Answer, step: WatchedStep | None, why: str, tries: Tries) -> GradientCheck:
        """What is found of an answer. `step` is the forward as a program; `why` it could not be followed, or in which part."""
        code, law = answer.code, None if self.op is None else known(self.op, answer)
        findings = answer.malformed or judged(answer, step, why, tries)
        if law is not None:
            findings = beside_law(findings, law, answer)
        options = replace(self.options, again=self._again(code), budget=self.budget, step=None if why else step, seed=self.seed)
        outcomes = kept(answer, {one.name: one.verdict for one in findings}, options)
        findings = [of_complex(one, code.complexes) for one in findings]
        name, left = "" if law is None else law.op.name, self.budget.left
        followed = Followed(self, answer, step, why, tries)
        return GradientCheck(code.framework, tuple(findings), name, step, why, outcomes, code.convention, left, followed.against)

    def about(self, backward: Any) -> Question:
        """The same of another backward, without contracts, however long it takes."""
        return replace(self._without_contracts(), backward=backward, budget=Budget())

    def _again(self, code: CodeUnderTest) -> Callable[..., GradientCheck]:
        def again(others: Sequence[Any], *, leaves: bool) -> GradientCheck:
            asked = replace(self._without_contracts(), inputs=others)
            if leaves:
                given = code.given
                asked = replace(asked, forward=given.forward, backward=given.backward, names=code.names, meant_for=None)
            return asked.answer()

        return again
