"""What broke watch and check once: code that was called wrong though it is right, certified unseen, or not left as it was."""

import copy
import ctypes
import threading
from collections import OrderedDict

import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

import bpcompare  # noqa: E402
from watched import squared  # noqa: E402

CERTIFIED, IN_PART, WRONG = "certified", "certified in part", "wrong"
Function = torch.autograd.Function


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(4, 5)
        self.b = nn.Linear(5, 3)
        self.c = nn.Parameter(torch.randn(5, 5))

    def forward(self, x):
        return self.b(torch.tanh(self.a(x) @ self.c))


@pytest.fixture
def m():
    torch.manual_seed(0)
    return Net()


@pytest.fixture
def x():
    torch.manual_seed(1)
    return torch.randn(6, 4)


def through(f):
    """A loss in which `f` of the model and h stands in the middle."""

    def loss(m, x):
        squared(m.b(f(m, m.a(x)))).backward()

    return loss


class Sine(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    def backward(ctx, g):
        return g * ctx.saved_tensors[0].cos()


class TwiceInPlace(Function):
    @staticmethod
    def forward(ctx, x):
        x.mul_(2.0)
        x.add_(1.0)
        ctx.mark_dirty(x)
        return x

    @staticmethod
    def backward(ctx, g):
        return g * 2


class Inside(Function):
    """Differentiates by itself, within its forward."""

    @staticmethod
    def forward(ctx, x):
        with torch.enable_grad():
            ctx.x = x.detach().requires_grad_()
            ctx.y = Sine.apply(ctx.x) * 2
        return ctx.y.detach()

    @staticmethod
    def backward(ctx, g):
        return torch.autograd.grad(ctx.y, ctx.x, g)[0]


class Again(Function):
    """Runs its forward again in backward, with parameters as its arguments."""

    factor = 1.0

    @staticmethod
    def forward(ctx, module, x, *_parameters):
        ctx.module = module
        ctx.save_for_backward(x)
        return module(x)

    @classmethod
    def backward(cls, ctx, g):
        (x,) = ctx.saved_tensors
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            y = ctx.module(x)
            dx, dw, db = torch.autograd.grad(y, [x, *ctx.module.parameters()], g)
        return None, dx, dw, db * cls.factor


class AgainWrong(Again):
    factor = 1.01


class StoppedAgain(Function):
    """Runs its forward again in backward, with a part that is detached, and what it is given detached as well."""

    @staticmethod
    def of(x):
        return x * torch.tanh(x).detach()

    @classmethod
    def forward(cls, ctx, x):
        ctx.save_for_backward(x)
        return cls.of(x.detach())

    @classmethod
    def backward(cls, ctx, g):
        with torch.enable_grad():
            x = ctx.saved_tensors[0].detach().requires_grad_()
            y = cls.of(x)
        return torch.autograd.grad(y, x, g)[0]


class Unasked(Function):
    """Reads a parameter that is not among its arguments."""

    @staticmethod
    def forward(ctx, m, x):
        ctx.m = m
        return x @ m.c

    @staticmethod
    def backward(ctx, g):
        return None, g @ ctx.m.c.t()


class OfList(Function):
    """What is in a list is no argument to autograd."""

    @staticmethod
    def forward(ctx, tensors):
        return tensors[0] * tensors[1]

    @staticmethod
    def backward(ctx, g):
        return None


class WritesGrad(Function):
    """Writes the gradient itself, as fused kernels do."""

    @staticmethod
    def forward(ctx, m, x, w):
        ctx.m = m
        ctx.save_for_backward(x, w)
        return x @ w

    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        ctx.m.c.grad = 1.5 * x.t() @ g
        return None, g @ w.t(), None


class Raises(Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, g):
        raise ZeroDivisionError


class Reversed(Function):
    @staticmethod
    def forward(ctx, x):
        return x.view_as(x)

    @staticmethod
    def backward(ctx, g):
        return -g


class Tripled(Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, g):
        return g * 3


sine = Sine.apply  # a name from before anybody watched


def again(function):
    return lambda m, h: function.apply(m.d, h, *m.d.parameters())


def reentrant(m, x):
    from torch.utils.checkpoint import checkpoint

    squared(m.b(checkpoint(lambda t: torch.tanh(m.a(t)), x.clone().requires_grad_(), use_reentrant=True))).backward()


def arrays_used_again(m, x):
    x = x.numpy().copy()
    for factor in (1.0, 2.0):
        x *= factor
        squared(m(torch.from_numpy(x))).backward()


def written_through_a_pointer(m, x):
    h, c = m.a(x), torch.ones(5)
    h = h + c
    place = (ctypes.c_float * 5).from_address(c.data_ptr())
    place[2] = 3.0
    squared(m.b(h + c)).backward()


def written_through_numpy(m, x):
    h = m.a(x)
    h.detach().numpy()[...] *= 2
    squared(m.b(h + 0)).backward()


def fails(m, x):
    with pytest.raises(ZeroDivisionError):
        through(lambda _m, h: Raises.apply(h))(m, x)


def by_another_door(m, x):
    squared(m(x)).backward()
    loss = squared(m(x).sin())
    run = torch.autograd.Variable._execution_engine.run_backward
    run((loss,), (torch.ones_like(loss),), False, False, (), allow_unreachable=True, accumulate_grad=True)


def in_another_thread(m, x):
    squared(m(x)).backward()

    def halve():
        m.b.weight.grad.mul_(0.5)

    thread = threading.Thread(target=halve)
    thread.start()
    thread.join()


CASES = {
    "a name of apply": (through(lambda _m, h: sine(h)), CERTIFIED, ""),
    "in place twice": (through(lambda _m, h: TwiceInPlace.apply(h * 1) * 2), CERTIFIED, ""),
    "differentiates inside": (through(lambda _m, h: Inside.apply(h)), CERTIFIED, ""),
    "forward again": (through(again(Again)), CERTIFIED, ""),
    "forward again, wrong": (through(again(AgainWrong)), WRONG, ""),
    "forward again, with a detached part": (through(lambda _m, h: StoppedAgain.apply(h)), CERTIFIED, ""),
    "reentrant checkpoint": (reentrant, CERTIFIED, ""),
    "arrays used again": (arrays_used_again, CERTIFIED, ""),
    "a pointer": (written_through_a_pointer, CERTIFIED, ""),
    "numpy": (written_through_numpy, IN_PART, "without autograd"),
    "not an argument": (through(Unasked.apply), IN_PART, "not as an argument"),
    "a list": (through(lambda _m, h: h + OfList.apply([h, h])), IN_PART, "in no argument that is a tensor"),
    "writes .grad": (through(lambda m, h: WritesGrad.apply(m, h, m.c)), IN_PART, "wrote into .grad itself"),
    "backward fails": (fails, IN_PART, "ZeroDivisionError ended it"),
    "another door": (by_another_door, IN_PART, "the engine was run in a way that nobody saw"),
    "another thread": (in_another_thread, IN_PART, "in another thread"),
}


@pytest.mark.parametrize("case", CASES)
def test_code_of_many_kinds(case, m, x):
    """Right code would be called wrong for what nobody saw; or what nobody judged would be certified."""
    loss, verdict, word = CASES[case]
    m.d = nn.Linear(5, 5)
    with bpcompare.watch(m) as step:
        loss(m, x)
    assert step.verdict == verdict, str(step)
    assert any(word in one.why for one in step.unexamined) or not word, str(step)
    assert verdict == IN_PART or not step.unexamined


def test_parameters_inside_of_reentrant_checkpoints_are_judged(m, x):
    """Nothing would have been said of them."""
    with bpcompare.watch(m) as step:
        reentrant(m, x)
    claimed = {claim.path for _, claim, _ in step.findings if claim.statement == "gradient"}
    assert {"a.weight.gradient", "a.bias.gradient"} <= claimed


def test_another_model_is_no_certificate(m, x):
    """A copy of the model would be certified by the training of the model."""
    with bpcompare.watch(copy.deepcopy(m)) as step:
        squared(m(x)).backward()
    assert step.verdict == IN_PART
    assert "every parameter of the model" in str(step)


def test_a_watch_is_for_one_block(m, x):
    """The verdict about the first block would stand for the second."""
    watch = bpcompare.watch(m)
    with watch, pytest.raises(RuntimeError, match="one block"), watch:
        pass
    with pytest.raises(RuntimeError, match="one block"), watch:
        squared(m(x)).backward()


def test_a_part_of_a_sum_that_is_meant_excuses_no_other_part(m, x):
    """A mistake would hide behind a gradient reversal that reads the same value."""
    with bpcompare.watch(m, intended=(Reversed,)) as step:
        through(lambda _m, h: Reversed.apply(h) + Tripled.apply(h))(m, x)
    assert step.verdict == IN_PART
    assert any("Tripled" in one.why for one in step.unexamined)


def clipped(optimizer, _args, _kwargs):
    nn.utils.clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], 0.1)


