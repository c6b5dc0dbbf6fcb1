"""Two people, side by side: sign in, train, stream through Kafka, see what was right."""

import re
from collections.abc import Callable

import pytest
from kafka import KafkaAdminClient
from playwright.sync_api import Page, expect

from tests.support.host_names import server_of
from tests.support.platform import RunningPlatform
from tests.support.waiting import TIMEOUT_FACTOR, wait_until

MINUTE = 60_000 * TIMEOUT_FACTOR


def open_notebook(home: Page, name: str) -> Page:
    """Click `name` in marimo's file list; return its tab."""
    with home.context.expect_page() as tab:
        home.get_by_text(name, exact=True).first.click()
    return tab.value


def show(page: Page, text: str | re.Pattern) -> None:
    """Wait for `text` and bring it into view."""
    place = page.get_by_text(text).first
    place.wait_for(timeout=8 * MINUTE)  # two people train on two cores
    place.evaluate("element => element.scrollIntoView()")


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
    notebooks = {}
    for name, home in homes.items():
        expect(home).to_have_url(re.compile(f"/user/{name}/"), timeout=3 * MINUTE)
        home.get_by_text("image_class.py", exact=True).first.wait_for(timeout=3 * MINUTE)
        notebooks[name] = open_notebook(home, "image_class.py")
    picture(homes["grace"], "files")

    for page in notebooks.values():
        choice = page.locator("marimo-dropdown select").first
        choice.wait_for(timeout=8 * MINUTE)  # marimo may still be starting
        choice.select_option("fashion-mnist")
        show(page, re.compile("60,000 training images"))
    picture(notebooks["grace"], "images")

    for page in notebooks.values():
        page.get_by_role("button", name="Train").click()
    for page in notebooks.values():
        show(page, re.compile(r"Trained\. Of all 10,000 test images"))
    picture(notebooks["grace"], "trained")

    for page in notebooks.values():
        page.get_by_text("running", exact=True).wait_for(timeout=3 * MINUTE)
        page.get_by_role("button", name="Send").click()
    for page in notebooks.values():
        show(page, re.compile("The mistakes with the highest confidence|This run has no mistakes"))
        row = page.locator("tr", has_text="cnn").last
        expect(row).to_contain_text("500")
        expect(row).to_contain_text("%")
        page.locator("marimo-vega svg, marimo-vega canvas, .vega-embed canvas").last.wait_for()
    show(notebooks["grace"], re.compile("Compare the results"))
    picture(notebooks["grace"], "verdicts")

    # However often cells are run again, there is one agent, and it answers.
    page = notebooks["linus"]
    agent_cell = page.locator('[data-cell-name="agent_at_work"]')
    for _ in range(5):
        run = agent_cell.get_by_test_id("run-button").first
        expect(run).to_be_enabled(timeout=3 * MINUTE)
        # Shown while the mouse is over the cell, which moves when the charts below it go.
        run.evaluate("button => button.click()")
    page.get_by_role("button", name="Train").click()
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
    wait_until(lambda: "Compare the results" in snapshot.read_text(), 180, "the kept outputs")
    left = outputs(notebooks["grace"])
    notebooks["grace"].close()
    restart(homes["grace"])
    page = open_notebook(homes["grace"], "image_class.py")
    show(page, re.compile("Compare the results"))
    expect(page.get_by_text(re.compile(r"Trained\. Of all 10,000 test images"))).to_be_visible()
    wait_until(lambda: outputs(page) == left, 180, f"{left}, not {outputs(page)}")
    choice = page.locator("marimo-dropdown select").first
    assert choice.evaluate("s => s.selectedOptions[0].label") == "fashion-mnist"
    show(page, re.compile("60,000 training images"))
    picture(page, "kept")
    page.get_by_role("button", name="Train").click()
    show(page, re.compile("Press \\*?Send"))
    expect(page.get_by_text(re.compile(r"Trained\. Of all 10,000 test images"))).to_be_visible()

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
