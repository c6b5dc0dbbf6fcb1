"""The page that waits for a server."""

import re
from collections.abc import Callable

from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.support.platform import RunningPlatform
from tests.support.waiting import TIMEOUT_FACTOR, wait_until

MINUTE = 60_000 * TIMEOUT_FACTOR
BACK = "The broker answers again"


def test_a_page_that_cannot_hear_how_the_start_goes_moves_on(
    profile: Callable[..., BrowserContext],
    sign_in: Callable[..., Page],
    platform: RunningPlatform,
) -> None:
    """For example the hub was restarted, or the start was over before the page asked."""
    refused: list[str] = []

    def refuse(route: Route) -> None:
        refused.append(route.request.url)
        route.fulfill(status=400, json={"status": 400, "message": "quinn is not starting..."})

    def broker_answers() -> bool:
        return platform.log.count("The broker is away") == platform.log.count(BACK)

    wait_until(broker_answers, 180, "the broker answers")
    page = profile().new_page()
    page.route(re.compile("/server/progress"), refuse)
    with platform.broker_paused():  # a start waits for it for a while, so there is such a page
        sign_in("quinn", page=page)
        expect(page).to_have_url(re.compile("/user/quinn/"), timeout=3 * MINUTE)
    page.get_by_text("image_class.py", exact=True).first.wait_for(timeout=3 * MINUTE)
    assert refused, "the page asked for no progress, so nothing was tested\n" + platform.log[-3500:]
    wait_until(broker_answers, 180, "the broker answers again")
