"""Backends for tests of the judgement."""

import pytest


@pytest.fixture
def torch_backend():
    pytest.importorskip("torch")
    from bpcompare_torch import Torch

    return Torch
