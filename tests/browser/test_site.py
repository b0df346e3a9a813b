"""The site that `make docs` built, opened from its files in a browser."""

from pathlib import Path

import pytest

import bpcompare
from bpcompare.ops import OPS

pytestmark = pytest.mark.browser
SITE = Path(__file__).parents[2] / "site"
PHONE = {"width": 390, "height": 844}


@pytest.fixture
def view(chromium):
    """A page on a phone; at the end nothing was asked of the network, and no script complained."""
    assert (SITE / "index.html").is_file(), "make docs"
    requests, complaints = [], []
    context = chromium.new_context(viewport=PHONE)
    view = context.new_page()
    view.on("request", lambda request: requests.append(request.url))
    view.on("console", lambda message: complaints.append(message.text))
    view.on("pageerror", lambda error: complaints.append(str(error)))
    yield view
    context.close()
    assert [url for url in requests if not url.startswith(("file://", "data:"))] == []
    assert complaints == []


def test_every_page_fits_a_phone_and_asks_nobody(view):
    """A reader without a network would wait for a font, or would have to push every page from side to side."""
    wide = []
    for page in sorted(SITE.rglob("*.html")):
        view.goto(page.as_uri())
        if view.evaluate("document.documentElement.scrollWidth") > PHONE["width"]:
            wide.append(page.relative_to(SITE).as_posix())
    assert wide == []


def test_the_search_works_from_files(view):
    """A reader would search and find nothing, because browsers fetch nothing from file://."""
    view.goto((SITE / "search.html").as_uri() + "?q=kink")
    view.wait_for_selector("ul.search li a")
    view.get_by_role("link", name="The mathematics > Kinks").click()
    assert view.url.endswith("/docs/mathematics.html#kinks")


def test_public_names_are_documented(view):
    """Somebody would look up what they import, and find an empty page."""
    names = {"bpcompare": [name for name in bpcompare.__all__ if not name.startswith("__")]}
    names |= {
        "bpcompare.network": ["Layer", "Data"],
        "bpcompare.backend": ["Backend"],
        "bpcompare.testing": ["BackendConformance"],
    }
    names["bpcompare.ops"] = [op.__name__ for op in OPS.values()]
    for module, found in names.items():
        view.goto((SITE / "api" / f"{module}.html").as_uri())
        for name in found:
            entry = view.locator(f"dl:has(> dt[id='{module}.{name}'])")
            assert len(entry.locator("> dd").inner_text()) > 10, f"{module}.{name}"
