"""Why an update is another one: what was done to gradients before it, and which rule somebody's own optimizer has instead."""

import pytest

import bpcompare

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from bpcompare.own.wrong import wrongs  # noqa: E402

DATA = [torch.randn(6, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) for seed in range(4)]


def model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 2)).double()


def loss(net, number=0):
    return net(DATA[number]).square().mean()


def watched(body, make=lambda parameters: torch.optim.SGD(parameters, 0.1, momentum=0.9)):
    """A second step; the first had a rate of 0, so that the state is not 0 and the weights are those of any other step."""
    net = model()
    optimizer = make(net.parameters())
    rate = optimizer.param_groups[0]["lr"]
    optimizer.param_groups[0]["lr"] = 0.0
    loss(net, 3).backward()
    optimizer.step()
    optimizer.param_groups[0]["lr"] = rate
    with bpcompare.watch(net, optimizer) as step:
        body(net, optimizer)
    return step


def plain(net, optimizer):
    optimizer.zero_grad()
    loss(net).backward()
    optimizer.step()


def not_zeroed(net, optimizer):
    loss(net).backward()
    optimizer.step()


def several(*, zeroed=False):
    def body(net, optimizer):
        optimizer.zero_grad()
        for number in (0, 1):
            if zeroed:
                optimizer.zero_grad()
            loss(net, number).backward()
        optimizer.step()

    return body


def cut(how, *, late=False):
    def body(net, optimizer):
        optimizer.zero_grad()
        loss(net).backward()
        if late:
            optimizer.step()
        if how == "norm":
            nn.utils.clip_grad_norm_(net.parameters(), 0.1)
        elif how == "value":
            nn.utils.clip_grad_value_(net.parameters(), 0.02)
        else:
            for parameter in net.parameters():
                nn.utils.clip_grad_norm_([parameter], 0.02)
        if not late:
            optimizer.step()

    return body


def scaled(*, undone):
    def body(net, optimizer):
        optimizer.zero_grad()
        (1024.0 * loss(net)).backward()
        for parameter in net.parameters() if undone else ():
            parameter.grad.div_(1024.0)
        optimizer.step()

    return body


GRADIENTS = {
    "not zeroed": (plain, not_zeroed, "is it not zeroed (zero_grad)?"),
    "zeroed between": (several(), several(zeroed=True), "what its last pass gives alone: are they zeroed between the passes?"),
    "not cut": (cut("norm"), plain, "they are cut to a norm of 0.1 in all; those that the second uses are what its pass gives"),
    "cut too late": (cut("norm"), cut("norm", late=True), "those that the second uses are what its pass gives"),
    "cut by value": (cut("norm"), cut("value"), "each element cut to ±0.02"),
    "cut one by one": (cut("norm"), cut("each"), "each parameter's cut to a norm of 0.02 by itself"),
    "not unscaled": (scaled(undone=True), scaled(undone=False), "divided by 1,024: a loss that was scaled is unscaled"),
}


@pytest.mark.parametrize(("right", "wrong", "words"), GRADIENTS.values(), ids=GRADIENTS)
def test_what_was_done_to_gradients_is_named(right, wrong, words):
    """A person would read that the updates differ, though the gradients are the same, and not what lies between."""
    found = bpcompare.compare(watched(right), watched(wrong))
    assert found.verdict == "differ"
    assert words in "; ".join(found.first.causes)


@pytest.mark.parametrize("body", [plain, several(), cut("norm"), cut("value"), scaled(undone=True)], ids=range(5))
def test_the_same_is_not_called_another(body):
    """Two equal steps would be told to differ in what they do to gradients."""
    assert bpcompare.compare(watched(body), watched(body)).verdict == "the same"


class Own(torch.optim.Optimizer):
    """Adam, or AdamW with `decay`, as somebody wrote it."""

    def __init__(self, parameters, *, corrected=True, inside=False, decay=0.0, stale=False, sign=1.0):
        super().__init__(parameters, {"lr": 0.1})
        self.corrected, self.inside, self.decay, self.stale, self.sign = corrected, inside, decay, stale, sign

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                self._one(p, group["lr"])

    def _one(self, p, rate):
        state = self.state[p]
        if not state:
            state |= {"m": torch.zeros_like(p), "v": torch.zeros_like(p), "t": 0}
        state["t"] += 1
        if self.decay:
            p.mul_(1 - rate * self.decay)
        before = state["m"].clone(), state["v"].clone()
        state["m"].mul_(0.9).add_(p.grad, alpha=0.1)
        state["v"].mul_(0.999).addcmul_(p.grad, p.grad, value=0.001)
        m, v = before if self.stale else (state["m"], state["v"])
        if self.corrected:
            m, v = m / (1 - 0.9 ** state["t"]), v / (1 - 0.999 ** state["t"])
        p.sub_(self.sign * rate * m / ((v + 1e-3).sqrt() if self.inside else v.sqrt() + 1e-3))


def adam(parameters):
    return torch.optim.Adam(parameters, lr=0.1, eps=1e-3)


