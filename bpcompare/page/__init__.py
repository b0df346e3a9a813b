"""A comparison as one HTML file: offline, readable without scripts, every step of the proof with its formula."""

from bpcompare.page.page import Wishes, page

__all__ = ["Wishes", "page"]
