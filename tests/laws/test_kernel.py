"""Every primitive of the kernel: its transpose is its adjoint, and only what a question needs is evaluated."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpcompare.laws import kernel
from bpcompare.laws.kernel import Node, lifted, pulled_back
from bpcompare.numbers.number import Product, total

STEP = 2.0**-300
sizes = st.integers(1, 3)
shapes = st.lists(sizes, min_size=1, max_size=3).map(tuple)
seeds = st.integers(0, 2**32 - 1)


def draw(data, shape):
    return np.random.default_rng(data.draw(seeds)).standard_normal(shape)


def partner(data, shape):
    """A shape that broadcasts against `shape`."""
    cut = data.draw(st.integers(0, len(shape)))
    return tuple(size if data.draw(st.booleans()) else 1 for size in shape[cut:])


def adjoint(program, *xs):
    """⟨y, J x⟩ = ⟨Jᵀ y, x⟩ for each of the arguments, in a random direction, at the random point `xs`."""
    random = np.random.default_rng(5)
    nodes = [lifted(x) for x in xs]
    result = program(*nodes)
    value = np.asarray(result.value)
    assert value.shape == result.shape
    y = random.standard_normal(result.shape)
    for slot, x in enumerate(xs):
        direction = random.standard_normal(np.shape(x))
        along = [one + 1j * STEP * direction if slot == at else one for at, one in enumerate(xs)]
        derivative = np.asarray(program(*map(lifted, along)).value).imag / STEP
        back = total([pulled_back(result, y, nodes[slot])])
        assert back.shape == np.shape(x)
        np.testing.assert_allclose((back * direction).sum(), (y * derivative).sum(), rtol=1e-10, atol=1e-11)


TWO = (kernel.add, kernel.subtract, kernel.multiply, kernel.divide)


@pytest.mark.parametrize("primitive", TWO, ids=lambda one: one.__name__)
@given(data=st.data())
def test_arithmetic(primitive, data):
    """Δ of a repeated operand that is not summed has another shape, or is that of one repetition."""
    shape = data.draw(shapes)
    x, y = draw(data, shape), draw(data, partner(data, shape))
    y = np.sign(y) * (0.5 + np.abs(y))
    adjoint(primitive, x, y)
    adjoint(primitive, np.sign(x) * (0.5 + np.abs(x)) if primitive is kernel.divide else x, y)
    if primitive is kernel.add:
        adjoint(primitive, y, x, x)
    else:
        adjoint(lambda a: primitive(a, a * 3.0 + 7.0), x)


@given(data=st.data())
def test_branches_and_functions(data):
    """A branch that lets Δ through on the wrong side, or a wrong g', would be in every law that is written with it."""
    shape = data.draw(shapes)
    x, y = draw(data, shape), draw(data, partner(data, shape))
    mask = np.random.default_rng(data.draw(seeds)).random(shape) < 0.5
    adjoint(lambda a, b: kernel.where(mask, a, b), x, y)
    adjoint(lambda a: kernel.where(mask, 0.0, a), x)
    adjoint(kernel.negative, x)
    adjoint(kernel.exp, x)
    adjoint(kernel.tanh, x)
    for function in (kernel.log, kernel.sqrt, lambda a: kernel.power(a, 1.5)):
        adjoint(function, np.exp(x))
    adjoint(lambda a: kernel.power(a, 3.0), x)
    adjoint(lambda a: kernel.elementwise(a, lambda v: v * v, lambda v: 2.0 * v), x)


@given(data=st.data())
def test_moves(data):
    """Entries that come back to another place than they were taken from."""
    shape = data.draw(shapes)
    x = draw(data, shape)
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    size = shape[axis]
    adjoint(lambda a: kernel.reshape(a, (-1, size)), x)
    order = data.draw(st.permutations(range(-len(shape), 0)))
    adjoint(lambda a: kernel.permute(a, order), x)
    adjoint(lambda a: kernel.aligned(a, len(shape) + 2), x)
    start = data.draw(st.integers(0, size - 1))
    step = data.draw(st.integers(1, 3))
    positions = range(start, data.draw(st.integers(start + 1, size)), step)
    adjoint(lambda a: kernel.cut(a, axis, positions), x)
    small = draw(data, partner(data, shape))
    adjoint(lambda a: kernel.expand(a, shape), small)
    adjoint(lambda a: kernel.pad(a, [(i % 2, i) for i in range(len(shape))]), x)
    adjoint(lambda a, b: kernel.concat([a, b, a], axis), x, draw(data, shape))


