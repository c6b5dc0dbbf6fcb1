"""Another JupyterHub on a cluster takes over what this platform has: docs/kubernetes.md says how.

What it has itself stays its own: addresses, sign-in, database, proxy, culling and limits of starts.
"""

import os
from typing import Any

from jupyterhub.app import JupyterHub
from jupyterhub.auth import Authenticator

from hub import admin, apps, copies, origins, pages, reports, spawners, starts, team_folder
from hub.accounts import authenticator_with_accounts
from hub.app import require_mosshub
from hub.servers import server_environment
from hub.settings import Settings
from hub.signin.blocked import BlockedUsers, with_blocked
from hub.signin.names import forbid_rename
from hub.signin.taken_hosts import refuse_taken_hosts


def configure(c: Any) -> None:
    """Set users' pods, accounts and pages, at the end of that hub's own configuration.

    The settings come from the environment.

    Args:
        c: JupyterHub's configuration, with the other hub's sign-in and KubeSpawner's values.

    Raises:
        SystemExit: the hub was not started with `python -m hub`.
        ValueError: a setting is wrong, or SERVERS is not `pods`.
    """
    require_mosshub()
    settings = Settings()
    if settings.servers != "pods":
        raise ValueError(f"SERVERS={settings.servers}: another hub needs pods.")
    os.chdir(settings.data_dir)  # its database is below the directory in which it was started
    state = settings.data_dir / "hub"
    state.mkdir(parents=True, exist_ok=True)
    theirs = {
        name: dict(c.JupyterHub.get(name, {})) for name in ("template_vars", "tornado_settings")
    }
    c.JupyterHub.extra_handlers = list(c.JupyterHub.get("extra_handlers", ()))
    origins.configure(c, settings)

    forbid_rename()
    refuse_taken_hosts()
    authenticator, variables = sign_in_class(c), server_environment(settings)
    if settings.kafka_bootstrap_servers:
        authenticator = authenticator_with_accounts(authenticator, settings)
    else:
        variables["KAFKA_BOOTSTRAP_SERVERS"] = ""  # a cluster has no embedded one
    blocked = BlockedUsers(state / "blocked.json")
    authenticator = with_blocked(authenticator, blocked)
    c.JupyterHub.authenticator_class = apps.configure(c, settings, authenticator, blocked)

    spawners.configure(c, settings)
    # What is set for PodSpawner takes the place of what is set for KubeSpawner, also whole dicts.
    own = c.KubeSpawner
    c.PodSpawner.environment = {**own.get("environment", {}), **variables}
    c.PodSpawner.common_labels = {**own.get("common_labels", {}), **c.PodSpawner.common_labels}

    reports.configure(c)
    team_folder.configure(c, settings)
    copies.configure(c, settings)
    pages.configure(c, settings)
    starts.configure(c)
    admin.configure(c, settings, blocked, apps.app_counter(settings))
    for name, values in theirs.items():
        c.JupyterHub[name] = {**values, **c.JupyterHub.get(name, {})}


def sign_in_class(c: Any) -> type[Authenticator]:
    """Return the class of the sign-in that a configuration names, as JupyterHub finds it."""
    trait = JupyterHub.class_traits()["authenticator_class"]
    chosen = c.JupyterHub.get("authenticator_class", trait.default())
    return trait.validate(None, chosen)
