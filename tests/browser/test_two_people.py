"""Two people, side by side: sign in, train, stream through Kafka, see what was right.

Grace walks through image_class.py as somebody who is here for the first time: she follows its
card, and stays in the app view. Linus works in the editor.
"""

import os
import re
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from kafka import KafkaAdminClient
from playwright.sync_api import Locator, Page, Request, expect

from tests.support.host_names import server_of
from tests.support.platform import RunningPlatform
from tests.support.waiting import TIMEOUT_FACTOR, wait_until

MINUTE = 60_000 * TIMEOUT_FACTOR
TITLE = "Image classification over Kafka"


def open_notebook(home: Page, name: str) -> Page:
    """Click `name` in marimo's file list; return its tab."""
    with home.context.expect_page() as tab:
        home.get_by_text(name, exact=True).first.click()
    return tab.value


def open_app(home: Page, title: str) -> Page:
    """Follow a card of the start page; return the tab with the notebook in the app view."""
    with home.context.expect_page() as tab:
        home.get_by_role("link", name=title).first.click()
    page = tab.value
    if "view-as=present" not in page.url:
        page.goto(f"{page.url}&view-as=present")
    page.get_by_role("heading", name=title).wait_for(timeout=8 * MINUTE)
    return page


def is_app(page: Page) -> bool:
    """Whether the page is in the app view: without code, boxes of errors and marimo's editor."""
    shown = page.locator(".cm-editor, .marimo-error").filter(visible=True)
    return "view-as=present" in page.url and shown.count() == 0


def visible(page: Page, text: str | re.Pattern) -> Locator:
    """Return the first visible place of `text`: in the app view the code is there, hidden."""
    return page.get_by_text(text).filter(visible=True).first


def show(page: Page, text: str | re.Pattern) -> None:
    """Wait for `text` and bring it into view."""
    place = visible(page, text)
    place.wait_for(timeout=8 * MINUTE)  # two people train on two cores
    place.evaluate("element => element.scrollIntoView({block: 'center'})")


def outputs(page: Page) -> dict[str, int]:
    """How many of each kind the page has."""
    kinds = (".output img", ".vega-embed", "marimo-table", "marimo-ui-element", "marimo-stat")
    return {kind: page.locator(kind).count() for kind in kinds}


@pytest.mark.fashion_mnist
def test_two_people_train_and_stream_side_by_side(
    sign_in: Callable[..., Page],
    restart: Callable[[Page], None],
    picture: Callable[[Page, str], None],
    platform: RunningPlatform,
) -> None:
    homes = {name: sign_in(name) for name in ("grace", "linus")}
    asked: list[Request] = []
    homes["grace"].context.on("request", lambda request: asked.append(request))
    for name, home in homes.items():
        expect(home).to_have_url(re.compile(f"/user/{name}/"), timeout=3 * MINUTE)
        home.get_by_text("image_class.py", exact=True).first.wait_for(timeout=3 * MINUTE)
    picture(homes["grace"], "walk-home")
    app = open_app(homes["grace"], TITLE)
    linus = open_notebook(homes["linus"], "image_class.py")
    notebooks = {"grace": app, "linus": linus}

    for page in notebooks.values():
        show(page, re.compile("60,000 training images"))
    app.get_by_role("heading", name=TITLE).evaluate("element => element.scrollIntoView()")
    picture(app, "walk-app")
    for name, page in notebooks.items():
        # Only pictures need networks that are good: a first run trains for minutes.
        if name == "linus" or not os.environ.get("PICTURES"):
            page.get_by_role("slider").first.press("Home")
            visible(page, re.compile("^500$")).wait_for()

    for page in notebooks.values():
        page.get_by_role("button", name="Train", exact=True).click()
    expect(app.get_by_role("button", name="Training …")).to_be_disabled()
    show(app, re.compile("Training the cnn"))
    picture(app, "walk-training")
    for page in notebooks.values():
        show(page, re.compile(r"Trained\. Of all 10,000 test images"))
    picture(app, "trained")

    for page in (linus, app):
        show(page, re.compile("^running$"))
        page.get_by_role("button", name="Send", exact=True).click()
    show(app, re.compile(r"verdicts, .* right so far"))
    picture(app, "walk-sending")
    for page in notebooks.values():
        show(page, re.compile("The mistakes with the highest confidence|This run has no mistakes"))
        row = page.locator("tr", has_text="cnn").last
        expect(row).to_contain_text(re.compile("5,?000"))
        expect(row).to_contain_text("%")
        page.locator("marimo-vega svg, marimo-vega canvas, .vega-embed canvas").last.wait_for()
    show(app, re.compile("^5 · Compare"))
    visible(app, re.compile("^5 · Compare")).evaluate("element => element.scrollIntoView()")
    picture(app, "verdicts")
    show(app, "Where the vote helps")
    visible(app, "Where the vote helps").evaluate("element => element.scrollIntoView()")
    picture(app, "walk-gains")
    assert is_app(app), "the walk needs no code"
    hosts = {urlsplit(r.url).hostname for r in asked if not r.url.startswith(("data:", "blob:"))}
    assert "grace.localhost" in hosts
    outside = {
        host for host in hosts if host != "localhost" and not str(host).endswith(".localhost")
    }
    assert not outside, "nobody outside is asked"

    # However often cells are run again, there is one agent, and it answers.
    page = notebooks["linus"]
    page.get_by_role("button", name="Edit", exact=True).click()  # it opened as an app
    agent_cell = page.locator('[data-cell-name="agent_at_work"]')
    for _ in range(5):
        run = agent_cell.get_by_test_id("run-button").first
        expect(run).to_be_enabled(timeout=3 * MINUTE)
        # Shown while the mouse is over the cell, which moves when the charts below it go.
        run.evaluate("button => button.click()")
    page.get_by_role("button", name="Train", exact=True).click()
    show(page, re.compile(r"Trained\. Of all 10,000 test images"))
    page.get_by_text("running", exact=True).wait_for(timeout=3 * MINUTE)
    admin = KafkaAdminClient(**platform.broker_admin())
    groups = admin.describe_groups(["grace.agent.cnn", "linus.agent.cnn"])
    admin.close()
    assert {name: len(group["members"]) for name, group in groups.items()} == {
        "grace.agent.cnn": 1,
        "linus.agent.cnn": 1,
    }

    # A server that was stopped, as the hub does with idle ones, brings the outputs back as they
    # were, and the controls. Nothing runs until one is touched: then all do as they stand.
    snapshot = platform.data_dir / "users/grace/notebooks/__marimo__/session/image_class.py.json"
    wait_until(lambda: "Where the vote helps" in snapshot.read_text(), 180, "the kept outputs")
    left = outputs(notebooks["grace"])
    notebooks["grace"].close()
    restart(homes["grace"])
    page = open_app(homes["grace"], TITLE)
    show(page, re.compile("Compare the results"))
    expect(visible(page, re.compile(r"Trained\. Of all 10,000 test images"))).to_be_visible()
    left["marimo-ui-element"] -= 2  # the downloads, which are too large to keep
    wait_until(lambda: outputs(page) == left, 180, f"as many outputs as before: {left}")
    show(page, "This output appears when the notebook has run.")
    choice = page.locator("marimo-dropdown select").first
    assert choice.evaluate("s => s.selectedOptions[0].label") == "fashion-mnist"
    show(page, re.compile("60,000 training images"))
    picture(page, "kept")
    page.get_by_role("button", name="Train", exact=True).click()
    show(page, re.compile("Press \\*?Send"))
    expect(visible(page, re.compile(r"Trained\. Of all 10,000 test images"))).to_be_visible()

    # What one makes, the other does not have.
    (platform.data_dir / "users" / "grace" / "notebooks" / "graces_own.py").write_text(
        "import marimo\n\napp = marimo.App()\n"
    )
    for name, home in homes.items():
        home.reload()
        home.get_by_text("image_class.py", exact=True).first.wait_for(timeout=3 * MINUTE)
        owns = home.get_by_text("graces_own.py", exact=True)
        expect(owns).to_have_count(1 if name == "grace" else 0)

    # Nor may they look: linus, in his own browser, at grace's address.
    stranger = homes["linus"].context.new_page()
    reply = stranger.goto(server_of(platform.url, "grace"))
    assert reply
    assert reply.status == 403
    picture(stranger, "refused")


