"""Optimizers of own code: every rule and switch, what becomes of gradients before a step, and what is not seen is named."""

import pytest

import bpcompare

torch = pytest.importorskip("torch")
from optimizer_rules import RULES  # noqa: E402 — it needs torch
from training import backward, named, net, refuted, watched  # noqa: E402 — it needs torch

optim = torch.optim


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("name", RULES)
def test_every_rule_holds(name, dtype):
    """An honest optimizer is called wrong, or its step is not examined."""
    model = net(dtype)
    step = watched(model, RULES[name](model.parameters()), steps=5)
    assert step.verdict == "certified", str(step)
    claims = [claim for _, claim, _ in step.findings if claim.statement in ("state", "update")]
    assert len(claims) == 5 * len({claim.path for claim in claims})
    assert sum(claim.statement == "update" for claim in claims) == 5 * 4


def wrong_step(monkeypatch, make, before=None, after=None, dtype=torch.float64, steps=3):
    """The findings about a third step whose inside is wrong: `before(optimizer)` and `after(optimizer)` run inside of it."""
    model = net(dtype)
    optimizer = make(model)
    for seed in range(steps - 1):
        optimizer.zero_grad()
        backward(model, seed)
        optimizer.step()
    original = type(optimizer).step.__wrapped__

    def step(self, closure=None):
        if before:
            before(self, model)
        out = original(self, closure)
        if after:
            after(self, model)
        return out

    monkeypatch.setattr(type(optimizer), "step", optim.Optimizer.profile_hook_step(step))
    return watched(model, optimizer, steps=1)


STATES = {
    "adam": (lambda m: optim.Adam(m.parameters(), amsgrad=True), {"m": "exp_avg", "v": "exp_avg_sq", "top": "max_exp_avg_sq"}),
    "sgd": (lambda m: optim.SGD(m.parameters(), 0.1, momentum=0.9), {"velocity": "momentum_buffer"}),
    "nadam": (lambda m: optim.NAdam(m.parameters()), {"m": "exp_avg", "v": "exp_avg_sq", "product": "mu_product"}),
    "radam": (lambda m: optim.RAdam(m.parameters()), {"m": "exp_avg", "v": "exp_avg_sq", "step": "step"}),
    "adamax": (lambda m: optim.Adamax(m.parameters()), {"m": "exp_avg", "u": "exp_inf"}),
    "rmsprop": (
        lambda m: optim.RMSprop(m.parameters(), centered=True, momentum=0.9),
        {"v": "square_avg", "m": "grad_avg", "velocity": "momentum_buffer"},
    ),
    "adagrad": (lambda m: optim.Adagrad(m.parameters()), {"sum": "sum", "step": "step"}),
    "adadelta": (lambda m: optim.Adadelta(m.parameters()), {"v": "square_avg", "u": "acc_delta"}),
    "asgd": (lambda m: optim.ASGD(m.parameters(), t0=0.0, lambd=0.1), {"mean": "ax", "eta": "eta", "mu": "mu"}),
    "rprop": (lambda m: optim.Rprop(m.parameters()), {"size": "step_size", "before": "prev"}),
    "adafactor": (lambda m: optim.Adafactor(m.parameters()), {"rows": "row_var", "columns": "col_var"}),
}


@pytest.mark.parametrize(("name", "slot"), [(name, slot) for name, (_, slots) in STATES.items() for slot in slots])
def test_a_state_that_is_off_is_found(name, slot, monkeypatch):
    """A state that the step leaves wrong is not seen, or another one is called wrong for it."""
    make, slots = STATES[name]

    def off(optimizer, model):
        state = optimizer.state[model[0].weight][slots[slot]]
        with torch.no_grad():
            state.reshape(-1)[:1].mul_(1 + 1e-4)

    found = refuted(wrong_step(monkeypatch, make, after=off))
    assert f"0.weight.{slot}" in found
    assert found <= {f"0.weight.{slot}", "0.weight.update"}
    assert found == {f"0.weight.{slot}"} or slot == "product"  # what stands in the step is read by nobody else


@pytest.mark.parametrize("name", ["asgd", "rprop", "adafactor"])
def test_a_step_that_is_too_long_is_found(name, monkeypatch):
    """A parameter that goes a thousandth too far is not seen."""
    make, _ = STATES[name]
    kept = {}

    def before(_optimizer, model):
        kept["w"] = model[0].weight.detach().clone()

    def off(_optimizer, model):
        with torch.no_grad():
            model[0].weight.add_(model[0].weight - kept["w"], alpha=1e-3)

    found = refuted(wrong_step(monkeypatch, make, before=before, after=off))
    assert "0.weight.update" in found
    assert found <= {"0.weight.update", "0.weight.mean"}


