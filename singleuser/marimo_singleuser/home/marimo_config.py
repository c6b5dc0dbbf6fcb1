"""marimo's configuration: the platform's keys in it, and files that would stop marimo."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import tomlkit
from mosshub_contract.files import write_atomically
from tomlkit.exceptions import TOMLKitError

from ..settings import Settings
from ..team.links import shared_places
from .repairs import put_aside, shown

_DOTFILE = ".marimo.toml"
_PROJECT_FILE = "pyproject.toml"
# What a wrong file raises: no TOML, no text, or another type than marimo expects.
_WRONG = (TOMLKitError, ValueError, TypeError, AttributeError)


def prepare(settings: Settings, environment: Path | None) -> list[str]:
    """Set marimo's configuration so that its kernels run in an environment.

    Files with which marimo would not start, or would open no notebook, are put aside.

    Args:
        settings: what the hub told this server.
        environment: the Python environment for kernels; None if there is none.

    Returns:
        A sentence for the user about each file that was put aside.

    Raises:
        OSError: a file cannot be read or written.
    """
    notices = []
    config = _config_file(settings)
    path = str(environment) if environment else None
    try:
        _merge_into(config, path, settings)
    except _WRONG as e:
        notices.append(_aside(config, e, settings))
        _merge_into(config, path, settings)
    for project in project_files(settings):
        try:
            _check_project(project)
        except TOMLKitError:
            continue  # marimo says so in its log, and goes on without it
        except _WRONG as e:
            notices.append(_aside(project, e, settings))
    return notices


def config_files(settings: Settings) -> list[Path]:
    """Return the files from which marimo may read its configuration, the nearest first."""
    xdg = os.environ.get("XDG_CONFIG_HOME")
    below_config = (Path(xdg) if xdg else settings.home / ".config") / "marimo" / "marimo.toml"
    return [settings.notebooks / _DOTFILE, settings.home / _DOTFILE, below_config]


def project_files(settings: Settings) -> list[Path]:
    """Return the project files of the user that marimo may read."""
    return [settings.notebooks / _PROJECT_FILE, settings.home / _PROJECT_FILE]


def merge_config(
    text: str, path: str | None, own: Path, folders: Mapping[str, Path] = MappingProxyType({})
) -> str:
    """Return marimo's user configuration with the platform's four keys in it.

    Another environment that the user chose stays as long as it exists. Another package manager
    stays as long as it is installed. Until the user chose a theme, notebooks are light or dark as
    the user's system is, like all pages of the platform. Nothing else is changed.

    Args:
        text: the configuration (TOML).
        path: the environment for kernels; None if there is none.
        own: where that environment is or would be.
        folders: what the list of files shows beside the notebooks, by name.

    Raises:
        TOMLKitError: the text is not TOML.
        TypeError: it is not a configuration of marimo, which has only sections.
    """
    config = tomlkit.parse(text)
    _check_sections(config)
    section = config.setdefault("venv", tomlkit.table())
    chosen = str(section.get("path", ""))
    if path is not None and (not chosen or not Path(chosen).is_dir()):
        section["path"] = path
    elif path is None and chosen == str(own):
        del section["path"]
    manager = config.setdefault("package_management", tomlkit.table())
    if manager.get("manager", "") != "pip" and not shutil.which(str(manager.get("manager", ""))):
        manager["manager"] = "pip"
    config.setdefault("display", tomlkit.table()).setdefault("theme", "system")
    _add_folders(config, folders)
    return tomlkit.dumps(config)


def _add_folders(config: tomlkit.TOMLDocument, folders: Mapping[str, Path]) -> None:
    if not folders:
        return
    section = config.setdefault("file_browser", tomlkit.table())
    if not isinstance(there := section.get("folders", []), list):
        return  # marimo says so in its log, and goes on without it
    known = {str(one.get("path")) for one in there if isinstance(one, Mapping)}
    missing = [
        {"path": str(path), "name": name}
        for name, path in folders.items()
        if str(path) not in known
    ]
    if missing:
        kept = [dict(one) if isinstance(one, Mapping) else one for one in there]
        section["folders"] = [*kept, *missing]


def _check_sections(config: Mapping[str, Any]) -> None:
    """Refuse anything else where marimo expects a section: it ends, or opens no notebook.

    Raises:
        TypeError: there is such a thing; the message names it.
    """
    servers = config.get("language_servers", {})
    below: Iterable[tuple[str, Any]] = servers.items() if isinstance(servers, Mapping) else ()
    for name, value in [*config.items(), *below]:
        if not isinstance(value, Mapping):
            raise TypeError(f"[{name}] is not a section")


def _check_project(path: Path) -> None:
    """Check what a project file says to marimo.

    Raises:
        TOMLKitError: the file is not TOML.
        TypeError: a setting for marimo is of a type with which marimo does not work.
        ValueError: the file is not text.
    """
    tools = tomlkit.parse(path.read_text()).get("tool", {}) if path.is_file() else {}
    ours = tools.get("marimo", {}) if isinstance(tools, Mapping) else {}
    if not isinstance(ours, Mapping):
        raise TypeError("[tool.marimo] is not a section")
    _check_sections(ours)


def _aside(path: Path, why: Exception, settings: Settings) -> str:
    new = put_aside(path)
    return (
        f"{shown(path, settings)} could not be used ({why}). It is now {shown(new, settings)}, "
        "and marimo has its standard settings."
    )


def _config_file(settings: Settings) -> Path:
    """Return the file that marimo reads: the nearest .marimo.toml, else below XDG_CONFIG_HOME."""
    *dotfiles, below_config = config_files(settings)
    return next((path for path in dotfiles if path.is_file()), below_config)


def _merge_into(config: Path, path: str | None, settings: Settings) -> None:
    old = config.read_text() if config.exists() else ""
    new = merge_config(old, path, settings.venv, dict(shared_places(settings)))
    if new != old:
        write_atomically(config, new)
