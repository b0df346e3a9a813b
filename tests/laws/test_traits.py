"""What an op says of itself to other rooms is what its law does."""

import numpy as np
import pytest

from bpcompare.laws import LAWS
from every_law import ACTIVATIONS, ERRORS, LAYERS, asked


def _out(at):
    return np.asarray(LAWS.ops[type(at.op)].forward(at), np.float64)


def _reached(at, slot, k):
    """The numbers of the first example that change with number k of its source `slot`, counted in row order."""
    x = np.array(at.xs[slot])
    x[0].flat[k] += 0.25
    moved = _out(at.but(xs=[x if number == slot else one for number, one in enumerate(at.xs)]))
    return set(np.flatnonzero((moved != _out(at))[0]))


IN_ORDER = [place for place in LAYERS if place.op.in_order]


@pytest.mark.parametrize("place", IN_ORDER, ids=lambda place: place.name)
def test_in_order(place):
    """Exact mode would take two nodes for twins that are none, and draw no numbers, or none that show anything."""
    at = asked(place)
    size = _out(at)[0].size
    if any(np.size(x[0]) != size or len(x) != len(at.xs[0]) for x in at.xs):
        return  # something is repeated
    for slot in range(len(at.xs)):
        assert all(_reached(at, slot, k) <= {k} for k in range(size))


@pytest.mark.parametrize("place", [place for place in LAYERS if place.op.by_channel], ids=lambda place: place.name)
def test_by_channel(place):
    """Exact mode would give one number to channels that are not alike."""
    at = asked(place)
    turned = _out(at.but(xs=[at.xs[0][:, ::-1]]))
    assert np.array_equal(turned[:, ::-1], _out(at))


@pytest.mark.parametrize("place", [place for place in LAYERS if place.op.connects], ids=lambda place: place.name)
def test_connects(place):
    """A weight would be told by the names of two nodes that it does not connect."""
    at = asked(place)
    w = at.p["weight"]
    for index in np.ndindex(*w.shape):
        moved = w.copy()
        moved[index] += 0.25
        changed = _out(at.but(p={**at.p, "weight": moved})) != _out(at)
        own, axis = (index[-1], -1) if place.op.connects == "units" else (index[0], 1)
        assert set(np.nonzero(changed)[axis]) <= {own}


@pytest.mark.parametrize("place", [place for place in LAYERS if place.op.joins is not None], ids=lambda place: place.name)
def test_joins(place):
    """A row of a weight, or a part of a joined group, would be taken for another source's."""
    at = asked(place)
    axis = place.op.joins if place.op.joins < 0 else place.op.joins + 1
    assert np.array_equal(_out(at), _out(at.but(xs=[np.concatenate(at.xs, axis)], slot=0)))


@pytest.mark.parametrize("place", ACTIVATIONS, ids=lambda place: place.name)
def test_activations(place):
    """A drawing would hide a function, exact mode silence a unit that goes on, an exercise ask for what has no answer."""
    at = asked(place)
    op, x = at.op, np.random.default_rng(0).uniform(-8, 8, at.x.shape)
    out = _out(at.but(xs=[x]))
    assert np.array_equal(out, x) == op.unchanged
    moved = [_reached(at.but(xs=[x]), 0, k) <= {k} for k in range(x[0].size)]
    assert all(moved) == (op.elementwise or x[0].size == 1)
    if not op.elementwise:
        return
    law = LAWS.ops[type(op)]

    def slope(x):
        return np.asarray(law.delta(at.but(xs=[x], dy=np.ones(x.shape))), np.float64)

    fine = np.linspace(-8, 8, 4001)[:, None]
    assert (len(np.unique(slope(fine))) <= 3) == op.straight
    below = fine[fine < 0][:, None]
    assert op.off_below_zero == (not _out(at.but(xs=[below])).any() and not slope(below).any())


@pytest.mark.parametrize("place", ERRORS, ids=lambda place: place.name)
def test_errors(place):
    """An exercise would ask for one output what depends on all of them."""
    at = asked(place)
    law, outputs = LAWS.ops[type(at.op)], range(at.xs[0].shape[-1])
    reached = []
    for k in outputs:
        x = np.array(at.xs[0])
        x[..., k] += 0.25
        changed = np.asarray(law.delta(at.but(xs=[x, at.xs[1]]))) != np.asarray(law.delta(at))
        reached += [set(np.nonzero(changed)[-1]) <= {k}]
    assert all(reached) == at.op.elementwise
