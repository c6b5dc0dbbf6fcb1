"""A person's home: templates, their own environment, marimo's configuration, settings."""

from __future__ import annotations

import asyncio
import errno
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import tomlkit
from marimo_singleuser.errors import StartError
from marimo_singleuser.home import packages, workspace
from marimo_singleuser.home.workspace import Plan, lay, plan
from marimo_singleuser.settings import Settings, read_settings

ENV = {
    "HOME": "/home/ada",
    "JUPYTERHUB_API_TOKEN": "secret",
    "JUPYTERHUB_API_URL": "http://127.0.0.1:8081/hub/api",
    "JUPYTERHUB_ACTIVITY_URL": "http://127.0.0.1:8081/hub/api/users/ada/activity",
    "JUPYTERHUB_CLIENT_ID": "jupyterhub-user-ada",
    "JUPYTERHUB_OAUTH_ACCESS_SCOPES": "[]",
    "JUPYTERHUB_SERVICE_PREFIX": "/user/ada/",
    "JUPYTERHUB_SERVICE_URL": "http://127.0.0.1:5000/user/ada/",
    "JUPYTERHUB_USER": "ada",
}


def _settings(home: Path, **env: str) -> Settings:
    return read_settings({**ENV, "HOME": str(home), **env})


# -- settings


def test_settings() -> None:
    settings = read_settings(ENV)
    assert (settings.address, settings.port, settings.base_url) == (
        "127.0.0.1",
        5000,
        "/user/ada/",
    )
    assert settings.server_name == "" and settings.templates is None
    assert "secret" not in repr(settings)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"JUPYTERHUB_API_TOKEN": ""}, "JUPYTERHUB_API_TOKEN is not set"),
        ({"JUPYTERHUB_USER": "", "JUPYTERHUB_CLIENT_ID": ""}, "are not set"),
        ({"HOME": ""}, "HOME is not set"),
        ({"JUPYTERHUB_SERVICE_URL": "https://x:1/"}, "JUPYTERHUB_SERVICE_URL"),
        ({"JUPYTERHUB_SERVICE_URL": "http://x:nine/"}, "JUPYTERHUB_SERVICE_URL"),
        ({"MOSSHUB_NOTEBOOKS": "/does/not/exist"}, "MOSSHUB_NOTEBOOKS"),
        ({"JUPYTERHUB_ACTIVITY_INTERVAL": "soon"}, "JUPYTERHUB_ACTIVITY_INTERVAL"),
    ],
)
def test_wrong_setting_is_named(changed: dict[str, str], said: str) -> None:
    with pytest.raises(StartError, match=said):
        read_settings({**ENV, **changed})


# -- templates


@pytest.mark.parametrize(
    ("theirs", "laid", "write"),
    [
        ({}, {}, {"a.py": "a.py"}),  # new
        ({"a.py": "v2"}, {}, {}),  # the same already
        ({"a.py": "v1"}, {"a.py": "v1"}, {"a.py": "a.py"}),  # not edited
        ({"a.py": "mine"}, {"a.py": "v1"}, {"a.new.py": "a.py"}),  # edited
        ({"a.py": "mine"}, {"a.py": "v2"}, {}),  # edited, no news
        ({"a.py": "mine"}, {}, {"a.new.py": "a.py"}),  # theirs by chance
        ({}, {"a.py": "v1"}, {}),  # deleted stays deleted
        ({}, {"a.py": "v2"}, {}),
        ({"a.py": "mine", "a.new.py": "other"}, {"a.py": "v1"}, {"a.new2.py": "a.py"}),
        ({"a.py": "mine", "a.new.py": "v2"}, {"a.py": "v1"}, {}),  # lies there already
    ],
)
def test_plan(theirs: dict[str, str], laid: dict[str, str], write: dict[str, str]) -> None:
    assert plan({"a.py": "v2"}, theirs, laid) == Plan(write, {"a.py": "v2"})


def test_plan_leaves_what_is_no_template_any_more() -> None:
    assert plan({}, {"a.py": "v1"}, {"a.py": "v1"}) == Plan({}, {"a.py": "v1"})


