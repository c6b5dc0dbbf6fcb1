"""marimo in run mode."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..marimo_process import Marimo

_SESSION_TTL_S = 120  # marimo's own: for so long a viewer may be away and find their state


class MarimoRun(Marimo):
    """One `marimo run` that is kept running.

    Its kernels are threads of its own process, which therefore runs in the app's environment.

    Attributes:
        notebook: path of the notebook.
    """

    def __init__(self, notebook: Path, venv: Path, env: Mapping[str, str]) -> None:
        super().__init__(notebook.parent, env)
        self.notebook = notebook
        self._python = venv / "bin" / "python"

    def command(self, port: int) -> list[str]:
        """Return marimo's command line.

        Args:
            port: TCP port on which marimo shall listen.
        """
        return [
            *(str(self._python), "-P", "-s", "-m", "marimo_singleuser.app_server.front"),
            *("--quiet", "run", "--headless", "--watch", "--no-sandbox", "--no-check"),
            *("--token", "--token-password-file=-", f"--session-ttl={_SESSION_TTL_S}"),
            *("--host=127.0.0.1", f"--port={port}"),
            str(self.notebook),
        ]
