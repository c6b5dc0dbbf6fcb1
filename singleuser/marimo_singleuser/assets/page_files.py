"""The files that marimo's page loads to show a notebook, for a browser that fetches them ahead."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from .bundle import find_bundle

_LINKED = re.compile(r'(?:href|src)="\./(assets/[\w.-]+)"')
_PARTS = re.compile(r"__vite__mapDeps=.*?m\.f=\[([^\]]*)\]", re.DOTALL)
_PART = re.compile(r'"\./([\w.-]+)"')
_EDITOR = re.compile(r"import\(`\./edit-page-[\w-]+\.js`\),__vite__mapDeps\(\[([\d,]+)\]\)")
_PROGRAM = re.compile(r"new URL\(`([\w.-]+\.wasm)`")  # a script waits for it


@cache
def linked(static: Path) -> tuple[str, ...]:
    """Return the files that marimo's page names itself, in its order; a bundle's for its scripts.

    Args:
        static: directory of marimo's page.

    Returns:
        Paths below the server's base URL; none if marimo's page is not as expected.
    """
    bundle = find_bundle(static)
    return _replaced(_linked(static), bundle.page if bundle else None)


def _replaced(names: tuple[str, ...], scripts: tuple[str, ...] | None) -> tuple[str, ...]:
    """Return the names with these scripts in place of all that they have; no script waits then."""
    if scripts is None or not names:
        return names
    return (*scripts, *(name for name in names if not name.endswith((".js", ".wasm"))))


@cache
def _linked(static: Path) -> tuple[str, ...]:
    try:
        page = (static / "index.html").read_text("utf-8")
    except OSError:
        return ()
    return tuple(dict.fromkeys(_LINKED.findall(page)))


@cache
def of_the_editor(static: Path) -> tuple[str, ...]:
    """Return the files that marimo's program loads for a notebook, and not for other pages.

    Args:
        static: directory of marimo's page.

    Returns:
        Paths below the server's base URL; none if marimo's page is not as expected.
    """
    bundle = find_bundle(static)
    return _replaced(_of_the_editor(static), bundle.editor if bundle else None)


def _of_the_editor(static: Path) -> tuple[str, ...]:
    known = _linked(static)
    program = next((name for name in known if re.match(r"assets/index-.*\.js$", name)), "")
    try:
        code = (static / program).read_text("utf-8")
        parts, wanted = _PARTS.search(code), _EDITOR.search(code)
        if parts is None or wanted is None:
            return ()
        names = [f"assets/{name}" for name in _PART.findall(parts[1])]
        numbers = [int(number) for number in wanted[1].split(",")]
        found = [names[number] for number in numbers if number < len(names)]
        found = [name for name in dict.fromkeys(found) if name not in known]
        scripts = (name for name in found if name.endswith(".js") and "wasm" in name)
        programs = [_PROGRAM.findall((static / name).read_text("utf-8")) for name in scripts]
        return (*found, *(f"assets/{name}" for names in programs for name in names))
    except OSError:
        return ()
