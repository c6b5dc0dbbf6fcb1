"""Services that end are started again."""

import pytest
import requests

from tests.support.docker_api import call_engine
from tests.support.stack import SERVICES
from tests.support.waiting import retry_until

pytestmark = pytest.mark.timeout(1800)  # the first build of the images takes minutes


# Accidents


def test_the_hub_restarts_alone(stack):
    before = stack.started()
    stack.compose("restart", "hub")
    retry_until(lambda: stack.health("hub") == "healthy", 120, "the hub's health")
    after = stack.started()
    assert {s for s in SERVICES if before[s] != after[s]} == {"hub"}
    assert requests.get(f"{stack.url}/hub/health", timeout=10).status_code == 200


@pytest.mark.parametrize("service", ["proxy", "caddy", "hub", "engine", "kafka", "firewall"])
def test_a_killed_service_is_started_again(stack, service):
    stack.kill(service)
    retry_until(lambda: stack.health(service) == "healthy", 120, f"{service} is back")
    answer = retry_until(
        lambda: requests.get(f"{stack.url}/hub/health", timeout=10).ok, 60, "the hub answers"
    )
    assert answer
    if service == "engine":

        def passes_on() -> bool:
            try:
                return call_engine(stack, ("GET", "/_ping")) == [(200, "OK")]
            except AssertionError:  # the hub was refused: the proxy does not listen yet
                return False

        assert retry_until(passes_on, 60, "the Docker API proxy passes the hub's calls on")
