"""An environment in which a kernel can start is not tried again before each start.

WORKAROUND(marimo 0.25.2): it starts a Python that imports marimo, and then the kernel, which does
so again: half the time until a kernel answers. Here an environment is tried once, and again when
what is installed in it has changed. One in which nothing is installed shows the server's packages
(`home.packages`) and is not tried.
Test: test_an_environment_is_tried_once
"""

from pathlib import Path

from marimo._session.managers import ipc

from marimo_singleuser.home.packages import SERVER_PTH, site_packages

_EMPTY = {SERVER_PTH, "__pycache__"}
_try = ipc.has_marimo_installed
_usable: dict[str, int] = {}  # when its directory had changed, by the environment's Python


async def has_marimo(venv_python: str) -> bool:
    """Return whether a kernel can start in an environment.

    Args:
        venv_python: path to the environment's Python.
    """
    try:
        packages = site_packages(Path(venv_python).parents[1])
        found = {path.name for path in packages.iterdir()}
        if SERVER_PTH in found and found <= _EMPTY:
            return True
        changed = packages.stat().st_mtime_ns
    except OSError:
        return await _try(venv_python)
    if _usable.get(venv_python) == changed:
        return True
    usable = await _try(venv_python)
    if usable:
        _usable[venv_python] = changed
    return usable


def install() -> None:
    """Make marimo try environments so, in this process."""
    ipc.has_marimo_installed = has_marimo
