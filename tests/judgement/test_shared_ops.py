"""Networks built in Python may have one op in several layers: each is judged on its own numbers."""

import numpy as np

import bpcompare
from bpcompare.network.draft import Draft
from bpcompare.ops import Dense, Exp, Log


def test_one_op_in_two_layers_is_two_layers():
    """The law of the one would be evaluated on the numbers of the other: right backends called wrong, or wrong ones right."""
    draft = Draft("twins", 3)
    x = draft.input("x", 4, values=np.linspace(-1, 1, 12).reshape(3, 4))
    exp, log = Exp(), Log()
    ends = []
    for units in (2, 2):
        hidden = draft.layer(Dense(units), x)
        ends.append(draft.layer(log, draft.layer(exp, hidden)))
    top = draft.layer(Dense(3), *ends)
    assert bpcompare.run(draft.network(top), ["delta"]).verdict in ("certified", "undecided")
