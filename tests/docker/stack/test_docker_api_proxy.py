"""The Docker API proxy: which calls it passes on to the engine."""

import json
import subprocess

import pytest
from docker.types import DeviceRequest

from tests.standins.engine import docker
from tests.support.docker_api import call_engine
from tests.support.stack import HUB_IMAGE, Stack

pytestmark = pytest.mark.timeout(1800)  # the first build of the images takes minutes


#: As DockerSpawner asks for the host's second GPU: no driver is named.
GPU = DeviceRequest(device_ids=["1"], capabilities=[["gpu"]])


def creation(stack: Stack, **host: object) -> dict:
    return {
        "Image": HUB_IMAGE,
        "Cmd": ["sleep", "60"],
        "Env": ['SCOPES=["access:servers!server=ad\\u00e4/"]', "A=b"],
        "Volumes": {"/home/mosshub": {}},
        "HostConfig": {
            "NetworkMode": f"{stack.name}-users",
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
            "Binds": [
                f"{stack.name}_home_zoe:/home/mosshub:rw",
                f"{stack.name}_team:/srv/team/everybody:rw",
                f"{stack.name}_team_lab:/srv/mosshub/new/1:ro",
                f"{stack.name}_team_lab:/srv/team/lab:ro",
            ],
            "Mounts": [],
            "Memory": 100_000_000,
            **host,
        },
    }


def test_the_hub_may_create_start_stop_and_remove_a_persons_container(stack):
    name = f"{stack.name}_zoe--"
    (created,) = call_engine(
        stack, ("POST", f"/v1.41/containers/create?name={name}", creation(stack))
    )
    try:
        assert created[0] == 201, created
        key = json.loads(created[1])["Id"]
        answers = call_engine(
            stack,
            ("GET", "/_ping"),
            ("GET", "/version"),
            ("GET", f"/v1.41/images/{HUB_IMAGE}/json"),
            ("GET", f"/v1.41/containers/{name}/json"),
            ("POST", f"/v1.41/containers/{key}/start"),
            ("GET", f"/v1.41/containers/{key}/logs?stdout=1&stderr=1&tail=12"),
            ("GET", f"/v1.41/containers/{key}/stats?stream=False&one-shot=True"),
            ("POST", f"/v1.41/containers/{key}/stop?t=1"),
            ("DELETE", f"/v1.41/containers/{key}?v=True"),
        )
        assert [status for status, _ in answers] == [200, 200, 200, 200, 204, 200, 200, 204, 204]
    finally:
        subprocess.run(["docker", "rm", "-f", name], capture_output=True)
        docker("volume", "rm", "-f", f"{stack.name}_home_zoe", f"{stack.name}_team_lab")


def test_an_apps_container_has_no_volume_and_an_editors_has_one(stack):
    editor, app = f"{stack.name}_zoe--", f"{stack.name}_zoe--app-2dpeek"
    path = "/v1.41/containers/create?name="
    allowed, *refused = call_engine(
        stack,
        ("POST", path + app, creation(stack, Binds=[])),
        ("POST", path + app, creation(stack)),
        ("POST", path + app, creation(stack, Binds=["/:/home/mosshub:rw"])),
        ("POST", path + editor, creation(stack, Binds=[])),
    )
    subprocess.run(["docker", "rm", "-f", "-v", app], capture_output=True)
    assert allowed[0] == 201, allowed
    assert [status for status, _ in refused] == [403, 403, 403]


def test_a_container_may_have_a_gpu_but_no_device_of_another_driver(stack):
    name = f"{stack.name}_zoe--"
    path = f"/v1.41/containers/create?name={name}"
    allowed, *refused = call_engine(
        stack,
        ("POST", path, creation(stack, DeviceRequests=[GPU])),
        ("POST", path, creation(stack, DeviceRequests=[{**GPU, "Driver": "cdi"}])),
        ("POST", path, creation(stack, DeviceRequests=[GPU, {"driver": "cdi"}])),
    )
    try:
        assert allowed[0] == 201, allowed
        asked = json.loads(docker("inspect", name))[0]["HostConfig"]["DeviceRequests"]
        assert [request["DeviceIDs"] for request in asked] == [["1"]]
        assert [status for status, _ in refused] == [403, 403]
    finally:
        subprocess.run(["docker", "rm", "-f", name], capture_output=True)
        docker("volume", "rm", "-f", f"{stack.name}_home_zoe", f"{stack.name}_team_lab")


