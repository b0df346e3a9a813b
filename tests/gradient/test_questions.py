"""What people ask of `check_gradient`: modules, several outputs, trees, estimators that are meant, edges, ties."""

import numpy as np
import pytest

from bpcompare import check_gradient

torch = pytest.importorskip("torch")
nn, functional = torch.nn, torch.nn.functional
R = np.random.default_rng(9)
X = torch.tensor(R.standard_normal((4, 3)))


class Rounded(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return torch.round(x)

    @staticmethod
    def backward(ctx, dy):
        return dy


class Halves(torch.autograd.Function):
    wrong = False

    @staticmethod
    def forward(ctx, x, scale, flag):
        ctx.scale = scale
        return x[:2] * scale, x[2:] if flag else -x[2:]

    @staticmethod
    def backward(ctx, first, second):
        return torch.cat([first * ctx.scale, -second if Halves.wrong else second]), None, None


def verdicts(check):
    return {finding.name: finding.verdict for finding in check.findings}


def test_a_modules_parameters_are_asked_for_by_name():
    """The gradients that training uses would not be looked at."""
    torch.manual_seed(0)
    found = verdicts(
        check_gradient(nn.Sequential(nn.Linear(3, 4), nn.GELU(), nn.LayerNorm(4)).double(), inputs=(X,), names=["x"])
    )
    assert found == dict.fromkeys(["x", "0.weight", "0.bias", "2.weight", "2.bias"], "certified")


def test_a_wrong_function_within_a_module_is_named_with_its_line():
    """All parameters in front of it would be called wrong, and none of them is to blame."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = nn.Linear(3, 4), nn.Linear(4, 2)

        def forward(self, x):
            return self.last(Rounded.apply(self.first(x)))

    check = check_gradient(Net().double(), inputs=(X,), names=["x"])
    assert check.verdict == "wrong"
    (place,) = [name for name in verdicts(check) if name.startswith("Rounded.backward")]
    assert "test_questions.py" in place
    assert verdicts(check)["last.weight"] == "certified"
    assert verdicts(check)["first.weight"] == "wrong"


def test_several_outputs_and_flags():
    """A mistake in the second output alone would pass, or a flag be asked for its gradient."""
    assert verdicts(check_gradient(Halves, inputs=(X, 1.5, True), names=["x", "scale", "flag"])) == {"x": "certified"}
    Halves.wrong = True
    try:
        check = check_gradient(Halves, inputs=(X, 1.5, True), names=["x", "scale", "flag"])
    finally:
        Halves.wrong = False
    assert check.verdict == "wrong"
    numpy = check_gradient(
        lambda x: (np.sin(x), x.sum()), lambda x, dy: dy[0] * np.cos(x) + dy[1], (X.numpy(),)
    )  # fmt: skip
    assert numpy.verdict == "certified"


def test_what_an_estimator_is_meant_for():
    """A straight-through estimator that forgets its mask, and one that does not, would both be wrong."""
    assert check_gradient(Rounded, inputs=(X,)).verdict == "wrong"
    assert check_gradient(Rounded, inputs=(X,), meant_for=lambda x: x * 1).verdict == "certified"
    assert check_gradient(Rounded, inputs=(X,), meant_for=lambda x: x.clamp(-0.5, 0.5)).verdict == "wrong"


def test_formats_are_tried_one_by_one():
    """A backward that is right in one format alone would pass."""

    class Casts(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x.float())
            return x.exp()

        @staticmethod
        def backward(ctx, dy):
            return (dy * ctx.saved_tensors[0].exp()).to(dy.dtype)

    check = check_gradient(Casts, inputs=(X,), names=["x"], dtypes=("float32", "float64"))
    assert verdicts(check) == {"x (float32)": "certified", "x (float64)": "wrong"}
    for dtype in (torch.bfloat16, torch.float16):
        assert check_gradient(functional.silu, inputs=(X.to(dtype),)).verdict == "certified"


def test_short_numbers_are_named():
    """A gradient that was rounded to float32 on its way would be called wrong without a word why."""
    x = X.numpy()
    (finding,) = check_gradient(np.sin, lambda x, dy: (dy * np.cos(x)).astype(np.float32), (x,)).findings
    assert finding.verdict == "wrong"
    assert "float32" in finding.cause


def test_trees_of_inputs():
    """A dict of parameters, as JAX and many NumPy classes have it, would be refused."""
    jax = pytest.importorskip("jax")
    p = {"w": R.standard_normal((3, 2)), "more": [R.standard_normal(2)]}

    def forward(p, x):
        return np.tanh(x @ p["w"] + p["more"][0])

    def backward(p, x, dy):
        d = dy * (1 - forward(p, x) ** 2)
        return {"w": x.T @ d, "more": [d.sum(0)]}, d @ p["w"].T

    check = check_gradient(forward, backward, (p, X.numpy()), names=["p", "x"])
    assert verdicts(check) == dict.fromkeys(["p.w", "p.more.0", "x"], "certified")
    arrays = jax.tree_util.tree_map(jax.numpy.asarray, p)
    check = check_gradient(lambda p, x: jax.numpy.tanh(x @ p["w"] + p["more"][0]), None, (arrays, X.numpy()), names=["p", "x"])
    assert set(verdicts(check)) == {"p.w", "p.more.0", "x"}
    assert check.verdict == "certified"


def test_at_the_edge_of_a_domain_nothing_is_certified():
    """√ at 0: any number would be certified, for no difference is finite there."""
    check = check_gradient(np.sqrt, lambda x, dy: 42 * dy, (np.array([0.0, 1.0]),))
    assert check.verdict == "wrong"
    assert check_gradient(np.sqrt, lambda x, dy: dy / (2 * np.sqrt(np.maximum(x, 1e-300))), (np.zeros(2),)).verdict == "undecided"


def test_nan_of_a_branch_that_is_not_taken():
    """It would be undecided, though the function has a derivative there, and the reader look for the reason."""
    x = torch.tensor([0.0, 2.0], dtype=torch.float64)
    check = check_gradient(lambda x: torch.where(x > 1, torch.log(x), x * 0.5), inputs=(x,))
    (finding,) = check.findings
    assert finding.verdict == "wrong"
    assert finding.expected == pytest.approx(0.5 * np.random.default_rng((0, 0)).uniform(0.5, 1.5), rel=1) or finding.expected
    assert "branch that is not taken" in finding.cause


@pytest.mark.parametrize("give", ["each", "none"])
def test_elements_that_tie_are_right_together_or_not_at_all(give):
    """A maximum that gives its whole gradient to every tied element, or to none, would be a convention."""

    def backward(x, dy):
        tied = x == x.max()
        return dy * tied if give == "each" else np.zeros_like(x)

    x = np.array([1.0, 2, 2, 2, 0])
    (finding,) = check_gradient(lambda x: x.max(), backward, (x,)).findings
    assert finding.verdict == "wrong"
    first = check_gradient(lambda x: x.max(), lambda x, dy: dy * (np.arange(5) == np.argmax(x)), (x,))
    assert first.verdict == "convention"
    even = check_gradient(lambda x: x.max(), lambda x, dy: dy * (x == x.max()) / 3, (x,))
    assert even.verdict in ("certified", "convention")


def test_ties_of_two_inputs():
    """Each of two equal arguments of `maximum` may have it, but not both."""
    x = np.array([1.0, 2.0])
    both = check_gradient(np.maximum, lambda x, y, dy: (dy * (x >= y), dy * (y >= x)), (x, x.copy()))
    assert both.verdict == "wrong"
    one = check_gradient(np.maximum, lambda x, y, dy: (dy * (x >= y), dy * (y > x)), (x, x.copy()))
    assert one.verdict == "convention"


def test_a_forward_that_refuses_other_numbers_is_undecided():
    """It would end in a traceback, or be accused for what differences ask of it."""

    def forward(p):
        if float(p.min()) < 0.5:
            raise ValueError("too small")
        return p**2

    check = check_gradient(forward, lambda p, dy: 2 * p * dy, (np.array([0.5, 0.7]),))
    assert check.verdict == "undecided"
    assert "too small" in str(check)


def test_another_formula_may_round_otherwise():
    """Right code that rounds more than the law's formula would be accused for its last digits."""
    x = np.linspace(3, 6, 8)
    check = check_gradient(np.tanh, lambda x, dy: dy * (1 - np.tanh(x) ** 2), (x,))
    assert check.verdict == "certified"
    nearly = check_gradient(np.tanh, lambda x, dy: dy * (1 + 1e-9) / np.cosh(x) ** 2, (x,))
    assert nearly.verdict == "wrong"


def _upper(x):
    return float(np.sum(np.triu(x, 1))) * np.triu(x)  # float(): nobody can trace it


def _right(x, dy):
    return np.triu(dy, 1) * 0 + np.triu(dy) * np.sum(np.triu(x, 1)) + np.triu(np.ones_like(x), 1) * np.sum(dy * np.triu(x))


@pytest.mark.parametrize("symmetric", [True, False])
def test_a_transposed_gradient_of_a_function_of_one_triangle_is_no_convention(symmetric):
    """A mask read the wrong way round would pass: along symmetric directions, it is right."""
    x = np.arange(9.0).reshape(3, 3) / 7 + 0.3
    x = x + x.T if symmetric else x
    assert check_gradient(_upper, _right, (x,), contracts=False).verdict == "certified"
    assert check_gradient(_upper, lambda x, dy: _right(x, dy).T, (x,), contracts=False).verdict == "wrong"


def test_a_function_of_symmetric_matrices():
    """torch's own derivative of eigenvalues would be called wrong, for it speaks of symmetric directions alone."""
    a = X[:3].numpy()
    a = torch.tensor(a + a.T)
    assert check_gradient(torch.linalg.eigvalsh, inputs=(a,)).verdict == "certified"

    def turned(x, dy):
        _, q = np.linalg.eigh(x)
        return (q * dy) @ q.T

    untraced = check_gradient(lambda x: np.linalg.eigvalsh(np.array(x.tolist())), turned, (a.numpy(),))
    assert untraced.verdict == "convention"

    class Twice(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return torch.linalg.eigvalsh(x)

        @staticmethod
        def backward(ctx, dy):
            (x,) = ctx.saved_tensors
            _, q = torch.linalg.eigh(x)
            return 2 * (q * dy) @ q.T

    assert check_gradient(Twice, inputs=(a,)).verdict == "wrong"


def test_outputs_that_are_nested():
    """An LSTM, whose state is a tuple within a tuple, would be refused."""
    torch.manual_seed(0)
    check = check_gradient(nn.LSTM(3, 2).double(), inputs=(X.reshape(2, 2, 3),), names=["x"], contracts=False)
    assert check.verdict == "certified"


def test_an_input_that_autograd_does_not_reach_is_looked_at():
    """It would be missing from the answer, and the rest be certified as if it were all."""
    check = check_gradient(lambda x, w: x.detach() * w, inputs=(X, X + 1), names=["x", "w"], contracts=False)
    assert verdicts(check) == {"x": "wrong", "w": "certified"}
    idle = check_gradient(lambda x, w: (0 * x).detach() + w.exp(), inputs=(X, X + 1), names=["x", "w"], contracts=False)
    assert verdicts(idle) == {"x": "certified", "w": "certified"}


def test_one_output_of_floats_beside_one_of_whole_numbers():
    """dy would be spread over the output in another shape."""
    x = X.numpy()[:, :1]
    check = check_gradient(
        lambda x: (np.exp(x), np.arange(3)), lambda x, dy: dy[0] * np.exp(x), (x,), contracts=False
    )  # fmt: skip
    assert (check.verdict, check.untraced) == ("certified", "")


def test_what_could_not_be_told_between_is_not_certified():
    """The gradient of `x` in x + 1000 is the Δ behind it, whatever that is: it would be certified for being copied."""
    torch.manual_seed(0)
    x = torch.randn(4, 8).half()
    check = check_gradient(lambda x: functional.batch_norm(x + 1000, None, None, training=True), inputs=(x,), contracts=False)
    assert any(claim.statement == "inductive" for _, claim, _ in check.traced.undecided)
    assert check.verdict == "undecided"


def test_inputs_by_name():
    """Inputs in a dict would be taken for its keys: "none of them holds floating-point numbers"."""
    inputs = {"x": np.array([[1.0, -2.0]]), "w": np.array([[0.5], [3.0]])}
    found = check_gradient(lambda x, w: x @ w, lambda x, w, dy: (dy @ w.T, 2 * x.T @ dy), inputs)
    assert {one.name: one.verdict for one in found.findings} == {"x": "certified", "w": "wrong"}, str(found)
