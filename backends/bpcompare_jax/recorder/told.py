"""Which rule an optax transformation is, told by the functions that it is chained of, with their settings.

Optax keeps no name: `adamw` is a chain of functions, each of which holds its settings. A chain whose functions are all among
those here, in an order that is the rule's, is that rule; of any other nothing is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bpcompare.ops.rule import Rule

Way = Callable[[Any], Any]
"""From the whole state to a part of it."""


class UntoldError(Exception):
    """Why nobody can tell which rule it is."""


@dataclass(frozen=True)
class Link:
    """One function of a chain: its name in optax, its settings, its state; `mask`: for which parameters it is, if not for all."""

    name: str
    settings: Mapping[str, Any]
    state: Any
    update: Callable[..., Any]
    mask: Any = None


@dataclass(frozen=True)
class Told:
    """A rule by parameter, in their order, the ways through the state to what it keeps, and what comes before it."""

    rules: tuple[Rule, ...]
    before: tuple[Link, ...]
    kept: Mapping[str, Way]
    t: int
    words: str


def links(update: Any, state: Any, at: Way = lambda state: state) -> Iterator[tuple[Link, Way]]:
    """The functions of a transformation in their order, each with the way from the whole state to its own.

    Raises UntoldError for what holds transformations in another way than a chain does.
    """
    function = getattr(update, "__func__", update)
    name = str(getattr(function, "__qualname__", "")).partition(".")[0]
    if not (getattr(function, "__module__", "") or "").startswith("optax"):
        raise UntoldError(f"{name or type(update).__name__} is no function of optax")
    held = dict(zip(function.__code__.co_freevars, (cell.cell_contents for cell in function.__closure__ or ()), strict=True))
    if name == "chain":
        for number, one in enumerate(held["update_fns"]):
            yield from links(one, state, lambda whole, number=number: at(whole)[number])  # type: ignore[misc]
    elif name == "with_extra_args_support":
        yield from links(held["tx"].update, state, at)
    elif name == "masked":
        inner = list(links(held["inner"].update, state, lambda whole: at(whole).inner_state))
        if len(inner) != 1 or held.get("mask_compatible_extra_args"):
            raise UntoldError("a chain for some of the parameters alone")
        yield Link(inner[0][0].name, inner[0][0].settings, at(state), update, held["mask"]), inner[0][1]
    else:
        yield Link(name, held, at(state), update), at


CORES: Mapping[str, tuple[str, Mapping[str, str], Mapping[str, Any]]] = {
    "scale_by_adam": ("adam", {"m": "mu", "v": "nu"}, {"nesterov": False, "eps_root": 0.0, "mu_dtype": None}),
    "trace": ("sgd", {"velocity": "trace"}, {"accumulator_dtype": None}),
    "scale_by_rms": ("rmsprop", {"v": "nu"}, {"initial_scale": 0.0, "bias_correction": False}),
    "scale_by_rss": ("adagrad", {"sum": "sum_of_squares"}, {}),
}
"""By optax's name: the rule, its state by optax's names, and what settings must be for it to be that rule."""

BEFORE = frozenset(
    {"clip", "clip_by_global_norm", "clip_by_block_rms", "adaptive_grad_clip", "identity", "zero_nans", "centralize"}
)
"""What is done to gradients before a rule has them."""

SCALES, DECAY = ("scale", "scale_by_schedule"), "add_decayed_weights"


def told(update: Any, state: Any, params: Any) -> Told:
    """The rule. Raises UntoldError where the chain is none that is known."""
    try:
        return _told(list(links(update, state)), params)
    except (KeyError, AttributeError, IndexError, TypeError, ValueError) as error:
        raise UntoldError("optax keeps it in another way than is known here") from error


def _told(chain: Sequence[tuple[Link, Way]], params: Any) -> Told:
    names = [link.name for link, _ in chain]
    core = next((number for number, name in enumerate(names) if name in CORES), None)
    plain = next((number for number, name in enumerate(names) if name in (*SCALES, DECAY)), None)
    first = core if core is not None else plain
    if first is None:
        raise UntoldError(f"no rule that has a law is made of {', '.join(names)}")
    coupled = first > 0 and names[first - 1] == DECAY
    start = first - coupled
    behind = [link for link, _ in chain[first + (core is not None) :] if link.name != "identity"]
    decays = [link for link in behind if link.name == DECAY]
    scales = behind[len(decays) :]
    if unknown := [link.name for link, _ in chain[:start] if link.name not in BEFORE]:
        raise UntoldError(f"no rule that has a law begins with {', '.join(unknown)}")
    strange = any(link.name not in SCALES or link.mask is not None for link in scales)
    if strange or not scales or len(decays) > 1 or (coupled and decays):
        raise UntoldError(f"no rule that has a law is made of {', '.join(names)}")
    eta = -float(np.prod([_factor(link) for link in scales]))
    decay = _decays(chain[start][0] if coupled else decays[0] if decays else None, params)
    return _rule(chain[core] if core is not None else None, params, eta, decay, bool(decays) or core is None, chain[:start])


def _factor(link: Link) -> float:
    """What a function multiplies with, now."""
    if link.name == "scale":
        return _number(link.settings["step_size"])
    return _number(link.settings["step_size_fn"](link.state.count))


def _number(value: Any) -> float:
    if callable(value) or np.shape(value) != ():
        raise UntoldError("a setting that is no single number")
    return float(value)


def _decays(link: Link | None, params: Any) -> list[float]:
    """The decay of each parameter."""
    leaves = jax.tree_util.tree_leaves(params)
    if link is None:
        return [0.0] * len(leaves)
    rate = _number(link.settings["weight_decay"])
    mask = link.mask(params) if callable(link.mask) else link.mask
    if mask is None:
        return [rate] * len(leaves)
    spread = jax.tree_util.tree_map(lambda on, part: jax.tree_util.tree_map(lambda _: bool(on), part), mask, params)
    found = jax.tree_util.tree_leaves(spread)
    return [rate if on else 0.0 for on in found]


def _rule(
    core: tuple[Link, Way] | None,
    params: Any,
    eta: float,
    decays: list[float],
    decoupled: bool,
    before: Sequence[tuple[Link, Way]],
) -> Told:
    link = None if core is None else core[0]
    function, state, fixed = CORES[link.name] if link is not None else ("sgd", {}, {})
    settings: dict[str, Any] = {"eta": eta, "maximize": False}
    t = 1
    if link is not None:
        if link.mask is not None:
            raise UntoldError("a chain for some of the parameters alone")
        for name, value in fixed.items():
            if name in link.settings and link.settings[name] not in (value, None if value is None else float(value)):
                raise UntoldError(f"{link.name} with {name}={link.settings[name]}")
        settings |= SETTINGS[link.name](link.settings)
        t = int(link.state.count) + 1 if "count" in link.state._fields else 1  # tuples have a method of this name
    if function == "sgd":
        settings = {"momentum": 0.0, "nesterov": False, "dampening": 0.0} | settings
    elif function != "adam" and decoupled and any(decays):
        raise UntoldError(f"{function} with a decay beside it")
    if function == "sgd" and link is not None and decoupled and any(decays):
        raise UntoldError("momentum with a decay beside it")
    beside = {"decoupled": decoupled and function == "adam"}
    rules = []
    for decay, leaf in zip(decays, jax.tree_util.tree_leaves(params), strict=True):
        # of 16 bits the powers are worked out in 32, and rounded once
        own = settings | {"narrow_powers": leaf.dtype.itemsize >= 4} if function == "adam" else settings
        rules.append(Rule(function, own | beside | {"weight_decay": decay}, tuple(state)))
    kept = {} if core is None else {name: _field(core[1], theirs) for name, theirs in state.items()}
    shown = ", ".join(f"{name} = {value:.6g}" for name, value in settings.items() if not isinstance(value, bool))
    return Told(tuple(rules), tuple(link for link, _ in before), kept, t, f"{function} ({shown}, decay {_range(decays)})")


def _field(at: Way, name: str) -> Way:
    return lambda whole: getattr(at(whole), name)


def _range(decays: list[float]) -> str:
    low, high = min(decays), max(decays)
    return f"{low:.6g}" if low == high else f"{low:.6g} or {high:.6g}"


def _adam(s: Mapping[str, Any]) -> dict[str, Any]:
    betas = {"beta1": _number(s["b1"]), "beta2": _number(s["b2"])}
    return betas | {"epsilon": _number(s["eps"]), "amsgrad": False}


SETTINGS: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "scale_by_adam": _adam,
    "trace": lambda s: {"momentum": _number(s["decay"]), "nesterov": bool(s["nesterov"]), "dampening": 0.0},
    "scale_by_rms": lambda s: {
        "rho": _number(s["decay"]),
        "epsilon": _number(s["eps"]),
        "epsilon_inside": bool(s["eps_in_sqrt"]),
        "momentum": 0.0,
        "centered": False,
    },
    "scale_by_rss": lambda s: {"epsilon": _number(s["eps"]), "epsilon_inside": True, "lr_decay": 0.0},
}
"""The settings of each by the names of the rules."""


def fed(before: tuple[Link, ...], gradients: Any, params: Any, run: Callable[[Any, list[Any]], list[Any]]) -> Any:
    """What arrives at the rule: the gradients after all that comes before it, by the very functions that were recorded."""
    if not before:
        return gradients
    leaves, tree = jax.tree_util.tree_flatten((gradients, params, [link.state for link in before]))

    def through(*arrays: Any) -> Any:
        u, p, states = jax.tree_util.tree_unflatten(tree, arrays)
        for link, state in zip(before, states, strict=True):
            u, _ = link.update(u, state, p)
        return u

    arrays = [jnp.asarray(x) for x in leaves]
    closed, shape = jax.make_jaxpr(through, return_shape=True)(*arrays)
    return jax.tree_util.tree_unflatten(jax.tree_util.tree_structure(shape), run(closed, arrays))
