"""Every law on tensors of torch and on arrays of JAX: its Δ and gradient are what the framework makes of its forward law."""

from importlib import import_module

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from bpcompare.laws import LAWS
from bpcompare.numbers.number import dot, scatter, total
from every_law import PLACES, asked, closed, moved, questions

FIRST = {type(place.op): place for place in reversed(PLACES)}
"""One form of each op. JAX compiles every primitive for every shape: all forms take it a minute."""
EVERY = [("torch", place) for place in PLACES] + [
    pytest.param("jax", place, marks=() if FIRST[type(place.op)] is place else pytest.mark.slow) for place in PLACES
]


USES = {
    "np.pad(x, ((1, 0), (0, 2), (3, 1)))": lambda x: np.pad(x, ((1, 0), (0, 2), (3, 1))),
    "np.flip(x, axis=(0, 2))": lambda x: np.flip(x, axis=(0, 2)),
    "np.flip(x)": np.flip,
    "np.moveaxis(x, -1, 0)": lambda x: np.moveaxis(x, -1, 0),
    "np.swapaxes(x, 0, 2)": lambda x: np.swapaxes(x, 0, 2),
    "np.transpose(x)": np.transpose,
    "np.transpose(x, (1, 2, 0))": lambda x: np.transpose(x, (1, 2, 0)),
    "x.T": lambda x: x.T,
    "np.expand_dims(x, 1)": lambda x: np.expand_dims(x, 1),
    "np.squeeze(x[:1], 0)": lambda x: np.squeeze(x[:1], 0),
    "np.squeeze(x[:1])": lambda x: np.squeeze(x[:1]),
    "np.stack([x, 2.0 * x], axis=1)": lambda x: np.stack([x, 2.0 * x], axis=1),
    "np.concatenate([x, np.ones((2, 1, 4)), x], axis=1)": lambda x: np.concatenate([x, np.ones((2, 1, 4)), x], axis=1),
    "np.broadcast_to(x, (2, 2, 3, 4))": lambda x: np.broadcast_to(x, (2, 2, 3, 4)),
    "np.reshape(x, -1)": lambda x: np.reshape(x, -1),
    "np.sum(np.ones(1)) * x[..., None, 1]": lambda x: np.sum(np.ones(1)) * x[..., None, 1],
    "x[np.array([1, 0, 1])]": lambda x: x[np.array([1, 0, 1])],
    "np.where(np.arange(4) > 1, x, -1.0)": lambda x: np.where(np.arange(4) > 1, x, -1.0),
    "np.where(True, 0.0, np.square(x))": lambda x: np.where(True, 0.0, np.square(x)),
    "np.zeros_like(x) + x**3 - x / 3 + 2 / (x * x + 1) - (-x)": lambda x: (
        np.zeros_like(x) + x**3 - x / 3 + 2 / (x * x + 1) - (-x)
    ),
    "sliding_window_view(x, (2, 3), axis=(1, 2))": lambda x: sliding_window_view(x, (2, 3), axis=(1, 2)),
    "total(x, axis=())": lambda x: total(x, axis=()),
    "total(x, axis=(0, -1), keepdims=True)": lambda x: total(x, axis=(0, -1), keepdims=True),
    "total([x, 1.0 * x, np.ones((2, 3, 4))])": lambda x: total([x, 1.0 * x, np.ones((2, 3, 4))]),
    "dot(x, np.ones((2, 4, 2)), np.ones(2))": lambda x: dot(x, np.ones((2, 4, 2)), np.ones(2)),
    "dot(np.ones((5, 3)), x)": lambda x: dot(np.ones((5, 3)), x),
    "np.ones((5, 3)) @ x": lambda x: np.ones((5, 3)) @ x,
    "scatter(x, np.array([3, 3]), 5)": lambda x: scatter(x, np.array([3, 3]), 5),
}
"""What a law may write, the uses that no forward law has today included."""


def lender(framework):
    pytest.importorskip(framework)
    return import_module(f"bpcompare_{framework}.number")


