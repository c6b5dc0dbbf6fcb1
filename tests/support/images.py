"""What the tests of our two images share."""

from __future__ import annotations

import subprocess

HUB = "mosshub/hub:local"
USER = "mosshub/user:cpu"
#: marimo's files in a user's image, for a shell.
ASSETS = "/opt/mosshub/venv/lib/python3*/site-packages/marimo/_static/assets"
ADA = {  # what JupyterHub gives a server; there is no hub at this address
    "JUPYTERHUB_USER": "ada",
    "JUPYTERHUB_API_TOKEN": "not-a-token",
    "JUPYTERHUB_API_URL": "http://127.0.0.1:9/hub/api",
    "JUPYTERHUB_ACTIVITY_URL": "http://127.0.0.1:9/hub/api/users/ada/activity",
    "JUPYTERHUB_BASE_URL": "/",
    "JUPYTERHUB_CLIENT_ID": "jupyterhub-user-ada",
    "JUPYTERHUB_OAUTH_ACCESS_SCOPES": '["access:servers!server=ada/"]',
    "JUPYTERHUB_OAUTH_CALLBACK_URL": "/user/ada/oauth_callback",
    "JUPYTERHUB_SERVICE_PREFIX": "/user/ada/",
    "JUPYTERHUB_SERVICE_URL": "http://0.0.0.0:8888/user/ada/",
}
HARDENED = ("--cap-drop=ALL", "--security-opt=no-new-privileges", "--memory=3g")


def inside(image: str, *command: str, user: str = "1000", stdin: str = "", volume: str = "") -> str:
    """Return standard output of a command in a fresh container.

    Args:
        image: the image's tag.
        command: program and arguments.
        user: the user's id in the container.
        stdin: text for standard input.
        volume: a mount as of `docker run --volume`.
    """
    done = subprocess.run(
        [
            *("docker", "run", "--rm", "-i", f"--user={user}", f"--entrypoint={command[0]}"),
            *([f"--volume={volume}"] if volume else []),
            *(image, *command[1:]),
        ],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, (
        f"{command[0]} ended with {done.returncode}:\n{done.stderr[-4000:]}"
    )
    return done.stdout


def environment(variables: dict[str, str]) -> list[str]:
    """Return variables as options of `docker run`."""
    return [f"--env={name}={value}" for name, value in variables.items()]
