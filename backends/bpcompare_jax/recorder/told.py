"""Which rule an optax transformation is, told by the functions that it is made of, with their settings.

Each parameter has the functions that are for it. Where these are all among those here, in an order that is a rule's, it is that
rule; of any other nothing is told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from bpcompare.ops.rule import Rule
from bpcompare_jax.recorder import told_factored
from bpcompare_jax.recorder.chains import ACCUMULATED, FINITE, UNREADABLE, ZERO, Link, UntoldError, Way, links


@dataclass(frozen=True)
class Part:
    """Parameters of one rule, by number, or that are kept; `before`: what gradients go through first.

    `kept` are the ways through the state to what the rule keeps, `on` the parameters that those parts of the state are about.
    """

    members: tuple[int, ...]
    rules: tuple[Rule | None, ...]
    before: tuple[Link, ...]
    kept: Mapping[str, Way]
    on: tuple[int, ...]
    t: int


@dataclass(frozen=True)
class Told:
    """The rules of those parameters that have one, in words too; and of the others, by number, why they have none."""

    parts: tuple[Part, ...]
    words: str
    untold: Mapping[int, str]


CORES: Mapping[str, tuple[str, Mapping[str, str], Mapping[str, Any]]] = {
    "scale_by_adam": ("adam", {"m": "mu", "v": "nu"}, {"eps_root": 0.0, "mu_dtype": None}),
    "scale_by_adamax": ("adamax", {"m": "mu", "u": "nu"}, {}),
    "scale_by_adadelta": ("adadelta", {"v": "e_g", "u": "e_x"}, {}),
    "trace": ("sgd", {"velocity": "trace"}, {"accumulator_dtype": None}),
    "scale_by_rms": ("rmsprop", {"v": "nu"}, {"initial_scale": 0.0, "bias_correction": False}),
    "scale_by_rss": ("adagrad", {"sum": "sum_of_squares"}, {}),
    "scale_by_stddev": ("rmsprop", {"m": "mu", "v": "nu"}, {"initial_scale": 0.0, "bias_correction": False}),
    "scale_by_amsgrad": (
        "amsgrad",
        {"m": "mu", "v": "nu", "top": "nu_max"},
        {"eps_root": 0.0, "mu_dtype": None, "bias_correction_mu": True, "bias_correction_nu": True},
    ),
    "scale_by_radam": ("radam", {"m": "mu", "v": "nu"}, {"nesterov": False, "eps_root": 0.0, "threshold": 5.0}),
    "scale_by_belief": ("adabelief", {"m": "mu", "v": "nu"}, {"nesterov": False}),
    "scale_by_yogi": ("yogi", {"m": "mu", "v": "nu"}, {"eps_root": 0.0}),
    "scale_by_lion": ("lion", {"m": "mu"}, {"mode": "hard", "mu_dtype": None}),
    "scale_by_sign": ("signsgd", {}, {}),
}
"""By optax's name: the rule, its state by optax's names, and what settings must be for it to be that rule."""

BEFORE = frozenset(
    {"clip", "clip_by_global_norm", "clip_by_block_rms", "adaptive_grad_clip", "zero_nans", "centralize", ACCUMULATED, FINITE}
)
"""What is done to gradients before a rule has them."""

SCALES, DECAY, TRUST = ("scale", "scale_by_schedule"), "add_decayed_weights", "scale_by_trust_ratio"
MOMENTS = frozenset({"adam", "nesterov adam", "amsgrad", "radam", "adabelief", "yogi", "lion", "lamb"})
"""Rules that may have a decay beside their step."""
POWERS = MOMENTS - {"lion"} | {"adamax"}
"""Rules that divide by 1 − βᵗ, which optax works out in the format of the parameters."""


def told(update: Any, state: Any, params: Any) -> Told:
    """The rules. Raises UntoldError where no parameter has one that is known."""
    try:
        return _told(links(update, state, params), jax.tree_util.tree_leaves(params))
    except UntoldError:
        raise
    except UNREADABLE as error:
        raise UntoldError("optax keeps it in another way than is known here") from error


def _told(chain: Sequence[Link], leaves: Sequence[Any]) -> Told:
    chain = [link for link in chain if link.name != "identity"]
    groups: dict[tuple[int, ...], list[int]] = {}
    for i in range(len(leaves)):
        groups.setdefault(tuple(k for k, link in enumerate(chain) if i in link.on), []).append(i)
    parts: list[Part] = []
    untold: dict[int, str] = {}
    for numbers, members in groups.items():
        try:
            parts += _parts(chain, numbers, members, leaves)
        except UntoldError as error:
            untold |= dict.fromkeys(members, str(error))
    if not parts:
        raise UntoldError(next(iter(untold.values()), "there is no parameter"))
    return Told(tuple(parts), _words(parts, len(leaves)), untold)


def _parts(chain: Sequence[Link], numbers: Sequence[int], members: Sequence[int], leaves: Sequence[Any]) -> list[Part]:
    """The rule of parameters by their functions, which stand in the chain at the `numbers`; several where arrays are factored."""
    names = [chain[k].name for k in numbers]
    if told_factored.CORE not in names or any(chain[k].own for k in numbers):
        return [_part(chain, numbers, members, leaves)]
    first = names.index(told_factored.CORE)
    _only_before(names[:first])
    core, before = chain[numbers[first]], _leading(chain[: numbers[first]], members)
    clip, *rates, sized, decay, end = told_factored.behind([chain[k] for k in numbers[first + 1 :]])
    settings = {
        "eta": -float(np.prod([_factor(link) for link in (*rates, end) if link is not None])),
        "d": 0.0 if clip is None else _number(clip.settings["threshold"]),
        "epsilon2": 0.0 if sized is None else _number(sized.settings["min_scale"]),
        "weight_decay": 0.0 if decay is None else -_factor(end) * _number(decay.settings["weight_decay"]),
        "decoupled": True,
        "maximize": False,
    }
    found = []
    for which, rule, state in told_factored.parts(core, [np.shape(leaves[i]) for i in members], settings):
        kept = {name: _field(core.way, theirs) for name, theirs in state.items()}
        found.append(Part(tuple(members[k] for k in which), (rule,) * len(which), before, kept, core.on, 1))
    return found


def _only_before(names: Sequence[str]) -> None:
    """Raises UntoldError where a rule begins with something else than what is done to gradients before one."""
    if unknown := [name for name in names if name not in BEFORE]:
        raise UntoldError(f"no rule that has a law begins with {', '.join(unknown)}")


def _part(chain: Sequence[Link], numbers: Sequence[int], members: Sequence[int], leaves: Sequence[Any]) -> Part:
    """The rule of parameters by their functions, which stand in the chain at the `numbers`."""
    own = [chain[k] for k in numbers]
    names = [link.name for link in own]
    if ZERO in names and all(name in SCALES for name in names[names.index(ZERO) + 1 :]):
        return Part(tuple(members), (None,) * len(members), (), {}, (), 1)
    if strange := [link.name.partition(".")[0] for link in own if link.own]:
        raise UntoldError(f"{strange[0]} is no function of optax")
    if any(np.issubdtype(leaves[i].dtype, np.complexfloating) for i in members):
        raise UntoldError("complex numbers")
    if not own:
        raise UntoldError("nothing is done to its gradient, which is added as it is: optax.masked leaves what it does not take")
    core = next((number for number, name in enumerate(names) if name in CORES), None)
    plain = next((number for number, name in enumerate(names) if name in (*SCALES, DECAY)), None)
    first = core if core is not None else plain
    if first is None:
        raise UntoldError(f"no rule that has a law is made of {', '.join(names)}")
    coupled = first > 0 and names[first - 1] == DECAY
    start = first - coupled
    behind = own[first + (core is not None) :]
    decays = [link for link in behind if link.name == DECAY]
    trust = behind[len(decays) :][:1] if core is not None and TRUST in names else []
    scales = behind[len(decays) + len(trust) :]
    _only_before(names[:start])
    if trust and (coupled or not _is_lamb(own[first], trust[0])):
        raise UntoldError(f"no rule that has a law is made of {', '.join(names)}")
    if any(link.name not in SCALES for link in scales) or not scales or len(decays) > 1 or (coupled and decays):
        raise UntoldError(f"no rule that has a law is made of {', '.join(names)}")
    decaying = own[start] if coupled else decays[0] if decays else None
    decay = 0.0 if decaying is None else _number(decaying.settings["weight_decay"])
    before = _leading(chain[: numbers[start]], members)
    eta = -float(np.prod([_factor(link) for link in scales]))
    decoupled = bool(decays) or core is None
    called = "lamb" if trust else ""
    return _settled(None if core is None else own[core], members, leaves, eta, decay, called, decoupled=decoupled, before=before)


def _is_lamb(core: Link, trust: Link) -> bool:
    """Whether it is Adam's direction in the length of the parameter, with nothing else about the two lengths."""
    plain = {"min_norm": 0.0, "trust_coefficient": 1.0, "eps": 0.0}
    adam = core.name == "scale_by_adam" and not core.settings["nesterov"]
    return adam and trust.name == TRUST and all(trust.settings[name] == value for name, value in plain.items())


