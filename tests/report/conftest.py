"""Comparisons to write about."""

import pytest

import bpcompare
from places import EXAMPLES


@pytest.fixture(scope="session")
def compare():
    """compare("mazur", "delta", "delta!BP204", steps=2): the comparison, made once."""
    made = {}

    def one(spec, *backends, **options):
        key = (spec, backends, tuple(sorted(options.items())))
        if key not in made:
            made[key] = bpcompare.run(bpcompare.load(EXAMPLES / f"{spec}.toml"), list(backends), **options)
        return made[key]

    return one
