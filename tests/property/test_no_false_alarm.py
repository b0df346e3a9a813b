"""Honest backends on random networks: forks, skips, every op, extreme scales, both dtypes. None may be called wrong.

`make fuzz` tries thousands.
"""

import pytest
from hypothesis import HealthCheck, given, settings

import bpcompare
from bpcompare.network import SpecError
from bpcompare.ops import ACTIVATIONS, ERRORS, LAYERS, UPDATES
from bpcompare.plan.draw import plan
from bpcompare.testing.conform import able
from bpcompare.testing.growth import as_in_its_cases
from bpcompare.testing.networks import Drawing, Seeded, Size, build, extreme, ordinary, redrawn
from bpcompare.testing.strategies import networks
from samples import WHOLE

QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def _no_alarm(network, backends):
    comparison = bpcompare.run(network, able(backends, network))
    failures = [one.failure for one in comparison.certificates.values()]
    assert comparison.verdict not in ("wrong", "not_run"), (comparison.first, failures)
    if comparison.verdict == "convention":
        # Only what has a kink may be called a convention, and only at a Δ.
        path = comparison.first.path.rpartition("/")[2]
        layer, _, what = path.rpartition(".")
        assert what == "delta"
        ops = [network.layers[layer].g, *(network.layers[name].op for name, _ in network.consumers[layer])]
        ops += [network.error.op] if network.error.of == layer else []
        assert any(op.kinks for op in ops)


@given(networks())
@settings(max_examples=50, deadline=None, derandomize=True, suppress_health_check=QUIET)
def test_delta_and_torch_fast(network):
    """A false alarm on an honest backend makes every true one worthless."""
    pytest.importorskip("torch")
    _no_alarm(network, ["delta", "torch"])


@pytest.mark.slow
@given(networks())
@settings(max_examples=400 if WHOLE else 150, deadline=None, derandomize=True, suppress_health_check=QUIET)
def test_delta_and_torch(network):
    """A false alarm on an honest backend makes every true one worthless."""
    pytest.importorskip("torch")
    _no_alarm(network, ["delta", "torch"])


@pytest.mark.slow
@given(networks())
@settings(max_examples=50 if WHOLE else 15, deadline=None, derandomize=True, suppress_health_check=QUIET)
def test_all_three(network):
    """A compiler that fuses and flushes must not look like a mistake."""
    pytest.importorskip("torch")
    jax = pytest.importorskip("jax")
    _no_alarm(network, ["delta", "torch", "jax"])
    jax.clear_caches()


@pytest.mark.slow
def test_delta_alone_without_frameworks():
    """Where no framework is installed, the certificate still has to hold on random nets."""
    for number in range(40):
        comparison = bpcompare.run(build(Seeded(number)), ["delta"])
        failures = [one.failure for one in comparison.certificates.values()]
        assert comparison.verdict not in ("wrong", "not_run"), (number, comparison.first, failures)


def _at_the_ends(numbers, backends):
    """How many of these nets could be run at all; none may be called wrong."""
    ran = 0
    for number in numbers:
        choose = Seeded(number)
        try:
            network = extreme(build(choose), choose)
            comparison = bpcompare.run(network, able(backends, network))
        except SpecError:  # a number of the spec is beyond the dtype
            continue
        ran += 1
        failures = [one.failure for one in comparison.certificates.values()]
        assert comparison.verdict not in ("wrong", "not_run"), (number, comparison.first, failures)
    return ran


@pytest.mark.slow
def test_nets_at_the_ends_of_what_numbers_can_hold():
    """Overflow, denormal numbers, one example, constant channels, dead units, ties: undecided at worst."""
    pytest.importorskip("torch")
    assert _at_the_ends(range(25), ["delta", "torch"]) > 15


@pytest.mark.slow
def test_many_nets_at_the_ends_of_what_numbers_can_hold():
    """The same for more of them, with a compiler that flushes."""
    pytest.importorskip("torch")
    jax = pytest.importorskip("jax")
    assert _at_the_ends(range(1000, 1200 if WHOLE else 1100), ["delta", "torch"]) > 75
    assert _at_the_ends(range(2000, 2040 if WHOLE else 2012), ["delta", "jax"]) > 8
    jax.clear_caches()


@pytest.mark.slow
@pytest.mark.parametrize(("dtype", "most"), [("float64", 0.1), ("float32", 0.25)])
def test_most_ordinary_nets_are_decided(dtype, most):
    """A harness that is undecided about everything raises no false alarm either."""
    nets = [network for number in range(500) if ordinary(network := build(Seeded(number)))]
    assert len(nets) > 50
    verdicts = [bpcompare.run(network, ["delta"], dtype=dtype).verdict for network in nets]
    assert verdicts.count("undecided") <= most * len(nets)


def test_the_generator_uses_every_op():
    """An op that no random net contains is an op whose false alarms nobody sees."""
    nets = [build(Seeded(number), Size()) for number in range(400)]
    seen = {type(layer.op) for net in nets for layer in net.layers.values()}
    assert seen == set(LAYERS)
    assert {type(layer.g) for net in nets for layer in net.layers.values()} == set(ACTIVATIONS)
    assert {type(net.error.op) for net in nets} == set(ERRORS)
    assert {type(net.update) for net in nets} == set(UPDATES)
    assert any(len(uses) > 1 for net in nets for uses in net.uses.values())
    assert any(len(consumers) > 1 for net in nets for consumers in net.consumers.values())


@pytest.mark.parametrize("op", [op for op in LAYERS if not op.integer], ids=lambda op: op.name)
def test_a_new_op_is_drawn_as_its_cases_have_it(op):
    """An op that nobody wrote a way for would be in no random net, or end the generator in a traceback."""
    for number in range(4):
        draft = Drawing(Seeded(number), Size())
        draft.input("x", (3,))
        as_in_its_cases(draft, op, "x")
        assert op in {type(layer.op) for layer in draft.layers.values()}
        assert len(draft.shapes[list(draft.layers)[-1]]) == 1
        assert not [problem for layer in draft.layers.values() for problem in _misfits(draft, layer)]


def _misfits(draft, layer):
    return layer.op.shapes([draft.shapes[source] for source in layer.sources]).problems


@pytest.mark.parametrize("number", range(6))
def test_a_net_that_is_drawn_again_has_the_same_shapes_and_other_numbers(number):
    """The fuzz would try the same numbers several times, or compile anew for every draw of a net."""
    net = build(Seeded(number))
    again = redrawn(net, 7)
    assert (again.layers, again.error, again.update) == (net.layers, net.error, net.update)
    before, after = plan(net), plan(again)
    assert {name: x.shape for name, x in after.parameters.items()} == {name: x.shape for name, x in before.parameters.items()}
    assert any((x != before.parameters[name]).any() for name, x in after.parameters.items())
    for name, x in after.batches[0].inputs.items():
        assert (x.shape, x.dtype) == (before.batches[0].inputs[name].shape, before.batches[0].inputs[name].dtype)
        assert x.dtype.kind != "f" or (x != before.batches[0].inputs[name]).any()
