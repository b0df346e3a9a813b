"""The page: what it shows is what was recorded, and nothing gets in by a name."""

import html
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import bpcompare
from bpcompare.cli import main
from bpcompare.mistakes import MISTAKES
from bpcompare.network import Data, Error, Input, Layer, Network, SpecError, Training
from bpcompare.network.parameter import Initializer, Parameter
from bpcompare.ops import Dense, HalfSquared, Relu, Sgd, Tanh
from bpcompare.page import Wishes, drawing, page
from bpcompare.page.notation import NOTATIONS
from bpcompare.proof.values import step_values
from bpcompare.testing.nodes import nodes
from hostile import hostile
from page_reading import calls, plain, seen, worked_out
from places import EXAMPLES

RUNS = [
    ("mazur", ("delta", "torch", "jax"), {}),
    ("mazur", ("delta", "delta!BP204", "torch"), {}),
    ("xor", ("delta", "jax"), {"step": 3}),
    ("skip", ("torch", "delta!BP206"), {"step": 2}),
    ("shared", ("delta", "torch"), {"nodes": ("norm", "head")}),
    ("digits-lenet", ("torch", "delta"), {"steps": 1, "nodes": ("h.delta", "p1.delta")}),
]


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("spec", "backends", "wishes"), RUNS, ids=[f"{spec}-{backends[1]}" for spec, backends, _ in RUNS])
def test_every_number_on_the_page_is_that_of_the_saved_record(spec, backends, wishes, pages, tmp_path):
    """A page of evidence would show numbers that nobody recorded."""
    comparison, text = pages(spec, *backends, **wishes)
    comparison.save(tmp_path / "run.bpz")
    saved = bpcompare.load_comparison(tmp_path / "run.bpz")
    number = int(re.search(r'class="step-of">Step (\d+) of', text).group(1))
    shown = 0
    for step in seen(text):
        path, _, index = step.element.partition("[")
        at = tuple(map(int, index.rstrip("]").split(","))) if index else ()
        assert set(step.values) == {html.escape(name) for name in saved.ran}
        for name, (bits, value) in step.values.items():
            recorded = float(step_values(saved.plan, saved.records[name])[number - 1].recorded[path][at])
            assert float.fromhex(bits) == recorded
            assert float(value) == pytest.approx(recorded, rel=1e-14)
            shown += 1
    assert shown > 30


@pytest.mark.parametrize(("spec", "backends", "wishes"), RUNS, ids=[f"{spec}-{backends[1]}" for spec, backends, _ in RUNS])
def test_every_formula_with_numbers_evaluates_to_the_result_beside_it(spec, backends, wishes, pages):
    """A student with a calculator would get something else."""
    comparison, text = pages(spec, *backends, **wishes)
    functions = calls(comparison.plan.network)
    lines = 0
    for step in seen(text):
        for mathml, result in step.numbers:
            value, count = worked_out(mathml, functions)
            room = sum(abs(worked_out(mathml, functions, at)[0] - value) for at in range(count))
            # In another notation Δ has the other sign; what stands beside it follows when the page is switched.
            gap = min(abs(value - float(plain(result))), abs(value + float(plain(result))))
            assert gap <= 2 * room + 1e-6 * abs(value) + 1e-12, (step.element, mathml)
            lines += 1
    assert lines > 15


def test_the_proof_panel_shows_the_findings(pages):
    """A residual on the page could be anything."""
    _, text = pages("mazur", "delta", "delta!BP204", "torch")
    panel = text[text.index('class="proof"') : text.index('class="steps"')]
    wrong = re.findall(r'<tr data-q="[^"]*"><th scope="row"><span[^>]*>Δ</span> of <bdi>(h\d)</bdi></th>.*?WRONG', panel)
    assert wrong == ["h1", "h2"]
    assert "the rows of o1, o2" in panel
    assert panel.index("Base case") < panel.index("Inductive step") < panel.index("Update: from")


