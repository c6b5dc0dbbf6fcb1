"""The start page of a user's server in a real browser."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.support.waiting import TIMEOUT_FACTOR

MINUTE = 60_000 * TIMEOUT_FACTOR  # milliseconds


def open_all_files(page: Page) -> Page:
    """Wait for somebody's start page, and go on to marimo's list of their files.

    The start page allows itself no request to another address. A test of what a script on a user's
    page can do needs one that does.
    """
    page.get_by_text("image_class.py", exact=True).first.wait_for(timeout=3 * MINUTE)
    all_files = page.get_by_role("link", name="All files")
    if all_files.is_visible():
        all_files.click()
    page.get_by_text("Workspace", exact=True).wait_for(timeout=3 * MINUTE)
    page.get_by_text("image_class.py", exact=True).first.wait_for(timeout=3 * MINUTE)
    return page
