"""The packages that the author had installed, in the app's own environment."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from ..settings import Settings

log = logging.getLogger("marimo_singleuser")

_INSTALL_TIMEOUT_S = 900.0


async def install(settings: Settings, env: Mapping[str, str], requirements: str) -> bool:
    """Install packages; return whether that worked. The app starts in either case.

    Args:
        settings: what the hub told this server.
        env: environment variables for pip.
        requirements: what to install, a requirement a line.
    """
    wanted = [line.strip() for line in requirements.splitlines() if line.strip()]
    # An option of pip could make it read other files, or another index.
    wanted = [line for line in wanted if not line.startswith("-")]
    if not wanted:
        return True
    process = await asyncio.create_subprocess_exec(
        str(settings.venv / "bin" / "python"),
        *("-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"),
        *wanted,
        env=dict(env),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(_INSTALL_TIMEOUT_S):
            _, said = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        said = b"it took too long"
    if process.returncode != 0:
        log.error("packages of this app were not installed: %s", said.decode(errors="replace"))
    return process.returncode == 0
