"""Where nothing runs but torch's own code, the mode that is told of calls is taken off, and sees no less."""

from contextlib import ExitStack, nullcontext
from threading import Thread

import pytest

import bpcompare

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.overrides import TorchFunctionMode  # noqa: E402
from torch.utils._python_dispatch import TorchDispatchMode, _get_current_dispatch_mode  # noqa: E402

from bpcompare_torch.recorder.absence import Absence, built_in  # noqa: E402
from bpcompare_torch.recorder.mode import Mode  # noqa: E402


@pytest.fixture
def told(monkeypatch):
    """Where the mode is told of calls, and how often: in backward, in a step, or elsewhere."""
    found = {"backward": 0, "step": 0, "elsewhere": 0}
    original = Mode.__torch_dispatch__

    def dispatched(self, *args):
        if not self.idle:
            found["backward" if self.passing else "step" if self.stepping else "elsewhere"] += 1
        return original(self, *args)

    monkeypatch.setattr(Mode, "__torch_dispatch__", dispatched)
    return found


def net(**settings):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3))
    return model, torch.optim.SGD(model.parameters(), lr=1e-2, momentum=0.9, **settings), torch.randn(8, 6)


def test_a_backward_pass_of_torchs_own_costs_no_call(told):
    """Watching a backward pass would take as long as it does, again."""
    model, optimizer, x = net()
    for _ in range(2):
        with bpcompare.watch(model, optimizer) as seen:
            optimizer.zero_grad()
            model(x).square().mean().backward()
            optimizer.step()
        seen.assert_certified()
    assert told["elsewhere"] > 20
    assert told["backward"] == 0
    assert told["step"] > 0


@pytest.mark.parametrize("before", [False, True])
def test_what_is_added_to_a_gradient_is_no_part_of_what_stood_there(before):
    """A second backward pass would change what the first one left, and the sum be called wrong."""
    model, optimizer, x = net()
    if before:
        model(x).mean().backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=False)
    with bpcompare.watch(model, optimizer) as seen:
        for part in x.chunk(2):
            model(part).square().mean().backward()
        optimizer.step()
    seen.assert_certified()


class Writes(torch.autograd.Function):
    """A function whose backward writes into data, past what counts writes."""

    @staticmethod
    def forward(ctx, y, z):
        ctx.z = z
        return y * 1.0

    @staticmethod
    def backward(ctx, dy):
        ctx.z.data.mul_(2.0)
        return dy, None


class OnCall(TorchFunctionMode):
    """Writes into data whenever one function is called."""

    def __init__(self, z):
        self.z = z

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func is torch.Tensor.add_:
            doubled(self.z)
        return func(*args, **(kwargs or {}))


def doubled(z):
    """z, past what counts writes."""
    z.data.mul_(2.0)


def in_function(model, optimizer, z, stack):
    return lambda y: Writes.apply(y, z)


def in_tensor_hook(model, optimizer, z, stack):
    return lambda y: (y.register_hook(lambda g: doubled(z)), y)[1]


def in_leaf_hook(model, optimizer, z, stack):
    model[2].weight.register_hook(lambda g: doubled(z))


def behind_accumulation(model, optimizer, z, stack):
    model[2].weight.register_post_accumulate_grad_hook(lambda p: doubled(z))


def in_node_hook(model, optimizer, z, stack):
    return lambda y: (y.grad_fn.register_prehook(lambda g: doubled(z)), y)[1]


def before_accumulation(model, optimizer, z, stack):
    node = torch.autograd.graph.get_gradient_edge(model[2].weight).node
    node.register_prehook(lambda g: doubled(z))
    stack.callback(lambda: node)  # autograd keeps it as long as somebody does


def unpacked(model, optimizer, z, stack):
    stack.enter_context(torch.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: (z.data.mul_(1.5), t)[1]))


def in_function_mode(model, optimizer, z, stack):
    stack.enter_context(OnCall(z))


def in_place_of_torchs(model, optimizer, z, stack):
    inner = torch.optim.SGD._init_group

    def also(*args):
        z.data.mul_(2.0)
        return inner(*args)

    stack.callback(setattr, torch.optim.SGD, "_init_group", inner)
    torch.optim.SGD._init_group = also


def around_torchs(model, optimizer, z, stack):
    inner = torch.optim.SGD.step

    def step(self):
        z.data.mul_(2.0)
        return inner.__wrapped__(self)

    stack.callback(setattr, torch.optim.SGD, "step", inner)
    torch.optim.SGD.step = torch.optim.Optimizer.profile_hook_step(step)


def in_place_of_an_operator(model, optimizer, z, stack):
    inner = torch.Tensor.add_

    def add_(self, *args, **kwargs):
        z.data.mul_(2.0)
        return inner(self, *args, **kwargs)

    stack.callback(delattr, torch.Tensor, "add_")
    torch.Tensor.add_ = add_


def in_a_rate(model, optimizer, z, stack):
    class Rate(float):
        def __neg__(self):
            z.data.mul_(2.0)
            return -float(self)

    optimizer.param_groups[0]["lr"] = Rate(1e-2)


