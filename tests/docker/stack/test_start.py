"""`make demo` on a host: its words, its services, their ports and their logs."""

import re
import subprocess

import pytest
import requests

from tests.support.paths import DOCKER
from tests.support.stack import PEOPLE, SERVICES, errors_in

pytestmark = pytest.mark.timeout(1800)  # the first build of the images takes minutes


# Starting


def test_up_ends_with_the_address_and_the_people(stack):
    said = stack.said
    assert f"\nMosshub is at {stack.url}\n" in said
    for name in PEOPLE:
        assert re.search(rf"^  {name} +{stack.secret(name)} ", said, re.MULTILINE)


def test_every_service_is_healthy_and_hardened(stack):
    for service in SERVICES:
        found = stack.inspect(service)
        assert found["State"]["Health"]["Status"] == "healthy", service
        host = found["HostConfig"]
        assert host["CapDrop"] == ["ALL"], service
        assert host["SecurityOpt"] == ["no-new-privileges:true"], service
        assert host["ReadonlyRootfs"] == (service != "keycloak"), service
        assert host["Memory"] > 0, service
        assert host["RestartPolicy"]["Name"] == "unless-stopped", service
        assert host["LogConfig"]["Config"] == {"max-file": "3", "max-size": "10m"}, service
        assert not host["Privileged"], service


def test_one_port_is_published_on_this_host_alone(stack):
    ports = {s: stack.inspect(s)["HostConfig"]["PortBindings"] for s in SERVICES}
    wanted = {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(stack.port)}]}
    assert {s: p for s, p in ports.items() if p} == {"caddy": wanted}
    assert requests.get(f"{stack.url}/hub/health", timeout=10).status_code == 200


@pytest.mark.parametrize("changes", [{}, {"DOMAIN": "mosshub.test"}])
def test_compose_config_has_no_warning(stack, changes):
    done = subprocess.run(
        [DOCKER / "compose", "config", "--quiet"],
        env={**stack.environment, **changes},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_logs_of_a_clean_start_have_no_error(stack):
    for service in SERVICES:
        assert errors_in(stack.first_words[service]) == [], service


def test_second_up_leaves_everything_and_everybody_running(stack, person):
    before = stack.started()
    again = stack.script("up", BUILD="no")
    assert again.returncode == 0, again.stdout[-6000:]
    assert stack.started() == before
    assert person.state("Running") == "true"
