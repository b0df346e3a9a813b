"""Every law in every kind of number: balls, dyadic numbers and symbols say what plain numbers say."""

import numpy as np
import pytest

from bpcompare.laws import LAWS
from bpcompare.numbers.dyadic import Dyadic, InexactError, Precision
from every_law import PLACES, asked, closed, in_balls, questions


def answers(place, at):
    """(what, the law's answer as a function of `at`), the forward law first."""
    law = LAWS.ops[type(place.op)]
    yield "forward", lambda at: closed(law.forward(at))
    for kind, which, answer in questions(place, at):
        yield f"{kind} {which}", answer
    for name in at.c if hasattr(law, "axes") else ():
        yield name, lambda at, name=name: closed(law.state(at.but(name=name)))


def numbers(at, make):
    """`at` with every array of floats made into another kind of number."""

    def made(x):
        return make(x) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x

    parts = {key: {name: made(x) for name, x in getattr(at, key).items()} for key in ("p", "c")}
    return at.but(xs=[made(x) for x in at.xs], dy=made(at.dy), **parts)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
def test_balls(place, dtype):
    """A law that no ball rule fits ends in a traceback; one whose radius is vacuous, or no number, proves nothing."""
    at = asked(place)
    rearranged = LAWS.ops[type(place.op)].rearranged
    for what, answer in answers(place, at):
        plain = answer(at)
        ball = answer(in_balls(at, dtype, 2.0**-24 if dtype == "float32" else 2.0**-53, rearranged=rearranged))
        mid, radius = (ball.mid, ball.final_radius()) if hasattr(ball, "final_radius") else (ball, 0.0)
        np.testing.assert_allclose(mid, plain, rtol=1e-12, atol=1e-14, err_msg=what)
        radius = np.broadcast_to(radius, np.shape(plain))
        assert (radius >= 0).all(), what
        assert (radius <= (2e-3 if dtype == "float32" else 1e-11) * (1 + np.abs(plain))).all(), what


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
def test_dyadic_numbers(place):
    """Exact mode would end in a traceback, or prove another law than the one that is judged."""
    at = asked(place)
    whole = numbers(at, lambda x: np.rint(2 * x))
    exact = numbers(whole, lambda x: Dyadic(x, Precision("float64")))
    for what, answer in answers(place, at):
        with np.errstate(all="ignore"):
            try:
                value = answer(exact)
            except InexactError:
                continue
            value = value.mid if isinstance(value, Dyadic) else value
            np.testing.assert_array_equal(value, answer(whole), err_msg=what)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
def test_symbols(place):
    """A proof on symbols would be one of another law, or end in a traceback."""
    sympy = pytest.importorskip("sympy")
    from bpcompare.teach.symbolic.symbols import Cases, Symbols

    cases = Cases()
    at = numbers(asked(place), lambda x: np.rint(8 * x) / 8 + 1 / 16)
    exact = np.frompyfunc(lambda v: sympy.Rational(float(v)), 1, 1)
    symbols = numbers(at, lambda x: Symbols(exact(x), cases))
    biggest = any(word in place.op.name for word in ("max", "softmax"))
    for what, answer in answers(place, at):
        value = answer(symbols)
        assert value.shape == answer(at).shape, what
        if not biggest:  # symbols try each place as the maximum, whatever the numbers are
            flat = [float(sympy.N(one)) for one in np.ravel(getattr(value, "x", value))]
            np.testing.assert_allclose(flat, np.ravel(answer(at)), rtol=1e-9, atol=1e-12, err_msg=what)
