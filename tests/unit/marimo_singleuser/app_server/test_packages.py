"""An app's server installs what its author had installed, and nothing that is an option of pip."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
import zipfile
from pathlib import Path

import pytest
from marimo_singleuser.app_server import packages as module
from marimo_singleuser.app_server.packages import install
from marimo_singleuser.home import packages
from marimo_singleuser.home.reinstall import requested_packages
from marimo_singleuser.settings import Settings

from tests.support.singleuser_settings import settings_in


def wheel(folder: Path, name: str) -> Path:
    """Write a package of one module, as an index would give it."""
    path = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    files = {
        f"{name}.py": "answer = 42\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = [f"{one},," for one in (*files, f"{info}/RECORD")]
    with zipfile.ZipFile(path, "w") as archive:
        for one, text in {**files, f"{info}/RECORD": "\n".join(record) + "\n"}.items():
            archive.writestr(one, text)
    return path


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path / "home", MOSSHUB_APP="peek")


def python_that(settings: Settings, does: str) -> None:
    """Put a script in place of the environment's Python."""
    python = settings.venv / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\n{does}\n")
    python.chmod(0o755)


def test_a_package_is_installed_where_the_app_finds_it(settings: Settings, tmp_path: Path) -> None:
    settings.home.mkdir()
    packages.prepare(settings)
    wanted = f"mosshub_example @ {wheel(tmp_path, 'mosshub_example').as_uri()}"
    env = os.environ | {"PIP_NO_INDEX": "1"}
    assert asyncio.run(install(settings, env, f"\n{wanted}\n"))
    python = settings.venv / "bin" / "python"
    code = "import mosshub_example; print(mosshub_example.answer)"
    done = subprocess.run([python, "-P", "-s", "-c", code], capture_output=True, text=True)
    assert done.stdout == "42\n", done.stderr
    # An author who installs it asks for the same line.
    assert requested_packages(packages.site_packages(settings.venv)) == [wanted]


def test_options_do_not_reach_pip(settings: Settings, tmp_path: Path) -> None:
    told = tmp_path / "told"
    python_that(settings, f'printf "%s\\n" "$@" > {told}')
    lines = [
        "-r /etc/passwd",
        "humanize==4",
        "  --index-url=http://elsewhere",
        "",
        " rich ",
        "-e .",
    ]
    assert asyncio.run(install(settings, os.environ, "\n".join(lines)))
    arguments = told.read_text().splitlines()
    assert arguments[:3] == ["-m", "pip", "install"]
    assert [one for one in arguments[3:] if not one.startswith("--")] == ["humanize==4", "rich"]
    assert not [one for one in arguments if "elsewhere" in one or "passwd" in one or one == "-e ."]
    told.unlink()
    assert asyncio.run(install(settings, os.environ, "-r x\n\n"))
    assert not told.exists()  # there is nothing to install


def test_what_cannot_be_installed_is_in_the_log(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    python_that(settings, "echo no such package >&2; exit 1")
    assert not asyncio.run(install(settings, os.environ, "no-such-package"))
    assert "packages of this app were not installed: no such package" in caplog.text


def test_an_install_that_does_not_end_is_ended(
    settings: Settings, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_INSTALL_TIMEOUT_S", 0.2)
    python_that(settings, "exec sleep 600")
    began = time.monotonic()
    assert not asyncio.run(install(settings, os.environ, "humanize"))
    assert time.monotonic() - began < 300
    assert "it took too long" in caplog.text