@given(data=st.data())
def test_taking_and_putting(data):
    """An entry that was taken twice receives twice; one that was taken by nobody, nothing; what is no entry, is 0."""
    shape = data.draw(shapes)
    x = draw(data, shape)
    random = np.random.default_rng(data.draw(seeds))
    index = random.integers(-1, shape[-1], data.draw(shapes))
    adjoint(lambda a: kernel.take(a, index), x)
    adjoint(lambda a: kernel.put(a, index, shape[-1] + 1), draw(data, (*shape[:-1], *index.shape)))
    y = draw(data, (*shape[:-1], *index.shape))
    taken, put = kernel.take(x, index).value, kernel.put(y, index, shape[-1]).value
    np.testing.assert_allclose((taken * y).sum(), (x * put).sum(), rtol=1e-12, atol=1e-12)
    assert not taken[..., index < 0].any()


@given(data=st.data())
def test_sums_and_products(data):
    """A mean without its 1/n on the way back, or a product with the wrong factor transposed."""
    shape = data.draw(shapes)
    x = draw(data, shape)
    axes = data.draw(st.sets(st.integers(0, len(shape) - 1), min_size=1))
    for keepdims in (False, True):
        adjoint(lambda a, keepdims=keepdims: kernel.total(a, axes, keepdims=keepdims), x)
        adjoint(lambda a, keepdims=keepdims: kernel.mean(a, axes, keepdims=keepdims), x)
    adjoint(kernel.total, x)
    adjoint(lambda a: kernel.moments(a, sorted(axes))[0], x)
    adjoint(lambda a: kernel.moments(a, sorted(axes))[1], x)

    def standardized(a):
        centred, variance = kernel.moments(a, sorted(axes))
        return centred / kernel.sqrt(variance + 1.0)

    adjoint(standardized, x)
    n, k, m = data.draw(sizes), data.draw(sizes), data.draw(sizes)
    adjoint(kernel.matmul, draw(data, (*shape, n, k)), draw(data, (*partner(data, shape), k, m)))
    adjoint(kernel.matmul, draw(data, (*partner(data, shape), n, k)), draw(data, (*shape, k, m)))


@given(data=st.data())
def test_scores(data):
    """Along another axis than the one that the numbers were normalized over."""
    shape = data.draw(shapes)
    x = draw(data, shape)
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    adjoint(lambda a: kernel.softmax(a, axis), x)
    adjoint(lambda a: kernel.log_softmax(a, axis), x)
    adjoint(kernel.largest, x)
    among = np.broadcast_to(np.arange(shape[-1]) == shape[-1] - 1, shape)
    adjoint(lambda a: kernel.largest(a, among), x)
    assert (kernel.largest(x, among).value == x[..., -1]).all()


def test_a_fork_inside_a_law_is_added_up():
    """x used three times receives the Δ of one use."""
    x = lifted(np.array([[2.0, 3.0]]))
    y = x * x + x * 5.0
    np.testing.assert_array_equal(pulled_back(y, np.array([[1.0, 10.0]]), x), [[9.0, 110.0]])


def test_a_product_stays_open():
    """Consumers of a node would be summed one by one, and the ball of that is not the ball of one sum."""
    x, w = lifted(np.ones((2, 3))), lifted(np.ones((3, 4)))
    for source in (x, w):
        assert isinstance(pulled_back(kernel.matmul(x, w), np.ones((2, 4)), source), Product)


def test_only_what_is_asked_for_is_evaluated():
    """The Δ of one source would cost the Δ of all of them, and the forward pass once more."""

    def refused():
        raise AssertionError("nobody asked for this")

    x, y = lifted(np.ones(3)), Node((3,), refused)
    total_of_both = x + y
    np.testing.assert_array_equal(pulled_back(total_of_both * 2.0, np.ones(3), x), [2.0, 2.0, 2.0])
    unasked = kernel.elementwise(y, lambda v: v, lambda _v: refused())
    np.testing.assert_array_equal(pulled_back(x + unasked, np.ones(3), x), np.ones(3))


def test_what_leads_nowhere_is_refused():
    """A law that forgot to read its source would have Δ = 0 and nobody would know."""
    with pytest.raises(LookupError):
        pulled_back(lifted(np.ones(2)) * 2.0, np.ones(2), lifted(np.ones(2)))


@given(data=st.data())
def test_correlation(data):
    """A correlation and its transpose as a function of its own, over one to three axes, in groups."""
    axes, groups = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 2))

    def each(least, most):
        return tuple(data.draw(st.integers(least, most)) for _ in range(axes))

    window, stride, dilation = each(1, 2), each(1, 2), each(1, 2)
    size = each(3, 4)
    x, w = draw(data, (2, groups, *size)), draw(data, (2 * groups, 1, *window))
    adjoint(lambda a, b: kernel.correlate(a, b, stride, dilation, groups), x, w)
    y = kernel.correlate(x, w, stride, dilation, groups)
    z = draw(data, y.shape)
    adjoint(lambda a, b: kernel.returned_to(a, b, size, stride, dilation, groups), z, w)
    back = kernel.returned_to(z, w, size, stride, dilation, groups)
    np.testing.assert_allclose((y.value * z).sum(), (back.value * x).sum(), rtol=1e-10, atol=1e-11)
