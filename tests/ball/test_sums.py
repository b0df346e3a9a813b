"""Sums and products: any order of summation, with fused multiply-adds or without, lies in the ball, and some near its edge."""

from fractions import Fraction

import numpy as np
import pytest

from bpcompare.numbers.ball import sums
from bpcompare.numbers.number import Product, dot, total
from truth import TINY, U, ball, fraction, radius_of

DTYPES = ["float32", "float64"]


def _rounded(x, dtype):
    """An exact fraction in the format: once through float64 is near enough for float32, whose ball has room for 2⁻⁵³."""
    return np.dtype(dtype).type(float(x))


def _orders(terms, dtype):
    """Sums of exact terms, each partial sum rounded: forwards, backwards, sorted, in pairs, in blocks."""

    def one_by_one(order):
        s = Fraction(0)
        for term in order:
            s = fraction(_rounded(s + term, dtype))
        return s

    def in_pairs(order):
        while len(order) > 1:
            order = [fraction(_rounded(sum(order[i : i + 2]), dtype)) for i in range(0, len(order), 2)]
        return order[0]

    yield one_by_one(terms)
    yield one_by_one(terms[::-1])
    yield one_by_one(sorted(terms))
    yield one_by_one(sorted(terms, key=abs))
    yield one_by_one(sorted(terms, key=abs)[::-1])
    yield in_pairs(list(terms))
    yield one_by_one([one_by_one(terms[i : i + 4]) for i in range(0, len(terms), 4)])


def _dots(x, w, b, dtype):
    """x · w + b: products rounded first, or kept exact by fused multiply-adds; b first, last, or anywhere."""
    exact = [fraction(p) * fraction(q) for p, q in zip(x, w, strict=True)]
    rounded = [fraction(_rounded(p, dtype)) for p in exact]
    for terms in (exact, rounded):
        for all_terms in ([fraction(b), *terms], [*terms, fraction(b)]) if b is not None else (terms,):
            yield from _orders(all_terms, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [1, 2, 9, 40])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("scale", [1.0, 1e-20, 1e17])
def test_a_dot_product_in_any_order(n, bias, scale, dtype):
    """A kernel that starts with the bias, sums in blocks or fuses is honest; and no order may be accused."""
    random = np.random.default_rng(n)
    x, w = (random.standard_normal(n) * scale).astype(dtype), (random.standard_normal(n) * scale).astype(dtype)
    w[n // 2 :] *= -1
    b = np.dtype(dtype).type(random.standard_normal() * scale**2) if bias else None
    result = dot(ball(x[None], dtype), ball(w[:, None], dtype), None if b is None else ball(np.array([b]), dtype))
    mid, radius = fraction(result.mid.item()), fraction(radius_of(result).item())
    for value in _dots(x, w, b, dtype):
        assert abs(value - mid) <= radius
    terms = sum(abs(fraction(p) * fraction(q)) for p, q in zip(x, w, strict=True)) + (abs(fraction(b)) if bias else 0)
    count = n + bias
    assert result.n == count
    assert radius <= fraction(1.01 * count * (U[dtype] + 2.0**-53)) * terms + fraction(2.0 * (count + 1) * TINY[dtype])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [10, 100, 1000])
def test_the_bound_is_nearly_reached(n, dtype):
    """1 + n numbers that are each lost in it: half of γ_n Σ|terms|. A bound half as wide would accuse this honest sum."""
    lost = np.full(n, U[dtype] * 0.999)  # a hair less than half of the last place of 1
    w = np.concatenate([[1.0], lost]).astype(dtype)
    x = np.ones(n + 1, dtype)
    result = dot(ball(x[None], dtype), ball(w[:, None], dtype))
    s = np.zeros((), dtype)
    for term in w:
        s = s + term
    assert s == 1.0
    off = fraction(s) - sum(fraction(term) for term in w)
    radius = radius_of(result).item()
    assert abs(fraction(s) - fraction(result.mid.item())) <= fraction(radius)
    # In float64 the midpoint rounds as much as the backend may.
    assert radius <= (2.2 if dtype == "float32" else 4.4) * abs(off)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [3, 50])
