"""A watched step as one HTML file: its modules, what each of them calls, and every claim about that."""

from bpcompare.own.page.page import page

__all__ = ["page"]
