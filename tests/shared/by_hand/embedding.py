"""Embeddings by hand."""

from bpcompare import ops
from by_hand.layer import Numbers

FORMULAS = {ops.Embedding: lambda op, xs, p, e: p["weight"][xs[0]]}

NUMBERS = (
    # an index met twice adds twice; a row never read has no gradient
    Numbers(
        ops.Embedding(3, 2),
        [[[0, 2], [0, 0]]],
        [[[1, 2], [5, 6]], [[1, 2], [1, 2]]],
        [[[1, 2], [3, 4]], [[5, 6], [7, 8]]],
        p={"weight": [[1, 2], [3, 4], [5, 6]]},
        gradients={"weight": [[13, 16], [0, 0], [3, 4]]},
    ),
)
