"""How a user's server is started.

| module       | the server is                  |
|--------------|--------------------------------|
| `local`      | a process, on a laptop         |
| `docker`     | a container of Docker's engine |
| `kubernetes` | a pod of a cluster             |
"""

from importlib import import_module
from typing import Any

from hub.settings import Settings

_MODULES = {"containers": "hub.spawners.docker", "pods": "hub.spawners.kubernetes"}


def configure(c: Any, settings: Settings) -> None:
    """Set how a team's servers are started, on JupyterHub's configuration `c`.

    Only the module of the chosen kind is imported: each brings a client of its own.
    """
    import_module(_MODULES[settings.servers]).configure(c, settings)
