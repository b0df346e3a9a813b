"""Forms of ops that a framework's own optimizer does not have: refused in a sentence, and rightly."""

from dataclasses import replace

import pytest

from bpcompare import ops, run
from bpcompare.engine.registry import resolve
from bpcompare.testing.conform import able
from mistaken_networks import ADAGRAD, HALF, mlp

INSIDE = ops.RmsProp(0.01, 0.9, epsilon_inside=True, epsilon=1e-3)
LIMITS = [
    ("torch", INSIDE, "rmsprop (ε inside the root: torch.optim.RMSprop adds it outside)"),
    ("torch", replace(ADAGRAD, epsilon_inside=True), "adagrad (ε inside the root: torch.optim.Adagrad adds it outside"),
    ("jax", ADAGRAD, "adagrad (ε outside the root: optax.adagrad adds it inside"),
]


@pytest.mark.parametrize(("backend", "rule", "reason"), LIMITS)
def test_a_form_that_a_framework_does_not_have(backend, rule, reason):
    """The framework's other rule would be compared, and its honest numbers called wrong."""
    pytest.importorskip(backend)
    network = mlp(ops.Tanh(), HALF, rule, widths=(2,))
    comparison = run(network, ["delta", backend])
    assert comparison.verdict == "not_run"
    assert reason in comparison.certificates[backend].failure
    assert able(["delta", backend], network) == ("delta",)
    other = replace(rule, epsilon_inside=not rule.epsilon_inside)
    assert able(["delta", backend], replace(network, update=other)) == ("delta", backend)


@pytest.mark.parametrize(("backend", "rule", "reason"), LIMITS)
def test_a_limit_is_real(backend, rule, reason):
    """Users would be kept from a form that the framework can do."""
    pytest.importorskip(backend)
    honest = resolve(backend).backend
    beyond = type("Beyond", (honest,), {"name": "beyond", "limits": {}})
    comparison = run(mlp(ops.Tanh(), HALF, rule, widths=(2,)), ["delta", beyond])
    assert comparison.backends["beyond"].verdict == "wrong"
    assert comparison.first.code == "BP424"


@pytest.mark.parametrize("place", [False, True])
def test_without_epsilon_all_have_the_same_adagrad(place):
    """There would be no adagrad that torch and JAX can be compared in."""
    for backend in ("torch", "jax"):
        pytest.importorskip(backend)
    rule = ops.Adagrad(0.1, 0.0, place, initial_accumulator=0.1)
    assert able(["torch", "jax"], mlp(ops.Tanh(), HALF, rule)) == ("torch", "jax")