def test_an_admin_sees_everybody_and_stops_and_starts_a_server(
    sign_in: Callable[..., Page], picture: Callable[[Page, str], None], platform: RunningPlatform
) -> None:
    person = sign_in("mary")
    person.get_by_text("image_class.py", exact=True).first.wait_for(timeout=3 * MINUTE)
    panel = sign_in("admin", platform.admin_password)
    row = panel.locator("tr", has_text="mary").first
    row.wait_for(timeout=3 * MINUTE)
    picture(panel, "panel")
    panel.goto(f"{platform.url}/hub/mosshub/admin")
    panel.get_by_role("link", name="mary", exact=True).wait_for()
    picture(panel, "people")
    panel.go_back()
    row.get_by_role("button", name="Stop Server").click()
    row.get_by_role("button", name="Start Server").first.click(timeout=3 * MINUTE)
    row.get_by_role("button", name="Stop Server").wait_for(timeout=3 * MINUTE)
    panel.goto(server_of(platform.url, "mary"))
    panel.get_by_role("button", name=re.compile("^Open .* editor$")).click()
    panel.get_by_text("image_class.py", exact=True).first.wait_for(timeout=3 * MINUTE)


def test_the_pages_of_the_door(
    sign_in: Callable[..., Page], picture: Callable[[Page, str], None], platform: RunningPlatform
) -> None:
    page = sign_in("ken", "not the password")
    expect(page.get_by_role("alert")).to_contain_text("Invalid username or password")
    picture(page, "wrong-password")
    page.fill("#username_input", "a/b")
    page.fill("#password_input", platform.password)
    page.click("#login_submit")
    expect(page.get_by_role("alert")).to_contain_text("A name cannot hold slashes")
    page.fill("#username_input", "ken")
    page.fill("#password_input", platform.password)
    page.click("#login_submit")
    waiting = page.get_by_text("Your editor is starting")
    files = page.get_by_text("image_class.py", exact=True).first
    waiting.or_(files).first.wait_for()  # a quick start has no page to wait at
    if waiting.is_visible():
        picture(page, "starting")
    files.wait_for(timeout=3 * MINUTE)
    page.get_by_role("link", name="Hub", exact=True).click()
    page.get_by_role("button", name="Stop my editor").wait_for()
    picture(page, "hub")
    page.go_back()
    page.get_by_role("link", name="Sign out").click()
    page.get_by_role("button", name="Sign in").wait_for()
    page.goto(server_of(platform.url, "ken"))
    expect(page.get_by_label("Name:")).to_be_visible()
