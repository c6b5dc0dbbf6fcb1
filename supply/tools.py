"""uv, npm and docker, and the places of the locks."""

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: Folders with a package-lock.json.
NPM_FOLDERS = ("hub/node", "images/user/bundle", "tests/browser", "tests/standins/oidc")


def uv() -> str:
    """Return the path of uv: the machine's, or the one that `make` fetched."""
    return shutil.which("uv") or str(ROOT / ".uv/bin/uv")


def npm() -> str:
    """Return the path of npm: that of the Python packages, or the machine's."""
    own = ROOT / ".venv/bin/npm"
    return str(own) if own.exists() else (shutil.which("npm") or "npm")


def run(
    *command: str, folder: Path = ROOT, timeout_s: float = 600
) -> subprocess.CompletedProcess[str]:
    """Run a program; return how it ended and what it printed.

    A program that is not there, or takes longer, ends with 127.
    """
    try:
        return subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=timeout_s
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(command, 127, "", str(error))
