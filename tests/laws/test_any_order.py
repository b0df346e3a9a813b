"""Honest float32 evaluations of every law on numbers out of the balls that it was given: each lies in the ball it gives."""

import sys

import numpy as np
import pytest

from bpcompare.laws import LAWS
from bpcompare.numbers import number
from every_law import PLACES, asked, closed, in_balls, questions

U = 2.0**-24


def shuffled(monkeypatch, random):
    """Sums of plain numbers in some other order, each partial sum rounded."""
    along, dot = number.total, number.dot

    def any_total(terms, axis=None, keepdims=False):
        if isinstance(terms, list | tuple) or not isinstance(terms, np.ndarray):
            return along([*terms][::-1] if isinstance(terms, list | tuple) else terms, axis, keepdims)
        axes = tuple(range(terms.ndim)) if axis is None else (axis,) if isinstance(axis, int) else axis
        axes = tuple(one % terms.ndim for one in axes)
        rest = [one for one in range(terms.ndim) if one not in axes]
        flat = np.transpose(terms, (*rest, *axes)).reshape(*(terms.shape[one] for one in rest), -1)
        y = np.add.accumulate(flat[..., random.permutation(flat.shape[-1])], axis=-1)[..., -1]
        return np.reshape(y, [1 if one in axes else size for one, size in enumerate(terms.shape)]) if keepdims else y

    def any_dot(x, w, plus=None):
        if not isinstance(x, np.ndarray):
            return dot(x, w, plus)
        order = random.permutation(x.shape[-1])
        terms = x[..., :, order, None] * w[..., None, order, :]
        if plus is not None:
            first = np.broadcast_to(np.expand_dims(plus, -2), (*terms.shape[:-2], 1, terms.shape[-1]))
            terms = np.concatenate([first, terms], axis=-2)
        return np.add.accumulate(terms, axis=-2)[..., -1, :]

    instead = {id(along): any_total, id(dot): any_dot}
    homes = ("bpcompare.laws", "every_law", "bpcompare.numbers.number")
    for module in [module for name, module in sys.modules.items() if name.startswith(homes)]:
        for key in [key for key, value in vars(module).items() if id(value) in instead]:
            monkeypatch.setattr(module, key, instead[id(vars(module)[key])])


def narrow(at, random):
    """The same numbers in float32, each somewhere in a ball of a relative radius of u."""

    def moved(x):
        if not isinstance(x, np.ndarray) or x.dtype.kind != "f":
            return x
        return (x * (1 + random.uniform(-U, U, x.shape) / 2)).astype(np.float32)

    parts = {key: {name: moved(x) for name, x in getattr(at, key).items()} for key in ("p", "c")}
    return at.but(xs=[moved(x) for x in at.xs], dy=moved(at.dy), **parts)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
def test_it_lies_in_the_ball(place, monkeypatch):
    """An honest backend that sums in another order would be called wrong."""
    law, at = LAWS.ops[type(place.op)], asked(place)
    asks = [("forward", lambda at: closed(law.forward(at)))]
    asks += [(f"{kind} {which}", answer) for kind, which, answer in questions(place, at)]
    balls = {what: answer(in_balls(at, "float32", 2 * U, rearranged=law.rearranged)) for what, answer in asks}
    random = np.random.default_rng(0)
    shuffled(monkeypatch, random)
    for _ in range(5):
        other = narrow(at, random)
        for what, answer in asks:
            y = np.asarray(answer(other), np.float32)
            ball = balls[what]
            assert (np.abs(y - ball.mid) <= ball.final_radius()).all(), what
