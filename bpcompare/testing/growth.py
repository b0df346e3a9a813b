"""Layers of random networks: images, sequences, vectors."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from bpcompare import ops
from bpcompare.ops.op import LayerOp

if TYPE_CHECKING:
    from bpcompare.testing.networks import Choose, Drawing

EPSILON = 1e-5


def image(draft: Drawing) -> None:
    """An image, through what images go through, to a vector."""
    choose = draft.choose
    side = choose.integer(3, 8)
    group = draft.input("p", (choose.integer(1, 2), side, choose.integer(3, 8)))
    for _ in range(choose.integer(1, 3)):
        channels, high, wide = draft.shapes[group]
        kernel = (choose.integer(1, min(3, high)), choose.integer(1, min(3, wide)))
        stride = (choose.integer(1, 2), choose.integer(1, 2))
        edge = (choose.integer(0, 1) if kernel[0] > 1 else 0, choose.integer(0, 1) if kernel[1] > 1 else 0)
        kind = choose.one_of(("conv", "conv", "max", "avg", "batch", "layer", "add", "group", "prelu", "adaptive"))
        if kind == "conv":
            group = draft.layer(_convolution(choose, channels, (high, wide), kernel, stride), [group])
        elif kind == "max":
            group = draft.layer(ops.MaxPool2d(kernel, stride, edge), [group])
        elif kind == "avg":
            group = draft.layer(ops.AvgPool2d(kernel, stride, edge, choose.one_of((True, False))), [group])
        elif kind == "adaptive":
            group = draft.layer(ops.AdaptiveAvgPool2d((choose.integer(1, high), choose.integer(1, wide))), [group])
        elif kind == "add":
            other = draft.layer(ops.Conv2d(channels, (1, 1)), [group])
            group = draft.layer(ops.Add(), [group, other])
        elif kind == "prelu":
            group = draft.layer(ops.PRelu(choose.one_of((True, False))), [group])
        else:
            norms = {"batch": _batch_norm(choose), "layer": ops.LayerNorm(EPSILON), "group": ops.GroupNorm(1, EPSILON)}
            group = draft.layer(norms[kind], [group])
    draft.layer(ops.Flatten(), [group])


def _convolution(
    choose: Choose, channels: int, size: tuple[int, int], kernel: tuple[int, int], stride: tuple[int, int]
) -> ops.Conv2d:
    """With everything that a convolution may have, each at times; it always fits."""
    groups = choose.one_of([1, 1, 1, channels])
    padding, far = (choose.integer(0, 1), choose.integer(0, 1)), (choose.integer(0, 1), choose.integer(0, 1))
    reach = [n + p for n, p in zip(size, padding, strict=True)]
    dilation = (
        choose.one_of([1, 1, 2]) if 2 * kernel[0] - 1 <= reach[0] else 1,
        choose.one_of([1, 1, 2]) if 2 * kernel[1] - 1 <= reach[1] else 1,
    )
    return ops.Conv2d(
        choose.integer(1, 3) * groups,
        kernel,
        stride,
        padding,
        bias=choose.one_of((True, False)),
        dilation=dilation,
        groups=groups,
        far_padding=choose.one_of([None, far]),
    )


def sequence(draft: Drawing) -> None:  # noqa: C901 — a row for each kind of layer
    """Some places of some features each, through what transformers are made of, and to a vector."""
    choose = draft.choose
    group = draft.input("s", (choose.integer(1, 4), choose.integer(1, 5)))
    for _ in range(choose.integer(1, 3)):
        places, width = draft.shapes[group]
        kind = choose.one_of(("dense", "attention", "norm", "gate", "turn", "concat", "part", "softmax", "shape"))
        if kind == "dense":
            group = draft.layer(ops.Dense(choose.integer(1, 5)), [group])
        elif kind == "attention":
            group = _attention(draft, group)
        elif kind == "norm" and width > 2:
            norm = choose.one_of((ops.LayerNorm(EPSILON, last=1), ops.RmsNorm(EPSILON, last=1)))
            group = draft.layer(norm, [group])
        elif kind == "gate":
            gate = draft.layer(ops.Dense(choose.one_of((1, width))), [group], ops.Sigmoid())
            group = draft.layer(ops.Multiply(), [group, gate])
        elif kind == "turn":
            group = draft.layer(ops.Permute((1, 0)), [group])
        elif kind == "concat":
            axis = choose.integer(0, 1)
            other = draft.layer(ops.Dense(width if axis == 0 else choose.integer(1, 3)), [group])
            group = draft.layer(ops.Concat(axis), [group, other])
        elif kind == "part":
            axis = choose.integer(0, 1)
            size = draft.shapes[group][axis]
            group = draft.layer(ops.Slice(choose.integer(0, size - 1), None, choose.integer(1, 2), axis), [group])
        elif kind == "softmax":
            group = draft.layer(ops.Dense(width), [group], ops.Softmax(choose.integer(0, 1)))
        elif kind == "shape":
            group = draft.layer(ops.Reshape((-1, choose.one_of((1, places)))), [group])
    end = choose.one_of(("flatten", "mean", "sum", "one"))
    if end == "flatten":
        draft.layer(ops.Flatten(), [group])
    elif end == "one":
        draft.layer(ops.Slice(-1, drop=True), [group])
    else:
        draft.layer((ops.Mean if end == "mean" else ops.Sum)((0,)), [group])


def _attention(draft: Drawing, group: str) -> str:
    """softmax(q kᵀ/√d + mask) v."""
    choose = draft.choose
    places, width = draft.shapes[group][0], choose.integer(1, 3)
    query, key, value = (draft.layer(ops.Dense(width), [group], ops.Identity()) for _ in range(3))
    scores = draft.layer(ops.Matmul(), [query, draft.layer(ops.Permute((1, 0)), [key], ops.Identity())], ops.Identity())
    scores = draft.layer(ops.Scale(width**-0.5), [scores], ops.Identity())
    if choose.integer(0, 1):
        mask = draft.constant(np.where(np.tri(places) > 0, 0.0, -1e9))
        scores = draft.layer(ops.Add(), [scores, mask], ops.Identity())
    weights = draft.layer(ops.Scale(1.0), [scores], ops.Softmax())
    return draft.layer(ops.Matmul(), [weights, value])


def grow(draft: Drawing) -> None:  # noqa: C901 — a row for each kind of layer
    """One more vector layer, from any earlier vectors: forks and skips come about by themselves."""
    choose, size = draft.choose, draft.size
    vectors = draft.vectors()
    source = choose.one_of(vectors[::-1])
    width = draft.shapes[source][0]
    kind = choose.one_of((*("dense",) * 4, *_SIMPLE, *_SIMPLE, *_OTHERS, *_REST))
    if kind == "dense":
        sources = list(dict.fromkeys([source, *(choose.one_of(vectors) for _ in range(choose.integer(0, 2)))]))
        draft.layer(
            ops.Dense(choose.one_of((choose.integer(2, size.width), 1, size.width)), bias=choose.one_of((True, False))), sources
        )
    elif kind == "add":
        alike = [group for group in vectors if draft.shapes[group] == (width,) and group != source]
        other = choose.one_of(alike) if alike else draft.layer(ops.Dense(width), [source])
        draft.layer(ops.Add(), [source, other])
    elif kind == "concat":
        draft.layer(ops.Concat(), list(dict.fromkeys([source, choose.one_of(vectors)])) * (1 if len(vectors) > 1 else 2))
    elif kind == "scale":
        draft.layer(ops.Scale(choose.one_of((0.5, -3.0, 0.1))), [source])
    elif kind == "dropout":
        draft.layer(ops.Dropout(choose.one_of((0.5, 0.1))), [source])
    elif kind == "layer_norm" and width > 2:
        draft.layer(ops.LayerNorm(EPSILON), [source])
    elif kind == "batch_norm":
        draft.layer(_batch_norm(choose), [source])
    elif kind == "rms_norm" and width > 2:
        draft.layer(ops.RmsNorm(EPSILON), [source])
    elif kind == "group_norm" and width > 2:
        draft.layer(ops.GroupNorm(2 if width > 5 and width % 2 == 0 else 1, EPSILON), [source])
    elif kind == "prelu":
        draft.layer(ops.PRelu(choose.one_of((False, True))), [source])
    elif kind == "constant":
        draft.layer(ops.Add(), [source, draft.layer(ops.Constant((width,)), [])])
    elif kind in _TWO:
        other = draft.layer(ops.Dense(choose.one_of((width, 1))), [source])
        draft.layer(_TWO[kind](), [source, other])
    elif kind == "divide":
        draft.layer(ops.Divide(), [source, draft.positive(source)])
    elif kind in _OF_POSITIVE:
        draft.layer(choose.one_of(_OF_POSITIVE[kind]), [draft.positive(source)])
    elif kind == "square":
        draft.layer(ops.Power(choose.one_of((2.0, 3.0))), [draft.layer(ops.Dense(width), [source], ops.Tanh())])
    elif kind in _REST:
        as_in_its_cases(draft, _REST[kind], source)


def as_in_its_cases(draft: Drawing, kind: type[LayerOp], source: str) -> None:
    """The op in a form of its conformance cases, on sources of the shapes that they have there, and back to a vector."""
    from bpcompare.testing.cases import forms

    op, shapes = draft.choose.one_of(forms(kind))
    sources = []
    for slot, shape in enumerate(shapes):
        group = draft.layer(ops.Dense(prod(shape)), [source])
        if slot in op.domain:
            group = draft.positive(group)
        sources.append(draft.layer(ops.Reshape(shape) if shape else ops.Sum((0,)), [group], ops.Identity()))
    draft.layer(ops.Flatten(), [draft.layer(op, sources)])


_SIMPLE = ("add", "concat", "scale", "dropout", "layer_norm", "batch_norm")
_TWO: Mapping[str, type[LayerOp]] = {"multiply": ops.Multiply, "subtract": ops.Subtract}
_OF_POSITIVE: Mapping[str, tuple[LayerOp, ...]] = {
    "log": (ops.Log(),),
    "sqrt": (ops.Sqrt(),),
    "power": tuple(ops.Power(p) for p in (-1.0, -2.0, 0.5, 1.5)),
}
_KNOWN: frozenset[type[LayerOp]] = frozenset(
    {
        *(ops.Dense, ops.Conv2d, ops.MaxPool2d, ops.AvgPool2d, ops.AdaptiveAvgPool2d, ops.Embedding, ops.PRelu, ops.Constant),
        *(ops.LayerNorm, ops.RmsNorm, ops.GroupNorm, ops.BatchNorm, ops.Add, ops.Concat, ops.Scale, ops.Flatten, ops.Dropout),
        *(ops.Permute, ops.Reshape, ops.Slice, ops.Multiply, ops.Subtract, ops.Divide, ops.Exp, ops.Log, ops.Sqrt, ops.Power),
        *(ops.Matmul, ops.Sum, ops.Mean),
    }
)
"""What is drawn in ways of its own, above and where networks are built."""
_REST: Mapping[str, type[LayerOp]] = {op.name: op for op in ops.LAYERS if op not in _KNOWN and not op.integer}
"""Every other op: as its conformance cases have it."""
_OTHERS = ("rms_norm", "group_norm", "prelu", "constant", "divide", "square", *_TWO, *_OF_POSITIVE)


def _batch_norm(choose: Choose) -> ops.BatchNorm:
    return ops.BatchNorm(EPSILON, 0.1, choose.one_of(("biased", "unbiased")))
