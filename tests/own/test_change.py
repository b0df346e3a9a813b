"""Two runs of one code, then and now: honest reruns are the same or moved, planted changes are told at their module."""

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

import bpcompare  # noqa: E402
import small_models  # noqa: E402
from bpcompare.own.change import change, changes, outline  # noqa: E402


class Block(nn.Module):
    def __init__(self, units=4):
        super().__init__()
        self.norm, self.dense, self.act = nn.LayerNorm(units), nn.Linear(units, units), nn.GELU()

    def forward(self, x):
        return x + self.act(self.dense(self.norm(x)))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.bn = nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4)
        self.head, self.blocks = nn.Linear(64, 4), nn.Sequential(Block(), Block())

    def forward(self, x):
        return self.blocks(self.head(torch.relu(self.bn(self.conv(x))).flatten(1)))


def runs(edit=lambda parts: None, **options):
    """A step of Net, edited by `edit(parts)`: model, inputs, loss, optimizer."""
    torch.manual_seed(0)
    model = Net()
    parts = {
        "model": model,
        "inputs": torch.randn(6, 2, 6, 6),
        "target": torch.tensor([0, 1, 2, 3, 0, 1]),
        "loss": nn.functional.cross_entropy,
        "optimizer": torch.optim.AdamW(model.parameters(), lr=1e-2),
    }
    edit(parts)
    return bpcompare.check(parts.pop("model"), parts.pop("inputs"), **parts, **options).runs


@pytest.fixture(scope="module")
def then():
    return [outline(step) for step in runs()]


@pytest.fixture
def became(then):
    """became(edit): the changes of an edited step."""
    return lambda edit: changes("net", then, runs(edit))


def channels_last(parts):
    parts["model"].to(memory_format=torch.channels_last)
    parts["inputs"] = parts["inputs"].to(memory_format=torch.channels_last)


def threads(parts):
    before = torch.get_num_threads()
    parts["model"].register_forward_pre_hook(lambda *_: torch.set_num_threads(2))
    parts["model"].register_forward_hook(lambda *_: torch.set_num_threads(before))


def stepped(**options):
    def edit(parts):
        parts["optimizer"] = torch.optim.AdamW(parts["model"].parameters(), lr=1e-2, **options)

    return edit


@pytest.mark.parametrize(
    "edit",
    [lambda parts: None, channels_last, threads, stepped(foreach=True), stepped(foreach=False), stepped(fused=True)],
    ids=["again", "channels_last", "threads", "foreach", "for loop", "fused"],
)
def test_an_honest_rerun_is_the_same_or_moved(became, edit):
    """Every upgrade, and every other machine, would be an alarm."""
    found = became(edit)
    assert found.outcome in ("same", "moved"), str(found)
    assert found.exit_code == 0
    assert "changed" not in str(found)


def test_other_bits_within_rounding_are_moved(became):
    """What has other bits would be called the same."""
    found = became(channels_last)
    assert found.outcome == "moved"
    assert "within rounding, for each follows its law, then and now" in str(found)


class Halves(nn.Module):
    """GELU by hand."""

    def forward(self, x):
        return x * 0.5 * (1 + torch.erf(x * 2**-0.5))


class Swish(nn.Module):
    def forward(self, x):
        return x * torch.sigmoid(x)


def tanh(parts):
    parts["model"].blocks[1].act = nn.GELU(approximate="tanh")


def eps(parts):
    parts["model"].blocks[0].norm.eps = 1e-6


def silu(parts):
    parts["model"].blocks[0].act = nn.SiLU()


def swish(parts):
    parts["model"].blocks[0].act = Swish()


def inserted(parts):
    second = parts["model"].blocks[1]
    second.act = nn.Sequential(nn.Tanh(), second.act)


def removed(parts):
    parts["model"].bn.forward = lambda x: x


def summed(parts):
    parts["loss"] = lambda y, t: nn.functional.cross_entropy(y, t, reduction="sum")


def rate(parts):
    parts["optimizer"].param_groups[0]["lr"] = 2e-2


def rule(parts):
    parts["optimizer"] = torch.optim.SGD(parts["model"].parameters(), lr=1e-2)


def inputs(parts):
    parts["inputs"] = parts["inputs"] * 1.001


def weights(parts):
    with torch.no_grad():
        parts["model"].blocks[1].dense.weight *= 1.001


def frozen(parts):
    parts["model"].blocks[0].dense.weight.requires_grad_(False)


PLANTED = [
    (tanh, "blocks.1.act", "gelu", "approximate was 'none', is 'tanh'"),
    (eps, "blocks.0.norm", "native_layer_norm", "eps was 1e-05, is 1e-06"),
    (silu, "blocks.0.act", "silu", "was gelu"),
    (swish, "blocks.0.act", "sigmoid → mul", "stands where gelu was"),
    (inserted, "blocks.1.act.0", "tanh", "is new"),
    (removed, "bn", "native_batch_norm", "is gone"),
    (summed, "", "nll_loss_forward", "reduction was 1, is 2"),
    (rate, "conv", "AdamW.step", "eta was 0.01, is 0.02"),
    (rule, "conv", "SGD.step", "its rule was adam, is sgd"),
    (inputs, "conv", "convolution", "reads a constant of other numbers, about"),
    (weights, "blocks.1.dense", "blocks.1.dense.weight", "begins with other numbers, about"),
    (frozen, "blocks.0.dense", "parameter blocks.0.dense.weight", "no gradient of it is seen any more: frozen"),
]


