"""Update rules as optax transformations, and their state under the textbook's names."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax

from bpcompare.ops import Adam, AdamW, Op, Sgd, UpdateOp

FIELDS: dict[str, str] = {"velocity": "trace", "m": "mu", "v": "nu"}
"""Our slot names → the fields of optax's `TraceState` and `ScaleByAdamState`."""


def sgd(op: Sgd) -> optax.GradientTransformation:
    """`optax.sgd`; decay is added to the gradient before momentum sees it."""
    rule = optax.sgd(op.eta, momentum=op.momentum or None, nesterov=op.nesterov)
    return optax.chain(optax.add_decayed_weights(op.weight_decay), rule) if op.weight_decay else rule


def adam(op: Adam) -> optax.GradientTransformation:
    """`optax.adam`."""
    return optax.adam(op.eta, b1=op.beta1, b2=op.beta2, eps=op.epsilon)


def adamw(op: AdamW) -> optax.GradientTransformation:
    """`optax.adamw`."""
    return optax.adamw(op.eta, b1=op.beta1, b2=op.beta2, eps=op.epsilon, weight_decay=op.weight_decay)


TABLE: dict[type[Op], Callable[..., Any]] = {Sgd: sgd, Adam: adam, AdamW: adamw}


def described(op: UpdateOp) -> str:
    """Who applies the update, in words for the provenance."""
    decayed = isinstance(op, Sgd) and op.weight_decay
    return f"{'optax.add_decayed_weights, ' if decayed else ''}optax.{op.name} (optax {optax.__version__})"


def one_step(
    optimizer: optax.GradientTransformation,
    count: jax.Array,
    parameters: Mapping[str, jax.Array],
    gradients: Mapping[str, jax.Array],
    slots: Mapping[str, Mapping[str, jax.Array]],
) -> tuple[Any, dict[str, dict[str, jax.Array]]]:
    """New parameters, and new slots by slot name then parameter, after `count` earlier updates that left `slots`."""
    state = _filled(optimizer.init(parameters), count, slots)
    updates, state = optimizer.update(gradients, state, parameters)
    return optax.apply_updates(parameters, updates), {slot: _read(state, slot) for slot in slots}


# States are found by type, wherever in a chain they stand; by field name, a parameter called "mu" would be found too.
def _keeps(node: Any) -> bool:
    return isinstance(node, optax.TraceState | optax.ScaleByAdamState)


def _filled(state: Any, count: jax.Array, slots: Mapping[str, Mapping[str, jax.Array]]) -> Any:
    fields: dict[str, Any] = {FIELDS[slot]: values for slot, values in slots.items()}

    def fill(node: Any) -> Any:
        if not _keeps(node):
            return node
        own = fields | ({"count": count.astype(jnp.int32)} if isinstance(node, optax.ScaleByAdamState) else {})
        return node._replace(**own)

    return jax.tree.map(fill, state, is_leaf=_keeps)


def _read(state: Any, slot: str) -> dict[str, jax.Array]:
    (keeper,) = filter(_keeps, jax.tree.leaves(state, is_leaf=_keeps))
    return dict(getattr(keeper, FIELDS[slot]))
