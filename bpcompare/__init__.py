"""bpcompare: do these backends compute the same gradients and weight updates, and if not, who is wrong?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bpcompare import former  # noqa: F401 — modules of 0.1 are found under their old names from now on

__version__ = "0.2.0"

if TYPE_CHECKING:
    from bpcompare.network import Network
    from bpcompare.own.check import Checked, check
    from bpcompare.own.law import law
    from bpcompare.own.pair import Compared, compare
    from bpcompare.own.ranks import Ranks, ranks
    from bpcompare.own.step import WatchedStep
    from bpcompare.own.storage import load as load_watched
    from bpcompare.own.watch import watch
    from bpcompare.session import run
    from bpcompare.session.archive import load_comparison
    from bpcompare.spec import read as load
    from bpcompare.teach.learn import exercise
    from bpcompare.tools.gradient import check_gradient
    from bpcompare.verdict.comparison import Comparison

_HOMES = {
    "Checked": ("bpcompare.own", "Checked"),
    "Compared": ("bpcompare.own.pair", "Compared"),
    "WatchedStep": ("bpcompare.own", "WatchedStep"),
    "Ranks": ("bpcompare.own.ranks", "Ranks"),
    "check": ("bpcompare.own", "check"),
    "ranks": ("bpcompare.own.ranks", "ranks"),
    "compare": ("bpcompare.own.pair", "compare"),
    "watch": ("bpcompare.own", "watch"),
    "Comparison": ("bpcompare.verdict.comparison", "Comparison"),
    "law": ("bpcompare.own", "law"),
    "check_gradient": ("bpcompare.tools.gradient", "check_gradient"),
    "exercise": ("bpcompare.teach.learn", "exercise"),
    "Network": ("bpcompare.network", "Network"),
    "load": ("bpcompare.spec", "read"),
    "load_comparison": ("bpcompare.session.archive", "load_comparison"),
    "load_watched": ("bpcompare.own", "load_watched"),
    "run": ("bpcompare.session", "run"),
}

__all__ = [
    "Checked",
    "Compared",
    "Comparison",
    "Network",
    "Ranks",
    "WatchedStep",
    "__version__",
    "check",
    "check_gradient",
    "compare",
    "exercise",
    "law",
    "load",
    "load_comparison",
    "load_watched",
    "ranks",
    "run",
    "watch",
]


def __getattr__(name: str) -> Any:
    # Imported when first asked for: `import bpcompare` is to cost nothing.
    if name not in _HOMES:
        raise AttributeError(f"module 'bpcompare' has no attribute {name!r}")
    from importlib import import_module

    module, attribute = _HOMES[name]
    return getattr(import_module(module), attribute)
