"""The matrix of mistakes: every entry of the catalogue, first, between or behind the others, under its own code everywhere."""

import json
import re
from itertools import cycle

import pytest

import bpcompare
from bpcompare.mistakes import MISTAKES
from bpcompare.page import page
from bpcompare.report import text
from bpcompare.testing.conform import able
from mistaken_networks import NETWORKS

pytestmark = pytest.mark.slow
POSITIONS = {"first": 0, "middle": 1, "last": 2}


@pytest.mark.parametrize(("code", "position"), list(zip(MISTAKES, cycle(POSITIONS), strict=False)))
def test_every_mistake_has_its_own_code_in_terminal_json_and_page(code, position):
    """The three would disagree about what is wrong, or whoever stands first would be believed."""
    for framework in ("torch", "jax"):
        pytest.importorskip(framework)
    network = min((one for one in NETWORKS if MISTAKES[code].applies(one)), key=lambda one: len(one.layers))
    wrong = f"delta!{code}"
    asked = list(able(["torch", "jax"], network))
    asked.insert(POSITIONS[position], wrong)
    comparison = bpcompare.run(network, asked, steps=2 if MISTAKES[code].laws(network).remembers else 1)
    first = json.loads(comparison.to_json())["first"]
    assert (first["code"], first["backend"], first["blame"]) == (code, wrong, wrong)
    told = text(comparison)
    assert f"cause      {code}  {MISTAKES[code].title}" in told
    assert told.splitlines()[-1].endswith(code)
    shown = " ".join(re.sub(r"</?(?:strong|bdi)>", "", page(comparison)).split())
    assert f'Cause: <a href="#{code}">{code}</a> reproduces the value' in shown
    assert f"Blame: {wrong}. Ground: " in shown
    assert f'<article id="{code}">' in shown
    assert 'class="step wrong"' in shown
