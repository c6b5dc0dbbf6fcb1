"""The user's packages after the server's Python has changed."""

from __future__ import annotations

import asyncio
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from marimo_singleuser.home import packages, reinstall
from marimo_singleuser.marimo_process import notebook_environment

from tests.support import hostile_home
from tests.support.hostile_home import SECRET
from tests.support.singleuser_settings import settings_in


def test_another_python_rebuilds_it_and_reinstalls(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / ".venv" / "lib" / "python3.9" / "site-packages"
    for name, requested in {"asked": True, "dependency": False}.items():
        info = old / f"{name}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        if requested:
            (info / "REQUESTED").write_text("")
    (tmp_path / ".venv" / "pyvenv.cfg").write_text("home = /usr/bin\nversion = 3.9.1\n")
    settings = settings_in(tmp_path)
    packages.prepare(settings)
    assert (tmp_path / ".venv.old").is_dir()
    asked = []

    async def pip_install(_settings, _env, _pids, package: str) -> bool:
        asked.append(package)
        return False

    monkeypatch.setattr(reinstall, "_pip_install", pip_install)
    # In a thread: a browser's fixture may have an event loop running in this one.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, reinstall.reinstall(settings, {}, set())).result()
    assert asked == ["asked==1.0", "asked"]
    assert (settings.venv / "not-reinstalled.txt").read_text() == "asked==1.0\n"
    assert not (tmp_path / ".venv.old").exists()
    assert "not reinstalled" in caplog.text


def test_pip_cannot_tell_the_hubs_token(tmp_path: Path) -> None:
    """The user's pip.conf may name a requirements file, in which pip replaces variables."""
    settings = settings_in(tmp_path)
    packages.prepare(settings)
    hostile_home.write(tmp_path, f"{sys.version_info.major}.{sys.version_info.minor}")
    given = os.environ | {"JUPYTERHUB_API_TOKEN": SECRET, "PIP_NO_INDEX": "1", "PIP_RETRIES": "0"}
    env = notebook_environment(given, settings.venv, tmp_path)

    def log_of(variables: dict[str, str]) -> str:
        (tmp_path / "told" / "pip").unlink(missing_ok=True)
        install = reinstall._pip_install(settings, variables, set(), "no-such-package")
        with ThreadPoolExecutor(1) as pool:
            assert not pool.submit(asyncio.run, install).result()
        return (tmp_path / "told" / "pip").read_text()

    assert SECRET in log_of(env | {"JUPYTERHUB_API_TOKEN": SECRET}), "pip would tell it"
    assert SECRET not in log_of(env)
