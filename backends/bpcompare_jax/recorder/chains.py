"""The functions that an optax transformation is made of, in their order, each with its settings, its state and its parameters.

Optax keeps no names: a transformation is a function of Python's that holds others. Those that hold whole transformations are
opened here: chains, masks, groups of parameters, settings that are part of the state, accumulation, steps that may be left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp

Way = Callable[[Any], Any]
"""From the whole state to a part of it."""


class UntoldError(Exception):
    """Why nobody can tell which rule it is."""


UNREADABLE = (UntoldError, KeyError, AttributeError, IndexError, TypeError, ValueError)
"""What is raised where the functions of a transformation cannot be read."""


@dataclass(frozen=True)
class Link:
    """One function of a chain: its name in optax, its settings, its state, the way there; `on`: the parameters, by number.

    `own`: it is not of optax, and the name is what somebody calls it.
    """

    name: str
    settings: Mapping[str, Any]
    state: Any
    update: Callable[..., Any]
    way: Way
    on: tuple[int, ...]
    own: bool = False


@dataclass(frozen=True)
class Here:
    """Where a transformation stands: its state and the way there; its parameters, and in the same tree their numbers."""

    state: Any
    way: Way
    params: Any
    numbers: Any

    def at(self, part: Way) -> Here:
        """A part of the state."""
        return replace(self, state=part(self.state), way=lambda whole: part(self.way(whole)))

    def only(self, mask: Any) -> Here:
        """Some of the parameters: `mask` begins as their tree does."""
        return replace(self, params=masked(mask, self.params), numbers=masked(mask, self.numbers))

    def link(self, name: str, update: Any, settings: Mapping[str, Any] | None = None, *, own: bool = False) -> Link:
        """A function that stands here: `name` is that in optax, or somebody's `own`; `settings` is what it holds, by name."""
        return Link(name, settings or {}, self.state, update, self.way, tuple(jax.tree_util.tree_leaves(self.numbers)), own)


def links(update: Any, state: Any, params: Any) -> list[Link]:
    """The functions of a transformation in their order.

    Raises UntoldError for an accumulation whose step depends on the gradients, and one of `UNREADABLE` where optax keeps them in
    another way than is known here.
    """
    leaves, tree = jax.tree_util.tree_flatten(params)
    numbers = jax.tree_util.tree_unflatten(tree, range(len(leaves)))
    return list(_opened(update, Here(state, lambda whole: whole, params, numbers)))


def masked(mask: Any, tree: Any) -> Any:
    """The tree with optax's sign for nothing where the mask has False."""
    from optax import MaskedNode

    return jax.tree_util.tree_map(
        lambda on, part: part if on else jax.tree_util.tree_map(lambda _: MaskedNode(), part), mask, tree
    )


def held(function: Any) -> dict[str, Any]:
    """What a function of Python's holds, by name."""
    function = getattr(function, "__func__", function)
    code, cells = getattr(function, "__code__", None), getattr(function, "__closure__", None) or ()
    found = {}
    for name, cell in zip(code.co_freevars if code is not None else (), cells, strict=False):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # nothing was put there yet
            continue
    return found


def named(update: Any) -> str:
    """The function of optax that made it; "" where it is of somebody else's."""
    owner, function = getattr(update, "__self__", None), getattr(update, "__func__", update)
    homes = [function] if owner is None else [function, type(owner)]
    if not all((getattr(home, "__module__", "") or "").startswith("optax") for home in homes):
        return ""
    return str(getattr(function, "__qualname__", "")).partition(".")[0]


def own_name(update: Any) -> str:
    """What somebody calls a function that is not of optax."""
    return str(getattr(update, "__qualname__", type(update).__name__))


def applied(update: Any) -> str:
    """What somebody's own function without a state is called, that optax made a transformation of; "" for any other."""
    if named(update) not in STATELESS:
        return ""
    own = [f for f in held(update).values() if callable(f) and not named(f)]
    return own_name(own[0]) if own else ""


def _opened(update: Any, here: Here) -> Iterator[Link]:
    name = named(update)
    if not name:
        yield here.link(own_name(update), update, own=True)
    elif name in WRAPPERS:
        yield from WRAPPERS[name](update, held(update), here)
    else:
        yield here.link(name, update, _settings(name, held(update)))


def _settings(name: str, within: Mapping[str, Any]) -> dict[str, Any]:
    """What a function of optax holds; what its helpers hold that were made beside it, too."""
    helpers = [one for one in within.values() if getattr(one, "__qualname__", "").startswith(f"{name}.<locals>.")]
    return {key: value for one in helpers for key, value in held(one).items()} | dict(within)


def _chain(update: Any, within: Mapping[str, Any], here: Here) -> Iterator[Link]:
    for number, one in enumerate(within["update_fns"]):
        yield from _opened(one, here.at(lambda state, number=number: state[number]))  # type: ignore[misc]


def _named_chain(update: Any, within: Mapping[str, Any], here: Here) -> Iterator[Link]:
    for name, one in within["transforms"]:
        yield from _opened(one.update, here.at(lambda state, name=name: state[name]))  # type: ignore[misc]


def _same(update: Any, within: Mapping[str, Any], here: Here) -> Iterator[Link]:
    yield from _opened(within["tx"].update, here)


