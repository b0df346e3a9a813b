"""Where several entries tie, any way to share Δ out among them is a convention; more or less than the whole is none."""

import pytest

import bpcompare

torch = pytest.importorskip("torch")
from torch.nn import functional  # noqa: E402

TIED = torch.tensor([[1.0, 1, 0, 1], [2, 0, 2, 0], [0, 0, 0, 0], [1, 2, 3, 4]])


def step(forward, backward):
    """A step through a function of somebody's own, on numbers that tie."""

    def kept(ctx, x):
        y = forward(x)
        ctx.save_for_backward(x, y.detach().clone())
        return y

    def sent(ctx, g):
        return backward(*ctx.saved_tensors, g)

    theirs = type("Theirs", (torch.autograd.Function,), {"forward": staticmethod(kept), "backward": staticmethod(sent)})
    model = torch.nn.Module()
    model.w, model.c = torch.nn.Parameter(torch.tensor(2.0)), torch.nn.Parameter(torch.arange(1.0, 5.0))
    with bpcompare.watch(model) as step:
        y = theirs.apply(TIED * model.w)
        (y * model.c[: len(y)].reshape(-1, *(1,) * (y.ndim - 1)) + y**2).sum().backward()
    return step


def winners(x, y):
    return (x == y[..., None]).float()


def parts(x, y, weights):
    found = winners(x, y) * weights
    return found / found.sum(-1, keepdim=True)


def last(x, y, g):
    found = winners(x, y)
    return functional.one_hot(3 - found.flip(-1).int().argmax(-1), 4) * g[..., None]


def evenly(x, y, g):
    return parts(x, y, torch.ones(4)) * g[..., None]


def unevenly(x, y, g):
    return parts(x, y, torch.arange(1.0, 5.0)) * g[..., None]


def stable(x, _y, g):
    return torch.zeros_like(x).scatter(-1, x.argsort(stable=True, dim=-1, descending=True)[..., : g.shape[-1]], g)


def from_behind(x, _y, g):
    return torch.zeros_like(x).scatter(-1, 3 - x.flip(-1).argsort(stable=True, dim=-1, descending=True)[..., : g.shape[-1]], g)


def pooled(x):
    return functional.max_pool1d(x[None], 2)[0]


def in_pairs(x, y, g):
    pairs = x.reshape(len(x), -1, 2)
    return (parts(pairs, y, torch.ones(2)) * g[..., None]).reshape(x.shape)


def either(x):
    return torch.maximum(x, x.flip(-1))


def running(x):
    return x.cummax(-1)[0]


def earliest(x, y, g):
    places = (x[..., None, :] == y[..., None]).int().argmax(-1)
    return torch.zeros_like(x).scatter_add(-1, places, g)


RIGHT = {
    "amax, all to the last": (lambda x: x.amax(-1), last),
    "amax, unevenly": (lambda x: x.amax(-1), unevenly),
    "max along an axis, evenly": (lambda x: x.max(-1)[0], evenly),
    "median, evenly": (lambda x: x.median(-1)[0], evenly),
    "kthvalue, to the last": (lambda x: x.kthvalue(2, -1)[0], last),
    "amin, unevenly": (lambda x: x.amin(-1), unevenly),
    "topk, from the front": (lambda x: x.topk(2, -1)[0], stable),
    "topk, from behind": (lambda x: x.topk(2, -1)[0], from_behind),
    "sort, from behind": (lambda x: x.sort(-1, descending=True)[0], from_behind),
    "pooling, evenly": (pooled, in_pairs),
    "maximum, to the first": (either, lambda x, _y, g: g * (x >= x.flip(-1)) + (g * (x < x.flip(-1))).flip(-1)),
    "cummax, to the earliest": (running, earliest),
    "of what is worked out": (lambda x: (3 * x + 1).amax(-1), lambda x, y, g: 3 * last(3 * x + 1, y, g)),
}


@pytest.mark.parametrize("name", RIGHT)
def test_any_way_to_share_is_a_convention(name):
    """A backward that picks another winner than torch does would be called wrong."""
    found = step(*RIGHT[name])
    assert found.verdict == "certified", str(found)


def to_each(x, y, g):
    return winners(x, y) * g[..., None]


def to_none(x, y, g):
    return to_each(x, y, g) * (winners(x, y).sum(-1, keepdim=True) == 1)


WRONG = {
    "amax, to each": (lambda x: x.amax(-1), to_each),
    "amax, to none": (lambda x: x.amax(-1), to_none),
    "max along an axis, to each": (lambda x: x.max(-1)[0], to_each),
    "max along an axis, to none": (lambda x: x.max(-1)[0], to_none),
    "amax, to a loser": (lambda x: x.amax(-1), lambda x, _y, g: functional.one_hot(torch.tensor([2, 0, 0, 3]), 4) * g[..., None]),
    "amax, less than nothing": (
        lambda x: x.amax(-1),
        lambda x, y, g: torch.where(winners(x, y).sum(-1, keepdim=True) == 3, torch.tensor([2.0, -1, 0, 0]), to_none(x, y, g)),
    ),
    "topk, all ranks to each": (lambda x: x.topk(2, -1)[0], lambda x, y, g: (x >= y[..., -1:]) * g.sum(-1, keepdim=True)),
    "pooling, to each": (pooled, lambda x, y, g: (winners(x.reshape(4, 2, 2), y) * g[..., None]).reshape(x.shape)),
    "maximum, to both": (either, lambda x, _y, g: g * (x >= x.flip(-1)) + (g * (x <= x.flip(-1))).flip(-1)),
    "cummax, to none": (running, lambda x, y, g: to_none(x, y[..., -1], g[..., -1])),
}


