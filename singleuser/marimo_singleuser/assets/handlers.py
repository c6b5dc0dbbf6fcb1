"""The request for one of marimo's own files."""

from __future__ import annotations

import asyncio
import re

from tornado import routing, web

from ..proxy.content_policy import content_policy
from ..proxy.headers import FOR_EVER
from ..proxy.own_page import OwnPage
from ..proxy.paths import ASSET
from ..proxy.services import Services
from .files import find_asset, static_directory


class AssetFile(OwnPage):
    """A file whose content never changes under its name."""

    _etag: str | None = None

    async def get(self, name: str) -> None:
        """Send the file."""
        self._check_admitted()
        asset = find_asset(
            static_directory(), name, self.request.headers.get("Accept-Encoding", "")
        )
        if asset is None:
            raise web.HTTPError(404, reason="This version of marimo has no such file")
        self.set_header("Content-Type", asset.content_type)
        self.set_header("Cache-Control", FOR_EVER)
        self.set_header("Vary", "Accept-Encoding")
        if asset.encoding:
            self.set_header("Content-Encoding", asset.encoding)
        self.clear_header("Content-Security-Policy")  # JupyterHub's: it would hold for workers
        for header, value in content_policy(name, asset.content_type, self.request.headers).items():
            self.set_header(header, value)
        self._etag = f'"{asset.path.name}"'
        self.finish(await asyncio.to_thread(asset.path.read_bytes))

    head = get

    def compute_etag(self) -> str | None:
        """Return the file's name: it has a hash of the content in it."""
        return self._etag


def rules(services: Services) -> list[routing.Rule | tuple]:
    """Return the rule of this room; it goes before the rule for marimo."""
    address = rf"{re.escape(services.settings.base_url)}({ASSET.pattern})"
    return [(address, AssetFile, {"services": services})]
