"""`make smoke` against containers: the editor that runs is used, and left as it was."""

from tests.standins.engine import docker
from tests.support.members import TeamMember
from tests.support.smoke import Smoke
from tests.support.stack import Stack
from tests.support.waiting import wait_until


def test_a_team_platform_passes(stack: Stack, ada: TeamMember, smoke: Smoke) -> None:
    smoke.run(stack, ada)
    assert smoke.status == 0, smoke.said + smoke.error
    assert "a message goes through the broker" in smoke.said
    assert "the app opens" in smoke.said
    assert list(ada.api("GET", "users/ada").json()["servers"]) == [""], "the app's is gone"
    assert ada.api("GET", "users/ada").json()["servers"][""]["ready"]
    assert "smoke-" not in ada.inside("ls", "/home/mosshub", "/home/mosshub/notebooks")


def test_a_provider_that_is_away_is_named(stack: Stack, ada: TeamMember, smoke: Smoke) -> None:
    docker("pause", stack.container("keycloak"))
    try:
        smoke.run(stack, ada)
    finally:
        docker("unpause", stack.container("keycloak"))
    wait_until(lambda: stack.health("keycloak") == "healthy", 120, "Keycloak is healthy again")
    assert smoke.status == 1, smoke.said
    assert f"{stack.url} does not work. provider: {stack.url} " in smoke.error
    assert len(smoke.error.splitlines()) == 1