def test_a_rule_that_reads_the_whole_parameter_is_not_judged_in_pieces():
    """A large matrix would be judged by the sizes of a part of it, and called wrong."""
    torch.manual_seed(0)
    model = torch.nn.Linear(300, 200)
    optimizer = optim.Adafactor(model.parameters())
    with bpcompare.watch(model) as step:
        model(torch.randn(4, 300)).square().sum().backward()
        optimizer.step()
    assert step.verdict == "certified", str(step)


@pytest.mark.parametrize(
    "make",
    [lambda p: optim.Rprop(p, 0.01), lambda p: optim.Adagrad(p, initial_accumulator_value=0.1), optim.ASGD],
    ids=["rprop", "adagrad", "asgd"],
)
def test_states_of_complex_parameters_begin_in_both_parts(make):
    """An honest first step on complex parameters would be called wrong: the imaginary part of a state would begin at 0."""
    torch.manual_seed(0)
    model, x = torch.nn.Module(), torch.randn(6, 4, dtype=torch.cfloat)
    model.w = torch.nn.Parameter(torch.randn(4, 3, dtype=torch.cfloat))
    optimizer = make(model.parameters())
    with bpcompare.watch(model) as step:
        for _ in range(2):
            optimizer.zero_grad()
            (x @ model.w).abs().square().sum().backward()
            optimizer.step()
    assert step.verdict == "certified", str(step)


@pytest.mark.parametrize("name", ["adam", "nadam", "radam", "adamax"])
def test_a_count_that_is_a_step_off_is_found(name, monkeypatch):
    """A bias correction for another step is not seen."""
    make, _ = STATES[name]

    def twice(optimizer, model):
        optimizer.state[model[2].bias]["step"] += 1

    assert refuted(wrong_step(monkeypatch, make, before=twice)) >= {"2.bias.step", "2.bias.update"}


def test_a_bias_correction_of_another_step_is_found(monkeypatch):
    """The count is right, but the step divides by the correction of the step before."""

    def early(optimizer, _model):
        for state in optimizer.state.values():
            state["step"] -= 1

    def late(optimizer, _model):
        for state in optimizer.state.values():
            state["step"] += 1

    found = refuted(wrong_step(monkeypatch, lambda m: optim.Adam(m.parameters()), early, late))
    assert found == {f"{name}.update" for name in ("0.weight", "0.bias", "2.weight", "2.bias")}


@pytest.mark.parametrize("factor", [0.0, 2.0])
@pytest.mark.parametrize("make", [optim.AdamW, optim.Adam, optim.SGD, optim.RAdam], ids=lambda make: make.__name__)
def test_decay_that_is_forgotten_or_doubled_is_found(make, factor, monkeypatch):
    """The weights of a net shrink otherwise than somebody was told."""

    def changed(optimizer, _model):
        optimizer.param_groups[0]["weight_decay"] *= factor

    def back(optimizer, _model):
        optimizer.param_groups[0]["weight_decay"] = 0.1

    found = refuted(wrong_step(monkeypatch, lambda m: make(m.parameters(), 0.01, weight_decay=0.1), changed, back))
    assert {"0.weight.update", "2.bias.update"} <= found


def test_the_rate_of_another_group_is_found(monkeypatch):
    """A group is stepped with the settings of its neighbour."""

    def make(model):
        return optim.Adam([{"params": model[0].parameters(), "lr": 0.01}, {"params": model[2].parameters(), "lr": 0.02}])

    def swapped(optimizer, _model):
        optimizer.param_groups[1]["lr"] = 0.01

    assert refuted(wrong_step(monkeypatch, make, swapped)) == {"2.weight.update", "2.bias.update"}


def test_a_stale_gradient_is_found(monkeypatch):
    """A step with the gradient of another batch."""

    def stale(_optimizer, model):
        model[0].bias.grad = torch.ones_like(model[0].bias)

    found = refuted(wrong_step(monkeypatch, lambda m: optim.SGD(m.parameters(), 0.1), stale))
    assert found == {"0.bias.update"}