@pytest.mark.parametrize(("edit", "module", "name", "what"), PLANTED, ids=[one[0].__name__ for one in PLANTED])
def test_a_planted_change_is_told_at_its_module(became, edit, module, name, what):
    """A refactoring that changed a layer would pass, or be told of the layers behind it."""
    found = became(edit)
    assert found.outcome == "changed"
    assert found.exit_code == 1
    told = [(one.module, one.name) for one in found.runs[0].differences if one.what.startswith(what)]
    assert (module, name) in told, str(found)
    assert what in " ".join(str(found).split())


@pytest.mark.parametrize("edit", [tanh, eps, silu, swish, summed])
def test_nothing_but_the_planted_change_is_told(became, edit):
    """One changed call would make everything after it changed."""
    assert len({(one.module, one.what) for one in became(edit).runs[0].differences}) == 1


@pytest.mark.parametrize(
    ("edit", "path"), [(tanh, "blocks.1.act:gelu.y"), (swish, "blocks.0.act:mul.y"), (rate, "conv.weight.update")]
)
def test_the_numbers_part_where_the_call_changed(became, edit, path):
    """It would not be said whether a change matters, and where it begins to."""
    run = became(edit).runs[0]
    assert run.parting is not None
    assert run.parting.path == path
    assert not run.rewritten


def test_a_refactoring_that_computes_the_same_is_told_so(became):
    """Somebody who wrote a function in another way would have to find out alone whether it is still that function."""

    def edit(parts):
        parts["model"].blocks[0].act = Halves()

    found = became(edit)
    assert found.outcome == "changed"
    assert found.runs[0].rewritten
    assert "the calls of then would give just this, within rounding" in str(found)


def test_what_was_left_out_is_not_called_the_same(became):
    """Of a layer that is gone it would be said that its numbers are as they were."""
    for edit in (removed, rule, frozen):
        assert not became(edit).runs[0].rewritten


def test_a_module_of_another_name_is_one_change(became):
    """A renamed module would be a flood of calls that are gone, and of calls that are new."""

    def edit(parts):
        parts["model"].blocks = nn.Sequential(parts["model"].blocks[0], nn.Identity(), parts["model"].blocks[1])

    found = became(edit)
    assert [(one.module, one.what) for one in found.runs[0].differences] == [("blocks.2", "was called blocks.1")]
    assert found.runs[0].moves == ()


class Half(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return torch.nn.functional.gelu(x)

    @staticmethod
    def backward(ctx, g):
        return g / 2


class Mine(nn.Module):
    def forward(self, x):
        return Half.apply(x)


def test_what_is_refuted_is_wrong_and_not_only_changed(became):
    """A mistake would be told as a change, that one may accept."""

    def edit(parts):
        parts["model"].blocks[0].act = Mine()

    found = became(edit)
    assert (found.outcome, found.exit_code) == ("wrong", 1)
    assert "blocks.0.act  Half.backward" in str(found)


class Numeric(torch.autograd.Function):
    """Its inside is NumPy: nobody sees it."""

    factor = 1.0

    @classmethod
    def forward(cls, ctx, x):
        return torch.from_numpy(cls.factor * x.detach().numpy())

    @classmethod
    def backward(cls, ctx, g):
        return cls.factor * g


class Opaque(nn.Module):
    def forward(self, x):
        return Numeric.apply(x)


def test_what_no_law_speaks_of_is_undecided_when_it_moved(monkeypatch):
    """Numbers that came out of nowhere would be called moved within rounding."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), Opaque(), nn.Linear(4, 1))
    x = torch.randn(5, 3)

    def made():
        return bpcompare.check(model, x, loss=lambda y: y.square().mean(), as_is=True).runs

    then = [outline(step) for step in made()]
    assert changes("net", then, made()).outcome == "same"
    monkeypatch.setattr(Numeric, "factor", 1.25)
    found = changes("net", then, made())
    assert found.outcome in ("undecided", "changed"), str(found)
    assert found.exit_code


def test_a_run_that_was_not_made_is_refused(then):
    """A golden of two runs would be fine where one of them was compared."""
    with pytest.raises(ValueError, match="as a float64 copy"):
        changes("net", then, runs(as_is=True))


@pytest.mark.parametrize("make", [small_models.gan, small_models.mlp])
def test_what_one_part_of_a_step_hands_to_another_is_no_other_beginning(make):
    """Rounding in the step of one optimizer would be told as other numbers that the next backward pass is given."""

    def stepped(**options):
        torch.manual_seed(0)
        training = make(**options)
        with bpcompare.watch(training.models) as step:
            training.step()
        return step.step

    found = change(stepped(), stepped(fused=True))
    assert found.outcome in ("same", "moved"), found.differences
    told = change(stepped(), stepped(act=nn.ELU)).differences
    assert [(one.name, one.what.partition(" ")[0]) for one in told] == [("elu", "was")]
