"""Activations, errors, penalties and update rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields, replace

import numpy as np

from bpcompare import ops
from bpcompare.network.draft import Draft
from bpcompare.network.parameter import Initializer, Parameter
from bpcompare.ops.op import ErrorOp, UpdateOp
from bpcompare.testing.cases.case import Case, case_of
from bpcompare.testing.networks import ACTIVATIONS, UPDATES


def _told(g: ops.Activation) -> str:
    """The fields of an activation, for the name of a case."""
    return "".join(f"-{value:g}" for value in vars(g).values())


def activations() -> Iterator[Case]:
    """Every form of every activation, alive and on its kinks."""
    for g in ACTIVATIONS:
        told = _told(g)
        for what, spread in (("", 1.0), ("-large", 5.0), ("-small", 1e-3)):
            draft = Draft(f"{g.name}{told}{what}", examples=4, spread=spread)
            draft.input("x", 7)
            draft.layer(ops.Scale(1.0), "x", g=g)
            yield case_of(type(g), f"values{told}{what}", draft.network(outputs=3))
    for g in (g for g in ACTIVATIONS if g.bends):
        draft = Draft(f"{g.name}{_told(g)}-bend")
        draft.input("x", 5, values=np.array([g.bends[0], 0.3, -0.7, g.bends[-1], 2.0]))
        # Weights of one and zero: in is exactly where g bends, and its Δ is not 0.
        draft.layer(ops.Dense(5, bias=False), "x", g=g, init=np.eye(5))
        yield case_of(type(g), f"at-a-bend{_told(g)}", draft.network(outputs=3), kink=True)


ERRORS: tuple[ErrorOp, ...] = (
    ops.HalfSquared("sum"),
    ops.MeanSquared("sum"),
    ops.SoftmaxCrossEntropy("sum", targets="classes"),
    ops.SoftmaxCrossEntropy("sum", targets="probabilities"),
    ops.BinaryCrossEntropyWithLogits("sum"),
    ops.Huber("sum"),
    ops.Huber("sum", threshold=0.1),
)


def errors() -> Iterator[Case]:
    """Every error in both reductions."""
    for error in ERRORS:
        own = [value for name, value in vars(error).items() if name not in ("reduce", "scale")]
        told = "".join(f"-{value:g}" if isinstance(value, float) else f"-{value}" for value in own)
        for what, changed, examples in (
            ("sum", error, 5),
            ("mean", replace(error, reduce="mean"), 5),
            ("one-example", replace(error, reduce="mean"), 1),
            ("scaled-up", replace(error, scale=1e6), 3),
            ("scaled-down", replace(error, scale=1e-6), 3),
        ):
            # The learning rate follows the scale: an update that cannot be seen beside its parameter proves nothing.
            draft = Draft(f"{error.name}{told}-{what}", examples, error=changed, update=ops.Sgd(0.1 / changed.scale))
            draft.input("x", 4)
            draft.layer(ops.Dense(3), "x", g=ops.Tanh())
            yield case_of(type(error), f"{what}{told}", draft.network(outputs=3))
        if not error.pieces:  # beyond its threshold Huber's Δ has one size only
            draft = Draft(f"{error.name}{told}-far", 3, error=error, spread=10.0)
            draft.input("x", 4)
            yield case_of(type(error), f"far{told}", draft.network(outputs=3))
    draft = Draft("huber-threshold", 1, error=ops.Huber("sum"))
    draft.input("x", 3, values=np.array([1.0, -1.0, 0.25]))
    draft.layer(ops.Dense(3, bias=False), "x", init=np.eye(3))
    yield case_of(ops.Huber, "at-threshold", draft.network(of="l0", target=np.zeros((1, 3))), kink=True)


def penalties() -> Iterator[Case]:
    """Penalties on weights, shared and frozen ones."""
    for what, names in (
        ("weights", ("weight",)),
        ("every-parameter", ("weight", "bias")),
        ("bias", ("l1.bias",)),
        ("shared", ("l0.weight",)),
        ("frozen", ("l1.weight", "l0.bias")),
    ):
        # With the mean of several examples it shows whether the penalty was averaged, too.
        draft = Draft(f"l2-{what}", examples=4, error=ops.HalfSquared("mean"), steps=2)
        draft.input("x", 4)
        draft.layer(ops.Dense(4), "x", g=ops.Tanh(), frozen=("bias",) if what == "frozen" else ())
        draft.layer(ops.Dense(4), "l0", g=ops.Tanh(), uses={"weight": "l0.weight"} if what == "shared" else {})
        network = draft.network()
        factor = 0.5 if what == "every-parameter" else 0.03
        penalized = {n: replace(p, penalty=ops.L2(factor)) for n, p in network.parameters.items() if n.endswith(names)}
        yield case_of(ops.L2, what, replace(network, parameters={**network.parameters, **penalized}))


NAMED: Mapping[UpdateOp, str] = {
    ops.Sgd(0.1, weight_decay=0.05): "decay",
    ops.Sgd(0.1, 0.9, weight_decay=0.05): "momentum-decay",
    ops.Sgd(0.01, 0.5, nesterov=True, weight_decay=0.05): "nesterov-decay",
    ops.Sgd(0.1, 0.9, nesterov=True): "nesterov",
    ops.Adam(0.01): "default",
    ops.Adam(0.1, beta1=0.5, beta2=0.9, epsilon=1e-3): "other-betas",
    ops.AdamW(0.01): "default",
    ops.AdamW(0.1, weight_decay=0.5): "large-decay",
}
"""Names that were given one by one. They stay, for files are named by them."""


def _fields_set(rule: UpdateOp) -> str:
    """What a rule has beyond its defaults, for the name of a case."""
    own = [field.name for field in fields(rule) if getattr(rule, field.name) not in (field.default, False, MISSING)]
    return "-".join(name for name in own if name not in ("eta", "rho")) or "plain"


def updates() -> Iterator[Case]:
    """Every update rule, each field of it."""
    for rule in UPDATES:
        what = NAMED.get(rule) or _fields_set(rule)
        draft = Draft(f"{rule.name}-{what}", examples=4, update=rule, steps=3)
        draft.input("x", 5)
        draft.layer(ops.Dense(4), "x", g=ops.Tanh(), frozen=("bias",))
        # At p = 0 an update cannot hide behind the parameter's size.
        draft.parameters["l1.bias"] = Parameter(Initializer("zeros"))
        yield case_of(type(rule), what, draft.network())


FAMILIES = (activations, errors, penalties, updates)
