"""The page of somebody who waits for their turn. Hub and proxy are real, the servers light ones."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.support.light_hub import LightHub
from tests.support.people import LocalPerson
from tests.support.waiting import TIMEOUT_FACTOR, wait_until

MINUTE = 60_000 * TIMEOUT_FACTOR


@pytest.fixture
def light_hub(tmp_path: Path) -> Iterator[LightHub]:
    with LightHub(tmp_path / "data", start_seconds=15) as running:
        yield running


def waiting_page(hub: LightHub, page: Page, name: str) -> None:
    """Sign somebody in while as many servers start as may."""
    for n in range(4):
        LocalPerson(hub, f"first{n}")
    wait_until(lambda: len(hub.journal()) >= 4, 180, "four servers to start")
    page.goto(hub.url)
    page.fill("#username_input", name)
    page.fill("#password_input", hub.password)
    page.click("#login_submit")
    expect(page.get_by_text("You are next.").first).to_be_visible(timeout=3 * MINUTE)


def test_the_editor_opens_by_itself_when_it_is_its_turn(
    profile: Callable[..., BrowserContext], light_hub: LightHub
) -> None:
    page = profile().new_page()
    waiting_page(light_hub, page, "ada")
    expect(page).to_have_url(re.compile("/user/ada/"), timeout=3 * MINUTE)


def test_a_page_that_waits_asks_again_after_a_restart_of_the_hub(
    profile: Callable[..., BrowserContext], light_hub: LightHub
) -> None:
    page = profile().new_page()
    waiting_page(light_hub, page, "ada")
    light_hub.hub_process().kill()
    assert light_hub.process
    light_hub.process.wait()
    light_hub.start()
    expect(page).to_have_url(re.compile("/user/ada/"), timeout=3 * MINUTE)
    assert [name for _, name in light_hub.journal() if name == "ada"] == ["ada", "ada"]


def test_a_page_of_the_proxy_opens_by_itself(
    profile: Callable[..., BrowserContext], light_hub: LightHub
) -> None:
    page = profile().new_page()
    light_hub.hub_process().kill()
    assert light_hub.process
    light_hub.process.wait()
    page.goto(f"{light_hub.url}/hub/login")
    expect(page.get_by_role("heading", name="Mosshub does not answer")).to_be_visible()
    light_hub.start()
    expect(page.get_by_role("heading", name="Welcome")).to_be_visible(timeout=3 * MINUTE)
