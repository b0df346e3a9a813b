"""The page of a watched step: it says what the terminal says, its numbers are the recorded ones, nothing gets in by a name."""

import math
from dataclasses import replace
from html import unescape

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

import bpcompare  # noqa: E402
from bpcompare.laws.calls import CALLS, CallLaw  # noqa: E402
from bpcompare.own import WatchedStep  # noqa: E402
from bpcompare.own.page import chosen  # noqa: E402
from bpcompare.program import Unexamined  # noqa: E402
from page_reading import plain, worked_out  # noqa: E402
from step_reading import markup, read  # noqa: E402
from watched import Hidden  # noqa: E402

FUNCTIONS = {name: getattr(math, name) for name in ("log", "tanh", "erf", "log1p", "expm1", "sin", "cos")}


@pytest.fixture(scope="module")
def forgetful(own, steps):
    """A step with a wrong backward in each of 3 blocks."""
    return steps(own.Forgetful, 3)


@pytest.fixture(scope="module")
def page(forgetful):
    """Its page, read."""
    return read(forgetful.to_html("train.py"))


class Block(nn.Module):
    """Most of what a transformer has."""

    def __init__(self, units):
        super().__init__()
        self.norm, self.qkv, self.out = nn.LayerNorm(units), nn.Linear(units, 3 * units), nn.Linear(units, units)

    def forward(self, x):
        q, k, v = self.qkv(self.norm(x)).chunk(3, -1)
        scores = (q @ k.transpose(-2, -1)).masked_fill(torch.tril(torch.ones(x.shape[1], x.shape[1])) == 0, float("-inf"))
        return x + self.out(nn.functional.gelu(scores.softmax(-1) @ v, approximate="tanh"))


