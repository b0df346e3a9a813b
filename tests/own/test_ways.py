"""Ways in which code escapes whoever watches: each is certified whole, or what was not examined is named; never silently less."""

import threading

import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.autograd import forward_ad  # noqa: E402
from torch.func import functional_call, grad, jacrev, vjp, vmap  # noqa: E402

import bpcompare  # noqa: E402
from watched import Net, squared  # noqa: E402

CERTIFIED, IN_PART, WRONG = "certified", "certified in part", "wrong"


def thread(work):
    """What another thread makes."""
    made = []
    one = threading.Thread(target=lambda: made.append(work()))
    one.start()
    one.join()
    return made[0]


class Square(torch.autograd.Function):
    """The newer way: forward and setup_context apart."""

    factor = 2
    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        return x**2

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @classmethod
    def backward(cls, ctx, g):
        return cls.factor * g * ctx.saved_tensors[0]


class SquareWrong(Square):
    factor = 3


class SquareInVmap(Square):
    """With a rule of its own for vmap."""

    generate_vmap_rule = False

    @classmethod
    def vmap(cls, info, dims, x):
        return cls.apply(x), dims[0]


class SquareInVmapWrong(SquareInVmap):
    factor = 3


@torch.library.custom_op("bpcompare_tests::cube", mutates_args=())
def cube(x: torch.Tensor) -> torch.Tensor:
    return x**3


cube.register_autograd(
    lambda ctx, g: 3 * g * ctx.saved_tensors[0] ** 2,
    setup_context=lambda ctx, inputs, output: ctx.save_for_backward(*inputs),
)


def through(f):
    """A loss with `f` of h in the middle."""
    return lambda m, x: squared(m.b(f(m.a(x)))).backward()


def scripted(m, x):
    @torch.jit.script
    def f(t):
        return torch.tanh(t) * t + 1

    for _ in range(3):  # torch would optimize it from the third call on
        squared(m.b(f(m.a(x)))).backward()


def optimized_script(m, x):
    with torch.jit.optimized_execution(True):
        scripted(m, x)


def compiled(m, x):
    m.a = torch.compile(m.a, backend="eager")
    squared(m(x)).backward()


def several_losses(m, x):
    y = m(x)
    torch.autograd.backward([squared(y), y.abs().sum()], retain_graph=True)
    y.sum().backward()


def gradients_off_and_on(m, x):
    torch.set_grad_enabled(False)
    half = 0.5 * m(x)
    torch.set_grad_enabled(True)
    squared(m(x) - half).backward()


def in_inference_mode(m, x):
    with torch.inference_mode():
        mean = m(x).mean()
    squared(m(x) * mean.item() - mean.clone()).backward()


def data_written_before(m, x):
    m.a.weight.data.mul_(2.0)
    m.b.weight.data = m.b.weight.data.clone()
    squared(m(x)).backward()


def data_written_between(m, x):
    y = m(x)
    m.b.weight.data.mul_(2.0)
    squared(y).backward()


def view_of_a_leaf(m, x):
    with torch.no_grad():
        m.a.weight[0].mul_(2.0)
    squared(m(x)).backward()


def forward_fails(m, x):
    with pytest.raises(RuntimeError):
        m(x[:, :2])
    squared(m(x)).backward()


def parametrized_inside(m, x):
    nn.utils.parametrizations.weight_norm(m.a)
    squared(m(x)).backward()


def steps_inside_of_backward(m, x):
    for p in m.parameters():
        optimizer = torch.optim.SGD([p], 0.1)
        p.register_post_accumulate_grad_hook(lambda _p, o=optimizer: o.step())
    squared(m(x)).backward()


def gradients_by_func(m, x):
    for name, g in grad(lambda p: squared(functional_call(m, p, (x,))))(dict(m.named_parameters())).items():
        m.get_parameter(name).grad = g.detach()


def by_vjp(m, x):
    y, back = vjp(lambda w: nn.functional.linear(x, w), m.a.weight)
    (squared(y) + back(torch.ones_like(y))[0].sum()).backward()


