"""The picture of a notebook on its card: a small file beside the templates, or a plain drawing."""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote

from ..home.workspace import PICTURES

#: Seven of them, written as base64, leave room for the rest of a page of 60 KB.
MAX_BYTES = 6 * 1024
_TYPES = {".webp": "image/webp", ".png": "image/png", ".svg": "image/svg+xml"}


def picture(templates: Path, stem: str) -> str:
    """Return a notebook's picture as a `data:` URL.

    Args:
        templates: directory of the templates.
        stem: the notebook's name without `.py`.
    """
    for suffix, kind in _TYPES.items():
        file = templates / PICTURES / f"{stem}{suffix}"
        try:
            stat = file.stat()
            if stat.st_size <= MAX_BYTES:
                return _inline(file, kind, stat.st_mtime_ns)
        except OSError:
            continue
    return drawing(stem)


@lru_cache(maxsize=64)
def _inline(file: Path, kind: str, mtime_ns: int) -> str:
    """Read a picture; its time is here so that a changed one is read again."""
    return f"data:{kind};base64,{base64.b64encode(file.read_bytes()).decode()}"


@lru_cache(maxsize=64)
def drawing(stem: str) -> str:
    """Return a plain drawing of moss balls as a `data:` URL; each name has its own.

    Args:
        stem: the notebook's name.
    """
    balls = []
    digest = hashlib.sha256(stem.encode(errors="replace")).digest()
    for number, x in enumerate((38, 84, 130, 176, 212)):
        size = 9 + digest[number] % 19
        y = 96 - size - digest[number + 8] % 24
        balls.append(f'<circle cx="{x}" cy="{y}" r="{size}" fill="url(#m)"/>')
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 240 120"><defs><radialGradient id="m"'
        ' cx=".36" cy=".3" r=".8"><stop offset="0" stop-color="#9ad27f"/><stop offset=".55"'
        ' stop-color="#4c9a52"/><stop offset="1" stop-color="#1f5d3a"/></radialGradient></defs>'
        f'<g opacity=".72">{"".join(balls)}</g><path d="M16 98h208" stroke="#4c9a52"'
        ' stroke-opacity=".4" stroke-width="2" stroke-linecap="round"/></svg>'
    )
    return "data:image/svg+xml," + quote(svg, safe=" =:/'(),.<>")