def in_a_state(model, optimizer, z, stack):
    class State(torch.Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            if func is torch.Tensor.mul_:
                z.data.mul_(2.0)
            return super().__torch_function__(func, types, args, kwargs)

    optimizer.state[model[0].bias]["momentum_buffer"] = torch.zeros(8).as_subclass(State)


def in_hook_before_a_write(model, optimizer, z, stack):
    def bent(y):
        y = y + 0.0
        y.register_hook(lambda g: doubled(z))
        return y.add_(1.0) * 1.0

    return bent


def unpacked_for_one_node(model, optimizer, z, stack):
    def bent(y):
        y.grad_fn._raw_saved_result.register_hooks(lambda t: t, lambda t: (z.data.mul_(1.5), t)[1])
        return y

    return bent


WRITES = [
    in_function, in_tensor_hook, in_leaf_hook, behind_accumulation, in_node_hook, before_accumulation, unpacked, in_function_mode,
    in_place_of_torchs, around_torchs, in_place_of_an_operator, in_a_rate, in_a_state, in_hook_before_a_write,
    unpacked_for_one_node,
]  # fmt: skip


@pytest.mark.parametrize("writes", WRITES)
def test_what_code_of_others_writes_is_seen(writes, monkeypatch):
    """Numbers that a hook or a function of theirs left in data would stand for those that forward read: right code accused."""
    found = []
    for looks in (lambda _self: None, Absence.begin):
        monkeypatch.setattr(Absence, "begin", looks)
        model, optimizer, x = net()
        z = torch.ones(8)
        with ExitStack() as stack:
            bent = writes(model, optimizer, z, stack)
            with bpcompare.watch(model, optimizer) as seen:
                y = model[1](model[0](x) + z)
                model[2](y if bent is None else bent(y)).square().mean().backward()
                optimizer.step()
        assert z[0] > 1
        assert not seen.refuted
        found.append((seen.verdict, [one.what for one in seen.unexamined]))
    assert found[0] == found[1]


def test_behind_a_step_that_raises_everything_is_seen_again():
    """What somebody does where a step failed would go unseen: data that is written into then would be what forward read."""
    model, optimizer, x = net()
    model(x).square().mean().backward()
    optimizer.step()
    with bpcompare.watch(model, optimizer) as seen:
        optimizer.zero_grad()
        model(x).square().mean().backward()
        optimizer.state[model[0].weight]["momentum_buffer"] = torch.zeros(5)
        try:
            optimizer.step()
        except RuntimeError:
            assert isinstance(_get_current_dispatch_mode(), Mode)
            x.data.mul_(2.0)
    assert _get_current_dispatch_mode() is None
    assert seen.verdict == "certified in part"
    assert not seen.refuted


def test_what_one_nodes_hooks_give_back_is_named():
    """A number that somebody means to be another one in backward would be called a wrong gradient."""
    model, optimizer, x = net()
    with bpcompare.watch(model, optimizer) as seen:
        y = model[1](model[0](x))
        y.grad_fn._raw_saved_result.register_hooks(lambda t: t, lambda t: 0.5 * t)
        model[2](y).square().mean().backward()
        optimizer.step()
    assert seen.verdict == "certified in part"
    assert "a hook changes it" in seen.unexamined[0].why


def test_a_node_of_theirs_is_theirs_whatever_its_name():
    """A custom function that is called as torch calls its own nodes would run unseen."""
    kind = type("Mine", (torch.autograd.Function,), {"forward": lambda ctx, x: x * 1.0})
    node = kind.apply(torch.ones(1, requires_grad=True)).grad_fn
    type(node).__name__, type(node).__module__ = "MineBackward0", "builtins"
    assert not built_in(node)


class Counts(TorchDispatchMode):
    """Somebody's own mode."""

    calls = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.calls += 1
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("inside", [False, True])
def test_modes_of_others_stay_where_they_are(inside):
    """Somebody's own mode would miss calls, or be taken off in the place of ours."""
    model, optimizer, x = net()
    counted = []
    for watch in (False, True):
        counts = Counts()
        with ExitStack() as stack:
            around = [counts, bpcompare.watch(model, optimizer) if watch else nullcontext()]
            for one in reversed(around) if inside else around:
                stack.enter_context(one)
            model(x).square().mean().backward()
            counted.append(counts.calls)
            optimizer.step()
            counted.append(counts.calls - counted[-1])
    assert _get_current_dispatch_mode() is None
    assert counted[1] == counted[3] > 4
    assert counted[0] <= counted[2]


def test_another_thread_does_not_put_the_mode_on():
    """A training beside the one that is watched would get its mode, and this one lose it."""
    model, optimizer, x = net()
    with bpcompare.watch(model, optimizer) as seen:
        absence = seen._recorder._absence
        absence.begin()
        other = Thread(target=absence.end)
        other.start()
        other.join()
        assert absence.off
        absence.end()
        assert isinstance(_get_current_dispatch_mode(), Mode)
        model(x).square().mean().backward()
        optimizer.step()
    seen.assert_certified()
