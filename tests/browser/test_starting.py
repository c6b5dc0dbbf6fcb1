"""The page that waits for a server."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, Route, expect

from tests.running import RunningPlatform

MINUTE = 60_000


def test_a_page_that_cannot_hear_how_the_start_goes_moves_on(
    sign_in: Callable[..., Page], platform: RunningPlatform
) -> None:
    """The hub was restarted meanwhile, say, or the start was over before the page asked."""
    page = sign_in("pat")
    page.get_by_text("image_class.py", exact=True).first.wait_for(timeout=2 * MINUTE)
    page.goto(f"{platform.url}/hub/home")
    page.wait_for_load_state("networkidle")
    page.get_by_role("button", name="Stop My Server").click()
    refused: list[str] = []

    def refuse(route: Route) -> None:
        refused.append(route.request.url)
        route.fulfill(status=400, json={"status": 400, "message": "pat is not starting..."})

    page.route(re.compile("/server/progress"), refuse)
    page.get_by_role("button", name="Start My Server").click(timeout=2 * MINUTE)
    expect(page).to_have_url(re.compile("/user/pat/"), timeout=MINUTE)
    page.get_by_text("image_class.py", exact=True).first.wait_for(timeout=MINUTE)
    assert refused, "the page did not ask: this has tested nothing"