def forward_mode(m, x):
    with forward_ad.dual_level():
        y, tangent = forward_ad.unpack_dual(m(forward_ad.make_dual(x, torch.ones_like(x))))
        (squared(y) + squared(tangent)).backward()


def jagged(m, x):
    nested = torch.nested.nested_tensor([x[:2], x[2:]], layout=torch.jagged)
    squared(m(nested).values()).backward()


def backward_in_a_thread(m, x):
    end = squared(m(x))
    thread(end.backward)


def two_threads(m, x):
    (thread(lambda: squared(m(x))) + thread(lambda: squared(m(x)))).backward()


def a_thread_reads_what_is_ours(m, x):
    h = m.a(x)
    g = torch.tanh(h)
    squared(m.b(g + thread(lambda: torch.sin(torch.cos(h))))).backward()


NOBODY_SAW = "in a way that nobody saw"
TRANSFORM = "a transform of torch.func"

WAYS = {
    "setup_context": (through(Square.apply), CERTIFIED, ""),
    "setup_context, wrong": (through(SquareWrong.apply), WRONG, ""),
    "vmap": (lambda m, x: squared(vmap(m)(x)).backward(), CERTIFIED, ""),
    "vmap of a function": (through(vmap(Square.apply)), CERTIFIED, ""),
    "vmap of a function, wrong": (through(vmap(SquareWrong.apply)), WRONG, ""),
    "a rule for vmap": (through(vmap(SquareInVmap.apply)), CERTIFIED, ""),
    "a rule for vmap, wrong": (through(vmap(SquareInVmapWrong.apply)), WRONG, ""),
    "an op of a library": (through(cube), IN_PART, "it has no law"),
    "TorchScript": (scripted, CERTIFIED, ""),
    "an optimized TorchScript": (optimized_script, IN_PART, NOBODY_SAW),
    "compiled": (compiled, CERTIFIED, ""),
    "several losses": (several_losses, CERTIFIED, ""),
    "gradients off and on": (gradients_off_and_on, CERTIFIED, ""),
    "inference": (in_inference_mode, CERTIFIED, ""),
    "data before": (data_written_before, CERTIFIED, ""),
    "data between, which makes it wrong": (data_written_between, WRONG, NOBODY_SAW),
    "a view of a leaf": (view_of_a_leaf, CERTIFIED, ""),
    "forward fails": (forward_fails, CERTIFIED, ""),
    "parametrized inside": (parametrized_inside, CERTIFIED, ""),
    "steps inside": (steps_inside_of_backward, CERTIFIED, ""),
    "torch.func.grad": (gradients_by_func, IN_PART, TRANSFORM),
    "torch.func.vjp": (by_vjp, IN_PART, TRANSFORM),
    "torch.func.jacrev": (lambda m, x: squared(jacrev(m)(x[0])).backward(), IN_PART, TRANSFORM),
    "forward mode": (forward_mode, IN_PART, "it has no law"),
    "jagged": (jagged, IN_PART, "could not follow it"),
    "backward in a thread": (backward_in_a_thread, CERTIFIED, ""),
    "forward in a thread": (lambda m, x: thread(lambda: squared(m(x))).backward(), IN_PART, NOBODY_SAW),
    "two threads": (two_threads, IN_PART, NOBODY_SAW),
    "a thread reads what is ours": (a_thread_reads_what_is_ours, IN_PART, NOBODY_SAW),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*nested tensors:UserWarning")
def test_a_way_is_certified_whole_or_named(way):
    """A verdict would cover what nobody saw; or right code would be called wrong for the way it is written."""
    loss, verdict, word = WAYS[way]
    torch.manual_seed(0)
    m, x = Net(), torch.randn(6, 4)
    with bpcompare.watch(m) as step:
        loss(m, x)
    assert step.verdict == verdict, str(step)
    assert any(word in one.why for one in step.unexamined) or not word, str(step)
    assert word or not step.unexamined, str(step)
