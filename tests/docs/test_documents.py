"""The documents against the code: links, lists and tables."""

import pkgutil
import re

import pytest

from bpcompare.laws import LAWS
from bpcompare.mistakes import MISTAKES
from bpcompare.numbers.ball import format as formats
from bpcompare.ops import OPS
from bpcompare.verdict.comparison import EXIT, PRECEDENCE
from places import ROOT

PACKAGE = ROOT / "bpcompare"
PAGES = sorted(page for pattern in ("*.md", "docs/*.md", "examples/**/*.md") for page in ROOT.glob(pattern))
checkout = pytest.mark.skipif(not PACKAGE.is_dir(), reason="needs the checkout: the pages point into the source")


@checkout
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    """A reader follows a link into nothing."""
    lost = []
    for target in re.findall(r"\]\(([^)\s]+)\)", _prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        if not file.exists() or (anchor and anchor not in _anchors(file)):
            lost.append(target)
    assert not lost


@checkout
def test_every_module_has_its_line_in_the_house():
    """Somebody looks for a module's purpose and the map does not know it."""
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    house = page[page.index("## The house") : page.index("## Who may import whom")]
    shown = set(re.findall(r"(?<=\s)\w+(?:/|\.py)(?=\s)", house))
    there = {path.name if path.is_file() else f"{path.name}/" for path in PACKAGE.iterdir() if _is_code(path)}
    there |= {f"{path.name}/" for path in (ROOT / "backends").iterdir() if _is_code(path)}
    assert there <= shown, f"ARCHITECTURE.md does not know {sorted(there - shown)}"
    gone = {name for name in shown - there if not (ROOT / name).exists()}
    assert not gone, f"ARCHITECTURE.md still has {sorted(gone)}"


@checkout
def test_the_arrows_can_be_followed():
    """Who reads the code as the data goes would look for functions that are not there."""
    arrows = re.search(r"^The arrows.*?\n\n", (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    named = re.findall(r"`(bpcompare[\w.]*)`", arrows[0])
    assert len(named) == 8
    for name in named:
        assert callable(pkgutil.resolve_name(name)), name


def test_allowances_are_those_of_the_balls():
    """The page would state another assumption about libraries than the one that decides."""
    table = _mathematics()
    names, values = (_cells(line) for line in re.findall(r"^\| (?:function|allowed, in u) .*$", table, re.MULTILINE))
    assert dict(zip(names[1:], map(float, values[1:]), strict=True)) == dict(formats.FUNCTIONS)
    assert f"gains {formats.REARRANGED:g} u times" in table.replace("\n", " ")


def test_the_grant_is_listed_as_it_is_given():
    """The page would say that an op's ball is narrower, or wider, than it is."""
    assert all(law.rearranged for law in LAWS.updates.values())
    assert "and every update rule |" in _mathematics()
    for title, given in (("granted", True), ("not granted", False)):
        (line,) = re.findall(rf"^\| {title} \| (.*) \|$", _mathematics(), re.MULTILINE)
        listed = re.findall(r"`(\w+)`", line)
        assert len(listed) > 20
        assert {LAWS.ops[OPS[name]].rearranged for name in listed} == {given}


def test_kinks_are_listed_as_the_ops_state_them():
    """A reader would look up a convention and find another."""
    table = _mathematics().partition("## Kinks")[2].partition("\n\nAny number")[0]
    listed = re.findall(r"^\| `(\w+)` \| (.*) \|$", table, re.MULTILINE)
    assert len(listed) > 10
    for name, kink in listed:
        assert kink in OPS[name].kinks, name


def test_thresholds_are_those_of_the_code():
    """The page would promise another threshold than the one that decides."""
    from bpcompare.proof import oracle, power
    from bpcompare.proof import watching as plain
    from bpcompare.proof.exact import drawing

    page = " ".join(_mathematics().split())
    assert power.LEAST == 0.01
    assert "worse than 1 % is undecided" in page
    assert (oracle.NEARER, oracle.STEP) == (100, 2.0**-300)
    assert "100 times nearer" in page
    assert "h = 2⁻³⁰⁰" in page
    assert (plain.CLOSE, plain.SPREAD, plain.RUNS) == (8, 10, 16)
    assert "more than 8 u of the norm, it must be within 10 times what up to 16 float64 runs" in page
    assert drawing.ALIVE == 0.25
    assert "fewer than a quarter of all Δ" in page


@pytest.mark.parametrize("name", ["README.md", "docs/verdicts.md"])
def test_exit_codes_are_listed(name):
    """A script would be written against other exit codes."""
    page = (ROOT / name).read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(\w+)` \| (\d) \|", page, re.MULTILINE)
    assert {verdict: int(code) for verdict, code in listed} == dict(EXIT)
    assert ", ".join(map(str, PRECEDENCE)) in page


def test_every_kind_of_mistake_is_listed():
    """A code in a report would have no row on the page that explains reports."""
    page = (ROOT / "docs" / "verdicts.md").read_text(encoding="utf-8")
    assert {f"`{code[:3]}..`" for code in MISTAKES} == set(re.findall(r"`BP\d\.\.`", page))


def _mathematics():
    return (ROOT / "docs" / "mathematics.md").read_text(encoding="utf-8")


def _cells(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


def _is_code(path):
    return path.suffix == ".py" or (path.is_dir() and (path / "__init__.py").is_file())


def _prose(page):
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def _anchors(page):
    """Anchors of headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", _prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
