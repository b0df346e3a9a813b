"""`bpcompare check FILE.py:NAME --inputs …`: one backward, and what else is asked of it."""

import json

import pytest

CODE = """
import numpy as np

def forward(x, w):
    return x * w

def backward(x, w, dy):
    return dy * w, dy * x

def conjugated(x, w, dy):
    return dy * np.conj(w), dy * np.conj(x)
"""


@pytest.fixture
def ask(said, tmp_path):
    """ask("--order", 2): what is said of the product of two inputs."""
    (tmp_path / "product.py").write_text(CODE)

    def call(*words, inputs="4x3,4x3", backward="backward"):
        return said("check", f"{tmp_path}/product.py:forward", "--backward", backward, "--inputs", inputs, *words)

    return call


def line(answer):
    return json.loads(answer.out)


def test_contracts_are_chosen(ask):
    """Otherwise the options of the command are others than those of the function."""
    assert [one["name"] for one in line(ask("--contracts", "linear,dy", "--json", "-"))["contracts"]] == ["dy", "linear"]
    assert line(ask("--no-contracts", "--json", "-"))["contracts"] == []
    outcomes = {one["name"]: one["outcome"] for one in line(ask("--batch", "0", "--shapes", "1,3", "--json", "-"))["contracts"]}
    assert outcomes["batch"] == outcomes["shapes"] == "kept"
    named = ask("--batch", "x,w", "--names", "x,w", "--order", "2", "--json", "-")
    outcomes = {one["name"]: one["outcome"] for one in line(named)["contracts"]}
    assert (outcomes["batch"], outcomes["second"]) == ("kept", "not tried")


def test_complex_numbers_are_drawn(ask):
    """Otherwise nobody can ask about a complex backward from the command line."""
    found = line(ask("--json", "-", inputs="4x3:complex128,4x3:complex128"))
    assert (found["verdict"], found["convention"]) == ("certified", "jax")
    answer = ask("--convention", "jax", backward="conjugated", inputs="4x3:complex128,4x3:complex128")
    assert answer.code == 1
    assert "torch's convention" in answer.out


def test_a_budget_names_what_is_left(ask):
    """Otherwise a short time looks like a full check."""
    found = ask("--budget", "0.0001s", "--json", "-")
    assert found.code == 4
    assert line(found)["left"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--contracts", "nope"], "none that is called 'nope'"),
        (["--contracts", "dy", "--no-contracts"], "one of the two"),
        (["--shapes", "many"], "numbers of rows"),
        (["--budget", "soon"], "30s"),
        (["--convention", "tf"], "'torch' or 'jax'"),
        (["--order", "3"], "1 or 2"),
    ],
)
def test_what_cannot_be_meant_is_told(ask, words, says):
    """Otherwise a slip on the command line is a traceback, or is overlooked."""
    answer = ask(*words)
    assert answer.code == 2
    assert says in answer.err


def test_they_are_for_one_function(said, tmp_path):
    """Otherwise an option of one backward is taken for one of a model, and does nothing."""
    (tmp_path / "product.py").write_text(CODE)
    answer = said("check", f"{tmp_path}/product.py:forward", "--budget", "3s")
    assert answer.code == 2
    assert "--inputs" in answer.err
