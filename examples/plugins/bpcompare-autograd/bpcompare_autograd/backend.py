"""The autograd backend: Δ read where it passes, by a primitive of its own at every `in`."""

from collections.abc import Callable, Mapping
from functools import partial
from importlib import metadata
from typing import Any, ClassVar

import numpy as np
from autograd import grad
from autograd.extend import defvjp, primitive
from autograd.tracer import getval, isbox

from bpcompare.backend.autodiff import AutodiffBackend, Feed, Walk, Walked, one_by_one, trainable
from bpcompare.network.parameter import Array
from bpcompare.ops import OPS, Op, UpdateOp
from bpcompare.plan import Plan
from bpcompare.plan.record import Provenance, Record
from bpcompare_autograd import activations, errors, layers, updates

Arrays = Mapping[str, Array]


@primitive  # type: ignore[untyped-decorator]
def watched(y: Any, see: Callable[[Array], None]) -> Any:
    """`y.astype(y.dtype)`, which shows `see` the gradient that comes back for it.

    Like that cast, it takes the gradient back to y's own dtype. In float32 programs autograd's np.where, np.mean, np.var and
    powers hand float64 back (autograd 1.9 with NumPy 2), and all that lies before them would go on in float64.
    """
    return y.astype(y.dtype)


def _shown(ans: Array, y: Array, see: Callable[[Array], None]) -> Callable[[Array], Array]:
    def back(g: Array) -> Array:
        own = g.astype(y.dtype)
        see(own)
        return own

    return back


defvjp(watched, _shown)

ROWS: Mapping[type[Op], Callable[..., Any]] = {**layers.TABLE, **activations.TABLE, **errors.TABLE, **updates.TABLE}


class Autograd(AutodiffBackend[Array]):
    """HIPS autograd on NumPy arrays."""

    name: ClassVar[str] = "autograd"
    voice: ClassVar[str] = "autograd"
    table: ClassVar[Mapping[type[Op], Callable[..., Any]]] = ROWS
    gaps: ClassVar[Mapping[type[Op], str]] = {op: "not written yet" for op in OPS.values() if op not in ROWS} | updates.GAPS
    limits: ClassVar[Mapping[type[Op], tuple[Callable[[Any], bool], str]]] = layers.LIMITS

    @classmethod
    def version(cls) -> str:
        """autograd's version."""
        return metadata.version("autograd")

    def run(self, plan: Plan) -> Record:
        """Every step of the plan. What overflows is for the reader of the record to find, not for a warning."""
        with np.errstate(all="ignore"):
            return super().run(plan)

    def provenance(self, plan: Plan) -> Provenance:
        """autograd's version, and those of the libraries that do its arithmetic."""
        return Provenance(
            backend=self.name,
            framework="autograd",
            version=self.version(),
            flushes=False,
            switches={name: metadata.version(name) for name in ("numpy", "scipy")},
            updater=f"bpcompare_autograd.updates.{plan.network.update.name}, NumPy" if plan.network.trainable else "",
        )

    def array(self, x: Array) -> Array:
        """A copy."""
        return np.array(x)

    def numpy(self, x: Array) -> Array:
        """A copy, in row order."""
        return np.array(x, order="C")

    def differentiate(
        self, plan: Plan, walk: Walk[Array], parameters: Arrays, feed: Feed[Array]
    ) -> tuple[Walked[Array], Arrays, Arrays]:
        """`grad` of E with respect to the trainable parameters; what was computed is read from its boxes.

        A zero is added where nothing trainable lies before an `in`, for autograd would not look at it.
        """
        din = {layer: np.zeros((len(feed.target), *plan.network.shape(layer)), plan.dtype) for layer in plan.order}
        seen: dict[str, Walked[Any]] = {}

        def error(free: Arrays, zero: Array) -> Any:
            def tap(layer: str, y: Any) -> Any:
                return watched(y if isbox(y) else y + zero, lambda g: din.update({layer: g}))

            seen["walk"] = walk({**parameters, **free}, feed, tap)
            return seen["walk"].error

        gradients, _ = grad(error, argnum=(0, 1))(trainable(plan, parameters), np.zeros((), plan.dtype))
        return _values(seen["walk"]), gradients, din

    def plain_gradient(self, plan: Plan, walk: Walk[Array], parameters: Arrays, feed: Feed[Array]) -> Arrays:
        """`grad` of E with respect to the trainable parameters; `in` is only cast."""
        if not plan.network.trainable:  # autograd would warn that E depends on nothing
            return {}

        def error(free: Arrays) -> Any:
            return walk({**parameters, **free}, feed, lambda _, y: y.astype(y.dtype)).error

        gradients: Arrays = grad(error)(trainable(plan, parameters))
        return gradients

    def descend(
        self, update: UpdateOp, t: int, parameters: Arrays, gradients: Arrays, slots: Mapping[str, Arrays]
    ) -> tuple[Arrays, Mapping[str, Arrays]]:
        """One step of the rule in `updates`, parameter by parameter."""
        return one_by_one(partial(self.table[type(update)], update, t), parameters, gradients, slots)


def _values(walked: Walked[Any]) -> Walked[Array]:
    """What was computed, out of the boxes that traced it."""
    net_in, a, state = ({name: getval(x) for name, x in xs.items()} for xs in (walked.net_in, walked.a, walked.state))
    return Walked(getval(walked.error), net_in, a, state)
