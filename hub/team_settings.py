"""How the team's platform looks, and what it tells its members."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic_settings import BaseSettings

from hub.setting_types import Colour, HelpUrl, Logo, TeamLinks


class TeamSettings(BaseSettings):
    """The part of the settings that members see. `hub.settings` reads them all."""

    # How the team's platform looks, on every page
    team_name: Annotated[str, Field(min_length=1, max_length=40)] = Field(
        "Mosshub", description="name of the platform, as its pages show it"
    )
    team_logo: Logo | None = Field(
        None, description="path of the logo, an SVG or PNG file of 256 KiB at most"
    )
    team_colour: Colour | None = Field(
        None, description="the team's colour as #rrggbb; its shades are made so that they are read"
    )
    help_url: HelpUrl | Literal[""] = Field(
        "", description="where members find help: an https:// or mailto: address"
    )

    # What the team tells its members, on everybody's home page
    announcement: Annotated[str, Field(max_length=500)] = Field(
        "", description="one or two sentences for everybody, plain text"
    )
    maintenance: Annotated[str, Field(max_length=300)] = Field(
        "", description="a sentence; while there is one no server starts, and those that run go on"
    )
    team_links: TeamLinks = Field(
        (), description="links for everybody: Title=https://address, separated by commas"
    )
