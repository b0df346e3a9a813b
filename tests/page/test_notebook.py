"""What notebooks show: text, and static HTML; and the tour, executed."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser

import pytest

import bpcompare
from bpcompare.network import Error
from places import ROOT

TOUR = ROOT / "docs" / "tour.ipynb"
RUN = """
import sys, nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], 4)
NotebookClient(notebook, timeout=300, resources={"metadata": {"path": sys.argv[3]}}).execute()
nbformat.write(notebook, sys.argv[2])
"""


class _Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.attributes = set(), set()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


def shown(value):
    """The bundle of a value, after a look at its HTML."""
    bundle = value._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html"}
    parsed = _Tags()
    parsed.feed(bundle["text/html"])
    assert parsed.tags.isdisjoint({"script", "style", "link", "img", "iframe"}), "viewers strip them, and show what is left"
    assert not {name for name in parsed.attributes if name.startswith("on") or name in ("style", "src", "href")}
    return bundle["text/plain"], bundle["text/html"]


def test_a_network_shows_its_layers_and_its_drawing():
    """A page of dataclass fields."""
    text, html = shown(bpcompare.load("mazur"))
    assert text.splitlines()[0] == "mazur: 2 layers, half_squared (sum) of o, sgd, 1 example"
    assert html.count("<circle") == 7
    text, html = shown(bpcompare.load("digits-lenet"))
    assert html.count("<circle") == 9, "layers, the input, the error"


def test_a_network_that_cannot_be_run_is_shown_with_its_problems():
    """A notebook would print a traceback for the very network that its author is looking at."""
    network = bpcompare.load("mazur")
    broken = replace(network, error=Error(network.error.op, "nowhere"))
    text, _ = shown(broken)
    assert "nowhere" in text


@pytest.mark.parametrize(
    ("spec", "backends"),
    [("mazur", ("delta", "delta!BP204")), ("xor", ("delta",)), ("digits", ("delta",)), ("mazur", ("delta!BP213",))],
    ids=["wrong", "one", "large", "not_run"],
)
def test_a_comparison_shows_what_the_terminal_says(spec, backends):
    """The verdict of a notebook would be another than that of the command line."""
    comparison = bpcompare.run(bpcompare.load(spec), list(backends), steps=1)
    text, html = shown(comparison)
    assert comparison.verdict in text.splitlines()[-1]
    assert comparison.verdict in html
    if comparison.blames:
        assert "BP204" in html
        assert "<math" in html
        assert "✗" in html
    for certificate in comparison.certificates.values():
        text, _ = shown(certificate)
        assert certificate.verdict in text


def test_the_page_in_a_frame_and_as_text(tmp_path):
    """`show()` would put the page's scripts into the notebook's own page."""
    comparison = bpcompare.run(bpcompare.load("mazur"), ["delta"])
    frame = comparison.show()._repr_html_()
    assert frame.count("<iframe") == 1
    assert 'sandbox="allow-scripts"' in frame
    assert "<script" not in frame, "the page stands escaped inside the attribute"
    assert comparison.to_html().startswith("<!DOCTYPE html>")
    assert "<script" not in comparison.to_html(static=True)


@pytest.mark.slow
@pytest.mark.skipif(not TOUR.is_file(), reason="the documents are not here")
def test_the_tour_runs_and_shows_what_it_says(tmp_path):
    """The first thing that somebody tries would fail."""
    for framework in ("torch", "jax"):
        pytest.importorskip(framework)
    done = tmp_path / "done.ipynb"
    environment = os.environ | {"PYTHONWARNINGS": "ignore", "JUPYTER_PLATFORM_DIRS": "1"}
    command = [sys.executable, "-c", RUN, str(TOUR), str(done), str(tmp_path)]
    subprocess.run(command, check=True, env=environment, capture_output=True, timeout=400)
    told, now = (_outputs(path) for path in (TOUR, done))
    assert len(now) == len(told) == 7
    assert "certified" in now[1]
    assert "wrong" in now[3]
    assert now[4].partition("ground=")[0] == told[4].partition("ground=")[0], "the same place, the same backend"
    assert now[5] == told[5]
    assert (tmp_path / "mazur.html").stat().st_size > 50_000


def _outputs(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return ["".join(output["data"]["text/plain"]) for cell in cells for output in cell.get("outputs", [])]
