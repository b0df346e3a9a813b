"""The parts of a comparison of two programs: prints, layouts, gradients element by element."""

import numpy as np
import pytest

from bpcompare.own.pair.fitting import fitting
from bpcompare.own.pair.gradients import held, outcome
from bpcompare.own.pair.layout import alignments, natural
from bpcompare.own.pair.parameters import Match, matched
from bpcompare.own.pair.prints import Index, distance, print_of

RANDOM = np.random.default_rng(0)


def normal(*shape):
    return RANDOM.normal(size=shape)


def test_a_print_is_blind_to_layout_alone():
    """A transposed value would find no partner, or one with other numbers would."""
    x = normal(3, 4, 5)
    assert distance(print_of(x), print_of(x.transpose(2, 0, 1).reshape(5, 12))) == 0
    changed = x.copy()
    changed[0, 0, 0] += 1e-6
    assert 0 < distance(print_of(x), print_of(changed)) < 1e-5
    assert Index([("y", print_of(changed))]).near(print_of(x), 1e-5) == ["y"]
    assert Index([("y", print_of(changed))]).near(print_of(x), 1e-12) == []
    assert distance(print_of(np.array([np.inf, 1.0])), print_of(np.array([1.0, np.inf]))) == 0


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x,
        lambda x: x.transpose(3, 1, 0, 2),
        lambda x: x.reshape(6, 20),
        lambda x: x.transpose(1, 0, 2, 3).reshape(12, 10),
        lambda x: x.reshape(6, 4, 5).transpose(2, 0, 1),
    ],
    ids=["as it is", "other axes", "reshaped", "other axes, reshaped", "reshaped, other axes"],
)
def test_a_natural_layout_is_found(change):
    """Gradients of a parameter in another layout would be held against the wrong elements."""
    x, g = normal(2, 3, 4, 5), normal(2, 3, 4, 5)
    for first, second, ones, others in ((x, change(x), g, change(g)), (change(x), x, change(g), g)):
        (_, layout), *_ = natural(first, second)
        assert np.array_equal(layout(ones), others)


def test_elements_are_known_by_what_they_hold():
    """Gates in another order, or q, k and v in one matrix, would find no partner, or the wrong one."""
    x, g = normal(6, 4), normal(6, 4)
    order = [4, 5, 0, 1, 2, 3]
    (found,) = alignments(([x], [x[order]]), ([g], [g[order]]))
    assert np.array_equal(found.first([g]), found.second([g[order]]))
    assert not np.array_equal(found.first([g]), found.second([g]))
    parts = [x[4:], x[:4]]
    (found,) = alignments(([x], parts), ([g], [g[4:], g[:4]]))
    assert np.array_equal(found.first([g]), found.second([g[4:], g[:4]]))
    assert alignments(([x], [x + 1e-9]), ([g], [g])) == []


def test_elements_are_held_against_each_other():
    """Rows of a gradient that are exchanged would be the same, for as a set they are."""
    x, g = normal(3, 4), normal(3, 4)
    match = Match(("w",), ("w",), 0)
    (plain, *_) = alignments(([x], [x]), ([g], [g]))
    assert held(match, plain, (g.ravel(), g.ravel()), 1e-12).outcome == "same"
    found = held(match, plain, (g.ravel(), g[[1, 0, 2]].ravel()), 1e-12)
    assert (found.outcome, found.moved) == ("differs", True)
    found = held(match, plain, (g.ravel(), 4 * g.ravel()), 1e-12)
    assert (found.outcome, found.ratio) == ("differs", pytest.approx(0.25))
    assert held(match, plain, (np.full(12, np.nan), g.ravel()), 1e-12).outcome == "differs"
    assert held(match, plain, (np.full(12, np.nan), np.full(12, np.nan)), 1e-12).outcome == "differs"


def test_between_rounding_and_a_mistake_nothing_is_said():
    """A program that amplifies rounding would be called different, or a mistake be called rounding."""
    assert outcome(1e-13, 1e-12) == "same"
    assert outcome(1e-11, 1e-12) == "undecided"
    assert outcome(1e-10, 1e-12) == "differs"
    assert outcome(0.1, 0.5) == "undecided"
    assert outcome(0.0, 0.5) == "same"
    assert outcome(float("nan"), 1e-12) == "differs"


def test_parameters_are_matched_by_content_and_by_name():
    """A weight would be held against another one's gradient."""
    w, v = normal(3, 4), normal(4, 3)
    first = {"a.weight": w, "a.bias": np.zeros(4), "b.weight": v, "b.bias": np.zeros(4), "more": normal(2)}
    second = {"b.kernel": v.T, "b.bias": np.zeros(4), "a.kernel": w.T, "a.bias": np.zeros(4)}
    found = matched(first, second, {})
    pairs = {(*match.firsts, *match.seconds) for match in found.matches}
    assert pairs == {("a.weight", "a.kernel"), ("b.weight", "b.kernel"), ("a.bias", "a.bias"), ("b.bias", "b.bias")}
    assert (found.first_alone, found.second_alone) == (("more",), ())


def test_parameters_of_zeros_are_matched_by_their_gradients():
    """Biases that begin with zeros would be taken for one another, and their gradients be called different."""
    a, b, c = normal(4), normal(4), normal(4)
    found = fitting({"qkv": np.concatenate([a, b]), "out": c}, {"o": c, "q": a, "k": b}, 1e-12)
    assert found == [(("out",), ("o",)), (("qkv",), ("q", "k"))]
    assert fitting({"one": a}, {"other": b}, 1e-12) is None


def test_values_of_other_parameters_are_no_pair():
    """Two layers that give the same numbers would be taken for one another, and the place be sought too late."""
    torch = pytest.importorskip("torch")
    import bpcompare

    class Net(torch.nn.Module):
        def __init__(self, wrong):
            super().__init__()
            self.wrong, self.a, self.b = wrong, torch.nn.Linear(3, 3), torch.nn.Linear(3, 3)
            with torch.no_grad():
                for layer, bias in ((self.a, 1.0), (self.b, 2.0)):
                    layer.weight.copy_(torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.5]]) * bias)
                    layer.bias.fill_(0.5 * bias)

        def forward(self, x):
            h = torch.tanh(self.b(x) if self.wrong else self.a(x) * 2)
            return h + torch.sigmoid(self.b(x))

    x = torch.linspace(-0.3, 0.4, 6).reshape(2, 3)
    steps = [bpcompare.check(Net(wrong), x, loss=lambda y: y.square().mean()) for wrong in (False, True)]
    found = bpcompare.compare(*steps)
    assert found.verdict != "the same"
    partners = found.passes[0].pairing.forward.forward
    assert "sigmoid.y" in partners
    assert "tanh.y" not in partners
