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
    [
        "bpcompare",
        "bpcompare.engine.arithmetics",
        "bpcompare.engine.registry",
        "bpcompare.engine.worker",
        "bpcompare.proof.certificate",
        "bpcompare.proof.oracle",
        "bpcompare.session",
        "bpcompare.plan.storage",
        "bpcompare.plan.draw",
    ],
)
def test_no_framework(module):
    """`bpcompare --help` would take seconds, and fail where a framework is not installed or broken."""
    assert not FRAMEWORKS & _imported(f"import {module}")


def test_what_a_worker_imports():
    """A backend in another environment would need our whole dependency list beside its framework."""
    names = "ops", "network", "plan", "plan.record", "backend", "backend.autodiff"
    code = "; ".join(f"import bpcompare.{name}" for name in names)
    unwanted = {"pydantic", "rich", "cyclopts", "scipy", "safetensors", "tree_sitter", "tree_sitter_toml"}
    assert not (FRAMEWORKS | unwanted) & _imported(code)


def test_a_run_without_a_blame_asks_no_framework():
    """Whoever compares backends of their own would wait for torch to load, and fail where it cannot."""
    code = "import bpcompare; from bpcompare.session import run; run('mazur', ['delta'])"
    assert FRAMEWORKS & _imported(code) == {"bpcompare_delta"}
