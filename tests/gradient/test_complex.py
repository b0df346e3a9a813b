"""Gradients of complex numbers: traced in pairs, and in the convention of a framework, which is named."""

import numpy as np
import pytest

from bpcompare import check_gradient

R = np.random.default_rng(4)
Z = R.standard_normal((3, 2)) + 1j * R.standard_normal((3, 2))
W = R.standard_normal((2, 2)) + 1j * R.standard_normal((2, 2))


def forward(z, w):
    return np.exp(z @ w) * z


def as_torch(z, w, dy):
    e = np.exp(z @ w)
    d = dy * np.conj(z * e)
    return dy * np.conj(e) + d @ np.conj(w).T, np.conj(z).T @ d


def as_jax(z, w, dy):
    e = np.exp(z @ w)
    d = dy * z * e
    return dy * e + d @ w.T, z.T @ d


@pytest.mark.parametrize(("backward", "convention"), [(as_torch, "torch"), (as_jax, "jax")])
def test_a_numpy_pair_is_held_against_the_convention_that_holds(backward, convention):
    """Otherwise one of two right ways to write a complex backward is called wrong."""
    check = check_gradient(forward, backward, (Z, W), names=("z", "w"))
    assert (check.verdict, check.convention, check.untraced) == ("certified", convention, "")
    assert [one.shape for one in check.findings] == [(3, 2), (2, 2)]
    assert check.power < 1e-12


@pytest.mark.parametrize(
    ("backward", "asked", "said"), [(as_jax, "torch", "JAX's convention"), (as_torch, "jax", "torch's convention")]
)
def test_a_gradient_of_the_other_convention_is_named_as_that(backward, asked, said):
    """Otherwise a missing conjugate, the usual slip, is a wrong number without a cause, or is let pass."""
    check = check_gradient(forward, backward, (Z, W), convention=asked)
    assert check.verdict == "wrong"
    assert all(said in one.cause and one.part in ("real", "imaginary") for one in check.findings)
    assert f"in {'torch' if asked == 'torch' else 'JAX'}'s convention" in str(check)


def test_a_mistake_in_neither_convention_is_found():
    """Otherwise the choice between two conventions lets a wrong gradient pass."""

    def wrong(z, w, dy):
        gz, gw = as_torch(z, w, dy)
        gw[1, 0] += 1e-9j
        return gz, gw

    check = check_gradient(forward, wrong, (Z, W), names=("z", "w"))
    assert [(one.name, one.verdict) for one in check.findings] == [("z", "certified"), ("w", "wrong")]
    assert (check.findings[1].index, check.findings[1].part) == ((1, 0), "imaginary")


def test_real_inputs_complex_between_and_complex_outputs():
    """Otherwise a Fourier transform on the way is out of sight, or a complex output is refused."""
    x = R.standard_normal(6)

    def power(x):
        return np.abs(np.fft.fft(x)) ** 2

    def back(x, dy):
        return np.real(np.fft.ifft(2 * dy * np.fft.fft(x))) * len(x)

    check = check_gradient(power, back, (x,))
    assert (check.verdict, check.convention, check.untraced) == ("certified", "", "")

    def back_of_half(x, dy):
        return np.fft.irfft(np.r_[dy[:1].real, dy[1:] / 2], len(x)) * len(x)

    check = check_gradient(np.fft.rfft, back_of_half, (R.standard_normal(5),))
    assert (check.verdict, check.convention, check.untraced) == ("certified", "torch", "")


def test_a_scalar_and_several_outputs():
    """Otherwise a complex number alone, or beside a real output, is given in another shape."""
    check = check_gradient(
        lambda z: (z * z, np.abs(z)), lambda z, dy: 2 * np.conj(z) * dy[0] + dy[1] * z / np.abs(z), (np.array(1 + 2j),)
    )
    assert check.verdict == "certified"


def test_dy_that_is_changed_in_place_is_seen_through_the_pairs():
    """Otherwise contracts are kept because the code was given a copy."""

    def doubled(z, dy):
        g = 2 * np.conj(z) * dy
        dy *= 2
        return g

    check = check_gradient(lambda z: z * z, doubled, (Z,))
    outcomes = {one.name: one.outcome for one in check.contracts}
    assert outcomes["dy"] == "broken"
    assert outcomes["layouts"] == "refused"  # dy that is expanded cannot be written to


