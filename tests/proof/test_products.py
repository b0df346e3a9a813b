"""Sums of products, judged in the record's own format: what is said to hold is inside of its ball."""

import numpy as np
import pytest

from bpcompare.laws import LAWS
from bpcompare.numbers.ball.format import format_of
from bpcompare.numbers.inner import Inner
from bpcompare.ops.call import Call, Read
from bpcompare.proof.balls import Balls
from bpcompare.proof.certificate import judge
from bpcompare.proof.claims import Claim
from bpcompare.proof.products import summed
from bpcompare.proof.values import StepValues

RANDOM = np.random.default_rng(5)
KINDS = ("normal", "positive", "sparse", "small", "cancelling")


def operands(kind, dtype, rows=40, inner=72, columns=110):
    """Two matrices and a bias."""
    x, w = RANDOM.standard_normal((rows, inner)), RANDOM.standard_normal((inner, columns))
    if kind == "positive":
        x, w = np.abs(x), np.abs(w)
    if kind == "sparse":
        x *= RANDOM.random(x.shape) < 0.1
    if kind == "small":
        x *= 1e-30
    if kind == "cancelling":
        x[:, 1::2], w[1::2] = x[:, ::2], -w[::2]
        w[::2] *= 1 + 2.0**-12
    return x.astype(dtype), w.astype(dtype), RANDOM.standard_normal(columns).astype(dtype)


def claimed(x, w, y, move=lambda y: y):
    """The claim that y is x w, moved; with where its numbers are."""
    op = Call("mm", {"self": Read(0), "mat2": Read(1)}, (y.shape,))

    def value(get, laws):
        from bpcompare.numbers.number import dot

        return move(dot(get("x"), get("w")))

    claim = Claim("y", "forward", "mm", (("mm", op),), lambda: ("x", "w"), value, y.dtype.name)
    return claim, Balls(StepValues({}, {"x": x, "w": w, "y": y}), format_of("float64"), exact=True).of(claim)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", KINDS)
