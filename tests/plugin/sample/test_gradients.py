"""What a user's tests look like."""

import pytest


@pytest.mark.bpcompare(specs="specs/*.toml", backends=["delta", "student.py:Student"])
def test_my_backward(bpcompare):
    bpcompare()


@pytest.mark.bpcompare(specs="specs/mlp.toml", backends=["delta", "student.py:Student"], each="backend", dtype="float32")
def test_float32(bpcompare):
    bpcompare()


def test_one_spec(bpcompare):
    comparison = bpcompare("specs/xor.toml", backends=["delta", "student.py:Student"], steps=3)
    assert comparison.verdict in ("identical", "certified")


def test_golden(golden):
    golden("specs/mlp.toml", "student.py:Student", steps=2)