@pytest.fixture(scope="module")
def attention():
    """One step of AdamW of two such blocks, clipped."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Embedding(9, 6), Block(6), Block(6), nn.Linear(6, 9))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    x = torch.randint(0, 9, (2, 5))
    with bpcompare.watch(model, optimizer) as step:
        nn.functional.cross_entropy(model(x[:, :-1]).flatten(0, 1), x[:, 1:].flatten()).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.1)
        optimizer.step()
    return step


@pytest.mark.sampled(2)
@pytest.mark.parametrize("kind", ["forgetful", "attention"])
def test_every_claim_stands_on_the_page_once_with_what_was_found(request, kind):
    """Something that is wrong would be on no page, or what is right be called wrong there."""
    step = request.getfixturevalue(kind)
    root = read(step.to_html())
    claims = list(root.all(name="claim"))
    assert len(claims) == len(step.findings)
    ids = [one.attributes["id"] for one in root.all() if "id" in one.attributes]
    assert len(set(ids)) == len(ids)
    assert all(link.attributes["href"][1:] in ids for link in root.all("a"))
    assert sum("wrong" in one.classes for one in claims) == len(step.refuted)
    calls = sum(len(one.recording.program.steps) + len(one.recording.program.updates) for one in step.judged)
    assert len(list(root.all(name="call"))) == calls


def test_it_says_what_the_terminal_says(forgetful, page):
    """Two reports of one step would contradict each other."""
    words, text = page.text, " ".join(str(forgetful).split())
    (blame,) = page.all(name="blame")
    for term, told in zip(blame.all("dt"), blame.all("dd"), strict=True):
        assert f"{term.text} {told.text}" in text
    assert {"where", "recorded", "law", "oracle", "follows"} <= {term.text for term in blame.all("dt")}
    assert text in words, "and all of it, folded"
    rows = [line.split() for line in forgetful.tree().split("\n")[1:]]
    root = next(page.all(name="module"))
    figures = [next(root.all(name=name)).text for name in ("power", "claims", "parameters")]
    assert figures == rows[0][-3:]


def test_what_is_wrong_is_open(page):
    """The reader would look for it behind forty lines that are closed."""
    first = next(link for link in page.all("a") if "go" in link.attributes.get("class", "")).attributes["href"][1:]
    (claim,) = (one for one in page.all(name="claim") if one.attributes["id"] == first)
    assert "wrong" in claim.classes
    assert all("open" in one.attributes for one in (claim, *claim.around) if one.tag == "details")
    shut = [one for one in page.all("details", "module") if "open" not in one.attributes]
    assert any("dense" in one.text for one in shut), "and what is right is not"
    assert len(list(claim.all(name="window"))) == 2, "the recorded numbers, and the law's"
    assert "24 of 24 elements outside" in claim.text


def test_a_wrong_value_and_a_wrong_update_are_open_as_well(watched, model):
    """The page would show mistakes of backward functions, and hide those of optimizers."""
    watched = watched(model()).step.watched
    recordings = []
    for one in watched.recordings:
        recorded = dict(one.recorded)
        for path in {"0.0.dense:addmm.y", "1.weight.update"} & set(recorded):
            recorded[path] = recorded[path] * [[1.0]] + [[0.01]]
        recordings.append(replace(one, recorded=recorded))
    step = WatchedStep(replace(watched, recordings=tuple(recordings)))
    root = read(step.to_html())
    shown = [one for one in root.all("details", "claim") if "open" in one.attributes]
    assert all("open" in around.attributes for one in shown for around in one.around if around.tag == "details")
    words = " ".join(one.text for one in shown)
    assert "WRONG value of 0.0.dense:addmm" in words
    assert "WRONG update of 1.weight" in words


@pytest.mark.parametrize("kind", ["forgetful", "attention"])
def test_numbers_are_those_that_were_recorded(request, kind):
    """A page of evidence would show numbers that nobody recorded."""
    step = request.getfixturevalue(kind)
    recorded = [float(x) for one in step.judged for array in one.recording.recorded.values() for x in array.ravel()]
    shown = [
        cell for table in read(step.to_html()).all("table", "values") for cell in table.all("td") if "title" in cell.attributes
    ]
    assert len(shown) == len(step.findings)
    for cell in shown:
        number = float.fromhex(cell.attributes["title"])
        assert number in recorded
        assert float(plain(cell.text)) == pytest.approx(number, rel=1e-14)


@pytest.mark.parametrize("kind", ["forgetful", "attention"])
def test_every_formula_comes_to_the_law(request, kind):
    """A reader with a calculator would get something else."""
    step = request.getfixturevalue(kind)
    seen = 0
    for sheet in read(step.to_html()).all(name="sheet"):
        for line in sheet.all("p", "numbers"):
            (math,) = line.all("math")
            result = float(plain(next(line.all(name="result")).text.removeprefix("= ")))
            value, count = worked_out(markup(math), FUNCTIONS)
            room = sum(abs(worked_out(markup(math), FUNCTIONS, at)[0] - value) for at in range(count))
            assert abs(value - result) <= 2 * room + 1e-6 * abs(value) + 1e-12, markup(math)
            seen += 1
    assert seen > 0.8 * len(step.findings)


NAMES = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "--></math>",
    "\u202eelif",
    "</details></script>",
    "a" * 5000,
)


def test_hostile_names_stay_text(own):
    """A colleague's model would run code in the browser of whoever opens its page."""

    class Act(own.Forgetful):
        pass

    Act.__name__ = Act.__qualname__ = NAMES[0]
    torch.manual_seed(0)
    model = nn.Sequential()
    for number, name in enumerate(NAMES):
        model.add_module(name.replace(".", "_"), nn.Linear(3, 3) if number % 2 else own.Activation(Act))
    with bpcompare.watch({NAMES[1]: model}) as watching:
        model(torch.randn(2, 3)).square().mean().backward()
    watched = watching.step.watched
    recordings = [
        replace(one, title=NAMES[4], places={name: replace(place, line=f"{NAMES[1]}.py:1") for name, place in one.places.items()})
        for one in watched.recordings
    ]
    watched = replace(watched, recordings=tuple(recordings), facts={**watched.facts, NAMES[0]: NAMES[1]})
    step = WatchedStep(watched, title=NAMES[4], also=[Unexamined(NAMES[0], NAMES[1], NAMES[2])])
    step.again = NAMES[0]
    text = step.to_html(NAMES[0])
    root = read(text)
    tags = {one.tag for one in root.all()}
    assert not tags & {"img", "iframe", "object", "embed", "link", "b"}
    assert len(list(root.all("script"))) == 1
    assert not [one for one in root.all() for key in one.attributes if key.startswith("on")]
    assert step.verdict == "wrong"
    assert "\u202e" not in text
    assert "a" * 400 not in text, "nor does it tear the page apart"


def test_a_large_step_is_capped_and_says_so(forgetful, monkeypatch):
    """Ten thousand sheets are opened by no browser; without a word, what is missing would be taken for all."""
    whole = forgetful.to_html()
    monkeypatch.setattr(chosen, "SHEETS", 5)
    text = forgetful.to_html()
    root = read(text)
    assert len(list(root.all(name="sheet"))) == 5
    assert len(text) < 0.6 * len(whole)
    assert f"5 of {len(forgetful.findings)} claims are shown with numbers and formula" in root.text
    assert len(list(root.all(name="claim"))) == len(forgetful.findings)
    wrong = [one for one in root.all(name="claim") if "wrong" in one.classes]
    assert [bool(list(one.all(name="sheet"))) for one in wrong] == [True] * 3, "what is wrong comes first"


