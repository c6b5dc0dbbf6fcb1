"""Apps in a real browser: published on a page, opened by somebody else, gone when unpublished."""

import json
import re
import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.test_accessibility import Take, check, each_look
from tests.support.accessibility import violations
from tests.support.host_names import server_of
from tests.support.platform import RunningPlatform
from tests.support.waiting import TIMEOUT_FACTOR

MINUTE = 60_000 * TIMEOUT_FACTOR
COUNTER = """
import marimo

app = marimo.App(app_title="Counter")


@app.cell
def _():
    import marimo as mo

    mo.md("# A counter for the team")
    return (mo,)


@app.cell
def _(mo):
    steps = mo.ui.slider(1, 10, label="Steps")
    steps
    return (steps,)


@app.cell
def _(mo, steps):
    mo.md(f"Counted to **{steps.value * 10}** for {mo.app_meta().request.user['username']}")
    return


if __name__ == "__main__":
    app.run()
"""
KEPT = {
    "cells": [
        {
            "outputs": [
                {"type": "data", "data": {"text/html": "<h1>As it was</h1><script>x</script>"}},
                {"type": "data", "data": {"text/html": "<marimo-slider></marimo-slider>"}},
            ]
        }
    ]
}


@pytest.fixture
def author(sign_in: Callable[..., Page], platform: RunningPlatform) -> Iterator[Page]:
    """Vera on Home, with a notebook and its kept outputs."""
    page = sign_in("vera")
    page.get_by_text("image_class.py", exact=True).first.wait_for(timeout=3 * MINUTE)
    notebooks = platform.data_dir / "users" / "vera" / "notebooks"
    (notebooks / "counter.py").write_text(COUNTER)
    session = notebooks / "__marimo__" / "session" / "counter.py.json"
    session.parent.mkdir(parents=True, exist_ok=True)
    session.write_text(json.dumps(KEPT))
    yield page
    page.goto(f"{platform.url}/hub/apps")
    button = page.get_by_role("button", name=re.compile("^Unpublish"))
    while button.count():
        button.first.click()


def publish(page: Page, home: str, *, audience: str, tells: bool = False) -> None:
    """Publish the notebook on the page for that."""
    page.goto(f"{home}_mosshub/publish?file=counter.py")
    page.get_by_label("Title").fill("Counter")
    page.get_by_label("Or people and groups").fill(audience)
    page.get_by_label("Tell the app's code").set_checked(tells)
    page.get_by_role("button", name=re.compile("^Publish")).click()
    expect(page.get_by_role("status")).to_contain_text("is published")


def test_an_app_is_published_opened_and_gone(
    author: Page,
    platform: RunningPlatform,
    sign_in: Callable[..., Page],
    browser: Browser,
    picture: Take,
    capsys: pytest.CaptureFixture[str],
) -> None:
    viewer = sign_in("walt")
    home = server_of(platform.url, "vera")
    address = f"{platform.url}/hub/apps/vera/counter"
    publish(author, home, audience="walt")
    expect(author.get_by_role("link", name=address)).to_be_visible()

    # What it showed is there before it runs, and its scripts are not.
    viewer.goto(f"{platform.url}/hub/apps")
    clicked = time.monotonic()
    viewer.get_by_role("link", name="Counter").click()
    kept = viewer.frame_locator("iframe.moss-kept")
    kept.get_by_role("heading", name="As it was").wait_for()
    seen = time.monotonic() - clicked
    expect(viewer.get_by_role("heading", name="Counter")).to_be_visible()
    expect(kept.get_by_text("This part appears when the app is running.")).to_be_visible()
    picture(viewer, "app-opens")
    # Then it is live, and a control works.
    viewer.get_by_role("heading", name="A counter for the team").wait_for(timeout=3 * MINUTE)
    live = time.monotonic() - clicked
    with capsys.disabled():  # figures that one reads, also when the test passes
        print(f"\n  an app whose server is stopped: {seen:.1f} s to what it kept, {live:.1f} live")
    expect(viewer.get_by_text("Counted to 10 for user")).to_be_visible()
    viewer.get_by_role("slider").press("ArrowRight")
    expect(viewer.get_by_text("Counted to 20 for user")).to_be_visible()
    expect(viewer.get_by_role("navigation", name="Mosshub")).to_contain_text("by vera")
    picture(viewer, "app")

    wrong: list[str] = []
    for look, context in each_look(browser, author.context.storage_state()):
        for name, url in (
            ("publish", f"{home}_mosshub/publish?file=counter.py"),
            ("apps-author", f"{platform.url}/hub/apps"),
        ):
            shown = context.new_page()
            shown.goto(url)
            wrong += check(shown, f"{name}-{look}", picture)
            shown.close()
    for look, context in each_look(browser, viewer.context.storage_state()):
        shown = context.new_page()
        shown.goto(f"{platform.url}/hub/apps")
        wrong += check(shown, f"apps-viewer-{look}", picture)
        shown.goto(address)
        shown.get_by_role("heading", name="A counter for the team").wait_for(timeout=MINUTE)
        picture(shown, f"app-{look}")
        wrong += [f"app-{look}: {what}" for what in violations(shown, "#mosshub-app")]
    assert not wrong, "\n".join(wrong)

    author.goto(f"{platform.url}/hub/apps")
    author.get_by_role("button", name="Unpublish: Counter").click()
    expect(author.get_by_role("status")).to_contain_text("Counter is unpublished")
    alert = viewer.get_by_role("navigation", name="Mosshub").get_by_role("alert")
    expect(alert).to_be_visible(timeout=20_000 * TIMEOUT_FACTOR)
    expect(viewer.get_by_role("heading", name="A counter for the team")).to_have_count(0)
    picture(viewer, "app-gone")


def test_a_name_is_told_after_a_question_and_the_app_says_so(
    author: Page, platform: RunningPlatform, sign_in: Callable[..., Page], picture: Take
) -> None:
    viewer = sign_in("xena")
    publish(author, server_of(platform.url, "vera"), audience="xena", tells=True)
    viewer.goto(f"{platform.url}/hub/apps/vera/counter")
    question = viewer.get_by_role("button", name=re.compile("^Open"))
    question.wait_for(timeout=3 * MINUTE)
    expect(viewer.get_by_text("The code of the app learns your name")).to_be_visible()
    picture(viewer, "app-consent")
    question.click()
    expect(viewer.get_by_text("This app knows that you are xena")).to_be_visible()
    expect(viewer.get_by_text("Counted to 10 for xena")).to_be_visible(timeout=MINUTE)


def test_a_profile_without_a_sign_in_is_led_to_it(
    author: Page, platform: RunningPlatform, profile: Callable[..., BrowserContext]
) -> None:
    publish(author, server_of(platform.url, "vera"), audience="vera")
    page = profile().new_page()
    page.goto(f"{platform.url}/hub/apps/vera/counter")
    expect(page.locator("#username_input")).to_be_visible()
