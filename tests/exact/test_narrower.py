"""Exact mode sees a narrower format, wherever it is used, and calls nothing identical where it could not."""

from dataclasses import replace

import numpy as np
import pytest

import bpcompare
from bpcompare import ops
from bpcompare.network import SpecError
from bpcompare.network.draft import Draft
from bpcompare.numbers.dyadic import bits
from bpcompare.proof.exact import draw, sight, unproved
from bpcompare.proof.exact.sight import NARROWER, rounded
from bpcompare.session import judge
from bpcompare.testing.cases import cases
from bpcompare_delta import Delta
from exact_networks import networks
from narrow import PLACES, narrow
from samples import WHOLE, sample
from students import mlp, spoiled

NETWORKS = networks()
OPEN = {("skip", "float32")}
"""Where no draw is found that shows every step: too many paths from too few nodes."""


def _twin():
    return spoiled(Delta, lambda step: None, "twin")


@pytest.fixture(scope="module")
def plans():
    """Exact comparisons of an honest delta with itself, each drawn once."""
    kept = {}

    def plan(name, dtype):
        if (name, dtype) not in kept:
            kept[name, dtype] = bpcompare.run(NETWORKS[name], ["delta", _twin()], exact=True, dtype=dtype)
        return kept[name, dtype]

    return plan


@pytest.mark.sampled(5)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", NETWORKS)
def test_every_step_of_the_proof_needs_more_bits(plans, name, dtype):
    """Ordinary nets would be "certified" only, and a backend in a narrower format would pass in some step."""
    comparison = plans(name, dtype)
    assert all(number > max(NARROWER[dtype].values()) for number in comparison.sight.bits.values())
    if (name, dtype) in OPEN:
        assert comparison.verdict == "certified"
    else:
        assert [str(blur) for blur in comparison.sight.blurred] == []
        assert comparison.verdict == "identical"


FORMATS = [("float64", 24), ("float64", 11), ("float64", 8), ("float32", 11), ("float32", 8)]
EVERY = [
    pytest.param(place, *form, here + there, marks=[pytest.mark.slow] * ((here + there) % len(FORMATS) > 1))
    for here, place in enumerate(PLACES)
    for there, form in enumerate(FORMATS)
]
"""Two formats at each place, by turns; the slow tests try the others. Each in every other network, but with `make whole`."""


@pytest.mark.sampled(4)
@pytest.mark.parametrize(("place", "dtype", "width", "turn"), EVERY)
def test_a_narrower_format_is_seen(plans, place, dtype, width, turn):
    """A backend in float32, TF32, float16 or bfloat16 would be called identical: every bit agrees while all numbers are short."""
    for name, network in sample(list(NETWORKS.items())[0 if WHOLE else turn % 2 :], 2):
        if "velocity" in place and not network.update.momentum:
            continue
        honest = plans(name, dtype)
        records = {"delta": honest.records["delta"], "narrow": narrow(place, width)().run(honest.plan)}
        comparison = judge(name, honest.plan, records)
        if (name, dtype) in OPEN:
            assert comparison.verdict in ("wrong", "certified"), name
        else:
            assert comparison.verdict == "wrong", name
            assert {blame.backend for blame in comparison.blames} == {"narrow"}


def test_what_is_stored_in_a_narrower_format_is_blamed_by_name():
    """Two backends that compute in float32 would outvote the law, and the report would not say what they do."""
    network = NETWORKS["dense"]
    student, other = narrow("stored in", 24), narrow("stored in", 24)
    other.name = "other"
    comparison = bpcompare.run(network, ["delta", student, other], exact=True)
    for blame in comparison.blames:
        assert (blame.blame, blame.path) == (blame.backend, "l0.in")
        assert "float32 (24 bits)" in blame.ground


@pytest.mark.slow
def test_where_it_cannot_be_seen_nothing_is_called_identical():
    """A chain of single nodes cannot hold a long weight in every layer; silence about that would be a promise."""
    network = mlp([1, 1, 1, 1], ops.Identity(), update=ops.Sgd(0.25), examples=2)
    comparison = bpcompare.run(network, ["delta", _twin()], exact=True, dtype="float32")
    assert comparison.verdict == "certified"
    assert {judged.verdict for judged in comparison.backends.values()} == {"certified"}
    assert comparison.sight.blurred
    for blur in comparison.sight.blurred:
        passed = blur.path.rpartition(".")[0] in ("l0", "l1", "l2") or blur.path.count(".") == 2 or blur.path == "error"
        assert passed, blur


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_sight_is_what_rounding_does(plans, dtype):
    """A step would be promised to show what it does not show: rounding it must change the bits, in every narrower format."""
    comparison = plans("dense", dtype)
    step = comparison.records["delta"].steps[0]
    for arrays in (step.net_in, step.a, step.delta, step.gradient, step.parameters, step.slots, {"E": step.error}):
        for path, x in arrays.items():
            for width in NARROWER[dtype].values():
                assert (rounded(x, width) != x).any(), path