def test_sheets_are_for_each_kind_and_then_call_by_call(attention, monkeypatch):
    """All sheets would be about the first layer's values, and none about an optimizer."""
    monkeypatch.setattr(chosen, "SHEETS", 90)
    root = read(attention.to_html())
    shown = [one.text.partition(" of ")[0].split()[-1] for one in root.all("details", "claim")]
    assert {"value", "Δ", "gradient", "update", "m", "v"} <= set(shown)


def test_two_runs_share_a_page(tmp_path, own):
    """Whoever asks by `check` would have two pages, and the limit twice."""
    torch.manual_seed(0)
    checked = bpcompare.check(
        nn.Sequential(nn.Linear(3, 4), own.Activation(own.Turned), nn.Linear(4, 1)), torch.randn(5, 3), loss=torch.sum
    )
    checked.report(tmp_path / "step.html", "net.py:make")
    root = read((tmp_path / "step.html").read_text(encoding="utf-8"))
    runs = list(root.all("section", "run"))
    assert [next(run.all("h2")).text for run in runs] == ["as a float64 copy", "as it is"]
    assert "float64" in runs[0].text
    assert next(root.all("h1")).text == "✗ wrong net.py:make"
    assert len(list(root.all(name="claim"))) == sum(len(run.findings) for run in checked.runs)
    assert [tab.text for tab in root.all("button") if tab.attributes.get("role") == "tab"] == [
        "✗ as a float64 copy",
        "✗ as it is",
    ]


def test_what_was_not_examined_is_named_where_it_is_called():
    """A page without an alarm would be taken for a proof."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 3), Hidden(), nn.Linear(3, 1))
    with bpcompare.watch(model) as step:
        for _ in range(2):
            model(torch.randn(2, 3)).sum().backward()
    root = read(step.to_html())
    listed = next(root.all("details", "unexamined"))
    assert len(list(listed.all("li"))) == len(step.unexamined) > 0
    assert "open" in listed.attributes
    without = [call for call in root.all(name="call") if "not examined" in call.attributes["data-s"].split(",")]
    assert len(without) == 2
    assert all("Not examined: this function has no law" in call.text for call in without)
    assert "backward 2" in without[1].text, "and in which pass"


def test_a_law_that_does_not_speak_of_a_call(watched, model, monkeypatch):
    """What nobody judged would stand there without a word, as what holds does."""

    def silent(a):
        raise LookupError("not of this one")

    monkeypatch.setitem(CALLS, "gelu", CallLaw(silent))
    step = watched(model())
    assert step.verdict == "certified in part"
    root = read(step.to_html())
    (call,) = (call for call in root.all(name="call") if "not examined" in call.attributes["data-s"].split(","))
    assert "gelu" in call.text
    assert "its law does not speak of this call" in call.text
    assert "not of this one" in next(root.all("details", "unexamined")).text


@pytest.mark.slow
def test_a_step_of_jax():
    """The page would be for half of the people."""
    jax = pytest.importorskip("jax")
    optax = pytest.importorskip("optax")

    def loss(p, x):
        carried, _ = jax.lax.scan(lambda c, z: (jax.numpy.tanh(c + z), c), jax.numpy.zeros(3), x @ p["w"])
        return (carried**2).mean()

    x = jax.numpy.linspace(-1.0, 1.0, 8).reshape(4, 2)
    checked = bpcompare.check(loss, {"w": jax.numpy.full((2, 3), 0.3)}, x, update=optax.sgd(0.1))
    root = read(checked.to_html())
    assert len(list(root.all(name="claim"))) == sum(len(run.findings) for run in checked.runs)
    assert "scan[2]" in [next(one.all("bdi")).text for one in root.all("details", "module")]


def test_a_kept_step_has_the_same_page(forgetful, tmp_path):
    """The page could be made only where the step ran."""
    forgetful.save(tmp_path / "kept.step")
    again = bpcompare.load_watched(tmp_path / "kept.step")
    assert again.to_html() == forgetful.to_html() == forgetful.to_html()


def test_it_loads_nothing(forgetful):
    """A page about code that is nobody else's business would tell somebody that it is read."""
    text = unescape(forgetful.to_html()).replace("http://www.w3.org/1998/Math/MathML", "")
    assert "http" not in text.replace("http-equiv", "")
    assert "default-src 'none'" in text


def test_a_file_that_cannot_be_written(forgetful, tmp_path):
    """Half a page, or a traceback without a word."""
    with pytest.raises(OSError, match="there is no such folder"):
        forgetful.report(tmp_path / "no" / "step.html")
    forgetful.report(tmp_path / "step.html")
    forgetful.report(str(tmp_path / "step.html"), "again")
    assert "again" in (tmp_path / "step.html").read_text(encoding="utf-8")
    assert [path.name for path in tmp_path.iterdir()] == ["step.html"]
