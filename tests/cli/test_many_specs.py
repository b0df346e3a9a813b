"""Many specs in one run: none of them pays for the others."""

import weakref
from pathlib import Path

import pytest

import bpcompare
from bpcompare.cli import main

MAZUR = str(Path(__file__).parents[2] / "examples" / "mazur.toml")


@pytest.mark.sampled(5)
@pytest.mark.parametrize("form", ["text", "concise", "github", "junit", "json"])
def test_a_comparison_is_freed_before_the_next_is_made(form, monkeypatch, capsys):
    """A run of two hundred specs would hold all their numbers at once."""
    made, alive = [], []
    run = bpcompare.run

    def counted(*given, **options):
        alive.append(sum(one() is not None for one in made))
        comparison = run(*given, **options)
        made.append(weakref.ref(comparison.plan))
        return comparison

    monkeypatch.setattr(bpcompare, "run", counted)
    assert main(["run", *[MAZUR] * 5, "-b", "delta,torch,delta!BP204", "--format", form]) == 1
    assert len(made) == 5
    assert max(alive) <= 1, alive
    assert capsys.readouterr().out
