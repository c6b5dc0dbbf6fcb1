"""The team's folder `~/team`: everybody writes in one part of it, members of a group in another.

All containers write with one user id, so the mounts decide who may write: a part that the user may
only read is mounted read-only. What a change of a group changes is there from the next start on.

| module    | what                                                              |
|-----------|-------------------------------------------------------------------|
| `parts`   | which parts there are for a user, and the variables of a server   |
| `mounts`  | the volumes of a container                                        |
| `claims`  | the volumes of a pod                                              |
| `records` | who saved what last, and what is open where                       |
| `handler` | the route where users' servers tell it and ask                    |
"""

from typing import Any

from hub.settings import Settings
from hub.team_folder.handler import ROUTE, TeamFolderHandler
from hub.team_folder.parts import parts_of
from hub.team_folder.records import Records


def configure(c: Any, settings: Settings) -> None:
    """Add the route to the hub's configuration; on a laptop make the directories.

    Args:
        c: JupyterHub's configuration (traitlets).
        settings: the platform's settings.
    """
    # A cluster may have no storage that many pods write. The admins' page says so.
    lacks_storage = settings.team_folder and not settings.shares_folder
    c.JupyterHub.template_vars |= {"team_folder_lacks_storage": lacks_storage}
    if not settings.shares_folder:
        return
    if settings.servers == "processes":
        team = settings.data_dir / "team"
        team.mkdir(mode=0o700, parents=True, exist_ok=True)
        for part in parts_of((), settings):
            (team / part.name).mkdir(exist_ok=True)
    records = Records(settings.data_dir / "hub" / "team-folder.json")
    arguments = {"records": records, "settings": settings}
    c.JupyterHub.extra_handlers.append((ROUTE, TeamFolderHandler, arguments))
