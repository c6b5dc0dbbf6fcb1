"""The notebook `image_class.py` in real browsers: people train a network and stream through it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from playwright.sync_api import Page, expect

from tests.support.team_pages import MINUTE, show


def open_notebooks(homes: dict[str, Page]) -> dict[str, Page]:
    """Open `image_class.py` in a tab of its own, from the list of files of each person."""
    tabs: dict[str, Page] = {}
    for name, home in homes.items():
        with home.context.expect_page() as tab:
            home.get_by_text("image_class.py", exact=True).first.click()
        tabs[name] = tab.value
    return tabs


def train_and_stream(pages: Sequence[Page]) -> None:
    """Train a network in each notebook at the same time, send images, and wait for the verdicts."""
    for page in pages:
        show(page, re.compile("training images and"))
        page.locator("marimo-dropdown select").first.select_option("digits")  # which is quick
        show(page, re.compile("digits: 1,"))
        page.get_by_role("button", name="Train", exact=True).click()
    for page in pages:
        show(page, re.compile(r"Trained\. Of all [\d,]+ test images"), 8 * MINUTE)
    for page in pages:
        show(page, re.compile("^running$"), 2 * MINUTE)
        page.get_by_role("button", name="Send", exact=True).click()
    for page in pages:
        show(page, re.compile("The mistakes with the highest confidence|This run has no mistakes"))
        expect(page.locator("tr", has_text="cnn").last).to_contain_text("%")
        page.locator("marimo-vega svg, marimo-vega canvas, .vega-embed canvas").last.wait_for()
        show(page, re.compile("Compare the results"))
