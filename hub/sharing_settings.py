"""What the members of a team share: a folder, and data that they read."""

import re
from pathlib import Path
from typing import Annotated

from mosshub_contract.team_folder import EVERYBODY
from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings

from hub.setting_types import Bytes, Words
from hub.signin.names import safe_name

#: A volume of a group is made in a place of the image; it has so many (`images/user/Dockerfile`).
MOST_GROUPS = 32


def part_name(group: str) -> str:
    """Return the name of a group's directory: lower-case letters, digits and hyphens.

    Two groups never have the same: `safe_name` gives a plain word to nobody but that word itself.
    """
    return group if re.fullmatch("[a-z0-9]+", group) else safe_name(group)


def _groups(groups: frozenset[str]) -> frozenset[str]:
    if EVERYBODY in groups:
        raise ValueError(f"no group called {EVERYBODY}: that is the part of all members")
    if len(groups) > MOST_GROUPS:
        raise ValueError(f"{MOST_GROUPS} groups at most")
    return groups


def _plain_directory(path: Path) -> Path:
    if not re.fullmatch(r"(/[A-Za-z0-9_-]+)+", str(path)):
        raise ValueError("an absolute path of letters, digits, _ and - only")
    return path


class SharingSettings(BaseSettings):
    """The part of the settings about what members share. `hub.settings` reads them all."""

    team_folder: bool = Field(
        True, description="yes: everybody has the folder ~/team, in which the team shares files"
    )
    team_groups: Annotated[Words, AfterValidator(_groups)] = Field(
        frozenset(),
        description="the hub's groups with a part of their own in ~/team: members write, all read",
    )
    team_limit: Bytes | None = Field(
        None, description="bytes that the team's folder may take, for example 100G"
    )
    shared_data: Annotated[Path, AfterValidator(_plain_directory)] | None = Field(
        None, description="a directory of this host that everybody reads as ~/data"
    )
