"""`check_gradient`: the gradients of a backward against its forward, which is traced where it can be, and against a law."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.ops import Op
from bpcompare.own.step import WatchedStep
from bpcompare.tools.gradient.answer import Answer, answered
from bpcompare.tools.gradient.arrays import UntraceableError
from bpcompare.tools.gradient.arrays import asked as written_down
from bpcompare.tools.gradient.contracts import Batch, Options, Shapes, over_formats
from bpcompare.tools.gradient.contracts import contracts as kept
from bpcompare.tools.gradient.differences import Tries, aside, beyond, differenced
from bpcompare.tools.gradient.door import CodeUnderTest, code_under_test
from bpcompare.tools.gradient.finding import GradientCheck, InputFinding
from bpcompare.tools.gradient.known import Known
from bpcompare.tools.gradient.ties import together
from bpcompare.tools.gradient.traced import Traced, traced


def check_gradient(
    forward: Any,
    backward: Any = None,
    inputs: Sequence[Any] = (),
    *,
    names: Sequence[str] | None = None,
    op: Op | None = None,
    seed: int = 0,
    reference: Mapping[Any, Callable[..., Any]] | None = None,
    meant_for: Any = None,
    dtypes: Sequence[str] | None = None,
    contracts: bool | Sequence[str] = True,
    batch: Batch = None,
    shapes: Shapes = None,
    order: int = 1,
) -> GradientCheck:
    """Try a hand-written backward against its own forward.

    NumPy: `forward(*inputs)` is an array and `backward(*inputs, dy)` a gradient for each input (None where there is none).
    torch: `forward` is an `autograd.Function`, a module, or any function of tensors; JAX: a `custom_vjp`, or any function. There
    `backward` may be left out. Several outputs: `dy` is a tuple in NumPy and JAX, and one argument each in torch, as autograd has
    it. What is no array among the `inputs` (a flag, an ε) carries no gradient; of dicts and lists of arrays, each array does. A
    module's parameters are asked for, too.

    The forward is recorded on these inputs, function by function, and each gradient is held against its Δ, worked out from what
    was recorded: no step size, no tolerance. What cannot be followed is judged by differences of the forward.
    `reference`: for a function of torch whose inside nobody can see, another one of the same meaning, as for `watch`.
    `meant_for`: the function that the backward is meant to be the derivative of, where that is not the forward: of a
    straight-through estimator the one without the rounding. `dtypes`: try the inputs in each of these ("float32", "float64").
    `op`: the op that it is meant to be; then it is tried against the law of it, too: sources first, then parameters by role.
    `contracts`: what a backward owes besides these numbers, such as to leave dy alone; False for none, or the names of some.
    `batch`: the axis along which examples lie, or the names of the inputs whose first axis that is: then two halves of them are
    tried, too. `shapes`: True, numbers of rows, or a function from a number of rows to inputs: other numbers of rows are checked
    as well. `order=2`: the gradient is differentiated again.

    Never raises on a wrong gradient. Raises ValueError for code that cannot be tried: inputs that are no numbers, a forward that
    raises, changes its mind or its inputs, or gives something that is not finite.
    """
    if not inputs:
        raise ValueError("inputs: at least one is needed")
    options = Options.of(contracts, batch, shapes, order)
    titles = _titles(inputs, names)
    if dtypes:
        more = {"op": op, "seed": seed, "reference": reference, "meant_for": meant_for}
        wishes = {"contracts": contracts, "batch": batch, "shapes": shapes, "order": order}
        return _in_formats(dtypes, forward, backward, inputs, titles, **more, **wishes)
    code = code_under_test(forward, backward, inputs, titles, meant_for)
    answer = answered(code, code.names, seed)
    known = None if op is None else _known(op, answer)
    findings, step, why = answer.malformed, None, ""
    if not findings:
        step, why = _recorded(answer, seed, reference or {})
    tries = Tries(code, answer.dy, seed)
    if step is not None:
        findings = [aside(tries, answer, beyond(tries, answer, finding), step) for finding in Traced(step).findings]
    # Inputs that a trace says nothing of: it was none, it has holes, or autograd leads from the output to no such input.
    told = {finding.name for finding in findings if finding.verdict == "wrong" or not why}
    if step is None or not told.issuperset(code.names[i] for i in code.carrying):
        tried = [differenced(tries, i, code.names[i], answer.gradients[i]) for i in code.carrying if code.names[i] not in told]
        findings = [*(one for one in findings if one.name not in {other.name for other in tried}), *tried]
        findings = _not_certified(findings, step, why, code.names) if step is not None and why else findings
    findings = together(answer, findings)
    findings = [_in_short_numbers(one, answer) for one in findings]
    if known is not None:
        findings = [_coded(one, known, answer) for one in findings]
        if not known.output.holds(np.asarray(code.forward(code.inputs), np.float64)):
            note = f"forward is not {known.op.name}: its output leaves the law's ball"
            findings.insert(0, InputFinding("the output", answer.y.shape, "wrong", 0.0, answer.y.size, note=note))

    def again(others: Sequence[Any], *, leaves: bool) -> GradientCheck:
        more: dict[str, Any] = {"op": op, "seed": seed, "reference": reference, "contracts": False}
        if leaves:
            return check_gradient(code.given.forward, code.given.backward, others, names=code.names, **more)
        return check_gradient(forward, backward, others, names=titles, meant_for=meant_for, **more)

    outcomes = kept(answer, {one.name: one.verdict for one in findings}, replace(options, again=again))
    return GradientCheck(code.framework, tuple(findings), "" if known is None else known.op.name, step, why, outcomes)


def _known(op: Op, answer: Answer) -> Known:
    """The law of `op` on these inputs. Raises ValueError where they do not fit it."""
    try:
        return Known(op, answer.code.inputs, answer.y, answer.dy)
    except (ValueError, TypeError, IndexError) as error:
        said = str(error)
        raise ValueError(said if said.startswith("op:") else f"op: {op.name} does not fit these inputs: {said}") from error


def _not_certified(findings: list[InputFinding], step: WatchedStep, why: str, names: Sequence[str]) -> list[InputFinding]:
    """Gradients of a module's parameters, where a part of it could not be followed: differences are of the inputs alone."""
    note = f"not examined, for not all of the forward could be followed: {why}"
    found = [
        one if one.name in names or one.verdict == "wrong" else replace(one, verdict="undecided", note=note) for one in findings
    ]
    missing = [name for name in step.watched.parameters if name not in {*names, *(one.name for one in findings)}]
    return [*found, *(InputFinding(name, (), "undecided", float("inf"), 0, note=note) for name in missing)]


