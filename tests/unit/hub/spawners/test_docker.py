"""How a container ended, as the user's page says it; the real thing is in tests/docker."""

from types import SimpleNamespace

import pytest
from docker.errors import APIError, DockerException
from requests import ConnectionError

from hub.spawners.container_state import exit_reason, has_failed, is_restarting
from hub.spawners.docker import ContainerSpawner
from hub.spawners.engine_errors import engine_failure


def container(restarts: int = 0, **state: object) -> dict:
    up = {"Running": True, "Restarting": False, "OOMKilled": False, "ExitCode": 0}
    return {
        "State": {**up, **state},
        "RestartCount": restarts,
        "HostConfig": {"Memory": 4 * 2**30},
    }


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (container(Running=False, ExitCode=7), "it ended by itself (exit code 7)"),
        (
            container(Running=False, OOMKilled=True, ExitCode=137),
            "it used more than its 4 GB of memory and was ended",
        ),
        # A kernel was short of memory once; this end is another.
        (
            container(Running=False, OOMKilled=True, ExitCode=1),
            "it ended by itself (exit code 1)",
        ),
        (container(restarts=4), "it ended by itself, again and again"),
    ],
)
def test_the_reason_of_an_end(found: dict, reason: str) -> None:
    assert has_failed(found)
    assert exit_reason(found) == reason


def test_a_container_that_runs_or_comes_back_has_not_failed_for_good() -> None:
    assert not has_failed(container(restarts=3))
    assert is_restarting(container(restarts=3, Restarting=True))
    assert not is_restarting(container(restarts=4, Restarting=True))


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (DockerException(), "Docker's engine does not answer"),
        (ConnectionError(""), "Docker's engine does not answer"),
        (
            APIError("404", explanation="No such image: x"),
            "refused to start your container: No such",
        ),
        (APIError(""), "refused to start your container"),
    ],
)
def test_an_engine_that_does_not_help_is_explained(error: Exception, said: str) -> None:
    failure = engine_failure(error)
    assert said in failure.jupyterhub_message
    assert "None" not in failure.jupyterhub_message


def spawner() -> ContainerSpawner:
    """A spawner that the hub has just made for a user without a server."""
    orm_spawner = SimpleNamespace(name="", user_options={}, server=None)
    return ContainerSpawner(user=SimpleNamespace(name="ada"), orm_spawner=orm_spawner)


def test_the_reason_outlives_the_spawner_and_the_hub() -> None:
    """JupyterHub drops the spawner of a server that ended and keeps its state in the database."""
    ended = spawner()
    ended.exit_reason = "it ended by itself (exit code 7)"
    ended.clear_state()
    later = spawner()
    later.load_state(ended.get_state())
    assert later.exit_reason == "it ended by itself (exit code 7)"
    assert "exit_reason" not in spawner().get_state()
