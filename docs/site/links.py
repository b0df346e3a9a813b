"""Whether a built site holds together without a server and without a network: `python links.py FOLDER`.

Every link, anchor and picture must be in the folder; only links that a reader follows may lead to the web. What a script would
fetch is not seen here: tests/browser/test_site.py opens the pages.
"""

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

FOLLOWED = {"a", "area"}
"""Elements whose target is opened when a reader asks for it. What all others name is loaded with the page."""
NAMED = ("href", "src", "srcset", "data", "poster", "action", "xlink:href")
MENTIONED = {"alternate", "author", "canonical", "help", "index", "license", "next", "prev", "search"}
"""`<link rel=…>` that tell of a page and load nothing."""
IN_STYLE = re.compile(r"""url\(\s*["']?([^"')]+)|@import\s+["']([^"']+)""")


class Page(HTMLParser):
    """What a page names: `anchors` in it, and `targets`: (address, whether it is loaded with the page)."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.targets: list[tuple[str, bool]] = []
        self._style = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element."""
        found = {name: value or "" for name, value in attrs}
        self._style = tag == "style"
        self.anchors |= {found[name] for name in ("id", "name") if name in found}
        loads = tag not in FOLLOWED and not (tag == "link" and set(found.get("rel", "").split()) <= MENTIONED)
        for name in NAMED:
            if name == "srcset" and name in found:
                self.targets += [(part.split()[0], loads) for part in found[name].split(",") if part.strip()]
            elif name in found:
                self.targets.append((found[name], loads))
        self.targets += [(target, True) for target in in_style(found.get("style", ""))]
        if found.get("http-equiv", "").lower() == "refresh":
            self.targets.append((found.get("content", "").partition("=")[2], True))

    def handle_data(self, data: str) -> None:
        """Text, also that of a style."""
        if self._style:
            self.targets += [(target, True) for target in in_style(data)]

    def handle_endtag(self, tag: str) -> None:
        """The end of an element."""
        self._style = False


def in_style(text: str) -> list[str]:
    """What a stylesheet loads."""
    return [a or b for a, b in IN_STYLE.findall(text)]


def problems(site: Path) -> Iterator[str]:
    """One line for everything that a reader of the files in `site` would miss."""
    site = site.resolve()
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    if site / "index.html" not in pages:
        yield f"{site} has no index.html"
    named = {path: page.targets for path, page in pages.items()}
    for path in site.rglob("*.css"):
        named[path] = [(target, True) for target in in_style(path.read_text(encoding="utf-8"))]
    for path, targets in named.items():
        for target, loads in dict.fromkeys(targets):
            reason = _lost(target, path, loads, site, pages)
            if reason:
                yield f"{path.relative_to(site).as_posix()}: {target[:100]}: {reason}"


def _lost(target: str, origin: Path, loads: bool, site: Path, pages: dict[Path, Page]) -> str | None:
    parts = urlsplit(target)
    if parts.scheme == "data":
        return None
    if parts.scheme or parts.netloc:
        if loads:
            return "is loaded from the network"
        return None if parts.scheme in {"http", "https", "mailto"} else "is no address that works everywhere"
    file = (origin.parent / unquote(parts.path)).resolve() if parts.path else origin
    if parts.path.startswith("/") or not file.is_relative_to(site):
        return "is outside the site"
    if not file.is_file():
        return "is a folder" if file.is_dir() else "is not there"
    anchor = unquote(parts.fragment)
    if anchor and file in pages and anchor not in pages[file].anchors:
        return "has no such anchor"
    return None


if __name__ == "__main__":
    found = list(problems(Path(sys.argv[1])))
    print(*found, sep="\n", file=sys.stderr, end="\n" if found else "")
    sys.exit(bool(found))
