"""The page in a browser: headless Chromium from the system's packages. Deselected by `make test`; `make browser` runs these."""

import pytest

import bpcompare
from bpcompare.cli.report import classes
from bpcompare.page import Wishes, page
from bpcompare_delta import Delta
from places import EXAMPLES

pytestmark = pytest.mark.browser
PAGES = {
    "pass": ("mazur", ("delta", "torch", "jax"), {}),
    "fail": ("mazur", ("delta", "delta!BP204", "torch"), {}),
    "batch": ("xor", ("delta", "delta!BP301", "torch"), {}),
    "large": ("digits", ("delta", "torch"), {"steps": 1}),
    "layers": ("digits-lenet", ("delta", "delta!BP213", "torch"), {"steps": 1}),
    "student": ("mazur", ("delta", "student"), {}),
    "static": ("mazur", ("delta", "delta!BP204", "torch"), {"static": True}),
}


class Student(Delta):
    """Forgets g' in the inductive step."""

    name = "student"

    def backward(self, plan, batch, parameters, state, net_in, a):
        delta = dict(super().backward(plan, batch, parameters, state, net_in, a))
        delta["h"] = delta["o"] @ parameters["o.weight"].T
        return delta


STUDENTS = {"student": Student}


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """files("pass"): where that page was written."""
    folder, made = tmp_path_factory.mktemp("pages"), {}

    def one(name):
        if name not in made:
            spec, backends, options = PAGES[name]
            options = dict(options)
            network, asked = bpcompare.load(EXAMPLES / f"{spec}.toml"), [STUDENTS.get(one, one) for one in backends]
            comparison = bpcompare.run(network, asked, steps=options.pop("steps", None))
            wishes = Wishes(backends=classes(comparison) | {one: STUDENTS[one] for one in backends if one in STUDENTS}, **options)
            made[name] = folder / f"{name}.html"
            made[name].write_text(page(comparison, wishes), encoding="utf-8")
        return made[name]

    return one


def test_hostile_names_do_nothing(chromium, tmp_path):
    """A colleague's spec would run code in the browser of whoever opens its page."""
    from hostile import hostile

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bpcompare.plan.draw._refuse", lambda name, problems: None)
        text = page(bpcompare.run(hostile(), ["delta", "delta!BP204"]))
    file = tmp_path / "hostile.html"
    file.write_text(text, encoding="utf-8")
    view = chromium.new_page(viewport={"width": 1300, "height": 900})
    said = []
    view.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    view.on("console", lambda message: said.append(message.text))
    view.on("pageerror", lambda error: said.append(str(error)))
    view.goto(file.as_uri())
    for _ in range(20):
        view.keyboard.press("ArrowRight")
    view.select_option("#notation", "code")
    view.select_option("#notation", "bishop")
    assert view.locator("img, iframe, object").count() == 0
    assert view.evaluate("document.documentElement.scrollWidth") <= 1300
    assert said == []
    view.close()


@pytest.fixture
def opened(chromium, files):
    """opened("pass", width=390): the page in the browser; at the end there was no request, no complaint."""
    contexts, requests, complaints = [], [], []

    def one(name, width=1300, height=900, fragment="", **options):
        context = chromium.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        view = context.new_page()
        view.on("request", lambda request: requests.append(request.url))
        view.on("console", lambda message: complaints.append(message.text))
        view.on("pageerror", lambda error: complaints.append(str(error)))
        view.goto(files(name).as_uri() + fragment)
        return view

    yield one
    for context in contexts:
        context.close()
    assert [url for url in requests if not url.startswith("file://")] == [], "the page asked the network for something"
    assert len(requests) == len(contexts), "the page loaded another file"
    assert complaints == []


def step(view):
    """The number of the step that is open."""
    return int(view.locator("#position").inner_text().split(" / ")[0])


def open_step(view):
    return view.locator("details.step[open]")


@pytest.mark.parametrize("name", sorted(PAGES))
def test_it_opens_without_a_request_and_without_an_error(name, opened):
    """The page would be empty on a train, or in a company that watches its traffic."""
    view = opened(name)
    assert view.locator("h1").is_visible()
    assert view.evaluate("window.scrollY") == 0, "the verdict is what one sees first"


def test_buttons_and_keys_step_through_the_run(opened):
    """Somebody presses an arrow in front of a class and nothing happens."""
    view = opened("pass")
    assert step(view) == 1
    view.click("#next")
    view.keyboard.press("ArrowRight")
    assert step(view) == 3
    assert open_step(view).count() == 1
    view.keyboard.press("ArrowLeft")
    assert step(view) == 2
    view.keyboard.press("End")
    last = step(view)
    assert view.locator("#position").inner_text() == f"{last} / {last}"
    view.keyboard.press("ArrowRight")
    assert step(view) == last
    view.keyboard.press("Home")
    assert step(view) == 1
    view.keyboard.press("b")
    assert open_step(view).get_attribute("data-phase") == "backward"
    view.keyboard.press("u")
    assert open_step(view).get_attribute("data-phase") == "update"
    view.keyboard.press("f")
    assert step(view) == 1