@pytest.mark.sampled(3)
@pytest.mark.parametrize("dtype", ["float64", pytest.param("float32", marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", NETWORKS)
def test_honest_frameworks_have_the_same_bits(plans, name, dtype, torch_backend, jax_backend):
    """A proof that is wrong by one bit would accuse everybody who adds in another order."""
    plan = plans(name, dtype).plan
    records = {one.name: one().run(plan) for one in (Delta, torch_backend, jax_backend)}
    comparison = judge(name, plan, records)
    assert comparison.verdict == ("certified" if (name, dtype) in OPEN else "identical")
    assert all(pair.max_ulp == 0 for pair in comparison.pairs)


@pytest.mark.slow
@pytest.mark.parametrize(("dtype", "seed"), [("float64", 0), ("float32", 1)])
def test_honest_frameworks_have_the_same_bits_in_every_case(dtype, seed, torch_backend, jax_backend):
    """Some op would be proved to round nowhere, and does."""
    tried = 0
    for case in cases():
        try:
            comparison = bpcompare.run(case.network, ["delta", "torch", "jax"], exact=True, dtype=dtype, seed=seed)
        except SpecError:
            continue
        tried += 1
        assert all(pair.max_ulp == 0 for pair in comparison.pairs), case.name
        assert comparison.verdict in ("identical", "certified"), case.name
    assert tried > 10


def test_bits_are_counted_right():
    """What is printed, and what the verdict rests on, would be off."""
    numbers = np.array([0.0, 1.0, -2.0, 3.0, 0.375, 1 + 2.0**-11, 2.0**-149, 1 + 2.0**-52, -(2.0**1000)])
    assert bits(numbers).tolist() == [0, 1, 1, 2, 2, 12, 1, 53, 1]
    assert rounded(numbers, 11).tolist() == [0.0, 1.0, -2.0, 3.0, 0.375, 1.0, 2.0**-149, 1.0, -(2.0**1000)]


def test_a_plan_that_is_not_exact_is_not_believed(plans):
    """A file could say of any numbers that nothing rounds on them, and be called identical."""
    plan = bpcompare.run(mlp([3, 4, 2], ops.Tanh()), ["delta"]).plan
    record = bpcompare.run(mlp([3, 4, 2], ops.Tanh()), ["delta"]).records["delta"]
    comparison = judge("forged", replace(plan, exact=True), {"delta": record})
    assert comparison.verdict == "not_run"
    assert "round" in comparison.certificates["delta"].failure
    assert sight(plans("dense", "float64").plan).narrower == "float32"


@pytest.mark.slow
def test_sources_that_are_as_long_and_broadcast_have_a_draw():
    """[2, 1] + [1, 2] has four numbers, not the two of each source: the draw ended in an error of NumPy."""
    draft = Draft("crossed", 4)
    draft.input("x", 4)
    high, wide = (draft.layer(ops.Reshape(shape), draft.layer(ops.Dense(2), "x")) for shape in ((2, 1), (1, 2)))
    draft.layer(ops.Flatten(), draft.layer(ops.Add(), high, wide))
    assert draw(draft.network(updates_done=0, slots="zero"), "float64").exact


POOLS = [case for case in cases() if case.about is ops.MaxPool2d or case.name in ("avg_pool2d-square", "avg_pool2d-gaps")]
TURNS = [pytest.param(case, id=case.name, marks=[pytest.mark.slow] * (turn % 2)) for turn, case in enumerate(POOLS)]


@pytest.mark.sampled(4)
@pytest.mark.parametrize("case", TURNS)
def test_pools_find_a_draw(case):
    """Numbers in twins, or zeros, tie in the windows of a max-pool: no draw would be found for any net that has one."""
    plan = draw(case.network, "float32")
    assert plan.exact
    assert not unproved(plan)
