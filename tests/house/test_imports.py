"""What importing bpcompare brings along."""

import subprocess
import sys

import pytest

FRAMEWORKS = {"torch", "jax", "jaxlib", "optax", "bpcompare_delta", "bpcompare_torch", "bpcompare_jax"}


def _imported(code):
    code = f"import sys; {code}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return {name.partition(".")[0] for name in done.stdout.split()}


@pytest.mark.parametrize(
    "module",
    ["bpcompare", "bpcompare.registry", "bpcompare.worker", "bpcompare.certificate", "bpcompare.storage", "bpcompare.draw"],
)
def test_no_framework(module):
    """`bpcompare --help` would take seconds, and fail where a framework is not installed or broken."""
    assert not FRAMEWORKS & _imported(f"import {module}")


def test_what_a_worker_imports():
    """A backend in another environment would need our whole dependency list beside its framework."""
    code = "import bpcompare.ops, bpcompare.network, bpcompare.plan, bpcompare.record, bpcompare.backend, bpcompare.autodiff"
    unwanted = {"pydantic", "rich", "cyclopts", "scipy", "safetensors", "tree_sitter", "tree_sitter_toml"}
    assert not (FRAMEWORKS | unwanted) & _imported(code)
