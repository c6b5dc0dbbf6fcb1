"""The bar above an app: what it is, whose it is, and whether its code knows who looks at it.

Scripts of the app can read the whole page. So the page has the viewer's name only if the app's
code learns it anyway.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from functools import cache
from pathlib import Path
from urllib.parse import quote

from mosshub_contract.apps import AppCard
from tornado.template import Loader

from ..assets.bundle import with_bundle
from ..settings import Settings

_HERE = Path(__file__).parent


def add_frame(page: bytes, settings: Settings, card: AppCard, viewer: str) -> bytes:
    """Return marimo's page with the bar.

    Args:
        page: marimo's page (HTML).
        settings: what the hub told this server.
        card: what the author says about the app.
        viewer: name of the user who looks at it.
    """
    app_url = f"{settings.hub_url}apps/{quote(settings.user, safe='')}/{card.slug}"
    loader = _loader()
    head = loader.load("head.html").generate(
        base_url=settings.base_url, version=_version(), style=_read("app.css").decode()
    )
    bar = loader.load("bar.html").generate(
        settings=settings,
        card=card,
        viewer=viewer if card.tells_viewer else "",
        mark=viewer_mark(settings, viewer),
        app_url=app_url,
    )
    before, opened, rest = with_bundle(page, is_app=True).partition(b"<head>")
    page = before + opened + head + rest
    rest, closed, end = page.rpartition(b"</body>")
    return rest + bar + closed + end


def viewer_mark(settings: Settings, viewer: str) -> str:
    """Return what differs for each viewer of this server, and tells nobody who it is.

    Args:
        settings: what the hub told this server.
        viewer: the viewer's name.
    """
    return hmac.new(settings.api_token.encode(), viewer.encode(), "sha256").hexdigest()[:16]


@cache
def script() -> bytes:
    """Return the bar's script; comments and indents stay here."""
    lines = (
        re.sub(r"(^|  )// .*", "", line.strip()) for line in _read("app.js").decode().split("\n")
    )
    return "".join(f"{line}\n" for line in lines if line).encode()


@cache
def _version() -> str:
    return hashlib.sha256(script()).hexdigest()[:12]


@cache
def _read(name: str) -> bytes:
    return (_HERE / "static" / name).read_bytes()


@cache
def _loader() -> Loader:
    return Loader(str(_HERE / "templates"))
