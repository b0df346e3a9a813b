"""`check_gradient`: right backwards pass, wrong ones are found at their input and element, with the likely mistake."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from bpcompare import check_gradient, ops

R = np.random.default_rng(3)
X, W, B = R.standard_normal((4, 3)), R.standard_normal((3, 5)), R.standard_normal(5)


def matmul(x, w):
    return x @ w


def matmul_back(x, w, dy):
    return dy @ w.T, x.T @ dy


def affine(x, w, b):
    return np.tanh(x @ w + b)


def affine_back(x, w, b, dy):
    d = dy * (1 - np.tanh(x @ w + b) ** 2)
    return d @ w.T, x.T @ d, d.sum(0)


def layer_norm(x):
    c = x - x.mean(-1, keepdims=True)
    return c / np.sqrt((c * c).mean(-1, keepdims=True) + 1e-5)


def layer_norm_back(x, dy):
    c = x - x.mean(-1, keepdims=True)
    s = 1 / np.sqrt((c * c).mean(-1, keepdims=True) + 1e-5)
    h = c * s
    return s * (dy - dy.mean(-1, keepdims=True) - h * (dy * h).mean(-1, keepdims=True))


def entropy(x, t):
    m = x.max(-1, keepdims=True)
    return (np.log(np.exp(x - m).sum(-1)) + m[:, 0] - x[np.arange(len(x)), t]).mean()


def entropy_back(x, t, dy):
    p = special.softmax(x, -1)
    p[np.arange(len(x)), t] -= 1
    return dy * p / len(x), None


def conv(x, k):
    n = x.shape[0] - k.shape[0] + 1
    return np.array([(x[i : i + len(k)] * k).sum() for i in range(n)])


def conv_back(x, k, dy):
    gx, gk = np.zeros_like(x), np.zeros_like(k)
    for i, d in enumerate(dy):
        gx[i : i + len(k)] += d * k
        gk += d * x[i : i + len(k)]
    return gx, gk


HONEST = [
    ("matmul", matmul, matmul_back, (X, W)),
    ("affine", affine, affine_back, (X, W, B)),
    ("layer norm", layer_norm, layer_norm_back, (X,)),
    ("cross-entropy", entropy, entropy_back, (X, np.array([0, 2, 1, 1]))),
    ("convolution", conv, conv_back, (R.standard_normal(9), R.standard_normal(3))),
    ("broadcast sum", lambda x, b: x + b, lambda x, b, dy: (dy, dy.sum(0)), (X, R.standard_normal(3))),
    ("logsumexp", lambda x: special.logsumexp(x, -1), lambda x, dy: dy[:, None] * special.softmax(x, -1), (X,)),
    ("cumsum", lambda x: np.cumsum(x, 0), lambda x, dy: np.cumsum(dy[::-1], 0)[::-1], (X,)),
    ("square root", np.sqrt, lambda x, dy: dy / (2 * np.sqrt(x)), (np.abs(X) + 0.1,)),
    ("scalar", np.sin, lambda x, dy: dy * np.cos(x), (np.array(0.7),)),
    ("magnitude", np.abs, lambda x, dy: dy * np.sign(x), (X,)),
    ("variance", lambda x: x.var(-1), lambda x, dy: dy[:, None] * 2 * (x - x.mean(-1, keepdims=True)) / x.shape[1], (X,)),
    ("einsum", lambda a, b: np.einsum("ij,ij->i", a, b), lambda a, b, dy: (dy[:, None] * b, dy[:, None] * a), (X, X + 1)),
]


@pytest.mark.parametrize(("forward", "backward", "inputs"), [row[1:] for row in HONEST], ids=[row[0] for row in HONEST])
def test_right_backwards_pass(forward, backward, inputs):
    """A right backward would be called wrong, and its author would look for a mistake that is not there."""
    check = check_gradient(forward, backward, inputs)
    assert check.verdict == "certified", str(check)
    assert check.power < 1e-6, str(check)


def back(change, forward_back=affine_back):
    def changed(*args):
        return change(*forward_back(*args))

    return changed


WRONG = [
    ("the sign", back(lambda gx, gw, gb: (gx, -gw, gb)), "w", "the wrong sign"),
    ("a half", back(lambda gx, gw, gb: (gx, gw, gb / 2)), "b", "half of the right one"),
    ("twice", back(lambda gx, gw, gb: (2 * gx, gw, gb)), "x", "2 times the right one"),
    ("zero", back(lambda gx, gw, gb: (gx, 0 * gw, gb)), "w", "0 everywhere"),
    ("three", back(lambda gx, gw, gb: (gx, 3 * gw, gb)), "w", "a sum over 3 rows, where their mean is meant"),
    ("a constant", back(lambda gx, gw, gb: (gx, 1.7 * gw, gb)), "w", "the right one times 1.7"),
    ("last row", back(lambda gx, gw, gb: (np.where(np.arange(4)[:, None] == 3, gx, 0), gw, gb)), "x", "only its last row"),
    ("not summed", back(lambda gx, gw, gb: (gx, gw, np.tile(gb, (4, 1)))), "b", "must be summed over the axes"),
    ("not finite", back(lambda gx, gw, gb: (gx * np.nan, gw, gb)), "x", "NaN or infinite"),
    ("too few", back(lambda gx, gw, gb: (gx, gw)), "x", "gave 2 gradients for 3 inputs"),
]


@pytest.mark.parametrize(("backward", "name", "said"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_a_mistake_is_found_at_its_input_and_named(backward, name, said):
    """A wrong gradient would pass, or be told of another input, or without a hint why."""
    check = check_gradient(affine, backward, (X, W, B), names=("x", "w", "b"))
    assert check.verdict == "wrong"
    assert name in [finding.name for finding in check.findings if finding.verdict == "wrong"]
    assert said in " ".join(str(check).split())
    with pytest.raises(AssertionError, match="WRONG"):
        check.assert_ok()


def test_one_wrong_element_is_found_at_its_index():
    """Only mistakes of whole tensors would be seen."""

    def slightly(x, w, dy):
        gx, gw = matmul_back(x, w, dy)
        gw[1, 2] *= 1 + 1e-9
        return gx, gw

    (_, finding) = check_gradient(matmul, slightly, (X, W)).findings
    assert (finding.verdict, finding.index, finding.off) == ("wrong", (1, 2), 1)
    assert finding.relative == pytest.approx(1e-9, rel=1e-3)


def test_swapped_and_transposed():
    """The commonest slips of matrix code would have no name."""
    a, b = R.standard_normal((3, 3)), R.standard_normal((3, 3))
    swapped = check_gradient(lambda a, b: a * np.exp(b), lambda a, b, dy: (dy * a * np.exp(b), dy * np.exp(b)), (a, b))
    assert all("swapped" in finding.cause for finding in swapped.findings)
    turned = check_gradient(np.sin, lambda a, dy: (dy * np.cos(a)).T, (a,))
    assert turned.findings[0].cause == "it is transposed"


def test_a_kink_is_a_convention_and_a_wrong_value_there_is_wrong():
    """|x|'(0) = 1 would be called a mistake, or |x|'(0) = 5 pass."""
    x = np.array([1.0, 0.0, -2.0])
    check = check_gradient(np.abs, lambda x, dy: dy * np.where(x >= 0, 1.0, -1.0), (x,))
    assert check.verdict == "convention"
    assert check.ok
    assert check_gradient(np.abs, lambda x, dy: dy * np.where(x > 0, 1.0, np.where(x < 0, -1.0, 5.0)), (x,)).verdict == "wrong"


def test_code_on_which_the_complex_step_lies_is_judged_by_differences():
    """A backward without the term that np.abs and np.var drop on complex numbers would be certified to all digits."""

    def forward(x):
        return x / np.sqrt(np.var(x) + 1.0)

    def without_variance(x, dy):
        return dy / np.sqrt(np.var(x) + 1.0)

    assert check_gradient(forward, without_variance, (X[0],)).verdict == "wrong"


@pytest.mark.slow
def test_a_million_elements_take_directions_and_find_the_one():
    """Large inputs would take days, or go unchecked."""
    x = R.standard_normal(1_000_000)

    def wrong(x, dy):
        g = dy * np.cos(x)
        g[123_456] += 0.1
        return g

    assert check_gradient(np.sin, lambda x, dy: dy * np.cos(x), (x,)).verdict == "certified"
    (finding,) = check_gradient(np.sin, wrong, (x,)).findings
    assert (finding.verdict, finding.index) == ("wrong", (123_456,))


@pytest.mark.slow
@given(st.integers(0, 10**6), st.floats(-3, 3), st.integers(1, 6), st.sampled_from([np.float64, np.float32]))
def test_no_false_alarm_on_random_smooth_functions(seed, shift, size, dtype):
    """Honest code would be called wrong by chance."""
    random = np.random.default_rng(seed)
    x, w = random.standard_normal((size, 3)).astype(dtype), random.standard_normal((3, 4)).astype(dtype)

    def forward(x, w):
        return np.exp(np.sin(x @ w + shift)) / (1 + (x @ w) ** 2)

    def backward(x, w, dy):
        u = x @ w
        e, q = np.exp(np.sin(u + shift)), 1 / (1 + u**2)
        d = dy * (e * np.cos(u + shift) * q - e * 2 * u * q**2)
        return d @ w.T, x.T @ d

    assert check_gradient(forward, backward, (x, w)).verdict in ("certified", "undecided")


@pytest.mark.parametrize(
    ("op", "inputs", "forward", "backward"),
    [
        (ops.Sigmoid(), (X,), special.expit, lambda x, dy: dy * special.expit(x) * (1 - special.expit(x))),
        (ops.Tanh(), (X,), np.tanh, lambda x, dy: dy * (1 - np.tanh(x) ** 2)),
        (ops.Softmax(), (X,), lambda x: special.softmax(x, -1),
         lambda x, dy: special.softmax(x, -1) * (dy - (dy * special.softmax(x, -1)).sum(-1, keepdims=True))),
        (ops.Dense(5), (X, W, B), lambda x, w, b: x @ w + b, lambda x, w, b, dy: (dy @ w.T, x.T @ dy, dy.sum(0))),
    ],
    ids=["sigmoid", "tanh", "softmax", "dense"],
)  # fmt: skip
def test_a_known_op_is_held_against_its_law(op, inputs, forward, backward):
    """A function that is not the op it is said to be would pass."""
    check = check_gradient(forward, backward, inputs, op=op)
    assert check.verdict == "certified", str(check)
    other = check_gradient(lambda *xs: 1.001 * forward(*xs), backward, inputs, op=op)
    assert other.findings[0].name == "the output"
    assert f"forward is not {op.name}" in str(other)


def test_a_known_mistake_is_named_by_its_code():
    """The cause would stay unknown although the catalogue has it."""
    check = check_gradient(special.expit, lambda x, dy: dy, (X,), op=ops.Sigmoid())
    assert check.findings[0].code is not None
    assert "bpcompare explain" in str(check)


@pytest.mark.parametrize(
    ("forward", "backward", "inputs", "said"),
    [
        (np.sin, None, (X,), "backward: a NumPy function needs one"),
        (np.sin, np.cos, (), "inputs: give at least one"),
        (np.sin, np.cos, (np.array([1, 2]),), "none of them holds floating-point numbers"),
        (np.sin, np.cos, (np.zeros((0, 3)),), "there is nothing in it"),
        (np.sin, np.cos, (np.array([np.nan]),), "holds NaN or infinity"),
        (np.sin, np.cos, (np.array(["a"]), X), "numbers are needed"),
        (lambda x: x @ x, np.cos, (X,), "forward: it raised ValueError"),
        (lambda x: 1 / (0 * x), np.cos, (X,), "gives NaN or infinity"),
        (lambda x: R.standard_normal(3), np.cos, (X,), "something else when it is called again"),
        (lambda x: x > 0, np.cos, (X,), "floating-point numbers are needed"),
    ],
)
def test_code_that_cannot_be_tried_is_refused_with_the_reason(forward, backward, inputs, said):
    """A wrong call would end in a traceback from inside, or in a verdict."""
    with np.errstate(all="ignore"), pytest.raises(ValueError, match=said):
        check_gradient(forward, backward, inputs)


def test_a_backward_that_raises_is_wrong_and_said_so():
    """Its author would see a traceback of ours."""

    def raises(x, dy):
        raise IndexError("out of range")

    check = check_gradient(np.sin, raises, (X,))
    assert check.verdict == "wrong"
    assert "backward raised IndexError: out of range" in str(check)


def test_inputs_stay_as_they_are():
    """A check that changes what it checks would change the program it is put into."""
    x = X.copy()

    def greedy(x, dy):
        g = dy * np.cos(x)
        x[...] = 0
        dy[...] = 0
        return g

    check = check_gradient(np.sin, greedy, (x,))
    assert np.array_equal(x, X)
    assert [one.name for one in check.contracts if one.outcome == "broken"] == ["dy", "inputs"]


def test_torch_functions():
    """The hand-written backward of an autograd.Function could not be tried."""
    torch = pytest.importorskip("torch")

    class Cube(torch.autograd.Function):
        factor = 3

        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**3

        @classmethod
        def backward(cls, ctx, dy):
            (x,) = ctx.saved_tensors
            return dy * cls.factor * x**2

    class Wrong(Cube):
        @staticmethod
        def backward(ctx, dy):
            (x,) = ctx.saved_tensors
            return dy * 2 * x**2

    class Right(Cube):
        @staticmethod
        def backward(ctx, dy):
            (x,) = ctx.saved_tensors
            return dy * 3 * x**2

    for dtype in (torch.float64, torch.float32):
        x = torch.tensor(X, dtype=dtype)
        assert check_gradient(Right, inputs=(x,)).verdict == "certified"
        check = check_gradient(Wrong, inputs=(x,))
        assert check.verdict == "wrong"
        assert "the right one times 0.666667" in check.findings[0].cause
    assert check_gradient(torch.nn.functional.silu, inputs=(torch.tensor(X),)).verdict == "certified"


def test_jax_functions():
    """The hand-written backward of a custom_vjp could not be tried, or the author's 64-bit switch be left changed."""
    jax = pytest.importorskip("jax")
    before = jax.config.jax_enable_x64

    def made(factor):
        @jax.custom_vjp
        def cube(x):
            return x**3

        cube.defvjp(lambda x: (x**3, x), lambda x, dy: (factor * dy * x**2,))
        return cube

    assert check_gradient(made(3), inputs=(X,)).verdict == "certified"
    check = check_gradient(made(-3), inputs=(X,))
    assert "the wrong sign" in check.findings[0].cause
    assert jax.config.jax_enable_x64 == before


