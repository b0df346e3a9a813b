"""The site that `make docs` builds: its sidebar, the check of its links, and that a fault stops it."""

import shutil
import subprocess
import sys
import tomllib
from importlib.util import find_spec

import pytest

from places import ROOT

SITE = ROOT / "docs" / "site"
CHECK = SITE / "links.py"
PICTURE = "data:image/gif;base64,R0lGODlhAQABAAAAACw="
WHOLE = f"""<html><head><link rel="stylesheet" href="style.css"><script src="run.js?v=1"></script></head>
<body><h1 id="Δ">Δ</h1><a href="other.html#here">o</a><a href="#%CE%94">Δ</a><a href="https://example.org/">w</a>
<img src="{PICTURE}"></body></html>"""


def test_the_sidebar_has_every_page():
    """A page would be written and nobody could find it on the site."""
    with (SITE / "navigation.toml").open("rb") as file:
        named = [page for part in tomllib.load(file)["part"] for page in part["pages"]]
    there = {path.relative_to(ROOT).as_posix() for suffix in ("md", "ipynb") for path in (ROOT / "docs").rglob(f"*.{suffix}")}
    assert there == {page for page in named if page.startswith("docs/")}
    assert len(named) == len(set(named))


def test_the_check_accepts_a_whole_site(site):
    """Nobody could build the site."""
    assert not said(site)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ('<a href="gone.html">x</a>', "gone.html: is not there"),
        ('<a href="other.html#gone">x</a>', "other.html#gone: has no such anchor"),
        ('<a href="#gone">x</a>', "#gone: has no such anchor"),
        ('<a href="folder">x</a>', "folder: is a folder"),
        ('<a href="/other.html">x</a>', "/other.html: is outside the site"),
        ('<a href="../outside.html">x</a>', "../outside.html: is outside the site"),
        ('<a href="file:///tmp/x.html">x</a>', "file:///tmp/x.html: is no address that works everywhere"),
        ('<img src="gone.png">', "gone.png: is not there"),
        ('<img srcset="gone.png 2x, style.css 1x">', "gone.png: is not there"),
        ('<img src="//example.org/x.png">', "//example.org/x.png: is loaded from the network"),
        ('<script src="https://example.org/x.js"></script>', "https://example.org/x.js: is loaded from the network"),
        ('<link rel="preconnect" href="https://example.org">', "https://example.org: is loaded from the network"),
        ('<iframe src="https://example.org/"></iframe>', "https://example.org/: is loaded from the network"),
        ('<p style="background: url(https://example.org/x.png)">', "https://example.org/x.png: is loaded from the network"),
        ('<style>@import "https://example.org/x.css";</style>', "https://example.org/x.css: is loaded from the network"),
        ('<meta http-equiv="refresh" content="0; url=gone.html">', "gone.html: is not there"),
    ],
)
def test_the_check_refuses_a_fault(site, fault, reason):
    """A reader would follow a link into nothing, or a page read without a network would lack a part."""
    page = site / "index.html"
    page.write_text(page.read_text(encoding="utf-8").replace("</body>", f"{fault}</body>"), encoding="utf-8")
    assert said(site, code=1) == f"index.html: {reason}\n"


def test_the_check_reads_stylesheets(site):
    """A font would come from a server, which learns who reads the page."""
    (site / "style.css").write_text("@font-face { src: url('https://example.org/font.woff2') }", encoding="utf-8")
    assert said(site, code=1) == "style.css: https://example.org/font.woff2: is loaded from the network\n"


def test_the_check_refuses_an_empty_folder(tmp_path):
    """A build that wrote nothing would be called whole."""
    assert "has no index.html" in said(tmp_path, code=1)


@pytest.mark.slow
@pytest.mark.skipif(not all(map(find_spec, ("sphinx", "furo", "myst_nb"))), reason="needs what `make docs` installs")
@pytest.mark.skipif(not (ROOT / "bpcompare").is_dir(), reason="needs the checkout")
def test_a_fault_in_a_page_leaves_no_site(tmp_path):
    """A site with dead links would stand in site/ and look whole."""
    for name in ("backends", "benchmarks", "bpcompare", "docs", "examples"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md"):
        shutil.copy(ROOT / name, tmp_path)
    with (tmp_path / "docs" / "page.md").open("a", encoding="utf-8") as page:
        page.write("\n[a](nowhere.md) [b](verdicts.md#nowhere) ![c](nowhere.png)\n")
    (tmp_path / "docs" / "lost.md").write_text("# Not in the sidebar\n", encoding="utf-8")
    build = [sys.executable, tmp_path / "docs" / "site" / "build.py"]
    done = subprocess.run(build, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 1
    for fault in ("'nowhere.md'", "'docs/verdicts': 'nowhere'", "nowhere.png", "lost.md"):
        assert fault in done.stderr, done.stderr
    assert not [path.name for path in tmp_path.iterdir() if path.name.endswith(("site", ".part"))]


@pytest.fixture
def site(tmp_path):
    """Three files that hold together."""
    folder = tmp_path / "site"
    (folder / "folder").mkdir(parents=True)
    (folder / "index.html").write_text(WHOLE, encoding="utf-8")
    (folder / "other.html").write_text('<html><body><p id="here">o</p></body></html>', encoding="utf-8")
    (folder / "style.css").write_text("p { color: black } /* https://example.org */", encoding="utf-8")
    (folder / "run.js").touch()
    (tmp_path / "outside.html").touch()
    return folder


def said(folder, code=0):
    """What the check prints about a folder, and that it ends with `code`."""
    done = subprocess.run([sys.executable, CHECK, folder], capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == code, done.stderr
    return done.stderr
