"""What every HTML page of ours is made with: templates that escape, styles, scripts, and the policy that lets nothing else in."""

from __future__ import annotations

import base64
import hashlib
import json
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from bpcompare.report.labels import safe

HOME = "bpcompare.page"
"""The package that has the templates of most pages."""


def environment(package: str = HOME) -> Environment:
    """The templates of a package. Everything that they are handed is escaped, and a name that they lack is an error."""
    loader = PackageLoader(package, "templates")
    made = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    made.filters["json"] = in_script
    made.filters["safe_text"] = safe
    made.filters["safe_lines"] = lambda text: "\n".join(map(safe, text.expandtabs().splitlines()))
    return made


def asset(name: str, package: str = HOME) -> str:
    """A style or a script that stands beside the templates."""
    return files(package).joinpath("templates", name).read_text(encoding="utf-8").strip() + "\n"


def in_script(content: Any) -> Markup:
    """JSON that may stand in a script element: nothing in it can end the element or open a comment."""
    text = json.dumps(content, ensure_ascii=True, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))  # noqa: S704 — no character of it is markup


def policy(style: str, script: str) -> str:
    """Nothing is loaded, and only this style and this script count: markup that got in by a name could do nothing."""
    parts = ["default-src 'none'", f"style-src '{_hash(style)}'", "base-uri 'none'", "form-action 'none'"]
    if script:
        parts.append(f"script-src '{_hash(script)}'")
    return "; ".join(parts)


def _hash(content: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}"