def test_who_has_no_gradient_stays(monkeypatch):
    """A parameter without a gradient is moved by its decay, and nobody sees it."""

    def moved(_optimizer, model):
        with torch.no_grad():
            model.idle.mul_(0.999)

    def make(model):
        model.register_parameter("idle", torch.nn.Parameter(torch.ones(3, dtype=torch.float64)))
        model[0].weight.requires_grad_(False)
        return optim.AdamW(model.parameters(), weight_decay=0.1)

    model = net(torch.float64)
    assert watched(model, make(model)).verdict == "certified"
    assert refuted(wrong_step(monkeypatch, make, moved)) == {"idle.update"}


UNKNOWN = {
    "AdamW has no law for betas as a tensor": lambda p: optim.AdamW(
        p, torch.tensor(0.1), (torch.tensor(0.9), torch.tensor(0.9)), foreach=False
    ),
}


@pytest.mark.parametrize("why", UNKNOWN)
def test_an_optimizer_without_a_law_is_named(why):
    """A step that nobody judged is called certified."""
    model = net()
    step = watched(model, UNKNOWN[why](model.parameters()))
    assert step.verdict == "certified in part"
    assert [one for one in named(step) if why in one and "0.weight" in one]


def test_a_model_with_a_sparse_gradient_is_checked():
    """If this fails, `check` ends in torch's error for every model whose embedding is sparse."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Embedding(5, 3, sparse=True), torch.nn.Linear(3, 3))
    found = bpcompare.check(model, torch.tensor([1, 2, 2]), loss=lambda y: y.square().sum())
    assert found.verdict == "certified", str(found)


def test_a_sparse_gradient_is_named():
    """A lazy update is judged by a rule that is another one, or ends in a traceback."""
    model = torch.nn.Sequential(torch.nn.Embedding(5, 3, sparse=True), torch.nn.Linear(3, 3))
    optimizer = optim.SGD(model.parameters(), 0.1)
    with bpcompare.watch(model) as step:
        model(torch.tensor([1, 2, 2])).pow(2).sum().backward()
        optimizer.step()
    assert not step.refuted
    assert [one for one in named(step) if "0.weight" in one and "sparse" in one]
    assert "0.weight.gradient" in {claim.path for _, claim, _ in step.findings}


def test_a_closure_is_watched():
    """What an optimizer starts from is what its closure leaves, not what stood there before."""
    model = net()
    optimizer = optim.Adam(model.parameters())

    def closure():
        optimizer.zero_grad()
        return backward(model)

    with bpcompare.watch(model) as step:
        optimizer.step(closure)
    assert step.verdict == "certified", str(step)
    assert "0.weight.update" in {claim.path for _, claim, _ in step.findings}


def test_a_step_that_breaks_off_is_named():
    """Code that catches its error goes on, and nothing of it is recorded any more."""
    model = net()
    optimizer = optim.SGD(model.parameters(), 0.1)

    def closure():
        raise ValueError

    with bpcompare.watch(model) as step:
        backward(model)
        with pytest.raises(ValueError):
            optimizer.step(closure)
        optimizer.zero_grad()
        backward(model)
        optimizer.step()
    assert not step.refuted
    assert named(step) == ["SGD.step 1: it did not end"]
    assert "2.bias.update" in {claim.path for _, claim, _ in step.findings}


def test_two_optimizers_and_a_swapped_order():
    """Of two nets, each is stepped by its own optimizer, and what is left in the other's gradients is told, too."""
    maker, critic = net(), torch.nn.Sequential(torch.nn.Linear(3, 1))
    first, second = optim.Adam(maker.parameters()), optim.RMSprop(critic.parameters())
    x = torch.randn(8, 5, generator=torch.Generator().manual_seed(3))
    with bpcompare.watch({"g": maker, "d": critic}) as step:
        for _ in range(2):
            fake = maker(x)
            second.zero_grad()
            critic(fake.detach()).mean().backward()
            second.step()
            first.zero_grad()
            (-critic(fake).pow(2).mean()).backward()
            first.step()
    assert step.verdict == "certified", str(step)


def test_what_a_rate_as_a_narrow_tensor_can_say():
    """A float32 rate in a float64 net rounds the step: an honest one is called wrong, or a coarse one sharp."""
    model = net(torch.float64)
    step = watched(model, optim.AdamW(model.parameters(), torch.tensor(0.01)))
    sharp = {claim.path: finding.power for _, claim, finding in step.findings}
    assert step.verdict == "certified"
    assert sharp["0.weight.update"] > 1e-7
    assert sharp["0.weight.m"] < 1e-12
