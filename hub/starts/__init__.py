"""Starts that fail, and starts that leave out what a user may have broken.

| module     | what                                                             |
|------------|------------------------------------------------------------------|
| `failures` | which starts failed, why, and how many in a row                  |
| `without`  | the option of a start that leaves out packages or settings       |
| `page`     | the page with the buttons for such a start                       |
"""

from typing import Any

from hub.starts.failures import failed_start
from hub.starts.page import PATH, StartWithoutPage


def configure(c: Any) -> None:
    """Add the page, and what other pages say of failed starts, to the hub's configuration.

    Args:
        c: JupyterHub's configuration (traitlets).
    """
    c.JupyterHub.extra_handlers.append((rf"{PATH}/([^/]+)", StartWithoutPage))
    # JupyterHub calls what it can call with the user, and gives templates the result.
    c.JupyterHub.template_vars |= {"failed_start": lambda _: failed_start}
