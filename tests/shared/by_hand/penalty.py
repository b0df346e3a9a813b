"""Penalties by hand. Numbers: (penalty, w, E, −∂E/∂w)."""

from bpcompare import ops

FORMULAS = {ops.L2: lambda op, w: op.factor * (w**2).sum() / 2}

# ½ · ½ (1 + 4 + 9) and −½ w: without the ½ of E, both would be twice as large
NUMBERS = ((ops.L2(0.5), [[1, -2], [3, 0]], 3.5, [[-0.5, 1], [-1.5, 0]]),)
