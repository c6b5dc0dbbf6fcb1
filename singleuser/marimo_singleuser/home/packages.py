"""The user's own packages: an environment in ~/.venv on top of the server's.

Its site-packages come first and the server's after them. So every package of the platform is there,
pip sees it as installed, and what the user installs goes to ~/.venv only. marimo's kernels run in
this environment. marimo's server does not, so nothing that is installed there can stop its start.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shutil
import sys
import sysconfig
import venv
from pathlib import Path

import tomlkit
from mosshub_contract.files import write_atomically
from tomlkit.exceptions import TOMLKitError

from ..settings import Settings

log = logging.getLogger("marimo_singleuser")

_PTH = "_mosshub_server.pth"
# Without this script, `pip` would be the server's, whose first line names another Python.
_PIP = '#!/bin/sh\nexec "$(dirname "$0")/python" -m pip "$@"\n'


def prepare(settings: Settings) -> None:
    """Create or repair ~/.venv and set marimo's configuration so that its kernels run there.

    The function never raises: without this environment the user can still work, and the log says
    what is missing.
    """
    try:
        _ensure_environment(settings.venv)
    except OSError as e:
        log.error(
            "%s cannot be created (%s). Packages cannot be installed until it is moved away",
            settings.venv,
            e,
        )
        usable = False
    else:
        usable = True
    config = _config_file(settings)
    try:
        old = config.read_text() if config.exists() else ""
        new = merge_config(old, str(settings.venv) if usable else None, settings.venv)
        if new != old:
            write_atomically(config, new)
    except (OSError, TOMLKitError) as e:
        log.error("%s cannot be used (%s). Correct it, or move it away", config, e)


def merge_config(text: str, path: str | None, own: Path) -> str:
    """Return marimo's user configuration with the platform's two keys in it.

    Another environment that the user chose stays as long as it exists. Another package manager
    stays as long as it is installed. Nothing else is changed.

    Args:
        text: the configuration (TOML).
        path: the environment for kernels; None if there is none.
        own: where that environment is or would be.

    Raises:
        TOMLKitError: the text is not TOML.
    """
    config = tomlkit.parse(text)
    section = config.setdefault("venv", tomlkit.table())
    chosen = str(section.get("path", ""))
    if path is not None and (not chosen or not Path(chosen).is_dir()):
        section["path"] = path
    elif path is None and chosen == str(own):
        del section["path"]
    manager = config.setdefault("package_management", tomlkit.table())
    if manager.get("manager", "") != "pip" and not shutil.which(str(manager.get("manager", ""))):
        manager["manager"] = "pip"
    return tomlkit.dumps(config)


def old_environment(root: Path) -> Path:
    """Return where an environment of another Python is moved to, until `reinstall` read it."""
    return root.with_name(root.name + ".old")


def _config_file(settings: Settings) -> Path:
    """Return the file that marimo reads: the nearest .marimo.toml, else below XDG_CONFIG_HOME."""
    for folder in (settings.notebooks, settings.home):
        if (folder / ".marimo.toml").is_file():
            return folder / ".marimo.toml"
    xdg = os.environ.get("XDG_CONFIG_HOME")
    return (Path(xdg) if xdg else settings.home / ".config") / "marimo" / "marimo.toml"


def _ensure_environment(root: Path) -> None:
    aside = old_environment(root)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    found = _python_version(root)
    if root.is_dir() and found != version:
        # Compiled packages of another Python do not work.
        if aside.exists():
            shutil.rmtree(aside)
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
    _write_if_different(site_packages / _PTH, "\n".join(lines) + "\n")
    for name in ("pip", "pip3"):
        script = root / "bin" / name
        if not script.exists():
            write_atomically(script, _PIP, mode=0o755)


def _is_usable(root: Path) -> bool:
    """Return whether the environment's Python is the one that runs this server."""
    python = root / "bin" / "python"
    base = Path(getattr(sys, "_base_executable", sys.executable))
    try:
        home = re.search(r"^home *= *(.+)$", (root / "pyvenv.cfg").read_text(), re.MULTILINE)
        return (
            home is not None
            and Path(home[1].strip()).resolve() == base.parent.resolve()
            and python.resolve() == base.resolve()
            and any((root / "lib").glob("python*/site-packages"))
        )
    except OSError:
        return False


def _python_version(root: Path) -> str | None:
    """Return the version of an environment's Python, such as `3.12`; None if it is unknown."""
    with contextlib.suppress(OSError):
        text = (root / "pyvenv.cfg").read_text()
        if found := re.search(r"^version(?:_info)? *= *(\d+\.\d+)", text, re.MULTILINE):
            return found[1]
    libs = sorted(root.glob("lib/python*/site-packages"))
    return libs[0].parent.name.removeprefix("python") if libs else None


def _write_if_different(path: Path, text: str) -> None:
    if not path.exists() or path.read_text() != text:
        write_atomically(path, text)
