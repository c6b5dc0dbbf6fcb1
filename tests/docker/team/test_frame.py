"""The frame in containers: hub restarted, kernel out of memory, container killed."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.standins.engine import docker
from tests.support.framed_page import MINUTE, NOTEBOOK, FramedPage
from tests.support.host_names import server_of
from tests.support.stack import Stack
from tests.support.team_pages import server, wait_for_files
from tests.support.waiting import retry_until

pytestmark = [pytest.mark.timeout(1800), pytest.mark.browser]

BOMB = """    if __import__("os").path.exists("/tmp/bomb"):
        # 25 GB, slowly enough for a size to be measured near the limit.
        bomb = [(time.sleep(0.2), bytearray(b"x") * 2**26) for _ in range(400)]
"""


def test_the_frame_says_what_happened_and_work_goes_on(
    stack: Stack, enter: Callable[..., Page], picture: Callable[[Page, str], None]
) -> None:
    home = wait_for_files(enter("linus"))

    def inside(command: str) -> None:
        docker("exec", "--user=1000", server(stack, "linus"), "sh", "-c", command)

    code = NOTEBOOK.replace("    x = 1\n", f"{BOMB}    x = 1\n")
    inside(f"cat > ~/notebooks/framed.py <<'END'\n{code}END")
    address = f"{server_of(stack.url, 'linus')}?file=framed.py"
    notebook = FramedPage(home.context.new_page(), address)
    notebook.slow_down()

    # The hub goes and comes back. The notebook does not mind.
    stack.compose("stop", "--timeout", "5", "hub")
    try:
        notebook.says("The hub is restarting; your notebook goes on.")
        picture(notebook.page, "frame-hub-away")
        notebook.run_last_cell("twice x is 2")
    finally:
        stack.compose("start", "hub")
        retry_until(lambda: stack.health("hub") == "healthy", 180, "the hub is healthy")
    notebook.says_no_more("The hub is restarting")

    # The container is killed. (Afterwards the engine would say of it that memory was short.)
    docker("kill", server(stack, "linus"))
    notebook.says("Your editor is stopped. It ended by itself.", MINUTE)
    with home.context.expect_page() as opened:
        notebook.bar.get_by_role("link", name="Start again").click()
    notebook.says("This notebook has a new kernel", 3 * MINUTE)
    notebook.run_last_cell("twice x is 2")
    retry_until(opened.value.is_closed, 30, "the window closes itself")

    # The kernel uses up the memory.
    inside("touch /tmp/bomb")
    notebook.page.locator(".cm-content").first.click()
    notebook.page.keyboard.press("Control+Enter")
    notebook.says(
        re.compile(r"Your kernel ended at [34][\d.]* of 4 GB\. It used up the memory"), MINUTE
    )
    picture(notebook.page, "frame-out-of-memory")
    inside("rm /tmp/bomb")
    notebook.bar.get_by_role("button", name="Start the kernel again").click()
    notebook.says("This notebook has a new kernel", MINUTE)
    notebook.run_last_cell("twice x is 2")
