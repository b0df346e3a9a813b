"""Every elementwise rule: each true value of every point of the operands, rounded or flushed, lies in it, and not much else."""

import operator

import numpy as np
import pytest
from flint import arb
from scipy import special

from bpcompare.laws.elementary import softmax
from bpcompare.numbers.number import hyperparameter, total
from truth import TINY, U, ball, distance, flushed, numbers, radius_of, true

DTYPES = ["float32", "float64"]
ALLOWED = {"exp": 16, "expm1": 16, "log": 16, "log1p": 16, "tanh": 16, "erf": 16, "sqrt": 2}
"""In units of u; written down here, too, so that nobody widens a ball without a test that says so."""
BINARY = {"add": (np.add, operator.add), "subtract": (np.subtract, operator.sub), "multiply": (np.multiply, operator.mul)}
BINARY["divide"] = (np.divide, operator.truediv)
UNARY = {
    "exp": (np.exp, arb.exp, (-80.0, 80.0)),
    "expm1": (np.expm1, arb.expm1, (-80.0, 80.0)),
    "log": (np.log, arb.log, (1e-30, 1e30)),
    "log1p": (np.log1p, arb.log1p, (-0.9, 1e30)),
    "sqrt": (np.sqrt, arb.sqrt, (0.0, 1e30)),
    "tanh": (np.tanh, arb.tanh, (-20.0, 20.0)),
    "erf": (special.erf, arb.erf, (-6.0, 6.0)),
}


def _pairs(dtype):
    """Operands whose result the format can hold, at every magnitude, and such as nearly cancel."""
    x, y = numbers(dtype, 400, 1), numbers(dtype, 400, 2)
    near = np.nextafter(x[:100], x.dtype.type(np.inf))
    return np.concatenate([x, x[:100]]), np.concatenate([y, -near])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", BINARY)
def test_one_rounding(name, dtype):
    """An honest backend rounds once, or flushes to 0; a ball that one of the two leaves would accuse it."""
    numpy, exactly = BINARY[name]
    x, y = _pairs(dtype)
    got, result = numpy(x, y), numpy(ball(x, dtype), ball(y, dtype))
    radius = radius_of(result)
    seen = 0
    for i in np.flatnonzero(np.isfinite(got) & np.isfinite(radius)):
        exact = true(exactly, x[i], y[i])
        # float64 midpoints round themselves: what they stand for is the exact value.
        for value in (got[i], flushed(got[i : i + 1])[0]):
            assert distance(value, arb(float(result.mid[i]))) <= radius[i], (x[i], y[i])
        assert distance(result.mid[i], exact) <= radius[i] + float(np.spacing(0.0))
        # Not four times too wide: one rounding of the backend, one of the midpoint, and one number lost below the smallest.
        assert radius[i] <= 2.1 * (U[dtype] + 2.0**-53) * abs(float(result.mid[i])) + 4 * TINY[dtype]
        seen += 1
    assert seen > 100


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", BINARY)
def test_what_the_operands_may_be(name, dtype):
    """A radius that does not pass on leaves honest fused kernels outside; one passed on twice lets mistakes in."""
    numpy, exactly = BINARY[name]
    random = np.random.default_rng(7)
    x, y = random.uniform(0.5, 2, 80) * random.choice([-1, 1], 80), random.uniform(0.5, 2, 80) * random.choice([-1, 1], 80)
    rel, rad = 1e-3, random.uniform(0, 1e-3, 80)
    a, b = ball(x, dtype, rel, rad), ball(y, dtype, rel, rad)
    result = numpy(a, b)
    radius, u = radius_of(result), U[dtype]
    reached = np.zeros(80)
    for sx in (-1, 0, 1):
        for sy in (-1, 0, 1):
            for i in range(80):
                ends = [arb(v[i]) + s * (arb(rel) * arb(abs(v[i])) + arb(rad[i])) for v, s in ((x, sx), (y, sy))]
                moved = true(exactly, *ends)
                reached[i] = max(reached[i], distance(result.mid[i], moved) + u * abs(result.mid[i]))
    assert (reached <= radius).all()
    assert (radius <= 1.2 * reached).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", UNARY)
