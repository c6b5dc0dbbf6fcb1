"""A person's own packages: an environment in ~/.venv on top of the server's own.

Its site-packages come first and the server's after them, so everything of the platform is there,
pip sees it as installed, and what a person installs lands in ~/.venv and nowhere else. marimo's
kernels run in it; marimo's server does not, so nothing installed there can keep it from starting.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import re
import shutil
import sys
import sysconfig
import venv
from collections.abc import Mapping
from importlib.metadata import Distribution, distributions
from pathlib import Path

import tomlkit
from tomlkit.exceptions import TOMLKitError

from ..settings import Settings
from .workspace import write_atomically

log = logging.getLogger("marimo_singleuser")

_PTH = "_mosshub_server.pth"
# `pip` by itself would be the server's; its shebang names another Python.
_PIP = '#!/bin/sh\nexec "$(dirname "$0")/python" -m pip "$@"\n'
_INSTALL_TIMEOUT = 1800.0


def prepare(settings: Settings) -> None:
    """Make or mend ~/.venv and have marimo's kernels run in it. Never raises: without an
    environment of their own a person can still work, and the log says what is missing."""
    try:
        _ensure(settings.venv)
    except OSError as e:
        log.error(
            "%s cannot be made (%s): packages cannot be installed until it is moved away",
            settings.venv,
            e,
        )
        usable = False
    else:
        usable = True
    config = _config_file(settings)
    try:
        old = config.read_text() if config.exists() else ""
        new = merged_config(old, str(settings.venv) if usable else None, settings.venv)
        if new != old:
            write_atomically(config, new.encode())
    except (OSError, TOMLKitError) as e:
        log.error("%s cannot be used (%s): correct it, or move it away", config, e)


def _config_file(settings: Settings) -> Path:
    """Where marimo will look: the nearest .marimo.toml, else below XDG_CONFIG_HOME."""
    for folder in (settings.notebooks, settings.home):
        if (folder / ".marimo.toml").is_file():
            return folder / ".marimo.toml"
    xdg = os.environ.get("XDG_CONFIG_HOME")
    return (Path(xdg) if xdg else settings.home / ".config") / "marimo" / "marimo.toml"


def merged_config(text: str, path: str | None, own: Path) -> str:
    """marimo's user configuration with our two keys, the rest as the person left it.

    `path` is the environment for kernels, None if there is none. Another environment that the
    person chose stays, as long as it exists; so does another package manager that is installed.
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


def _ensure(root: Path) -> None:
    aside = root.with_name(root.name + ".old")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    found = _version_of(root)
    if root.is_dir() and found != version:
        # Compiled packages of another Python do not work; `reinstall` reads what was there.
        if aside.exists():
            shutil.rmtree(aside)
        root.rename(aside)
        log.warning("~/.venv was made with Python %s; it is made anew with %s", found, version)
    site_packages = root / "lib" / f"python{version}" / "site-packages"
    if not _sound(root):
        for link in (root / "bin").glob("python*"):
            link.unlink()
        venv.EnvBuilder(symlinks=True, with_pip=False).create(root)
    server = sysconfig.get_paths()
    places = list(dict.fromkeys([server["purelib"], server["platlib"]]))
    # addsitedir and not plain lines: it also reads the .pth files there (editable installs).
    lines = [f"import site; site.addsitedir({place!r})" for place in places]
    _write_if_other(site_packages / _PTH, "\n".join(lines) + "\n")
    for name in ("pip", "pip3"):
        script = root / "bin" / name
        if not script.exists():
            _write_if_other(script, _PIP)
            script.chmod(0o755)


def _sound(root: Path) -> bool:
    """Whether its Python is there and is the one that runs this server."""
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


def _version_of(root: Path) -> str | None:
    """`3.12` for an environment made with Python 3.12; None if it cannot be told."""
    with contextlib.suppress(OSError):
        text = (root / "pyvenv.cfg").read_text()
        if found := re.search(r"^version(?:_info)? *= *(\d+\.\d+)", text, re.MULTILINE):
            return found[1]
    libs = sorted(root.glob("lib/python*/site-packages"))
    return libs[0].parent.name.removeprefix("python") if libs else None


def _write_if_other(path: Path, text: str) -> None:
    if not path.exists() or path.read_text() != text:
        write_atomically(path, text.encode())


def wanted(site_packages: Path) -> list[str]:
    """What a person had asked pip for in an environment, as requirements."""
    out = []
    for dist in distributions(path=[str(site_packages)]):
        if dist.read_text("REQUESTED") is not None and dist.metadata["Name"]:
            out.append(_requirement(dist))
    return sorted(set(out))


def _requirement(dist: Distribution) -> str:
    name = dist.metadata["Name"]
    with contextlib.suppress(ValueError, KeyError, TypeError):
        url = json.loads(dist.read_text("direct_url.json") or "")["url"]
        return f"{name} @ {url}"
    return f"{name}=={dist.version}"


async def reinstall(settings: Settings, env: Mapping[str, str], keep_pids: set[int]) -> None:
    """Install into a new ~/.venv what was in the old one, beside the running server.

    The same versions where they can be had, else the newest. What fails is named in the log and in
    ~/.venv/not-reinstalled.txt, and the old environment is removed either way.
    """
    aside = settings.venv.with_name(settings.venv.name + ".old")
    folders = list(aside.glob("lib/python*/site-packages")) if aside.is_dir() else []
    if not folders:
        return
    packages = await asyncio.to_thread(wanted, folders[0])
    failed = []
    for package in packages:
        name = re.split(r"==| @ ", package)[0]
        if await _pip(settings, env, keep_pids, package):
            continue
        if "==" not in package or not await _pip(settings, env, keep_pids, name):
            failed.append(package)
    if failed:
        note = settings.venv / "not-reinstalled.txt"
        await asyncio.to_thread(write_atomically, note, ("\n".join(failed) + "\n").encode())
        log.error("not reinstalled for this Python: %s (listed in %s)", ", ".join(failed), note)
    if packages:
        log.warning("%d of %d packages reinstalled", len(packages) - len(failed), len(packages))
    await asyncio.to_thread(shutil.rmtree, aside, ignore_errors=True)


async def _pip(
    settings: Settings, env: Mapping[str, str], keep_pids: set[int], package: str
) -> bool:
    process = await asyncio.create_subprocess_exec(
        str(settings.venv / "bin" / "python"),
        *("-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", package),
        env=dict(env),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    keep_pids.add(process.pid)
    try:
        return await asyncio.wait_for(process.wait(), _INSTALL_TIMEOUT) == 0
    except TimeoutError:
        return False
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        keep_pids.discard(process.pid)
