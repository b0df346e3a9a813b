"""Paths of quantities, taken apart."""

import pytest

from bpcompare.plan import Path


@pytest.mark.parametrize(
    ("path", "step", "bare", "owner", "kind", "parameter"),
    [
        ("h.delta", 1, "h.delta", "h", "delta", "h.delta"),
        ("step12/h.weight.gradient", 12, "h.weight.gradient", "h.weight", "gradient", "h.weight"),
        ("step2/gru.h.weight.update", 2, "gru.h.weight.update", "gru.h.weight", "update", "gru.h.weight"),
        ("h.weight", 1, "h.weight", "h", "weight", "h.weight"),
        ("h.weight.adam.m.before", 1, "h.weight.adam.m.before", "h.weight.adam", "m", "h.weight.adam.m"),
        ("error", 1, "error", "", "error", "error"),
        ("stepping.in", 1, "stepping.in", "stepping", "in", "stepping.in"),
        ("step3.in", 1, "step3.in", "step3", "in", "step3.in"),
    ],
)
def test_a_path_is_taken_apart(path, step, bare, owner, kind, parameter):
    """A layer that is called like a step, or a parameter of many points, would be taken for another."""
    found = Path(path)
    assert (found.step, found.bare, found.owner, found.kind, found.parameter) == (step, bare, owner, kind, parameter)


def test_a_path_says_when_it_is_of_before_the_step():
    """A slot before the step would be judged as the one after it."""
    assert Path("h.weight.adam.m.before").earlier
    assert Path("h.weight.adam.m.before").after == "h.weight.adam.m"
    assert not Path("h.weight.adam.m").earlier


def test_an_element_is_written_as_people_write_it():
    """A place in a report could not be typed into another command."""
    assert Path("step2/h.delta").element((0, 1)) == "step2/h.delta[0,1]"
    assert Path("error").element(()) == "error"
