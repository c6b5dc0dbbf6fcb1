"""The user's own packages: an environment in ~/.venv on top of the server's.

Its site-packages come first and the server's after them. So every package of the platform is there,
pip sees it as installed, and what the user installs goes to ~/.venv only. marimo's kernels run in
this environment. marimo's server does not, so nothing that is installed there can stop its start.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import re
import shutil
import sys
import sysconfig
import venv
from pathlib import Path

from mosshub_contract.files import write_atomically

from ..settings import Settings
from .repairs import is_no_room, put_aside, shown

log = logging.getLogger("marimo_singleuser")

#: Makes the server's packages visible in an environment.
SERVER_PTH = "_mosshub_server.pth"
# Kernels start with this variable (`marimo_patches/safe_path`), and pass it to no other program.
_UNSAFE = "import os; os.environ.pop('PYTHONSAFEPATH', None)"
# Without this script, `pip` would be the server's, whose first line names another Python.
_PIP = '#!/bin/sh\nexec "$(dirname "$0")/python" -m pip "$@"\n'


def prepare(settings: Settings) -> tuple[bool, list[str]]:
    """Create or repair ~/.venv.

    Without this environment the user can still work, with the platform's packages.

    Returns:
        Whether the environment can be used, and a sentence for the user about each thing in it
        that could not.

    Raises:
        OSError: the disk is full.
    """
    if settings.venv != settings.own_venv:  # nothing of an earlier start may be in it
        shutil.rmtree(settings.venv, ignore_errors=True)
    try:
        return True, _repaired_environment(settings)
    except (OSError, ValueError) as e:
        if isinstance(e, OSError) and is_no_room(e):
            raise
        log.error("%s cannot be created (%s)", settings.venv, e)
        return False, [f"`~/.venv` cannot be created, so no packages can be installed: {e}."]


def site_packages(root: Path) -> Path:
    """Return where an environment has its packages. It changes when something is installed.

    Raises:
        OSError: it has no such directory, or several.
    """
    found = list(root.glob("lib/python*/site-packages"))
    if len(found) != 1:
        raise FileNotFoundError(errno.ENOENT, f"{len(found)} directories for packages", str(root))
    return found[0]


def old_environment(root: Path) -> Path:
    """Return where an environment of another Python is moved to, until `reinstall` read it."""
    return root.with_name(root.name + ".old")


def _repaired_environment(settings: Settings) -> list[str]:
    """Create or repair ~/.venv; put it aside if it cannot be repaired.

    Raises:
        OSError: it cannot be created.
        ValueError: Python allows no environment at this path.
    """
    root = settings.venv
    try:
        _ensure_environment(root)
    except (OSError, ValueError, RuntimeError) as e:
        hopeless = not os.path.lexists(root) or os.pathsep in str(root)
        if hopeless or (isinstance(e, OSError) and is_no_room(e)):
            raise
        new = put_aside(root)
        _ensure_environment(root)
        return [
            f"{shown(root, settings)} could not be used. It is now {shown(new, settings)}, and a "
            "new one was created. Install your packages again."
        ]
    return []


def _ensure_environment(root: Path) -> None:
    if os.path.lexists(root / "pyvenv.cfg"):
        _text(root / "pyvenv.cfg")
    aside = old_environment(root)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    found = _python_version(root)
    if root.is_dir() and found not in (version, None):
        # Compiled packages of another Python do not work.
        if aside.is_dir() and not aside.is_symlink():
            shutil.rmtree(aside)
        elif os.path.lexists(aside):
            put_aside(aside)
        root.rename(aside)
        log.warning("~/.venv has Python %s; it is created again with %s", found, version)
    site_packages = root / "lib" / f"python{version}" / "site-packages"
    if not _is_usable(root):
        for link in (root / "bin").glob("python*"):
            link.unlink()
        venv.EnvBuilder(symlinks=True, with_pip=False).create(root)
    server = sysconfig.get_paths()
    places = list(dict.fromkeys([server["purelib"], server["platlib"]]))
    # Plain lines would not read the .pth files there (editable installs); addsitedir does.
    lines = [f"import site; site.addsitedir({place!r})" for place in places]
    _write_if_different(site_packages / SERVER_PTH, "\n".join([_UNSAFE, *lines]) + "\n")
    for name in ("pip", "pip3"):
        script = root / "bin" / name
        if not (script.is_file() and os.access(script, os.R_OK | os.X_OK)):
            write_atomically(script, _PIP, mode=0o755)


def _is_usable(root: Path) -> bool:
    """Return whether the environment's Python is the one that runs this server."""
    python = root / "bin" / "python"
    base = Path(getattr(sys, "_base_executable", sys.executable))
    try:
        home = re.search(r"^home *= *(.+)$", _text(root / "pyvenv.cfg"), re.MULTILINE)
        return (
            home is not None
            and Path(home[1].strip()).resolve() == base.parent.resolve()
            and python.resolve() == base.resolve()
            and any((root / "lib").glob("python*/site-packages"))
        )
    except (OSError, RuntimeError):  # RuntimeError: links in a circle
        return False


def _python_version(root: Path) -> str | None:
    """Return the version of an environment's Python, such as `3.12`; None if it is unknown."""
    with contextlib.suppress(OSError):
        text = _text(root / "pyvenv.cfg")
        if found := re.search(r"^version(?:_info)? *= *(\d+\.\d+)", text, re.MULTILINE):
            return found[1]
    libs = sorted(root.glob("lib/python*/site-packages"))
    return libs[0].parent.name.removeprefix("python") if libs else None


def _write_if_different(path: Path, text: str) -> None:
    if not path.exists() or _text(path) != text:
        write_atomically(path, text)


def _text(path: Path) -> str:
    """Return a file's text.

    Raises:
        OSError: it cannot be read, or is no file. A pipe would be read for ever.
    """
    if not path.is_file():
        raise OSError(errno.EINVAL, "not a file", str(path))
    return path.read_text(errors="replace")
