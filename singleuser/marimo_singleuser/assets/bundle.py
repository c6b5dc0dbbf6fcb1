"""marimo's program in a few files, where `images/user/bundle` has written them beside its own."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from .files import static_directory

_AHEAD = re.compile(rb'\s*<link rel="modulepreload"[^>]*>')
_PROGRAM = re.compile(rb'(<script type="module"[^>]* src=")\./assets/index-[\w-]+\.js"')


@dataclass(frozen=True)
class Bundle:
    """Files that take the place of marimo's scripts; paths below the server's base URL.

    Attributes:
        page: what every page of marimo loads, and first the program itself.
        editor: what a notebook needs beside that.
        app: what an app needs beside that.
    """

    page: tuple[str, ...]
    editor: tuple[str, ...]
    app: tuple[str, ...]


@cache
def find_bundle(static: Path) -> Bundle | None:
    """Return the bundle; None where marimo is as it comes.

    Args:
        static: directory of marimo's page.
    """
    try:
        found = json.loads((static / "bundle.json").read_text("utf-8"))
    except FileNotFoundError:
        return None
    names = (tuple(f"assets/{name}" for name in found[kind]) for kind in ("page", "editor", "app"))
    return Bundle(*names)


def with_bundle(page: bytes, *, is_app: bool = False) -> bytes:
    """Return a page of marimo that loads the bundle, if there is one.

    Args:
        page: marimo's page (HTML).
        is_app: whether it shows an app; what that needs is then named, too.
    """
    bundle = find_bundle(static_directory())
    if bundle is None:
        return page
    scripts = (*bundle.page, *(bundle.app if is_app else ()))
    program, *ahead = (name.encode() for name in scripts)
    page, changed = _PROGRAM.subn(rb"\1./" + program + b'"', page)
    if not changed:
        return page  # it is no page with marimo's program
    links = b"".join(
        b'<link rel="modulepreload" crossorigin href="./%s">\n' % name for name in ahead
    )
    before, closed, rest = _AHEAD.sub(b"", page).partition(b"</head>")
    return before + links + closed + rest
