"""Two programs: the same whatever their layout and their functions, or parted, at a place."""

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

import bpcompare  # noqa: E402


def checked(model, seed=1):
    """A checked step of a model of 6 numbers to 3 classes, on the same data whatever the model."""
    generator = torch.Generator().manual_seed(seed)
    x, y = torch.randn(4, 6, generator=generator), torch.randint(0, 3, (4,), generator=generator)
    return bpcompare.check(model, x, target=y, loss=nn.functional.cross_entropy)


def net(act=nn.GELU, eps=1e-5):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.LayerNorm(8, eps=eps), act(), nn.Linear(8, 3))


def test_a_model_and_itself():
    """Two equal programs would be told apart."""
    found = bpcompare.compare(checked(net()), checked(net()))
    assert (found.verdict, found.exit_code, found.first) == ("the same", 0, None)


def test_another_activation_is_named():
    """A port with another form of GELU would pass, or another layer would be sought in."""
    found = bpcompare.compare(checked(net()), checked(net(lambda: nn.GELU(approximate="tanh"))))
    assert (found.verdict, found.exit_code, found.blamed) == ("differ", 1, ())
    assert (found.first.way, found.first.first.module, found.first.second.module) == ("forward", "2", "2")


def test_other_weights_are_said_first():
    """Two functions of different weights would be compared as if they ought to give the same."""
    other = net()
    nn.init.normal_(other[3].weight)
    found = bpcompare.compare(checked(net()), checked(other))
    assert (found.verdict, found.exit_code) == ("not comparable", 2)
    assert "3.weight" in str(found)


def test_a_map_says_which_is_which():
    """Somebody who knows which parameter is which could not say so, or could say what is not so."""
    names = {f"{n}.{kind}": f"{n}.{kind}" for n in (0, 1, 3) for kind in ("weight", "bias")}
    assert bpcompare.compare(checked(net()), checked(net()), map=names).verdict == "the same"
    for wrong in ({"0.weight": "3.weight"}, {"0.wait": "0.weight"}, {"0.weight": ("1.bias", "nobody")}):
        with pytest.raises(ValueError, match="map: "):
            _ = bpcompare.compare(checked(net()), checked(net()), map=wrong).verdict


def test_a_parameter_without_partner_is_named():
    """A program that has a parameter more would be the same."""

    class More(nn.Module):
        def __init__(self):
            super().__init__()
            self.net, self.more = net(), nn.Parameter(torch.zeros(3))

        def forward(self, x):
            return self.net(x) + self.more

    found = bpcompare.compare(checked(net()), checked(More()))
    assert (found.verdict, found.exit_code) == ("the same in part", 4)
    assert ("more", "it has no partner in the first") in found.missing


def test_a_head_of_zeros_hides_nothing():
    """Two programs whose head is all zeros give the same loss: they would be the same, whatever stands before it."""

    def headless(act):
        model = net(act)
        nn.init.zeros_(model[3].weight)
        x = torch.randn(4, 6, generator=torch.Generator().manual_seed(1))
        return bpcompare.check(model, x, target=torch.tensor([0, 1, 2, 0]), loss=nn.functional.cross_entropy, wake=False)

    found = bpcompare.compare(headless(nn.GELU), headless(nn.Tanh))
    assert found.verdict == "differ", str(found)


def test_other_numbers_of_passes_are_not_comparable():
    """Gradients of one micro-batch would be held against those of two."""

    def passed(times):
        model, x = net(), torch.randn(4, 6, generator=torch.Generator().manual_seed(1))
        with bpcompare.watch(model) as step:
            for _ in range(times):
                model(x).square().mean().backward()
        return step.step

    assert bpcompare.compare(passed(2), passed(2)).verdict == "the same"
    found = bpcompare.compare(passed(1), passed(2))
    assert (found.verdict, found.exit_code) == ("not comparable", 2)
    assert "1" in str(found)


def test_updates_are_compared():
    """Two optimizers with other settings would be the same, for their gradients are."""

    def stepped(**settings):
        model, x = net(), torch.randn(4, 6, generator=torch.Generator().manual_seed(1))
        optimizer = torch.optim.AdamW(model.parameters(), **{"lr": 0.1, **settings})
        return bpcompare.check(model, x, loss=lambda y: y.square().mean(), optimizer=optimizer)

    assert bpcompare.compare(stepped(), stepped()).verdict == "the same"
    for settings, words in (({"lr": 0.01}, "learning rate"), ({"eps": 1e-7}, "epsilon"), ({"weight_decay": 0.0}, "weight_decay")):
        found = bpcompare.compare(stepped(), stepped(**settings))
        assert (found.verdict, found.first.way) == ("differ", "update"), str(found)
        assert words in "; ".join(found.first.causes)
    found = bpcompare.compare(stepped(), checked(net()))
    assert found.verdict != "the same"