def test_a_sum_along_an_axis(n, dtype):
    """Reductions over a batch: as a dot product without products."""
    x = (np.random.default_rng(n).standard_normal((n, 2)) * np.array([1.0, 1e-25])).astype(dtype)
    result = total(ball(x, dtype), axis=0)
    radius = radius_of(result)
    for column in range(2):
        terms = [fraction(value) for value in x[:, column]]
        for value in _orders(terms, dtype):
            assert abs(value - fraction(result.mid[column])) <= fraction(radius[column])
        assert radius[column] <= 1.01 * n * (U[dtype] + 2.0**-53) * np.abs(x[:, column].astype(float)).sum() + 2 * n * TINY[dtype]


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_fork_is_one_sum(dtype):
    """Σ over all consumers of a node, with the products that are still open: whoever sums first is honest."""
    random = np.random.default_rng(4)
    parts = [(random.standard_normal(k).astype(dtype), random.standard_normal(k).astype(dtype)) for k in (3, 5, 2)]
    own = random.standard_normal(1).astype(dtype)
    products = [Product(ball(x[None], dtype), ball(w[:, None], dtype)) for x, w in parts]
    result = total([ball(own[None], dtype), *products])
    mid, radius = fraction(result.mid.item()), fraction(radius_of(result).item())
    exact = [fraction(p) * fraction(q) for x, w in parts for p, q in zip(x, w, strict=True)]
    for value in _orders([fraction(own[0]), *exact], dtype):
        assert abs(value - mid) <= radius
    separately = [next(_orders([fraction(p) * fraction(q) for p, q in zip(x, w, strict=True)], dtype)) for x, w in parts]
    for value in _orders([*separately, fraction(own[0])], dtype):
        assert abs(value - mid) <= radius
    size = sum(abs(term) for term in exact) + abs(fraction(own[0]))
    # Ten products and eleven terms that meet: each may round.
    assert fraction(11.0 * U[dtype]) * size <= radius <= fraction(15.1 * (U[dtype] + 2.0**-53)) * size


