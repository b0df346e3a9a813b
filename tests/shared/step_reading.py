"""Reads the page of a watched step as a browser would: its elements as a tree."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "input", "path", "br", "link"}


@dataclass(eq=False)
class Element:
    """A tag with its attributes, what it stands in, and what stands in it."""

    tag: str
    attributes: dict
    parent: "Element | None" = None
    holds: list = field(default_factory=list)

    @property
    def classes(self):
        """Words of its class."""
        return (self.attributes.get("class") or "").split()

    @property
    def text(self):
        """All of its text."""
        return " ".join("".join(one if isinstance(one, str) else f" {one.text} " for one in self.holds).split())

    def all(self, tag="", name=""):
        """The elements in it, at any depth, of a tag and a class."""
        for one in self.holds:
            if isinstance(one, Element):
                if (not tag or one.tag == tag) and (not name or name in one.classes):
                    yield one
                yield from one.all(tag, name)

    @property
    def around(self):
        """What it stands in, from the inside."""
        one = self.parent
        while one is not None:
            yield one
            one = one.parent


class _Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.at = self.root = Element("", {})

    def handle_starttag(self, tag, attrs):
        one = Element(tag, dict(attrs), self.at)
        self.at.holds.append(one)
        if tag not in VOID:
            self.at = one

    def handle_startendtag(self, tag, attrs):
        self.at.holds.append(Element(tag, dict(attrs), self.at))

    def handle_endtag(self, tag):
        assert self.at.tag == tag, f"</{tag}> within <{self.at.tag}>"
        self.at = self.at.parent

    def handle_data(self, data):
        self.at.holds.append(data)


def read(page):
    """The root of a page. Tags that are closed in a wrong order fail here."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    assert reader.at is reader.root
    return reader.root


def markup(element):
    """An element as text again, for readers of MathML."""
    inner = "".join(one if isinstance(one, str) else markup(one) for one in element.holds)
    space = f' xmlns="{element.attributes["xmlns"]}"' if "xmlns" in element.attributes else ""
    return f"<{element.tag}{space}>{inner.replace('&', '&amp;')}</{element.tag}>"
