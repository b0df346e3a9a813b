"""What the README and the pages beside it show is what bpcompare does."""

from pathlib import Path

import pytest
from blocks import blocks, calls, differences

ROOT = Path(__file__).parents[2]
PAGES = [page for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))) if page.is_file()]
SHOWN = [
    (page, index, block)
    for page in PAGES
    for index, block in enumerate(blocks(page))
    if block.language in {"python", "console"} and not block.file
]


@pytest.mark.parametrize(
    ("page", "index", "block"), SHOWN, ids=[f"{page.stem}:{block.line}:{block.language}" for page, _, block in SHOWN]
)
def test_what_is_shown_is_what_happens(page, index, block, shell, terminal, needs, capsys):
    """A reader types what the page shows, and something else happens."""
    before = blocks(page)
    _files_shown(before[:index])
    if block.language == "console":
        needs(block.text)
        for command, said in calls(block):
            found = differences(said, shell(command))
            assert not found, f"{page.name}, line {block.line}: $ {command}\n" + "\n".join(found)
        return
    follows = before[index + 1] if index + 1 < len(before) and before[index + 1].language == "text" else None
    needs(block.text)
    names = {"__name__": "shown"}
    for earlier in before[:index]:  # imports and variables of blocks further up
        if earlier.language == "python" and not earlier.file and _is_continued(block, earlier):
            exec(compile(earlier.text, page.name, "exec"), names)
    capsys.readouterr()
    exec(compile(block.text, f"{page.name}, line {block.line}", "exec"), names)
    printed = capsys.readouterr().out
    found = differences(follows.text if follows else "", printed)
    assert not found, f"{page.name}, line {block.line}:\n" + "\n".join(found)


def _is_continued(block, earlier):
    return "import bpcompare\n" in earlier.text and "bpcompare." in block.text and "import bpcompare\n" not in block.text


def _files_shown(earlier):
    """Files that a page shows in full, with the one-line corrections (`diff` blocks) that follow them."""
    written = []
    for block in earlier:
        if block.file and block.language in {"python", "toml"}:
            Path(block.file).write_text(block.text, encoding="utf-8")
            written.append(Path(block.file))
        if block.language == "diff":
            old, new = (next(x[1:] for x in block.text.splitlines() if x[0] == sign) for sign in "-+")
            text = written[-1].read_text(encoding="utf-8")
            assert text.count(f"{old}\n") == 1, f"line {block.line}: {written[-1]} has no such line"
            written[-1].write_text(text.replace(old, new), encoding="utf-8")


def test_the_matcher_sees_what_matters():
    """The pages would be compared with anything and found right."""
    said = "torch   torch 2.13.0+cpu   ok 28 %   WRONG\n\n  law  -0.00877135468948694"
    assert not differences(said, "torch  torch 2.14.1  ok 3 %  WRONG\n\n law -0.00877135468948693")
    assert differences(said, "torch  torch 2.14.1  ok 3 %  ok 4 %\n\n law -0.00877135468948693")
    assert differences(said, "torch  torch 2.14.1  ok 3 %  WRONG\n\n law -0.00877135468948604")
    assert differences(said, "jax  torch 2.14.1  ok 3 %  WRONG\n\n law -0.00877135468948693")
    assert differences(said, "torch  torch 2.14.1  ok 3 %  WRONG")
    assert differences("3 backends", "2 backends")
    assert not differences("a\n…\nz", "a\nb\nc\nz")
    assert differences("a\n…\nz", "a\nb\nc")
