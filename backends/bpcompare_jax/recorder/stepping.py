"""Runs a JAX loss for `check`: in float64 and as it is, unobserved and equation by equation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bpcompare.program import Place, Recording, Unexamined, Watched
from bpcompare_jax.recorder.evaluation import Evaluation, floating
from bpcompare_jax.recorder.names import leaf_name
from bpcompare_jax.recorder.programs import Draft, array, forward, recording
from bpcompare_jax.switches import wide

Run = tuple[str, Watched, tuple[Unexamined, ...]]


def checked(loss: Callable[..., Any], params: Any, data: Sequence[Any], update: Any, *, copy: bool) -> list[Run]:
    """The runs: what they are called, what was seen, and what could not be done."""
    runs: list[Run] = []
    if copy:
        with wide(True):
            theirs, rule, *given = jax.tree_util.tree_map(_widened, (params, update, *data))
            runs.append(("in float64", *_run(loss, theirs, given, rule)))
    runs.append(("as it is", *_run(loss, params, data, update)))
    return runs


def _widened(x: Any) -> Any:
    if not is_array(x):
        return x
    x = jnp.asarray(x)
    return x.astype(jnp.float64) if floating(x) else x


def _run(loss: Callable[..., Any], params: Any, data: Sequence[Any], update: Any) -> tuple[Watched, tuple[Unexamined, ...]]:
    """One step, recorded: the way back, and what `update` makes of it. Raises ValueError where the loss is no scalar."""
    step = Step(loss, params, data)
    recordings = [step.recording()]
    if update is not None:
        recordings.append(updated(update, params, step.tree_of_gradients()))
    facts = {"framework": "jax", "version": jax.__version__, "device": jax.devices()[0].platform}
    unwatched = step.compiled() if isinstance(loss, jax.stages.Wrapped) else {}
    return Watched(tuple(recordings), step.parameters(), facts, unwatched=unwatched), step.compared()


class Step:
    """One evaluation of a loss and of its gradient.

    Parameters are the arrays of floats in `params`; whatever else is in it (functions, numbers of Python's) stays as it is.
    """

    def __init__(self, loss: Callable[..., Any], params: Any, data: Sequence[Any]) -> None:
        flat, self._tree = jax.tree_util.tree_flatten_with_path(params)
        self._all = [x for _, x in flat]
        self._at = [i for i, x in enumerate(self._all) if is_array(x)]
        self._loss, self._data = loss, data
        self.names = [leaf_name(flat[i][0]) or "params" for i in self._at]
        arrays = [jnp.asarray(self._all[i]) for i in self._at]
        closed = jax.make_jaxpr(self._scalar)(arrays, *data)
        out = closed.out_avals[0]
        if out.shape != () or not floating(out):
            raise ValueError(f"the loss gives {out.dtype}{list(out.shape)}: a scalar of floats is needed to differentiate")
        rest, _ = jax.tree_util.tree_flatten_with_path(tuple(data))
        self._closed = closed
        self._names = [*self.names, *(f"data.{leaf_name(path)}" for path, _ in rest)]
        self._args = [*arrays, *(jnp.asarray(x) for _, x in rest)]
        self._evaluate()

    def _scalar(self, arrays: Sequence[Any], *data: Any) -> Any:
        leaves = list(self._all)
        for i, x in zip(self._at, arrays, strict=True):
            leaves[i] = x
        out = self._loss(jax.tree_util.tree_unflatten(self._tree, leaves), *data)
        return out[0] if isinstance(out, tuple) else out  # what comes with it is no part of the loss

    def _evaluate(self) -> None:
        free = self._free
        first = Evaluation()
        first.run(self._closed, self._args)
        probes = {key: jnp.zeros(tap.shape, tap.dtype) for key, tap in first.taps.items() if floating(tap)}

        def probed(free: dict[int, Any], probes: Any) -> tuple[Any, Any]:
            evaluation = Evaluation(probes)
            return evaluation.run(self._closed, [free.get(i, x) for i, x in enumerate(self._args)])[0], evaluation.taps

        value, back, self._taps = jax.vjp(probed, free, probes, has_aux=True)
        self.gradients, self._arrived = back(jnp.ones_like(value))
        self._chosen = first.chosen

    def recording(self) -> Recording:
        """The program of the way back."""
        draft = Draft(self._taps, self._chosen, self._arrived)
        given = enumerate(zip(self._names, self._args, strict=True))
        seen = [draft.leaf(name, x, self.gradients.get(i)) for i, (name, x) in given]
        return recording(draft, "grad", draft.run(self._closed, seen)[0], Place("", "grad"))

    def parameters(self) -> dict[str, str]:
        """Every parameter, with why it has no gradient."""
        return {name: "" if i in self.gradients else "integers" for i, name in enumerate(self.names)}

    def tree_of_gradients(self) -> Any:
        """The gradients in the shape of the parameters."""
        leaves: list[Any] = [None] * len(self._all)
        for i, at in enumerate(self._at):
            leaves[at] = self.gradients.get(i, self._all[at])
        return jax.tree_util.tree_unflatten(self._tree, leaves)

    def compiled(self) -> dict[str, Any]:
        """The gradients by name, and the loss under "", as the loss gives them that somebody compiles with `jax.jit`."""
        value, found = jax.value_and_grad(self._plain)(self._free)
        return {"": array(value), **{self.names[i]: array(g) for i, g in found.items()}}

    @property
    def _free(self) -> dict[int, Any]:
        return {i: x for i, x in enumerate(self._args[: len(self._at)]) if floating(x)}

    def _plain(self, free: dict[int, Any]) -> Any:
        return self._scalar([free.get(i, x) for i, x in enumerate(self._args[: len(self._at)])], *self._data)

    def compared(self) -> tuple[Unexamined, ...]:
        """Whether `jax.grad` of the loss itself, without our probes, gives the same bits."""
        with jax.disable_jit():
            found = jax.grad(self._plain)(self._free)
        other = [
            self.names[i] for i, g in found.items() if not np.array_equal(np.asarray(g), np.asarray(self.gradients[i]), True)
        ]
        if not other:
            return ()
        more = f" and {len(other) - 3} more" if len(other) > 3 else ""
        return (Unexamined(f"the gradient of {', '.join(other[:3])}{more}", "jax.grad of the loss itself gives other bits"),)


def updated(update: Any, params: Any, gradients: Any) -> Recording:
    """What an optax transformation, or (transformation, its state), makes of the gradients: every function of it, forward.

    Raises TypeError for what is neither.
    """
    transformation, state = update if type(update) is tuple and len(update) == 2 else (update, None)  # not optax's NamedTuple
    if not (callable(getattr(transformation, "init", None)) and callable(getattr(transformation, "update", None))):
        kind = getattr(transformation, "__name__", type(transformation).__name__)
        raise TypeError(
            f"update={kind} is no optax transformation, nor (transformation, its state): what is needed has init(params) and "
            "update(gradients, state, params); optax.GradientTransformation(init, update) makes one of functions of yours"
        )
    state = transformation.init(params) if state is None else state
    leaves, _ = jax.tree_util.tree_flatten_with_path({"gradient": gradients, "state": state, "parameter": params})
    arrays = [jnp.asarray(x) for _, x in leaves]
    tree = jax.tree_util.tree_structure({"gradient": gradients, "state": state, "parameter": params})

    def moved(*arrays: Any) -> Any:
        given = jax.tree_util.tree_unflatten(tree, arrays)
        steps, after = transformation.update(given["gradient"], given["state"], given["parameter"])
        return {"parameter": jax.tree_util.tree_map(lambda p, u: p + u, given["parameter"], steps), "state": after}

    closed, outs = jax.make_jaxpr(moved, return_shape=True)(*arrays)
    evaluation = Evaluation()
    evaluation.run(closed, arrays)
    draft = Draft(evaluation.taps, evaluation.chosen, {})
    seen = [draft.leaf(leaf_name(path), x, None, followed=floating(x)) for (path, _), x in zip(leaves, arrays, strict=True)]
    names = [leaf_name(path) for path, _ in jax.tree_util.tree_flatten_with_path(outs)[0]]
    results = {name: one for name, one in zip(names, draft.run(closed, seen), strict=True) if one.depends}
    return forward(draft, "update", results)


def is_array(x: Any) -> bool:
    """Whether a leaf is an array, of JAX or NumPy, or a number of Python's that stands for one."""
    return isinstance(x, (jax.Array, np.ndarray, np.generic, float))
