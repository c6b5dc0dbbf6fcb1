"""Copies of notebooks that users give each other: by a link, or sent to somebody.

The hub keeps them, so that they can be had while their author's editor does not run. It shows
nothing of them on its own pages: a user's server shows a copy to its user, without scripts.

| module    | what                                                       |
|-----------|------------------------------------------------------------|
| `store`   | the copies, in one SQLite file, bounded in number and size |
| `access`  | who may have a copy                                        |
| `handler` | the routes for users' servers                              |
"""

from typing import Any

from mosshub_contract.copies import API_PATH

from hub.copies.handler import CopiesHandler, CopyHandler
from hub.copies.store import CopyStore
from hub.settings import Settings


def configure(c: Any, settings: Settings) -> None:
    """Add the routes to the hub's configuration.

    Args:
        c: JupyterHub's configuration (traitlets).
        settings: the platform's settings.
    """
    parts = {"store": CopyStore(settings.data_dir / "hub" / "copies.sqlite")}
    c.JupyterHub.extra_handlers += [
        (rf"/api{API_PATH}", CopiesHandler, parts),
        (rf"/api{API_PATH}/([0-9a-f]{{32}})", CopyHandler, parts),
    ]