def _leading(chain: Sequence[Link], members: Sequence[int]) -> tuple[Link, ...]:
    """Those functions whose results some parameters' gradients depend on: a norm is of others' gradients too."""
    needed, found = set(members), []
    for link in reversed(chain):
        if needed & set(link.on):
            needed |= set(link.on)
            found.append(link)
    return tuple(reversed(found))


def _factor(link: Link) -> float:
    """What a function multiplies with, now."""
    if link.name == "scale":
        return _number(link.settings["step_size"])
    return _number(link.settings["step_size_fn"](link.state.count))


def _number(value: Any) -> float:
    if callable(value) or np.shape(value) != ():
        raise UntoldError("a setting that is no single number")
    return float(value)


def _settled(
    link: Link | None,
    members: Sequence[int],
    leaves: Sequence[Any],
    eta: float,
    decay: float,
    called: str,
    *,
    decoupled: bool,
    before: tuple[Link, ...],
) -> Part:
    """The part of parameters whose rule is known, with all of its settings. Raises UntoldError where they make another of it."""
    function, state, fixed = CORES[link.name] if link is not None else ("sgd", {}, {})
    settings: dict[str, Any] = {"eta": eta, "maximize": False}
    t = 1
    if link is not None:
        for name, value in fixed.items():
            meant = (value, float(value)) if isinstance(value, (int, float)) else (value,)
            if name in link.settings and link.settings[name] not in meant:
                raise UntoldError(f"{link.name} with {name}={link.settings[name]}")
        if function == "adam" and link.settings["nesterov"]:
            function = "nesterov adam"
        function = called or function
        settings |= SETTINGS.get(link.name, _betas)(link.settings)
        t = int(link.state.count) + 1 if "count" in link.state._fields else 1  # tuples have a method of this name
    if function == "sgd":
        settings = {"momentum": 0.0, "nesterov": False, "dampening": 0.0} | settings
    elif function not in MOMENTS and decoupled and decay:
        raise UntoldError(f"{function} with a decay beside it")
    elif function == "signsgd" and decay:
        raise UntoldError("the sign of a gradient with a decay in it")
    if function == "sgd" and link is not None and decoupled and decay:
        raise UntoldError("momentum with a decay beside it")
    settings |= {"decoupled": decoupled and function in MOMENTS, "weight_decay": decay}
    rules = []
    for i in members:
        # of 16 bits the powers are worked out in 32, and rounded once
        powers = {"narrow_powers": leaves[i].dtype.itemsize >= 4} if function in POWERS else {}
        rules.append(Rule(function, settings | powers, tuple(state), whole=function == "lamb"))
    kept = {} if link is None else {name: _field(link.way, theirs) for name, theirs in state.items()}
    return Part(tuple(members), tuple(rules), before, kept, () if link is None else link.on, t)