def differentiated(lent, place, at, kind, which):
    """⟨Δ, y⟩, or −E, differentiated by the framework with respect to one source or parameter."""
    law = LAWS.ops[type(place.op)]

    def f(x):
        y = law.forward(moved(at, kind, which, lambda _: x))
        return -y if at.dy is None else total(at.dy * closed(y))

    return lent.gradient(f, at.xs[which] if kind == "delta" else at.p[which])


def named(value):
    return value.name if hasattr(value, "shapes") else value


@pytest.mark.sampled(5)
@pytest.mark.parametrize(("framework", "place"), EVERY, ids=named)
def test_the_laws_delta_and_gradient_are_what_the_framework_makes_of_its_forward(place, framework):
    """The second way would speak against right laws, and nobody who is wrong could be named; or the law is wrong."""
    at, lent = asked(place), lender(framework)
    seen = 0
    for kind, which, answer in questions(place, at):
        expected = np.asarray(answer(at))
        found = differentiated(lent, place, at, kind, which)
        assert found.shape == expected.shape
        assert found.dtype == np.float64
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13, err_msg=f"{kind} {which}")
        # Where the law is wrong, the framework says so.
        wrong = expected * (1 + 1e-9)
        assert (np.abs(found - wrong) >= 0.5e-9 * np.abs(expected)).all()
        seen += 1
    assert seen


@pytest.mark.parametrize(("framework", "place"), [one for one in EVERY if isinstance(one, tuple)], ids=named)
def test_the_laws_on_its_numbers_say_what_they_say_on_arrays(place, framework):
    """A primitive that means something else in a framework would make another law of a law."""
    at, lent, law = asked(place), lender(framework), LAWS.ops[type(place.op)]
    for kind, which, answer in questions(place, at):

        def compared(x, kind=kind, which=which, answer=answer):
            there = moved(at, kind, which, lambda _: x)
            for say in (lambda at: closed(law.forward(at)), answer):
                value = say(there)
                plain = value.plain() if hasattr(value, "plain") else value
                np.testing.assert_allclose(plain, say(at), rtol=1e-12, atol=1e-13, err_msg=f"{kind} {which}")
            return total(x * x)

        lent.gradient(compared, at.xs[which] if kind == "delta" else at.p[which])


@pytest.mark.parametrize("framework", ["torch", "jax"])
class TestWhatNumPyCallsThem:
    """Functions, indices and primitives under the names that laws use."""

    @pytest.mark.parametrize("use", USES)
    def test_it_is_the_same(self, framework, use):
        """A law written with it would mean something else here, or end in a traceback."""
        f = USES[use]
        x = np.random.default_rng(0).standard_normal((2, 3, 4))
        expected = f(x)
        weights = np.random.default_rng(1).standard_normal(expected.shape)
        found = lender(framework).gradient(lambda own: total(weights * f(own)), x)
        step = 2.0**-300
        for index in ((0, 0, 0), (1, 2, 3), (1, 0, 2)):
            moved = x.astype(np.complex128)
            moved[index] += 1j * step
            assert found[index] == pytest.approx((weights * f(moved).imag / step).sum(), rel=1e-12, abs=1e-15)

    @pytest.mark.parametrize("f", [np.cumsum, np.sort, np.sin, np.asarray, np.add.reduce], ids=lambda f: f.__name__)
    def test_what_is_not_lent_is_no_array_in_silence(self, framework, f):
        """NumPy would take the numbers out, and the derivative would be lost."""
        with pytest.raises(TypeError, match=r"lent|differentiated"):
            lender(framework).gradient(f, np.ones(3))


def test_jax_keeps_the_setting_of_the_process():
    """A user's program would compute in 64 bits from then on."""
    jax = pytest.importorskip("jax")
    before = jax.numpy.ones(1).dtype
    found = lender("jax").gradient(lambda x: total(np.exp(x)), np.ones(2))
    assert found.dtype == np.float64
    assert found == pytest.approx(np.e, rel=1e-15)
    assert jax.numpy.ones(1).dtype == before


def test_torch_differentiates_whatever_the_process_has_switched_off():
    """Called under `no_grad`, as evaluation code is, it would have no derivative."""
    torch = pytest.importorskip("torch")
    with torch.inference_mode():
        assert lender("torch").gradient(lambda x: total(x * x), np.ones(2)).tolist() == [2.0, 2.0]