def test_lay_follows_a_template_through_its_versions(tmp_path: Path) -> None:
    templates, own, manifest = tmp_path / "t", tmp_path / "own", tmp_path / "m.json"
    (templates / "sub" / "__pycache__").mkdir(parents=True)
    (templates / "sub" / "__pycache__" / "x.pyc").write_text("")
    own.mkdir()
    (own / "theirs.py").write_text("untouched")
    (templates / "sub" / "n.py").write_text("1")
    lay(templates, own, manifest)
    (templates / "sub" / "n.py").write_text("2")
    lay(templates, own, manifest)
    assert (own / "sub" / "n.py").read_text() == "2"
    (own / "sub" / "n.py").write_text("edited")
    (templates / "sub" / "n.py").write_text("3")
    lay(templates, own, manifest)
    lay(templates, own, manifest)
    found = sorted(p.relative_to(own).as_posix() for p in own.rglob("*") if p.is_file())
    assert found == ["sub/n.new.py", "sub/n.py", "theirs.py"]
    assert (own / "sub" / "n.py").read_text() == "edited"
    assert (own / "sub" / "n.new.py").read_text() == "3"


def test_damaged_manifest_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()
    (tmp_path / "own").mkdir()
    (tmp_path / "t" / "n.py").write_text("2")
    (tmp_path / "own" / "n.py").write_text("mine")
    (tmp_path / "m.json").write_text("{")
    lay(tmp_path / "t", tmp_path / "own", tmp_path / "m.json")
    assert (tmp_path / "own" / "n.py").read_text() == "mine"
    assert (tmp_path / "own" / "n.new.py").read_text() == "2"
    assert json.loads((tmp_path / "m.json").read_text())


def test_full_disk_is_one_sentence_and_leaves_no_half_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(tmp_path))

    monkeypatch.setattr(workspace.os, "fsync", full)
    with pytest.raises(StartError, match="no space left") as caught:
        workspace.prepare(_settings(tmp_path))
    assert "ask an admin" in str(caught.value)
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


# -- the environment


def test_environment_sees_the_servers_packages_and_keeps_its_own(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    packages.prepare(settings)
    packages.prepare(settings)  # a second start changes nothing
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


def test_broken_environment_is_mended_with_its_packages(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    packages.prepare(settings)
    folder = next(settings.venv.glob("lib/python*/site-packages"))
    (folder / "mine.py").write_text("x = 1")
    for link in (settings.venv / "bin").glob("python*"):
        link.unlink()
    (settings.venv / "bin" / "python").symlink_to("/gone/python")
    packages.prepare(settings)
    python = settings.venv / "bin" / "python"
    subprocess.run([python, "-c", "import mine, marimo"], check=True)


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
    settings = _settings(tmp_path)
    packages.prepare(settings)
    assert (tmp_path / ".venv.old").is_dir()
    asked = []

    async def pip(_settings, _env, _pids, package: str) -> bool:
        asked.append(package)
        return False

    monkeypatch.setattr(packages, "_pip", pip)
    # In a thread: a browser's fixture may have an event loop running in this one.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, packages.reinstall(settings, {}, set())).result()
    assert asked == ["asked==1.0", "asked"]
    assert (settings.venv / "not-reinstalled.txt").read_text() == "asked==1.0\n"
    assert not (tmp_path / ".venv.old").exists()
    assert "not reinstalled" in caplog.text


def test_config_keeps_what_the_person_set(tmp_path: Path) -> None:
    own = tmp_path / ".venv"
    text = f'# mine\n[display]\ntheme = "dark"\n\n[venv]\npath = "{tmp_path}"\n'
    merged = packages.merged_config(text, str(own), own)
    assert "# mine" in merged and 'theme = "dark"' in merged
    assert f'path = "{tmp_path}"' in merged  # an environment that exists is their choice
    gone = packages.merged_config('[venv]\npath = "/gone"\n', str(own), own)
    assert tomlkit.parse(gone)["venv"]["path"] == str(own)  # type: ignore[index]
    without = packages.merged_config(f'[venv]\npath = "{own}"\n', None, own)
    assert "path" not in tomlkit.parse(without)["venv"]  # type: ignore[operator]
    manager = '[package_management]\nmanager = "no-such-manager"\n'
    assert 'manager = "pip"' in packages.merged_config(manager, str(own), own)
