"""Contracts of torch functions: each planted violation has a right gradient on the inputs, and is caught by its name."""

from itertools import count

import pytest

from bpcompare import check_gradient

torch = pytest.importorskip("torch")
X = torch.linspace(-1.3, 1.7, 12, dtype=torch.float64).reshape(3, 4)
W = torch.linspace(0.4, -0.9, 12, dtype=torch.float64).reshape(3, 4)


class Product(torch.autograd.Function):
    """x · w, and the right way back."""

    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return x * w

    @staticmethod
    def backward(ctx, dy):
        x, w = ctx.saved_tensors
        return dy * w, dy * x


class InPlace(Product):
    @staticmethod
    def backward(ctx, dy):
        x, w = ctx.saved_tensors
        gx = dy * w
        return gx, dy.mul_(x)


class Input(Product):
    @staticmethod
    def backward(ctx, dy):
        x, w = ctx.saved_tensors
        found = dy * w, dy * x
        w.data.mul_(2)
        return found


class Saved(Product):
    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w, 1 * x)
        return x * w

    @staticmethod
    def backward(ctx, dy):
        _, w, own = ctx.saved_tensors
        return dy * w, own.data.mul_(dy)


class Kept(Product):
    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        ctx.scratch = w.clone()
        return x * w

    @staticmethod
    def backward(ctx, dy):
        x, _ = ctx.saved_tensors
        return ctx.scratch.mul_(dy), dy * x


class Output(Product):
    @staticmethod
    def forward(ctx, x, w):
        y = x * w
        ctx.save_for_backward(x, w, y)
        return y

    @staticmethod
    def backward(ctx, dy):
        x, w, y = ctx.saved_tensors
        y.data.zero_()
        return dy * w, dy * x


class Twice(Product):
    @staticmethod
    def backward(ctx, dy):
        x, w = ctx.saved_tensors
        ctx.calls = getattr(ctx, "calls", 0) + 1
        return dy * w * ctx.calls, dy * x


class Buffer(Product):
    """Gives back the same memory again and again."""

    given = torch.empty(3, 4, dtype=torch.float64)

    @staticmethod
    def backward(ctx, dy):
        x, w = ctx.saved_tensors
        return torch.mul(dy, w, out=Buffer.given if dy.shape == (3, 4) else torch.empty_like(dy)), dy * x


class OfTheClass(Product):
    """Keeps what its backward needs where the next call keeps it, too."""

    saved = ()

    @staticmethod
    def forward(ctx, x, w):
        OfTheClass.saved = x.detach().clone(), w.detach().clone()
        return x * w

    @staticmethod
    def backward(ctx, dy):
        x, w = OfTheClass.saved
        return dy * w, dy * x


class Runs(Product):
    runs = count()

    @staticmethod
    def backward(ctx, dy):
        x, w = ctx.saved_tensors
        return dy * w, dy * x * (1 + 1e-4 * (next(Runs.runs) % 5 == 4))


class Alone(Product):
    @staticmethod
    def backward(ctx, dy):
        x, w = ctx.saved_tensors
        _, second = ctx.needs_input_grad
        return dy * w if second else dy, dy * x


class NoneAlone(Product):
    @staticmethod
    def backward(ctx, dy):
        x, w = ctx.saved_tensors
        return dy * w, dy * x if ctx.needs_input_grad[0] else None


class RaisesAlone(Product):
    @staticmethod
    def backward(ctx, dy):
        x, w = ctx.saved_tensors
        gx = dy * w if ctx.needs_input_grad[0] else None
        return gx, gx / w * x


class Clamped(Product):
    @staticmethod
    def backward(ctx, dy):
        x, w = ctx.saved_tensors
        dy = dy.clamp(-100, 100)
        return dy * w, dy * x


class Normed(Product):
    @staticmethod
    def backward(ctx, dy):
        x, w = ctx.saved_tensors
        size = dy.norm()
        return dy / size * w * size, dy * x


def raw(x):
    return torch.as_strided(x, x.shape, (x.shape[1], 1)) if x.ndim == 2 and x.untyped_storage().nbytes() >= 8 * x.numel() else x


class RawDy(Product):
    @staticmethod
    def backward(ctx, dy):
        x, w = ctx.saved_tensors
        dy = raw(dy)
        return dy * w, dy * x


