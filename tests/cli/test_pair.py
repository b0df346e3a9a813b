"""`bpcompare check A B`: two programs of somebody's own."""

import json

import pytest

torch = pytest.importorskip("torch")

MODELS = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, act):
        super().__init__()
        self.a, self.act, self.b = nn.Linear(3, 4), act, nn.Linear(4, 2)

    def forward(self, x):
        return self.b(self.act(self.a(x)))


def parts(act):
    return Net(act), torch.randn(5, 3), torch.randint(0, 2, (5,)), nn.functional.cross_entropy


def before():
    return parts(nn.GELU())


def after():
    return parts(nn.GELU(approximate="tanh"))


def others():
    torch.rand(1)
    return parts(nn.GELU())


def zeros():
    found = parts(nn.GELU())
    nn.init.zeros_(found[0].b.weight)
    return found


def failing():
    raise ValueError("no data")
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "models.py"
    path.write_text(MODELS)
    return path


def test_the_same(said, file):
    """A model and itself would be told apart: no port could ever be right."""
    found = said("check", f"{file}:before", f"{file}:before")
    assert found.code == 0
    assert found.out.startswith("the same  ")
    assert len(found.out.splitlines()) <= 15


def test_the_place_where_they_part_is_named(said, file):
    """It would be for the reader to find out in which of hundred layers the two part."""
    found = said("check", f"{file}:before", f"{file}:after", "--tree")
    assert found.code == 1
    assert "act: gelu (" in found.out
    assert "models.py:12" in found.out
    assert "approximate: none in the first, tanh in the second" in " ".join(found.out.split())
    assert "neither" in found.out
    assert found.out.count("\nmodule ") == 2


def test_other_weights_end_with_2(said, file):
    """Two functions of different weights would be called different, and the port be blamed."""
    found = said("check", f"{file}:before", f"{file}:others")
    assert found.code == 2
    assert found.out.startswith("not comparable  ")


def test_zeros_stay_zeros(said, file):
    """The copies would be woken, each with numbers of its own, and not be comparable."""
    found = said("check", f"{file}:zeros", f"{file}:zeros")
    assert found.code == 4
    assert "nothing could show" in " ".join(found.out.split())


def test_a_map_is_read(said, file):
    """Who knows which parameter is which could not say so on the command line."""
    assert said("check", f"{file}:before", f"{file}:before", "--map", "a.weight=a.weight").code == 0
    wrong = said("check", f"{file}:before", f"{file}:before", "--map", "a.weight=b.weight")
    assert (wrong.code, wrong.out) == (2, "")
    assert "do not hold the same numbers" in wrong.err


def test_a_line_of_json(said, file, tmp_path):
    """A script could not read what a person reads."""
    found = said("check", f"{file}:before", f"{file}:after", "--json", "-")
    content = json.loads(found.out)
    assert (found.code, content["verdict"], content["part"]["way"]) == (1, "differ", "forward")
    said("check", f"{file}:before", f"{file}:before", "--as-is", "--json", tmp_path / "pair.json")
    assert json.loads((tmp_path / "pair.json").read_text())["verdict"] == "the same"


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("before", "failing"), 3, "failed: ValueError: no data"),
        (("before", "befroe"), 2, "has no function befroe"),
        (("before", "before", "before"), 2, "or compares two"),
        (("before", "before", "--map", "a.weight"), 2, "write FIRST=SECOND"),
        (("before", "--map", "a.weight=a.weight"), 2, "is for two"),
    ],
)
def test_misuse_is_told(said, file, words, code, told):
    """Exit code 1 would mean that two programs differ."""
    found = said("check", *(one if one.startswith("-") or "." in one else f"{file}:{one}" for one in words))
    assert (found.code, found.out) == (code, "")
    assert told in " ".join(found.err.split())
    assert "Traceback" not in found.err
