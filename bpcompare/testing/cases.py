"""What every backend is tried on: small networks, at least one for each op, each field of it, and each difficulty."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

import numpy as np

from bpcompare import ops
from bpcompare.network import Network
from bpcompare.ops import Op
from bpcompare.ops.op import ErrorOp, UpdateOp
from bpcompare.parameter import Initializer, Parameter
from bpcompare.testing.draft import Draft
from bpcompare.testing.networks import ACTIVATIONS


@dataclass(frozen=True, eq=False)
class Case:
    """A network with a name that stays. `about` is the op that it is about; `kink`: it sits on one, where ops may differ."""

    name: str
    about: type[Op]
    network: Network
    kink: bool = False

    @property
    def needs(self) -> frozenset[type[Op]]:
        """Every op type in it."""
        network = self.network
        found = {type(network.error.op), type(network.update)}
        return frozenset(found | {type(op) for layer in network.layers.values() for op in (layer.op, layer.g)})


@cache
def cases() -> tuple[Case, ...]:
    """All of them."""
    return (*_dense(), *_shapes(), *_images(), *_normalizations(), *_embeddings(), *_activations(), *_errors(), *_updates())


def covered() -> frozenset[type[Op]]:
    """The ops that some case is about."""
    return frozenset(case.about for case in cases())


def _case(about: type[Op], what: str, draft: Draft, network: Network, *, kink: bool = False) -> Case:
    name = f"{about.name}-{what}"
    return Case(name, about, replace(network, name=name), kink)


def _dense() -> Iterator[Case]:
    kind = ops.Dense
    for what, inputs, units, examples in (
        ("one-unit", 1, 1, 2),
        ("odd", 5, 3, 7),
        ("one-example", 4, 4, 1),
        ("wide", 33, 17, 5),
    ):
        draft = Draft(f"dense-{what}", examples)
        draft.input("x", inputs)
        draft.layer(kind(units), "x", g=ops.Tanh())
        yield _case(kind, what, draft, draft.network())
    draft = Draft("dense-no-bias")
    draft.input("x", 3)
    draft.layer(kind(4, bias=False), "x", g=ops.Sigmoid())
    yield _case(kind, "no-bias", draft, draft.network())
    draft = Draft("dense-fork-and-skip", steps=2)
    draft.input("x", 3)
    first = draft.layer(kind(4), "x", g=ops.Tanh())
    left, right = draft.layer(kind(2), first, g=ops.Sigmoid()), draft.layer(kind(3), first, "x")
    draft.layer(kind(2), left, right, first, "x")
    yield _case(kind, "fork-and-skip", draft, draft.network(of="l3"))
    draft = Draft("dense-shared", steps=2)
    draft.input("x", 4)
    first = draft.layer(kind(4), "x", g=ops.Tanh())
    draft.layer(kind(4), first, g=ops.Tanh(), uses={"weight": "l0.weight"})
    yield _case(kind, "shared-weight", draft, draft.network())
    draft = Draft("dense-frozen", steps=2)
    draft.input("x", 4)
    draft.layer(kind(3), "x", g=ops.Tanh(), frozen=("weight",))
    yield _case(kind, "frozen-weight", draft, draft.network())
    draft = Draft("dense-error-feeds-on")
    draft.input("x", 3)
    middle = draft.layer(kind(2), "x", g=ops.Tanh())
    draft.layer(ops.Add(), middle, draft.layer(kind(2), middle))
    yield _case(kind, "deep-in-a-sum", draft, draft.network(of="l2"))


def _shapes() -> Iterator[Case]:
    for what, op in (("add", ops.Add()), ("concat", ops.Concat())):
        draft = Draft(f"{what}-three")
        draft.input("x", 3)
        sources = [draft.layer(ops.Dense(3), "x", g=ops.Tanh()) for _ in range(3)]
        draft.layer(op, *sources)
        yield _case(type(op), "three-sources", draft, draft.network())
    draft = Draft("concat-uneven")
    draft.input("x", 5)
    draft.layer(ops.Concat(), draft.layer(ops.Dense(1), "x"), "x", g=ops.Sigmoid())
    yield _case(ops.Concat, "uneven", draft, draft.network())
    for factor in (-3.0, 0.1):
        draft = Draft(f"scale-{factor}")
        draft.input("x", 3)
        draft.layer(ops.Scale(factor), draft.layer(ops.Dense(3), "x"), g=ops.Tanh())
        yield _case(ops.Scale, f"by-{factor:g}", draft, draft.network())
    draft = Draft("flatten-image")
    draft.input("x", 2, 3, 3)
    draft.layer(ops.Flatten(), draft.layer(ops.Conv2d(3, (2, 2)), "x"))
    yield _case(ops.Flatten, "image", draft, draft.network())
    for rate in (0.5, 0.1):
        draft = Draft(f"dropout-{rate}", examples=5, steps=2)
        draft.input("x", 6)
        draft.layer(ops.Dropout(rate), draft.layer(ops.Dense(7), "x", g=ops.Tanh()))
        yield _case(ops.Dropout, f"rate-{rate:g}", draft, draft.network())


def _images() -> Iterator[Case]:
    for what, op, shape in (
        ("one-by-one", ops.Conv2d(2, (1, 1)), (3, 2, 3)),
        ("rectangular", ops.Conv2d(2, (3, 2)), (1, 5, 4)),
        ("stride", ops.Conv2d(3, (2, 3), (2, 1)), (2, 6, 5)),
        ("padding", ops.Conv2d(1, (3, 3), (1, 1), (1, 1)), (2, 3, 3)),
        ("no-bias", ops.Conv2d(2, (2, 2), (2, 2), (1, 0), bias=False), (2, 5, 4)),
        ("whole-image", ops.Conv2d(4, (3, 3)), (1, 3, 3)),
        ("unused-border", ops.Conv2d(2, (2, 2), (3, 3)), (1, 6, 6)),
    ):
        draft = Draft(f"conv2d-{what}")
        draft.input("x", *shape)
        # On a layer, not on the data: only then does its kernel carry a Δ back.
        draft.layer(ops.Flatten(), draft.layer(op, draft.layer(ops.Conv2d(shape[0], (1, 1)), "x", g=ops.Tanh())))
        yield _case(ops.Conv2d, what, draft, draft.network())
    for kind in (ops.MaxPool2d, ops.AvgPool2d):
        for what, pool in (
            ("square", kind((2, 2), (2, 2))),
            ("overlapping", kind((3, 2), (1, 1))),
            ("gaps", kind((1, 2), (3, 3))),
        ):
            draft = Draft(f"{kind.name}-{what}")
            draft.input("x", 2, 5, 6)
            pooled = draft.layer(pool, draft.layer(ops.Conv2d(2, (1, 1)), "x"))
            draft.layer(ops.Flatten(), pooled)
            yield _case(kind, what, draft, draft.network())
    draft = Draft("max_pool2d-ties")
    values = np.array([[1.0, 1.0, 0.0, 2.0], [1.0, 1.0, 2.0, 0.0], [0.0, 3.0, 4.0, 4.0], [3.0, 0.0, 4.0, 4.0]])
    draft.input("x", 1, 4, 4, values=values)
    draft.layer(ops.Flatten(), draft.layer(ops.MaxPool2d((2, 2), (2, 2)), draft.layer(ops.Scale(1.0), "x")))
    yield _case(ops.MaxPool2d, "ties", draft, draft.network(), kink=True)


def _normalizations() -> Iterator[Case]:
    for what, shape in (("vector", (7,)), ("image", (2, 3, 3))):
        draft = Draft(f"layer_norm-{what}")
        draft.input("x", *shape)
        source = draft.layer(ops.Dense(7), "x") if len(shape) == 1 else draft.layer(ops.Conv2d(2, (1, 1)), "x")
        normal = draft.layer(ops.LayerNorm(1e-5), source, g=ops.Tanh())
        if len(shape) > 1:
            draft.layer(ops.Flatten(), normal)
        yield _case(ops.LayerNorm, what, draft, draft.network())
    runnings: tuple[Literal["biased", "unbiased"], ...] = ("biased", "unbiased")
    for running in runnings:
        for what, shape in (("vector", (4,)), ("image", (2, 3, 3))):
            draft = Draft(f"batch_norm-{what}-{running}", examples=5, steps=2)
            draft.input("x", *shape)
            source = draft.layer(ops.Dense(4, bias=False) if len(shape) == 1 else ops.Conv2d(3, (2, 2), bias=False), "x")
            normal = draft.layer(ops.BatchNorm(1e-5, 0.1, running), source, g=ops.Tanh())
            if len(shape) > 1:
                draft.layer(ops.Flatten(), normal)
            yield _case(ops.BatchNorm, f"{what}-{running}", draft, draft.network())


def _embeddings() -> Iterator[Case]:
    for what, values in (("repeated", np.array([1, 1, 0])), ("one-row", np.array([2, 2, 2]))):
        draft = Draft(f"embedding-{what}", steps=2)
        draft.input("i", 3, values=values)
        draft.layer(ops.Flatten(), draft.layer(ops.Embedding(4, 2), "i", g=ops.Tanh()))
        yield _case(ops.Embedding, what, draft, draft.network())


def _told(g: ops.Activation) -> str:
    """The fields of an activation, for the name of a case."""
    return "".join(f"-{value:g}" for value in vars(g).values())


def _activations() -> Iterator[Case]:
    for g in ACTIVATIONS:
        told = _told(g)
        for what, spread in (("", 1.0), ("-large", 5.0), ("-small", 1e-3)):
            draft = Draft(f"{g.name}{told}{what}", examples=4, spread=spread)
            draft.input("x", 7)
            draft.layer(ops.Scale(1.0), "x", g=g)
            yield _case(type(g), f"values{told}{what}", draft, draft.network(outputs=3))
    for g in (g for g in ACTIVATIONS if g.bends):
        draft = Draft(f"{g.name}{_told(g)}-bend")
        draft.input("x", 5, values=np.array([g.bends[0], 0.3, -0.7, g.bends[-1], 2.0]))
        # Weights of one and zero: in is exactly where g bends, and its Δ is not 0.
        draft.layer(ops.Dense(5, bias=False), "x", g=g, init=np.eye(5))
        yield _case(type(g), f"at-a-bend{_told(g)}", draft, draft.network(outputs=3), kink=True)


ERRORS: tuple[ErrorOp, ...] = (
    ops.HalfSquared("sum"),
    ops.MeanSquared("sum"),
    ops.SoftmaxCrossEntropy("sum", targets="classes"),
    ops.SoftmaxCrossEntropy("sum", targets="probabilities"),
    ops.BinaryCrossEntropyWithLogits("sum"),
    ops.Huber("sum"),
    ops.Huber("sum", threshold=0.1),
)


def _errors() -> Iterator[Case]:
    for error in ERRORS:
        told = f"-{error.targets}" if isinstance(error, ops.SoftmaxCrossEntropy) else ""
        told += f"-{error.threshold:g}" if isinstance(error, ops.Huber) else ""
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
            yield _case(type(error), f"{what}{told}", draft, draft.network(outputs=3))
        if not isinstance(error, ops.Huber):
            draft = Draft(f"{error.name}{told}-far", 3, error=error, spread=10.0)
            draft.input("x", 4)
            yield _case(type(error), f"far{told}", draft, draft.network(outputs=3))
    draft = Draft("huber-threshold", 1, error=ops.Huber("sum"))
    draft.input("x", 3, values=np.array([1.0, -1.0, 0.25]))
    draft.layer(ops.Dense(3, bias=False), "x", init=np.eye(3))
    yield _case(ops.Huber, "at-threshold", draft, draft.network(of="l0", target=np.zeros((1, 3))), kink=True)


UPDATES: tuple[tuple[str, UpdateOp], ...] = (
    ("plain", ops.Sgd(0.1)),
    ("decay", ops.Sgd(0.1, weight_decay=0.05)),
    ("momentum", ops.Sgd(0.1, 0.9)),
    ("momentum-decay", ops.Sgd(0.1, 0.9, weight_decay=0.05)),
    ("nesterov", ops.Sgd(0.1, 0.9, nesterov=True)),
    ("nesterov-decay", ops.Sgd(0.01, 0.5, nesterov=True, weight_decay=0.05)),
    ("default", ops.Adam(0.01)),
    ("other-betas", ops.Adam(0.1, beta1=0.5, beta2=0.9, epsilon=1e-3)),
    ("default", ops.AdamW(0.01)),
    ("large-decay", ops.AdamW(0.1, weight_decay=0.5)),
)


def _updates() -> Iterator[Case]:
    for what, rule in UPDATES:
        draft = Draft(f"{rule.name}-{what}", examples=4, update=rule, steps=3)
        draft.input("x", 5)
        draft.layer(ops.Dense(4), "x", g=ops.Tanh(), frozen=("bias",))
        # At p = 0 an update cannot hide behind the parameter's size.
        draft.parameters["l1.bias"] = Parameter(Initializer("zeros"))
        yield _case(type(rule), what, draft, draft.network())
