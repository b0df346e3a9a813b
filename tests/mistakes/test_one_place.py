"""Mistakes made at one place alone: one parameter's gradient or update wrong, its neighbours right."""

from dataclasses import replace

import pytest

import bpcompare
from bpcompare.engine.address import UnknownBackendError, locate
from bpcompare.laws import LAWS
from bpcompare.mistakes import MISTAKES
from bpcompare.page import page
from bpcompare.plan.draw import plan as draw
from bpcompare.proof.question import question
from bpcompare.proof.worked import values
from bpcompare.report import text
from mistaken_networks import NETWORKS, penalized

SIGMOID = NETWORKS[0]
PENALIZED = penalized(SIGMOID, "l2", "")


@pytest.mark.sampled(4)
@pytest.mark.parametrize(
    ("code", "place"),
    [
        ("BP301", "h1.bias"),
        ("BP301", "h1.weight"),
        ("BP302", "o.bias"),
        ("BP303", "h0.bias"),
        ("BP304", "h2.weight"),
        ("BP408", "h1.bias"),
        ("BP409", "o.weight"),
        ("BP310", "h1.weight"),
        ("BP311", "h0.bias"),
        ("BP312", "o.weight"),
    ],
)
def test_a_mistake_at_one_parameter_is_found_there_and_nowhere_else(code, place):
    """A bias divided by the batch twice would be told as if all gradients were: the reader looks for it in the wrong line."""
    wrong = f"delta!{code}:{place}"
    comparison = bpcompare.run(PENALIZED if code in ("BP310", "BP311", "BP312") else SIGMOID, ["delta", wrong])
    (blame,) = comparison.blames
    assert blame.path.startswith(f"{place}.")
    assert blame.code == code
    first = {finding.path for finding in comparison.certificates[wrong].refuted}
    assert first <= {f"{place}.gradient", f"{place}.update"}
    # BP303 spoils biases only: at a bias it is the whole mistake, and "alone" would say nothing.
    assert blame.alone == ("" if code == "BP303" else place)
    told = f"made at {place} alone" in text(comparison)
    assert told == bool(blame.alone)
    assert ("alone, the layer's other parameters are right" in page(comparison)) == told


@pytest.mark.slow
def test_the_whole_mistake_is_not_said_to_be_at_one_place():
    """Whoever forgot 1/B everywhere would repair one bias."""
    for network in NETWORKS[:6]:
        for code in ("BP301", "BP304", "BP408", "BP409"):
            comparison = bpcompare.run(network, ["delta", f"delta!{code}"])
            assert comparison.blames[0].alone == "", (network.name, code)
            assert "made at" not in text(comparison)


def test_a_layer_or_its_activation_can_be_the_place():
    """Only gradients could be spoilt alone, and a net in which one layer is wrong could not be rehearsed."""
    for code, place, path in (("BP202", "h1.g", "h1.delta"), ("BP501", "h2", "h2.in"), ("BP101", "error", "o.delta")):
        comparison = bpcompare.run(SIGMOID, ["delta", f"delta!{code}:{place}"])
        assert comparison.first.path == path
        assert comparison.first.code == code


def test_a_place_that_is_none_is_told():
    """A typing error in the place would be an honest run that passes."""
    comparison = bpcompare.run(SIGMOID, ["delta", "delta!BP301:h9.bias"])
    failure = comparison.certificates["delta!BP301:h9.bias"].failure
    assert "cannot be made at h9.bias; it can at h0, " in failure
    assert "h0.bias" in failure
    comparison = bpcompare.run(SIGMOID, ["delta!BP303:h1.weight"])
    assert "cannot be made at h1.weight" in comparison.certificates["delta!BP303:h1.weight"].failure
    with pytest.raises(UnknownBackendError, match="the place is missing"):
        locate("delta!BP301:")


def test_every_gradient_mistake_is_offered_at_each_parameter():
    """Numbers on paper with one wrong gradient would be explained by four other stories."""
    network = replace(SIGMOID, training=replace(SIGMOID.training, slots="zero"))
    plan = draw(network, "float64")
    listed = question(plan).claims
    right = values(plan, listed, LAWS)[0]
    for code in ("BP301", "BP302", "BP304"):
        offered = dict(MISTAKES[code].at_each_parameter(network))
        assert set(offered) == set(network.trainable)
        for parameter, laws in offered.items():
            wrong = values(plan, listed, laws)[0]
            moved = {path for path, x in wrong.items() if not (x == right[path]).all()}
            assert moved == {f"{parameter}.gradient", f"{parameter}.update"}, (code, parameter)
    assert {parameter for parameter, _ in MISTAKES["BP303"].at_each_parameter(network)} == {
        name for name in network.trainable if name.endswith("bias")
    }
