"""Images, normalizations, embeddings, and activations that learn."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np

from bpcompare import ops
from bpcompare.network.draft import Draft
from bpcompare.testing.cases.case import Case, case_of, flattened, on_layers


def images() -> Iterator[Case]:
    """Convolutions and pools."""
    for what, op, shape in (
        ("one-by-one", ops.Conv2d(2, (1, 1)), (3, 2, 3)),
        ("rectangular", ops.Conv2d(2, (3, 2)), (1, 5, 4)),
        ("stride", ops.Conv2d(3, (2, 3), (2, 1)), (2, 6, 5)),
        ("padding", ops.Conv2d(1, (3, 3), (1, 1), (1, 1)), (2, 3, 3)),
        ("no-bias", ops.Conv2d(2, (2, 2), (2, 2), (1, 0), bias=False), (2, 5, 4)),
        ("whole-image", ops.Conv2d(4, (3, 3)), (1, 3, 3)),
        ("unused-border", ops.Conv2d(2, (2, 2), (3, 3)), (1, 6, 6)),
        ("dilation", ops.Conv2d(2, (2, 3), dilation=(3, 1)), (2, 5, 4)),
        ("groups", ops.Conv2d(4, (2, 2), (1, 2), groups=2), (4, 3, 4)),
        ("depthwise", ops.Conv2d(6, (2, 1), groups=3, bias=False), (3, 3, 2)),
        ("far-padding", ops.Conv2d(2, (3, 3), (2, 2), (0, 1), far_padding=(1, 2)), (1, 4, 4)),
        ("all-of-it", ops.Conv2d(2, (2, 2), (2, 1), (1, 0), dilation=(1, 2), groups=2, far_padding=(0, 2)), (2, 4, 4)),
    ):
        draft = Draft(f"conv2d-{what}")
        draft.input("x", *shape)
        # On a layer, not on the data: only then does its kernel carry a Δ back.
        draft.layer(ops.Flatten(), draft.layer(op, draft.layer(ops.Conv2d(shape[0], (1, 1)), "x", g=ops.Tanh())))
        yield case_of(ops.Conv2d, what, draft.network())
    for kind in (ops.MaxPool2d, ops.AvgPool2d):
        for what, pool in (
            ("square", kind((2, 2), (2, 2))),
            ("overlapping", kind((3, 2), (1, 1))),
            ("gaps", kind((1, 2), (3, 3))),
            ("padding", kind((3, 2), (2, 1), (1, 1))),
        ):
            draft = Draft(f"{kind.name}-{what}")
            draft.input("x", 2, 5, 6)
            pooled = draft.layer(pool, draft.layer(ops.Conv2d(2, (1, 1)), "x"))
            draft.layer(ops.Flatten(), pooled)
            yield case_of(kind, what, draft.network())
    for what, pooling in (
        ("members-only", ops.AvgPool2d((3, 3), (2, 2), (1, 1), counts_padding=False)),
        ("uneven", ops.AdaptiveAvgPool2d((2, 4))),
        ("whole-image", ops.AdaptiveAvgPool2d((1, 1))),
        ("larger-than-the-image", ops.AdaptiveAvgPool2d((7, 3))),
    ):
        draft = Draft(f"{pooling.name}-{what}")
        draft.input("x", 2, 5, 6)
        draft.layer(ops.Flatten(), draft.layer(pooling, draft.layer(ops.Conv2d(2, (1, 1)), "x", g=ops.Tanh())))
        yield case_of(type(pooling), what, draft.network())
    draft = Draft("max_pool2d-all-negative")
    draft.input("x", 1, 3, 3, values=-1.0 - np.arange(9.0).reshape(1, 3, 3))
    draft.layer(ops.Flatten(), draft.layer(ops.MaxPool2d((2, 2), (2, 2), (1, 1)), draft.layer(ops.Scale(1.0), "x")))
    yield case_of(ops.MaxPool2d, "all-negative-at-the-edge", draft.network())
    draft = Draft("max_pool2d-ties")
    values = np.array([[1.0, 1.0, 0.0, 2.0], [1.0, 1.0, 2.0, 0.0], [0.0, 3.0, 4.0, 4.0], [3.0, 0.0, 4.0, 4.0]])
    draft.input("x", 1, 4, 4, values=values)
    draft.layer(ops.Flatten(), draft.layer(ops.MaxPool2d((2, 2), (2, 2)), draft.layer(ops.Scale(1.0), "x")))
    yield case_of(ops.MaxPool2d, "ties", draft.network(), kink=True)


def normalizations() -> Iterator[Case]:
    """Normalizations of vectors, images and sequences."""
    for what, shape in (("vector", (7,)), ("image", (2, 3, 3))):
        draft = Draft(f"layer_norm-{what}")
        draft.input("x", *shape)
        source = draft.layer(ops.Dense(7), "x") if len(shape) == 1 else draft.layer(ops.Conv2d(2, (1, 1)), "x")
        normal = draft.layer(ops.LayerNorm(1e-5), source, g=ops.Tanh())
        if len(shape) > 1:
            draft.layer(ops.Flatten(), normal)
        yield case_of(ops.LayerNorm, what, draft.network())
    for norm, what, of in (
        (ops.LayerNorm(1e-5, last=1), "sequence", (3, 4)),
        (ops.LayerNorm(1e-5, last=2), "two-axes", (2, 3, 4)),
        (ops.RmsNorm(1e-5), "vector", (5,)),
        (ops.RmsNorm(1e-5, last=1), "sequence", (3, 4)),
        (ops.GroupNorm(2, 1e-5), "vector", (6,)),
        (ops.GroupNorm(2, 1e-5), "image", (4, 2, 3)),
        (ops.GroupNorm(1, 1e-5), "one-group", (2, 3)),
    ):
        draft = Draft(f"{norm.name}-{what}")
        draft.input("x", *of)
        flattened(draft, draft.layer(norm, draft.layer(ops.Dense(of[-1]), "x"), g=ops.Tanh()))
        yield case_of(type(norm), what, draft.network())
    runnings: tuple[Literal["biased", "unbiased"], ...] = ("biased", "unbiased")
    for running in runnings:
        for what, shape in (("vector", (4,)), ("image", (2, 3, 3))):
            draft = Draft(f"batch_norm-{what}-{running}", examples=5, steps=2)
            draft.input("x", *shape)
            source = draft.layer(ops.Dense(4, bias=False) if len(shape) == 1 else ops.Conv2d(3, (2, 2), bias=False), "x")
            normal = draft.layer(ops.BatchNorm(1e-5, 0.1, running), source, g=ops.Tanh())
            if len(shape) > 1:
                draft.layer(ops.Flatten(), normal)
            yield case_of(ops.BatchNorm, f"{what}-{running}", draft.network())


def embeddings() -> Iterator[Case]:
    """Rows picked by whole numbers."""
    for what, values in (("repeated", np.array([1, 1, 0])), ("one-row", np.array([2, 2, 2]))):
        draft = Draft(f"embedding-{what}", steps=2)
        draft.input("i", 3, values=values)
        draft.layer(ops.Flatten(), draft.layer(ops.Embedding(4, 2), "i", g=ops.Tanh()))
        yield case_of(ops.Embedding, what, draft.network())


def parametric() -> Iterator[Case]:
    """Activations that learn."""
    yield on_layers(ops.PRelu(), "one-slope", (5,))
    yield on_layers(ops.PRelu(channels=True), "slope-a-channel", (3, 2))
    draft = Draft("prelu-bend")
    draft.input("x", 4, values=np.array([0.0, 0.3, -0.7, 2.0]))
    draft.layer(ops.PRelu(), draft.layer(ops.Scale(1.0), "x"))
    yield case_of(ops.PRelu, "at-a-bend", draft.network(outputs=3), kink=True)


FAMILIES = (images, normalizations, embeddings, parametric)
