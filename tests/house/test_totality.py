"""Nothing is listed in one place and missing in another."""

from bpcompare.engine.registry import Broken, resolve
from bpcompare.laws import LAWS
from bpcompare.ops import ACTIVATIONS, ERRORS, LAYERS, OPS, PENALTIES, UPDATES, Op
from bpcompare.ops.call import Call
from bpcompare.ops.rule import Rule


def test_every_op_has_a_law():
    """An op could be run but not judged."""
    assert set(LAWS.ops) == {*LAYERS, *ACTIVATIONS, *ERRORS, *PENALTIES}
    assert set(LAWS.updates) == set(UPDATES)


def test_ops_have_names_of_their_own():
    """Two ops of one name: a spec that names it would mean either."""
    listed = (*LAYERS, *ACTIVATIONS, *ERRORS, *PENALTIES, *UPDATES)
    assert len(OPS) == len(listed)
    assert all(OPS[op.name] is op for op in listed)


def test_every_op_is_listed():
    """An op that somebody wrote could be forgotten in the list, and with it in every totality test."""

    def concrete(op):
        own = {op} if "name" in vars(op) and op.__module__.startswith("bpcompare.") else set()
        return own.union(*(concrete(sub) for sub in op.__subclasses__()))

    assert concrete(Op) == {*OPS.values(), Call, Rule}  # of no spec: their functions and rules have laws by name


def test_every_op_says_what_it_is():
    """`bpcompare ops NAME` would have nothing to say."""
    for op in OPS.values():
        assert op.equations, op.name
        assert op.__doc__, op.name


def test_our_backends_keep_the_contract():
    """A backend of ours could lack a row that it does not declare as a gap."""
    for name in ("delta", "torch", "jax"):
        status = resolve(name)
        assert not isinstance(status, Broken), status.reason
