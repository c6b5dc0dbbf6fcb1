"""What unit tests of marimo_singleuser share: the variables that the hub sets."""

from __future__ import annotations

from pathlib import Path

from marimo_singleuser.settings import Settings, read_settings

ENV = {
    "HOME": "/home/ada",
    "JUPYTERHUB_API_TOKEN": "secret",
    "JUPYTERHUB_API_URL": "http://127.0.0.1:8081/hub/api",
    "JUPYTERHUB_ACTIVITY_URL": "http://127.0.0.1:8081/hub/api/users/ada/activity",
    "JUPYTERHUB_CLIENT_ID": "jupyterhub-user-ada",
    "JUPYTERHUB_OAUTH_ACCESS_SCOPES": "[]",
    "JUPYTERHUB_SERVICE_PREFIX": "/user/ada/",
    "JUPYTERHUB_SERVICE_URL": "http://127.0.0.1:5000/user/ada/",
    "JUPYTERHUB_USER": "ada",
}


def settings_in(home: Path, **env: str) -> Settings:
    """Return the settings of a server whose user has this home directory."""
    return read_settings({**ENV, "HOME": str(home), **env})
