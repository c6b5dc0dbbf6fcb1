"""`make down` and `make purge-user`."""

import subprocess
import uuid

import pytest

from tests.standins.engine import docker
from tests.support.paths import DOCKER
from tests.support.stack import HUB_IMAGE

pytestmark = pytest.mark.timeout(1800)  # the first build of the images takes minutes


# The end


def test_purge_user_deletes_one_persons_files_after_asking(stack):
    name = f"a.{uuid.uuid4().hex[:8]}"
    volume = f"{stack.name}_home_{name.replace('.', '-2e')}"
    docker("volume", "create", volume)
    try:
        refused = stack.script("purge-user", name)
        assert refused.returncode == 1
        assert "Nothing was deleted" in refused.stdout
        assert docker("volume", "ls", "--quiet", "--filter", f"name={volume}") == volume
        done = subprocess.run(
            [DOCKER / "purge-user", name],
            input=f"{name}\n",
            env=stack.environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        assert docker("volume", "ls", "--quiet", "--filter", f"name={volume}") == ""
        assert "has no files here" in stack.script("purge-user", name).stdout
    finally:
        docker("volume", "rm", "-f", volume)


def test_down_stops_everything_and_keeps_what_people_made(stack):
    name = f"{stack.name}_zoe--"
    docker("run", "-d", "--name", name, f"--network={stack.name}-users", HUB_IMAGE, "sleep", "60")
    down = stack.script("down")
    assert down.returncode == 0, down.stdout
    assert docker("ps", "--all", "--quiet", "--filter", f"name={stack.name}") == ""
    assert docker("network", "ls", "--quiet", "--filter", f"name={stack.name}") == ""
    volumes = docker("volume", "ls", "--quiet", "--filter", f"name={stack.name}_").split()
    wanted = {f"{stack.name}_{v}-data" for v in ("hub", "kafka", "caddy", "keycloak")}
    assert wanted <= set(volumes)
    rules = ("run", "--rm", "--network=host", "--entrypoint=ip", HUB_IMAGE, "rule")
    assert stack.subnet not in docker(*rules)
    # Other tests go on with it, and a team does so after a break.
    up = stack.script("up", BUILD="no")
    assert up.returncode == 0, up.stdout[-6000:]