def test_a_failure_opens_at_its_first_wrong_number(opened):
    """The reader would look for it in forty steps."""
    view = opened("fail")
    assert "wrong" in open_step(view).get_attribute("class")
    assert "h.delta[0,0]" in open_step(view).inner_text()
    assert open_step(view).locator("summary .mark").is_visible()
    view.keyboard.press("Home")
    view.keyboard.press("x")
    assert "h.delta[0,0]" in open_step(view).inner_text()
    box, list_box = open_step(view).bounding_box(), view.locator("section.steps").bounding_box()
    assert list_box["y"] <= box["y"] <= list_box["y"] + list_box["height"]


def test_a_step_has_an_address(opened):
    """A teacher sends a link to one step."""
    view = opened("pass")
    view.keyboard.press("b")
    fragment = view.evaluate("location.hash")
    other = opened("pass", fragment=fragment)
    assert step(other) == step(view)
    other.evaluate("location.hash = '#s2'")
    other.wait_for_function("document.getElementById('position').textContent.startsWith('2 ')")


def test_a_term_lights_its_node_and_a_node_its_terms(opened):
    """Formula and drawing would stand beside each other like strangers."""
    view = opened("pass")
    view.keyboard.press("b")
    view.keyboard.press("ArrowRight")
    view.keyboard.press("ArrowRight")
    assert "h.delta" in open_step(view).inner_text()
    weight = open_step(view).locator(".article .symbols msub[data-k='w']").first
    weight.hover()
    key = weight.get_attribute("data-q")
    assert ">" in key
    lit = view.locator("svg .edge.lit")
    assert lit.count() == 1
    assert lit.get_attribute("data-q") == key
    view.mouse.move(0, 0)
    node = view.locator("svg a.node", has_text="o1")
    node.hover()
    assert open_step(view).locator(".symbols .lit").count() >= 1
    node.click()
    assert "o1" in open_step(view).locator(".where").inner_text()


def test_everything_works_from_the_keyboard(opened):
    """Whoever has no mouse would be shut out."""
    view = opened("fail")
    reached = set()
    for _ in range(60):
        view.keyboard.press("Tab")
        reached.add(view.evaluate("document.activeElement.id || document.activeElement.tagName.toLowerCase()"))
    assert {"prev", "next", "notation", "predict", "summary"} <= reached
    assert {"a"} & reached, "nodes of the drawing are links"
    view.keyboard.press("Home")
    view.locator("svg a.node", has_text="o2").focus()
    view.keyboard.press("Enter")
    assert "o2" in open_step(view).locator(".where").inner_text()
    tab = open_step(view).locator("[role=tab]").first
    tab.focus()
    view.keyboard.press("ArrowRight")
    assert open_step(view).locator("[role=tab]").nth(1).get_attribute("aria-selected") == "true"
    assert open_step(view).locator("[role=tabpanel]").inner_text().strip()


