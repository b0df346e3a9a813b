"""Hooks of every kind: one that changes gradients is named as a hook and accuses nobody; one that only looks costs nothing."""

import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.autograd.graph import get_gradient_edge, register_multi_grad_hook, save_on_cpu, saved_tensors_hooks  # noqa: E402
from torch.utils.checkpoint import checkpoint  # noqa: E402

import bpcompare  # noqa: E402
from watched import Net, squared  # noqa: E402

CERTIFIED, IN_PART, WRONG = "certified", "certified in part", "wrong"


def doubled(g):
    return 2 * g


def same(g):
    return g.clone()


def each(f):
    """A hook of many gradients, made of one of a single gradient."""

    def hook(gradients, _arrived=None):
        return tuple(None if g is None else f(g) for g in gradients)

    return hook


def of_module(f):
    def hook(_module, given, _out=None):
        return each(f)(given)

    return hook


def in_place(f):
    """Changes the gradients themselves, as some clipping does."""

    def hook(gradients, _arrived=None):
        for g in [gradients] if isinstance(gradients, torch.Tensor) else gradients:
            if g is not None:
                g.copy_(f(g))

    return hook


def inside(hooked):
    """A loss in which `hooked` puts a hook on h, in the middle."""

    def loss(m, x, f):
        h = torch.tanh(m.a(x))
        hooked(h, f)
        return squared(m.b(h))

    return loss


def at_the_end(hooked):
    def loss(m, x, f):
        end = squared(m(x))
        hooked(end, f)
        return end

    return loss


def before_a_write(hooked):
    """The hook stays with what the tensor was before it was written into."""

    def loss(m, x, f):
        h = 1.5 * m.a(x)
        hooked(h, f)
        h.mul_(3.0)
        return squared(m.b(h))

    return loss


def on_a_part(m, x, f):
    p, q = m.a(x).split([2, 3], 1)
    p.grad_fn.register_hook(each(f))
    return squared(m.b(torch.cat([q, p], 1)))


def on_a_node_below(m, x, f):
    y = m(x)
    y.grad_fn.next_functions[-1][0].register_hook(each(f))
    return squared(y)


def before_accumulation(m, x, f):
    y = m(x)
    m.node = get_gradient_edge(m.a.weight).node
    m.node.register_prehook(each(f))
    return squared(y)


def on_a_module(register):
    def loss(m, x, f):
        getattr(m.b, register)(of_module(f))
        return squared(m(x))

    return loss


def on_a_parameter(m, x, f):
    m.a.weight.register_hook(f)
    return squared(m(x))


def on_several(mode):
    def loss(m, x, f):
        h = torch.tanh(m.a(x))
        register_multi_grad_hook([h, m.b.weight], in_place(f), mode=mode)
        return squared(m.b(h))

    return loss


def on_what_is_saved(m, x, f):
    with saved_tensors_hooks(lambda t: t, f):
        return squared(m(x))


def checkpointed(reentrant):
    def loss(m, x, f):
        def part(t):
            h = torch.tanh(m.a(t))
            if h.requires_grad:
                h.register_hook(f)
            return h

        return squared(m.b(checkpoint(part, x.clone().requires_grad_(), use_reentrant=reentrant)))

    return loss


class Sine(torch.autograd.Function):
    @staticmethod
    def forward(ctx, _name, x):
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    def backward(ctx, g):
        return None, g * ctx.saved_tensors[0].cos()


class Tripled(Sine):
    @staticmethod
    def backward(ctx, g):
        return None, 3 * g * ctx.saved_tensors[0].cos()


def on_a_custom_function(m, x, f):
    h = Sine.apply("sine", m.a(x))
    h.grad_fn.register_hook(each(f))
    return squared(m.b(h))


KINDS = {
    "tensor": inside(lambda h, f: h.register_hook(f)),
    "tensor, in place": inside(lambda h, f: h.register_hook(in_place(f))),
    "tensor, written into": before_a_write(lambda h, f: h.register_hook(f)),
    "node": inside(lambda h, f: h.grad_fn.register_hook(each(f))),
    "node, in place": inside(lambda h, f: h.grad_fn.register_hook(in_place(f))),
    "node, before": inside(lambda h, f: h.grad_fn.register_prehook(each(f))),
    "node, before, in place": inside(lambda h, f: h.grad_fn.register_prehook(in_place(f))),
    "node, written into": before_a_write(lambda h, f: h.grad_fn.register_hook(each(f))),
    "node, before, written into": before_a_write(lambda h, f: h.grad_fn.register_prehook(each(f))),
    "end": at_the_end(lambda end, f: end.register_hook(f)),
    "node of the end": at_the_end(lambda end, f: end.grad_fn.register_hook(each(f))),
    "node of the end, before": at_the_end(lambda end, f: end.grad_fn.register_prehook(each(f))),
    "node of a part": on_a_part,
    "node of no value": on_a_node_below,
    "node of a custom function": on_a_custom_function,
    "parameter": on_a_parameter,
    "node of a parameter, before": before_accumulation,
    "several": on_several("all"),
    "any of several": on_several("any"),
    "module": on_a_module("register_full_backward_hook"),
    "module, before": on_a_module("register_full_backward_pre_hook"),
    "module, the old kind": on_a_module("register_backward_hook"),
    "saved tensors": on_what_is_saved,
    "checkpoint": checkpointed(reentrant=False),
    "reentrant checkpoint": checkpointed(reentrant=True),
}


