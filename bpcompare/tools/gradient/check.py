"""`check_gradient`: the gradients of a backward against its forward, which is traced where it can be, and against a law."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bpcompare.ops import Op
from bpcompare.tools.gradient.answer import answered
from bpcompare.tools.gradient.contracts import Batch, Options, Shapes, over_formats
from bpcompare.tools.gradient.contracts import contracts as kept
from bpcompare.tools.gradient.door import cast, code_under_test
from bpcompare.tools.gradient.finding import GradientCheck
from bpcompare.tools.gradient.judged import judged
from bpcompare.tools.gradient.known import beside_law, known
from bpcompare.tools.gradient.recorded import recorded


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
        raise ValueError("inputs: give at least one, as in inputs=(x,)")
    options = Options.of(contracts, batch, shapes, order)
    titles = _titles(inputs, names)
    more: dict[str, Any] = {"op": op, "seed": seed, "reference": reference}
    if dtypes:
        wishes = {"meant_for": meant_for, "contracts": contracts, "batch": batch, "shapes": shapes, "order": order}
        return _in_formats(dtypes, forward, backward, inputs, titles, **more, **wishes)
    code = code_under_test(forward, backward, inputs, titles, meant_for)
    answer = answered(code, code.names, seed)
    law = None if op is None else known(op, answer)
    step, why = (None, "") if answer.malformed else recorded(answer, seed, reference or {})
    findings = answer.malformed or judged(answer, step, why, seed)
    if law is not None:
        findings = beside_law(findings, law, answer)

    def again(others: Sequence[Any], *, leaves: bool) -> GradientCheck:
        if leaves:
            return check_gradient(code.given.forward, code.given.backward, others, names=code.names, contracts=False, **more)
        return check_gradient(forward, backward, others, names=titles, meant_for=meant_for, contracts=False, **more)

    outcomes = kept(answer, {one.name: one.verdict for one in findings}, replace(options, again=again))
    return GradientCheck(code.framework, tuple(findings), "" if law is None else law.op.name, step, why, outcomes)


def _titles(inputs: Sequence[Any], names: Sequence[str] | None) -> tuple[str, ...]:
    titles = tuple(names) if names is not None else tuple(f"input {i}" for i in range(len(inputs)))
    if len(titles) != len(inputs):
        raise ValueError(f"names: there are {len(titles)}, and {len(inputs)} of the inputs")
    if len(set(titles)) != len(titles):
        raise ValueError(f"names: {next(name for name in titles if titles.count(name) > 1)} is there twice")
    return titles


def _in_formats(
    dtypes: Sequence[str], forward: Any, backward: Any, inputs: Sequence[Any], names: Sequence[str], **more: Any
) -> GradientCheck:
    """One check after the other; every finding has its format in its name."""
    checks = {dtype: check_gradient(forward, backward, cast(inputs, dtype), names=names, **more) for dtype in dtypes}
    findings = [replace(one, name=f"{one.name} ({dtype})") for dtype, check in checks.items() for one in check.findings]
    last = list(checks.values())[-1]
    untraced = next((check.untraced for check in checks.values() if check.untraced), "")
    outcomes = over_formats({dtype: check.contracts for dtype, check in checks.items()})
    return replace(last, findings=tuple(findings), untraced=untraced, contracts=outcomes)
