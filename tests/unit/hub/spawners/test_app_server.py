"""The spawner of an app's server: limits of its own, and none of its author's files."""

from types import SimpleNamespace

import pytest
from jupyterhub.spawner import Spawner
from traitlets.config import Config

from hub.settings import load_settings
from hub.spawners.container_limits import app_traits, host_config
from hub.spawners.docker import ContainerSpawner
from hub.spawners.local import LaptopSpawner


def spawner(cls: type[Spawner], name: str, **traits: object) -> Spawner:
    settings = load_settings()
    config = Config()
    config.DockerSpawner.volumes = {"home": "/home/mosshub"}
    config.DockerSpawner.mem_limit = settings.memory_limit
    config.DockerSpawner.extra_host_config = host_config(settings)
    config.ContainerSpawner.app_traits = app_traits(settings)
    server = SimpleNamespace(name=name, user_options={}, state={}, server=None)
    user = SimpleNamespace(name="ada", url="/user/ada/", escaped_name="ada")
    return cls(_mock=True, config=config, user=user, orm_spawner=server, **traits)


def test_an_apps_container_has_no_volume_and_its_own_limits() -> None:
    editor, app = (spawner(ContainerSpawner, name) for name in ("", "app-peek"))
    assert (editor.app_slug, app.app_slug) == ("", "peek")
    assert (editor.volumes, app.volumes) == ({"home": "/home/mosshub"}, {})
    assert (editor.mem_limit, app.mem_limit) == (4 * 2**30, 2 * 2**30)
    assert editor.extra_host_config["memswap_limit"] == "4G"
    assert app.extra_host_config == {**editor.extra_host_config, "memswap_limit": "2G"}


@pytest.mark.parametrize(
    ("name", "home", "log"),
    [("", "users/ada", "ada.log"), ("app-peek", "apps/ada/peek", "ada--app-peek.log")],
)
def test_an_app_has_a_home_of_its_own_on_a_laptop(name: str, home: str, log: str) -> None:
    server = spawner(LaptopSpawner, name, users_dir="/data/users", logs_dir="/data/logs")
    assert server.home_dir == f"/data/{home}"
    assert str(server.log_path) == f"/data/logs/{log}"
