"""The first lines of a worker's process, run as a script: `python bootstrap.py FOLDER`.

Standard library only, and readable by a Python that is too old: it is to say so, not to fail with a SyntaxError. The protocol
stands in docs/protocol.md.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

PROTOCOL = 1
OLDEST = (3, 11)


def main(folder: Path) -> int:
    """Serve the request in `folder`; 0 if there is an answer, whatever it says."""
    import faulthandler

    faulthandler.enable()
    request = json.loads((folder / "request.json").read_text(encoding="utf-8"))
    if sys.version_info < OLDEST:
        return _broken(folder, f"Python {sys.version.split()[0]} is too old: 3.11 or newer is needed")
    if request["protocol"] != PROTOCOL:
        return _broken(folder, f"the request is of another bpcompare: protocol {request['protocol']}")
    _limit("RLIMIT_DATA", request["memory"])
    _limit("RLIMIT_FSIZE", request.get("file", 0))
    sys.path[:] = request["path"] or sys.path
    try:
        sys.meta_path.insert(0, _Sent(request["packages"]))
        serve = importlib.import_module(request.get("serve", "bpcompare.engine.worker.child")).serve
    except ModuleNotFoundError as error:
        return _broken(folder, f"{sys.executable} has no module {error.name!r}")
    done: int = serve(folder, request["address"])
    return done


class _Sent:
    """Finds packages that were named in the request, and nothing that stands beside them."""

    def __init__(self, places: dict[str, str]) -> None:
        self._places = places

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """The spec of a package or module that was named."""
        if name not in self._places:
            return None
        place = Path(self._places[name])
        inside = [str(place)] if place.is_dir() else None
        source = place / "__init__.py" if inside else place
        return importlib.util.spec_from_file_location(name, str(source), submodule_search_locations=inside)


def _limit(kind: str, most: int) -> None:
    """Let what goes beyond so many bytes fail, where the system can: allocations, or writing a file."""
    if not most:
        return
    try:
        import resource

        number = getattr(resource, kind)
        hard = resource.getrlimit(number)[1]
        resource.setrlimit(number, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
    except (ImportError, AttributeError, ValueError, OSError):
        pass


def answer(folder: Path, **content: Any) -> int:
    """Say what became of the request: `outcome.json` is there whole, or not at all. 0, as the process is to end."""
    part = folder / "outcome.part"
    part.write_text(json.dumps({"protocol": PROTOCOL, **content}), encoding="utf-8")
    part.replace(folder / "outcome.json")
    return 0


def _broken(folder: Path, reason: str) -> int:
    return answer(folder, outcome="broken", reason=reason)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