def test_every_other_call_is_refused(stack):
    kafka = stack.container("kafka")
    key = "0" * 64
    calls = [
        ("GET", "/containers/json"),
        ("GET", "/v1.41/containers/json?all=1"),
        ("GET", "/info"),
        ("GET", "/events"),
        ("GET", "/system/df"),
        ("POST", "/auth", {}),
        ("GET", f"/containers/{kafka}/json"),
        ("POST", f"/containers/{kafka}/stop"),
        ("DELETE", f"/containers/{kafka}?force=1"),
        ("POST", f"/containers/{key}/exec", {"Cmd": ["sh"]}),
        ("POST", f"/exec/{key}/start", {}),
        ("POST", f"/containers/{key}/kill"),
        ("POST", f"/containers/{key}/restart"),
        ("POST", f"/containers/{key}/update", {}),
        ("POST", f"/containers/{key}/rename?name=x"),
        ("POST", f"/containers/{key}/attach?stream=1"),
        ("POST", f"/containers/{key}/pause"),
        ("GET", f"/containers/{key}/archive?path=/"),
        ("PUT", f"/containers/{key}/archive?path=/", ""),
        ("GET", f"/containers/{key}/export"),
        ("GET", f"/containers/{key}/top"),
        ("GET", f"/containers/{key}/stats"),  # a stream without an end
        ("GET", f"/containers/{key}/stats?stream=1"),
        ("GET", f"/containers/{kafka}/stats?stream=false"),
        ("POST", f"/containers/{key}/stats?stream=false"),
        ("DELETE", f"/containers/{key}/stats"),
        ("GET", f"/containers/{key}/start"),
        ("POST", f"/containers/{key}/json"),
        ("DELETE", f"/containers/{key}/json"),
        ("POST", "/containers/prune"),
        ("POST", "/commit?container=x", {}),
        ("POST", "/build"),
        ("GET", "/images/json"),
        ("POST", "/images/create?fromImage=x"),
        ("POST", "/images/load"),
        ("DELETE", f"/images/{HUB_IMAGE}"),
        ("POST", f"/images/{HUB_IMAGE}/push"),
        ("GET", f"/images/{HUB_IMAGE}/get"),
        ("GET", "/images/../containers/json"),
        ("GET", "/images/x/../../containers/json"),
        ("GET", "/images//containers/json"),
        ("GET", "/images/%2e%2e/containers/json"),
        ("GET", "/volumes"),
        ("POST", "/volumes/create", {"Name": "x"}),
        ("DELETE", f"/volumes/{stack.name}_hub-data"),
        ("GET", "/networks"),
        ("POST", "/networks/create", {"Name": "x"}),
        ("POST", f"/networks/{stack.name}_engine/connect", {"Container": "x"}),
        ("GET", "/swarm"),
        ("POST", "/swarm/init", {}),
        ("GET", "/secrets"),
        ("GET", "/services"),
        ("GET", "/plugins"),
        ("POST", "/session"),
        ("POST", "/grpc"),
    ]
    answers = call_engine(stack, *calls)
    passed = [c for c, (status, _) in zip(calls, answers, strict=True) if status != 403]
    assert passed == []
    # The nearest that may: the same id, asked about.
    assert call_engine(stack, ("GET", f"/containers/{key}/json"))[0][0] == 404


def test_containers_with_more_of_the_host_are_refused(stack):
    name = f"{stack.name}_zoe--"
    path = f"/v1.41/containers/create?name={name}"
    bodies = [
        creation(stack, Privileged=True),
        creation(stack, CapDrop=[]),
        creation(stack, CapAdd=["SYS_ADMIN"]),
        creation(stack, SecurityOpt=["no-new-privileges", "seccomp=unconfined"]),
        creation(stack, SecurityOpt=[]),
        creation(stack, Binds=["/:/home/mosshub:rw"]),
        creation(stack, Binds=[f"{stack.name}_home_zoe:/home/mosshub:rw", "/etc:/host"]),
        creation(stack, Binds=[f"{stack.name}_hub-data:/home/mosshub"]),
        creation(stack, Binds=[f"{stack.name}_team:/srv/team/everybody:rw"]),
        *(
            creation(stack, Binds=[f"{stack.name}_home_zoe:/home/mosshub:rw", more])
            for more in (
                f"{stack.name}_hub-data:/srv/team/everybody:rw",
                f"{stack.name}_home_ada:/srv/team/lab:rw",
                f"{stack.name}_team:/srv/mosshub/notebooks:rw",
                f"{stack.name}_team_lab:/srv/team/../mosshub:rw",
                "/etc:/srv/data:ro",
            )
        ),
        creation(stack, Binds=["/var/run/docker.sock:/home/mosshub"]),
        creation(stack, Mounts=[{"Type": "bind", "Source": "/", "Target": "/host"}]),
        creation(stack, NetworkMode="host"),
        creation(stack, NetworkMode=f"{stack.name}_engine"),
        creation(stack, PidMode="host"),
        creation(stack, IpcMode="host"),
        creation(stack, Devices=[{"PathOnHost": "/dev/vda"}]),
        creation(stack, VolumesFrom=[stack.container("hub")]),
        creation(stack, CgroupParent="/"),
        creation(stack, Sysctls={"kernel.msgmax": "1"}),
        creation(stack, PortBindings={"80/tcp": [{"HostPort": "80"}]}),
        creation(stack, MaskedPaths=["/x"]),
        creation(stack, privileged=True),
        creation(stack, capdrop=[]),
        creation(stack, BINDS=["/:/host"]),
        {**creation(stack), "hostconfig": {"Binds": ["/:/host"]}},
        {**creation(stack), "NetworkingConfig": {"EndpointsConfig": {f"{stack.name}_hub": {}}}},
        json.dumps(creation(stack)).replace('"Memory"', '"Privil\\u0065ged": true, "Memory"'),
        json.dumps(creation(stack)) + " " * 60_000,
        {},
    ]
    names = [
        "",
        "?name=",
        f"?name={stack.container('kafka')}",
        "?name=other",
        f"?name={stack.name}_x",
    ]
    calls = [("POST", path, body) for body in bodies]
    calls += [("POST", f"/containers/create{n}", creation(stack)) for n in names]
    answers = call_engine(stack, *calls)
    passed = [c for c, (status, _) in zip(calls, answers, strict=True) if status != 403]
    subprocess.run(["docker", "rm", "-f", name], capture_output=True)
    assert passed == []
