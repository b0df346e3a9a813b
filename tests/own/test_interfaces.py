"""Interfaces of torch that are its own affair: a torch that lacks one is refused in a sentence."""

import pytest

torch = pytest.importorskip("torch")

import bpcompare  # noqa: E402
from bpcompare.cli import main  # noqa: E402
from bpcompare_torch.recorder import interfaces  # noqa: E402

NET = """
from torch import nn, ones


def make():
    return nn.Linear(2, 1), ones(3, 2), None, lambda y: y.sum()
"""


@pytest.mark.parametrize("name", [f"{name}.{attribute}" for name, _, attribute in interfaces.NEEDED])
def test_each_is_there(name):
    """An interface would be asked for that no torch has, or it would be gone and nobody had noticed."""
    place, _, attribute = name.rpartition(".")
    assert place.startswith("torch")
    assert any(one[2] == attribute and hasattr(one[1], attribute) for one in interfaces.NEEDED)


@pytest.mark.parametrize("gone", range(len(interfaces.NEEDED)))
def test_a_torch_that_lacks_one_is_refused_by_its_name(monkeypatch, gone):
    """Another version of torch would be an AttributeError in the middle of somebody's step, or a step that is half seen."""
    name, _, attribute = interfaces.NEEDED[gone]
    needed = [*interfaces.NEEDED]
    needed[gone] = (name, object(), attribute)
    monkeypatch.setattr(interfaces, "NEEDED", tuple(needed))
    with pytest.raises(ImportError, match=f"has no {name}.{attribute}, which watching needs; it was tried with torch 2"):
        bpcompare.watch(torch.nn.Linear(1, 1))


def test_the_commands_say_it_in_a_line(monkeypatch, tmp_path, capsys):
    """The command would end in a traceback, or tell somebody that their own code is at fault."""
    monkeypatch.setattr(interfaces, "NEEDED", (("torch.autograd", torch.autograd, "_gone"),))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(NET)
    (tmp_path / "train.py").write_text("import torch\nmodel = torch.nn.Linear(1, 1)\nmodel(torch.ones(1, 1)).sum().backward()\n")
    for command, code in ((["check", "net.py:make"], 2), (["watch", "train.py"], 3)):
        assert main(command) == code
        (line,) = capsys.readouterr().err.strip().splitlines()
        assert "has no torch.autograd._gone, which watching needs" in line


def test_a_custom_function_whose_apply_was_kept_is_seen():
    """From torch 2.14 on, `swish = Swish.apply` goes past every class: its inside would not be examined."""

    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            return 2 * ctx.saved_tensors[0] * g

    square, model = Square.apply, torch.nn.Linear(2, 2)
    before = vars(Square)["forward"]
    with bpcompare.watch(model) as step:
        square(square(model(torch.ones(3, 2)))).sum().backward()
    assert step.verdict == "certified", str(step)
    assert vars(Square)["forward"] is before
