"""What the Docker API proxy's rule about the host's parts refuses, read from its configuration.

`tests/docker/stack/test_docker_api_proxy.py` sends such requests through the running proxy.
"""

import json
import re
from typing import Any

import pytest
from docker.types import DeviceRequest, LogConfig

from tests.support.paths import DOCKER

GPU = DeviceRequest(device_ids=["1"], capabilities=[["gpu"]])


def is_refused(**host: Any) -> bool:
    """Return whether a creation with this HostConfig matches the ACL `host`."""
    rules = (DOCKER / "engine/haproxy.cfg").read_text()
    (pattern,) = re.findall(r'(?m)^ *acl host req\.body -m reg -i "(.*)"$', rules)
    pattern = pattern.replace('\\"', '"')
    return bool(re.search(pattern, json.dumps({"HostConfig": host}), re.IGNORECASE))


@pytest.mark.parametrize(
    "host",
    [
        {"DeviceRequests": [GPU]},
        {"DeviceRequests": None, "Devices": None},
        {"LogConfig": LogConfig(type="json-file", config={"max-size": "1m"})},
    ],
)
def test_what_dockerspawner_asks_for_passes(host: dict[str, Any]) -> None:
    assert not is_refused(**host)


@pytest.mark.parametrize(
    "host",
    [
        {"DeviceRequests": [{**GPU, "Driver": "cdi"}]},
        {"DeviceRequests": [GPU, {"driver": "cdi", "DeviceIDs": ["vendor.com/disk=all"]}]},
        {"Devices": [{"PathOnHost": "/dev/sda"}]},
    ],
)
def test_a_device_by_another_way_is_refused(host: dict[str, Any]) -> None:
    assert is_refused(**host)
