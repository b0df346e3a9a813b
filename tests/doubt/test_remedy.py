"""Why a mutant survived: only what was seen is said."""

import pytest

from bpcompare.tools.doubt.doubt import Doubt, Fate, fated
from bpcompare.tools.doubt.mutants import KINDS, Mutant
from bpcompare.tools.doubt.remedy import line, why
from bpcompare.tools.doubt.seen import Found, Leaf, Seen
from bpcompare.tools.doubt.suite import Run
from bpcompare.tools.doubt.text import text


def told(kind, status, largest=0.0, **seen):
    """Why a mutant of that kind survived, where that was seen."""
    mutant = Mutant(kind, 0, title=KINDS[kind].title)
    fate = Fate(mutant, status, largest=largest)
    found = Found("torch", "Swish", "Swish", ["x"])
    it = Doubt("ops:Swish", found, Seen(calls=1, leaves=[Leaf("x", shapes=[[2]])], **seen), 1, 1.0, every=False, fates=[fate])
    assert text(it)
    assert line(fate, it)
    return why([fate], it)


@pytest.mark.parametrize(
    ("kind", "seen", "words"),
    [
        ("dy-ignored", {"looked": 2}, "dy is 1 everywhere, as y.sum().backward() makes it"),
        ("dy-squared", {"looked": 2, "ones": False}, "dy holds nothing but 0 and 1"),
        ("dy-absolute", {"looked": 2, "ones": False, "flat": False}, "dy is never below 0"),
        ("dy-absolute", {"looked": 2, "ones": False, "flat": False, "negative": True}, "dy makes no difference"),
        ("dy-ignored", {"ones": False, "flat": False}, "dy makes no difference on these numbers"),
        ("dy-ignored", {}, "no test gives it a dy"),
        ("transposed", {}, "its own transpose"),
        ("sign", {}, "the gradient is 0 in every call"),
    ],
)
def test_what_never_differed(kind, seen, words):
    """A test would be said to use dy = 1 where nobody has looked, or where it does not."""
    assert words in told(kind, "same", **seen)


@pytest.mark.parametrize(
    ("kind", "largest", "words"),
    [
        ("factor", 0.001, "off by up to 0.001 of the largest element: within your tolerances, or not compared"),
        ("sign", 2.0, "off by up to 2 of the largest element: no test compares that"),
        ("last-row", 1.0, "leaves these elements out"),
        ("in-place", 1.0, "no test looks at dy after the call"),
        ("sign", 0.0, "no test compares it"),
    ],
)
def test_what_differed_and_was_not_seen(kind, largest, words):
    """Somebody would tighten a tolerance where nothing is compared."""
    assert words in told(kind, "survived", largest)


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("status", ["same", "survived"])
def test_every_kind_has_words(kind, status):
    """A KeyError instead of the table, after an hour of runs."""
    assert told(kind, status, 0.5)


@pytest.mark.parametrize(
    ("code", "seen", "status"),
    [
        (0, Seen(calls=1, differed=True), "survived"),
        (0, Seen(calls=1), "same"),
        (0, Seen(calls=1, unsure=1), "survived"),
        (0, Seen(), "unclear"),
        (1, Seen(calls=1, differed=True, failures=["test_a"]), "killed"),
        (1, Seen(calls=1, failures=["test_a"]), "unclear"),
        (1, Seen(calls=1, traced=True, failures=["test_a"]), "killed"),
        (1, Seen(calls=1, differed=True), "unclear"),
        (1, Seen(calls=1, differed=True, error="no", failures=["test_a"]), "unclear"),
        (-11, None, "killed"),
        (3, None, "unclear"),
        (0, None, "unclear"),
    ],
)
def test_what_counts_as_killed(code, seen, status):
    """A mutant that nobody noticed would be counted as noticed, or the other way round."""
    found = fated(Mutant("sign", 0), Run(code, seen, timed_out=False, seconds=1.0, printed=""))
    assert found.status == status