def test_a_library_function(name, dtype):
    """The function's allowance and the spread of its argument, no less (false alarms) and not four times more (no power)."""
    numpy, exactly, (low, high) = UNARY[name]
    random = np.random.default_rng(3)
    x = random.uniform(low, high, 60)
    if low > 0 or name in ("sqrt", "log1p"):  # over every magnitude
        start = max(low, 1e-30)
        x = np.exp(random.uniform(np.log(start), np.log(high), 60))
    x = x.astype(dtype)
    rel = 4 * U[dtype]
    result = numpy(ball(x, dtype, rel))
    radius = radius_of(result)
    for i in range(len(x)):
        centre = true(exactly, x[i])
        reached = max(float(abs(true(exactly, arb(float(x[i])) * (1 + s * arb(rel))) - centre).upper()) for s in (-1, 1))
        own = ALLOWED[name] * (U[dtype] + 2.0**-53) * abs(float(result.mid[i]))
        assert reached + own <= radius[i] * (1 + 1e-9), x[i]
        assert radius[i] <= 1.3 * (reached + own) + 2 * TINY[dtype], x[i]
        assert distance(numpy(x[i]), arb(float(result.mid[i]))) <= radius[i]


@pytest.mark.parametrize("rad", [1e-3, 0.3, 2.0])
@pytest.mark.parametrize("name", UNARY)
def test_a_wide_argument(name, rad):
    """A slope at the midpoint is no bound for an argument that may be far from it."""
    numpy, exactly, _ = UNARY[name]
    x = np.array([-4.0, -1.5, -0.2, 0.0, 0.1, 0.7, 2.5, 9.0])
    if name in ("log", "sqrt"):
        x = np.abs(x) + 2.5
    if name == "log1p":
        x = np.abs(x) + 1.5
    result = numpy(ball(x, "float64", rad=np.full(x.shape, rad)))
    for i in range(len(x)):
        centre = true(exactly, x[i])
        reached = max(float(abs(true(exactly, arb(float(x[i])) + s * arb(rad)) - centre).upper()) for s in (-1, 1))
        assert reached <= radius_of(result)[i], x[i]
        # tanh and erf are bounded by their steepest slope on the way, which may be far from both ends.
        # And a logarithm's by that at the lower end.
        room = {"tanh": 8, "erf": 8, "log": 2.5, "log1p": 2.5}.get(name, 1.25) if rad > 1e-2 else 1.1
        assert radius_of(result)[i] <= room * max(reached, 0.05 * rad), x[i]


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_root_near_zero(dtype):
    """The slope of √ at 0 is infinite, and an unused weight would make every Adam step undecided."""
    for v, rad in ((0.0, 1e-30), (1e-30, 1e-30), (1e-30, 2e-30), (0.0, 0.0), (4.0, 1.0), (-1e-31, 1e-30)):
        result = np.sqrt(ball(np.maximum([v], 0.0), dtype, rad=np.array([rad])))
        radius = radius_of(result)[0]
        assert np.isfinite(radius)
        for point in (max(v - rad, 0.0), max(v, 0.0), max(v, 0.0) + rad):
            assert distance(result.mid[0], true(arb.sqrt, point)) <= radius
        ends = max(np.sqrt(max(v, 0.0) + rad) - result.mid[0], result.mid[0] - np.sqrt(max(max(v, 0.0) - rad, 0.0)))
        assert radius <= 1.01 * ends + 4 * U[dtype] * result.mid[0] + 2 * TINY[dtype]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["exp", "tanh", "erf"])
def test_far_out_where_nothing_is_left(name, dtype):
    """At −1e30 the argument's rounding alone is huge, and e^x is 0 all the same: an infinite radius there made nets undecided."""
    numpy, _, _ = UNARY[name]
    x = -np.array([1e2, 1e4, 1e8, 1e15, 1e30])
    result = numpy(ball(x, dtype, U[dtype]))
    assert np.isfinite(radius_of(result)).all()
    assert (np.abs(numpy(x) - result.mid) <= radius_of(result)).all()


def test_a_divisor_that_may_be_zero():
    """1/x with 0 in its ball may be anything; a finite radius would be a lie."""
    result = np.divide(1.0, ball([1.0, 1e-8, 0.0], "float64", rad=np.array([0.5, 1e-7, 0.0])))
    assert np.isfinite(radius_of(result)).tolist() == [True, False, False]
    logs = np.log(ball([1.0, 1e-8], "float64", rad=np.array([0.5, 1e-7])))
    assert np.isfinite(radius_of(logs)).tolist() == [True, False]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [2, 3, 7])
