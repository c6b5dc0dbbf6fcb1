"""Whether marimo tries an environment before a kernel starts in it."""

import asyncio
import os
import shutil
from pathlib import Path

import pytest
from marimo._session.managers import ipc
from marimo_singleuser.home.packages import SERVER_PTH
from marimo_singleuser.marimo_patches import known_environment


def test_an_environment_is_tried_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []
    works = True

    async def really_try(python: str) -> bool:
        tried.append(python)
        return works

    monkeypatch.setattr(known_environment, "_try", really_try)
    packages = tmp_path / "lib" / "python3.11" / "site-packages"
    packages.mkdir(parents=True)
    python = str(tmp_path / "bin" / "python")

    def usable() -> bool:
        return asyncio.run(known_environment.has_marimo(python))

    def touch(name: str, seconds: int) -> None:
        (packages / name).mkdir()
        os.utime(packages, (seconds, seconds))

    (packages / SERVER_PTH).touch()
    (packages / "__pycache__").mkdir()
    assert usable() and not tried  # nothing but the server's packages
    touch("msgspec", 1)
    assert usable() and usable() and len(tried) == 1
    touch("zmq", 2)
    works = False
    assert not usable() and not usable() and len(tried) == 3  # what failed is tried again
    works = True
    assert usable() and usable() and len(tried) == 4
    shutil.rmtree(packages)
    assert usable() and len(tried) == 5


def test_marimo_asks_what_is_replaced() -> None:
    """Marimo's own kernels try their environment by this name."""
    assert ipc.has_marimo_installed is known_environment._try
    assert "has_marimo_installed" in ipc.IPCKernelManagerImpl.start_kernel.__code__.co_names
