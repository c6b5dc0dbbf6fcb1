"""The frame around marimo's pages: what it says when something is gone, and that work goes on.

Each thing is done for real. Nobody loads a page again by hand, and nothing typed is lost. Where a
page has a slow network, what happened is said in the same time.
"""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from marimo_singleuser.frame.ended import EndedKernel, write
from playwright.sync_api import Page, expect

from tests.support.accessibility import violations
from tests.support.framed_page import MINUTE, NOTEBOOK, FramedPage
from tests.support.host_names import server_of
from tests.support.platform import RunningPlatform
from tests.support.waiting import wait_until

NAME = "iris"
#: The button *Stop* of the start page, for every notebook that runs.
STOP = """async (base) => {
  const page = new DOMParser().parseFromString(await (await fetch(base)).text(), "text/html");
  for (const { value } of page.querySelectorAll("input[name=session]")) {
    const body = new URLSearchParams({ session: value });
    await fetch(`${base}_mosshub/stop`, { method: "POST", body });
  }
}"""


class OpenNotebook(FramedPage):
    """A notebook of Iris in a page, and the file behind it."""

    def __init__(self, page: Page, platform: RunningPlatform, name: str) -> None:
        self.platform = platform
        self.file = platform.data_dir / "users" / NAME / "notebooks" / name
        if not self.file.exists():
            self.file.write_text(NOTEBOOK)
        super().__init__(page, f"{server_of(platform.url, NAME)}?file={name}")

    def is_saved(self, text: str) -> None:
        wait_until(lambda: text in self.file.read_text(), 60, f"{text!r} is in {self.file}")
        assert self.file.read_text().count(text) == 1

    def kernel(self) -> psutil.Process:
        """Return the kernel's process: of those that a notebook has, the one that started last."""
        program = "marimo._ipc.launch_kernel"
        own = [p for p in self.platform.processes() if program in str(p.cmdline())]
        home = str(self.file.parents[1])
        own = [p for p in own if p.environ().get("HOME") == home and p.net_connections("tcp")]
        return max(own, key=psutil.Process.create_time)


@pytest.fixture
def iris(sign_in: Callable[..., Page], platform: RunningPlatform) -> Callable[[str], OpenNotebook]:
    """Open notebooks of Iris, who is signed in."""
    home = sign_in(NAME)
    home.get_by_text("image_class.py", exact=True).first.wait_for(timeout=3 * MINUTE)
    for path in (platform.data_dir / "users" / NAME / "notebooks").glob("own*.py"):
        path.unlink()
    return lambda name: OpenNotebook(home.context.new_page(), platform, name)


def sign_in_again(window: Page, platform: RunningPlatform) -> None:
    window.fill("#username_input", NAME)
    window.fill("#password_input", platform.password)
    window.click("#login_submit")


def test_a_sign_out_elsewhere_loses_nothing(
    iris: Callable[[str], OpenNotebook],
    platform: RunningPlatform,
    picture: Callable[[Page, str], None],
) -> None:
    first, second = iris("own-1.py"), iris("own-2.py")
    context = first.page.context
    first.slow_down()
    elsewhere = context.new_page()
    elsewhere.goto(f"{platform.url}/hub/logout")
    for notebook in (first, second):
        notebook.says("You are signed out. Your changes are still here.")
    first.type("typed while signed out")
    first.page.wait_for_timeout(3000)  # marimo saves after a second
    assert "typed while signed out" not in first.file.read_text()
    picture(first.page, "frame-signed-out")
    with context.expect_page() as opened:
        first.bar.get_by_role("link", name="Sign in").click()
    window = opened.value
    sign_in_again(window, platform)
    first.is_saved("typed while signed out")
    for notebook in (first, second):
        notebook.says_no_more("signed out")
        notebook.run_last_cell("twice x is 2")
    wait_until(window.is_closed, 30, "the window closes itself")


def test_somebody_else_does_not_save_her_work(
    iris: Callable[[str], OpenNotebook], platform: RunningPlatform
) -> None:
    notebook = iris("own-3.py")
    elsewhere = notebook.page.context.new_page()
    elsewhere.goto(f"{platform.url}/hub/logout")
    notebook.says("You are signed out.")
    notebook.type("hers")
    elsewhere.goto(f"{platform.url}/hub/login")
    elsewhere.fill("#username_input", "admin")
    elsewhere.fill("#password_input", platform.admin_password)
    elsewhere.click("#login_submit")
    elsewhere.wait_for_url(re.compile("/hub/admin|/user/"))
    elsewhere.goto(server_of(platform.url, NAME))
    elsewhere.get_by_role("button", name=re.compile("^Open .* editor$")).click()
    notebook.says("You are signed in as admin now, and this page is iris's.")
    assert "hers" not in notebook.file.read_text()
    elsewhere.goto(f"{server_of(platform.url, NAME)}?file=own-3.py")
    whose = elsewhere.locator("mosshub-frame").get_by_text("You are in iris's editor")
    expect(whose).to_be_visible(timeout=MINUTE)
    elsewhere.close()
    assert "hers" not in notebook.file.read_text()


