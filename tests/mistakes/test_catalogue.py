"""Every mistake of the catalogue, planted and looked for. A harness that was never seen to fail was never tested."""

import importlib.util
from dataclasses import replace

import pytest

import bpcompare
from bpcompare.laws import LAWS
from bpcompare.mistakes import MISTAKES
from mistaken_networks import NETWORKS
from samples import WHOLE

WITNESSES = ["delta", "torch"] if importlib.util.find_spec("torch") else ["delta", "jax"]
if not importlib.util.find_spec("torch") and not importlib.util.find_spec("jax"):
    WITNESSES = ["delta"]

SHOWS_AT = {"1": ("base",), "2": ("base", "inductive"), "3": ("gradient",), "4": ("state", "update"), "5": ("forward", "state")}
"""The first digit of a code says in which step of the proof the mistake is made."""


def _remembers(code, network):
    return MISTAKES[code].laws(network).remembers


def _applies(code):
    """Networks that it can be made in; with two steps, if it reads from the step before."""
    found = [network for network in NETWORKS if MISTAKES[code].applies(network)]
    return [replace(one, training=replace(one.training, steps=2)) if _remembers(code, one) else one for one in found]


AT_ONCE, LATER = 2, 64 if WHOLE else 4
"""So many of the networks that a mistake can be made in are tried by the fast tests, and so many others by the slow ones."""


@pytest.mark.sampled(4)
@pytest.mark.parametrize("code", MISTAKES)
def test_a_planted_mistake_is_caught_blamed_and_named(code):
    """A wrong formula would pass, or be found in the wrong place, or be blamed on an honest backend, or not be recognized."""
    specs = _applies(code)
    assert len(specs) >= 3, "a mistake that fits fewer than three of the networks is hardly tested"
    _caught(code, specs[:AT_ONCE])


@pytest.mark.slow
@pytest.mark.parametrize("code", MISTAKES)
def test_so_it_is_in_other_networks(code):
    """A mistake would be recognized in the one network that its formula was tried on."""
    others = _applies(code)[AT_ONCE:]
    _caught(code, others[:: max(1, -(-len(others) // LATER))])


def _caught(code, specs):
    mistaken = f"delta!{code}"
    for network in specs:
        comparison = bpcompare.run(network, [*WITNESSES, mistaken])
        where = f"{network.name}: {comparison.first}"
        assert comparison.verdict == "wrong", where
        assert comparison.backends[mistaken].verdict == "wrong", where
        assert all(comparison.backends[name].verdict == "certified" for name in WITNESSES), where
        first = comparison.first
        assert (first.backend, first.code) == (mistaken, code), where
        assert first.path.startswith("step2/") == _remembers(code, network), where
        (finding,) = [one for one in comparison.certificates[mistaken].findings if one.path == first.path]
        assert finding.statement in SHOWS_AT[code[2]], where
        owners = MISTAKES[code].places(network, LAWS)
        assert _owner_of(network, first.path, owners), where
        # A gradient or Δ has the oracle; forward and update need another witness beside the law.
        if len(WITNESSES) > 1 or finding.statement in ("base", "inductive", "gradient"):
            assert first.blame == mistaken, where


def _owner_of(network, path, owners):
    """Whether the mistake is planted at the node of `path`, or at a layer that its Δ comes from."""
    place = path.rpartition("/")[2]
    if place == "error":
        return "error" in owners or any(f"{name}.penalty" in owners for name in network.penalties)
    for name in network.layers:
        if place in (f"{name}.in", f"{name}.a", f"{name}.delta"):
            near = {name, f"{name}.g", *(consumer for consumer, _ in network.consumers[name])}
            return bool(near & owners.keys()) or (network.error.of == name and "error" in owners)
    for name in owners:
        if place in (f"{name}.running_mean", f"{name}.running_var"):
            return True
    parameter = max((one for one in network.parameters if place.startswith(f"{one}.")), key=len)
    return bool({parameter, f"{parameter}.penalty"} & owners.keys()) or any(
        layer in owners for layer, _ in network.uses[parameter]
    )


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64", pytest.param("float32", marks=pytest.mark.slow)])
def test_honest_backends_pass_where_mistakes_are_planted(dtype):
    """If these networks were undecided, the test above would prove little."""
    for network in NETWORKS:
        comparison = bpcompare.run(network, WITNESSES, dtype=dtype)
        assert comparison.verdict in ("certified", "identical") or dtype == "float32", network.name
        assert comparison.verdict not in ("wrong", "not_run", "convention")


NEAR = (
    "BP112",
    "BP221",
    "BP222",
    "BP307",
    "BP308",
    "BP416",
    "BP417",
    "BP421",
    "BP422",
    "BP506",
    "BP507",
    "BP508",
    "BP509",
    "BP510",
)


@pytest.mark.sampled(4)
@pytest.mark.parametrize(
    "code",
    [
        "BP101", "BP202", "BP301", "BP403", *NEAR[::4],
        *(pytest.param(x, marks=pytest.mark.slow) for x in ("BP206", "BP401", "BP404", "BP405")),
        *(pytest.param(x, marks=pytest.mark.slow) for x in NEAR if x not in NEAR[::4]),
    ],
)  # fmt: skip
def test_float32_sees_them_too(code):
    """In float32 balls are wide; the plainest mistakes must still stand outside."""
    for network in _applies(code)[:3]:
        comparison = bpcompare.run(network, [*WITNESSES, f"delta!{code}"], dtype="float32")
        assert comparison.verdict == "wrong", network.name
        assert code in (comparison.blames[0].code, *comparison.blames[0].also), (network.name, comparison.first)


def test_a_mistake_in_the_second_step_is_found_there():
    """A run of several steps would only be judged at its first."""
    network = NETWORKS[5]
    network = replace(network, training=replace(network.training, steps=2))
    comparison = bpcompare.run(network, ["delta", "delta!BP401"])
    paths = [finding.path for finding in comparison.certificates["delta!BP401"].refuted]
    assert any(path.startswith("step2/") for path in paths)


def test_with_two_backends_and_no_oracle_nobody_is_blamed():
    """Blame without a witness is a guess."""
    for code in ("BP101", "BP202", "BP301", "BP401"):
        network = _applies(code)[0]
        comparison = bpcompare.run(network, ["delta", f"delta!{code}"], oracle="off")
        assert comparison.verdict == "wrong"
        assert comparison.first.blame is None
        if len(WITNESSES) > 1:
            comparison = bpcompare.run(network, [WITNESSES[1], f"delta!{code}"], oracle="off")
            assert comparison.first.blame in (None, f"delta!{code}")
