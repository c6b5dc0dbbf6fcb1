"""A notebook's kept outputs as a page without scripts, and a picture of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from mosshub_contract.apps import MAX_PICTURE_CHARS
from mosshub_contract.snapshots import MAX_KEPT_BYTES

from ..frame.small_files import read_end
from ..history.store import session_file

_MAX_SESSION_BYTES = 16 * 1024**2
_LATER = '<p class="later">This part appears when the app is running.</p>'
_STYLE = (
    "<meta charset='utf-8'><style>body{margin:1.5rem auto;max-width:60rem;padding:0 1.5rem;"
    "font:16px/1.55 system-ui,sans-serif;color:#1f2a23;background:#fff;overflow-wrap:anywhere}"
    "img,svg{max-width:100%}table{border-collapse:collapse}td,th{padding:.2rem .6rem;border:1px "
    "solid #dbe6dc}pre{white-space:pre-wrap}.later{color:#55645a;font-style:italic}</style>"
)
_IMAGES = ("image/png", "image/jpeg", "image/webp", "image/svg+xml")
_TAG = re.compile(r"<[^>]*>")
_PICTURE = re.compile(r"data:image/(?:png|jpeg|webp);base64,[A-Za-z0-9+/=]+")


def kept_page(notebook: Path) -> str:
    """Return the kept outputs of a notebook (HTML); empty if there are none.

    Args:
        notebook: path of the notebook.
    """
    parts = [part for output in _outputs(notebook) if (part := _html(output))]
    # One part after another that only a kernel shows is said once.
    shown = [part for n, part in enumerate(parts) if part != _LATER or parts[n - 1 : n] != [_LATER]]
    if not any(part != _LATER for part in shown):
        return ""
    page = _STYLE + "\n".join(f"<div>{part}</div>" for part in shown)
    return page if len(page.encode()) <= MAX_KEPT_BYTES else ""


def kept_picture(notebook: Path) -> str:
    """Return the first picture in a notebook's kept outputs as a `data:` URL; empty without one."""
    for output in _outputs(notebook):
        for kind in _IMAGES[:3]:
            found = output.get(kind)
            if isinstance(found, str) and _PICTURE.fullmatch(found) and _is_small(found):
                return found
        html = output.get("text/html")
        for picture in _PICTURE.findall(html) if isinstance(html, str) else ():
            if _is_small(picture):
                return picture
    return ""


def _is_small(picture: str) -> bool:
    return 1000 < len(picture) <= MAX_PICTURE_CHARS  # smaller ones are dots and spaces


def _outputs(notebook: Path) -> Iterator[dict[str, Any]]:
    """Yield the contents of each kept output by their types."""
    try:
        cells = json.loads(read_end(session_file(notebook), _MAX_SESSION_BYTES))["cells"]
        outputs = [output for cell in cells for output in cell["outputs"]]
    except (ValueError, KeyError, TypeError):
        return
    for output in outputs:
        data = output.get("data") if isinstance(output, dict) else None
        if isinstance(data, dict):
            yield data


def _html(data: dict[str, Any]) -> str:
    """Return an output as HTML; empty for one that shows nothing."""
    for kind in _IMAGES:
        found = data.get(kind)
        if isinstance(found, str) and found.startswith("data:"):
            return f'<img src="{escape(found)}" alt="">'
    for kind in ("text/html", "text/markdown"):
        found = data.get(kind)
        if isinstance(found, str) and found.strip():
            is_seen = _TAG.sub("", found).strip() or "<img" in found or "<svg" in found
            return found if is_seen else _LATER
    plain = data.get("text/plain")
    if isinstance(plain, str) and plain.strip():
        return f"<pre>{escape(plain)}</pre>"
    return _LATER if data else ""
