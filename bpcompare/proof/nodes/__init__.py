"""Layers of one node, judged side by side: ten thousand of them are a few evaluations of their laws, not ten thousand."""

from bpcompare.proof.nodes.judged import SideBySide

__all__ = ["SideBySide"]
