"""The end of a proof's time."""

import signal
import sys
from time import monotonic

import pytest

pytest.importorskip("sympy")

from bpcompare.teach.symbolic.budget import ALGEBRA, ARRAYS, OURS, Budget

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there are no timers")
LONG = """
def waited(until):
    done = []
    while monotonic() < until:
        one()
    done.append(1)
    return done

def one():
    pass
"""


def _function(name, file):
    """A function whose code stands in a file of that name."""
    space = {"monotonic": monotonic}
    exec(compile(LONG, file, "exec"), space)
    return space[name]


@pytest.mark.parametrize("file", [f"{OURS}/laws/one.py", f"{ALGEBRA}/core/add.py"])
def test_time_ends_at_a_call(file):
    """A proof would go on for as long as SymPy likes."""
    budget, ended = Budget(0.02), []
    with budget:
        ended += _function("waited", file)(monotonic() + 5)
    assert (budget.spent, ended) == (True, [])
    assert sys.getprofile() is None


@pytest.mark.parametrize("through", ["NumPy", "a dict"])
def test_what_c_code_waits_for_is_ended_first(through):
    """An error in the middle of NumPy's work on objects, or of a cache's, has corrupted memory: Python crashed."""

    class Key:
        def __eq__(self, other):
            ended.extend(waited(monotonic() + 0.1))
            return True

        def __hash__(self):
            return 1

    waited = _function("waited", ARRAYS if through == "NumPy" else f"{ALGEBRA}/core/add.py")
    budget, ended = Budget(0.02), []
    with budget:
        if through == "NumPy":
            ended += waited(monotonic() + 0.1)
        else:
            assert {Key(): 1}[Key()] == 1
        _function("one", f"{OURS}/laws/one.py")()
        ended.append("never")
    assert (budget.spent, ended) == (True, [1])