@pytest.mark.parametrize("code", ["BP101", "BP204", "BP301"])
def test_the_page_names_the_mistake_and_explains_it(code, pages):
    """The reader would know that it is wrong, and not why."""
    comparison, text = (
        pages("xor", "delta", f"delta!{code}", "torch") if code != "BP101" else pages("mazur", "delta", "delta!BP101", "torch")
    )
    assert comparison.blames[0].code == code
    assert f'<a href="#{code}">{code}</a> reproduces the value' in " ".join(text.split())
    assert f'<article id="{code}">' in text
    assert html.escape(MISTAKES[code].title, quote=False) in html.unescape(text) or MISTAKES[code].title in html.unescape(text)


class _Tags(HTMLParser):
    """Every tag and attribute of a page, as a browser would see them."""

    def __init__(self):
        super().__init__()
        self.tags, self.attributes, self.comments, self.scripts = set(), set(), [], 0

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.scripts += tag == "script"

    def handle_comment(self, data):
        self.comments.append(data)


@pytest.mark.parametrize("static", [False, True])
def test_hostile_names_stay_text(static, monkeypatch):
    """Whoever opens a colleague's page would run the colleague's code."""
    network = hostile()
    with pytest.raises(SpecError):
        bpcompare.run(network, ["delta"])
    monkeypatch.setattr("bpcompare.plan.draw._refuse", lambda name, problems: None)  # the page must not rely on the reader
    comparison = bpcompare.run(network, ["delta", "delta!BP204"])
    text = page(comparison, Wishes(static=static))
    assert comparison.verdict == "wrong"
    parsed = _Tags()
    parsed.feed(text)
    assert parsed.tags.isdisjoint({"img", "u", "i", "b", "iframe", "object", "embed", "base", "link"})
    assert parsed.tags.isdisjoint({"script"} if static else set())
    assert parsed.scripts == (0 if static else 3)
    assert not {name for name in parsed.attributes if name.startswith("on")}, "no handler in a tag"
    assert not parsed.comments
    assert "\u202e" not in text
    assert len(text) < 600_000, "a long name is clipped, not repeated"


def test_a_static_page_has_no_script_and_shows_everything(pages):
    """Where scripts are forbidden, readers would see folded, dead controls."""
    _, text = pages("mazur", "delta", "torch", static=True)
    assert "<script" not in text
    assert "script-src" not in text
    assert "default-src &#39;none&#39;" in text
    assert not re.search(r'<details class="step[^>]*(?<! open)>', text), "every step is open"


def test_nothing_on_the_page_is_loaded_from_anywhere(pages):
    """A page opened on a train, or by somebody who must not be tracked."""
    _, text = pages("mazur", "delta", "torch", "jax")
    assert not re.search(r'(?:src|href)="(?!#)', text)
    assert "url(" not in text
    assert "@import" not in text
    assert set(re.findall(r"https?://[^\"<\s]+", text)) <= {"http://www.w3.org/1998/Math/MathML"}


def large(widths=(784, 1000, 200, 10)):
    """A net of a million parameters."""
    random = np.random.default_rng(0)
    layers, parameters, source = {}, {}, "x"
    for at, width in enumerate(widths[1:]):
        name = f"h{at}"
        layers[name] = Layer(
            Dense(width), (source,), Relu() if width > 10 else Tanh(), {"weight": f"{name}.w", "bias": f"{name}.b"}
        )
        parameters |= {f"{name}.w": Parameter(Initializer("he_normal", 1.0)), f"{name}.b": Parameter(Initializer("normal", 0.1))}
        source = name
    return Network(
        "large", {"x": Input((widths[0],))}, layers, parameters, Error(HalfSquared(reduce="mean"), source), Sgd(0.1),
        Data({"x": random.standard_normal((4, widths[0]))}, random.standard_normal((4, widths[-1]))), Training(),
    )  # fmt: skip


