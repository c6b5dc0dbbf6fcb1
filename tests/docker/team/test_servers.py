"""The start of a server: the image is chosen, and a failed start says why."""

import re
import subprocess

import pytest
from playwright.sync_api import Page, expect

from tests.standins.engine import docker
from tests.support.stack import Stack
from tests.support.team_pages import hub_settings, is_running, seen, server, wait_for_files
from tests.support.waiting import retry_until

pytestmark = [pytest.mark.timeout(1800), pytest.mark.browser]


# The start of a server


def choice_is_offered(page: Page, stack: Stack) -> bool:
    page.goto(f"{stack.url}/hub/spawn")
    return page.get_by_label("Image").is_visible()


def test_image_and_size_are_chosen_and_a_start_that_fails_says_why(stack, enter, picture):
    failing = f"{stack.name}/user:failing"
    program = "FROM debian:trixie-slim\nCMD echo 'there is no editor in here'; exit 7\n"
    build = ["docker", "build", "--quiet", "--tag", failing, "-"]
    subprocess.run(build, input=program.encode(), check=True, capture_output=True)
    try:
        sizes = "SIZES=Small=1/1G, Large=1.5/2G, Huge=4/8G@nobody\n"
        with hub_settings(stack, f"USER_IMAGES=mosshub/user:cpu,{failing}\n{sizes}"):
            if is_running(stack, "linus"):
                docker("rm", "-f", server(stack, "linus"))
            page = enter("linus")
            # The hub may not have noticed yet that his server is gone.
            retry_until(lambda: choice_is_offered(page, stack), 60, "a choice of images")
            choice = page.get_by_label("Image")
            expect(choice.locator("option")).to_have_text(["cpu", "failing"])
            size = page.get_by_label("Size")
            labels = ["Small: 1 processor, 1 GB", "Large: 1.5 processors, 2 GB"]
            expect(size.locator("option")).to_have_text(labels)
            picture(page, "team-images")
            choice.select_option("cpu")
            size.select_option("Large")
            page.get_by_role("button", name="Start").click()
            wait_for_files(page)
            limits = "{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{.HostConfig.CpuQuota}}"
            found = docker("inspect", "--format", limits, server(stack, "linus"))
            assert found == f"{2 * 2**30} {2 * 2**30} 150000"
            docker("rm", "-f", server(stack, "linus"))
            # The hub notices within five seconds.
            retry_until(lambda: choice_is_offered(page, stack), 60, "the form for a new start")
            choice.select_option("failing")
            page.get_by_role("button", name="Start").click()
            seen(page, page.get_by_text("there is no editor in here").first)
            # On the form where it failed at once, else on the page that follows the waiting one.
            ends = re.compile("Start your editor|Your editor could not start")
            expect(page.get_by_role("heading", name=ends)).to_be_visible()
            expect(page.get_by_text("exit code 7")).to_be_visible()
            expect(page.get_by_text("SpawnException")).to_have_count(0)
            picture(page, "team-failed")
        # An admin took the image away that linus had chosen last: he gets the one there is.
        page.goto(f"{stack.url}/hub/spawn")
        wait_for_files(page)
    finally:
        docker("image", "rm", "-f", failing)
