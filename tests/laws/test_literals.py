"""Every law against numbers worked out by hand. No oracle tries a forward law: these numbers do."""

import numpy as np
import pytest

from bpcompare import ops
from bpcompare.laws import LAWS
from bpcompare.laws.law import At, UpdateAt
from bpcompare.numbers.number import Product, total
from bpcompare.ops import FAMILIES
from by_hand import NUMBERS

LAYERS = [row for family in FAMILIES if family not in ("activation", "error", "penalty", "update") for row in NUMBERS[family]]


def number(value):
    return value.x @ value.w if isinstance(value, Product) else value


def close(value, expected):
    expected = np.asarray(expected, float)
    assert np.shape(value) == expected.shape
    assert number(value) == pytest.approx(expected, rel=1e-14, abs=1e-15)


def floats(named):
    return {name: np.array(x, float) for name, x in named.items()}


@pytest.mark.parametrize("row", LAYERS, ids=[f"{row.op.name}-{number}" for number, row in enumerate(LAYERS)])
def test_layer(row):
    """A wrong layer would be the law: its result, the Δ of a source, a gradient, or what is carried to the next step."""
    law, op = LAWS.of("l", row.op), row.op
    xs = [np.array(x, int if slot in op.integer else float) for slot, x in enumerate(row.xs)]
    at = At(op, xs, floats(row.p), floats(row.c), np.array(row.delta, float))
    close(law.forward(at), row.y)
    assert len(row.deltas) == len(xs) - len(op.integer)
    for slot, expected in enumerate(row.deltas):
        close(total([law.delta(at.but(slot=slot))]), expected)
    assert row.gradients.keys() == row.p.keys()
    for role, expected in row.gradients.items():
        close(total([law.gradient(at.but(role=role))]), expected)
    for name, expected in row.state.items():
        close(law.state(at.but(name=name)), expected)


@pytest.mark.parametrize(("op", "net_in", "a", "delta_a", "delta_in"), NUMBERS["activation"])
def test_activation(op, net_in, a, delta_a, delta_in):
    """A wrong g or g' would be the law, and every backend that has it right would be called wrong."""
    law, x = LAWS.of("l.g", op), np.array([net_in], float)
    close(law.forward(At(op, [x])), [a])
    close(law.delta(At(op, [x], dy=np.array([delta_a], float))), [delta_in])


@pytest.mark.parametrize(("op", "a", "t", "error", "delta"), NUMBERS["error"])
def test_error(op, a, t, error, delta):
    """The base case of the induction: everything behind it would be wrong by the same factor."""
    law, a = LAWS.of("error", op), np.array(a, float)
    t = np.array(t) if op.integer_target else np.array(t, float)
    close(law.forward(At(op, [a, t])), error)
    close(law.delta(At(op, [a, t])), delta)


@pytest.mark.parametrize(("op", "w", "error", "gradient"), NUMBERS["penalty"])
def test_penalty(op, w, error, gradient):
    """A penalty without its ½ would be the law: E and its gradients would be twice as large."""
    law, at = LAWS.of("h.weight.penalty", op), At(op, [], {"w": np.array(w, float)})
    assert law.forward(at) == error
    assert law.gradient(at.but(role="w")).tolist() == gradient


@pytest.mark.parametrize(("op", "t", "g", "before", "after", "p"), NUMBERS["update"])
def test_update(op, t, g, before, after, p):
    """An optimizer that is off by one, or applies decay elsewhere, differs in these digits."""
    law = LAWS.update("w", op)
    slots = {name: np.array([float(value)]) for name, value in before.items()}
    at = UpdateAt(op, t, np.array([1.0]), np.array([g]), slots)
    close(law.parameter(at), [p])
    assert after.keys() == set(op.slots)
    for name, value in after.items():
        close(law.slot(at.but(name=name)), [value])


def test_every_law_has_numbers():
    """A law without numbers of its own would be checked against nothing."""
    assert {type(row[0]) for rows in NUMBERS.values() for row in rows} == {*ops.OPS.values()} == {*LAWS.ops, *LAWS.updates}
