"""The team's name, logo, colour and links, as the hub's templates get them."""

from dataclasses import asdict
from typing import Any

from mosshub_contract.team_colour import palette

from hub.settings import Settings


def team_variables(settings: Settings) -> dict[str, Any]:
    """Return the variables of every template that concern the team.

    Args:
        settings: the platform's settings.
    """
    colour = settings.team_colour
    return {
        "team_name": settings.team_name,
        "team_palette": asdict(palette(colour)) if colour else None,
        "help_url": settings.help_url,
        "team_announcement": settings.announcement,
        "team_links": settings.team_links,
        "maintenance": settings.maintenance,
    }
