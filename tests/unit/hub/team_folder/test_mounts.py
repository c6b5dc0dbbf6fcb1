"""Who gets which part of the team's folder, and may write there."""

import json
from types import SimpleNamespace

import pytest
from mosshub_contract.team_folder import parts_from_json
from traitlets.config import Config

from hub import team_folder
from hub.settings import Settings
from hub.team_folder.mounts import with_team_folder
from hub.team_folder.parts import variables

TEAM = {"servers": "containers", "team_groups": {"lab", "team", "Ops"}, "shared_data": "/srv/sets"}


def settings(**more: object) -> Settings:
    return Settings.model_construct(**{**Settings.model_construct().model_dump(), **TEAM, **more})


def server(*groups: str, name: str = "") -> SimpleNamespace:
    orm_user = SimpleNamespace(groups=[SimpleNamespace(name=group) for group in groups])
    home = {"mosshub_home_ada": {"bind": "/home/mosshub", "mode": "rw"}}
    user = SimpleNamespace(name="ada", orm_user=orm_user)
    return SimpleNamespace(name=name, user=user, volume_binds=home)


def mounted(spawner: SimpleNamespace, **more: object) -> list[str]:
    found = with_team_folder({"cap_drop": ["ALL"]}, settings(**more))(spawner)
    assert found["cap_drop"] == ["ALL"]
    return found["binds"]


def test_members_write_and_others_read() -> None:
    assert mounted(server("lab", "other")) == [
        "mosshub_home_ada:/home/mosshub:rw",
        "mosshub_team:/srv/team/everybody:rw",
        "mosshub_team_-4fps:/srv/mosshub/new/1:ro",
        "mosshub_team_-4fps:/srv/team/-4fps:ro",
        "mosshub_team_lab:/srv/mosshub/new/2:ro",
        "mosshub_team_lab:/srv/team/lab:rw",
        "mosshub_team_team:/srv/mosshub/new/3:ro",
        "mosshub_team_team:/srv/team/team:ro",
        "/srv/sets:/srv/data:ro",
    ]


def test_the_data_of_everybody_is_a_directory_of_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(Settings.model_config, "env_file", None)
    monkeypatch.setenv("SHARED_DATA", "/srv/other")
    assert "/srv/other:/srv/data:ro" in mounted(server(), shared_data=Settings().shared_data)


@pytest.mark.parametrize(
    ("spawner", "more"),
    [(server("lab", name="app"), {}), (server("lab"), {"team_folder": False, "shared_data": None})],
)
def test_without_a_team_folder_there_is_the_home(spawner: SimpleNamespace, more: dict) -> None:
    assert mounted(spawner, **more) == ["mosshub_home_ada:/home/mosshub:rw"]


def test_a_server_learns_its_parts() -> None:
    told = variables(settings())
    parts = parts_from_json(told["MOSSHUB_TEAM_PARTS"](server("lab")))
    assert [(part.name, part.title, part.writable) for part in parts] == [
        ("everybody", "everybody", True),
        ("-4fps", "Ops", False),
        ("lab", "lab", True),
        ("team", "team", False),
    ]
    assert json.loads(told["MOSSHUB_TEAM_PARTS"](server("lab", name="app"))) == []


@pytest.mark.parametrize(("storage", "folder", "lacks"), [("", True, True), ("", False, False)])
def test_admins_read_why_a_cluster_has_no_folder(storage: str, folder: bool, lacks: bool) -> None:
    c = Config()
    c.JupyterHub.template_vars = {}
    pods = {"servers": "pods", "shared_data": None, "team_storage_class": storage}
    chosen = settings(**pods, team_folder=folder)
    team_folder.configure(c, chosen)
    assert c.JupyterHub.template_vars == {"team_folder_lacks_storage": lacks}
    assert variables(chosen)["MOSSHUB_TEAM"] == ""
    chosen = settings(**pods | {"team_storage_class": "nfs"}, team_folder=folder)
    assert bool(variables(chosen)["MOSSHUB_TEAM"]) is folder
