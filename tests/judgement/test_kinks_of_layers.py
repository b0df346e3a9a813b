"""Kinks and ties of layers: a prelu at 0, and windows that tie where they reach over the edge of the image."""

import numpy as np
import pytest

import bpcompare
from bpcompare import ops
from bpcompare.laws import LAWS
from bpcompare.laws.law import At
from bpcompare.network.draft import Draft
from bpcompare.network.parameter import Parameter
from bpcompare_delta import Delta


class _Student(Delta):
    """Another Δ at layer l0: `changed(delta of l0, its a, what came back of l1)`."""

    name = "student"
    change = staticmethod(lambda own, a, above: own)

    def backward(self, plan, batch, parameters, state, net_in, a):
        delta = dict(super().backward(plan, batch, parameters, state, net_in, a))
        delta["l0"] = self.change(np.array(delta["l0"]), a["l0"], delta["l1"])
        return delta


def judged(network, change):
    student = type("Other", (_Student,), {"change": staticmethod(change)})
    return bpcompare.run(network, ["delta", student])


def prelu(slope, *, channels=False):
    """Of four entries the first is 0 in every example."""
    draft = Draft("prelu")
    draft.input("x", 4, values=np.array([0.0, 0.3, -0.7, 2.0]))
    draft.layer(ops.PRelu(channels), draft.layer(ops.Scale(1.0), "x"))
    network = draft.network(outputs=3)
    network.parameters["l1.slope"] = Parameter(np.full(4 if channels else 1, slope))
    return network


@pytest.mark.parametrize("slope", [0.25, -0.5, 3.0])
@pytest.mark.parametrize(
    ("part", "verdict"), [(0.0, "identical"), (1.0, "convention"), (0.5, "convention"), (1.2, "wrong"), (-0.2, "wrong")]
)
def test_a_prelu_at_its_kink(slope, part, verdict):
    """Any derivative between the slope and 1 is valid at 0, and no other: as for relu, whatever the slope is."""

    def change(own, a, above):
        own[:, 0] = (slope + part * (1.0 - slope)) * above[:, 0]
        return own

    comparison = judged(prelu(slope, channels=slope < 0), change)
    assert comparison.verdict == verdict
    assert comparison.first is None or (comparison.first.path == "l0.delta") == (verdict != "identical")


@pytest.mark.parametrize("entry", [1, 2])
def test_beside_its_kink_a_prelu_has_one_derivative(entry):
    """A kink must not excuse the entries beside it."""

    def change(own, a, above):
        own[:, 0], own[:, entry] = above[:, 0], 0.5 * above[:, entry]
        return own

    assert judged(prelu(0.25), change).verdict == "wrong"


def pool():
    """3 × 3, all entries equal and negative; windows of 2 × 2 that reach over the upper and the left edge."""
    draft = Draft("pool")
    draft.input("x", 1, 3, 3, values=np.full((1, 3, 3), -1.0))
    draft.layer(ops.Flatten(), draft.layer(ops.MaxPool2d((2, 2), (2, 2), (1, 1)), draft.layer(ops.Scale(1.0), "x")))
    return draft.network()


def test_an_honest_pool_at_the_edge():
    """Zeros of the border would win over negative numbers."""
    comparison = judged(pool(), lambda own, a, above: own)
    assert comparison.verdict == "identical"
    assert (comparison.records["delta"].steps[0].a["l1"] == -1).all()


@pytest.mark.parametrize("share", [(0.0, 1.0), (0.5, 0.5)])
def test_another_winner_of_a_window_at_the_edge(share):
    """Of the two entries that the upper right window holds, either may have its Δ, or each a part."""

    def change(own, a, above):
        own[:, 0, 0, 1], own[:, 0, 0, 2] = (part * above[:, 0, 0, 1] for part in share)
        return own

    assert judged(pool(), change).verdict == "convention"


@pytest.mark.parametrize("share", [(0.0, 0.0), (1.0, 1.0)])
def test_the_border_is_no_winner(share):
    """Δ that went to the border is lost; and Δ that went to both entries was handed back twice."""

    def change(own, a, above):
        own[:, 0, 0, 1], own[:, 0, 0, 2] = (part * above[:, 0, 0, 1] for part in share)
        return own

    assert judged(pool(), change).verdict == "wrong"


def test_what_may_be_the_maximum_is_of_the_image():
    """A border among the candidates: its position is that of an entry of the image, which would be excused for it."""
    op = ops.MaxPool2d((2, 2), (2, 2), (1, 1))
    x = np.arange(9.0).reshape(1, 1, 3, 3) - 20.0
    positions, tied = LAWS.of("l", op).tied(op, x)
    assert [positions[row][tied[row]].tolist() for row in range(4)] == [[0], [2], [6], [8]]
    assert LAWS.of("l", op).forward(At(op, [x])).ravel().tolist() == [-20.0, -18.0, -14.0, -12.0]


@pytest.mark.parametrize(
    ("part", "verdict"), [(1.5, "identical"), (0.5, "convention"), (3.0, "convention"), (0.49, "wrong"), (3.01, "wrong")]
)
def test_two_kinks_at_one_number(part, verdict):
    """JAX takes α at the kink of elu and 1 at that of prelu: no choice that is the same for both, and no mistake."""
    draft = Draft("two kinks")
    draft.input("x", 4, values=np.array([0.0, 0.3, -0.7, 2.0]))
    draft.layer(ops.PRelu(), draft.layer(ops.Scale(1.0), "x", g=ops.Elu(0.5)))
    network = draft.network(outputs=3)
    network.parameters["l1.slope"] = Parameter(np.full(1, 3.0))

    def change(own, a, above):
        own[:, 0] = part * above[:, 0]
        return own

    assert judged(network, change).verdict == verdict
