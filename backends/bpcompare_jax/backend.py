"""The JAX backend: jit, one compilation for all plans of one structure; Δ from zero probes added at every `in`."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import cache, partial
from importlib import metadata
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from bpcompare.backend import rows
from bpcompare.backend.autodiff import AutodiffBackend, Feed, Walk, Walked
from bpcompare.network.parameter import Array
from bpcompare.ops import Dense, Op, UpdateOp
from bpcompare.plan import Plan
from bpcompare.plan.back import returned
from bpcompare.plan.record import Provenance, Record
from bpcompare_jax import update
from bpcompare_jax.compilations import Compiled, compilations
from bpcompare_jax.switches import wide
from bpcompare_jax.update import described, one_step

Arrays = Mapping[str, jax.Array]
Shapes = Sequence[tuple[str, tuple[int, ...]]]

JOINS = 32
"""Up to so many dense layers that join several sources in a matrix-vector product, a step is one program under jit.

XLA takes longer than the square of their number to compile it: 100 single nodes of 10 sources take 11 s, 300 over two minutes,
with fusion or without. Function by function 1,000 take 17 s, and twice as many twice as long. Other nets, however deep, are
compiled whole.
"""

MANY = 2**16
"""Numbers of a plan from which on compiled code that had the bits of its plain gradient is not compared with it again."""


class Jax(AutodiffBackend[jax.Array]):
    """JAX under jit, with optax for the updates.

    Everything happens with 64-bit numbers enabled as a context: a user's process keeps its own setting.
    """

    name: ClassVar[str] = "jax"
    voice: ClassVar[str] = "jax"
    table: ClassVar[Mapping[type[Op], Callable[..., Any]]] = rows("bpcompare_jax")
    limits: ClassVar[Mapping[type[Op], tuple[Callable[[Any], bool], str]]] = update.LIMITS

    def __init__(self) -> None:
        self._compiled: Compiled = {}
        self._whole = True
        self._before = False

    @classmethod
    def version(cls) -> str:
        """JAX's version."""
        return jax.__version__

    def run(self, plan: Plan) -> Record:
        """Every step of the plan, in the plan's dtype."""
        with wide(True):
            return super().run(plan)

    def _walk(self, plan: Plan) -> Walk[jax.Array]:
        """The walk, and with it all that was compiled for plans of this structure.

        A backend that somebody made of this one is traced anew in every run: what its functions read may have changed meanwhile.
        """
        self._whole = compiled_whole(plan)
        if type(self) is not Jax:
            self._compiled = {}
            return super()._walk(plan)
        walk: Walk[jax.Array]
        walk, self._compiled = compilations(super()._walk, self.table, plan)
        return walk

    def known(self, plan: Plan) -> bool:
        """Of a plan of many numbers, where a second gradient costs much: whether this compiled code was compared before."""
        self._before = self._code(plan) in self._compiled
        return self._before

    def compared(self, plan: Plan, *, same: bool) -> None:
        """Kept beside what was compiled, and forgotten with it."""
        if same and self._whole and sum(x.size for _, x in plan.arrays()) >= MANY:
            self._compiled[self._code(plan)] = bool

    def _code(self, plan: Plan) -> Hashable:
        """What tells one compiled gradient from another, beside its structure."""
        shapes = tuple(
            (key, x.shape, x.dtype.name) for key, x in plan.arrays() if not key.startswith("batch") or "batch1/" in key
        )
        return "compared", shapes, repr(self._switches())

    def _switches(self) -> dict[str, str]:
        """The switches that can change a number."""
        switches = {
            "x64": str(_switch("enable_x64")),
            "platform": jax.default_backend(),
            "matmul_precision": str(_switch("default_matmul_precision") or "default"),
            "jaxlib": _jaxlib(),
        }
        if flags := os.environ.get("XLA_FLAGS"):
            switches["XLA_FLAGS"] = flags
        return switches

    def provenance(self, plan: Plan) -> Provenance:
        """JAX's version and the switches that can change a number. XLA flushes denormals on CPU."""
        switches = self._switches()
        if self._before:
            switches["gradient without instrumentation"] = "same bits in an earlier run of the same compiled code"
        return Provenance(
            backend=self.name,
            framework="jax",
            version=jax.__version__,
            device=jax.default_backend(),
            mode="jit" if compiled_whole(plan) else "eager",
            flushes=True,
            switches=switches,
            updater=described(plan.network.update) if plan.network.trainable else "",
        )

    def array(self, x: Array) -> jax.Array:
        """A JAX array of equal dtype and values. JAX may alias what it is given and read it later: it gets a copy of its own."""
        found: jax.Array = jax.device_put(x.copy())
        return found.block_until_ready()

    def numpy(self, x: jax.Array) -> Array:
        """A NumPy copy."""
        return np.array(x)

    def differentiate(
        self, plan: Plan, walk: Walk[jax.Array], parameters: Arrays, feed: Feed[jax.Array]
    ) -> tuple[Walked[jax.Array], Arrays, Arrays]:
        """`jax.value_and_grad` with respect to trainable parameters and to a zero added at every `in`, and at some a.

        The zeros are made where the step is compiled: what adds them, XLA leaves out.
        """

        def recorded(trainable: Arrays, frozen: Arrays, feed: Mapping[str, Any], shapes: Sequence[Shapes], dtype: str) -> Any:
            def objective(trainable: Arrays, probes: Arrays, backs: Arrays) -> tuple[jax.Array, dict[str, Any]]:
                def after(layer: str, a: jax.Array) -> jax.Array:
                    return a + backs[layer] if layer in backs else a

                walked = walk({**frozen, **trainable}, Feed(**feed), lambda layer, y: y + probes[layer], after)
                return walked.error, vars(walked)

            zeros = ({layer: jnp.zeros(shape, dtype) for layer, shape in some} for some in shapes)
            (_, walked), gradients = jax.value_and_grad(objective, argnums=(0, 1, 2), has_aux=True)(trainable, *zeros)
            return walked, *gradients

        examples = feed.target.shape[0]
        shapes = tuple(
            tuple((layer, (examples, *plan.network.shape(layer))) for layer in layers) for layers in (plan.order, returned(plan))
        )
        step = self._jit((walk, "recorded"), recorded, "shapes", "dtype")
        walked, gradients, din, back = step(*_split(plan, parameters), vars(feed), shapes=shapes, dtype=plan.dtype)
        return Walked(**{**walked, "back": back}), gradients, din

    def plain_gradient(self, plan: Plan, walk: Walk[jax.Array], parameters: Arrays, feed: Feed[jax.Array]) -> Arrays:
        """`jax.grad` of the error under jit, no probes and nothing else returned."""

        def objective(trainable: Arrays, frozen: Arrays, feed: Mapping[str, Any]) -> jax.Array:
            return walk({**frozen, **trainable}, Feed(**feed), lambda _, y: y).error

        step = self._jit((walk, "plain"), jax.grad(objective))
        gradients: Arrays = step(*_split(plan, parameters), vars(feed))
        return gradients

    def descend(
        self, update: UpdateOp, t: int, parameters: Arrays, gradients: Arrays, slots: Mapping[str, Arrays]
    ) -> tuple[Arrays, Mapping[str, Arrays]]:
        """One optax update under jit, its state built from `slots` and read back."""
        by_slot = {slot: {p: slots[p][slot] for p in parameters} for slot in update.slots}
        step = self._jit(repr(update), partial(one_step, update, self.table[type(update)](update)))
        updated, moved = step(np.asarray(t - 1, np.int32), parameters, gradients, by_slot)
        return updated, {p: {slot: moved[slot][p] for slot in update.slots} for p in parameters}

    def _jit(self, key: Hashable, function: Callable[..., Any], *static: str) -> Callable[..., Any]:
        """`function` under jit; a later one with an equal key is taken to be the same. As it is, where that is better.

        It is compiled for each value of arguments that are `static`.
        """
        if not self._whole:
            return function
        if key not in self._compiled:
            self._compiled[key] = jax.jit(function, static_argnames=static)
        return self._compiled[key]


@cache
def _jaxlib() -> str:
    return metadata.version("jaxlib")


def _switch(name: str) -> Any:
    """A switch of JAX as it stands now; the attribute is as old as JAX, its type stub is not."""
    return getattr(jax.config, f"jax_{name}")


def compiled_whole(plan: Plan) -> bool:
    """Whether steps of this plan are compiled as one program each."""
    layers = plan.network.layers.values()
    one_example = any(len(batch) == 1 for batch in plan.batches)
    joins = [x for x in layers if isinstance(x.op, Dense) and len(x.sources) > 1 and (x.op.units == 1 or one_example)]
    return len(joins) <= JOINS


def _split(plan: Plan, parameters: Arrays) -> tuple[Arrays, Arrays]:
    """Trainable and frozen parameters: only the former are differentiated."""
    trainable = set(plan.network.trainable)
    free = {name: x for name, x in parameters.items() if name in trainable}
    return free, {name: x for name, x in parameters.items() if name not in trainable}