def test_a_stopped_editor_comes_back_with_the_notebook(
    iris: Callable[[str], OpenNotebook],
    platform: RunningPlatform,
    picture: Callable[[Page, str], None],
) -> None:
    notebook = iris("own-4.py")
    notebook.slow_down()
    context = notebook.page.context
    panel = context.new_page()
    panel.goto(f"{platform.url}/hub/home")
    panel.wait_for_load_state("networkidle")  # before that the button does nothing
    panel.get_by_role("button", name="Stop my editor").click()
    panel.get_by_text("Your editor is not running").wait_for(timeout=3 * MINUTE)
    notebook.says("Your editor is stopped. You stopped it.")
    picture(notebook.page, "frame-stopped")
    notebook.type("typed while stopped")
    notebook.bar.get_by_role("link", name="Start again").click()
    notebook.says("This notebook has a new kernel", 3 * MINUTE)
    notebook.is_saved("typed while stopped")
    notebook.run_last_cell("twice x is 2")
    assert "own-4.py" in notebook.page.url


def test_a_killed_kernel_is_said_in_its_own_tab(
    iris: Callable[[str], OpenNotebook], picture: Callable[[Page, str], None]
) -> None:
    notebook = iris("own-5.py")
    notebook.slow_down()
    kernel = notebook.kernel()
    other = iris("own-6.py")
    kernel.send_signal(signal.SIGKILL)
    notebook.says(re.compile(r"Your kernel ended at [\d.]+ of \d+ GB\. .*signal 9"))
    picture(notebook.page, "frame-kernel-ended")
    other.page.wait_for_timeout(3000)
    expect(other.bar.locator("#said")).not_to_contain_text("kernel")
    notebook.type("typed without a kernel")
    notebook.bar.get_by_role("button", name="Start the kernel again").click()
    notebook.says("This notebook has a new kernel", MINUTE)
    notebook.is_saved("typed without a kernel")
    notebook.run_last_cell("twice x is 2")


def test_a_kernel_that_nobody_used_runs_again_when_its_page_is_touched(
    iris: Callable[[str], OpenNotebook], platform: RunningPlatform
) -> None:
    notebook = iris("own-10.py")
    notebook.slow_down()
    # What marimo's process does after the timeout (tests/local/platform/test_idle.py).
    state = notebook.file.parents[1] / ".local" / "share" / "mosshub"
    kernel = EndedKernel("own-10.py", str(notebook.file), (), 0, None, False, time.time(), True)
    write(state / "ended-kernels.jsonl", kernel)
    page = notebook.page
    page.evaluate(STOP, f"{server_of(platform.url, NAME)}")
    notebook.says("Your kernel was stopped to give memory back. It runs again when you touch this")
    expect(page.locator("#App")).to_contain_text("twice x is 2")
    page.mouse.click(200, 300)
    notebook.says("This notebook has a new kernel", MINUTE)
    notebook.run_last_cell("twice x is 2")


def test_a_broker_that_is_away_and_back(
    iris: Callable[[str], OpenNotebook],
    platform: RunningPlatform,
    picture: Callable[[Page, str], None],
) -> None:
    notebook = iris("own-7.py")
    notebook.slow_down()
    app = notebook.page.context.new_page()
    app.goto(f"{server_of(platform.url, NAME)}?file=my_topics.py&view-as=present")
    refresh = app.get_by_role("button", name="Refresh", exact=True)
    refresh.wait_for(timeout=3 * MINUTE)
    expect(notebook.bar.locator("#said")).to_be_hidden(timeout=MINUTE)
    with platform.broker_away():
        notebook.says("The broker is away.")
        picture(notebook.page, "frame-broker-away")
        refresh.click()
        table = app.get_by_text(f"{NAME}.requests", exact=True)
        expect(table).to_have_count(0, timeout=MINUTE)
        told = app.get_by_text("When it is back, press the button again.")
        expect(told).to_be_visible()
        expect(app.get_by_text("Traceback")).to_have_count(0)
        picture(app, "app-broker-away")
    notebook.says("The broker is back.", 2 * MINUTE)
    refresh.click()
    expect(table).to_be_visible(timeout=MINUTE)
    expect(told).to_have_count(0)
    expect(notebook.bar.locator("#said")).to_be_hidden(timeout=MINUTE)


