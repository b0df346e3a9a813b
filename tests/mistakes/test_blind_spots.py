"""Blind spots: what no step of a run shows, and what is said where nobody looked."""

import json
from dataclasses import replace

import pytest

import bpcompare
from bpcompare.mistakes import MISTAKES, blind
from bpcompare.page import page
from bpcompare.report import text
from bpcompare.testing.nodes import nodes
from mistaken_networks import NETWORKS
from places import EXAMPLES

SECOND = {"BP224", "BP308", "BP309", "BP422"}
"""Mistakes that read from the step before."""


def _steps(net, steps):
    return replace(net, training=replace(net.training, steps=steps))


def test_what_the_second_step_shows_is_no_blind_spot():
    """The digits start with biases of 0, so their first step cannot show a forgotten bias; their second can, and does."""
    digits = bpcompare.load(EXAMPLES / "digits.toml")
    one, two = (bpcompare.run(digits, ["delta"], steps=steps) for steps in (1, 2))
    assert "BP501" in one.unseen
    assert set(two.unseen) == set()
    assert (one.searched, two.searched) == (1, 2)
    assert bpcompare.run(digits, ["delta!BP501"], steps=2).verdict == "wrong"


@pytest.mark.parametrize("net", [NETWORKS[0], NETWORKS[7], NETWORKS[-1]], ids=lambda net: net.name)
def test_one_step_is_blind_to_what_reads_from_the_step_before(net):
    """A loop that never clears its gradients passes a run of one step, and nobody would say that it could not have failed."""
    can = {code for code in SECOND if MISTAKES[code].applies(net)}
    assert {"BP308", "BP422"} <= can
    assert set(bpcompare.run(net, ["delta"]).unseen) & SECOND == can
    assert set(bpcompare.run(_steps(net, 2), ["delta"]).unseen) & SECOND == set()


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    "name", ["mazur", pytest.param("xor", marks=pytest.mark.slow), pytest.param("shared", marks=pytest.mark.slow), "skip"]
)
def test_blind_spots_are_what_saboteurs_get_away_with_in_every_step(name):
    """What is listed would be caught, or what is not listed would pass."""
    net = _steps(bpcompare.load(EXAMPLES / f"{name}.toml"), 2)
    unseen = bpcompare.run(net, ["delta"]).unseen
    for code, mistake in MISTAKES.items():
        if mistake.applies(net):
            comparison = bpcompare.run(net, [f"delta!{code}"], oracle="off")
            assert (comparison.verdict != "wrong") == (code in unseen), code


@pytest.mark.slow
def test_exact_mode_says_that_nobody_looked():
    """“identical, every bit is compared” would be read as “nothing can hide”."""
    comparison = bpcompare.run(bpcompare.load(EXAMPLES / "exact.toml"), ["delta"], exact=True)
    why = "exact mode draws numbers so that nothing rounds, not so that mistakes show"
    assert f"blind to   not searched: {why}" in text(comparison)
    assert json.loads(comparison.to_json())["blind_spots"] == {
        "searched": False,
        "steps": 0,
        "codes": [],
        "reason": why,
        "untried": [],
    }
    assert f"Not searched: {why}." in page(comparison)


def _ticking(monkeypatch, ticks):
    """Every look at the clock takes a second, and the search has time for so many. The looks are added to what is returned."""
    looks = []
    monkeypatch.setattr(blind, "thread_time", lambda: looks.append(0) or len(looks))
    monkeypatch.setattr(blind, "SECONDS", ticks)
    return looks


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("net", "ticks"), [(NETWORKS[0], 0), (NETWORKS[0], 12), (nodes(200), 6)], ids=["at once", "on the way", "many nodes"]
)
def test_what_the_search_did_not_come_to_is_named(monkeypatch, net, ticks):
    """Silence about what was not tried would be taken for “no blind spots”."""
    every = {code for code, mistake in MISTAKES.items() if mistake.applies(net)}
    whole = bpcompare.run(net, ["delta"])
    assert whole.untried == ()
    _ticking(monkeypatch, ticks)
    comparison = bpcompare.run(net, ["delta"])
    tried = every - set(comparison.untried)
    assert (not tried) == (ticks == 0)
    assert comparison.untried
    assert set(comparison.unseen) == set(whole.unseen) & tried
    assert f"{len(comparison.untried)} more could not be tried in" in " ".join(text(comparison).split())
    assert json.loads(comparison.to_json())["blind_spots"]["untried"] == list(comparison.untried)
    assert "For these the search had no time" in page(comparison)


def test_claims_about_very_large_arrays_are_not_asked(monkeypatch):
    """A mistake that only they could show would be called a blind spot, or they would take more memory than the verdict."""
    whole = bpcompare.run(NETWORKS[0], ["delta"])
    monkeypatch.setattr(blind, "LARGE", 0)  # of E, a scalar, alone is asked
    comparison = bpcompare.run(NETWORKS[0], ["delta"])
    assert set(comparison.unseen) <= set(whole.unseen)
    assert "BP301" in comparison.untried


def test_without_a_right_backend_nobody_looks():
    """Blind spots of wrong numbers would be blind spots of nothing."""
    comparison = bpcompare.run(NETWORKS[0], ["delta!BP101"])
    assert comparison.unseen is None
    assert "none is" in json.loads(comparison.to_json())["blind_spots"]["reason"]


def test_a_long_run_is_searched_as_far_as_that_is_cheap(monkeypatch):
    """A thousand steps in which a mistake cannot show would be searched to the end, for longer than the verdict takes."""
    net = _steps(bpcompare.load(EXAMPLES / "shared.toml"), 12)
    looks = _ticking(monkeypatch, 10**9)
    whole = bpcompare.run(net, ["delta"])
    assert whole.unseen == ("BP421",)  # every row is read in every step
    assert whole.searched == 12
    assert "this spec and data cannot show" in text(whole)
    _ticking(monkeypatch, len(looks) - 5)
    part = bpcompare.run(net, ["delta"])
    assert 1 < part.searched < 12
    assert set(whole.unseen) <= set(part.unseen)
    assert f"the first {part.searched} steps of 12 cannot show (the others were not searched)" in " ".join(text(part).split())
    assert f"the first {part.searched} of 12 steps; the others were not searched" in page(part)
    assert json.loads(part.to_json())["blind_spots"]["steps"] == part.searched


def test_nobody_waits_for_what_nobody_looks_at(monkeypatch):
    """A run in a loop would spend half a second each time on blind spots that no report shows."""
    from bpcompare.session import conductor

    asked = []
    honest = conductor._unseen
    monkeypatch.setattr(conductor, "_unseen", lambda *given: asked.append(1) or honest(*given))
    comparison = bpcompare.run(EXAMPLES / "mazur.toml", ["delta"])
    assert comparison.verdict == "certified"
    assert asked == []
    assert (comparison.unseen, comparison.searched, comparison.untried) == (comparison.blind.codes, 1, ())
    assert str(comparison)
    assert asked == [1]
