"""What a browser shows while a part of the platform is away, and that the page comes back."""

import os
import signal
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape

import pytest
import requests

from tests.standins.engine import docker
from tests.support.host_names import ALL_FILES
from tests.support.members import TeamMember
from tests.support.stack import Stack
from tests.support.waiting import retry_until

pytestmark = pytest.mark.timeout(1500)

PAGE = {"Accept": "text/html,*/*;q=0.8"}
COMES_BACK = '<meta http-equiv="refresh" content="5">'


@contextmanager
def away(stack: Stack, service: str) -> Iterator[None]:
    stack.compose("stop", "--timeout", "5", service)
    try:
        yield
    finally:
        stack.compose("start", service)
        retry_until(lambda: stack.health(service) == "healthy", 180, f"{service} is healthy")


def shown(member: TeamMember, path: str) -> requests.Response:
    return member.session.get(member.url + path, headers=PAGE, timeout=90)


def editor(member: TeamMember) -> requests.Response:
    """Return what the person's own host shows, with no help of the hub."""
    return member.session.get(member.base + ALL_FILES, headers=PAGE, timeout=90)


def test_without_the_docker_api_proxy(stack: Stack, ada: TeamMember, idle: TeamMember) -> None:
    with away(stack, "engine"):
        shown(idle, "/hub/spawn")

        def refused() -> str:
            page = shown(idle, f"/hub/spawn-pending/{idle.name}").text
            return page if "Your editor could not start" in page else ""

        page = unescape(retry_until(refused, 120, "the end of the start"))
        assert "Docker's engine does not answer" in page
        assert "None" not in page
        assert editor(ada).status_code == 200, "running editors run on"
    idle.start()


def test_without_the_hub(stack: Stack, ada: TeamMember) -> None:
    assert editor(ada).status_code == 200
    with away(stack, "hub"):
        # The hub's word on who is signed in stays valid for 30 s.
        assert editor(ada).status_code == 200, "running editors run on"
        page = shown(ada, "/hub/home")
        assert page.status_code == 503
        assert "Mosshub does not answer at the moment" in page.text
        assert COMES_BACK in page.text
    retry_until(lambda: "Hello, ada" in shown(ada, "/hub/home").text, 180, "the hub's page")


def test_without_the_proxy(stack: Stack, ada: TeamMember) -> None:
    secret = uuid.uuid4().hex
    with away(stack, "proxy"):
        page = shown(ada, f"/hub/home?code={secret}")
        assert page.status_code == 503
        assert "Mosshub does not answer at the moment" in page.text
        assert page.headers["Refresh"] == "5"
        assert "/hub/home" in stack.logs("caddy")
        assert secret not in stack.logs("caddy")
    retry_until(lambda: "Hello, ada" in shown(ada, "/hub/home").text, 180, "the hub's page")


def test_without_the_broker(stack: Stack, idle: TeamMember) -> None:
    with away(stack, "kafka"):
        assert "<marimo-" in idle.start().text
    idle.stop()


def test_without_marimo_singleuser(stack: Stack, ada: TeamMember) -> None:
    """Docker starts it again; until then each page says so."""
    pid = docker("inspect", "--format", "{{.State.Pid}}", ada.container)
    os.kill(int(pid), signal.SIGKILL)
    pages: list[requests.Response] = []

    def back() -> bool:
        pages.append(editor(ada))
        return pages[-1].status_code == 200 and "<marimo-" in pages[-1].text

    retry_until(back, 120, "ada's editor")
    said = ("This editor does not answer at the moment", "Starting your editor")
    for page in pages[:-1]:
        assert any(sentence in page.text for sentence in said), page.text
        assert "Sign in" not in page.text
