"""The volumes of a user's pod beside the home: the parts of the team's folder, the shared data."""

from dataclasses import dataclass

from jupyterhub.spawner import Spawner
from mosshub_contract.team_folder import EVERYBODY

from hub.settings import Settings
from hub.team_folder.parts import DATA, DIRECTORY, groups_of, parts_of


@dataclass(frozen=True)
class Mount:
    """A volume in a pod.

    Attributes:
        name: the volume's name in the pod.
        claim: the name of its claim.
        path: where it is in the pod.
        writable: whether the pod may write there.
        is_team: whether it is a part of the team's folder, whose claim the hub makes.
    """

    name: str
    claim: str
    path: str
    writable: bool
    is_team: bool = False

    def volume(self) -> dict:
        """Return the volume, as a pod's description has it."""
        return {"name": self.name, "persistentVolumeClaim": {"claimName": self.claim}}

    def volume_mount(self) -> dict:
        """Return the place of the volume, as a container's description has it."""
        return {"name": self.name, "mountPath": self.path, "readOnly": not self.writable}


def shared_mounts(spawner: Spawner, settings: Settings) -> list[Mount]:
    """Return what a user's pod has of the team's; nothing for a named server, such as an app.

    Args:
        spawner: the user's.
        settings: the platform's settings.
    """
    if spawner.name:
        return []
    found = []
    for number, part in enumerate(parts_of(groups_of(spawner), settings)):
        suffix = "" if part.name == EVERYBODY else f"-{part.name}"
        claim = f"{settings.instance}-team{suffix}"
        path = f"{DIRECTORY}/{part.name}"
        found.append(Mount(f"team-{number}", claim, path, part.writable, is_team=True))
    if settings.shares_data:
        found.append(Mount("data", settings.shared_data_claim, DATA, writable=False))
    return found
