"""The page of a network with more quantities than anybody scrolls through."""

import re
from dataclasses import replace

import numpy as np
import pytest

from bpcompare.engine.worker import InProcess
from bpcompare.page import Wishes, page, selected
from bpcompare.plan.draw import plan as draw
from bpcompare.session import judge
from bpcompare.testing.nodes import nodes
from bpcompare_delta import Delta

NODES = 120


@pytest.fixture(scope="module")
def run():
    """A graph of single nodes, and what delta makes of it."""
    plan = draw(nodes(NODES, 5), "float32")
    return plan, InProcess().run(Delta, plan)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """As if it were large."""
    monkeypatch.setattr(selected, "MOST", 100)


def spoilt(record, *names):
    """With another Δ at some nodes."""
    step = record.steps[0]
    delta = {name: x * np.float32(1.5) if name in names else x for name, x in step.delta.items()}
    return replace(record, steps=(replace(step, delta=delta),))


def rows(text):
    """For every statement: its rows on the page, all there are, and what is said of those that are left out."""
    parts = re.findall(r'<details class="part".*?</details>', text, re.DOTALL)
    found = {}
    for part in parts:
        shown, every = re.search(r'<span class="note">\((\d+)(?: of ([\d,]+))?\)', part).groups()
        assert part.count("<tr") - 1 == int(shown)
        said = re.search(r'<p class="note rest">(.*?)</p>', part)
        found[part.count("<tr"), re.search(r"<summary>.*?>(\w+)", part)[1]] = int(shown), every, said and said[1]
    return found


def test_a_large_graph_is_shown_in_part_and_the_page_says_so(run):
    """No browser would open it; or what is not on it would seem not to exist."""
    plan, record = run
    comparison = judge("nodes", plan, {"delta": record})
    text = page(comparison)
    found = rows(text)
    left = 0
    for shown, every, said in found.values():
        if every is not None:
            left += int(every) - shown
            assert said.startswith(f"{int(every) - shown:,} more rows are left out: all of them hold, and none is nearer")
    total = sum(shown for shown, _, _ in found.values()) + left
    assert total == len(comparison.certificates["delta"].findings)
    assert left > total / 2
    assert "the worst of every quantity among them" not in text


def test_the_nearest_to_its_bound_is_on_it(run):
    """What came nearest to being wrong would be left out, and the sentence about those that are left out be false."""
    plan, record = run
    comparison = judge("nodes", plan, {"delta": record})
    text, findings = page(comparison), comparison.certificates["delta"].findings
    for statement in ("forward", "inductive", "gradient", "update"):
        worst = max((one for one in findings if one.statement == statement), key=lambda one: one.share)
        assert f"<bdi>{worst.path}" in text, worst.path


def test_what_does_not_hold_is_on_it_wherever_it_is(run, monkeypatch):
    """A page of a wrong run would show no wrong number."""
    plan, record = run
    wrong = {"n60": "n60.delta", "n100": "n100.delta"}
    comparison = judge("nodes", plan, {"delta": record, "liar": spoilt(record, *wrong)}, oracle=False)
    assert comparison.verdict == "wrong"
    monkeypatch.setattr(selected, "EACH", 0)
    text = page(comparison)
    for path in wrong.values():
        assert f"<bdi>{path}" in text
    assert "✗ WRONG" in text
    monkeypatch.setattr(selected, "BROKEN", 1)
    said = " ".join(filter(None, (said for _, _, said in rows(page(comparison)).values())))
    assert "of them do not hold" in said


@pytest.mark.slow
def test_who_asks_for_a_node_sees_it(run):
    """There would be no way to look at a node in the middle of a large graph."""
    plan, record = run
    comparison = judge("nodes", plan, {"delta": record})
    for static in (False, True):
        assert "<bdi>n77.delta" in page(comparison, Wishes(nodes=("n77",), static=static))


def test_few_layers_are_drawn_with_what_they_read(run, monkeypatch):
    """A drawing of ten thousand boxes is megabytes of grey."""
    plan, record = run
    monkeypatch.setattr(selected, "LAYERS", 10)
    text = page(judge("nodes", plan, {"delta": record}))
    assert f"{NODES + 1 - 10} layers are not drawn" in text
    assert text.count("<rect") < 40 + 10 * 48
    assert text.count('class="edge') > 10, "what they read of the inputs, and one of another, and E"
