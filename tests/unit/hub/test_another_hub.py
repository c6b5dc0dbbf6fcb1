"""The values for Zero to JupyterHub bring users' pods, accounts and pages into its hub."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jupyterhub.auth import DummyAuthenticator
from traitlets.config import Config

from hub import another_hub
from hub.accounts.hooks import _AccountHooks
from hub.apps.hooks import _AppHooks
from hub.signin.blocked import _BlockHooks
from hub.spawners.kubernetes import PodSpawner
from tests.support.paths import ROOT

PAGE = (ROOT / "docs/kubernetes.md").read_text("utf-8")
(VALUES,) = [yaml.safe_load(text) for text in re.findall(r"```yml\n(.*?)```", PAGE, re.DOTALL)]
SECRET = "5" * 64


@pytest.fixture
def theirs() -> Config:
    """What that chart's configuration has set before `hub.extraConfig`."""
    c = Config()
    c.JupyterHub.spawner_class = "kubespawner.KubeSpawner"
    c.JupyterHub.authenticator_class = "dummy"
    c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0}
    c.JupyterHub.template_vars = {"announcement": "theirs"}
    c.JupyterHub.services = []
    c.JupyterHub.load_roles = []
    c.KubeSpawner.environment = {"TZ": "Europe/Berlin"}
    c.KubeSpawner.common_labels = {"app": "jupyterhub", "release": "hub"}
    return c


@pytest.fixture
def configured(theirs: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.setattr(another_hub, "require_mosshub", lambda: None)
    for name, value in VALUES["hub"]["extraEnv"].items():
        monkeypatch.setenv(name, value if isinstance(value, str) else SECRET)
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.chdir(ROOT)  # and back afterwards
    exec(VALUES["hub"]["extraConfig"]["mosshub"], {"c": theirs})  # noqa: S102  as that chart does
    return theirs


def test_it_runs_the_hub_that_keeps_users_apart() -> None:
    assert VALUES["hub"]["args"][:3] == ["python", "-m", "hub"]
    with pytest.raises(SystemExit, match="python -m hub"):
        another_hub.configure(Config())


def test_its_sign_in_knows_accounts_apps_and_who_is_blocked(configured: Config) -> None:
    chosen = configured.JupyterHub.authenticator_class
    assert issubclass(chosen, DummyAuthenticator)
    for hooks in (_AccountHooks, _AppHooks, _BlockHooks):
        assert issubclass(chosen, hooks)


def test_its_pods_are_ours_and_have_its_labels_and_variables(configured: Config) -> None:
    assert configured.JupyterHub.spawner_class is PodSpawner
    labels, variables = configured.PodSpawner.common_labels, configured.PodSpawner.environment
    assert labels == {
        "app": "jupyterhub",
        "release": "hub",
        "app.kubernetes.io/part-of": "mosshub",
    }  # its network policies choose pods by these
    assert variables["TZ"] == "Europe/Berlin"
    assert variables["KAFKA_BOOTSTRAP_SERVERS"] == "kafka.example.org:9093"


def test_the_pages_are_there_and_what_it_had_stays(configured: Config) -> None:
    routes = [handler[0] for handler in configured.JupyterHub.extra_handlers]
    for route in ("/apps", "/mosshub/admin", "/logo", "/api/mosshub/copies"):
        assert route in routes, routes
    assert configured.JupyterHub.tornado_settings["slow_spawn_timeout"] == 0
    assert configured.JupyterHub.template_vars["announcement"] == "theirs"
    assert "error_words" in configured.JupyterHub.template_vars
    assert configured.JupyterHub.subdomain_host == "https://hub.example.org"


def test_without_a_kafka_there_are_no_accounts(
    theirs: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(another_hub, "require_mosshub", lambda: None)
    for name in ("SERVERS", "INSTANCE", "DOMAIN", "USER_IMAGES"):
        monkeypatch.setenv(name, VALUES["hub"]["extraEnv"][name])
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    another_hub.configure(theirs)
    assert not issubclass(theirs.JupyterHub.authenticator_class, _AccountHooks)
    assert theirs.PodSpawner.environment["KAFKA_BOOTSTRAP_SERVERS"] == ""


def test_processes_are_refused(theirs: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(another_hub, "require_mosshub", lambda: None)
    monkeypatch.setenv("SERVERS", "processes")
    with pytest.raises(ValueError, match="another hub needs pods"):
        another_hub.configure(theirs)


@pytest.mark.parametrize(
    "name", ["dummy", "jupyterhub.auth.DummyAuthenticator", DummyAuthenticator]
)
def test_a_sign_in_is_found_as_jupyterhub_finds_it(name: Any) -> None:
    c = Config()
    c.JupyterHub.authenticator_class = name
    assert another_hub.sign_in_class(c) is DummyAuthenticator