def test_a_compiled_run_is_held_against_the_eager_one(monkeypatch):
    """What compiling makes of a step would not be compared: while it is watched, it runs uncompiled."""
    from bpcompare_torch.recorder import stepping

    honest = stepping._stepped

    def run(by):
        def stepped(*args):
            watched = torch.utils._python_dispatch._get_current_dispatch_mode() is not None
            found, scalar = honest(*args)
            return (found if watched else {name: g * by for name, g in found.items()}), scalar

        monkeypatch.setattr(stepping, "_stepped", stepped)
        return checked(net())

    eager = run(1.0)
    found = bpcompare.compare(eager, run(1 + 2**-51))
    assert (found.verdict, found.unwatched) == ("the same", ("the second",)), str(found)
    found = bpcompare.compare(eager, run(1.001))
    assert found.verdict == "differ", str(found)


def test_a_report_is_short_and_a_summary_is_whole():
    """A report would scroll away, or a script find other words than a person reads."""
    import json

    from bpcompare.own.pair.summary import to_json

    found = bpcompare.compare(checked(net()), checked(net()))
    assert len(str(found).splitlines()) <= 15
    content = json.loads(to_json(bpcompare.compare(checked(net()), checked(net(eps=1e-3)))))
    assert (content["verdict"], content["exit_code"]) == ("differ", 1)
    assert content["part"]["first"]["module"] == content["part"]["second"]["module"] == "1"
    assert len(content["passes"][0]["gradients"]) == 6
    assert {run["verdict"] for run in content["runs"]} == {"certified"}


def test_what_float32_cannot_tell_is_undecided():
    """A small difference would be called one, or be called none, where rounding is about as large."""
    x, y = torch.randn(4, 6, generator=torch.Generator().manual_seed(1)), torch.tensor([0, 1, 2, 0])
    steps = [
        bpcompare.check(net(act), x, target=y, loss=nn.functional.cross_entropy, as_is=True)
        for act in (nn.GELU, lambda: nn.GELU(approximate="tanh"))
    ]
    found = bpcompare.compare(*steps)
    assert (found.verdict, found.exit_code, found.first) == ("undecided", 4, None), str(found)


def test_other_data_are_said_first():
    """Other inputs, other labels or other draws of a dropout would be taken for a mistake of the port."""
    x, y = torch.randn(4, 6, generator=torch.Generator().manual_seed(1)), torch.tensor([0, 1, 2, 0])

    def given(x, y, draws=None):
        model = net() if draws is None else nn.Sequential(nn.Dropout(0.5), net())
        torch.manual_seed(draws or 0)
        return bpcompare.check(model, x, target=y, loss=nn.functional.cross_entropy)

    assert bpcompare.compare(given(x, y), given(x.clone(), y.clone())).verdict == "the same"
    for other in (given(x.flip(1) * 1.5, y), given(x / 255, y), given(x, torch.tensor([1, 1, 2, 0]))):
        found = bpcompare.compare(given(x, y), other)
        assert (found.verdict, found.exit_code) == ("not comparable", 2), str(found)
        assert "data do not hold the same numbers" in " ".join(str(found).split())
    assert bpcompare.compare(given(x, y, 1), given(x, y, 1)).verdict == "the same"
    assert bpcompare.compare(given(x, y, 1), given(x, y, 2)).verdict == "not comparable"


def test_running_statistics_are_compared():
    """A norm with another convention for its momentum would be the same until somebody evaluates the model."""

    def normed(momentum):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4, momentum=momentum), nn.Linear(4, 3))
        x = torch.randn(8, 6, generator=torch.Generator().manual_seed(1))
        return bpcompare.check(model, x, loss=lambda y: y.square().mean())

    assert bpcompare.compare(normed(0.1), normed(0.1)).verdict == "the same"
    found = bpcompare.compare(normed(0.1), normed(0.9))
    assert (found.verdict, found.first.way, found.first.second.module) == ("differ", "state", "1"), str(found)
    assert "momentum: 0.1 in the first, 0.9 in the second" in str(found)


def test_what_was_not_checked_cannot_be_compared():
    """A model instead of its step would end in an error from inside."""
    with pytest.raises(TypeError, match=r"what bpcompare\.check or a watch gave, not a Sequential"):
        bpcompare.compare(net(), net())


def test_micro_batches_are_compared_to_the_update():
    """Of a step of several backward passes the update would not be compared, or the report be as long as they are many."""

    def stepped(rate):
        model, x = net(), torch.randn(4, 6, generator=torch.Generator().manual_seed(1))
        optimizer = torch.optim.SGD(model.parameters(), lr=rate)
        with bpcompare.watch(model, optimizer) as step:
            for part in x.split(1):
                model(part).square().mean().backward()
            optimizer.step()
        return step

    found = bpcompare.compare(stepped(0.1), stepped(0.1))
    assert (found.verdict, len(found.passes), len(found.updates)) == ("the same", 4, 6), str(found)
    assert len(str(found).splitlines()) <= 15
    found = bpcompare.compare(stepped(0.1), stepped(0.2))
    assert (found.verdict, found.first.way) == ("differ", "update"), str(found)
