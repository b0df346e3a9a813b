"""Backends in files: what stands beside them, and where they fail."""

import sys
from pathlib import Path

import numpy as np
import pytest

import bpcompare
from bpcompare.engine.address import locate
from bpcompare.engine.isolation import Isolated
from bpcompare.engine.registry import Broken, Ready, resolve
from bpcompare.engine.worker import InProcess
from bpcompare.plan.draw import plan as draw
from bpcompare_delta import Delta

MAZUR = bpcompare.load(Path(__file__).parents[1] / "examples" / "mazur.toml")
MINE = """
import steps_of_mine
from bpcompare_delta import Delta

class Mine(Delta):
    name = "mine"

    def run(self, plan):
        import late_step_of_mine
        return late_step_of_mine.done(steps_of_mine.started(super().run(plan)))
"""


@pytest.fixture
def write(tmp_path):
    """Writes a backend's file and modules beside it, in a folder of its own."""

    def put(folder, **sources):
        (tmp_path / folder).mkdir(exist_ok=True)
        for name, source in sources.items():
            (tmp_path / folder / f"{name}.py").write_text(source)
        return f"{tmp_path / folder / 'mine.py'}:Mine"

    return put


@pytest.mark.parametrize("runner", [InProcess(), Isolated(60.0)], ids=["here", "apart"])
def test_modules_beside_a_file_can_be_imported(write, runner):
    """A backend that is more than one file could not be run before it is a package."""
    name = write("one", mine=MINE, steps_of_mine="def started(x): return x", late_step_of_mine="def done(x): return x")
    record = runner.run(locate(name), draw(MAZUR))
    assert record.failure is None
    assert not {"steps_of_mine", "late_step_of_mine"} & sys.modules.keys()
    assert not any("one" in entry for entry in sys.path)


def test_a_class_that_builds_on_one_of_a_file_is_at_home_there(write):
    """The conformance kit, which tries a backend under another table, would call every gap of it real."""
    name = write("one", mine=MINE, steps_of_mine="def started(x): return x", late_step_of_mine="def done(x): return x")
    cls = resolve(name).backend
    assert InProcess().run(type("Derived", (cls,), {}), draw(MAZUR)).failure is None


def test_what_was_repaired_beside_a_file_is_read_again(write):
    """In a notebook, an author would repair a module and still be told of the old mistake."""
    right = "def started(x): return x"
    for number, source in enumerate(("def started(x): raise RuntimeError('old')", right)):
        name = write("one", mine=MINE, steps_of_mine=source + "\n" * number, late_step_of_mine="def done(x): return x")
        assert (InProcess().run(locate(name), draw(MAZUR)).failure is None) == bool(number)


def test_a_folder_that_cannot_be_looked_into_is_no_reason_to_fail(write):
    """One closed folder beside it, and no module beside a file could be imported."""
    name = write("one", mine=MINE, steps_of_mine="def started(x): return x", late_step_of_mine="def done(x): return x")
    closed = Path(name.rpartition(":")[0]).parent / "closed"
    closed.mkdir(mode=0)
    (closed.parent / "loop").symlink_to("loop")
    assert InProcess().run(locate(name), draw(MAZUR)).failure is None


def test_two_files_have_each_their_own(write):
    """Of two students with a `helper.py` each, one would be graded on the other's."""
    same = "def started(x): return x"
    first = write("one", mine=MINE, steps_of_mine=same, late_step_of_mine="def done(x): return x")
    second = write("two", mine=MINE, steps_of_mine=same, late_step_of_mine="def done(x): raise RuntimeError('the second')")
    for _ in range(2):
        assert InProcess().run(locate(first), draw(MAZUR)).failure is None
        assert "the second" in InProcess().run(locate(second), draw(MAZUR)).failure


def test_what_stands_beside_a_file_is_nobody_elses(write):
    """A file called `json.py` or `torch.py` in somebody's folder would break bpcompare, or be taken for the framework."""
    write("one", json="1 / 0", random="1 / 0", numpy="1 / 0", bpcompare="1 / 0", torch="1 / 0", rich="beside = True")
    name = write(
        "one", mine="import json, random, numpy.linalg, rich\nfrom bpcompare_delta import Delta as Mine\nassert rich.beside"
    )
    import rich

    assert isinstance(resolve(name), Ready)
    assert sys.modules["rich"] is rich
    assert not hasattr(rich, "beside")


def test_an_exception_says_in_which_line_of_the_authors_it_was_raised(write):
    """An author would see a line of bpcompare's, or none, and search."""
    name = write(
        "one", mine=MINE, steps_of_mine="def started(x):\n    return x", late_step_of_mine="\n\ndef done(x):\n    return 1 / 0"
    )
    failure = InProcess().run(locate(name), draw(MAZUR)).failure
    assert failure.startswith("ZeroDivisionError: division by zero, at late_step_of_mine.py:4\n")
    name = write("two", mine="import steps_of_mine", steps_of_mine="\n\nx = {}['no']")
    status = resolve(name)
    assert isinstance(status, Broken)
    assert status.reason.endswith("mine.py: KeyError: 'no', at steps_of_mine.py:3")
    name = write("three", mine=f"{MINE}\n    @classmethod\n    def version(cls):\n        return 1 / 0", steps_of_mine="")
    assert resolve(name).reason.endswith("division by zero, at mine.py:14")


class Scalars(Delta):
    """Returns what sums give: NumPy's scalars."""

    name = "scalars"

    def run(self, plan):
        """The error as a sum of it."""
        record = super().run(plan)
        (step,) = record.steps
        object.__setattr__(step, "error", np.sum(step.error))
        assert type(step.error) is np.float64
        return record


def test_a_scalar_of_numpy_is_an_array_without_dimensions():
    """The first thing that everybody writes, E = ½ Σ (t − a)², would be refused for its type."""
    comparison = bpcompare.run(MAZUR, [Scalars, "delta"])
    assert comparison.verdict == "identical"
    assert type(comparison.records["scalars"].steps[0].error) is np.ndarray


def test_a_scalar_of_another_precision_is_none_of_the_plans():
    """An error that was summed in float64 would pass for one in float32."""
    failure = bpcompare.run(MAZUR, [Wide, "delta"], "float32").records["wide"].failure
    assert "error: wanted float32 of shape [], got float64 of shape []" in failure


class Wide(Delta):
    """Sums the error in float64."""

    name = "wide"

    def run(self, plan):
        """The same in another precision."""
        record = super().run(plan)
        object.__setattr__(record.steps[0], "error", np.float64(record.steps[0].error))
        return record
