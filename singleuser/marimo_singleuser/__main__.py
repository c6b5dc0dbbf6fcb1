"""`marimo-singleuser`: the program that the hub starts for each user."""

from __future__ import annotations

import os
import site
import sys


def main() -> int:
    """Run the server.

    Returns:
        The exit code. 1 means that the server could not start; standard error says why.
    """
    if not sys.flags.safe_path or site.ENABLE_USER_SITE:
        # This program starts in the user's home directory. A `random.py` there or an old tornado in
        # ~/.local must not become part of it.
        os.execv(sys.executable, [sys.executable, "-P", "-s", "-m", "marimo_singleuser"])  # noqa: S606
    from . import processes

    processes.hide_memory()  # before anything else: the environment holds the hub's token
    processes.adopt_orphans()

    import asyncio
    import logging

    from mosshub_contract.redaction import RedactingFormatter

    from .errors import StartError
    from .hub_library import defer_database
    from .settings import read_settings

    handler = logging.StreamHandler()
    handler.setFormatter(RedactingFormatter("%(asctime)s %(name)s: %(message)s", "%H:%M:%S"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    # JupyterHub's library warns of every request that comes without TLS. TLS ends at the edge here.
    logging.getLogger("tornado.application").setLevel(logging.ERROR)
    try:
        settings = read_settings(os.environ)
        os.environ["HOME"] = str(settings.home)
        defer_database()
        if settings.app:
            from .app_server.run import run
        else:
            from .app import run

        asyncio.run(run(settings))
    except StartError as e:
        print(f"marimo-singleuser: {e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
