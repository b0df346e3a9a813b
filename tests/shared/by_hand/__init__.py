"""Every op by hand: its formula in plain NumPy as on paper, and numbers that need no computer. A file for each family of ops.

`FORMULAS` are for the test of the frameworks' lowerings: one example at a time, and numbers may be complex, so that derivatives
are complex steps and no formula of a derivative is written down. `NUMBERS` are for the test of the laws, which no oracle tries.
Neither knows of the laws.

A family's formulas are, for a layer op, `f(op, sources, parameters, draws)`; for an activation `g(op, x)`; for an error `E(op, a,
t)` before it is scaled; for a penalty `E(op, w)`; for a rule `step(op, t, w, g, slots)`, which gives the new w and the new slots.
"""

from importlib import import_module

from bpcompare.ops import FAMILIES

_FILES = {family: import_module(f"by_hand.{family}") for family in FAMILIES}
FORMULAS = {op: formula for file in _FILES.values() for op, formula in file.FORMULAS.items()}
NUMBERS = {family: file.NUMBERS for family, file in _FILES.items()}
"""By family; what a row is, the first lines of the families' files say."""
