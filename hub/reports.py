"""What users' servers say of themselves: when they were used, until when they run on, their disk.

The hub's restart forgets it. Every server sends it again within a minute.
"""

from typing import Any

from jupyterhub.user import User
from mosshub_contract.server_report import API_PATH, ServerReport, from_json
from tornado import web

from hub.own_server import OwnServerHandler

_MAX_BYTES = 4096
_reports: dict[str, ServerReport] = {}  # by the user's name


def report_of(user_name: str) -> ServerReport | None:
    """Return the last report of a user's server; None if this hub has had none."""
    return _reports.get(user_name)


def configure(c: Any) -> None:
    """Add the route to the hub's configuration.

    Args:
        c: JupyterHub's configuration (traitlets).
    """
    c.JupyterHub.extra_handlers.append((rf"/api{API_PATH}", ReportHandler))


class ReportHandler(OwnServerHandler):
    """Takes a server's report, and answers whether its image has a newer version."""

    async def post(self) -> None:
        """Keep the report of the server that asks."""
        user = self.owner()
        try:
            if len(self.request.body) > _MAX_BYTES:
                raise ValueError("too long")
            _reports[user.name] = from_json(self.request.body)
        except ValueError as error:
            raise web.HTTPError(400, f"This is no report: {error}.") from None
        self.write({"newer_editor": await _has_newer_image(user)})


async def _has_newer_image(user: User) -> bool:
    server = user.spawners.get("")
    if server is None or not server.ready or not hasattr(server, "has_newer_image"):
        return False
    return await server.has_newer_image()