def test_powers(n, dtype):
    """βᵗ of Adam's bias correction: t multiplications, each rounded."""
    x = np.random.default_rng(n).uniform(0.1, 0.999, 40).astype(dtype)
    result = ball(x, dtype, U[dtype]) ** n
    by_products = np.ones_like(x)
    for _ in range(n):
        by_products = by_products * x
    assert (np.abs(by_products.astype(np.float64) - result.mid) <= radius_of(result)).all()
    assert (radius_of(result) <= (17 + 1.1 * n) * 2 * U[dtype] * result.mid).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("p", [-64.0, -3.0, -2.0, -1.0, -0.5, 0.1, 0.5, 1.0, 1.5, 2.0, 3.0, 7.3, 64.0])
def test_any_power(p, dtype):
    """A power that is no whole number, or a negative one, of every point of the ball; and no ball where there is no power."""
    random = np.random.default_rng(5)
    x = np.exp(random.uniform(-1, 1, 60)) * (1 if p % 1 else random.choice([-1, 1], 60))
    rel, rad = 8 * U[dtype], random.choice([0.0, 1e-3, 0.2], 60)
    a = ball(x, dtype, rel, rad)
    power = a.hyperparameter(p)
    result = a**power
    radius = radius_of(result)
    off = float(power.radius())
    for i in range(60):
        r = rel * abs(x[i]) + rad[i]
        reached = 0.0
        for s in (-1, -0.5, 0, 0.5, 1):
            for t in (-1, 0, 1) if off else (0,):
                point = arb(x[i]) + s * arb(r)
                moved = point ** int(p) if not p % 1 else (point.log() * (arb(p) + t * arb(off))).exp()
                reached = max(reached, distance(result.mid[i], moved))
        assert reached <= radius[i], (x[i], r)
        room = 16 if p % 1 else max(16, abs(p) + 1)
        assert radius[i] <= 2 * reached + 4 * room * U[dtype] * abs(result.mid[i]) + 4 * TINY[dtype]
    around_zero = ball([1e-3, -1e-3], dtype, rad=np.full(2, 2e-3)) ** power
    assert np.isfinite(radius_of(around_zero)).all() == (p >= 0 and not p % 1)
    assert np.isfinite(radius_of(ball([-2.0], dtype) ** power)).any() != bool(p % 1)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("p", [2, 3, 5, 8, 64, -1, -2, -7])
def test_a_whole_power_by_products(p, dtype):
    """x·x·…·x, or by squaring: both are what frameworks compute for a whole power."""
    x = np.random.default_rng(p % 7).uniform(0.7, 1.4, 40).astype(dtype)
    result = ball(x, dtype) ** float(p)
    one_by_one = by_squares = np.ones_like(x)
    for _ in range(abs(p)):
        one_by_one = one_by_one * x
    square, left = x, abs(p)
    while left:
        by_squares = by_squares * square if left % 2 else by_squares
        square, left = square * square, left // 2
    for product in (one_by_one, by_squares):
        y = 1 / product if p < 0 else product
        assert (np.abs(y.astype(np.float64) - result.mid) <= radius_of(result)).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_lowest_number(dtype):
    """A mask of the format's lowest number, or of −∞: e^x is 0 there, and nothing is NaN on the way."""
    low = float(np.finfo(dtype).min)
    scores, mask = np.array([1.0, -2.0, 30.0]), np.array([0.0, low, 0.0])
    added = total([ball(scores, dtype, U[dtype]), ball(mask, dtype)])
    assert np.isfinite(radius_of(added)).all()
    assert radius_of(np.exp(ball([low, low / 2, -1e4], dtype, U[dtype]))).max() <= 4 * TINY[dtype]
    a = softmax(ball(scores + mask, dtype, U[dtype])[None])
    assert a.mid[0, 1] == 0.0
    assert radius_of(a).max() < 1e-3
    assert radius_of(a)[0, 1] <= 4 * TINY[dtype]
    infinite = ball([1.0, -np.inf, 30.0], dtype, U[dtype])
    for result in (
        infinite + 1.0,
        total([infinite, ball(scores, dtype)]),
        np.exp(infinite),
        np.tanh(infinite),
        infinite * 2.0,
        softmax(infinite[None]),
    ):
        assert not np.isnan(result.mid).any()
        assert not np.isnan(radius_of(result)).any()
    assert radius_of(softmax(infinite[None])).max() < 1e-3
    kept = np.where(np.array([True, False, True]), infinite, 0.0)
    assert np.isfinite(radius_of(kept)).all()


