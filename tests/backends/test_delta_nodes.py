"""delta's run of many single nodes, side by side: the numbers that it gives of each alone."""

import numpy as np
import pytest

from bpcompare import ops
from bpcompare.network.draft import Draft
from bpcompare.plan.draw import plan as draw
from bpcompare.proof.values import recorded_values
from bpcompare.testing.nodes import nodes
from bpcompare_delta import Delta, backend
from single_nodes import graph

NETS = {f"{net.name} of {len(net.layers)}": net for net in (nodes(400), nodes(60, fan=40), *(graph(n, 300) for n in range(4)))}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("network", NETS.values(), ids=NETS)
def test_the_same_bits(monkeypatch, network, dtype):
    """If this fails, delta's numbers of a node depend on how many others there are, and an old record of it is another's."""
    plan = draw(network, dtype)
    found = recorded_values(Delta().run(plan).steps[0])
    monkeypatch.setattr(backend, "side_by_side", lambda plan, laws: False)
    alone = recorded_values(Delta().run(plan).steps[0])
    assert list(found) == list(alone)
    for path, x in alone.items():
        assert (found[path].dtype, found[path].shape) == (x.dtype, x.shape), path
        np.testing.assert_array_equal(found[path], x, err_msg=path)


def test_a_node_whose_activation_looks_along_an_axis():
    """If this fails, softmax of a node, which is 1, is the softmax over its neighbours: they are side by side along that axis."""
    draft = Draft("softmax", examples=3, seed=1)
    x = draft.input("x", 3)
    names = [draft.layer(ops.Dense(1), x, name=f"n{k}", g=ops.Softmax(0) if k % 2 else ops.Tanh()) for k in range(12)]
    draft.layer(ops.Dense(2), *names, name="o")
    found = recorded_values(Delta().run(draw(draft.network("o"), "float64")).steps[0])
    for k in range(1, 12, 2):
        np.testing.assert_array_equal(found[f"n{k}.a"], 1.0)
        np.testing.assert_array_equal(found[f"n{k}.in.delta"] if f"n{k}.in.delta" in found else found[f"n{k}.delta"], 0.0)
