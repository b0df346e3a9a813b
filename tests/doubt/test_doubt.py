"""`bpcompare doubt` on tests that see everything, on blind ones, and on such as fail by themselves."""

import json

import pytest

from bpcompare.tools.doubt.mutants import KINDS
from samples import WHOLE, sample

BLIND = ["sign", "dy-ignored", "last-row", "in-place"]


def test_blind_tests_of_numpy(doubted, project):
    """Somebody relies on tests that notice nothing, and nobody tells."""
    before = {path: path.read_bytes() for path in project("numpy").rglob("*.py")}
    found = doubted("test_blind.py", of="ops:swish_backward", only=BLIND)
    assert found.code == 1
    assert {kind: fate["status"] for kind, fate in found.fates.items()} == {
        "sign": "killed",
        "dy-ignored": "same",
        "last-row": "survived",
        "in-place": "survived",
    }
    assert found.fates["sign"]["by"] == "test_blind.py::test_one_element"
    assert "1 test runs this backward" in found.out
    assert "never differed on the numbers your tests use: dy is 1 everywhere" in found.out
    assert "bpcompare.check_gradient(swish, swish_backward, (x,)).assert_ok()" in found.out
    assert "kept = dy.copy(); swish_backward(x, dy); assert (dy == kept).all()" in found.out
    assert found.out.rstrip().endswith("killed 1 of 4  3 survived, 1 of them never differed on the numbers of your tests")
    assert all(path.read_bytes() == content for path, content in before.items()), "their files are as they were"


@pytest.mark.slow
def test_good_tests_of_numpy(doubted, project):
    """The lines that it proposes would not kill what they are proposed for."""
    project("numpy")
    found = doubted("test_good.py", of="ops:swish_backward", only=BLIND, behind=["-p", "no:cacheprovider"])
    assert (found.code, {fate["status"] for fate in found.fates.values()}) == (0, {"killed"})
    assert found.out.rstrip().endswith("killed 4 of 4")


@pytest.mark.slow
def test_a_method(doubted, project):
    """Half of the world's backwards by hand are methods of layers."""
    project("numpy")
    found = doubted("test_blind.py", of="ops:Scale.backward", only=["dy-absolute", "in-place"])
    assert [fate["status"] for fate in found.fates.values()] == ["killed", "survived"]
    assert "dy is its argument dout" in found.out
    assert "layer.backward(dy); assert" in found.out


@pytest.mark.slow
def test_a_function_of_torch(doubted, project):
    """.sum().backward() is what most tests of an autograd.Function do."""
    pytest.importorskip("torch")
    project("torch")
    found = doubted("test_blind.py", of="ops:Swish", only=["sign", "dy-ignored"])
    assert {kind: fate["status"] for kind, fate in found.fates.items()} == {"sign": "killed", "dy-ignored": "same"}
    assert "bpcompare.check_gradient(Swish, inputs=(x,)).assert_ok()" in found.out
    assert "y.backward(torch.randn_like(y)) instead of y.sum().backward()" in found.out


@pytest.mark.slow
def test_a_compiled_gradient_of_jax(doubted, project):
    """Under jit a backward is called while it is compiled: the calls of later tests would not be seen."""
    pytest.importorskip("jax")
    project("jax")
    found = doubted("test_blind.py", of="ops:swish", only=["sign", "factor"])
    assert {kind: fate["status"] for kind, fate in found.fates.items()} == {"sign": "killed", "factor": "survived"}
    assert found.fates["factor"]["off"] == pytest.approx(0.001, rel=0.01)
    assert "2 tests run this backward, 2 calls" in found.out


def test_a_suite_that_fails(doubted, project):
    """Every mutant would count as noticed."""
    (project("numpy") / "test_broken.py").write_text("def test_wrong():\n    assert 1 == 2\n")
    found = doubted("test_broken.py", "test_blind.py", of="ops:swish_backward")
    assert (found.code, found.out) == (3, "")
    assert "your suite fails without any mutant" in found.err
    assert "test_broken.py::test_wrong" in found.err


def test_no_test_runs_it(doubted, project):
    """`killed 0 of 0` would look like success."""
    (project("numpy") / "test_other.py").write_text("def test_nothing():\n    pass\n")
    found = doubted("test_other.py", of="ops:swish_backward")
    assert found.code == 1
    assert found.out.startswith("no test runs the backward of ops:swish_backward")
    assert "bpcompare.check_gradient(swish, swish_backward, (x,)).assert_ok()" in found.out


@pytest.mark.parametrize(
    ("of", "words"),
    [
        ("ops:swish_backwards", 'ops has no swish_backwards; did you mean "swish_backward"?'),
        ("nops:swish", 'there is no module nops where your tests import from; did you mean "ops"?'),
        ("ops.py:swish", "name the module as your tests import it"),
        ("ops", "is not package.module:Name"),
        ("ops:Scale", "name its method, ops:Scale.backward"),
        ("ops:np", "is a module, not a function; ops has swish_backward"),
    ],
)
def test_what_is_no_backward(doubted, project, of, words):
    """A traceback out of pytest, or mutants of nothing."""
    project("numpy")
    found = doubted("test_blind.py", of=of)
    assert (found.code, found.out) == (2, "")
    assert words in found.err


@pytest.mark.slow
def test_other_misuse(doubted, project):
    """Exit code 1 would mean that tests are blind."""
    project("numpy")
    assert "file or directory not found" in doubted("none", of="ops:swish_backward").err
    assert doubted("none", of="ops:swish_backward").code == 2
    assert 'did you mean "sign"' in doubted(of="ops:swish_backward", only=["sing"]).err
    assert "-n must be at least 1" in doubted("-n", 0, of="ops:swish_backward").err
    assert "--budget must be a positive number" in doubted("--budget", -1, of="ops:swish_backward").err
    assert "has no argument z; it has x, dy" in doubted("test_blind.py", "--dy", "z", of="ops:swish_backward").err


def test_json_alone(project, capsys):
    """A script in CI would have to read prose."""
    from bpcompare.cli import main

    project("numpy")
    assert main(["doubt", "test_blind.py", "--of", "ops:swish_backward", "--only", "factor", "--json", "-"]) == 1
    (fate,) = json.loads(capsys.readouterr().out)["mutants"]
    assert (fate["status"], fate["kills"][:24]) == ("survived", "bpcompare.check_gradient")


@pytest.mark.slow
@pytest.mark.parametrize(("name", "of"), [("numpy", "ops:swish_backward"), ("torch", "ops:Swish"), ("jax", "ops:swish")])
def test_the_whole_table_against_good_tests(doubted, project, name, of):
    """A kind of mutant that check_gradient does not see: the line that is told would kill nothing."""
    if name != "numpy":
        pytest.importorskip(name)
    project(name)
    kinds = () if name == "numpy" else sample(tuple(KINDS), 4)  # each mutant is a process that imports the framework
    found = doubted("test_good.py", of=of, only=() if WHOLE else kinds)
    alive = {fate["mutant"] for fate in found.fates.values() if fate["status"] != "killed"}
    assert alive == set(), found.out
