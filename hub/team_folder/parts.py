"""Which parts of the team's folder there are for a user, and what a server is told of them."""

from collections.abc import Callable, Iterable
from typing import Any

from jupyterhub.spawner import Spawner
from mosshub_contract import team_folder
from mosshub_contract.team_folder import EVERYBODY, Part

from hub.settings import Settings
from hub.sharing_settings import part_name

#: Where the parts and the shared data are in a container.
DIRECTORY, DATA = "/srv/team", "/srv/data"


def parts_of(groups: Iterable[str], settings: Settings) -> list[Part]:
    """Return the parts, that of everybody first.

    Args:
        groups: names of the user's groups.
        settings: the platform's settings.
    """
    if not settings.shares_folder:
        return []
    member_of = frozenset(groups)
    return [
        Part(EVERYBODY, EVERYBODY, writable=True),
        *(Part(part_name(g), g, g in member_of) for g in sorted(settings.team_groups)),
    ]


def groups_of(spawner: Spawner) -> list[str]:
    """Return the names of the groups of a server's user."""
    return [group.name for group in spawner.user.orm_user.groups]


def variables(settings: Settings) -> dict[str, str | Callable[[Spawner], str]]:
    """Return the variables of every server that concern this folder."""
    is_laptop = settings.servers == "processes"
    directory = str(settings.data_dir / "team") if is_laptop else DIRECTORY
    data = str(settings.shared_data) if is_laptop else DATA

    def parts(spawner: Any) -> str:
        is_editor = not spawner.name  # a named server is no editor of its owner
        found = parts_of(groups_of(spawner), settings) if is_editor else []
        return team_folder.parts_to_json(found)

    return {
        team_folder.DIRECTORY_VARIABLE: directory if settings.shares_folder else "",
        team_folder.PARTS_VARIABLE: parts,
        team_folder.DATA_VARIABLE: data if settings.shares_data else "",
        "MOSSHUB_TEAM_LIMIT": str(int(settings.team_limit or 0)),
    }