def _titles(inputs: Sequence[Any], names: Sequence[str] | None) -> tuple[str, ...]:
    titles = tuple(names) if names is not None else tuple(f"input {i}" for i in range(len(inputs)))
    if len(titles) != len(inputs):
        raise ValueError(f"names: {len(titles)} names for {len(inputs)} inputs")
    if len(set(titles)) != len(titles):
        raise ValueError(f"names: {next(name for name in titles if titles.count(name) > 1)} is there twice")
    return titles


def _in_formats(
    dtypes: Sequence[str], forward: Any, backward: Any, inputs: Sequence[Any], names: Sequence[str], **more: Any
) -> GradientCheck:
    """One check after the other; every finding has its format in its name."""
    from bpcompare.tools.gradient.door import cast

    checks = {dtype: check_gradient(forward, backward, cast(inputs, dtype), names=names, **more) for dtype in dtypes}
    findings = [replace(one, name=f"{one.name} ({dtype})") for dtype, check in checks.items() for one in check.findings]
    last = list(checks.values())[-1]
    untraced = next((check.untraced for check in checks.values() if check.untraced), "")
    outcomes = over_formats({dtype: check.contracts for dtype, check in checks.items()})
    return replace(last, findings=tuple(findings), untraced=untraced, contracts=outcomes)


def _recorded(answer: Answer, seed: int, reference: Mapping[Any, Callable[..., Any]]) -> tuple[WatchedStep | None, str]:
    """The forward as a program, judged; and why it could not be followed, or in which part."""
    code = answer.code

    def weights(number: int, shape: tuple[int, ...]) -> Array:
        random = np.random.default_rng((seed, number))
        return np.asarray(random.uniform(0.5, 1.5, shape) * random.choice([-1.0, 1.0], shape))

    try:
        if code.framework == "numpy":
            arrays = dict(zip(code.names, code.inputs, strict=True))
            given = {code.names[i]: g for i, g in answer.carried.items()}
            step = _written_down(code, arrays, given, answer)
        else:
            step = traced(code.framework, code.given.forward, code.given.backward, code.given.inputs, weights, reference)
    except Exception as error:  # noqa: BLE001 — what cannot be followed is judged by differences
        return None, f"{type(error).__name__}: {error}"
    missing = [f"{one.what}: {one.why}" for one in step.unexamined]
    return step, missing[0] + (f"; and {len(missing) - 1} more" if missing[1:] else "") if missing else ""


def _written_down(code: CodeUnderTest, arrays: Mapping[str, Any], gradients: Mapping[str, Array], answer: Answer) -> WatchedStep:
    """A forward of NumPy as a program. Raises UntraceableError where NumPy's own numbers leave a law: nobody here made them."""
    try:
        step = WatchedStep(written_down(code.given.forward, arrays, gradients, answer.dy, answer.y))
    finally:
        code.forward(code.inputs)  # what it keeps for its backward are arrays again, and not ours
    strange = next((claim for _, claim, _ in step.refuted if claim.statement == "forward"), None)
    if strange is not None:
        raise UntraceableError(
            f"NumPy gives other numbers than the law of {getattr(strange.owners[-1][1], 'function', 'it')} at {strange.path}"
        )
    return step


def _in_short_numbers(one: InputFinding, answer: Answer) -> InputFinding:
    """A wrong gradient that has fewer digits than its input, in words."""
    if one.verdict != "wrong" or one.cause or one.name not in answer.names:
        return one
    at = answer.names.index(one.name)
    g, x = answer.gradients[at], answer.code.inputs[at]
    if g is None or x.dtype != np.float64 or g.shape != x.shape or not np.array_equal(g, g.astype(np.float32)):
        return one
    return replace(one, cause="the input is float64, and its gradient has only the digits of float32: where is it rounded?")


def _coded(one: InputFinding, known: Known, answer: Answer) -> InputFinding:
    """A wrong gradient with the code of the mistake that gives exactly its numbers."""
    if one.verdict != "wrong" or one.name not in answer.names:
        return one
    at = answer.names.index(one.name)
    g = answer.gradients[at]
    codes = known.codes(at, np.asarray(g, np.float64)) if g is not None and g.shape == one.shape else ()
    return replace(one, code=codes[0]) if codes else one
