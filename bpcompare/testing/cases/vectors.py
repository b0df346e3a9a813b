"""Dense layers, what joins and reshapes vectors and sequences, and arithmetic."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bpcompare import ops
from bpcompare.network.draft import Draft
from bpcompare.testing.cases.case import Case, case_of, flattened, on_layers


def dense() -> Iterator[Case]:
    """Dense layers."""
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
        yield case_of(kind, what, draft.network())
    draft = Draft("dense-no-bias")
    draft.input("x", 3)
    draft.layer(kind(4, bias=False), "x", g=ops.Sigmoid())
    yield case_of(kind, "no-bias", draft.network())
    draft = Draft("dense-fork-and-skip", steps=2)
    draft.input("x", 3)
    first = draft.layer(kind(4), "x", g=ops.Tanh())
    left, right = draft.layer(kind(2), first, g=ops.Sigmoid()), draft.layer(kind(3), first, "x")
    draft.layer(kind(2), left, right, first, "x")
    yield case_of(kind, "fork-and-skip", draft.network(of="l3"))
    draft = Draft("dense-shared", steps=2)
    draft.input("x", 4)
    first = draft.layer(kind(4), "x", g=ops.Tanh())
    draft.layer(kind(4), first, g=ops.Tanh(), uses={"weight": "l0.weight"})
    yield case_of(kind, "shared-weight", draft.network())
    draft = Draft("dense-frozen", steps=2)
    draft.input("x", 4)
    draft.layer(kind(3), "x", g=ops.Tanh(), frozen=("weight",))
    yield case_of(kind, "frozen-weight", draft.network())
    draft = Draft("dense-error-feeds-on")
    draft.input("x", 3)
    middle = draft.layer(kind(2), "x", g=ops.Tanh())
    draft.layer(ops.Add(), middle, draft.layer(kind(2), middle))
    yield case_of(kind, "deep-in-a-sum", draft.network(of="l2"))
    yield on_layers(kind(2), "along-a-sequence", (3, 4))
    yield on_layers(kind(2, bias=False), "along-an-image", (2, 3, 2))
    yield on_layers(kind(3), "several-sequences", (2, 3), (2, 1), (2, 2))
    draft = Draft("dense-fork-of-sequences", steps=2)
    draft.input("x", 3, 2)
    first = draft.layer(kind(2), "x", g=ops.Tanh())
    both = draft.layer(ops.Matmul(), draft.layer(ops.Permute((1, 0)), first), draft.layer(kind(3), first))
    draft.layer(ops.Flatten(), draft.layer(ops.Concat(), both, draft.layer(kind(3), first)))
    yield case_of(kind, "fork-of-sequences", draft.network())


def shapes() -> Iterator[Case]:
    """What joins, reshapes and masks."""
    for what, op in (("add", ops.Add()), ("concat", ops.Concat())):
        draft = Draft(f"{what}-three")
        draft.input("x", 3)
        sources = [draft.layer(ops.Dense(3), "x", g=ops.Tanh()) for _ in range(3)]
        draft.layer(op, *sources)
        yield case_of(type(op), "three-sources", draft.network())
    draft = Draft("concat-uneven")
    draft.input("x", 5)
    draft.layer(ops.Concat(), draft.layer(ops.Dense(1), "x"), "x", g=ops.Sigmoid())
    yield case_of(ops.Concat, "uneven", draft.network())
    for factor in (-3.0, 0.1):
        draft = Draft(f"scale-{factor}")
        draft.input("x", 3)
        draft.layer(ops.Scale(factor), draft.layer(ops.Dense(3), "x"), g=ops.Tanh())
        yield case_of(ops.Scale, f"by-{factor:g}", draft.network())
    draft = Draft("flatten-image")
    draft.input("x", 2, 3, 3)
    draft.layer(ops.Flatten(), draft.layer(ops.Conv2d(3, (2, 2)), "x"))
    yield case_of(ops.Flatten, "image", draft.network())
    for rate in (0.5, 0.1):
        draft = Draft(f"dropout-{rate}", examples=5, steps=2)
        draft.input("x", 6)
        draft.layer(ops.Dropout(rate), draft.layer(ops.Dense(7), "x", g=ops.Tanh()))
        yield case_of(ops.Dropout, f"rate-{rate:g}", draft.network())

    yield on_layers(ops.Add(), "broadcast", (3, 2), (2,))
    yield on_layers(ops.Add(), "broadcast-both-ways", (3, 1), (1, 2), ())
    yield on_layers(ops.Concat(axis=1), "second-axis", (2, 3), (2, 1))
    yield on_layers(ops.Concat(axis=-1), "last-axis", (2, 2, 1), (2, 2, 3))
    yield on_layers(ops.Permute((1, 0)), "matrix", (2, 3))
    yield on_layers(ops.Permute((2, 0, 1)), "image", (2, 3, 4))
    yield on_layers(ops.Permute((0, -1, 1)), "from-the-end", (2, 3, 4))
    yield on_layers(ops.Reshape((3, 4)), "image", (2, 3, 2))
    yield on_layers(ops.Reshape((-1, 2)), "left-over", (2, 3))
    for what, part, shape in (
        ("some", ops.Slice(1, 3), (4, 2)),
        ("every-second", ops.Slice(0, None, 2, axis=1), (2, 5)),
        ("from-the-end", ops.Slice(-2, axis=-1), (2, 4)),
        ("one-dropped", ops.Slice(-1, axis=1, drop=True), (2, 3)),
        ("gaps-at-the-far-edge", ops.Slice(1, 7, 3), (8,)),
    ):
        yield on_layers(part, what, shape)


def arithmetic() -> Iterator[Case]:
    """What is computed element by element."""
    for op in (ops.Multiply(), ops.Subtract(), ops.Divide()):
        yield on_layers(op, "alike", (3,), (3,))
        yield on_layers(op, "broadcast", (2, 3), (3,))
        yield on_layers(op, "broadcast-both-ways", (2, 1), (1, 3))
        yield on_layers(op, "scalar", (), (2,))
    draft = Draft("multiply-with-itself")
    draft.input("x", 3)
    first = draft.layer(ops.Dense(3), "x", g=ops.Tanh())
    draft.layer(ops.Multiply(), first, first)
    yield case_of(ops.Multiply, "with-itself", draft.network())
    for kind in (ops.Exp, ops.Log, ops.Sqrt):
        for what, shape in (("vector", (4,)), ("matrix", (2, 3))):
            yield on_layers(kind(), what, shape)
    for power in ops.Power.forms():
        yield on_layers(power, f"{power.exponent:g}", (4,))
    for reduction in (ops.Sum, ops.Mean):
        yield on_layers(reduction((0,)), "vector", (4,))
        yield on_layers(reduction((-1,)), "last-axis", (2, 3))
        yield on_layers(reduction((0, 2), keep=True), "kept", (2, 3, 2))
    for what, shape in (("vector", (3,)), ("matrix", (2, 2))):
        draft = Draft(f"constant-{what}", steps=2)
        draft.input("x", *shape)
        source = draft.layer(ops.Dense(shape[-1]), "x", g=ops.Tanh())
        flattened(draft, draft.layer(ops.Multiply(), source, draft.layer(ops.Constant(shape), g=ops.Tanh())))
        yield case_of(ops.Constant, what, draft.network())
    draft = Draft("constant-frozen")
    draft.input("x", 3)
    draft.layer(ops.Add(), draft.layer(ops.Dense(3), "x"), draft.layer(ops.Constant((3,)), frozen=("value",)), g=ops.Tanh())
    yield case_of(ops.Constant, "frozen", draft.network())


LOWEST = float(np.finfo(np.float32).min)
"""What libraries put on a score that must not count."""


def sequences() -> Iterator[Case]:
    """What sequences go through."""
    yield on_layers(ops.Matmul(), "matrices", (2, 3), (3, 2))
    yield on_layers(ops.Matmul(), "batched", (2, 2, 3), (2, 3, 1))
    yield on_layers(ops.Matmul(), "broadcast", (2, 2, 3), (3, 2))
    for what, low in (("attention", None), ("masked-attention", -1e9), ("lowest-mask", LOWEST)):
        draft = Draft(f"matmul-{what}", examples=2)
        draft.input("x", 3, 4)
        # A bias of the keys moves all scores of a row alike, and softmax takes that away: its gradient would be a true zero.
        query, key, value = (draft.layer(ops.Dense(2, bias=bias), "x") for bias in (True, False, True))
        scores = draft.layer(ops.Matmul(), query, draft.layer(ops.Permute((1, 0)), key))
        scores = draft.layer(ops.Scale(2.0**-0.5), scores, g=ops.Identity() if low else ops.Softmax())
        if low:
            mask = draft.layer(ops.Constant((3, 3)), init=np.where(np.tri(3) > 0, 0.0, low), frozen=("value",))
            scores = draft.layer(ops.Add(), scores, mask, g=ops.Softmax())
        draft.layer(ops.Flatten(), draft.layer(ops.Matmul(), scores, value))
        yield case_of(ops.Matmul, what, draft.network())
    for axis in (0, 1, -1):
        draft = Draft(f"softmax-axis-{axis}")
        draft.input("x", 3, 4)
        draft.layer(ops.Flatten(), draft.layer(ops.Dense(2), "x", g=ops.Softmax(axis)))
        yield case_of(ops.Softmax, f"axis-{axis}", draft.network())


FAMILIES = (dense, shapes, arithmetic, sequences)
