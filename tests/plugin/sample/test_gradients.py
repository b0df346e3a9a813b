"""What a user's tests look like."""

import pytest


@pytest.mark.bpcompare(specs="specs/*.toml", backends=["delta", "student.py:Student"])
def test_my_backward(bpcompare):
    """Some step of the backward pass would be wrong."""
    bpcompare()


@pytest.mark.bpcompare(specs="specs/mlp.toml", backends=["delta", "student.py:Student"], each="backend", dtype="float32")
def test_float32(bpcompare):
    """It would be wrong in float32 only."""
    bpcompare()


def test_one_spec(bpcompare):
    """It would go wrong in a later step."""
    comparison = bpcompare("specs/xor.toml", backends=["delta", "student.py:Student"], steps=3)
    assert comparison.verdict in ("identical", "certified")


def test_golden(golden):
    """An upgrade would change it."""
    golden("specs/mlp.toml", "student.py:Student", steps=2)