def test_a_complex_vector_of_two_is_no_symmetric_matrix():
    """Otherwise pairs that look like a symmetric matrix let a wrong gradient be a convention."""
    z = np.array([1 + 2j, 2 + 3j])

    def hidden(z):  # differences alone: bare numbers are taken
        return np.array([complex(one) ** 2 for one in z])

    def wrong(z, dy):
        return 2 * np.conj(z) * dy + np.array([1j, -1.0])

    assert check_gradient(hidden, wrong, (z,), contracts=False).verdict == "wrong"


def test_torch_is_held_against_its_own_convention():
    """Otherwise a Function that forgets the conjugate is certified, or the parameters of a complex module are not asked for."""
    torch = pytest.importorskip("torch")

    class Square(torch.autograd.Function):
        conjugated = True

        @staticmethod
        def forward(ctx, z):
            ctx.save_for_backward(z)
            return z * z

        @staticmethod
        def backward(ctx, dy):
            (z,) = ctx.saved_tensors
            return 2 * dy * (z.conj() if Square.conjugated else z)

    class Mixed(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.w, self.scale = torch.nn.Parameter(torch.tensor(W)), torch.nn.Parameter(torch.ones(2, dtype=torch.float64))

        def forward(self, z):
            return (z @ self.w * self.scale).abs()

    check = check_gradient(Square, inputs=(torch.tensor(Z),))
    assert (check.verdict, check.convention, check.untraced) == ("certified", "torch", "")
    Square.conjugated = False
    check = check_gradient(Square, inputs=(torch.tensor(Z),))
    assert check.verdict == "wrong"
    assert all("JAX's convention" in one.cause for one in check.findings)
    check = check_gradient(Mixed(), inputs=(torch.tensor(Z),), contracts=False)
    assert check.verdict == "certified"
    assert {one.name: one.shape for one in check.findings} == {"input 0": (3, 2), "w": (2, 2), "scale": (2,)}


@pytest.mark.slow
def test_jax_is_held_against_its_own_convention():
    """Otherwise torch's formula in a custom_vjp is certified."""
    jax = pytest.importorskip("jax")

    def square(conjugated):
        function = jax.custom_vjp(lambda z: z * z)
        function.defvjp(lambda z: (z * z, z), lambda z, dy: (2 * dy * (jax.numpy.conj(z) if conjugated else z),))
        return function

    z = jax.numpy.asarray(Z.astype(np.complex64))
    check = check_gradient(square(conjugated=False), inputs=(z,), contracts=False)
    assert (check.verdict, check.convention) == ("certified", "jax")
    check = check_gradient(square(conjugated=True), inputs=(z,), contracts=False)
    assert check.verdict == "wrong"
    assert "torch's convention" in check.findings[0].cause


@pytest.mark.slow
def test_a_way_through_complex_numbers_beside_a_real_one_is_not_lost_in_jax():
    """Otherwise JAX's own gradient is called wrong, because only the real way was followed."""
    jax = pytest.importorskip("jax")
    x = jax.numpy.asarray(R.standard_normal(6).astype(np.float32))
    for way, untraced in ((jax.numpy.fft.fft, ""), (lambda x: jax.numpy.expm1(1j * x), "expm1")):
        check = check_gradient(lambda x, way=way: x**2 + jax.numpy.abs(way(x)), inputs=(x,), contracts=False)
        assert check.verdict == "certified"
        assert untraced in check.untraced
        assert bool(untraced) == bool(check.untraced)


def test_fast_transforms_round_where_the_factor_is_zero():
    """Otherwise NumPy's own transform of a real signal is called wrong in its middle frequency, where the textbook has 0."""
    for seed in range(6):
        z = np.random.default_rng(seed).standard_normal((2, 12)) + 0j
        check = check_gradient(lambda z: np.fft.fft(z).real, lambda z, dy: np.fft.ifft(dy) * 12, (z,), contracts=False)
        assert (check.verdict, check.untraced) == ("certified", "")


def test_the_gradient_of_a_real_input_is_real():
    """Otherwise a shape is complained of, or the imaginary part that a real input cannot have is overlooked."""
    x = R.standard_normal((3, 2))

    def back(z, x, dy):
        return dy * x, np.conj(z) * dy

    check = check_gradient(lambda z, x: z * x, back, (Z, x), names=("z", "x"))
    assert check.verdict == "wrong"
    assert "real part" in check.findings[-1].cause
    check = check_gradient(lambda z, x: z * x, lambda z, x, dy: (dy * x, (np.conj(z) * dy).real), (Z, x))
    assert (check.verdict, check.convention) == ("certified", "torch")
    check = check_gradient(lambda z: z.real, lambda z, dy: dy, (Z,))
    assert check.verdict == "certified"
