"""bpcompare: do these backends compute the same gradients and weight updates, and if not, who is wrong?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from bpcompare.archive import load_comparison
    from bpcompare.comparison import Comparison
    from bpcompare.gradient import check_gradient
    from bpcompare.learn import exercise
    from bpcompare.network import Network
    from bpcompare.session import run
    from bpcompare.spec import read as load

_HOMES = {
    "Comparison": ("bpcompare.comparison", "Comparison"),
    "check_gradient": ("bpcompare.gradient", "check_gradient"),
    "exercise": ("bpcompare.learn", "exercise"),
    "Network": ("bpcompare.network", "Network"),
    "load": ("bpcompare.spec", "read"),
    "load_comparison": ("bpcompare.archive", "load_comparison"),
    "run": ("bpcompare.session", "run"),
}

__all__ = ["Comparison", "Network", "__version__", "check_gradient", "exercise", "load", "load_comparison", "run"]


def __getattr__(name: str) -> Any:
    # Imported when first asked for: `import bpcompare` is to cost nothing.
    if name not in _HOMES:
        raise AttributeError(f"module 'bpcompare' has no attribute {name!r}")
    from importlib import import_module

    module, attribute = _HOMES[name]
    return getattr(import_module(module), attribute)
