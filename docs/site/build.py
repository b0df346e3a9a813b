"""`make docs`: collect the pages, make HTML of them, check it, and only then let it stand in site/."""

import shutil
import sys
import tempfile
from pathlib import Path

from gather import HERE, ROOT, gather
from links import problems
from sphinx.cmd.build import build_main

SITE = ROOT / "site"
# The docstrings are those of this checkout, also where another one is installed.
sys.path[:0] = [str(ROOT), str(ROOT / "backends")]


def main() -> int:
    """0, or 1 with what is wrong on standard error."""
    import api

    with tempfile.TemporaryDirectory() as folder:
        pages, doctrees, html = (Path(folder, "sphinx", name) for name in ("pages", "doctrees", "html"))
        gather(pages)
        api.write(pages / "api")
        # A warning is a link or an anchor that leads nowhere, a page that the sidebar lacks, or markup that is not understood.
        options = ["--quiet", "--fail-on-warning", "--conf-dir", str(HERE), "--doctree-dir", str(doctrees)]
        if build_main([*options, str(pages), str(html)]):
            return _failed("Sphinx found what stands above")
        found = list(problems(html))
        if found:
            return _failed(*found)
        # Copied beside its place, then renamed: what stands in site/ is whole at any time.
        part = SITE.with_name(".site.part")
        shutil.rmtree(part, ignore_errors=True)
        shutil.copytree(html, part, ignore=shutil.ignore_patterns("_sources", ".buildinfo", "objects.inv"))
        shutil.rmtree(SITE, ignore_errors=True)
        part.rename(SITE)
    print(f"{SITE / 'index.html'}: open it in a browser")
    return 0


def _failed(*lines: str) -> int:
    print(*lines, "no site was made; one that was there is as it was", sep="\n", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
