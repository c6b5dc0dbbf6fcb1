"""A JupyterHub of somebody else's that takes our image and spawner: docs/deploy.md says how."""

import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests

from tests.standins.engine import docker
from tests.support.containers import PREFIX, Containers
from tests.support.paths import ROOT
from tests.support.people import LocalPerson
from tests.support.stack import HUB_IMAGE, Stack, free_subnet
from tests.support.waiting import retry_until

#: What such a hub has already: sign-in and addresses.
OWN = """
c.JupyterHub.bind_url = "http://:8000"
c.JupyterHub.hub_bind_url = "http://0.0.0.0:8081"
c.JupyterHub.hub_connect_url = "http://own-hub:8081"
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = "open"
c.Authenticator.allow_all = True
"""


@pytest.fixture
def instance() -> Iterator[str]:
    """A platform's name, with the network of its users; nothing of it is left afterwards."""
    name = f"{PREFIX}-{uuid.uuid4().hex[:6]}"
    network = f"{name}-users"
    docker("network", "create", f"--subnet={free_subnet(range(206, 222))}", network)
    yield name
    if left := docker("ps", "--all", "--quiet", "--filter", f"name=^{name}_").split():
        docker("rm", "-f", "-v", *left)
    if homes := docker("volume", "ls", "--quiet", "--filter", f"name=^{name}_").split():
        docker("volume", "rm", "-f", *homes)
    docker("network", "rm", network)


def test_an_editor_starts_from_another_jupyterhub(
    stack: Stack, instance: str, containers: Containers, tmp_path: Path
) -> None:
    (block,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs/deploy.md").read_text(), re.DOTALL)
    config = tmp_path / "jupyterhub_config.py"
    config.write_text(OWN + block)
    config.chmod(0o644)
    tmp_path.chmod(0o755)
    hub = containers.run(
        *(f"--network={instance}-users", "--network-alias=own-hub", "--user=0:0"),
        *("--publish=127.0.0.1::8000", "--no-healthcheck", "--tmpfs=/state", "--workdir=/state"),
        *("--volume=/var/run/docker.sock:/var/run/docker.sock", f"--volume={tmp_path}:/own:ro"),
        *(f"--env=INSTANCE={instance}", "--env=TEAM_FOLDER=no", "--env=PYTHONPATH=/srv/mosshub"),
        *(HUB_IMAGE, "jupyterhub", "--config=/own/jupyterhub_config.py"),
    )
    url = f"http://localhost:{hub.address(8000).rpartition(':')[2]}"
    retry_until(lambda: requests.get(f"{url}/hub/health", timeout=10).ok, 90, "the hub answers")
    place = SimpleNamespace(url=url, password="open", subdomains=False, log="")
    ada = LocalPerson(place, "ada")
    assert "ada" in ada.editor().text, hub.logs()[-3000:]
    assert ada.notebook().run("print(6 * 7)").strip() == "42"