def test_one_reference_stands_for_the_forward():
    """A function given as the reference of a kernel would be taken for a mapping, and the answer for one by differences."""
    torch = pytest.importorskip("torch")

    class Hidden(torch.autograd.Function):
        """x σ(x), in a way that nobody can see."""

        @staticmethod
        def forward(ctx, x):
            """By NumPy."""
            ctx.save_for_backward(x)
            v = x.detach().numpy()
            return torch.from_numpy(v / (1.0 + np.exp(-v)))

        @staticmethod
        def backward(ctx, dy):
            """Right."""
            (x,) = ctx.saved_tensors
            s = torch.sigmoid(x)
            return dy * (s + x * s * (1.0 - s))

    x = torch.linspace(-2.0, 2.0, 7, dtype=torch.float64)
    for forward in (Hidden, Hidden.apply):
        found = check_gradient(forward, inputs=(x,), reference=torch.nn.functional.silu)
        assert found.verdict == "certified"
        assert not found.untraced
    with pytest.raises(ValueError, match="say what it stands for"):
        check_gradient(lambda x: 1.0 * Hidden.apply(x), inputs=(x,), reference=torch.nn.functional.silu)
    with pytest.raises(ValueError, match="reference: a function"):
        check_gradient(Hidden, inputs=(x,), reference=3)
