"""A team's hub while Docker's engine, or the Docker API proxy before it, is away.

Hub, proxy, spawner and identity provider are real. The whole platform:
tests/docker/accidents/test_pages.py.
"""

from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from mosshub_contract.ports import free_port

from tests.support.light_team import Team
from tests.support.oidc_provider import browser, sign_in
from tests.support.waiting import retry_until


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Team]:
    """A team whose hub finds no engine."""
    engine = f"tcp://127.0.0.1:{free_port()}"
    team = Team(tmp_path, OAUTH_SCOPE="groups", LIGHT_SPAWNER="no", DOCKER_HOST=engine)
    team.hub.start()
    yield team
    team.stop()


@pytest.mark.slow
def test_the_start_page_says_so(team: Team) -> None:
    session = browser()
    sign_in(session, team.hub.url, "ada")
    session.get(f"{team.hub.url}/hub/spawn", timeout=90)

    def refused() -> str:
        page = session.get(f"{team.hub.url}/hub/spawn-pending/ada", timeout=90).text
        return page if "Your editor could not start" in page else ""

    page = unescape(retry_until(refused, 150, "the end of the start"))
    assert "Docker's engine does not answer, so no container can start." in page
    assert "Try again in a minute" in page
    assert "None" not in page
