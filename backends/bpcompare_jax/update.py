"""Update rules as optax transformations, and their state under the textbook's names."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from bpcompare.ops import Adagrad, Adam, AdamW, Op, RmsProp, Sgd, UpdateOp


def sgd(op: Sgd) -> optax.GradientTransformation:
    """`optax.sgd`; decay is added to the gradient before momentum sees it."""
    return _decayed(op, optax.sgd(op.eta, momentum=op.momentum or None, nesterov=op.nesterov))


def adam(op: Adam) -> optax.GradientTransformation:
    """`optax.adam`; decay is added to the gradient before the moments see it."""
    return _decayed(op, optax.adam(op.eta, b1=op.beta1, b2=op.beta2, eps=op.epsilon))


def adamw(op: AdamW) -> optax.GradientTransformation:
    """`optax.adamw`."""
    return optax.adamw(op.eta, b1=op.beta1, b2=op.beta2, eps=op.epsilon, weight_decay=op.weight_decay)


def rmsprop(op: RmsProp) -> optax.GradientTransformation:
    """`optax.rmsprop`; with momentum its own parts in another order, for it multiplies by −η before it adds up."""
    own = {"decay": op.rho, "eps": op.epsilon, "eps_in_sqrt": op.epsilon_inside}
    if not op.momentum:
        return _decayed(op, optax.rmsprop(op.eta, centered=op.centered, **own))
    scaled = optax.scale_by_stddev(**own) if op.centered else optax.scale_by_rms(**own)
    return _decayed(op, optax.chain(scaled, optax.trace(op.momentum), optax.scale_by_learning_rate(op.eta)))


def adagrad(op: Adagrad) -> optax.GradientTransformation:
    """`optax.adagrad`. What its sum begins with is in the plan's slots."""
    return _decayed(op, optax.adagrad(op.eta, eps=op.epsilon))


def _decayed(op: Sgd | Adam | RmsProp | Adagrad, rule: optax.GradientTransformation) -> optax.GradientTransformation:
    return optax.chain(optax.add_decayed_weights(op.weight_decay), rule) if op.weight_decay else rule


class _Rule(NamedTuple):
    """What makes the transformation, and our slot names → the fields of optax's states."""

    make: Callable[..., Any]
    fields: Mapping[str, str]


_FIELDS = {"velocity": "trace", "m": "mu", "v": "nu"}
RULES: Mapping[type[Op], _Rule] = {
    Sgd: _Rule(sgd, _FIELDS),
    Adam: _Rule(adam, _FIELDS),
    AdamW: _Rule(adamw, _FIELDS),
    RmsProp: _Rule(rmsprop, _FIELDS),
    Adagrad: _Rule(adagrad, {"sum": "sum_of_squares"}),
}
TABLE: Mapping[type[Op], Callable[..., Any]] = {op: rule.make for op, rule in RULES.items()}
LIMITS: Mapping[type[Op], tuple[Callable[[Any], bool], str]] = {
    Adagrad: (
        lambda op: not op.epsilon_inside and op.epsilon > 0,
        "ε outside the root: optax.adagrad adds it inside; with epsilon = 0 there is no difference",
    ),
}


def described(op: UpdateOp) -> str:
    """Who applies the update, in words for the provenance."""
    parts = [f"optax.{op.name}"]
    if isinstance(op, RmsProp) and op.momentum:
        parts = [f"optax.scale_by_{'stddev' if op.centered else 'rms'}", "optax.trace", "optax.scale_by_learning_rate"]
    if getattr(op, "weight_decay", 0) and not op.decoupled:
        parts.insert(0, "optax.add_decayed_weights")
    return f"{', '.join(parts)} (optax {optax.__version__})"


def one_step(
    op: UpdateOp,
    optimizer: optax.GradientTransformation,
    count: jax.Array,
    parameters: Mapping[str, jax.Array],
    gradients: Mapping[str, jax.Array],
    slots: Mapping[str, Mapping[str, jax.Array]],
) -> tuple[Any, dict[str, dict[str, jax.Array]]]:
    """New parameters, and new slots by slot name then parameter, after `count` earlier updates that left `slots`."""
    fields = RULES[type(op)].fields
    known: dict[str, Any] = {fields[slot]: values for slot, values in slots.items()} | {"count": count.astype(jnp.int32)}
    state = _filled(optimizer.init(parameters), known)
    updates, state = optimizer.update(gradients, state, parameters)
    return optax.apply_updates(parameters, updates), {slot: _read(state, fields[slot]) for slot in slots}


# States are found as the named tuples that they are, wherever in a chain they stand; by field name, a parameter called "mu"
# would be found too.
def _keeps(node: Any) -> bool:
    return hasattr(node, "_fields")


def _filled(state: Any, known: Mapping[str, Any]) -> Any:
    def fill(node: Any) -> Any:
        return node._replace(**{name: known[name] for name in node._fields if name in known}) if _keeps(node) else node

    return jax.tree.map(fill, state, is_leaf=_keeps)


def _read(state: Any, field: str) -> dict[str, jax.Array]:
    nodes = jax.tree.leaves(state, is_leaf=_keeps)
    (keeper,) = (node for node in nodes if _keeps(node) and field in node._fields)
    return dict(getattr(keeper, field))
