"""What a gradient check found: of each input, and of all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from bpcompare.own.step import WatchedStep
    from bpcompare.tools.gradient.contracts.outcome import Outcome

Verdict = Literal["certified", "convention", "undecided", "wrong"]
NOT_ASKED = "not looked for, as was asked (causes=False)"
"""The cause of what is wrong, where it was not asked for."""


@dataclass(frozen=True)
class InputFinding:
    """What was found of the gradient of one input.

    `power`: the smallest relative mistake that would have shown in its largest element. `tried`: elements looked at one by one.
    """

    name: str
    shape: tuple[int, ...]
    verdict: Verdict
    power: float
    tried: int
    index: tuple[int, ...] = ()
    got: float = 0.0
    expected: float = 0.0
    error: float = 0.0
    off: int = 0
    cause: str = ""
    code: str | None = None
    note: str = ""
    part: str = ""
    """Of a complex number, which part `got` and `expected` are: "real" or "imaginary"."""
    terms: float = 0.0
    """Where a gradient is 0 up to rounding, the size of the terms that cancel in it: the `power` is relative to them there."""

    @property
    def relative(self) -> float:
        """How far the worst element is off, relative to what is expected."""
        gap = abs(self.got - self.expected)
        return gap / abs(self.expected) if self.expected else float("inf") if gap else 0.0


@dataclass(frozen=True)
class GradientCheck:
    """What `check_gradient` found: one finding an input that carries a gradient, and one for each wrong place between them.

    `traced`: the forward as a program, judged step by step, where it could be followed; `untraced` says why it could not be, or
    in which part. `contracts`: what became of each thing that a backward owes besides its numbers.
    """

    framework: str
    findings: tuple[InputFinding, ...]
    law: str = ""
    traced: WatchedStep | None = None
    untraced: str = ""
    contracts: tuple[Outcome, ...] = ()
    convention: str = ""
    """Whose gradient of complex numbers it is: "torch" (∂E/∂x + i ∂E/∂y) or "jax" (the conjugate); "" for real code."""

    left: tuple[str, ...] = ()
    """What there was no time for, where there was a `budget`."""

    against: Callable[[Any], GradientCheck] | None = field(default=None, repr=False, compare=False)

    @property
    def verdict(self) -> Verdict:
        """The worst of the findings; a broken contract is wrong, and what there was no time for is undecided."""
        verdicts = {finding.verdict for finding in self.findings}
        verdicts |= {"undecided"} if self.left else set()
        verdicts |= {"wrong" for one in self.contracts if one.outcome == "broken"}
        order: tuple[Verdict, ...] = ("wrong", "undecided", "convention")
        return next((bad for bad in order if bad in verdicts), "certified")

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong and nothing undecided. A kink is no mistake."""
        return self.verdict in ("certified", "convention")

    @property
    def power(self) -> float:
        """The smallest relative mistake that would have shown in every input; of a 0 up to rounding, relative to its terms."""
        return max((finding.power for finding in self.findings), default=float("inf"))

    def with_backward(self, backward: Any) -> GradientCheck:
        """The check of another backward for the same forward and inputs, without contracts.

        The forward is followed, and its Δ worked out, once for all of them: of a hand-written backward, its versions and its
        mutants. Raises ValueError as `check_gradient` does, and of a check that was made of others.
        """
        if self.against is None:
            raise ValueError("with_backward: this check was not made by check_gradient")
        return self.against(backward)

    def __str__(self) -> str:
        from bpcompare.tools.gradient.text import text

        return text(self)

    def assert_ok(self) -> None:
        """Raise AssertionError with the text, unless `ok`."""
        __tracebackhide__ = True
        if not self.ok:
            raise AssertionError(f"\n{self}")