def test_a_million_parameters_make_a_page_of_less_than_two_megabytes(pages):
    """A page that no mail and no browser takes."""
    network = large()
    comparison = bpcompare.run(network, ["delta", "delta!BP204"])
    assert sum(x.size for x in comparison.plan.parameters.values()) > 980_000
    text = page(comparison)
    assert len(text.encode()) < 2_000_000
    data = json.loads(re.search(r'<script type="application/json" id="units">(.*?)</script>', text).group(1))
    (values,) = step_values(comparison.plan, comparison.records["delta"])
    assert [entry["name"] for entry in data.values()] == ["h2", "h1", "h0"], "every unit is there, nearest the error first"
    for entry in data.values():
        for kind in ("in", "a", "delta"):
            recorded = values.recorded[f"{entry['name']}.{kind}"][0]
            assert [float(x) for x in entry[kind]["delta"]] == pytest.approx(recorded, rel=1e-5, abs=1e-300)
    assert text.count('class="strip"') == 6, "a strip for each layer and backend"
    assert re.search(r"\d+ of 1,000 units wrong", text)


def test_a_deep_net_stays_light_and_shows_what_is_wrong():
    """A thousand quantities would make a page of fifteen megabytes, or leave out the one that matters."""
    network = large((6,) + (4,) * 120)
    comparison = bpcompare.run(network, ["delta", "delta!BP201"])
    text = page(comparison, Wishes(nodes=("h3",)))
    assert len(text.encode()) < 3_000_000
    found = list(seen(text))
    assert len(found) <= 360
    assert sum('class="step wrong"' in part for part in text.split("<details")) >= 1
    assert any(step.element.startswith("h3.delta") for step in found)


@pytest.mark.slow
def test_a_graph_of_many_nodes_is_drawn_without_its_lines(monkeypatch):
    """A browser would draw a grey area for seconds, and a reader would not know what it is."""
    comparison = bpcompare.run(nodes(60), ["delta"])
    count = sum(len(layer.sources) for layer in comparison.plan.network.layers.values()) + 1
    assert 'class="edge"' in page(comparison)
    monkeypatch.setattr(drawing, "MOST_LINES", count - 1)
    shown = page(comparison)
    assert 'class="edge"' not in shown
    assert f"{count:,} lines between layers are left out" in shown


def test_the_shell_of_the_page_is_small():
    """Every page would carry it."""
    import gzip

    folder = Path(bpcompare.__file__).parent / "page" / "templates"
    assert sum(len(gzip.compress(path.read_bytes())) for path in folder.iterdir()) < 60_000


def test_every_notation_says_its_sign():
    """The sign of Δ is where textbooks differ most, and a page that is silent about it teaches the wrong one."""
    for notation in NOTATIONS.values():
        assert f"+∂{notation.error}/∂{notation.net_in}" in notation.says if notation.positive else "−∂E/∂in" in notation.says


def test_nobody_answered_is_a_page_too():
    """The page of a run in which everything failed would be a traceback."""
    network = replace(bpcompare.load(EXAMPLES / "mazur.toml"))
    comparison = bpcompare.run(network, ["delta!BP213"])
    text = page(comparison)
    assert "not_run" in text
    assert "cannot be made in" in text


def test_the_command(tmp_path, capsys):
    """The page would not be written, or its exit code would hide what it says."""
    out, run, mazur = tmp_path / "page.html", tmp_path / "run.bpz", str(EXAMPLES / "mazur.toml")
    assert main(["report", mazur, "-o", str(out), "-b", "delta,torch"]) == 0
    assert "certified" in capsys.readouterr().out
    assert "default-src &#39;none&#39;" in out.read_text(encoding="utf-8")
    assert main(["run", mazur, "-b", "delta,delta!BP204", "--save", str(run)]) in (1, 4)
    assert main(["report", str(run), "-o", str(out), "--static"]) in (1, 4)
    assert main(["report", mazur, "-o", str(tmp_path / "none" / "page.html")]) == 2
    assert main(["report", mazur, "-o", str(out), "--step", "7", "-b", "delta"]) == 2
    assert main(["report", mazur, "-o", str(out), "--static", "--notation", "bishop"]) == 2
    assert main(["report", mazur, "-o", str(out), "--node", "nobody", "-b", "delta"]) == 2
    assert main(["report", mazur, "-o", str(out), "--node", "h.delta[0,1]", "-b", "delta,torch"]) == 0
    assert main(["report", str(tmp_path / "absent.toml"), "-o", str(out)]) == 2
    run.write_bytes(b"nonsense")
    assert main(["report", str(run), "-o", str(out)]) == 2