def _field(at: Way, name: str) -> Way:
    return lambda whole: getattr(at(whole), name)


def _words(parts: Sequence[Part], count: int) -> str:
    """The rules with their settings; how many parameters are of each, where there is more than one."""
    decays: dict[str, list[float]] = {}
    members: dict[str, int] = {}
    for part in parts:
        rule = part.rules[0]
        if rule is None:
            said = "kept"
        else:
            shown = [(name, x) for name, x in rule.settings.items() if name != "weight_decay" and type(x) in (int, float)]
            said = f"{rule.function} ({', '.join(f'{name} = {value:.6g}' for name, value in shown)}, decay "
            decays.setdefault(said, []).append(rule.settings["weight_decay"])
        members[said] = members.get(said, 0) + len(part.members)
    ends = {said: f"{_range(decays[said])})" if said in decays else "" for said in members}
    return "; ".join(
        f"{said}{ends[said]}" + ("" if n == count else f" for {n} of {count} parameters") for said, n in members.items()
    )


def _range(decays: Sequence[float]) -> str:
    low, high = min(decays), max(decays)
    return f"{low:.6g}" if low == high else f"{low:.6g} or {high:.6g}"


def _betas(s: Mapping[str, Any]) -> dict[str, Any]:
    betas = {"beta1": _number(s["b1"]), "beta2": _number(s["b2"])}
    return betas | {"epsilon": _number(s["eps"]), "amsgrad": False}


SETTINGS: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "scale_by_radam": lambda s: _betas(s) | {"corrected": True},
    "scale_by_belief": lambda s: _betas(s) | {"epsilon_inside": _number(s["eps_root"])},
    "scale_by_lion": lambda s: {"beta1": _number(s["b1"]), "beta2": _number(s["b2"])},
    "scale_by_sign": lambda s: {},
    "scale_by_adadelta": lambda s: {"rho": _number(s["rho"]), "epsilon": _number(s["eps"])},
    "trace": lambda s: {"momentum": _number(s["decay"]), "nesterov": bool(s["nesterov"]), "dampening": 0.0},
    "scale_by_rms": lambda s: {
        "rho": _number(s["decay"]),
        "epsilon": _number(s["eps"]),
        "epsilon_inside": bool(s["eps_in_sqrt"]),
        "momentum": 0.0,
        "centered": False,
    },
    "scale_by_stddev": lambda s: SETTINGS["scale_by_rms"](s) | {"centered": True},
    "scale_by_rss": lambda s: {"epsilon": _number(s["eps"]), "epsilon_inside": True, "lr_decay": 0.0},
}
"""The settings of each by the names of the rules, where they are not those of Adam."""
