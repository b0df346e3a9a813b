"""`check_gradient`: the gradients of a backward against its forward, which is traced where it can be, and against a law."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bpcompare.ops import Op
from bpcompare.tools.gradient.budget import Budget
from bpcompare.tools.gradient.contracts import Batch, Options, Shapes, over_formats
from bpcompare.tools.gradient.door import Convention, cast
from bpcompare.tools.gradient.finding import GradientCheck
from bpcompare.tools.gradient.question import Question


def check_gradient(
    forward: Any,
    backward: Any = None,
    inputs: Sequence[Any] | Mapping[str, Any] = (),
    *,
    names: Sequence[str] | None = None,
    op: Op | None = None,
    seed: int = 0,
    reference: Callable[..., Any] | Mapping[Any, Callable[..., Any]] | None = None,
    meant_for: Any = None,
    dtypes: Sequence[str] | None = None,
    contracts: bool | Sequence[str] = True,
    batch: Batch = None,
    shapes: Shapes = None,
    order: int = 1,
    convention: Convention | None = None,
    causes: bool = True,
    budget: str | float | None = None,
    progress: Callable[[str], None] | None = None,
) -> GradientCheck:
    """Try a hand-written backward against its own forward.

    NumPy: `forward(*inputs)` is an array and `backward(*inputs, dy)` a gradient for each input (None where there is none, or none
    at all for labels and flags). A layer's `backward(dy)`, which keeps what its forward was given, does as well.
    torch: `forward` is an `autograd.Function`, a module, or any function of tensors; JAX: a `custom_vjp`, or any function. There
    `backward` may be left out. Several outputs: `dy` is a tuple in NumPy and JAX, and one argument each in torch, as autograd has
    it. What is no array among the `inputs` (a flag, an ε) carries no gradient; of dicts and lists of arrays, each array does. A
    module's parameters are asked for, too. `inputs` may be a dict: its keys are their `names`, and they are given in its order.

    The forward is recorded on these inputs, function by function, and each gradient is held against its Δ, worked out from what
    was recorded: no step size, no tolerance. What cannot be followed is judged by differences of the forward.
    `reference`: for a function of torch whose inside nobody can see (a kernel of Triton's), another one of the same meaning; a
    mapping, as for `watch`, where it stands inside of the forward.
    `meant_for`: the function that the backward is meant to be the derivative of, where that is not the forward: of a
    straight-through estimator the one without the rounding. `dtypes`: try the inputs in each of these ("float32", "float64").
    `op`: the op that it is meant to be; then it is tried against the law of it, too: sources first, then parameters by role.
    `contracts`: what a backward owes besides these numbers, such as to leave dy alone; False for none, or the names of some.
    `batch`: the axis along which examples lie, or the names of the inputs whose first axis that is: then two halves of them are
    tried, too. `shapes`: True, numbers of rows, or a function from a number of rows to inputs: other numbers of rows are checked
    as well. `order=2`: the gradient is differentiated again.
    `convention`: what the gradient of a complex number is, "torch" (∂E/∂x + i ∂E/∂y) or "jax" (its conjugate). By default that
    of the framework; of a NumPy pair the one that holds, which is named in the answer.
    `causes=False`: of what is wrong no cause is looked for, which takes longer than all the rest. Of many gradients, of which is
    asked only whether they are right, nobody reads it.
    `budget`: the time for all of it, "30s" or seconds. What there was no time for is named (`left`), and the verdict is undecided
    at best. `progress` is told what is being done.

    Never raises on a wrong gradient. Raises ValueError for code that cannot be tried: inputs that are no numbers, a forward that
    raises, changes its mind or its inputs, or gives something that is not finite.
    """
    if not inputs:
        raise ValueError("inputs: give at least one, as in inputs=(x,)")
    if isinstance(inputs, Mapping):
        names = tuple(map(str, inputs)) if names is None else names
        inputs = tuple(inputs.values())
    if convention not in (None, "torch", "jax"):
        raise ValueError(f"convention: 'torch' or 'jax', not {convention!r}")
    titles = _titles(inputs, names)
    options = Options.of(contracts, batch, shapes, order)
    time = Budget(budget, progress)
    references = _references(forward, reference)
    question = Question(forward, backward, inputs, titles, op, seed, references, meant_for, options, convention, causes, time)
    if not dtypes:
        return question.answer()
    return _in_formats({dtype: replace(question, inputs=cast(inputs, dtype)).answer() for dtype in dtypes})


def _references(forward: Any, reference: Any) -> Mapping[Any, Callable[..., Any]]:
    """What a single reference stands for: the forward itself, if that is a function of torch's that can be named."""
    if reference is None or isinstance(reference, Mapping):
        return reference or {}
    if not callable(reference):
        raise ValueError(f"reference: a function, or a mapping from functions to functions, not {reference!r}")
    owner = getattr(forward, "__self__", None)
    named = forward if isinstance(forward, type) else owner if isinstance(owner, type) else forward
    if not (isinstance(named, type) or type(named).__module__.startswith("torch.")):
        raise ValueError("reference: say what it stands for, {Function: reference}: the forward is no autograd.Function")
    return {named: reference}


def _titles(inputs: Sequence[Any], names: Sequence[str] | None) -> tuple[str, ...]:
    titles = tuple(names) if names is not None else tuple(f"input {i}" for i in range(len(inputs)))
    if len(titles) != len(inputs):
        raise ValueError(f"names: there are {len(titles)}, and {len(inputs)} of the inputs")
    if len(set(titles)) != len(titles):
        raise ValueError(f"names: {next(name for name in titles if titles.count(name) > 1)} is there twice")
    return titles


def _in_formats(checks: Mapping[str, GradientCheck]) -> GradientCheck:
    """One check after the other; every finding has its format in its name."""
    findings = [replace(one, name=f"{one.name} ({dtype})") for dtype, check in checks.items() for one in check.findings]
    last = list(checks.values())[-1]

    def against(backward: Any) -> GradientCheck:
        return _in_formats({dtype: check.with_backward(backward) for dtype, check in checks.items()})

    untraced = next((check.untraced for check in checks.values() if check.untraced), "")
    outcomes = over_formats({dtype: check.contracts for dtype, check in checks.items()})
    left = tuple(dict.fromkeys(one for check in checks.values() for one in check.left))
    return replace(last, findings=tuple(findings), untraced=untraced, contracts=outcomes, left=left, against=against)
