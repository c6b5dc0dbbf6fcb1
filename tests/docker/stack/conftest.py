"""What the tests of the running demo share."""

import pytest

from tests.support.containers import Container, Containers
from tests.support.stack import HUB_IMAGE, Stack


@pytest.fixture
def person(stack: Stack, containers: Containers) -> Container:
    """A container on the network of people's servers that has Python and nothing else."""
    return containers.run(
        *(f"--network={stack.name}-users", "--cap-drop=ALL", "--security-opt=no-new-privileges"),
        *("--no-healthcheck", HUB_IMAGE, "sleep", "infinity"),
    )