def watched(loss, f, **options):
    torch.manual_seed(0)
    m, x = Net(), torch.randn(6, 4)
    with bpcompare.watch(m, **options) as step:
        loss(m, x, f).backward()
    return step


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore:Using a non-full backward hook:FutureWarning")
def test_a_hook_is_named_where_it_changes_gradients(kind):
    """A hook would make right functions wrong, or be certified unseen; or one that only looks would cost the verdict."""
    step = watched(KINDS[kind], doubled)
    assert step.verdict == IN_PART, str(step)
    assert all("hook" in one.by for one in step.unexamined), str(step)
    step = watched(KINDS[kind], doubled, intended=("hook",))
    assert step.verdict == CERTIFIED, str(step)
    assert "hooks change" in str(step)
    step = watched(KINDS[kind], same)
    assert step.verdict == CERTIFIED, str(step)


@pytest.mark.parametrize("kind", ["tensor", "node", "node, before", "saved tensors"])
def test_a_hook_excuses_nobody_else(kind):
    """A wrong backward would hide behind any hook."""

    def loss(m, x, f):
        h = KINDS[kind](m, x, f)
        return h + squared(m.b(Tripled.apply("tripled", torch.tanh(m.a(x)) + 1)))

    step = watched(loss, doubled, intended=("hook",))
    assert step.verdict == WRONG, str(step)
    assert "Tripled.backward" in str(step)
    assert "addmm.backward is wrong" not in str(step)


def test_a_hook_is_meant_by_its_name():
    """Another hook than the one that is meant would be excused."""

    def by_name(h, f):
        h.register_hook(f)

    assert watched(inside(by_name), doubled, intended=("doubled",)).verdict == CERTIFIED
    assert watched(inside(by_name), doubled, intended=("halved",)).verdict == IN_PART


def test_what_is_saved_elsewhere_and_comes_back_is_certified():
    """Offloading of activations would be no certificate, or leave torch changed."""
    enter = saved_tensors_hooks.__enter__

    def loss(m, x, _f):
        with save_on_cpu():
            return squared(m(x))

    step = watched(loss, same)
    assert step.verdict == CERTIFIED, str(step)
    assert saved_tensors_hooks.__enter__ is enter


@pytest.mark.parametrize(("pack", "verdict"), [(torch.clone, "certified"), (lambda t: t.half(), "certified in part")])
def test_hooks_on_what_is_saved_that_stand_before_watching_begins(pack, verdict):
    """Numbers that are saved in fewer bits, by hooks around the whole training, would be called wrong, each of them."""
    torch.manual_seed(0)
    m = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3))
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t.float()):
        with bpcompare.watch(m) as step:
            m(torch.randn(6, 4)).square().sum().backward()
        m(torch.randn(6, 4)).sum().backward()
    assert step.verdict == verdict, str(step)
    assert torch._C._autograd._top_saved_tensors_default_hooks(True) is None


def test_a_checkpoint_that_computes_something_else_is_wrong():
    """What a checkpoint computes again in another way would pass for the intention of a hook."""

    def loss(m, x, _f):
        calls = []

        def part(t):
            calls.append(t)
            return torch.tanh(m.a(t) * len(calls))

        return squared(m.b(checkpoint(part, x, use_reentrant=False)))

    step = watched(loss, same)
    assert step.verdict == WRONG
    assert "a checkpoint that computed something else" in " ".join(str(step).split())


def test_a_hook_on_an_accumulated_gradient_is_followed():
    """What sharded training does to .grad in hooks of a node would be of unknown origin."""

    def halved(m):
        def hook(_made, _arrived):
            m.a.weight.grad = m.a.weight.grad * 0.5

        return hook

    def loss(m, x, _f):
        m.node = get_gradient_edge(m.a.weight).node
        m.node.register_hook(halved(m))
        return squared(m(x))

    step = watched(loss, same)
    assert step.verdict == CERTIFIED, str(step)
