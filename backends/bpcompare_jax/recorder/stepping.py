"""Runs a JAX loss for `check`: in float64 and as it is, unobserved and equation by equation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core

from bpcompare.program import Place, Recording, Unexamined, Watched
from bpcompare_jax.recorder.carries import widened_carries
from bpcompare_jax.recorder.chains import UntoldError, through
from bpcompare_jax.recorder.evaluation import Evaluation, Followed, floating, is_complex
from bpcompare_jax.recorder.names import leaf_name, line_of
from bpcompare_jax.recorder.numbers import array
from bpcompare_jax.recorder.programs import Draft, forward, recording
from bpcompare_jax.recorder.rules import asked, unruled
from bpcompare_jax.recorder.together import differentiated, evaluated
from bpcompare_jax.recorder.told import told
from bpcompare_jax.recorder.updating import of_rule
from bpcompare_jax.switches import wide

Run = tuple[str, Watched, tuple[Unexamined, ...]]

DECIDING = (jax.errors.JAXTypeError, jax.errors.JAXIndexError)
"""What JAX raises where Python asks for a number that is traced."""
TRACED = (
    "Python asks for a number that comes of the parameters, or a rule of custom_vjp keeps one of another call. jax.lax.cond, "
    "jnp.where, jax.lax.while_loop and arguments instead of closures can be traced"
)
"""What to do about it."""


def checked(loss: Callable[..., Any], params: Any, data: Sequence[Any], update: Any, *, copy: bool) -> list[Run]:
    """The runs: what they are called, what was seen, and what could not be done."""
    runs: list[Run] = []
    if copy:
        found = _copied(loss, params, data, update)
        if isinstance(found, Unexamined):
            watched, also = _run(loss, params, data, update)
            return [("as it is", watched, (*also, found))]
        runs.append(found)
    runs.append(("as it is", *_run(loss, params, data, update)))
    return runs


def _copied(loss: Callable[..., Any], params: Any, data: Sequence[Any], update: Any) -> Run | Unexamined:
    """The run in float64; why there is none, where the loss has formats written into it that do not go together there."""
    with wide(True), widened_carries():
        theirs, rule, *given = jax.tree_util.tree_map(_widened, (params, update, *data))
        try:
            return ("in float64", *_run(loss, theirs, given, rule))
        except Exception as error:  # noqa: BLE001 — what the loss raises as it is, is raised
            said = f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}"
    return Unexamined("the copy in float64", f"the loss does not run in it ({said}); as_is=True leaves it out")


def _widened(x: Any) -> Any:
    if not is_array(x):  # Python's numbers are as wide as what they meet
        return x
    x = jnp.asarray(x)
    return x.astype(jnp.float64) if floating(x) else x.astype(jnp.complex128) if is_complex(x) else x


def _run(loss: Callable[..., Any], params: Any, data: Sequence[Any], update: Any) -> tuple[Watched, tuple[Unexamined, ...]]:
    """One step, recorded: the way back, and what `update` makes of it. Raises ValueError where the loss is no scalar."""
    step = Step(loss, params, data)
    recordings = [step.recording()]
    facts = {"framework": "jax", "version": jax.__version__, "device": jax.devices()[0].platform}
    also: tuple[Unexamined, ...] = ()
    if update is not None:
        found, words, also = updated(update, step)
        recordings += found
        facts |= words
    unwatched = step.compiled() if isinstance(loss, jax.stages.Wrapped) else {}
    return Watched(tuple(recordings), step.parameters(), facts, unwatched=unwatched), (*step.compared(), *also)


class Step:
    """One evaluation of a loss and of its gradient.

    Parameters are the arrays of floats in `params`; whatever else is in it (functions, flags, texts) stays as it is, and so do
    numbers of Python's beside it. Of the data, arrays are followed; where the loss decides something by them in Python, they are
    constants, as they are to `jax.grad`.
    """

    def __init__(self, loss: Callable[..., Any], params: Any, data: Sequence[Any]) -> None:
        flat, self._tree = jax.tree_util.tree_flatten_with_path(params)
        self._all = [x for _, x in flat]
        self._at = parameters_among(self._all)
        self._loss, self._data = loss, data
        self.names = [leaf_name(flat[i][0]) or "params" for i in self._at]
        self._arrays = [jnp.asarray(self._all[i]) for i in self._at]
        try:
            self._follow(constant=False)
        except DECIDING:
            self._as_constants()

    def _as_constants(self) -> None:
        """Data as constants. Raises ValueError where a decision needs what the parameters are, too."""
        try:
            self._follow(constant=True)
        except DECIDING as error:
            said = next(iter(str(error).splitlines()), "").rstrip(".")
            at = line_of(error)
            where = f" ({at})" if at else ""
            raise ValueError(f"the loss cannot be traced{where}: {type(error).__name__}: {said}. {TRACED}") from error

    def _follow(self, *, constant: bool) -> None:
        """Trace the loss, and evaluate what that gives. Raises ValueError where it gives no scalar."""
        rest, tree = jax.tree_util.tree_flatten_with_path(tuple(self._data))
        at = [] if constant else [i for i, (_, x) in enumerate(rest) if is_array(x)]

        def scalar(arrays: Sequence[Any], traced: Sequence[Any]) -> Any:
            leaves = [x for _, x in rest]
            for i, x in zip(at, traced, strict=True):
                leaves[i] = x
            with jax.ensure_compile_time_eval() if constant else nullcontext():  # what no parameter reaches is a number there
                return self._scalar(arrays, *jax.tree_util.tree_unflatten(tree, leaves))

        closed = jax.make_jaxpr(scalar)(self._arrays, [rest[i][1] for i in at])
        out = closed.out_avals[0]
        if out.shape != () or not floating(out):
            raise ValueError(f"the loss gives {out.dtype}{list(out.shape)}: a scalar of floats is needed to differentiate")
        self._closed, self._followed = closed, at
        self._names = [*self.names, *(f"data.{leaf_name(rest[i][0])}" for i in at)]
        self._args = [*self._arrays, *(jnp.asarray(rest[i][1]) for i in at)]
        self._evaluate()

    def _scalar(self, arrays: Sequence[Any], *data: Any) -> Any:
        leaves = list(self._all)
        for i, x in zip(self._at, arrays, strict=True):
            leaves[i] = x
        return _first(self._loss(jax.tree_util.tree_unflatten(self._tree, leaves), *data))

    def _evaluate(self) -> None:
        found = differentiated(self._closed, self._args, list(self._free), self._alone)
        self._value, self.gradients, self._taps, self._arrived = found.value, found.gradients, found.taps, found.arrived
        self._chosen, self._unprobed = found.chosen, found.alone

    def recording(self) -> Recording:
        """The program of the way back."""
        draft = Draft(self._taps, self._chosen, self._arrived)
        given = enumerate(zip(self._names, self._args, strict=True))
        seen = [draft.leaf(name, x, self.gradients.get(i)) for i, (name, x) in given]
        root = draft.run(self._closed, seen)[0]
        self._read = {path for step in draft.steps for path in step.reads} | {root.path}
        return recording(draft, "grad", root, Place("", "grad"))

    def parameters(self) -> dict[str, str]:
        """Every parameter, with why it has no gradient."""
        return {name: self._why(i) for i, name in enumerate(self.names)}

    def _why(self, i: int) -> str:
        if i not in self.gradients:
            return "integers"
        return "" if self.names[i] in self._read or np.asarray(self.gradients[i]).any() else "unused"

    def tree_of_gradients(self) -> Any:
        """The gradients in the shape of the parameters; nothing where something is none."""
        return self._tree_of([self.gradients.get(i, self._all[at]) for i, at in enumerate(self._at)])

    def tree_of_parameters(self) -> Any:
        """The parameters, and nothing else that is in the tree."""
        return self._tree_of([self._all[at] for at in self._at])

    def _tree_of(self, numbers: Sequence[Any]) -> Any:
        leaves: list[Any] = [None] * len(self._all)
        for at, x in zip(self._at, numbers, strict=True):
            leaves[at] = x
        return jax.tree_util.tree_unflatten(self._tree, leaves)

    def asked_for(self, names: frozenset[str], elsewhere: set[str]) -> dict[str, Any]:
        """Of these names what rules ask for besides the gradients: the loss and its gradient, and both as functions.

        The names of functions whose gradient is taken are put into `elsewhere`.
        """

        def loss(params: Any) -> Any:
            if any(type(x).__name__ in DIFFERENTIATING for x in jax.tree_util.tree_leaves(params)):
                elsewhere.update(names & LOSSES)
            return _first(self._loss(params, *self._data))

        every = {"value": self._value, "grad": self.tree_of_gradients(), "value_fn": loss, "obj_fn": loss}
        every["grad_fn"] = lambda params, _number: jax.grad(loss)(params)
        return {name: x for name, x in every.items() if name in names}

    def compiled(self) -> dict[str, Any]:
        """The gradients by name, and the loss under "", as the loss gives them that somebody compiles with `jax.jit`."""
        value, found = jax.value_and_grad(self._plain)(self._free, self._data)
        return {"": array(value), **{self.names[i]: array(g) for i, g in found.items()}}

    @property
    def _free(self) -> dict[int, Any]:
        return {i: x for i, x in enumerate(self._args[: len(self._at)]) if floating(x) or is_complex(x)}

    def _plain(self, free: dict[int, Any], data: Sequence[Any]) -> Any:
        return self._scalar([free.get(i, x) for i, x in enumerate(self._args[: len(self._at)])], *data)

    def _alone(self, numbers: Sequence[Any]) -> dict[int, Any]:
        """The gradients as `jax.grad` gives them of the loss itself; `numbers` are all arguments."""
        flat, tree = jax.tree_util.tree_flatten(tuple(self._data))
        for i, x in zip(self._followed, numbers[len(self._at) :], strict=True):
            if isinstance(flat[i], jax.Array):  # what is NumPy's, the loss may ask NumPy about
                flat[i] = x
        with jax.disable_jit():
            return jax.grad(self._plain)({i: numbers[i] for i in self._free}, jax.tree_util.tree_unflatten(tree, flat))  # type: ignore[no-any-return]

    def compared(self) -> tuple[Unexamined, ...]:
        """Whether `jax.grad` of the loss itself, without our probes, gives the same bits."""
        other = self._apart(self._unprobed, self.gradients)
        if not other or self._apart_by_compiling():
            return ()
        more = f" and {len(other) - 3} more" if len(other) > 3 else ""
        return (Unexamined(f"the gradient of {', '.join(other[:3])}{more}", "jax.grad of the loss itself gives other bits"),)

    def _apart(self, some: dict[int, Any], others: dict[int, Any]) -> list[str]:
        """The parameters whose gradients have other bits."""
        return [self.names[i] for i, g in some.items() if not np.array_equal(np.asarray(g), np.asarray(others[i]), True)]

    def _apart_by_compiling(self) -> bool:
        """Whether what `jax.grad` makes of the loss has its bits or the recorded ones, by the way it is evaluated.

        JAX compiles a branch in a checkpoint as a whole. It is traced once: a loss may be another one when called again.
        """
        free = self._free
        closed = jax.make_jaxpr(lambda free: jax.grad(self._plain)(free, self._data))(free)
        numbers = [free[i] for i in free]
        with jax.disable_jit():
            compiled = dict(zip(free, core.jaxpr_as_fun(closed)(*numbers), strict=True))
        if self._apart(self._unprobed, compiled):
            return False
        return not self._apart(dict(zip(free, _evaluated(closed, numbers), strict=True)), self.gradients)


LOSSES = frozenset({"value_fn", "obj_fn", "grad_fn"})
"""What rules ask for that is the loss as a function, or its gradient."""

DIFFERENTIATING = frozenset({"JVPTracer", "LinearizeTracer"})
"""What JAX gives to a function that it takes a derivative of, by the names of its kinds."""

ELSEWHERE = Unexamined(
    "the gradients that the update itself takes of the loss",
    "they were judged as numbers, function by function, not as derivatives: check the loss at the parameters where it takes them",
)


def _first(out: Any) -> Any:
    """The loss; what comes with it is no part of it."""
    return out[0] if isinstance(out, tuple) else out


def updated(update: Any, step: Step) -> tuple[list[Recording], dict[str, str], tuple[Unexamined, ...]]:
    """What an optax transformation, or (transformation, its state), makes of the gradients: every function of it, forward.

    Where it can be told which rule it is, each parameter and its state are held against that as well; else the facts say why not.
    Rules of somebody's own are named.
    Raises TypeError for what is neither.
    """
    transformation, state = update if type(update) is tuple and len(update) == 2 else (update, None)  # not optax's NamedTuple
    if not (callable(getattr(transformation, "init", None)) and callable(getattr(transformation, "update", None))):
        kind = getattr(transformation, "__name__", type(transformation).__name__)
        raise TypeError(
            f"update={kind} is no optax transformation, nor (transformation, its state): what is needed has init(params) and "
            "update(gradients, state, params); optax.GradientTransformation(init, update) makes one of functions of yours"
        )
    params, gradients = step.tree_of_parameters(), step.tree_of_gradients()
    state = transformation.init(params) if state is None else state
    more = asked(transformation.update) if _takes_more(transformation) else frozenset()
    leaves, _ = jax.tree_util.tree_flatten_with_path({"gradient": gradients, "state": state, "parameter": params})
    arrays = [jnp.asarray(x) for _, x in leaves]
    tree = jax.tree_util.tree_structure({"gradient": gradients, "state": state, "parameter": params})

    elsewhere: set[str] = set()

    def moved(*arrays: Any) -> Any:
        given = jax.tree_util.tree_unflatten(tree, arrays)
        asked_for = step.asked_for(more, elsewhere)
        steps, after = transformation.update(given["gradient"], given["state"], given["parameter"], **asked_for)
        return {"parameter": jax.tree_util.tree_map(lambda p, u: p + u, given["parameter"], steps), "state": after}

    closed, outs = jax.make_jaxpr(moved, return_shape=True)(*arrays)
    evaluation = evaluated(closed, [Followed(x, floating(x) or is_complex(x)) for x in arrays])
    draft = Draft(evaluation.taps, evaluation.chosen)
    seen = [
        draft.leaf(leaf_name(path), x, None, followed=floating(x) or is_complex(x))
        for (path, _), x in zip(leaves, arrays, strict=True)
    ]
    names = [leaf_name(path) for path, _ in jax.tree_util.tree_flatten_with_path(outs)[0]]
    made = draft.run(closed, seen)
    results = {name: one for name, one in zip(names, made, strict=True) if one.depends}
    recordings = [forward(draft, "update", results)]
    after = jax.tree_util.tree_unflatten(jax.tree_util.tree_structure(outs), [one.number for one in made])
    own = unruled(transformation.update, state, params) + ((ELSEWHERE,) if elsewhere else ())
    try:
        rule = told(transformation.update, state, params)
        arrives = [through(part.before, gradients, params, _evaluated) for part in rule.parts]
    except UntoldError as error:
        return recordings, {"by hand": f"update ({error})"}, own
    facts = {"rule": rule.words}
    if rule.untold:
        facts["by hand"] = f"update of {', '.join(step.names[i] for i in rule.untold)} ({next(iter(rule.untold.values()))})"
    return [*recordings, of_rule(rule, params, arrives, state, after)], facts, own


def _evaluated(closed: Any, arrays: list[Any]) -> list[Any]:
    return [one.number for one in Evaluation().run(closed, [Followed(x, reached=False) for x in arrays])]


def _takes_more(transformation: Any) -> bool:
    """Whether it is one of those that may ask for the loss, its gradient, or the function itself, as line searches do."""
    return "ExtraArgs" in type(transformation).__name__


def is_array(x: Any) -> bool:
    """Whether a leaf is an array, of JAX or NumPy."""
    return isinstance(x, (jax.Array, np.ndarray, np.generic))


def parameters_among(leaves: Sequence[Any]) -> list[int]:
    """The numbers of the leaves that are parameters: arrays, and numbers of Python's where `jax.grad` takes the whole tree.

    It takes none with a function, a flag or a text in it, as modules of Equinox have; their filters leave Python's numbers out.
    """
    whole = all(is_array(x) or isinstance(x, float) for x in leaves)
    return [i for i, x in enumerate(leaves) if is_array(x) or (whole and isinstance(x, float))]
