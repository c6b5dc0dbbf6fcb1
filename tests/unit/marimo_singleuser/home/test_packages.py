"""The user's Python environment and marimo's configuration."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import tomlkit
from marimo_singleuser.home import marimo_config, packages

from tests.support.singleuser_settings import settings_in


def test_environment_sees_the_servers_packages_and_keeps_its_own(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    packages.prepare(settings)
    assert packages.prepare(settings) == (True, [])  # a second start changes nothing
    assert marimo_config.prepare(settings, settings.venv) == []
    python = settings.venv / "bin" / "python"
    code = "import sys, marimo, pip; print(sys.prefix, marimo.__file__)"
    out = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.startswith(str(settings.venv)) and str(settings.venv / "lib") not in out
    pip = subprocess.run(
        [settings.venv / "bin" / "pip", "--version"], capture_output=True, text=True, check=True
    )
    assert f"python {sys.version_info.major}.{sys.version_info.minor}" in pip.stdout
    config = tomlkit.parse((tmp_path / ".config" / "marimo" / "marimo.toml").read_text())
    assert config["venv"]["path"] == str(settings.venv)  # type: ignore[index]


def test_broken_environment_is_repaired_with_its_packages(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    packages.prepare(settings)
    folder = next(settings.venv.glob("lib/python*/site-packages"))
    (folder / "mine.py").write_text("x = 1")
    for link in (settings.venv / "bin").glob("python*"):
        link.unlink()
    (settings.venv / "bin" / "python").symlink_to("/gone/python")
    packages.prepare(settings)
    python = settings.venv / "bin" / "python"
    subprocess.run([python, "-c", "import mine, marimo"], check=True)


def test_config_keeps_what_the_user_set(tmp_path: Path) -> None:
    own = tmp_path / ".venv"
    text = f'# mine\n[display]\ntheme = "dark"\n\n[venv]\npath = "{tmp_path}"\n'
    merged = marimo_config.merge_config(text, str(own), own)
    assert "# mine" in merged and 'theme = "dark"' in merged
    assert f'path = "{tmp_path}"' in merged  # an environment that exists is the user's choice
    gone = marimo_config.merge_config('[venv]\npath = "/gone"\n', str(own), own)
    assert tomlkit.parse(gone)["venv"]["path"] == str(own)  # type: ignore[index]
    without = marimo_config.merge_config(f'[venv]\npath = "{own}"\n', None, own)
    assert "path" not in tomlkit.parse(without)["venv"]  # type: ignore[operator]
    assert 'theme = "system"' in gone, "dark where the other pages are dark"
    manager = '[package_management]\nmanager = "no-such-manager"\n'
    assert 'manager = "pip"' in marimo_config.merge_config(manager, str(own), own)