def test_no_bound_is_larger_than_the_sum_of_absolute_values(kind, dtype):
    """Numbers outside of their balls would be called right."""
    x, w, b = operands(kind, dtype)
    found = Inner.dot(Inner(x), Inner(w), Inner(b))
    terms = np.abs(x.astype(np.longdouble)) @ np.abs(w.astype(np.longdouble)) + np.abs(b)
    exact = x.astype(np.longdouble) @ w.astype(np.longdouble) + b
    u = float(np.finfo(dtype).eps) / 2
    gamma = found.own * u / (1 - found.own * u)
    tiny = found.n * float(np.finfo(dtype).smallest_normal)
    assert (found.low <= terms * (1 + gamma) + tiny).all()
    assert (np.abs(found.mid - exact) <= gamma * terms + tiny).all()
    assert (found.n, found.most >= terms.max()) == (72 + 1, True)
    at = RANDOM.integers(1, exact.size + 1, 50)
    m, size = found.exact(at)
    assert np.allclose(m, exact.reshape(-1)[at - 1].astype(float), rtol=0, atol=1e-13 * float(terms.max()))
    assert np.allclose(size, terms.reshape(-1)[at - 1].astype(float), rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", KINDS)
def test_an_entry_just_outside_of_its_ball_is_not_said_to_hold(kind, dtype):
    """One wrong number among many thousand right ones would be missed; or honest ones would not be decided quickly."""
    x, w, _ = operands(kind, dtype)
    y = x @ w
    claim, balls = claimed(x, w, y)
    gamma = balls.fmt.gamma(72)
    wide_x, wide_w = x.astype(np.longdouble), w.astype(np.longdouble)
    exact, terms = wide_x @ wide_w, np.abs(wide_x) @ np.abs(wide_w)
    assert kind == "cancelling" or summed(claim, balls, LAWS) is not None
    for _ in range(20):
        at = tuple(int(RANDOM.integers(size)) for size in y.shape)
        wrong = y.copy()
        wrong[at] = exact[at] + RANDOM.choice([-1.05, 1.05]) * gamma * max(terms[at], 1e-6 * terms.max())
        claim, balls = claimed(x, w, wrong)
        assert summed(claim, balls, LAWS) is None, at


def test_a_short_sum_that_was_rounded_leaves_room_for_that():
    """A number outside of its ball would hold, for the sum that it is held against was rounded towards it."""
    x, w, _ = operands("positive", "float32", inner=8)
    wide = x.astype(float) @ w.astype(float)
    y, limit = wide.astype("float32"), format_of("float32").gamma(8) * wide
    off, looks = (np.array([y + k * np.spacing(y) - m for k in range(3, 10)]) / limit for m in (wide, y.astype(float)))
    right = np.argwhere((off < 1) & (looks > 1))[0]  # it is asked for, and so no other that looks better
    k, *wrong = next(one for one in np.argwhere((off > 1) & (looks < 1 - 2.0**-9)) if (one[1:] != right[1:]).any())
    y[tuple(right[1:])] += (right[0] + 3) * np.spacing(y[tuple(right[1:])])
    claim, balls = claimed(x, w, y)
    assert summed(claim, balls, LAWS) is not None
    y[tuple(wrong)] += (k + 3) * np.spacing(y[tuple(wrong)])
    claim, balls = claimed(x, w, y)
    assert summed(claim, balls, LAWS) is None


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_wrong_entry_does_not_hide_behind_one_that_looks_worse(dtype):
    """Where terms cancel, a right number looks farther off than a wrong one where they do not: the wrong one would hold."""
    x, w, _ = operands("positive", dtype)
    x[1, 1::2] *= -1  # here the parts of a sum are far less than its terms
    y = x @ w
    _, balls = claimed(x, w, y)
    gamma, terms = balls.fmt.gamma(72), np.abs(x).astype(float) @ np.abs(w).astype(float)
    y[1, 0] += 0.9 * gamma * terms[1, 0]
    claim, balls = claimed(x, w, y)
    assert summed(claim, balls, LAWS) is not None
    y[0, 0] += 1.5 * gamma * terms[0, 0]
    claim, balls = claimed(x, w, y)
    assert summed(claim, balls, LAWS) is None


MOVES = {
    "transposed": lambda y: y.T,
    "turned": lambda y: np.flip(np.reshape(y, (44, -1)), axis=1),
    "padded": lambda y: np.pad(y, ((0, 0), (3, 2))),
    "cut": lambda y: y[3:, ::2],
    "turned round": lambda y: -y,
}


@pytest.mark.parametrize("name", MOVES)
def test_single_entries_are_found_where_they_went(name):
    """A number would be held against the sum of another place, or a zero that was put beside it against any number."""
    x, w, _ = operands("normal", "float32")
    move = MOVES[name]
    exact = move(x.astype(np.float64) @ w.astype(np.float64))
    found = move(Inner.dot(Inner(x), Inner(w), None))
    m, size = found.exact(np.arange(1, exact.size + 1))
    assert np.allclose(m, exact.reshape(-1), rtol=1e-12, atol=1e-12)
    assert (size >= np.abs(m) * (1 - 1e-12)).all()
    assert ((size == 0) == (exact.reshape(-1) == 0)).all()
    honest = move(x @ w)
    assert judge(*claimed(x, w, honest, move), LAWS).outcome == "holds"
    for index in (0, honest.size - 1):
        wrong = honest.copy()
        wrong.reshape(-1)[index] += 1.0
        assert summed(*claimed(x, w, wrong, move), LAWS) is None
        assert judge(*claimed(x, w, wrong, move), LAWS).outcome == "refuted"


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e38])
def test_what_is_not_finite_or_near_the_largest_number_is_left_to_balls(value):
    """An infinity that some backend may have, or may not have, would be judged by sums that overflow themselves."""
    x, w, _ = operands("normal", "float32")
    x[3, 5] = value
    with np.errstate(all="ignore"):
        claim, balls = claimed(x, w, x @ w)
        assert summed(claim, balls, LAWS) is None


def test_anything_but_sums_of_products_is_refused():
    """A product of a product, or a sum of many members, has other roundings than those that are counted."""
    x, w, _ = (Inner(part) for part in operands("normal", "float32"))
    y = Inner.dot(x, w, None)
    for refused in (
        lambda: y * y,
        lambda: 2.0 * y,
        lambda: y + y,
        lambda: np.exp(y),
        lambda: Inner.dot(y, y.T, None),
        lambda: Inner.dot(x, w.mid, None),
        lambda: Inner.total([x, x]),
        lambda: Inner.total([y, y.mid]),
        lambda: y.total_along(0, keepdims=False),
        y.positive,
        lambda: np.where(y.mid > 0, y, 1.0),
        lambda: np.where(y.mid > 0, 0.0, y),
        lambda: np.where(y.mid[0] > 0, y, 0.0),
        lambda: np.concatenate([y, y]),
        lambda: np.asarray(y),
    ):
        with pytest.raises(TypeError):
            refused()


def test_single_entries_behind_a_condition_are_zero_or_their_own():
    """A number would be held against the sum of another place, or the zero of a closed relu against its sum."""
    x, w, _ = operands("normal", "float32")
    keep = RANDOM.random((40, 110)) < 0.5
    exact = np.where(keep, x.astype(np.float64) @ w.astype(np.float64), 0.0)
    moved = -np.where(keep, Inner.dot(Inner(x), Inner(w), None), 0.0)
    m, size = moved.exact(np.arange(1, exact.size + 1))
    assert np.allclose(m, -exact.reshape(-1), rtol=1e-12, atol=1e-12)
    assert ((size > 0) == keep.reshape(-1)).all()
