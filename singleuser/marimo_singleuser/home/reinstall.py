"""Installs the user's packages again after the server's Python has changed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re
import shutil
from collections.abc import Mapping
from importlib.metadata import Distribution, distributions
from pathlib import Path

from mosshub_contract.files import write_atomically

from ..settings import Settings
from .packages import old_environment

log = logging.getLogger("marimo_singleuser")

_INSTALL_TIMEOUT_S = 1800.0


def requested_packages(site_packages: Path) -> list[str]:
    """Return the packages that the user asked pip for, without their dependencies.

    Args:
        site_packages: where an environment's packages are.

    Returns:
        Requirements as pip takes them, sorted.
    """
    out = []
    for dist in distributions(path=[str(site_packages)]):
        if dist.read_text("REQUESTED") is not None and dist.metadata["Name"]:
            out.append(_requirement(dist))
    return sorted(set(out))


async def reinstall(settings: Settings, env: Mapping[str, str], helper_pids: set[int]) -> None:
    """Install into a new ~/.venv what was in the old one, while the server runs.

    Each package is installed with its old version, or with the newest if that fails. The log and
    ~/.venv/not-reinstalled.txt name the packages that fail. The old environment is removed.

    Args:
        settings: what the hub told this server.
        env: environment variables for pip.
        helper_pids: the process id of each running pip is in this set.
    """
    aside = old_environment(settings.venv)
    folders = list(aside.glob("lib/python*/site-packages")) if aside.is_dir() else []
    if not folders:
        return
    packages = await asyncio.to_thread(requested_packages, folders[0])
    failed = []
    for package in packages:
        name = re.split(r"==| @ ", package)[0]
        if await _pip_install(settings, env, helper_pids, package):
            continue
        if "==" not in package or not await _pip_install(settings, env, helper_pids, name):
            failed.append(package)
    if failed:
        note = settings.venv / "not-reinstalled.txt"
        await asyncio.to_thread(write_atomically, note, "\n".join(failed) + "\n")
        log.error("not reinstalled for this Python: %s (listed in %s)", ", ".join(failed), note)
    if packages:
        log.warning("%d of %d packages reinstalled", len(packages) - len(failed), len(packages))
    await asyncio.to_thread(shutil.rmtree, aside, ignore_errors=True)


def _requirement(dist: Distribution) -> str:
    name = dist.metadata["Name"]
    with contextlib.suppress(ValueError, KeyError, TypeError):
        url = json.loads(dist.read_text("direct_url.json") or "")["url"]
        return f"{name} @ {url}"
    return f"{name}=={dist.version}"


async def _pip_install(
    settings: Settings, env: Mapping[str, str], helper_pids: set[int], package: str
) -> bool:
    """Install a package; return whether that worked."""
    process = await asyncio.create_subprocess_exec(
        str(settings.venv / "bin" / "python"),
        *("-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", package),
        env=dict(env),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    helper_pids.add(process.pid)
    try:
        async with asyncio.timeout(_INSTALL_TIMEOUT_S):
            return await process.wait() == 0
    except TimeoutError:
        return False
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        helper_pids.discard(process.pid)
