"""Servers that nobody uses are stopped: jupyterhub-idle-culler as a service of the hub.

    python -m hub.idle --timeout=… --cull-every=…

is that service. What counts as use is a server's to say (`marimo_singleuser.activity`): what its
user does, a running cell, a working kernel. An open page is none. Nor is the proxy's word, which
counts each request of an open page (`hub.app`).
"""

import logging
import os
import sys
import time

from jupyterhub_idle_culler import main as run_culler
from mosshub_contract.redaction import RedactingFormatter

from hub.settings import Settings

#: Seconds between two reports of a server that is used, at most.
_MAX_REPORT_S = 60.0
#: Seconds between two looks at all servers, at most.
_MAX_LOOK_S = 30.0
_FIRST_LOOK_VARIABLE = "MOSSHUB_FIRST_LOOK_S"
_SCOPES = ["list:users", "read:users:activity", "read:servers", "delete:servers"]


def report_interval_s(settings: Settings) -> float:
    """Return the seconds between two looks of a server at its own activity."""
    return min(_MAX_REPORT_S, settings.idle_timeout_s / 4 or _MAX_REPORT_S)


def app_report_interval_s(settings: Settings) -> float:
    """Return the same for the server of an app."""
    return min(_MAX_REPORT_S, settings.app_idle_timeout / 4 or _MAX_REPORT_S)


def configure(c: object, settings: Settings) -> None:
    """Add the service to the hub's configuration, unless idle servers are not stopped.

    Args:
        c: the hub's configuration (traitlets).
        settings: the platform's settings.
    """
    timeout_s = settings.idle_timeout_s
    if not timeout_s:
        return
    look_s = int(max(1, min(_MAX_LOOK_S, timeout_s / 4)))
    c.JupyterHub.activity_resolution = look_s  # type: ignore[attr-defined]
    c.JupyterHub.services.append(  # type: ignore[attr-defined]
        {
            "name": "idle-culler",
            "command": [
                *(sys.executable, "-m", "hub.idle"),
                *(f"--timeout={int(timeout_s)}", f"--cull-every={look_s}"),
                "--cull-named-servers=False",  # apps have a time of their own (hub.apps.upkeep)
            ],
            # After a restart the hub hears first what was used while it was away.
            "environment": {_FIRST_LOOK_VARIABLE: str(2 * report_interval_s(settings))},
            "display": False,
        }
    )
    role = {"name": "idle-culler", "scopes": _SCOPES, "services": ["idle-culler"]}
    c.JupyterHub.load_roles.append(role)  # type: ignore[attr-defined]


def log_without_secrets() -> None:
    """Keep the service's token out of what its libraries log.

    Tornado names a call that failed with all of its arguments, and the culler's has the token.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(RedactingFormatter("[%(levelname).1s idle-culler] %(message)s"))
    for name in ("asyncio", "tornado"):
        logging.getLogger(name).addHandler(handler)


def main() -> None:
    """Wait for the servers' reports, then run the culler."""
    log_without_secrets()
    time.sleep(float(os.environ.get(_FIRST_LOOK_VARIABLE, "0")))
    run_culler()


if __name__ == "__main__":
    main()
