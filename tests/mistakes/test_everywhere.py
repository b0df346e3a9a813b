"""Wrong laws of many owners, made when they are asked for."""

from bpcompare import ops
from bpcompare.laws import LAWS
from bpcompare.mistakes.mistake import Altered, Everywhere, Memory, Sabotaged, at_activations, at_updates
from bpcompare.testing.nodes import nodes

NETWORK = nodes(20, 4)


def wrong(made, memory=False):
    """A maker that keeps in `made` where it was asked; it makes none at n3."""

    def make(_network, name, law):
        made.append(name)
        return None if name == "n3" else Altered(law, (), Memory() if memory else None, delta=lambda at: at.dy)

    return make


def test_only_what_is_asked_for_is_made():
    """Ten thousand laws would be made to find out that the first of them shows, and no time be left for other mistakes."""
    made = []
    found = at_activations(wrong(made), ops.Sigmoid)(NETWORK, LAWS)
    table = Sabotaged(LAWS, found)
    assert not made
    assert found
    assert made == ["n0"]
    assert isinstance(table.of("n7.g", ops.Sigmoid()), Altered)
    assert table.of("n7.g", ops.Sigmoid()) is table.of("n7.g", ops.Sigmoid())
    assert made == ["n0", "n7"]
    assert table.of("n3.g", ops.Sigmoid()) is LAWS.of("n3.g", ops.Sigmoid())
    assert table.of("n5", ops.Dense(1)) is LAWS.of("n5", ops.Dense(1))


def test_all_of_them_are_there():
    """A mistake that is made everywhere would be planted, or looked for, at some nodes only."""
    found = at_activations(wrong([]), ops.Sigmoid)(NETWORK, LAWS)
    names = [f"{name}.g" for name in NETWORK.order if name != "n3"]
    assert list(found) == names
    assert len(found) == len(names)
    assert "n3.g" not in found
    assert "n4" not in found
    assert "n4.g" in found
    assert dict(found).keys() == set(names)
    assert not at_activations(wrong([]), ops.Tanh)(NETWORK, LAWS)
    assert list(at_updates(lambda *_: object(), ops.Sgd)(NETWORK, LAWS)) == list(NETWORK.trainable) or not isinstance(
        NETWORK.update, ops.Sgd
    )


def test_what_was_seen_in_one_run_is_no_part_of_another():
    """A law would read in the first step what another run left in it."""
    found = at_activations(wrong([], memory=True), ops.Sigmoid)(NETWORK, LAWS)
    table = Sabotaged(LAWS, found)
    assert table.remembers
    law = table.of("n6.g", ops.Sigmoid())
    law.memory.keep("in", 1.0)
    table.next_step()
    assert law.memory.recall("in") == 1.0
    table.begin()
    assert law.memory.recall("in") is None
    assert isinstance(found, Everywhere)
    assert not Sabotaged(LAWS, at_activations(wrong([]), ops.Sigmoid)(NETWORK, LAWS)).remembers
