"""Apps in a real browser: published on a page, opened by somebody else, gone when unpublished."""

import json
import re
import time
from collections.abc import Callable, Iterator

import pytest
from imageclass.messages.verdicts import Verdict, encode_verdict
from kafka import KafkaProducer
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.test_accessibility import Take, check, each_look
from tests.support.accessibility import violations
from tests.support.host_names import server_of
from tests.support.people import LocalPerson
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
ABOUT = ("counter.py", "Counter", "")
# Which of them is seen first depends on when the page asks.
GONE = re.compile("Its author unpublished it|You may not open this app any more")


@pytest.fixture
def author(sign_in: Callable[..., Page], platform: RunningPlatform) -> Iterator[Page]:
    """Vera on Home, with two notebooks and their kept outputs."""
    page = sign_in("vera")
    page.get_by_text("image_class.py", exact=True).first.wait_for(timeout=3 * MINUTE)
    notebooks = platform.data_dir / "users" / "vera" / "notebooks"
    (notebooks / "counter.py").write_text(COUNTER)
    sessions = notebooks / "__marimo__" / "session"
    sessions.mkdir(parents=True, exist_ok=True)
    for name in ("counter.py", "live_dashboard.py"):
        (sessions / f"{name}.json").write_text(json.dumps(KEPT))
    yield page
    page.goto(f"{platform.url}/hub/apps")
    button = page.get_by_role("button", name=re.compile("^Unpublish"))
    while button.count():
        button.first.click()


@pytest.fixture
def admin(platform: RunningPlatform) -> LocalPerson:
    return LocalPerson(platform, "admin", platform.admin_password)


@pytest.fixture
def lab(platform: RunningPlatform, admin: LocalPerson) -> Iterator[str]:
    """A group, with Xena in it."""
    LocalPerson(platform, "xena")  # the hub knows whoever has signed in
    for path, sent in (("groups/lab", None), ("groups/lab/users", {"users": ["xena"]})):
        assert admin.api("POST", path, json=sent).ok
    yield "lab"
    admin.api("DELETE", "groups/lab")


def publish(
    page: Page,
    home: str,
    *,
    audience: str,
    tells: bool = False,
    about: tuple[str, str, str] = ABOUT,
) -> None:
    """Publish a notebook on the page for that; `about` is its file, its title and its topics."""
    notebook, title, topics = about
    page.goto(f"{home}_mosshub/publish?file={notebook}")
    page.get_by_label("Title").fill(title)
    page.get_by_label("Or people and groups").fill(audience)
    page.get_by_label("Tell the app's code").set_checked(tells)
    page.get_by_label("Topics that it may read").fill(topics)
    page.get_by_role("button", name=re.compile("^Publish")).click()
    expect(page.get_by_role("status")).to_contain_text("is published")


def open_stopped(viewer: Page, platform: RunningPlatform, title: str) -> tuple[Page, float, float]:
    """Open an app whose server is stopped, from the page of apps.

    Returns:
        Its page with what it kept, the seconds until that was there, and when it was clicked.
    """
    viewer.goto(f"{platform.url}/hub/apps")
    clicked = time.monotonic()
    with viewer.expect_popup() as opened:
        viewer.get_by_role("link", name=title).click()
    kept = opened.value.frame_locator("iframe.moss-kept")
    kept.get_by_role("heading", name="As it was").wait_for()
    seen = time.monotonic() - clicked
    assert seen < 2 * TIMEOUT_FACTOR, f"{seen:.1f} s to what it kept"
    return opened.value, seen, clicked


def unpublish(author: Page, platform: RunningPlatform, title: str, viewer: Page) -> None:
    """Unpublish an app, and see that it is gone from a viewer's page."""
    author.goto(f"{platform.url}/hub/apps")
    author.get_by_role("button", name=f"Unpublish: {title}").click()
    expect(author.get_by_role("status")).to_contain_text(f"{title} is unpublished")
    alert = viewer.get_by_role("navigation", name="Mosshub").get_by_role("alert")
    expect(alert).to_contain_text(GONE, timeout=20_000 * TIMEOUT_FACTOR)
    expect(viewer.locator("#root")).to_be_empty()


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
    viewer, seen, clicked = open_stopped(viewer, platform, "Counter")
    expect(viewer.get_by_role("heading", name="Counter")).to_be_visible()
    kept = viewer.frame_locator("iframe.moss-kept")
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

    unpublish(author, platform, "Counter", viewer)
    picture(viewer, "app-gone")


def test_the_dashboard_is_for_a_group_and_for_nobody_else(
    author: Page,
    platform: RunningPlatform,
    sign_in: Callable[..., Page],
    admin: LocalPerson,
    lab: str,
    picture: Take,
) -> None:
    member, outsider = sign_in("xena"), sign_in("yuri")
    about = ("live_dashboard.py", "Live", "team.verdicts, team.agents")
    publish(author, server_of(platform.url, "vera"), audience=f"group:{lab}", about=about)
    assert "app-live" not in admin.api("GET", "users/vera").json()["servers"]

    page, _, _ = open_stopped(member, platform, "Live")
    page.get_by_role("heading", name="Agents at work").wait_for(timeout=3 * MINUTE)
    verdict = Verdict("browser", "q1", "digits", "cnn", 0, 0.0, 7, "7", 1, "1", 0.9, False, ())
    with KafkaProducer(**platform.broker_admin()) as producer:
        producer.send("team.verdicts", encode_verdict(verdict), key=b"q1").get(60)
    expect(page.get_by_text("0.0%", exact=True)).to_be_visible()  # of the newest run
    picture(page, "app-live")

    outsider.goto(f"{platform.url}/hub/apps")
    expect(outsider.get_by_role("heading", name="Apps", exact=True)).to_be_visible()
    expect(outsider.get_by_role("link", name="Live")).to_have_count(0)
    outsider.goto(f"{platform.url}/hub/apps/vera/live")
    expect(outsider.get_by_text("vera has not opened this app to you")).to_be_visible()
    expect(outsider.locator("iframe")).to_have_count(0)
    picture(outsider, "app-not-for-you")
    unpublish(author, platform, "Live", page)
    page.goto(f"{platform.url}/hub/apps/vera/live")
    expect(page.get_by_text("Its author may have unpublished it")).to_be_visible()


def test_bar_and_home_lead_to_the_page_that_publishes(
    author: Page, platform: RunningPlatform, picture: Take
) -> None:
    home = server_of(platform.url, "vera")
    heading = author.get_by_role("heading", name="Publish counter.py")
    author.goto(home)
    author.get_by_role("link", name="Publish counter.py").click()
    expect(heading).to_be_visible()
    bar = author.locator("mosshub-frame")
    author.goto(f"{home}?file=counter.py")
    author.get_by_role("heading", name="A counter for the team").wait_for(timeout=3 * MINUTE)
    bar.get_by_role("link", name="Publish").click()
    expect(heading).to_be_visible()
    author.get_by_role("button", name="Publish", exact=True).click()
    expect(author.get_by_role("status")).to_contain_text("A counter for the team is published")
    # A notebook that others may change is not offered, and the page says why.
    ours = platform.data_dir / "team" / "everybody" / "ours.py"
    ours.write_text(COUNTER)
    author.goto(f"{home}?file={ours}")
    expect(bar.get_by_role("link", name="History")).to_be_visible()
    expect(bar.get_by_role("link", name="Publish")).to_have_count(0)
    picture(author, "team-notebook")
    author.goto(f"{home}_mosshub/publish?file={ours}")
    expect(author.get_by_text("Copy it to your notebooks to publish it")).to_be_visible()
    picture(author, "publish-the-teams")


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
