"""`bpcompare audit`: what a spec and its data cannot show."""

from dataclasses import replace

import numpy as np
import pytest

import bpcompare
from bpcompare.cli import main
from bpcompare.network.draft import Draft
from bpcompare.network.parameter import Parameter
from bpcompare.ops import Adam, Dense, Relu, Sigmoid, Tanh
from bpcompare.tools.audit import audit
from bpcompare.tools.audit.text import audit_text
from places import EXAMPLES


@pytest.fixture(scope="module")
def mazur():
    return bpcompare.load(EXAMPLES / "mazur.toml")


def test_one_example_cannot_tell_sum_from_mean(mazur):
    """The best-known example of all would be taken for a test of things that it cannot test."""
    found = {spot.mistake.code: spot.remedy for spot in audit(mazur).blind}
    assert found == dict.fromkeys(["BP103", "BP107", "BP301", "BP302"], "one more example") | dict.fromkeys(
        ["BP224", "BP308", "BP309", "BP422"], "one more step"
    )


def test_a_remedy_is_one(mazur):
    """Somebody would change the data as told, and be as blind as before."""
    two = replace(mazur, data=replace(mazur.data, inputs={"x": np.array([[0.05, 0.1], [0.3, -0.2]])},
                                      target=np.array([[0.01, 0.99], [0.5, 0.2]])))  # fmt: skip
    assert [spot.mistake.code for spot in audit(two).blind] == ["BP224", "BP308", "BP309", "BP422"]
    assert audit(two, steps=2).blind == ()
    for code in ("BP103", "BP107", "BP301", "BP302"):
        assert bpcompare.run(two, ["delta", f"delta!{code}"]).backends[f"delta!{code}"].verdict == "wrong"


def test_blind_spots_are_what_saboteurs_get_away_with(mazur):
    """The audit would promise what a run does not keep: a mistake that is listed shows, or one that is not passes."""
    network = replace(mazur, update=Adam(0.01))
    for spot in audit(network).blind:
        if spot.mistake.applies(network):
            comparison = bpcompare.run(network, ["delta", f"delta!{spot.mistake.code}"])
            assert comparison.backends[f"delta!{spot.mistake.code}"].verdict != "wrong", spot.mistake.code


def test_dead_and_saturated_units_are_found_by_name():
    """A net of which half does nothing would look as good as any."""
    draft = Draft("idle", examples=4)
    draft.input("x", 2)
    draft.layer(Dense(3), "x", g=Relu())
    draft.layer(Dense(2), "l0", g=Sigmoid())
    network = draft.network()
    network = replace(
        network,
        parameters={
            **network.parameters,
            "l0.weight": Parameter(np.zeros((2, 3))),
            "l0.bias": Parameter(np.array([1.0, -1.0, 2.0])),
            "l1.bias": Parameter(np.array([0.1, 12.0])),
        },
    )
    dead, flat = (next(one for one in audit(network).idle if one.dead is kind) for kind in (True, False))
    assert (dead.layer, dead.units, dead.of) == ("l0", ((1,),), 3)
    assert (flat.layer, flat.units, flat.of) == ("l1", ((1,),), 2)
    text = audit_text(audit(network))
    assert "l0: 1 of 3 dead: Δ is 0 in every example (node l0[1])" in text
    assert "l1: 1 of 2 saturated" in text


def test_the_least_sharp_check_comes_first(mazur):
    """The number that decides what can be seen would stand at the end of a long list."""
    powers = [finding.power for finding in audit(mazur).weakest]
    assert powers == sorted(powers, reverse=True)
    comparison = bpcompare.run(mazur, ["delta"])
    assert powers[0] == comparison.power[0]


def test_a_net_without_faults_has_nothing_to_tell():
    """False alarms would teach people to ignore it."""
    draft = Draft("clean", examples=5)
    draft.input("x", 3)
    draft.layer(Dense(4), "x", g=Tanh())
    found = audit(draft.network(), steps=2)
    assert found.idle == ()
    assert found.blind == ()
    assert "none is dead" in audit_text(found)


def test_the_command(capsys, tmp_path):
    """A teacher would get a traceback."""
    assert main(["audit", str(EXAMPLES / "xor.toml"), "--dtype", "float32"]) == 0
    assert "blind spots" in capsys.readouterr().out
    assert main(["audit", str(tmp_path / "none.toml")]) == 2
    assert main(["audit"]) == 2


def test_every_node_has_its_smallest_visible_mistake(mazur):
    """A node that nobody can see would hide behind the sharpest one of its layer."""
    it = audit(mazur)
    assert {(one.layer, one.unit) for one in it.nodes} == {(layer, (unit,)) for layer in "ho" for unit in (0, 1)}
    assert all(0 < one.power < 1e-11 for one in it.nodes)
    assert list(it.nodes) == sorted(it.nodes, key=lambda one: -one.power)
    text = audit_text(it)
    assert all(name in text.partition("of node")[2] for name in ("h1", "h2", "o1", "o2"))
