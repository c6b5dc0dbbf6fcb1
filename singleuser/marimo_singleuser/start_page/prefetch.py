"""The files of marimo's page that a browser fetches ahead, while people read the start page."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

from ..assets.files import static_directory

_LINKED = re.compile(r'(?:href|src)="\./(assets/[\w.-]+)"')
_PARTS = re.compile(r"__vite__mapDeps=.*?m\.f=\[([^\]]*)\]", re.DOTALL)
_PART = re.compile(r'"\./([\w.-]+)"')
_EDITOR = re.compile(r"import\(`\./edit-page-[\w-]+\.js`\),__vite__mapDeps\(\[([\d,]+)\]\)")


def assets(static: Path) -> list[str]:
    """Return the files that marimo loads to show a notebook, the first that it needs first.

    Args:
        static: directory of marimo's page.

    Returns:
        Paths below the server's base URL; none if marimo's page is not as expected.
    """
    try:
        linked = _LINKED.findall((static / "index.html").read_text("utf-8"))
        return list(dict.fromkeys([*linked, *_of_the_editor(static, linked)]))
    except OSError:
        return []


def _of_the_editor(static: Path, linked: list[str]) -> list[str]:
    """Return the files that marimo's program loads for a notebook and not for other pages."""
    program = next((name for name in linked if name.startswith("assets/index-")), None)
    if program is None or not program.endswith(".js"):
        return []
    code = (static / program).read_text("utf-8")
    parts, wanted = _PARTS.search(code), _EDITOR.search(code)
    if parts is None or wanted is None:
        return []
    names = _PART.findall(parts[1])
    numbers = [int(number) for number in wanted[1].split(",")]
    return [f"assets/{names[number]}" for number in numbers if number < len(names)]


@cache
def script() -> bytes:
    """Return the script that fetches the files ahead."""
    template = (Path(__file__).parent / "static" / "prefetch.js").read_text("utf-8")
    return template.replace("[/* assets */]", json.dumps(assets(static_directory()))).encode()