@pytest.mark.parametrize("dtype", DTYPES)
def test_rows_added_up(dtype):
    """An embedding's gradient: an index that is met five times is a sum of five."""
    x = np.random.default_rng(0).standard_normal((8, 3)).astype(dtype)
    index = np.array([0, 2, 2, 2, 1, 2, 2, 0])
    result = ball(x, dtype).scatter(index, 4)
    radius = radius_of(result)
    for row in range(4):
        for column in range(3):
            terms = [fraction(value) for value in x[index == row, column]] or [Fraction(0)]
            for value in _orders(terms, dtype):
                assert abs(value - fraction(result.mid[row, column])) <= fraction(radius[row, column])
    size = np.abs(x[index == 2].astype(float)).sum(axis=0)
    assert (radius[2] <= 5.1 * (U[dtype] + 2.0**-53) * size + 20 * TINY[dtype]).all()
    assert (radius[2] >= 4.9 * U[dtype] * size).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_what_underflows_on_the_way(dtype):
    """Products below the smallest number are flushed one by one, and what was lost may be multiplied by a large one later."""
    small = np.sqrt(TINY[dtype]) / 4
    x = np.full((1, 9), small)
    result = dot(ball(x, dtype), ball(x.T, dtype))
    assert abs(0.0 - result.mid.item()) <= radius_of(result).item()
    after = result * ball([1 / TINY[dtype] / 16], dtype)
    assert abs(0.0 - after.mid.item()) <= radius_of(after).item()
    for flushing in (total(ball(np.full((9, 1), TINY[dtype] / 2), dtype), axis=0), total([ball([TINY[dtype] / 2], dtype)] * 3)):
        assert abs(0.0 - flushing.mid.item()) <= radius_of(flushing).item() * (1 + 1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
def test_operands_that_are_balls_themselves(dtype):
    """Radii of both factors reach the product, once each."""
    random = np.random.default_rng(5)
    x, w = random.uniform(0.5, 1, (2, 6)), random.uniform(0.5, 1, (6, 2))
    rx, rw = random.uniform(0, 1e-3, (2, 6)), random.uniform(0, 1e-3, (6, 2))
    result = dot(ball(x, dtype, rad=rx), ball(w, dtype, rad=rw))
    reached = np.abs((x + rx) @ (w + rw) - x @ w)
    assert (reached <= radius_of(result)).all()
    assert (radius_of(result) <= 1.001 * reached + 7.1 * (U[dtype] + 2.0**-53) * (x @ w)).all()


@pytest.mark.parametrize("shape", [(1, 300_000, 1), (70, 900, 70), (1000, 250, 1)])
@pytest.mark.parametrize("scale", [1.0, 1e-3, 1e-12, 1e-200, 1e150, 1e-25])
def test_large_majorants_are_never_too_small(shape, scale):
    """They are formed in float32 to be quick: rounded down, they would be narrower than what honest sums need."""
    random = np.random.default_rng(1)
    x, w = random.uniform(0.5, 1, shape[:2]) * scale, random.uniform(0.5, 1, shape[1:])
    # Numbers that float32 rounds down, all of them.
    x *= 1 + 2.0**-25
    found, right = sums.majorant(x, w), np.abs(x) @ np.abs(w)
    assert (found >= right * (1 - 1e-13)).all()
    x[-1] *= 1e-40  # a row that float32 does not hold beside the others
    assert (sums.majorant(x, w) >= np.abs(x) @ np.abs(w) * (1 - 1e-13)).all()
    assert (found <= right * (1 + 5 * (shape[1] + 5) * 2.0**-24)).all()


def test_sums_that_may_pass_the_largest_number():
    """A partial sum may be infinite although the sum is small: then the backend has NaN, or an infinity."""
    x = np.array([[3e38, -3e38, 1.0], [1.0, 2.0, 3.0]])
    ones = np.ones((3, 1))
    assert np.isfinite(radius_of(dot(ball(x), ball(ones)))).ravel().tolist() == [False, True]
    assert np.isfinite(radius_of(total(ball(x), axis=1))).tolist() == [False, True]
    assert np.isfinite(radius_of(total([ball(x[:, 0]), ball(x[:, 1])]))).tolist() == [False, True]
    assert np.isfinite(radius_of(ball(x).scatter(np.array([0, 1]), 2))[1]).all()
    assert not np.isfinite(radius_of(ball(x).scatter(np.array([0, 1]), 2))[0]).any(where=[True, True, False])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shift", [0.0, 30.0, 2000.0])
@pytest.mark.parametrize("n", [2, 8, 50])
def test_moments(shift, n, dtype):
    """Mean square of deviations: two passes, or updates one by one (Welford), are honest at any mean; one pass is not."""
    random = np.random.default_rng(n)
    x = (random.standard_normal((40, n)) + shift).astype(dtype)
    one = np.dtype(dtype).type
    _, variance = ball(x, dtype, U[dtype], rearranged=True).moments((1,))
    radius, mid = radius_of(variance)[:, 0], variance.mid[:, 0]
    count = one(n)
    mean = np.zeros(40, dtype)
    for k in range(n):
        mean = mean + x[:, k]
    mean = mean / count
    two = np.zeros(40, dtype)
    for k in range(n):
        two = two + (x[:, k] - mean) * (x[:, k] - mean)
    running, spread = np.zeros(40, dtype), np.zeros(40, dtype)
    for k in range(n):
        step = x[:, k] - running
        running = running + step / one(k + 1)
        spread = spread + step * (x[:, k] - running)
    # Entries that were not yet rounded, each in the direction that moves the variance most.
    wide = x.astype(float)
    unrounded = wide * (1 + U[dtype] * np.sign((wide - wide.mean(axis=1, keepdims=True)) * wide))
    _, bare = ball(x, dtype, U[dtype]).moments((1,))  # without the grant, which covers this and more
    assert (np.abs(unrounded.var(axis=1) - bare.mid[:, 0]) <= radius_of(bare)[:, 0]).all()
    for honest in (two / count, spread / count):
        assert (np.abs(honest.astype(float) - mid) <= radius).all()
    if shift == 2000.0 and dtype == "float32" and n == 8:
        squares, plain = np.zeros(40, dtype), np.zeros(40, dtype)
        for k in range(n):
            squares, plain = squares + x[:, k] * x[:, k], plain + x[:, k]
        once = squares / count - (plain / count) * (plain / count)
        assert (np.abs(once.astype(float) - mid) > radius).mean() > 0.5


@pytest.mark.parametrize("dtype", DTYPES)
def test_products_of_stacks_of_matrices(dtype):
    """Axes before the last two broadcast: each entry has the ball that it has in a product of two matrices."""
    random = np.random.default_rng(4)
    x, w = random.standard_normal((2, 1, 3, 4)), random.standard_normal((3, 4, 2))
    for rad in (0.0, 1e-3, random.uniform(0, 1e-3, x.shape)):
        whole = dot(ball(x, dtype, U[dtype], rad), ball(w, dtype, U[dtype]))
        assert whole.shape == (2, 3, 3, 2)
        for i in range(2):
            for j in range(3):
                own = rad[i, 0] if isinstance(rad, np.ndarray) else rad
                one = dot(ball(x[i, 0], dtype, U[dtype], own), ball(w[j], dtype, U[dtype]))
                np.testing.assert_allclose(whole.mid[i, j], one.mid, rtol=1e-13, atol=1e-15)
                np.testing.assert_allclose(radius_of(whole)[i, j], radius_of(one), rtol=1e-12)


def test_large_stacks_have_the_majorant_of_each_matrix():
    """From some size on it is formed in float32, and must not be less than the exact value there either."""
    random = np.random.default_rng(4)
    x, w = random.standard_normal((20, 30, 40)), random.standard_normal((20, 40, 30))
    exact = np.abs(x) @ np.abs(w)
    found = sums.majorant(x, w)
    assert found.dtype == np.float32
    assert ((exact <= found) & (found <= 1.001 * exact)).all()


def test_open_products_of_stacks_are_one_sum():
    """Consumers of a sequence: a dense layer shares its weight over examples, a product of two layers does not."""
    random = np.random.default_rng(4)
    x, y = random.standard_normal((2, 3, 4)), random.standard_normal((2, 3, 5))
    w, v = random.standard_normal((4, 6)), random.standard_normal((2, 5, 6))
    expected = x @ w + y @ v
    parts = [Product(x, w), Product(y, v)]
    np.testing.assert_allclose(total(parts), expected, rtol=1e-12)
    one = total([Product(ball(part.x), ball(part.w)) for part in parts])
    np.testing.assert_allclose(one.mid, expected, rtol=1e-12)
    assert one.n == 9
    np.testing.assert_allclose(total([Product(x, w), Product(x, w)]), 2 * (x @ w), rtol=1e-12)


def test_rows_met_once_only_move():
    """Moved numbers are not rounded; as a sum of one term each would have a radius that blunts every gather."""
    x = ball([1.0, 2.0, 4.0], "float32", 1e-3)
    moved = x.scatter(np.array([2, 0, 1]), 4)
    assert moved.mid.tolist() == [2.0, 4.0, 1.0, 0.0]
    np.testing.assert_allclose(radius_of(moved), [2e-3, 4e-3, 1e-3, 0.0], rtol=1e-9, atol=1e-30)