def test_a_row_of_which_nothing_counts():
    """All scores at the lowest number: nobody has excluded anything, and 0/0 must not come out of it."""
    x = np.full((1, 3), float(np.finfo(np.float32).min), np.float32)
    np.testing.assert_allclose(softmax(x), 1 / 3, rtol=1e-6)
    assert softmax(ball(x, "float32")).mid == pytest.approx(1 / 3)


def test_negation_and_booleans_are_exact():
    """−x and a mask round nothing: a radius there would blunt every relu."""
    x = ball([1.5, -2.0], "float32", 1e-3)
    assert (radius_of(-x) == radius_of(x)).all()
    assert (radius_of(np.where(np.array([True, False]), x, 0.0)) == radius_of(x) * [1, 0]).all()


def test_the_ends_of_what_a_format_holds():
    """Beyond the largest number of float32 a backend has an infinity, and m/∞ = 0 looks like an honest number."""
    near = ball([1.0, 1e37], "float32") * 10.0  # a framework may add up before it halves
    assert np.isfinite(radius_of(near)).tolist() == [True, False]
    squares = np.square(ball([1e15, 2e19, 1e30], "float32"))
    assert np.isfinite(radius_of(squares)).tolist() == [True, False, False]
    assert np.isfinite(radius_of(np.square(ball([1e30, 1e160], "float64")))).tolist() == [True, False]
    for after in (1.0 / squares, np.sqrt(squares), squares + 1.0, squares * 0.0, np.exp(-squares)):
        assert not np.isfinite(radius_of(after)[1:]).any()
        assert np.isfinite(radius_of(after)[0])
    kept = np.where(np.array([True, False, True]), squares, 0.0)
    assert np.isfinite(radius_of(kept)).tolist() == [True, True, False]


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_larger_of_two(dtype):
    """Where either may be the larger one, what was recorded may be the other one, and an honest maximum would be refuted."""
    x = ball([1.0, 1.0, 5.0, -1.0], dtype, rad=np.array([0.0, 0.5, 0.25, 0.0]))
    y = ball([0.9, 1.2, 1.0, -2.0], dtype, rad=np.array([0.3, 0.1, 9.0, 0.5]))
    result, radius = np.maximum(x, y), radius_of(np.maximum(x, y))
    assert (result.mid == [1.0, 1.2, 5.0, -1.0]).all()
    assert radius == pytest.approx([0.3, 0.5, 9.0, 0.0])
    for low_x, low_y in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
        honest = np.maximum(x.mid + low_x * x.rad, y.mid + low_y * y.rad)
        assert (np.abs(honest - result.mid) <= radius + 1e-15).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_by_one_number_x_may_be_times_its_reciprocal(dtype):
    """torch on CUDA divides by 49 as it multiplies by 1/49: a mean over 49 places would be called wrong. More is not granted."""
    x = np.linspace(1.0, 2.0, 1001).astype(dtype)
    turned = (x * (np.asarray(1.0, dtype) / np.asarray(49.0, dtype))).astype(np.float64)
    found = ball(x, dtype) / 49.0
    assert (np.abs(turned - found.mid) > 1.01 * found.fmt.u * np.abs(found.mid)).any()  # one rounding does not explain it
    assert (np.abs(turned - found.mid) <= found.radius()).all()
    assert (found.radius() < 2.01 * found.fmt.unit * np.abs(found.mid)).all()
    for exact in (ball(x, dtype) / 8.0, ball(x, dtype) / ball(np.full(1001, 49.0), dtype)):
        assert (exact.radius() < 1.01 * found.fmt.unit * np.abs(exact.mid)).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_number_for_each_row_has_the_radius_of_one_number(dtype):
    """1 − βᵗ of several steps at once would be said to be known better than that of one, or a mistake could hide in it."""
    x, steps = ball(np.array([0.3, -2.0, 7.1], dtype), dtype), np.array([[1], [2], [9], [1000]])

    def divided(t):
        return x / hyperparameter(1.0 - hyperparameter(0.9, x) ** t, x)

    rows = divided(steps)
    for row, t in enumerate(steps.ravel().tolist()):
        one = divided(t)
        assert np.array_equal(rows.mid[row], one.mid)
        ratio = radius_of(rows)[row] / radius_of(one)
        assert ratio.min() >= 1 - 1e-6
        assert ratio.max() <= 2 + 1e-6
    with pytest.raises(TypeError):
        x**steps