@pytest.mark.parametrize("name", WRONG)
def test_more_or_less_than_the_whole_is_wrong(name):
    """A mistake that shows at ties alone would be certified as another convention."""
    found = step(*WRONG[name])
    assert found.verdict == "wrong", str(found)


class Largest(torch.autograd.Function):
    """Of each row; who receives Δ, `to` says."""

    to = "each"

    @staticmethod
    def forward(ctx, x):
        y = x.amax(-1)
        ctx.save_for_backward(x, y)
        return y

    @staticmethod
    def backward(ctx, g):
        x, y = ctx.saved_tensors
        return {"each": to_each, "none": to_none, "the last": last}[Largest.to](x, y, g)


@pytest.mark.parametrize(("to", "verdict"), [("the last", "certified"), ("each", "wrong"), ("none", "wrong")])
def test_a_parameter_that_ties_is_like_any_value(to, verdict):
    """A choice among entries of a parameter would be called wrong, for it is a gradient that is claimed there."""
    Largest.to, model = to, torch.nn.Module()
    model.w = torch.nn.Parameter(TIED.clone())
    with bpcompare.watch(model) as step:
        (Largest.apply(model.w) * torch.tensor([1.0, -2, 3, 4])).sum().backward()
    assert step.verdict == verdict, str(step)


PARTS = {
    "the first": lambda a, b: (a >= b, b > a),
    "thirds": lambda a, b: ((a > b) + (a == b) / 3, (b > a) + (a == b) * 2 / 3),
    "both": lambda a, b: (a >= b, b >= a),
    "none": lambda a, b: (a > b, b > a),
    "one and a half": lambda a, b: ((a > b) + 0.5 * (a == b), b >= a),
}


class Larger(torch.autograd.Function):
    parts, function = "both", torch.maximum

    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return Larger.function(a, b)

    @staticmethod
    def backward(ctx, g):
        first, second = PARTS[Larger.parts](*ctx.saved_tensors)
        return g * first, g * second


@pytest.mark.parametrize("function", [torch.maximum, torch.fmax], ids=["maximum", "fmax"])
@pytest.mark.parametrize("direct", [False, True], ids=["values", "parameters"])
@pytest.mark.parametrize("parts", PARTS)
def test_two_inputs_that_tie_share_once(parts, direct, function):
    """Each input's Δ by itself is a valid choice; two whole parts, or none, would be certified together."""
    Larger.parts, Larger.function, model = parts, function, torch.nn.Module()
    model.a, model.b = (torch.nn.Parameter(torch.tensor(x)) for x in ([[1.0, 2, 3], [4, 5, 6]], [[1.0, 1, 3], [5, 5, 0]]))
    with bpcompare.watch(model) as step:
        a = model.a if direct else 2 * model.a
        b = model.b if direct else 2 * model.b
        (Larger.apply(a, b) * torch.tensor([[1.0, -2, 3], [4, 5, 6]])).sum().backward()
    assert step.verdict == ("certified" if parts in ("the first", "thirds") else "wrong"), str(step)


W = torch.tensor([[1.0, -1, 0], [0, 1, -1]])
MIXED = {
    "a maximum of products": (lambda x: (x[:, :2] @ W).amax(-1), lambda x, y, g: _padded(_last_of(x[:, :2] @ W, y, g) @ W.T)),
    "two kinks": (lambda x: x.relu() + (-x).relu(), lambda x, _y, g: g * torch.where(x >= 0, 1.0, -1.0)),
}


def _last_of(x, y, g):
    size = x.shape[-1]
    return functional.one_hot(size - 1 - winners(x, y).flip(-1).int().argmax(-1), size) * g[..., None]


def _padded(x):
    return functional.pad(x, (0, 2))


@pytest.mark.parametrize("name", MIXED)
def test_choices_that_are_mixed_on_their_way_are_not_called_wrong(name):
    """Extremes of single entries say nothing where choices are mixed by a product: a valid choice would be called wrong."""
    found = step(*MIXED[name])
    assert found.verdict == "undecided", str(found)
    assert "kink or a tie inside" in " ".join(str(found).split())


SLIPS = {
    "beyond both sides": (lambda x: functional.leaky_relu(x, 0.1), lambda x, _y, g: g * torch.where(x > 0, 1.0, 0.0)),
    "twice, where there is no choice": (MIXED["two kinks"][0], lambda x, _y, g: g * torch.where(x > 0, 2.0, -1.0)),
}


@pytest.mark.parametrize("name", SLIPS)
def test_a_kink_excuses_nothing_beside_it(name):
    """A mistake at numbers where nobody has a choice would be undecided, because other numbers stand on a kink."""
    assert step(*SLIPS[name]).verdict == "wrong"
