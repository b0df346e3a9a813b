"""Several processes that train one model: are their gradients averaged, and do they stay one model?"""

from bpcompare.own.ranks.ranks import Ranks, ranks

__all__ = ["Ranks", "ranks"]
