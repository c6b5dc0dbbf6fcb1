"""Fixtures of tests with a Docker engine: stand-in images, and containers that clean up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.standins import ensure
from tests.support.containers import Containers
from tests.support.engine_lock import engine
from tests.support.members import Team, TeamMember
from tests.support.setup import needed
from tests.support.smoke import Smoke
from tests.support.stack import Stack, standins

if TYPE_CHECKING:  # a third of a second, in every pytest process
    from playwright.sync_api import BrowserContext, Page


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[Any]:
    """Let no other test use the engine while one restarts it."""
    with engine(alone=item.get_closest_marker("engine_alone") is not None):
        return (yield)


@pytest.fixture
def standin(capsys: pytest.CaptureFixture[str]) -> Callable[[str], str]:
    """Give the tag of an image after making sure that it is there; progress is shown at once."""

    def say(text: str) -> None:
        with capsys.disabled():
            print(f"\n{text}", end="", flush=True)

    def give(tag: str) -> str:
        ensure(tag, say=say)
        return tag

    return give


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The running demo that tests share: what a test stops or changes, it puts back."""
    running = Stack(tmp_path_factory.mktemp("compose"))
    try:
        with needed("the demo does not start"):
            standins()
            running.start()
        yield running
    finally:
        running.remove()


@pytest.fixture(scope="session")
def team(stack: Stack) -> Team:
    """The demo's people, signed in."""
    return Team(stack)


@pytest.fixture
def ada(team: Team) -> Iterator[TeamMember]:
    """Ada, whose server runs; the person who does what a test is about."""
    with team.at_work("ada") as member:
        yield member


@pytest.fixture
def linus(team: Team) -> Iterator[TeamMember]:
    """Linus, whose server runs; the person who has no part in it."""
    with team.at_work("linus") as member:
        yield member


@pytest.fixture
def idle(team: Team) -> Iterator[TeamMember]:
    """Grace, whose server does not run."""
    grace = team.member("grace")
    grace.stop()
    yield grace
    grace.stop()


@pytest.fixture
def enter(profile: Callable[..., BrowserContext], stack: Stack) -> Callable[..., Page]:
    """Sign a person in, in a browser profile of their own; return the page where they land."""
    from tests.support.team_pages import fill_in, network_changed, open_page, watch

    def go(name: str, path: str = "/") -> Page:
        page = watch(profile().new_page())
        open_page(page, stack.url + path)
        button = page.get_by_role("button", name="Sign in with Keycloak")
        button.click()
        if network_changed(page):
            open_page(page, stack.url + path)
            button.click()
        fill_in(page, name, stack.secret(name))
        return page

    return go


@pytest.fixture
def report(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Show a line at once, also when the test passes."""

    def say(text: str) -> None:
        with capsys.disabled():
            print(f"\n  {text}", end="", flush=True)

    return say


@pytest.fixture
def smoke(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Smoke:
    """Run `make smoke`."""
    return Smoke(monkeypatch, capsys)


MADE = pytest.StashKey[Containers]()


@pytest.fixture
def containers(request: pytest.FixtureRequest) -> Iterator[Containers]:
    """Starts containers and volumes for one test; all of them go at its end."""
    made = request.node.stash[MADE] = Containers()
    yield made
    made.remove_all()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Show the containers' logs beside a failure."""
    report = yield
    if report.failed and call.when == "call" and MADE in item.stash:
        for container in item.stash[MADE].started:
            report.sections.append((f"logs of {container.name}", container.logs()[-6000:]))
    return report
