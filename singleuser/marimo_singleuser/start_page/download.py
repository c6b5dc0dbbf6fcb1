"""The link by which a user takes all of their files along."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime

from tornado import iostream, web

from ..proxy.own_page import OwnPage
from .own_files import archive


class DownloadFiles(OwnPage):
    """Sends an archive of the home to the owner, and to nobody else."""

    SUPPORTED_METHODS = ("GET",)

    async def get(self) -> None:
        """Send the archive piece by piece, each when the one before is on its way."""
        self._check_admitted()
        settings = self.server_settings
        if self._hub_auth_user_cache["name"] != settings.user:
            raise web.HTTPError(403, reason=f"Only {settings.user} may take all files along")
        day = datetime.now(UTC).date().isoformat()
        self.set_header("Content-Type", "application/zip")
        self.set_header("Content-Disposition", f'attachment; filename="my-files-{day}.zip"')
        self.set_header("Cache-Control", "private, no-store")
        self.set_header("X-Content-Type-Options", "nosniff")
        pieces = archive(settings.home)
        try:
            while (piece := await asyncio.to_thread(_next, pieces)) is not None:
                if piece:
                    self.write(piece)
                    # Not jupyter-server-proxy's, which does nothing.
                    await web.RequestHandler.flush(self)
                self.services.activity.touch()
        except iostream.StreamClosedError:
            return  # the user has ended the download
        await self.finish()


def _next(pieces: Iterator[bytes]) -> bytes | None:
    return next(pieces, None)
