"""What a start of a server may ask for."""

import json

import pytest

from tests.cases.spawn_options import *  # noqa: F403
from tests.standins.engine import docker

pytestmark = pytest.mark.timeout(1200)


def test_what_starts_after_a_refusal_has_no_privilege(idle):
    refused = idle.api("POST", "users/grace/server", json={"privileged": True})
    assert refused.status_code == 400
    idle.start(image="cpu")
    host = json.loads(docker("inspect", "--format", "{{json .HostConfig}}", idle.container))
    assert not host["Privileged"] and host["CapDrop"] == ["ALL"] and host["PidsLimit"] == 1024


def test_a_link_that_starts_a_server_gives_it_nothing(idle):
    for query in ("opt-volumes=/:/host", "volumes=/:/host", "opt-image=debian", "opt-privileged=1"):
        idle.session.get(f"{idle.url}/hub/spawn/grace?{query}", timeout=120)
    if idle.has_container():
        found = json.loads(docker("inspect", idle.container))[0]
        own = {"/home/mosshub", "/srv/team/everybody"}
        assert {m["Destination"] for m in found["Mounts"]} == own
        assert found["Config"]["Image"] == "mosshub/user:cpu"
        assert not found["HostConfig"]["Privileged"]