class RawInput(Product):
    @staticmethod
    def backward(ctx, dy):
        x, w = ctx.saved_tensors
        return dy * w, dy * raw(x)


class ExpandedDy(Product):
    @staticmethod
    def backward(ctx, dy):
        x, w = ctx.saved_tensors
        if 0 in dy.stride():
            dy = dy * 0.5
        return dy * w, dy * x


class ExpandedRow(Product):
    @staticmethod
    def backward(ctx, dy):
        x, w = ctx.saved_tensors
        if dy.stride(0) == 0 and dy.stride(1) == 1:
            dy = dy[:1] * torch.tensor([[1.0], [0.0], [0.0]]).to(dy)
        return dy * w, dy * x


class Mixed(Product):
    """Takes the strides of the first input for both."""

    @staticmethod
    def backward(ctx, dy):
        x, w = ctx.saved_tensors
        return dy * torch.as_strided(w, w.shape, x.stride()), dy * x


class Offset(Product):
    @staticmethod
    def backward(ctx, dy):
        x, w = ctx.saved_tensors
        return dy * w, dy * torch.as_strided(x, x.shape, x.stride(), 0)


class Forward(Product):
    """Only the output is wrong: its gradient reads what was saved."""

    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return raw(x) * w


PLANTED = [
    ("dy", InPlace, "12 of 12 entries of dy"),
    ("inputs", Input, "entries of w in place"),
    ("inputs", Saved, "a saved tensor (number 3 of 3)"),
    ("inputs", Kept, "ctx.scratch"),
    ("inputs", Output, "what the forward gave"),
    ("twice", Twice, "retain_graph=True"),
    ("twice", OfTheClass, "its forward was called with other numbers before its backward"),
    ("accumulate", Buffer, "one backward() went through both calls"),
    ("runs", Runs, "ran again on the same numbers"),
    ("alone", Alone, "only x wanted a gradient"),
    ("alone", NoneAlone, "only w wanted a gradient"),
    ("alone", RaisesAlone, "it raises TypeError"),
    ("linear", Clamped, "dy was multiplied with -65536"),
    ("linear", Normed, "dy was 0"),
    ("layouts", RawDy, "dy was transposed"),
    ("layouts", RawInput, "x was transposed"),
    ("layouts", ExpandedDy, "dy was one number expanded"),
    ("layouts", ExpandedRow, "dy was one row expanded"),
    ("layouts", Mixed, "x was transposed"),
    ("layouts", Forward, "what the forward gives is"),
    ("views", Offset, "x was a part of a larger array"),
]


@pytest.mark.parametrize(("name", "function", "said"), PLANTED, ids=[row[1].__name__ for row in PLANTED])
def test_a_broken_contract_is_caught_by_its_name(name, function, said):
    """A backward that is right in a test and wrong in a program would pass."""
    plain = check_gradient(function, inputs=(X, W), contracts=False)
    check = check_gradient(function, inputs=(X, W), names=("x", "w"))
    broken = {one.name: one for one in check.contracts if one.outcome == "broken"}
    assert plain.verdict == "certified", str(plain)
    assert check.verdict == "wrong", str(check)
    assert name in broken, str(check)
    assert said in broken[name].said, str(check)
    assert set(broken) <= {name, *(("layouts",) if name == "views" else ("views",) if name == "layouts" else ())}, str(check)
    assert "contract broken" in str(check)


F = torch.nn.functional


class Once(Product):
    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dy):
        x, w = ctx.saved_tensors
        return dy * w if ctx.needs_input_grad[0] else None, dy * x if ctx.needs_input_grad[1] else None


