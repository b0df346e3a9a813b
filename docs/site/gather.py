"""The pages of the site, collected from the repository into one folder with the same paths.

README.md becomes index.md, folders become pages that show their files, and links are changed accordingly. All else is copied as
it is: what is read on GitHub is what is read here.
"""

import os
import re
import shutil
import tomllib
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SHOWN = {".py": "python", ".toml": "toml"}
"""Files of a folder that its page shows, and their languages."""
FENCED = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<=\]\()[^)\s]+(?=\))")


def navigation() -> dict[str, list[str]]:
    """Title of each part of the sidebar, and its pages."""
    with (HERE / "navigation.toml").open("rb") as file:
        return {part["title"]: part["pages"] for part in tomllib.load(file)["part"]}


def gather(to: Path) -> None:
    """Write everything that Sphinx reads into `to`, but for the pages in `api/`."""
    pages = [page for part in navigation().values() for page in part if not page.startswith("api/")]
    # Sphinx complains about a page that the sidebar lacks, so it must see them all.
    pages += sorted({path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md")} - set(pages))
    for page in pages:
        source = ROOT / page
        if page.endswith("/"):
            below = _below(page, pages)
            _write(to / page / "index.md", _folder(source, below))
            for file in below:
                if file.suffix == ".md":
                    _write(to / file.relative_to(ROOT), _markdown(file))
        elif source.suffix == ".ipynb":
            _copy(source, to)
        elif source.suffix == ".md":
            _write(to / ("index.md" if page == "README.md" else page), _markdown(source))
        else:
            _write(to / f"{page}.md", _shown(page, source, level=1))
    for picture in sorted((ROOT / "docs").glob("*.png")):
        _copy(picture, to)
    index = to / "index.md"
    _write(index, index.read_text(encoding="utf-8") + _sidebar())


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _copy(source: Path, to: Path) -> None:
    target = to / source.relative_to(ROOT)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _below(folder: str, pages: list[str]) -> list[Path]:
    """The files of a folder that no other page has."""
    elsewhere = tuple(page for page in pages if page.endswith("/") and page != folder and page.startswith(folder))
    names = {path.relative_to(ROOT).as_posix(): path for path in (ROOT / folder).rglob("*") if path.suffix in {".md", *SHOWN}}
    left = [path for name, path in names.items() if name not in pages and not name.startswith(elsewhere)]
    return sorted(left, key=lambda path: (path.parent, path.name != "README.md", path.name))


def _sidebar() -> str:
    """The pages as Sphinx wants them: documents without their endings."""
    lines = []
    for title, pages in navigation().items():
        names = ["self" if page == "README.md" else f"{page}index" if page.endswith("/") else page for page in pages]
        names = [name.removesuffix(".md").removesuffix(".ipynb") for name in names]
        lines += ["", "```{toctree}", ":hidden:", f":caption: {title}", "", *names, "```", ""]
    return "\n".join(lines)


def _markdown(source: Path) -> str:
    """The text of a page, with a title if it has none; links lead to what README.md, LICENSE and folders have become."""
    pieces = FENCED.split(source.read_text(encoding="utf-8"))
    pieces[::2] = [LINK.sub(lambda target: _link(target[0], source), prose) for prose in pieces[::2]]
    text = "".join(pieces)
    return text if text.startswith("# ") else f"# {source.parent.name}: {source.stem.lower()}\n\n{text}"


def _link(target: str, source: Path) -> str:
    path, mark, anchor = target.partition("#")
    if not path or re.match(r"[a-z]+:", target):
        return target
    file = (source.parent / path).resolve()
    if file in {ROOT, ROOT / "README.md"}:
        file = ROOT / "index.md"
    elif file.is_dir():
        file /= "README.md" if (file / "README.md").is_file() else "index.md"
    elif file.is_file() and not file.suffix:
        file = file.with_name(f"{file.name}.md")
    else:
        return target
    return Path(os.path.relpath(file, source.parent)).as_posix() + mark + anchor


def _folder(folder: Path, below: list[Path]) -> str:
    """A page with the files of a folder: documents are listed, and the others shown."""
    documents = [file.relative_to(folder).with_suffix("").as_posix() for file in below if file.suffix == ".md"]
    parts = [f"# Files of {folder.relative_to(ROOT).as_posix()}\n"]
    if documents:
        parts.append("\n".join(["```{toctree}", ":maxdepth: 1", "", *documents, "```", ""]))
    parts += [
        _shown(f"`{file.relative_to(folder).as_posix()}`", file, level=2)
        for file in below
        if file.suffix in SHOWN and file.stat().st_size
    ]
    return "\n".join(parts)


def _shown(title: str, file: Path, *, level: int) -> str:
    """A whole file as a block, in a fence that is longer than any in it."""
    text = file.read_text(encoding="utf-8").rstrip()
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{'#' * level} {title}\n\n{fence}{SHOWN.get(file.suffix, 'text')}\n{text}\n{fence}\n"
