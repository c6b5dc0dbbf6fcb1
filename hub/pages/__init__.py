"""The hub's pages: templates, static files, and what the templates show.

| module   | what                                                               |
|----------|--------------------------------------------------------------------|
| `team`   | the team's name, logo, colour and links, as the templates get them |
| `logo`   | the logo, as a file that cannot act                                |
| `errors` | a sentence and a way on for every error                            |
"""

from typing import Any

from hub.pages.errors import error_words, failure_words
from hub.pages.logo import LogoHandler
from hub.pages.team import team_variables
from hub.settings import ROOT, Settings

_HERE = ROOT / "hub" / "pages"


def configure(c: Any, settings: Settings) -> None:
    """Set the hub's pages, on JupyterHub's configuration `c`."""
    logo = settings.team_logo or _HERE / "static" / "logo.svg"
    c.JupyterHub.template_paths = [str(_HERE / "templates")]
    c.JupyterHub.logo_file = str(logo)
    c.JupyterHub.template_vars |= team_variables(settings) | {
        # JupyterHub calls what it can call with the user, and gives templates the result.
        "error_words": lambda _: error_words,
        "failure_words": lambda _: failure_words,
    }
    c.JupyterHub.extra_handlers.append((r"/logo", LogoHandler, {"path": logo}))
