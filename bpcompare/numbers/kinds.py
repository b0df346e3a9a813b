"""How it is told whether something is a number of a kind of its own: it is asked in every primitive."""

from __future__ import annotations

from abc import ABCMeta


class Kinds(ABCMeta):
    """Of classes with abstract methods that nobody registers others with: the plain question takes a third of the time."""

    __instancecheck__ = type.__instancecheck__
