"""The list of claims is the proof: nothing is missing from it, nothing stands in it twice, and each rests on what came before."""

import pytest

from bpcompare.plan.draw import plan as draw
from bpcompare.proof.question import question
from bpcompare.proof.values import given_values
from bpcompare.testing.cases import cases
from single_nodes import graph


@pytest.mark.parametrize("case", cases()[::3], ids=lambda case: case.name)
def test_every_recorded_quantity_is_claimed_once(case):
    """A quantity without a claim could be anything."""
    plan = draw(case.network)
    network = plan.network
    wanted = ["error"]
    for name in plan.order:
        wanted += [f"{name}.in", f"{name}.a", f"{name}.delta", *plan.state_paths[name].values()]
    wanted += [f"{name}.gradient" for name in network.trainable]
    wanted += [f"{name}.update" for name in network.parameters]
    wanted += [path for paths in plan.slot_paths.values() for path in paths.values()]
    found = [claim.path for claim in question(plan).claims]
    assert sorted(found) == sorted(wanted)


@pytest.mark.parametrize("case", cases()[1::5], ids=lambda case: case.name)
def test_premises_come_before(case):
    """An induction that rests on what it has not shown yet is none."""
    plan = draw(case.network)
    known = set(given_values(plan, 1, None))
    for claim in question(plan).claims:
        missing = set(claim.premises) - known
        assert not missing, (claim.path, missing)
        known.add(claim.path)


@pytest.mark.parametrize("case", cases()[2::5], ids=lambda case: case.name)
def test_what_a_claim_reads_is_what_it_names(case):
    """A premise that is read but not named would escape the oracle, the page and the blame."""
    from bpcompare.engine.worker.in_process import InProcess
    from bpcompare.laws import LAWS
    from bpcompare.proof.values import step_values
    from bpcompare_delta import Delta

    plan = draw(case.network)
    values = step_values(plan, InProcess().run(Delta, plan))[0]
    for claim in question(plan).claims:
        read = set()

        def get(path, read=read):
            read.add(path)
            return values.given[path] if path in values.given else values.recorded[path]

        claim.value(get, LAWS)
        assert read - {"t"} <= set(claim.premises), claim.path


@pytest.mark.parametrize(
    "network", [*(case.network for case in cases()[::2]), graph(1), graph(2)], ids=lambda network: network.name
)
def test_claims_about_an_owner(network):
    """If this fails, a blind spot is one only because the claim that shows the mistake is not asked."""
    listed = question(draw(network, "float64")).claims
    owners = {owner for claim in listed for owner, _ in claim.owners}
    for owner in owners:
        asked = [place for place, claim in enumerate(listed) if owner in [one for one, _ in claim.owners]]
        assert listed.about(owner) == asked, owner
    assert listed.about("nobody") == []
