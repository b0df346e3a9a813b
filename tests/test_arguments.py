"""Python: what is meant is understood, and what cannot be meant is refused in a sentence that names the argument."""

import numpy as np
import pytest

import bpcompare
from bpcompare.network import SpecError
from bpcompare.report import text
from bpcompare_delta import Delta
from places import EXAMPLES

MAZUR = EXAMPLES / "mazur.toml"
ODD = [3, 2.5, True, b"mazur", [], {}, object(), np.zeros(3), int, ["mazur"], lambda: None]
ids = [type(x).__name__ + str(number) for number, x in enumerate(ODD)]


@pytest.fixture(scope="module")
def comparison():
    return bpcompare.run("mazur", "delta")


@pytest.mark.parametrize("network", ["mazur", str(MAZUR), MAZUR], ids=["name", "text", "path"])
def test_a_network_is_named_by_any_path(network):
    """What the command line takes, Python would not."""
    assert bpcompare.run(network, "delta").spec == "mazur"


@pytest.mark.parametrize("backends", ["delta", ["delta"], ("delta",), Delta, [Delta], iter(["delta"]), {"delta": 1}])
def test_one_backend_needs_no_list(backends):
    """`backends="delta"` would be five backends of one letter."""
    assert list(bpcompare.run("mazur", backends).records) == ["delta"]


@pytest.mark.parametrize("dtype", ["float32", np.float32, np.dtype("float32")], ids=["text", "type", "dtype"])
def test_a_dtype_is_taken_as_numpy_has_it(dtype):
    """np.float32 would be no dtype."""
    assert bpcompare.run("mazur", "delta", dtype).dtype == "float32"


def test_a_comparison_prints_as_its_report(comparison):
    """`print(comparison)` would print a page of dataclasses."""
    assert str(comparison) == text(comparison)
    assert repr(comparison) == "<Comparison mazur float64: certified (delta)>"


WRONG = {
    "network": [None, *ODD],
    "backends": [3, 2.5, b"delta", object(), np.zeros(3), int, [None], [3], [object()], [[]]],
    "dtype": [*ODD, "float16", "", np.int64, np.dtype("int8")],
    "exact": [3, 2.5, "no", [], np.zeros(3), object()],
    "isolate": [3, 2.5, "no", [], np.zeros(3), object()],
    "oracle": [None, *ODD, "on", ""],
    "certificate": [None, *ODD, "balls", ""],
    "laws": [None, *ODD],
    "timeout": [0, -1, float("nan"), True, "3", [], np.zeros(3), object()],
    "memory": [0, -1, 3, 2.5, True, "4G", [], np.zeros(3), object()],
    "progress": [None, 3, "x", [], np.zeros(3), int, object()],
}
CASES = [pytest.param(name, x, id=f"{name}-{number}") for name, values in WRONG.items() for number, x in enumerate(values)]


@pytest.mark.parametrize(("name", "wrong"), CASES)
def test_what_cannot_be_meant_is_refused_by_name(name, wrong):
    """Somebody would read an AttributeError from inside, or a run would go on with another meaning."""
    with pytest.raises((TypeError, ValueError)) as caught:
        bpcompare.run(**{"network": "mazur", "backends": "delta", name: wrong})
    message = str(caught.value)
    assert message.startswith(f"{name}: ")
    assert "wanted" in message or "each is" in message
    assert len(message) < 300


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize(
    ("name", "wrong"), [(name, x) for name in ("steps", "seed") for x in (-1, 2.5, True, "3", np.zeros(3), [])]
)
def test_steps_and_seed_are_whole_numbers(name, wrong, exact):
    """Exact mode would fail inside NumPy."""
    with pytest.raises(SpecError, match=f"training.{name}: must be a whole number"):
        bpcompare.run("exact", "delta", exact=exact, **{name: wrong})


@pytest.mark.parametrize("wrong", [None, *ODD], ids=["none", *ids])
def test_paths_are_paths(wrong, comparison):
    """The message would come from pathlib, and name no argument."""
    for function in (bpcompare.load, bpcompare.load_comparison, comparison.save, bpcompare.exercise):
        with pytest.raises(TypeError, match=r"(spec|saved run): a path.* is wanted, not "):
            function(wrong)


@pytest.mark.parametrize("odd", ["", "\0", "x" * 10_000, "\ud800", "no/such/file.toml"])
def test_paths_that_no_file_has_are_told(odd):
    """OSError, or a UnicodeEncodeError, would come out of a function that promises SpecError."""
    for function in (bpcompare.load, lambda path: bpcompare.run(path, "delta")):
        with pytest.raises(SpecError):
            function(odd)
    with pytest.raises((OSError, ValueError)):
        bpcompare.load_comparison(odd)


def test_one_step_of_an_exercise_needs_no_tuple():
    """A step's name would be eight steps of one letter."""
    assert bpcompare.exercise("mazur", "gradient").blank == ("gradient",)
    with pytest.raises(TypeError, match="blank: names of steps"):
        bpcompare.exercise("mazur", 3)
