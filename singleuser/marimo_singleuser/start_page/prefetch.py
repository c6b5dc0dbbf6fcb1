"""The script with which a browser fetches marimo's files, while people read the start page."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from ..assets.files import static_directory
from ..assets.page_files import linked, of_the_editor


@cache
def script() -> bytes:
    """Return the script that fetches the files ahead, the first that a page needs first."""
    template = (Path(__file__).parent / "static" / "prefetch.js").read_text("utf-8")
    static = static_directory()
    names = [*linked(static), *of_the_editor(static)]
    # Text is there without fonts, and pictures are for an emergency that few people ever see.
    names.sort(key=lambda name: (name.endswith(".png"), name.endswith(".woff2")))
    return template.replace("[/* assets */]", json.dumps(names)).encode()