@pytest.mark.parametrize(("scheme", "width"), [("light", 390), ("dark", 1280)])
def test_the_bar_fits_and_leads_where_it_says(
    iris: Callable[[str], OpenNotebook],
    picture: Callable[[Page, str], None],
    platform: RunningPlatform,
    scheme: str,
    width: int,
) -> None:
    page = iris("own-8.py").page
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"{page.url}&theme={scheme}")
    expect(page.locator(f'body[data-theme="{scheme}"]')).to_be_visible(timeout=MINUTE)
    bar = page.locator("mosshub-frame")
    box = bar.locator("nav").bounding_box()
    assert box and 32 <= box["height"] <= 36 and box["width"] <= width
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    memory = bar.get_by_role("meter", name="Memory")
    expect(memory).to_have_attribute("aria-valuetext", re.compile(r"[\d.]+ of [\d.]+ GB"))
    assert violations(page, "mosshub-frame") == []
    picture(page, f"frame-{scheme}-{width}")
    bar.get_by_role("button", name="View as app").click()
    page.wait_for_url("**view-as=present")
    bar.get_by_role("button", name="Edit").click(timeout=MINUTE)
    page.wait_for_url(re.compile("own-8.py$"))
    bar.get_by_role("link", name="Home").click()
    expect(page.get_by_role("heading", name=f"Hello, {NAME}")).to_be_visible()


APP = NOTEBOOK.replace(
    """    print("twice x is", 2 * x)
    return
""",
    """    import marimo as mo

    print("twice x is", 2 * x)
    press = mo.ui.run_button(label="Press")
    return mo, press


@app.cell
def _(mo, press, time):
    if press.value:
        time.sleep(600)
    mo.vstack([mo.md("# An app\\n" + "long " * 300), press])
    return
""",
)
FLOATING = """() => [...document.querySelectorAll("#root *")].filter((element) => {
  const box = element.getBoundingClientRect();
  return /^(absolute|fixed)$/.test(getComputedStyle(element).position)
    && box.width > 0 && box.height > 0 && box.right > 0 && box.left < innerWidth
    && element.matches('button, [role=listbox], footer, [data-testid^="chrome-controls"], .z-50');
}).map((element) => element.outerHTML.slice(0, 160))"""


def test_an_app_is_free_of_the_editors_controls(
    iris: Callable[[str], OpenNotebook],
    platform: RunningPlatform,
    picture: Callable[[Page, str], None],
) -> None:
    (platform.data_dir / "users" / NAME / "notebooks" / "own-app.py").write_text(APP)
    page = iris("own-app.py").page
    page.goto(f"{page.url}&view-as=present")
    press = page.get_by_role("button", name="Press")
    press.wait_for(timeout=MINUTE)
    controls = ["chrome-sidebar", "chrome-footer", "save-button", "shutdown-button"]
    strip = page.get_by_test_id("chrome-controls-bottom-right")
    stop, again = strip.get_by_test_id("interrupt-button"), strip.get_by_test_id("run-button")
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 800})
        for name in controls:
            expect(page.get_by_test_id(name)).to_be_hidden()
        expect(stop).to_be_hidden()
        expect(again).to_be_hidden()
        assert page.evaluate(FLOATING) == []
        page.mouse.move(width / 2, 400)
        page.mouse.wheel(200, 0)
        page.wait_for_timeout(300)
        assert page.evaluate("document.getElementById('App').scrollLeft") == 0
        box = page.get_by_text("long long").bounding_box()
        assert box and box["x"] >= 0 and box["x"] + box["width"] <= width
    press.click()
    stop.click()  # after five seconds it is there, and covers nothing
    again.wait_for(timeout=MINUTE)
    app, button = page.locator("#App").bounding_box(), again.bounding_box()
    assert app and button and button["y"] >= app["y"] + app["height"]
    picture(page, "frame-app-stopped")
    again.click()
    press.wait_for(timeout=MINUTE)
    expect(again).to_be_hidden()
    page.keyboard.press("Control+.")  # marimo's way to the editor
    expect(page.get_by_test_id("chrome-sidebar")).to_be_visible()


def test_a_long_run_that_ends_in_a_hidden_tab_is_said(
    iris: Callable[[str], OpenNotebook], platform: RunningPlatform
) -> None:
    notebook = iris("own-9.py")
    page = notebook.page
    page.locator(".cm-content").last.click()
    page.keyboard.press("Control+End")
    page.keyboard.press("Enter")
    page.keyboard.type("__import__('time').sleep(21)")
    page.keyboard.press("Control+Enter")
    # Chromium without a window hides no page: what the page would be told then.
    hidden = "Object.defineProperty(document, 'hidden', {configurable: true, get: () => %s})"
    page.evaluate(hidden % "true")
    title = page.title()
    wait_until(lambda: page.title() == f"✓ {title}", 60, "the title says that the run is over")
    notebook.says("A long run has finished.")
    page.evaluate(hidden % "false")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    assert page.title() == title
    assert Path(notebook.file).exists()
