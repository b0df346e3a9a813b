"""Products of matrices by hand."""

from bpcompare import ops
from by_hand.layer import Numbers

FORMULAS = {ops.Matmul: lambda op, xs, p, e: (xs[0][..., :, :, None] * xs[1][..., None, :, :]).sum(-2)}

NUMBERS = (
    # neither factor is transposed
    Numbers(
        ops.Matmul(),
        [[[[1, 2], [3, 4]]], [[[5, 6], [7, 8]]]],
        [[[19, 22], [43, 50]]],
        [[[1, 0], [0, 2]]],
        [[[[5, 7], [12, 16]]], [[[1, 6], [2, 8]]]],
    ),
)
