"""What a person reads about a watched step."""

import re

import pytest

torch = pytest.importorskip("torch")

from rich.cells import cell_len  # noqa: E402
from torch import nn  # noqa: E402

import bpcompare  # noqa: E402
from bpcompare.own.wrong import Wrong  # noqa: E402
from bpcompare.text.folding import folded  # noqa: E402
from bpcompare.text.medium import Medium, laid_out_for  # noqa: E402
from watched import Hidden  # noqa: E402


@pytest.fixture(scope="module")
def forgetful(own, steps):
    """A step with a wrong backward in each of 12 blocks."""
    return steps(own.Forgetful, 12)


@pytest.fixture(scope="module")
def right(steps):
    """A step where all is well."""
    return steps(None, 12)


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("width", [60, 80, 200])
@pytest.mark.parametrize("kind", ["right", "forgetful"])
def test_it_fits(request, kind, width, plain):
    """Lines that a terminal breaks are read by nobody."""
    step = request.getfixturevalue(kind)
    with laid_out_for(Medium(width, fit=True, ascii=plain)):
        texts = str(step), step.tree()
    for text in texts:
        lines = [line for line in text.split("\n") if "reproduce" not in line]
        assert max(map(cell_len, lines)) <= width
        assert not plain or text.isascii()
    assert folded(texts[0], width).count("\n") < 60


def test_success_is_short(right):
    """A person who is told that all is well has no use for a page."""
    assert right.verdict == "certified"
    for width in (80, 118, 200):
        with laid_out_for(Medium(width, fit=True)):
            assert str(right).count("\n") < 15
    assert "\n\n" not in str(right)


def test_the_first_mistake_is_told_once_with_its_formula(forgetful):
    """Twelve times the same mistake would be twelve pages; or the reader would have to work the law out."""
    text = str(forgetful)
    assert text.count("is wrong") == 1
    words = " ".join(text.split())
    assert "0.11.act Forgetful.backward (own/conftest.py:" in words, "the first in the order of time is the last block"
    assert "also the same 11 times more: 0.10.act, 0.9.act" in words
    assert "formula 1.702 * " in words
    assert "identity.delta[" in words
    assert "numbers 1.702 * " in words
    assert "follows the gradients of " in words
    assert "step.save(path) keeps these very numbers" in words


def test_numbers_of_the_formula_give_the_law(forgetful):
    """A formula that gives another number would send its reader astray."""
    from math import exp

    for found in forgetful.refuted[:3]:
        wrong = Wrong(*found)
        _, numbers = wrong.formula
        value = eval(numbers.replace("[", "(").replace("]", ")"), {"exp": exp})
        assert value == pytest.approx(wrong.finding.expected, rel=1e-4)


@pytest.mark.parametrize(
    ("factor", "words"),
    [
        (-1.0, "every element has the wrong sign"),
        (0.5, "every element is half of the right one: is a 2 missing?"),
        (6.0, "every element is 6 times the right one: a sum over 6 rows, where their mean is meant"),
        (1 / 6, "every element is 1/6 of the right one: a mean over 6 rows, where their sum is meant"),
        (1.4, "every element is the right one times 1.4: a constant factor"),
        (0.0, "it is 0 everywhere: is it never computed, or not given back?"),
    ],
)
def test_a_constant_factor_is_named(watched, own, factor, words):
    """The most frequent mistakes are constants: half of the answer would be kept from the reader."""

    class Scaled(own.Swish):
        @staticmethod
        def backward(ctx, g):
            return factor * own.Swish.backward(ctx, g)

    step = watched(nn.Sequential(nn.Linear(4, 5), own.Activation(Scaled), nn.Linear(5, 3)))
    assert f"cause {words}" in " ".join(str(step).replace("\n", " ").split())


def test_a_weight_for_its_transpose(watched):
    """A square weight hides it from every check of shapes."""

    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, w):
            ctx.save_for_backward(x, w)
            return x @ w

        @staticmethod
        def backward(ctx, g):
            x, w = ctx.saved_tensors
            return g @ w.T, g.T @ x

    class Layer(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(torch.randn(4, 4))

        def forward(self, x):
            return Wrong.apply(x, self.w)

    step = watched(nn.Sequential(Layer(), nn.Linear(4, 3)))
    assert "cause      it is transposed" in str(step)
    assert "0  Wrong.backward" in str(step)


@pytest.mark.slow
def test_a_formula_that_would_fill_libraries_is_not_written(watched):
    """A function that uses its own results again and again has a formula that doubles each time: its report never came."""

    class Again(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            for _ in range(7):
                x = x * torch.tanh(x) + x
            return x

        @staticmethod
        def backward(ctx, g):
            return -g

    class Layer(nn.Module):
        def forward(self, x):
            return Again.apply(0.1 * x)

    step = watched(nn.Sequential(nn.Linear(4, 3), Layer()))
    assert Wrong(*step.refuted[0]).formula is None
    assert "Again.backward" in str(step)


def test_alike_modules_share_a_line(right, forgetful, steps, own):
    """A model of a hundred blocks would be a thousand lines."""
    rows = [line.split() for line in right.tree().split("\n")]
    assert [row[0] for row in rows] == ["module", "model", "0", "0–11", "dense", "act", "1"]
    assert all(row[1] == "certified" for row in rows[1:])
    assert rows[1][-2:] == ["182/182", "26/26"]
    wrong = [line.split()[:2] for line in forgetful.tree().split("\n")]
    assert ["act", "wrong"] in wrong
    assert ["dense", "certified"] in wrong
    mixed = steps(lambda number: own.Forgetful if number == 2 else None, 5)
    assert [line.split()[:2] for line in mixed.tree().split("\n") if line.startswith("    ") and line[4] != " "] == [
        ["0–1", "certified"],
        ["2", "wrong"],
        ["3–4", "certified"],
    ]


def test_what_was_not_examined_is_grouped():
    """The same sentence ten times, and the rest cut off."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 3), Hidden(), nn.Linear(3, 3), Hidden(), nn.Linear(3, 1))
    with bpcompare.watch(model) as step:
        model(torch.randn(2, 3)).sum().backward()
    assert step.verdict == "certified in part"
    assert str(step).count("unexamined") == 1
    assert step.tree().split("\n")[1].split()[:3] == ["model", "in", "part"]


def test_the_tree_counts_as_the_report_does(watched, own, model):
    """What is meant to be no derivative would be said to hold, in one of two reports."""
    step = watched(model(own.Turned), intended=[own.Turned])
    assert step.verdict == "certified"
    held, of = re.search(r"claims +(\S+) of (\S+) hold, 1 meant to differ", str(step)).groups()
    assert step.tree().split("\n")[1].split()[3] == f"{held}/{of}"
    assert held != of


def test_a_function_of_the_frameworks_own_is_told_apart():
    """Who calls a function of torch's that is wrong would look for the fault in code of theirs; and the other way round."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Tanh(), torch.nn.Linear(2, 1))
    with bpcompare.watch(model) as step:
        loss = model(torch.randn(4, 3)).sum()
        model[2].weight.data.mul_(2)  # unseen by autograd
        loss.backward()
    assert step.verdict == "wrong"
    assert "torch's own function, which your code calls" in " ".join(str(step).split())
