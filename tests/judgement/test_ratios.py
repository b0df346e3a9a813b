"""A wrong number that is a well-known multiple of the right one: the multiple is named, where no mistake of the catalogue is."""

from dataclasses import replace

import numpy as np
import pytest

import bpcompare
from bpcompare.report import text
from bpcompare_delta import Delta
from places import EXAMPLES


def scaled(factor, path="c", what="delta"):
    """A backend whose Δ, or gradient, of one layer is off by a factor."""

    class Scaled(Delta):
        name = "scaled"

        def run(self, plan):
            record = super().run(plan)
            step = record.steps[0]
            changed = {**getattr(step, what), path: factor * getattr(step, what)[path]}
            return replace(record, steps=(replace(step, **{what: changed}), *record.steps[1:]))

    return Scaled


@pytest.mark.parametrize(
    ("factor", "name"),
    [(-1.0, "−1"), (3.0, "the number of examples"), (1 / 3, "1/the number of examples"), (2.0, "2"), (0.5, "½"), (1.7, "")],
)
def test_a_constant_ratio_is_recognised(factor, name):
    """The reader sees seventeen digits and not that they are half of the others."""
    network = bpcompare.load(EXAMPLES / "skip.toml")
    comparison = bpcompare.run(network, [scaled(factor), "delta"], steps=1)
    (blame,) = comparison.blames
    assert blame.path == "c.delta"
    assert blame.code is None or factor != 1.7
    if blame.code is None:
        assert blame.ratio.partition(" times")[0] == name
        if name:
            assert f"unknown, but exactly {name} times" in " ".join(text(comparison).split())


def test_the_learning_rate_is_recognised_in_a_gradient():
    """A gradient that was multiplied by η before it was returned: the update would apply it once more."""
    network = bpcompare.load(EXAMPLES / "skip.toml")
    network = replace(network, update=replace(network.update, eta=0.3))
    comparison = bpcompare.run(network, [scaled(0.3, "a.weight", "gradient"), "delta"], steps=1)
    (blame,) = comparison.blames
    assert blame.path == "a.weight.gradient"
    assert blame.code is not None or blame.ratio.startswith("η times")


def test_a_ratio_must_hold_in_every_element():
    """One element that happens to be half as large would be explained by a factor that is nowhere else."""
    network = bpcompare.load(EXAMPLES / "skip.toml")
    factor = np.array([[0.5], [1.0], [0.5]])
    comparison = bpcompare.run(network, [scaled(factor), "delta"], steps=1)
    assert comparison.blames[0].ratio == ""
