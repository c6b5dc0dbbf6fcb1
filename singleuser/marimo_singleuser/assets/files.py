"""Which file answers a request for one of marimo's own."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

#: Encodings of files that `images/user/compress` wrote, by the end of their names; the best first.
ENCODINGS = {"br": ".br", "gzip": ".gz"}
_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "md": "text/markdown; charset=utf-8",
    "png": "image/png",
    "svg": "image/svg+xml",
    "ttf": "font/ttf",
    "wasm": "application/wasm",
    "woff": "font/woff",
    "woff2": "font/woff2",
}
_REFUSED = re.compile(r";\s*q=0(\.0*)?$")


@dataclass(frozen=True)
class Asset:
    """A file to send.

    Attributes:
        path: where it is.
        content_type: the type of what it holds.
        encoding: how it is compressed; empty if it is not.
    """

    path: Path
    content_type: str
    encoding: str


@cache
def static_directory() -> Path:
    """Return the directory of marimo's page.

    marimo is not imported: it would read files of the user, and any of them may be a pipe.
    """
    spec = importlib.util.find_spec("marimo")
    return Path((spec and spec.origin) or "").parent / "_static"


def find_asset(static: Path, name: str, accepted: str) -> Asset | None:
    """Return the smallest form of a file that the browser takes; None if there is no such file.

    Args:
        static: directory of marimo's page.
        name: path of the file below it.
        accepted: the request's header Accept-Encoding.
    """
    plain = static / name
    content_type = _TYPES.get(plain.suffix[1:], "application/octet-stream")
    taken = [part.strip().lower() for part in accepted.split(",")]
    for encoding, suffix in ENCODINGS.items():
        compressed = plain.with_name(plain.name + suffix)
        if compressed.is_file() and _takes(taken, encoding):
            return Asset(compressed, content_type, encoding)
    return Asset(plain, content_type, "") if plain.is_file() else None


def _takes(taken: list[str], encoding: str) -> bool:
    return any(
        part.partition(";")[0].strip() == encoding and not _REFUSED.search(part) for part in taken
    )