def test_hooks_of_an_optimizer_are_no_part_of_its_step(m, x):
    """Clipping in a hook before the step, or clamping in one after it, would make the update wrong."""
    optimizer = torch.optim.SGD(m.parameters(), 0.1)
    optimizer.register_step_pre_hook(clipped)
    with bpcompare.watch(m) as step:
        through(lambda m, h: h @ m.c)(m, x)
        optimizer.step()
    assert step.verdict == CERTIFIED, str(step)

    def clamped(*_args):
        with torch.no_grad():
            for p in m.parameters():
                p.clamp_(-0.1, 0.1)

    optimizer.register_step_post_hook(clamped)
    with bpcompare.watch(m) as step:
        through(lambda m, h: h @ m.c)(m, x)
        optimizer.step()
    assert step.verdict == IN_PART
    assert not step.refuted
    assert len(optimizer._optimizer_step_pre_hooks) == len(optimizer._optimizer_step_post_hooks) == 1


def test_a_step_that_a_hook_breaks_off_leaves_no_hooks(m, x):
    """Ours would stay in the optimizer."""
    optimizer = torch.optim.SGD(m.parameters(), 0.1)
    optimizer.register_step_pre_hook(lambda *_: 1 / 0)
    with bpcompare.watch(m):
        squared(m(x)).backward()
        with pytest.raises(ZeroDivisionError):
            optimizer.step()
    assert len(optimizer._optimizer_step_pre_hooks) == 1
    assert not optimizer._optimizer_step_post_hooks


