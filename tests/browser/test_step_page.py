"""The page of a watched step in a browser: down to one number, filter, search, runs, keyboard; offline, on a phone, dark."""

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

import bpcompare  # noqa: E402
from watched import Opaque  # noqa: E402

pytestmark = pytest.mark.browser


class Forgetful(torch.autograd.Function):
    """x σ(1.702 x); forgets the factor of the chain rule."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * torch.sigmoid(1.702 * x)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        s = torch.sigmoid(1.702 * x)
        return g * (s + x * s * (1 - s))


class Activation(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function.apply(x)


def block(act):
    return nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4), act())


MAKE = {
    "right": nn.GELU,
    "wrong": lambda: Activation(Forgetful),
    "part": lambda: Activation(Opaque),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """files("wrong"): where that page was written."""
    folder, made = tmp_path_factory.mktemp("steps"), {}

    def one(name):
        if name not in made:
            torch.manual_seed(0)
            model = nn.Sequential(*(block(MAKE[name]) for _ in range(3)), nn.Linear(4, 2))
            optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
            x, y = torch.randn(5, 4), torch.tensor([0, 1, 0, 1, 1])
            checked = bpcompare.check(model, x, target=y, loss=nn.functional.cross_entropy, optimizer=optimizer)
            made[name] = folder / f"{name}.html"
            checked.report(made[name], f"{name}.py:make")
        return made[name]

    return one


@pytest.fixture
def opened(chromium, files):
    """opened("wrong", width=390): the page in the browser; at the end there was no request, no complaint."""
    contexts, requests, complaints = [], [], []

    def one(name, width=1300, fragment="", **options):
        context = chromium.new_context(viewport={"width": width, "height": 900}, **options)
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


def visible(view, selector):
    return view.locator(f"section.run:not([hidden]) {selector}").locator("visible=true")


@pytest.mark.parametrize("name", sorted(MAKE))
def test_it_opens_with_the_verdict(name, opened):
    """The page would be empty on a train, or open somewhere in the middle."""
    view = opened(name)
    assert view.locator("h1").is_visible()
    assert view.evaluate("scrollY") == 0
    assert visible(view, "h2").all_text_contents() == ["as a float64 copy"]


def test_down_to_one_number(opened):
    """The reader would have a verdict, and no way to what it rests on."""
    view = opened("right")
    for name in ("0–2", "1", "1"):
        visible(view, f".module:not([open]) > summary > .name bdi:text-is('{name}')").first.click()
    call = visible(view, ".call > summary").filter(has_text="native_layer_norm").first
    call.click()
    claim = visible(view, "details.claim > summary").filter(has_text="Δ of").first
    claim.click()
    sheet = visible(view, ".sheet").first
    assert sheet.locator(".symbols math").is_visible()
    assert sheet.locator("table.window td.here").count() == 1
    assert "✓ ok" in sheet.inner_text()


def test_what_is_wrong_is_seen_and_gone_through(opened):
    """A ✗ in a line that nobody opens."""
    view = opened("wrong")
    assert visible(view, "details.claim.wrong[open] .sheet").count() == 1
    assert view.locator("section.run:not([hidden]) .claim.wrong").count() == 3
    reached = []
    for _ in range(3):
        view.keyboard.press("x")
        reached.append(view.evaluate("document.activeElement.parentElement.id"))
    assert len(set(reached)) == 3
    assert all(view.locator(f"#{one} .sheet").is_visible() for one in reached)
    view.click("#wrong")
    assert view.evaluate("document.activeElement.parentElement.id") == reached[0]


def test_a_link_opens_what_hides_its_end(opened):
    """A link to a closed line leads nowhere."""
    view = opened("wrong")
    view.select_option("#show", "zero")
    visible(view, ".blame a").last.click()
    end = view.evaluate("location.hash")
    assert view.locator(end).is_visible()
    assert view.locator("#show").input_value() == ""
    other = opened("wrong", fragment=end.replace("#r0", "#r1"))
    assert other.locator(end.replace("#r0", "#r1")).is_visible(), "in the other run, from outside"
    assert visible(other, "h2").all_text_contents() == ["as it is"]


def test_filter_and_search(opened):
    """Among a thousand calls nobody finds the one in question."""
    view = opened("part")
    view.select_option("#show", "not examined")
    assert view.locator("#count").inner_text().startswith("3 of ")
    assert visible(view, ".call").count() == 3
    assert "not examined" in visible(view, ".call").first.inner_text()
    view.select_option("#show", "")
    view.keyboard.press("Escape")
    view.locator("body").press("/")
    view.keyboard.type("1.1 layer_norm")
    assert visible(view, ".call").count() == 1
    view.keyboard.press("Escape")
    assert view.locator("#count").inner_text() == ""
    view.locator("#find").fill("no such thing")
    assert visible(view, ".call").count() == 0
    assert view.locator("#count").inner_text().startswith("0 of ")


def test_runs_are_switched(opened):
    """The copy's numbers would be taken for the model's own."""
    view = opened("right")
    first, second = view.locator("[role=tab]").all()
    assert first.get_attribute("aria-selected") == "true"
    first.focus()
    view.keyboard.press("ArrowRight")
    assert second.get_attribute("aria-selected") == "true"
    assert visible(view, "h2").all_text_contents() == ["as it is"]
    assert "float32" in visible(view, ".line").first.inner_text()


def test_everything_works_from_the_keyboard(opened):
    """Whoever has no mouse would be shut out."""
    view = opened("right")
    visible(view, ".module > summary").first.focus()
    view.keyboard.press("ArrowRight")
    view.keyboard.press("ArrowRight")
    assert "1" in view.evaluate("document.activeElement.textContent")
    view.keyboard.press("ArrowLeft")
    assert not view.evaluate("document.activeElement.parentElement.open")
    view.keyboard.press("ArrowLeft")
    assert "model" in view.evaluate("document.activeElement.textContent")
    view.keyboard.press("ArrowDown")
    view.keyboard.press("ArrowUp")
    assert "model" in view.evaluate("document.activeElement.textContent")
    view.keyboard.press("Enter")
    assert not view.evaluate("document.activeElement.parentElement.open")
    reached = set()
    for _ in range(30):
        view.keyboard.press("Tab")
        reached.add(view.evaluate("document.activeElement.id || document.activeElement.tagName.toLowerCase()"))
    assert {"show", "find", "summary"} <= reached


@pytest.mark.parametrize(
    ("name", "width", "scheme"),
    [("wrong", 1300, "light"), ("wrong", 390, "light"), ("wrong", 1300, "dark"), ("part", 1300, "light"), ("right", 390, "dark")],
)
def test_axe_finds_nothing(name, width, scheme, opened):
    """Readers with other eyes, or none, would miss a part of the page."""
    from axe_playwright_python.sync_playwright import Axe

    view = opened(name, width=width, color_scheme=scheme)
    view.evaluate("document.querySelectorAll('.run:not([hidden]) .module .module').forEach((one, k) => { one.open = k < 3; })")
    view.evaluate("document.querySelectorAll('.run:not([hidden]) .call').forEach((one, k) => { one.open = k < 5; })")
    found = Axe().run(view).response["violations"]
    assert [(one["id"], [node["html"][:160] for node in one["nodes"][:3]]) for one in found] == []


def test_without_scripts_it_can_be_read(opened):
    """Mail programs and CI servers forbid scripts."""
    view = opened("wrong", java_script_enabled=False)
    assert view.locator("#controls").is_hidden()
    assert view.locator("section.run").count() == 2
    assert view.locator("section.run").last.is_visible()
    assert view.locator("details.claim.wrong[open] .sheet").first.is_visible()
    view.locator(".module > summary").filter(has_text="3").first.click()


@pytest.mark.parametrize("name", sorted(MAKE))
def test_it_fits_a_phone(name, opened):
    """Half of those who get the page open it on a telephone."""
    view = opened(name, width=390)
    view.evaluate("for (const one of document.querySelectorAll('.run:not([hidden]) details')) one.open = true")
    assert view.evaluate("document.documentElement.scrollWidth") <= 390


def test_it_is_dark_where_everything_is(opened):
    """A white page at night; or dark words on dark ground."""
    ground = "getComputedStyle(document.body).backgroundColor"
    light, dark = (opened("wrong", color_scheme=scheme).evaluate(ground) for scheme in ("light", "dark"))
    assert light == "rgb(255, 255, 255)"
    assert dark != light


def test_hostile_names_do_nothing(chromium, tmp_path):
    """A colleague's model would run code in the browser of whoever opens its page."""

    class Act(Forgetful):
        pass

    Act.__name__ = Act.__qualname__ = "<script>alert(1)</script>"
    torch.manual_seed(0)
    model = nn.Sequential()
    for number, name in enumerate(('"><img src=x onerror=alert(1)>', "<svg onload=alert(1)>", "a" * 3000, "'-alert(1)-'")):
        model.add_module(name, nn.Linear(3, 3) if number % 2 else Activation(Act))
    with bpcompare.watch(model) as step:
        model(torch.randn(2, 3)).square().mean().backward()
    step.report(tmp_path / "step.html", "<img src=x onerror=alert(2)>")
    view = chromium.new_page(viewport={"width": 1300, "height": 900})
    said = []
    view.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    view.on("console", lambda message: said.append(message.text))
    view.on("pageerror", lambda error: said.append(str(error)))
    view.goto((tmp_path / "step.html").as_uri())
    for key in ("x", "x", "ArrowDown", "ArrowRight"):
        view.keyboard.press(key)
    view.fill("#find", "<script>")
    view.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    assert view.locator("img, iframe, object, body svg[onload]").count() == 0
    assert view.evaluate("document.documentElement.scrollWidth") <= 1300
    assert said == []
    view.close()
