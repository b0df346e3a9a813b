"""Backends for tests of exact mode."""

import pytest


@pytest.fixture
def torch_backend():
    pytest.importorskip("torch")
    from bpcompare_torch import Torch

    return Torch


@pytest.fixture
def jax_backend():
    pytest.importorskip("jax")
    from bpcompare_jax import Jax

    return Jax
