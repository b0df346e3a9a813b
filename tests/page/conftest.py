"""Pages to look at, each made once."""

import pytest

import bpcompare
from bpcompare.cli.report import classes
from bpcompare.page import Wishes, page
from places import EXAMPLES


@pytest.fixture(scope="session")
def pages(tmp_path_factory):
    """pages("mazur", "delta", "torch", static=True) → (comparison, HTML)."""
    made = {}

    def one(spec, *backends, steps=None, **wishes):
        key = (spec, backends, steps, tuple(sorted(wishes.items())))
        if key not in made:
            network = bpcompare.load(EXAMPLES / f"{spec}.toml") if isinstance(spec, str) else spec
            comparison = bpcompare.run(network, list(backends), steps=steps)
            made[key] = comparison, page(comparison, Wishes(backends=classes(comparison), command="bpcompare run …", **wishes))
        return made[key]

    return one
