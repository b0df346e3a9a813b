"""`check`: the door that makes the step itself, twice: as a float64 copy, and as the model is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from bpcompare.own.recorders import RECORDERS, framework_of, is_loss, models_of
from bpcompare.own.sample import Sample
from bpcompare.own.step import WatchedStep
from bpcompare.own.verdict import WORST, Pictured, Verdict
from bpcompare.text.duration import seconds_of


def _refuse_for_jax(**given: Any) -> None:
    named = [name for name, value in given.items() if value is not None]
    if named:
        raise TypeError(f"{named[0]}= is for a torch model; a JAX loss is called as loss(params, *data)")


@dataclass(frozen=True, eq=False, repr=False)
class Checked(Pictured):
    """The verdict about a model's step: of each run of it, the float64 copy first."""

    runs: tuple[WatchedStep, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst of the runs."""
        return min((run.verdict for run in self.runs), key=WORST.index)

    def _shown(self) -> tuple[WatchedStep, ...]:
        return self.runs

    def __str__(self) -> str:
        from bpcompare.own.text import text

        return "\n\n".join(text(run, self.runs[:number]) for number, run in enumerate(self.runs))


def check(
    model: Any,
    *inputs: Any,
    target: Any = None,
    loss: Any = None,
    optimizer: Any = None,
    update: Any = None,
    intended: Sequence[Any] = (),
    reference: Mapping[Any, Callable[..., Any]] | None = None,
    as_is: bool = False,
    sample: str | float | None = None,
    wake: bool = True,
) -> Checked:
    """Does this model's step compute the gradients, and the updates, of the function that its forward is?

    Of a torch model, and of a JAX loss:

        bpcompare.check(model, x, target=y, loss=torch.nn.functional.cross_entropy)
        bpcompare.check(loss, params, x, y, update=optax.adam(1e-3))        # JAX: loss(params, x, y)

    First as a copy in float64 (is the logic right?), where parameters that are all 0 are woken with small numbers; then as the
    model is (how far does its precision show it?). `as_is` skips the copy; without `wake` it keeps zeros, as it must where it is
    held against another program (`compare`). The model, its gradients, the optimizer's state and
    the random generators are left as they were.

    `inputs`: what a torch model is called with: one, a tuple, or a dict for keyword arguments. `loss(output, target)` gives the
    scalar, or `loss(output)` without a target; without `loss`, the output itself, or its `.loss`. `optimizer`: one more claim for
    each parameter and its state.
    JAX: `model` is the loss, `inputs` its parameters (any pytree) and its data; `update` an optax transformation, or a tuple of
    one and its state, whose functions are judged one by one. `intended` and `reference`: as for `watch`. `sample`: the time that
    there is for judging, "30s" or seconds; both runs share it.
    Raises TypeError for what is no model, ValueError where there is no scalar to differentiate, or for a time that is none.
    """
    seconds = None if sample is None else seconds_of(sample)
    names = [one if isinstance(one, str) else getattr(one, "__name__", type(one).__name__) for one in intended]
    if is_loss(model):
        _refuse_for_jax(target=target, loss=loss, optimizer=optimizer, reference=reference)
        if not inputs:
            raise TypeError("check(loss, params, *data): the parameters are missing")
        runs = import_module(RECORDERS["jax"]).checked(model, inputs[0], inputs[1:], update, copy=not as_is)
    else:
        models = models_of(model)
        door = import_module(RECORDERS[str(framework_of(next(iter(models.values()))))])
        if update is not None:
            raise TypeError("update= is for a JAX loss; a torch model has an optimizer=")
        if not inputs:
            raise TypeError("check(model, inputs): what the model is called with is missing")
        given = inputs[0] if len(inputs) == 1 else inputs
        runs = door.checked(model, given, target, loss, optimizer, reference or {}, copy=not as_is, wake=wake)
    time = None if seconds is None else Sample(seconds, len(runs))
    found: list[WatchedStep] = []
    for title, watched, also in reversed(runs):  # the model as it is comes last
        beside = found[-1] if found else None
        found.append(WatchedStep(watched, intended=names, title=title, also=also, sample=time, beside=beside))
    return Checked(tuple(reversed(found)))
