"""The volumes of a user's container: the home, the parts of the team's folder, the shared data.

All of them are mounted at places of the image. Below a home, or in one another, a link that a user
made could lead a mount to another place of the container.
"""

from collections.abc import Callable
from typing import Any

from jupyterhub.spawner import Spawner
from mosshub_contract.team_folder import EVERYBODY, Part

from hub.settings import Settings
from hub.team_folder.parts import DATA, DIRECTORY, groups_of, parts_of

#: The user's home in a container.
HOME = "/home/mosshub"
#: Directories of the image that belong to the user. Docker gives a new volume the owner of the
#: first place at which it is mounted, if the image has that place.
_NEW = "/srv/mosshub/new"


def with_team_folder(
    host: dict[str, Any], settings: Settings
) -> Callable[[Spawner], dict[str, Any]]:
    """Return what gives each container its limits and its mounts, as DockerSpawner takes it.

    Args:
        host: the limits, as Docker's HostConfig.
        settings: the platform's settings.
    """

    def host_config(spawner: Any) -> dict[str, Any]:
        home = [f"{v}:{at['bind']}:{at['mode']}" for v, at in spawner.volume_binds.items()]
        if spawner.name:  # a named server is no editor of its owner
            return {**host, "binds": home}
        parts = parts_of(groups_of(spawner), settings)
        return {**host, "binds": [*home, *binds(parts, settings)]}

    return host_config


def binds(parts: list[Part], settings: Settings) -> list[str]:
    """Return the mounts beside the home, as Docker's `Binds`.

    Args:
        parts: the parts of the team's folder that the user has.
        settings: the platform's settings.
    """
    found = []
    for number, part in enumerate(parts):
        mode = "rw" if part.writable else "ro"
        if part.name == EVERYBODY:
            found.append(f"{settings.instance}_team:{DIRECTORY}/{EVERYBODY}:{mode}")
            continue
        volume = f"{settings.instance}_team_{part.name}"
        found.append(f"{volume}:{_NEW}/{number}:ro")
        found.append(f"{volume}:{DIRECTORY}/{part.name}:{mode}")
    if settings.shared_data:
        found.append(f"{settings.shared_data}:{DATA}:ro")
    return found
