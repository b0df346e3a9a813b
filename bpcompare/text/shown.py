"""Base classes for notebook views. The code of the views is in bpcompare.page, a higher layer, and is looked up by name."""

from __future__ import annotations

from pkgutil import resolve_name
from typing import Any, ClassVar

PAGE = "bpcompare.page:"
BUNDLES = "bpcompare.page.notebook:"


class Shown:
    """An object that notebooks show: `bundle` is the name of the function that makes its text and HTML."""

    bundle: ClassVar[str]

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        found: dict[str, str] = resolve_name(BUNDLES + self.bundle)(self)
        return found


class Paged(Shown):
    """A noun that has a page of its own as well."""

    def to_html(self, *, static: bool = False) -> str:
        """The HTML page of `bpcompare report`, as text; `static` without scripts."""
        wishes = resolve_name(f"{PAGE}Wishes")
        return str(resolve_name(f"{PAGE}page")(self, wishes(static=static)))

    def show(self) -> Any:
        """The HTML page in a frame, for notebooks."""
        return resolve_name(f"{BUNDLES}Framed")(self)
