"""marimo's program in a few files, in a real browser: all of its parts come and run."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.standins.engine import docker
from tests.support.host_names import server_of
from tests.support.images import ASSETS
from tests.support.stack import Stack
from tests.support.team_pages import MINUTE, server, wait_for_files

pytestmark = [pytest.mark.timeout(1800), pytest.mark.browser]

MAX_REQUESTS = 70  # marimo as it comes needs more than 350
EDIT_TOGETHER = """
import pathlib, tomlkit
file = pathlib.Path.home() / ".config/marimo/marimo.toml"
settings = tomlkit.parse(file.read_text())
settings["experimental"] = {"rtc_v2": True}
file.write_text(tomlkit.dumps(settings))
"""
LOAD = """async (names) => {
  const failed = [];
  for (const name of names) {
    try {
      await import(new URL(`assets/${name}`, document.baseURI));
    } catch (error) {
      failed.push(`${name}: ${error}`);
    }
  }
  return failed;
}"""


def open_notebook(home: Page, stack: Stack) -> tuple[Page, list[str]]:
    """Return the page of a notebook that shows its first output, and all that it asked for."""
    page, asked = home.context.new_page(), []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{server_of(stack.url, 'linus')}?file=image_class.py")
    title = page.get_by_role("heading", name="Image classification over Kafka")
    title.wait_for(timeout=3 * MINUTE)
    return page, asked


def test_a_notebook_takes_few_requests_and_every_part_of_it_loads(
    stack: Stack, enter: Callable[..., Page]
) -> None:
    home = enter("linus")
    wait_for_files(home)
    page, asked = open_notebook(home, stack)
    scripts = [url.rpartition("/")[2] for url in asked if "/assets/" in url and ".js" in url]
    assert scripts and all(name.startswith("bundle-") for name in scripts), scripts
    print(f"{len(asked)} requests")
    assert len(asked) < MAX_REQUESTS, asked
    assert not [url for url in asked if ".wasm" in url]

    files = docker("exec", server(stack, "linus"), "sh", "-c", f"ls {ASSETS}/bundle-*.js")
    names = [path.rpartition("/")[2] for path in files.split()]
    assert len(names) > 100
    assert page.evaluate(LOAD, names) == []


def test_the_program_for_editing_together_comes_for_those_who_turn_that_on(
    stack: Stack, enter: Callable[..., Page]
) -> None:
    home = enter("linus")
    wait_for_files(home)
    docker("exec", server(stack, "linus"), "python", "-c", EDIT_TOGETHER)
    page, asked = open_notebook(home, stack)
    assert [url for url in asked if ".wasm" in url]
    # Each editor then shows what everybody's copy of the notebook has.
    page.locator(".cm-content").first.wait_for(timeout=MINUTE)
    assert "import" in page.locator(".cm-editor").first.inner_text()
