"""The page that waits for a server."""

import re
from collections.abc import Callable

from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.support.platform import RunningPlatform
from tests.support.waiting import wait_until

MINUTE = 60_000
BACK = "The broker answers again"


def test_a_page_that_cannot_hear_how_the_start_goes_moves_on(
    profile: Callable[..., BrowserContext],
    sign_in: Callable[..., Page],
    platform: RunningPlatform,
) -> None:
    """The hub was restarted meanwhile, say, or the start was over before the page asked."""
    refused: list[str] = []

    def refuse(route: Route) -> None:
        refused.append(route.request.url)
        route.fulfill(status=400, json={"status": 400, "message": "quinn is not starting..."})

    def broker_is_there() -> bool:
        return platform.log.count("The broker is away") == platform.log.count(BACK)

    wait_until(broker_is_there, 60, "a broker that is there")
    page = profile().new_page()
    page.route(re.compile("/server/progress"), refuse)
    with platform.broker_paused():  # a start waits for it for a while, so there is such a page
        sign_in("quinn", page=page)
        expect(page).to_have_url(re.compile("/user/quinn/"), timeout=MINUTE)
    page.get_by_text("image_class.py", exact=True).first.wait_for(timeout=MINUTE)
    assert refused, "the page did not ask: this has tested nothing\n" + platform.log[-3500:]
    wait_until(broker_is_there, 60, "all is as it was")