def test_lazy_modules_are_watched(x):
    """The block would end in an error of ours before it began."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.LazyLinear(5), nn.Tanh(), nn.LazyLinear(3))
    with bpcompare.watch(model) as step:
        squared(model(x)).backward()
    assert step.verdict == CERTIFIED, str(step)


def test_a_bias_before_batch_normalization_does_not_blur_a_step(x):
    """A plain net with SGD would be undecided, for a gradient that is rounding and nothing else."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Dropout(0.3), nn.Linear(5, 3))
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    checked = bpcompare.check(model, x, loss=squared, optimizer=optimizer)
    assert checked.verdict == CERTIFIED, str(checked)


class Keeping(nn.Module):
    """Keeps everything that one can keep in a model from one call to the next."""

    def __init__(self):
        super().__init__()
        self.a = nn.Linear(4, 3)
        self.register_buffer("mean", torch.zeros(3))
        self.count, self.seen, self.last = 0, [], None

    def forward(self, x):
        self.count += 1
        self.seen.append(self.count)
        self.a.weight.data = self.a.weight.data.clone()
        x.add_(1.0)
        y = self.a(x)
        self.last = y
        self.mean = 0.9 * self.mean + 0.1 * y.detach().mean(0)
        self.eval()
        return y - self.mean * self.count


class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.full((3,), 1.1))

    def forward(self, y):
        return squared(y * self.w)


def state(*tensors):
    return [
        (
            id(t),
            t.data_ptr(),
            t.dtype,
            t.detach().clone(),
            t.requires_grad,
            id(t.grad),
            None if t.grad is None else t.grad.clone(),
        )
        for t in tensors
    ]


def same(before, after):
    for one, other in zip(before, after, strict=True):
        for a, b in zip(one, other, strict=True):
            assert torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b


@pytest.mark.parametrize("fails", [0, 1, 2, 3, 4])
def test_check_puts_back_whatever_it_touches(fails, x):
    """A check in the middle of a training would change the training: also where somebody's code fails in the middle."""
    torch.manual_seed(0)
    model, criterion, outside, calls = Keeping(), Scaled(), nn.Parameter(torch.ones(2)), []
    x.requires_grad_(False)
    optimizer = torch.optim.SGD([*model.parameters(), *criterion.parameters(), outside], 0.1, momentum=0.9)
    squared(criterion(model.a(x))).backward()
    outside.grad = torch.ones(2)
    optimizer.step()
    for kept in optimizer.state.values():
        kept["momentum_buffer"] = kept["momentum_buffer"].double()  # a format that load_state_dict would not leave

    def loss(y):
        calls.append(1)
        if len(calls) == fails:
            raise ZeroDivisionError
        return criterion(y) + model.a.weight.abs().sum()

    def now():
        buffers = [kept["momentum_buffer"] for kept in optimizer.state.values()]
        return state(*model.parameters(), *model.buffers(), *criterion.parameters(), outside, x, *buffers)

    group, before = optimizer.param_groups[0], now()
    if fails in (0, 1, 2):  # what fails in the copy alone is said
        checked = bpcompare.check(model, x, loss=loss, optimizer=optimizer)
        assert not any(run.refuted for run in checked.runs), str(checked)
    else:
        with pytest.raises(ZeroDivisionError):
            bpcompare.check(model, x, loss=loss, optimizer=optimizer)
    same(before, now())
    assert optimizer.param_groups[0] is group
    assert (model.count, model.seen, model.last, model.training, model.a.training) == (0, [], None, True, True)
    assert isinstance(model._buffers, (dict, OrderedDict))


def test_a_loss_with_parameters_of_its_own_is_copied_with_the_model(m, x):
    """In the float64 copy its parameters would be those of the training, in another format."""
    checked = bpcompare.check(m, x, loss=Scaled())
    assert checked.verdict == CERTIFIED, str(checked)
