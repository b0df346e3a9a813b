"""Honest backends on random networks: forks, skips, every op, extreme scales, both dtypes. None may be called wrong."""

import pytest
from hypothesis import HealthCheck, given, settings

import bpcompare
from bpcompare.testing.networks import ACTIVATIONS, Seeded, Size, build
from bpcompare.testing.strategies import networks

QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def _no_alarm(network, backends):
    comparison = bpcompare.run(network, backends)
    assert comparison.verdict not in ("wrong", "not_run"), (comparison.first, comparison.to_json())
    if comparison.verdict == "convention":
        # Only what has a kink may be called a convention, and only at a Δ.
        path = comparison.first.path.rpartition("/")[2]
        layer, _, what = path.rpartition(".")
        assert what == "delta"
        ops = [network.layers[layer].g, *(network.layers[name].op for name, _ in network.consumers[layer])]
        ops += [network.error.op] if network.error.of == layer else []
        assert any(op.kinks for op in ops)


@given(networks())
@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=QUIET)
def test_delta_and_torch_fast(network):
    """A false alarm on an honest backend makes every true one worthless."""
    pytest.importorskip("torch")
    _no_alarm(network, ["delta", "torch"])


@pytest.mark.slow
@given(networks())
@settings(max_examples=1000, deadline=None, derandomize=True, suppress_health_check=QUIET)
def test_delta_and_torch(network):
    """A false alarm on an honest backend makes every true one worthless."""
    pytest.importorskip("torch")
    _no_alarm(network, ["delta", "torch"])


@pytest.mark.slow
@given(networks())
@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=QUIET)
def test_all_three(network):
    """A compiler that fuses and flushes must not look like a mistake."""
    pytest.importorskip("torch")
    jax = pytest.importorskip("jax")
    _no_alarm(network, ["delta", "torch", "jax"])
    jax.clear_caches()


def test_delta_alone_without_frameworks():
    """Where no framework is installed, the certificate still has to hold on random nets."""
    for number in range(100):
        comparison = bpcompare.run(build(Seeded(number)), ["delta"])
        assert comparison.verdict not in ("wrong", "not_run"), (number, comparison.first)


def test_most_nets_are_decided():
    """A harness that is undecided about everything raises no false alarm either."""
    verdicts = [bpcompare.run(build(Seeded(number)), ["delta"], dtype="float64").verdict for number in range(100)]
    assert verdicts.count("certified") > 60


def test_the_generator_uses_every_op():
    """An op that no random net contains is an op whose false alarms nobody sees."""
    from bpcompare.ops import ERRORS, LAYERS, UPDATES

    nets = [build(Seeded(number), Size()) for number in range(400)]
    seen = {type(layer.op) for net in nets for layer in net.layers.values()}
    assert seen == set(LAYERS)
    assert {type(layer.g) for net in nets for layer in net.layers.values()} == {type(g) for g in ACTIVATIONS}
    assert {type(net.error.op) for net in nets} == set(ERRORS)
    assert {type(net.update) for net in nets} == set(UPDATES)
    assert any(len(uses) > 1 for net in nets for uses in net.uses.values())
    assert any(len(consumers) > 1 for net in nets for consumers in net.consumers.values())