HONEST = [
    ("product", Product, ((3, 4), (3, 4))),
    ("once", Once, ((3, 4), (3, 4))),
    ("linear", F.linear, ((5, 33), (7, 33), (7,))),
    ("layer norm", lambda x, w, b: F.layer_norm(x, (33,), w, b), ((4, 33), (33,), (33,))),
    ("softmax", lambda x: F.softmax(x, -1), ((3, 17),)),
    ("conv", lambda x, w, b: F.conv2d(x, w, b, padding=1), ((2, 3, 5, 5), (4, 3, 3, 3), (4,))),
    ("batch norm", lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True), ((6, 3, 2, 2), (3,), (3,))),
    ("gelu", F.gelu, ((4, 9),)),
    ("relu", F.relu, ((4, 9),)),
    ("cross-entropy", lambda x: F.cross_entropy(x, torch.arange(len(x)) % 5), ((8, 5),)),
    ("attention", F.scaled_dot_product_attention, ((1, 2, 5, 4), (1, 2, 5, 4), (1, 2, 5, 4))),
    ("max pool", lambda x: F.max_pool2d(x, 2), ((1, 2, 4, 4),)),
    ("several", lambda x, w: (x @ w.T, x.sum(0)), ((3, 4), (5, 4))),
    ("module", torch.nn.Linear(4, 3), ((2, 4),)),
]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize(("name", "function", "shapes"), HONEST, ids=[row[0] for row in HONEST])
@pytest.mark.parametrize("seeds", [range(2), pytest.param(range(2, 8), marks=pytest.mark.slow)], ids=["few", "more"])
def test_what_is_honest_keeps_them_all(name, function, shapes, dtype, seeds):
    """torch's own functions would be called wrong for their rounding."""
    if isinstance(function, torch.nn.Module):
        function = function.to(dtype)
    for seed in seeds:
        generator = torch.Generator().manual_seed(seed)
        inputs = tuple(torch.randn(shape, generator=generator, dtype=dtype) for shape in shapes)
        check = check_gradient(function, inputs=inputs, seed=seed)
        assert {one.outcome for one in check.contracts} <= {"kept", "not tried"}, f"{name}\n{check}"


def test_a_dropout_draws_in_the_order_of_memory():
    """torch's own dropout would break the contract of layouts: of a transposed input another mask is drawn, as memory lies."""

    def dropped(x):
        torch.manual_seed(0)
        return torch.nn.functional.dropout(x, 0.5)

    x = torch.randn(3, 4, dtype=torch.float64)
    outcome = next(one for one in check_gradient(dropped, inputs=(x,)).contracts if one.name == "layouts")
    assert outcome.outcome == "not tried"
    assert "draws random numbers" in outcome.said
    plain = next(one for one in check_gradient(torch.tanh, inputs=(x,)).contracts if one.name == "layouts")
    assert plain.outcome == "kept"


def layouts(function, *inputs):
    """What became of the contract of layouts."""
    return next(one for one in check_gradient(function, inputs=inputs).contracts if one.name == "layouts")


def test_a_draw_is_seen_though_the_generator_is_put_back():
    """A dropout with a seed of its own, which leaves the generator as it was, would break the contract of layouts."""

    def dropped(x):
        with torch.random.fork_rng(()):
            torch.manual_seed(0)
            return torch.nn.functional.dropout(x, 0.5)

    assert layouts(dropped, X).outcome == "not tried"


def test_expanded_rows_may_be_outside_of_the_domain():
    """The logarithm of a determinant would be called wrong for what it gives of a matrix whose rows are all equal."""
    for seed in range(6):
        x = torch.randn(2, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        assert layouts(lambda x: torch.linalg.slogdet(x)[1], x).outcome == "kept"


class Strideless(Product):
    """Right, but of what is expanded: there it takes what stands in memory for the sum of a column."""

    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return x * w if x.stride(0) else 3 * x * w


def test_expanded_rows_inside_of_the_domain_are_tried():
    """Code that does not read what is expanded by its strides would be said to keep the contract."""
    assert "expanded" in layouts(Strideless.apply, X, W).said


def test_contracts_are_tried_where_an_output_is_detached():
    """Of a function that gives statistics beside its result no contract would be tried, and nobody be told."""

    def centred(x):
        return x - x.mean(0), x.detach().mean(0)

    assert layouts(centred, X).outcome == "kept"
    outcomes = check_gradient(lambda x: (InPlace.apply(x, W), x.detach().sum()), inputs=(X,)).contracts
    assert next(one for one in outcomes if one.name == "dy").outcome == "broken"


def test_a_sum_that_is_0_but_for_rounding_is_so_in_any_layout():
    """Else a forward whose terms cancel is accused of reading memory wrong: it is 0 exactly in one order, 9e-16 in another."""
    torch.manual_seed(4)
    x = torch.randn(3, 5, dtype=torch.float64)
    assert check_gradient(lambda x: (x - x.mean()).sum(), inputs=(x,)).verdict == "certified"