@pytest.mark.parametrize("name", sorted(PAGES))
@pytest.mark.parametrize("width", [1300, 390])
def test_axe_finds_nothing(name, width, opened):
    """Readers with other eyes, or none, would miss a part of the page."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(opened(name, width=width)).response["violations"]
    assert [(one["id"], [node["html"][:120] for node in one["nodes"][:3]]) for one in found] == []


def test_without_scripts_every_step_can_be_read(opened):
    """Mail programs and CI servers forbid scripts."""
    view = opened("fail", java_script_enabled=False)
    assert view.locator("#controls").is_hidden()
    assert view.locator(".blame").is_visible()
    summary = view.locator("details.step summary").nth(10)
    summary.click()
    assert view.locator("details.step[open] .formula.article").first.is_visible()
    view.locator("svg a.node", has_text="h1").click()
    assert "#s" in view.url


def test_a_static_page_is_readable_where_even_styles_are_refused(opened):
    """Some servers refuse inline styles, too: text, tables and the drawing must stand without them."""
    view = opened("static")
    view.evaluate("document.querySelector('style').remove()")
    assert view.locator("details.step .formula.article").first.is_visible()
    assert view.locator("svg circle").first.get_attribute("stroke")
    assert "delta!BP204" in view.locator(".blame").inner_text()


def test_another_notation_changes_symbols_signs_and_says_so(opened):
    """A class that learned δ = ∂C/∂z would see numbers of the other sign without a word."""
    view = opened("pass")
    view.keyboard.press("b")
    cell = open_step(view).locator("[data-value]").first
    was = cell.inner_text()
    view.select_option("#notation", "nielsen")
    assert "+∂C/∂z" in view.locator("#sign").inner_text()
    assert cell.inner_text() in (f"−{was}", was.removeprefix("−"))
    assert open_step(view).locator(".positive").is_visible()
    assert not open_step(view).locator(".article").is_visible()
    assert "δ" in open_step(view).locator("summary math").text_content()
    view.select_option("#notation", "bishop")
    assert "σ" not in open_step(view).locator(".positive .symbols").text_content()
    view.select_option("#notation", "code")
    assert "o.delta[0,0]" in open_step(view).locator("summary math").text_content()
    view.select_option("#notation", "article")
    assert cell.inner_text() == was
    assert "Δ" in open_step(view).locator("summary math").text_content()


def test_predict_first_hides_the_coming_result_only(opened):
    """A prediction with the answer beside it is none; without the numbers before it, nobody can make one."""
    view = opened("pass")
    view.keyboard.press("ArrowRight")
    view.check("#predict")
    view.locator("body").press("ArrowRight")
    view.locator("body").press("ArrowLeft")
    assert step(view) == 2
    first, mine, later = (view.locator("details.step").nth(k) for k in range(3))
    assert first.locator("summary .answer").is_visible(), "what came before is known"
    for coming in (mine, later):
        assert not coming.locator("summary .answer").is_visible()
    assert not mine.locator("table.values").is_visible()
    assert not mine.locator(".article .result").is_visible()
    assert mine.locator(".article .numbers math").is_visible(), "what goes into it is no answer"
    assert mine.locator(".rule").is_visible()


def test_a_right_prediction_shows_the_result(opened):
    """Whoever was right would never see it."""
    view = opened("pass")
    view.check("#predict")
    view.locator("body").press("Home")
    answer = open_step(view).locator(".article .result")
    assert not answer.is_visible()
    field, said = open_step(view).locator(".guess input"), open_step(view).locator(".guess output")
    for typed, words in (("0.4", "three digits"), ("0.512", "too large"), ("-0.378", "sign"), ("abc", "no number")):
        field.fill(typed)
        field.press("Enter")
        assert words in said.inner_text()
        assert not answer.is_visible()
    field.fill("0.3775")
    field.press("Enter")
    assert "right" in said.inner_text()
    assert answer.is_visible()
    view.locator("body").press("ArrowRight")
    view.locator("body").press("ArrowLeft")
    assert answer.is_visible(), "and it stays"


def test_another_notation_changes_every_rule(opened):
    """The formula would say δ and z, and the rule above it Δ and in."""
    view = opened("fail")
    view.select_option("#notation", "nielsen")
    for one in view.locator(".rule, .proof summary > span[data-said], .proof th span").all_text_contents():
        assert "Δ" not in one
        assert "in_" not in one
        assert "−∂" not in one
    rules = " ".join(view.locator(".rule").all_text_contents())
    assert "δ_j = σ'(z_j) Σ_k w_kj δ_k" in rules or "δ_j = Σ_k w_kj δ_k" in rules
    assert "(a_k − t_k)" in rules
    heading = open_step(view).locator("summary .right").inner_text()
    view.select_option("#notation", "article")
    assert open_step(view).locator("summary .right").inner_text() != heading
    assert "(t_k − a_k)" in " ".join(view.locator(".rule").all_text_contents())


def test_units_follow_the_notation(opened):
    """The numbers of a unit would have the other sign than the formula beside them."""
    view = opened("large")
    unit = view.locator(".drill .unit").first
    was = unit.inner_text()
    view.select_option("#notation", "nielsen")
    assert "Δ" not in unit.inner_text()
    assert "δ" in unit.inner_text()
    view.select_option("#notation", "article")
    assert unit.inner_text() == was


def test_the_guilty_line_is_marked_in_its_tab(opened):
    """The tab would open on somebody else's code, and the line would have to be looked for."""
    view = opened("student")
    tab = open_step(view).locator("[role=tab][aria-selected=true]")
    assert "student" in tab.inner_text()
    panel = open_step(view).locator("[role=tabpanel]")
    assert panel.locator("mark.guilty").all_text_contents() == ['    delta["h"] = delta["o"] @ parameters["o.weight"].T']
    assert "makes the wrong number" in panel.inner_text()
    open_step(view).locator("[role=tab]").last.click()
    assert panel.locator("mark").count() == 0
    heading = open_step(view).locator("summary")
    assert "WRONG" in heading.inner_text()
    assert "right:" in heading.inner_text()


def test_a_large_net_is_drilled_down_to_a_unit(opened):
    """Thirty thousand numbers, and no way to the one in question."""
    view = opened("large")
    assert view.locator("figure.strip").count() == 4
    field = view.locator(".drill input").first
    field.fill("17")
    unit = view.locator(".drill .unit").first
    assert "unit 17 of h" in unit.inner_text()
    assert "more}" in unit.inner_text()
    assert view.locator("details.layer").first.locator("table tr").count() == 3


@pytest.mark.parametrize("name", ["pass", "fail", "large", "batch"])
def test_it_fits_a_phone(name, opened):
    """Half of a class opens it on a telephone."""
    view = opened(name, width=390, height=844)
    assert view.evaluate("document.documentElement.scrollWidth") <= 390
    view.click("#next")
    box = open_step(view).bounding_box()
    assert box["x"] >= 0
    assert box["width"] <= 390
