"""A start without the user's packages, or with marimo's default settings.

WORKAROUND(marimo 0.25.2): it cannot be told to leave out the settings in a home.
It also reads there where kernels run. Here the files are left alone, and what is read from them is
changed: so `hub.starts` lets users in who broke their own environment.
Test: test_a_start_leaves_out_packages_and_settings_once
"""

import os
import tempfile
from pathlib import Path
from typing import Any

from marimo._config.manager import PyprojectConfigReader, UserConfigStore
from mosshub_contract.left_out import PACKAGES, SETTINGS, VARIABLE

from marimo_singleuser.settings import read_without

_load = UserConfigStore._load_config
_read_project = PyprojectConfigReader._read_config


def install() -> None:
    """Make marimo leave out what `MOSSHUB_WITHOUT` names, in this process."""
    without = read_without(os.environ.get(VARIABLE, ""))
    if not without:
        return
    environment = os.environ["VIRTUAL_ENV"]
    if SETTINGS in without:
        # What the user sets meanwhile is written there, and gone with this start.
        file = str(Path(tempfile.mkdtemp(prefix="mosshub-settings.")) / "marimo.toml")
        UserConfigStore.get_config_path = lambda self: file  # type: ignore[method-assign]

    def load(self: UserConfigStore) -> Any:
        found: Any = _load(self) if Path(self.get_config_path()).is_file() else {}
        if SETTINGS in without:
            found = {"package_management": {"manager": "pip"}, **found}
        return {**found, "venv": {"path": environment}}

    def read_project(self: PyprojectConfigReader) -> Any:
        if SETTINGS in without:
            return {}
        found = _read_project(self)
        return {k: v for k, v in found.items() if k != "venv"} if PACKAGES in without else found

    UserConfigStore._load_config = load  # type: ignore[method-assign]
    PyprojectConfigReader._read_config = read_project  # type: ignore[method-assign, assignment]