def adamw(parameters):
    return torch.optim.AdamW(parameters, lr=0.1, eps=1e-3, weight_decay=0.1)


OPTIMIZERS = {
    "no bias correction": (adam, {"corrected": False}, "without bias correction", "BP402"),
    "ε inside": (adam, {"inside": True}, "ε inside the root", "BP403"),
    "stale moments": (adam, {"stale": True}, "before the moments are updated", "BP404"),
    "no decay": (adamw, {}, "weight decay forgotten", "BP407"),
    "uphill": (adam, {"sign": -1.0}, "step uphill", "BP409"),
}


@pytest.mark.parametrize(("make", "settings", "title", "code"), OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_the_rule_of_an_own_optimizer_is_named(make, settings, title, code):
    """An own Adam would be told to differ from torch's, and nobody would be told in what."""
    found = bpcompare.compare(watched(plain, make), watched(plain, lambda parameters: Own(parameters, **settings)))
    assert found.verdict == "differ"
    (cause,) = found.first.causes
    assert cause.startswith("in the second: ")
    assert title in cause
    assert f"bpcompare explain {code}" in cause


@pytest.mark.parametrize(("make", "decay"), [(adam, 0.0), (adamw, 0.1)], ids=["adam", "adamw"])
def test_a_right_one_is_the_same(make, decay):
    """An own optimizer that is right would be told to be another one."""
    found = bpcompare.compare(watched(plain, make), watched(plain, lambda parameters: Own(parameters, decay=decay)))
    assert found.first is None
    assert found.verdict == "the same in part"
    assert all(held.outcome == "same" for held in found.updates)
    assert len(found.updates) == 4


def test_another_rule_has_no_name():
    """A misreading would be told that gives other numbers."""

    class Stranger(Own):
        def _one(self, p, rate):
            p.sub_(rate * p.grad.tanh())

    found = bpcompare.compare(watched(plain, adam), watched(plain, Stranger))
    assert found.verdict == "differ"
    assert found.first.causes == ()


def unseen(self, p, rate):
    """Decay, something that nobody sees, and a step."""
    if rate:
        p.mul_(0.99)
        p.data.numpy()[:] *= 1.5
        p.sub_(rate * p.grad)


def unread(self, p, rate):
    """A step that does not begin with the parameter, and a number of it that nobody needs."""
    torch.add(p, 1.0)
    p.copy_((-rate * p.grad).add_(p))


@pytest.mark.parametrize("inside", [unseen, unread])
def test_what_a_parameter_becomes_is_not_guessed(inside):
    """Numbers that an optimizer only looked at would be its step, and two equal optimizers called different ones."""
    stranger = type("Stranger", (Own,), {"_one": inside})
    found = bpcompare.compare(watched(plain, adam), watched(plain, stranger))
    assert found.first is None
    assert "the second makes none that can be read" in str(found).replace("\n             ", " ")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"eps": 1e-5}, "as if ε were 1e-05, not 0.001"),
        ({"weight_decay": 0.0}, "weight decay forgotten: λ = 0 (bpcompare explain BP407)"),
    ],
)
def test_a_torch_optimizer_that_was_changed(monkeypatch, changed, words):
    """Somebody's change of an optimizer's inside would be shown as a number that is off, and no more."""
    torch.optim.AdamW([torch.zeros(1)])  # the first one of a process wraps the class's step for its hooks
    inner = torch.optim.AdamW.step.__wrapped__

    def step(self, closure=None):
        group = self.param_groups[0]
        kept = {name: group[name] for name in changed}
        group.update(changed)
        out = inner(self, closure)
        group.update(kept)
        return out

    monkeypatch.setattr(torch.optim.AdamW, "step", torch.optim.Optimizer.profile_hook_step(step))
    found = [wrong for wrong in wrongs(watched(plain, adamw)) if wrong.claim.statement == "update"]
    assert len(found) == 4
    assert all(words in wrong.cause for wrong in found), [wrong.cause for wrong in found]


def test_what_did_not_move_is_said_to_stand_still(monkeypatch):
    """A step that is left out, or rounded away, would be a factor that fits a wide ball by chance."""
    torch.optim.SGD([torch.zeros(1)])
    inner = torch.optim.SGD.step.__wrapped__

    def step(self, closure=None):
        held = [p.detach().clone() for group in self.param_groups for p in group["params"]]
        out = inner(self, closure)
        with torch.no_grad():
            for p, old in zip((p for group in self.param_groups for p in group["params"]), held, strict=True):
                p.copy_(old)
        return out

    monkeypatch.setattr(torch.optim.SGD, "step", torch.optim.Optimizer.profile_hook_step(step))
    found = [wrong for wrong in wrongs(watched(plain)) if wrong.claim.statement == "update"]
    told = {wrong.claim.subject.rpartition(".")[2]: wrong.cause for wrong in found}
    assert told == {
        "weight": "no element moved: it is what it was before the step",
        "bias": "bias not updated: b ← b (bpcompare explain BP414)",
    }
