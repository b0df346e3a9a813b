"""What a verdict covers: a step is certified whole, or what was not examined is named; never silently less."""

import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

import bpcompare  # noqa: E402
from watched import Net, squared  # noqa: E402

CERTIFIED, IN_PART, WRONG = "certified", "certified in part", "wrong"


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


@pytest.fixture
def m():
    return Net()


@pytest.fixture
def x():
    return torch.randn(6, 4)


class Reversed(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.view_as(x)

    @staticmethod
    def backward(ctx, g):
        return -g


class InNumpy(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.from_numpy(x.detach().numpy() ** 2)

    @staticmethod
    def backward(ctx, g):
        return 2 * ctx.saved_tensors[0] * g


class OneGradientForgotten(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(w)
        return x * w

    @staticmethod
    def backward(ctx, g):
        return g * ctx.saved_tensors[0], None


def tied(m, x):
    return squared(m.b(nn.functional.linear(m.a(x) @ m.a.weight, m.a.weight)))


def detached_branch(m, x):
    h = m.a(x)
    return squared(m.b(h.detach()) + m.b(torch.tanh(h)))


def without_gradient_in_the_middle(m, x):
    with torch.no_grad():
        c = m.a(x) * 2
    return squared(m.b(torch.tanh(m.a(x)) + c))


def straight_through(m, x):
    h = m.a(x)
    return squared(m.b(h + (torch.round(h) - h).detach()))


def rows_assigned(m, x):
    h, b = m.a(x), torch.zeros(6, 5)
    for i in range(6):
        b[i] = h[i] * i
    return squared(m.b(b))


def written_through_views(m, x):
    h = m.a(x) * 1
    v = h[:, 1:4]
    v[2:].mul_(3.0)
    v[0].add_(1.0)
    return squared(m.b(h))


def addresses_used_again(m, x):
    h = m.a(x)
    for i in range(100):
        t = torch.randn(6, 5) * i
        h = (h + t) * 1.0
        del t
    return squared(m.b(h))


def checkpointed(m, x):
    from torch.utils.checkpoint import checkpoint

    return squared(m.b(checkpoint(lambda t: torch.tanh(m.a(t)), x, use_reentrant=False)))


def read_twice(m, x):
    h = m.a(x)
    return squared(m.b(h * h + h * h.abs().detach()))


def scripted(m, x):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch 2.14 would rather have it compiled
        return squared(torch.jit.script(m)(x))


def while_it_lasts(m, x):
    h, count = m.a(x), 0
    while float(h.detach().abs().max()) > 0.1 and count < 5:
        h, count = h * 0.5, count + 1
    return squared(m.b(h))


SCRIPTED = pytest.param(scripted, marks=pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning"))

WHOLE = [
    tied,
    detached_branch,
    without_gradient_in_the_middle,
    straight_through,
    rows_assigned,
    written_through_views,
    addresses_used_again,
    checkpointed,
    read_twice,
    SCRIPTED,
    while_it_lasts,
]


@pytest.mark.parametrize("loss", WHOLE, ids=lambda loss: getattr(loss, "__name__", None))
def test_right_code_of_many_kinds_is_certified_whole(loss, m, x):
    """Correct code would be accused, or called examined in part, for the way it is written."""
    with bpcompare.watch(m) as step:
        loss(m, x).backward()
    assert step.verdict == CERTIFIED, str(step)
    assert not step.unexamined


def written_without_autograd(m, x):
    h = m.a(x)
    with torch.no_grad():
        h.mul_(2.0)
    return squared(m.b(h))


def written_as_data(m, x):
    h = m.a(x)
    h.data.mul_(2.0)
    return squared(m.b(h))


def made_in_numpy(m, x):
    return squared(m.b(InNumpy.apply(m.a(x))))


def hooked_inside(m, x):
    h = m.a(x)
    h.register_hook(lambda g: g * 2)
    return squared(m.b(h))


def hooked_parameter(m, x):
    m.a.weight.register_hook(lambda g: g * 2)
    return squared(m(x))


def hooked_module(m, x):
    m.a.register_full_backward_hook(lambda _module, given, _out: tuple(None if g is None else g * 2 for g in given))
    return squared(m(x.clone().requires_grad_()))


def differentiated_inside(m, x):
    from torch.func import functional_call, grad

    inner = grad(lambda p: squared(functional_call(m, p, (x,))))(dict(m.named_parameters()))
    return m(x).sum() + sum(squared(g) for g in inner.values())


PARTS = {
    written_without_autograd: "without autograd",
    written_as_data: "without autograd",
    made_in_numpy: "InNumpy.forward",
    hooked_inside: "a hook changes it",
    hooked_parameter: "a hook changes it",
    hooked_module: "a backward hook of a changes it",
    differentiated_inside: "a transform of torch.func",
}


@pytest.mark.parametrize(("loss", "word"), PARTS.items(), ids=lambda it: getattr(it, "__name__", ""))
def test_what_is_not_examined_is_named(loss, word, m, x):
    """A verdict would cover what nobody looked at; or correct code that is only unusual would be called wrong."""
    with bpcompare.watch(m) as step:
        loss(m, x).backward()
    assert step.verdict == IN_PART, str(step)
    assert any(word in f"{one.what} {one.why}" for one in step.unexamined), str(step)


def test_a_graph_from_before_the_block_is_named(m, x):
    """What was computed before anybody watched would pass for examined."""
    h = m.a(x)
    with bpcompare.watch(m) as step:
        squared(m.b(h)).backward()
    assert step.verdict == IN_PART
    assert any("a.weight" in one.what for one in step.unexamined)


def test_no_backward_is_no_verdict(m, x):
    """An empty block would be certified."""
    with bpcompare.watch(m) as step:
        m(x)
    assert step.verdict == IN_PART
    assert step.unexamined[0].what == "everything"


def test_gradient_reversal_is_wrong_unless_it_is_meant(m, x):
    """A backward that is no derivative would pass; or one that is meant so could not be said to be."""
    for intended, verdict in (((), WRONG), ((Reversed,), CERTIFIED), (("Reversed",), CERTIFIED)):
        with bpcompare.watch(m, intended=intended) as step:
            m.zero_grad()
            squared(m.b(Reversed.apply(m.a(x)))).backward()
        assert step.verdict == verdict
    assert "Reversed.backward" in str(step)


def test_a_forgotten_gradient_is_wrong(m, x):
    """A parameter that gets no gradient, though the forward depends on it, would go unnoticed."""
    m.s = nn.Parameter(torch.full((5,), 1.3))
    with bpcompare.watch(m) as step:
        squared(m.b(OneGradientForgotten.apply(m.a(x), m.s))).backward()
    assert [claim.path for _, claim, _ in step.refuted] == ["s.gradient"]
    assert "OneGradientForgotten.backward" in str(step)


@pytest.mark.parametrize("wrong", [False, True])
def test_a_reference_stands_for_what_nobody_can_see(m, x, wrong):
    """The backward of a kernel could not be judged; or any reference would do."""
    factor = 1.1 if wrong else 1.0
    with bpcompare.watch(m, reference={InNumpy: lambda t: factor * t * t}) as step:
        made_in_numpy(m, x).backward()
    assert step.verdict == (WRONG if wrong else CERTIFIED), str(step)


def test_a_law_of_ones_own(m, x):
    """Nobody could have a kernel of their own judged without us; or a law of bpcompare's could be replaced."""
    from bpcompare.laws import kernel
    from bpcompare.laws.calls import CALLS

    @bpcompare.law("InNumpy.forward")
    def _(a):
        return kernel.multiply(a.input0, a.input0)

    try:
        with bpcompare.watch(m) as step:
            made_in_numpy(m, x).backward()
        assert step.verdict == CERTIFIED, str(step)
        assert "yours: InNumpy.forward" in str(step)
    finally:
        del CALLS["InNumpy.forward"]
    with pytest.raises(ValueError, match="has a law already"):
        bpcompare.law("add")


def test_an_exception_ends_the_block_and_leaves_torch_as_it_was(m, x):
    """A training that fails while it is watched would go on with our hooks in it."""
    before = torch.autograd.Function.__dict__["apply"], torch.autograd._engine_run_backward
    step = bpcompare.watch(m)
    with pytest.raises(ZeroDivisionError), step:
        squared(m(x)).backward()
        raise ZeroDivisionError
    assert (torch.autograd.Function.__dict__["apply"], torch.autograd._engine_run_backward) == before
    assert step.verdict == IN_PART
    assert any("ZeroDivisionError" in one.why for one in step.unexamined)


def test_what_comes_after_the_block_changes_no_verdict(m, x):
    """The verdict is worked out when it is asked for, and the training goes on in the same memory."""
    optimizer = torch.optim.SGD(m.parameters(), 0.1)
    with bpcompare.watch(m, optimizer) as step:
        squared(m(x)).backward()
        optimizer.step()
    with torch.no_grad():
        for p in m.parameters():
            p.mul_(3.0)
            p.grad.zero_()
        x.zero_()
    assert step.verdict == CERTIFIED, str(step)


def test_watching_changes_no_bit(m, x):
    """What is judged would not be what happens when nobody looks."""
    found = []
    for watched in (False, True):
        m.zero_grad()
        if watched:
            with bpcompare.watch(m):
                squared(m(x)).backward()
        else:
            squared(m(x)).backward()
        found.append([p.grad.clone() for p in m.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


def test_check_leaves_everything_as_it_was(m, x):
    """A check in the middle of a training would change the training."""
    m.d = nn.Dropout(0.5)
    optimizer = torch.optim.Adam(m.parameters())
    squared(m(x)).backward()
    optimizer.step()

    def state():
        tensors = [*m.parameters(), *(p.grad for p in m.parameters()), *(s["exp_avg"] for s in optimizer.state.values())]
        return [t.detach().numpy().copy() for t in tensors], torch.get_rng_state().numpy().copy()

    (before, generator), found = state(), bpcompare.check(m, x, loss=squared, optimizer=optimizer)
    after, left = state()
    assert found.verdict == CERTIFIED, str(found)
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    assert np.array_equal(generator, left)


@pytest.mark.parametrize("model", [3, "model", [], {}, [3]])
def test_what_is_no_model(model):
    """A mistake in the first argument would end in a traceback of ours."""
    with pytest.raises(TypeError, match="model"):
        bpcompare.watch(model)


def test_a_loss_that_is_no_scalar(m, x):
    """What is missing would have to be guessed from torch's own error."""
    with pytest.raises(ValueError, match="give loss="):
        bpcompare.check(m, x)


@pytest.mark.parametrize("wrong", [False, True])
def test_views_inside_of_a_custom_function_are_followed(wrong):
    """The forward of a custom function would be lost at its first view."""

    class Turned(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.view(-1).view(x.shape).t() * 2.0

        @staticmethod
        def backward(ctx, gradient):
            return gradient.t() * (2.001 if wrong else 2.0)

    torch.manual_seed(0)
    m = nn.Linear(4, 4)
    with bpcompare.watch(m) as step:
        Turned.apply(m(torch.randn(3, 4))).square().mean().backward()
    assert step.verdict == ("wrong" if wrong else "certified")
    assert not step.unexamined


def test_a_mask_that_is_too_large_for_the_narrower_format_is_infinite_there():
    """A mask that is cast to a narrower format would make a right model undecided."""
    m = nn.Linear(4, 4).double()
    mask = torch.zeros(4, dtype=torch.float64).masked_fill(torch.arange(4) == 2, torch.finfo(torch.float64).min)
    with bpcompare.watch(m) as step:
        torch.softmax(m(torch.randn(3, 4).double()) + mask, -1, dtype=torch.float32).square().sum().backward()
    assert step.verdict == "certified"


def test_a_recorder_that_fails_accuses_nobody(m, x, monkeypatch):
    """What the recorder lost would look like a mistake of theirs."""
    from bpcompare_torch.recorder.mode import Mode

    made = Mode._made
    counted = iter(range(100))

    def broken(self, *args):
        made(self, *args)
        if next(counted) == 2:
            raise ZeroDivisionError

    monkeypatch.setattr(Mode, "_made", broken)
    with bpcompare.watch(m) as step:
        squared(m(x)).backward()
    assert step.watched.facts["failed"]
    monkeypatch.setattr(type(step.step), "refuted", property(lambda self: self.findings[:1]))
    assert step.step.verdict == "undecided"
    assert any("could not follow" in one.why for one in step.unexamined)
