"""`marimo-singleuser`: what the hub starts for each person."""

from __future__ import annotations

import os
import site
import sys


def main() -> int:
    """Run the server; return the exit code (1: it could not start, and said why)."""
    if not sys.flags.safe_path or site.ENABLE_USER_SITE:
        # The home directory, where this starts, and ~/.local are the person's: a `random.py` or an
        # old tornado there must not become part of the server.
        os.execv(sys.executable, [sys.executable, "-P", "-s", "-m", "marimo_singleuser"])  # noqa: S606
    from . import processes

    processes.hide_memory()  # before anything else: the environment holds the hub's token
    processes.adopt_orphans()

    import asyncio
    import logging

    from .errors import StartError
    from .settings import read_settings

    logging.basicConfig(
        level=logging.WARNING, format="%(asctime)s %(name)s: %(message)s", datefmt="%H:%M:%S"
    )
    # JupyterHub's library warns of each request that comes without TLS; ours is ended at the edge.
    logging.getLogger("tornado.application").setLevel(logging.ERROR)
    try:
        settings = read_settings(os.environ)
        os.environ["HOME"] = str(settings.home)
        from .app import run

        asyncio.run(run(settings))
    except StartError as e:
        print(f"marimo-singleuser: {e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
