"""Training scripts as people write them: what is said of each."""

import pytest

from benchmarks.examples import expected, names, ran_apart

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", names())
def test_verdict_of_a_training_script(name):
    """Code that people really have would be accused, or not examined in full."""
    found = ran_apart(name)
    assert found["verdict"] == expected(name), found["output"]


def test_planted_mistake_is_named_and_ends_with_1():
    """The one script with a mistake would pass, or the mistake would be sought elsewhere."""
    found = ran_apart("custom_function_wrong")
    assert "QuickGelu.backward (own/custom_function_wrong.py" in found["output"]
    assert found["exit"] == 1
    assert ran_apart("custom_function")["exit"] == 0
