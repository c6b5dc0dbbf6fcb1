"""The team's logo, as a file that cannot act."""

from pathlib import Path
from typing import Any

from jupyterhub.handlers.base import BaseHandler

from hub.setting_types import LOGO_TYPES


class LogoHandler(BaseHandler):
    """Sends the logo to everybody. An SVG may hold scripts: opened by itself, it runs none."""

    def initialize(self, path: Path) -> None:
        """Take the path of the file; tornado calls this."""
        self.path = path

    def get(self, *_: Any) -> None:
        """Send the file."""
        self.set_header("Content-Type", LOGO_TYPES[self.path.suffix.lower()])
        self.set_header(
            "Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox"
        )
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cache-Control", "max-age=600")
        self.finish(self.path.read_bytes())

    head = get