def _masked(update: Any, within: Mapping[str, Any], here: Here) -> Iterator[Link]:
    mask = within["mask"]
    mask = mask(here.params) if callable(mask) else mask
    yield from _opened(within["inner"].update, here.at(lambda state: state.inner_state).only(mask))


def _partition(update: Any, within: Mapping[str, Any], here: Here) -> Iterator[Link]:
    labels = within["param_labels"]
    labels = labels(here.params) if callable(labels) else labels
    for group, one in within["transforms"].items():
        mask = jax.tree_util.tree_map(lambda label, group=group: label == group, labels)
        there = here.at(lambda state, group=group: state.inner_states[group].inner_state)  # type: ignore[misc]
        yield from _opened(one.update, there.only(mask))


def _injected(update: Any, within: Mapping[str, Any], here: Here) -> Iterator[Link]:
    """Settings that stand in the state, or come of a schedule, in the format that optax gives them."""
    state, convert = here.state, update.__globals__["_convert_floats"]
    dtype = within["hyperparam_dtype"]
    if dtype is None:
        dtype = jnp.result_type(*(x.dtype for x in jax.tree_util.tree_leaves(here.params)))
    settings = {name: convert(value, dtype) for name, value in state.hyperparams.items()}
    settings |= {name: convert(schedule(state.hyperparams_states[name]), dtype) for name, schedule in within["sched_hps"].items()}
    inner = within["inner_factory"](**within["other_hps"], **settings)
    yield from _opened(inner.update, here.at(lambda state: state.inner_state))


def _accumulating(update: Any, within: Mapping[str, Any], here: Here) -> Iterator[Link]:
    """A step of what stands inside; where more gradients of its round are to come, nothing becomes of it."""
    made, state = update.__self__, here.state
    parts = vars(made)
    if not named(skips := parts["_should_skip_update_fn"]):  # it says which gradients to leave out
        yield here.link(own_name(skips), lambda u, s, p: (u, s), own=True)

    def accumulated(updates: Any, state: Any, params: Any) -> Any:
        def added(u: Any, a: Any) -> Any:
            return parts["_acc_update"](u, a, n_acc=state.mini_step).astype(u.dtype)

        return jax.tree_util.tree_map(added, updates, state.acc_grads), state

    yield here.link(ACCUMULATED, accumulated)
    yield from _opened(made.inner_opt.update, here.at(lambda state: state.inner_opt_state))
    if int(state.mini_step) != int(parts["_every_k_schedule"](state.gradient_step)) - 1:
        yield here.link(ZERO, lambda u, s, p: (jax.tree_util.tree_map(jnp.zeros_like, u), s))


def _finite(update: Any, within: Mapping[str, Any], here: Here) -> Iterator[Link]:
    yield here.link(FINITE, lambda u, s, p: (u, s))
    yield from _opened(within["inner"].update, here.at(lambda state: state.inner_state))


def _stateless(update: Any, within: Mapping[str, Any], here: Here) -> Iterator[Link]:
    """A function of somebody's, without a state."""
    own = applied(update)
    yield here.link(own or named(update), update, own=bool(own))


ACCUMULATED, FINITE, ZERO = "accumulated", "apply_if_finite", "set_to_zero"
"""Functions that stand for what a wrapper does to gradients."""

STATELESS = ("stateless", "stateless_with_tree_map")
"""What makes a transformation of a function."""

WRAPPERS: Mapping[str, Callable[[Any, Mapping[str, Any], Here], Iterator[Link]]] = {
    "chain": _chain,
    "named_chain": _named_chain,
    "with_extra_args_support": _same,
    "masked": _masked,
    "partition": _partition,
    "inject_hyperparams": _injected,
    "MultiSteps": _accumulating,
    "apply_if_finite": _finite,
    **dict.fromkeys(STATELESS, _stateless),
}
"""Functions of optax that hold transformations, and how each is opened."""


def through(chain: Sequence[Link], gradients: Any, params: Any, run: Callable[[Any, list[Any]], list[Any]]) -> list[Any]:
    """The gradients after some functions, in the order of the parameters, by the very functions that were recorded.

    Raises UntoldError where one of them leaves the step out, as there are numbers that are not finite.
    """
    from optax import MaskedNode

    leaves = jax.tree_util.tree_leaves(gradients)
    if not chain:
        return leaves
    tree = jax.tree_util.tree_structure(params)
    given, packed = jax.tree_util.tree_flatten((leaves, jax.tree_util.tree_leaves(params), [link.state for link in chain]))

    def of(link: Link, all_of_them: Sequence[Any]) -> Any:
        return jax.tree_util.tree_unflatten(tree, [x if i in link.on else MaskedNode() for i, x in enumerate(all_of_them)])

    def all_of_it(*arrays: Any) -> Any:
        u, p, states = jax.tree_util.tree_unflatten(packed, arrays)
        finite = jnp.array(True)
        for link, state in zip(chain, states, strict=True):
            made, _ = link.update(of(link, u), state, of(link, p))
            for i, x in zip(link.on, jax.tree_util.tree_leaves(made), strict=True):
                u[i] = x
                finite &= jnp.all(jnp.isfinite(x)) if link.name == FINITE else True
        return [finite, *u]

    arrays = [jnp.asarray(x) for x in given]
    finite, *found = run(jax.make_jaxpr(all_of_it)(*arrays), arrays)
    if not finite:
        raise UntoldError("apply_if_finite leaves a step out where gradients are not finite")
    return found
