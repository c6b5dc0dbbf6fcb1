"""A real browser for the tests that need one: Debian's Chromium, driven by Playwright.

A pytest plugin (see `addopts` in pyproject.toml), shared by `browser/` and `docker/`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import pytest

from tests.support import browser_network
from tests.support.browser_network import BrowserNetwork
from tests.support.paths import ROOT
from tests.support.waiting import TIMEOUT_FACTOR

if TYPE_CHECKING:  # a third of a second, in every pytest process
    from playwright.sync_api import Browser, BrowserContext, Page, Request, Response

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# `make pictures` sets this to docs/pictures.
PICTURES = ROOT / os.environ.get("PICTURES", "tests/.artifacts/pictures")
WAIT_MS = (
    60_000 * TIMEOUT_FACTOR
)  # what a page shows within it is there; on a busy machine 5 s are not enough
SETTLE_MS = 4_000
FAILED = pytest.StashKey[bool]()


@pytest.fixture(scope="session")
def launch(
    chromium: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Browser]]:
    """Start a browser, with flags beside the usual ones; `program` is another one than the usual.

    `names` has the IP address of each domain that only the test knows, and of the names below it.
    As root the browser has a network of its own.
    """
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=WAIT_MS)
    networks: list[BrowserNetwork] = []
    with sync_playwright() as playwright:

        def start(
            *flags: str, names: Mapping[str, str] | None = None, program: str = chromium
        ) -> Browser:
            more = list(flags)
            if browser_network.is_possible():
                network = BrowserNetwork(names)
                networks.append(network)
                folder = tmp_path_factory.mktemp("browser")
                program, more = str(network.wrapper(program, folder)), [*flags, *network.flags]
            elif names:
                rules = ", ".join(
                    f"MAP {name} {address}, MAP *.{name} {address}"
                    for name, address in names.items()
                )
                more.append(f"--host-resolver-rules={rules}")
            running = playwright.chromium.launch(executable_path=program, args=[*FLAGS, *more])
            settle(running)
            return running

        yield start
    for network in networks:
        network.close()


def settle(browser: Browser) -> None:
    """Wait until a browser knows its network: what it loads before, it may drop."""
    page = browser.new_page()
    page.wait_for_timeout(SETTLE_MS)
    page.close()


@pytest.fixture(scope="session")
def browser(launch: Callable[..., Browser]) -> Iterator[Browser]:
    running = launch()
    yield running
    running.close()


@pytest.fixture
def picture() -> Callable[[Page, str], None]:
    """Take a picture of a page: for docs/pictures, and to see what a test saw."""

    def take(page: Page, name: str) -> None:
        from PIL import Image

        PICTURES.mkdir(parents=True, exist_ok=True)
        path = PICTURES / f"{name}.png"
        page.screenshot(path=path)
        # With 256 colours a page takes a third of the bytes, and looks the same.
        Image.open(path).convert("RGB").quantize(256).save(path, optimize=True)

    return take


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report


@pytest.fixture
def profile(
    request: pytest.FixtureRequest, browser: Browser
) -> Iterator[Callable[..., BrowserContext]]:
    """Make a browser profile for one person; options as of Playwright's `new_context`.

    When the test fails, pictures of all open pages are kept and refused requests are printed.
    """
    contexts: list[BrowserContext] = []
    trouble: list[str] = []

    def answered(reply: Response) -> None:
        if reply.status >= 400:
            trouble.append(f"{reply.status} {reply.request.method} {reply.url}")

    def failed(request: Request) -> None:
        trouble.append(f"{request.failure} {request.method} {request.url}")

    def make(**options: object) -> BrowserContext:
        usual = {
            "viewport": {"width": 1280, "height": 900},
            # marimo's animations of a running cell take a third of a processor for each page.
            "reduced_motion": "reduce",
        }
        contexts.append(browser.new_context(**{**usual, **options}))  # type: ignore[arg-type]
        contexts[-1].set_default_timeout(120_000 * TIMEOUT_FACTOR)
        contexts[-1].on("response", answered)
        contexts[-1].on("requestfailed", failed)
        return contexts[-1]

    yield make
    if request.node.stash.get(FAILED, False):
        print("refused and failed requests:", *trouble[-40:], sep="\n  ")
        (PICTURES / "failed").mkdir(parents=True, exist_ok=True)
        for number, page in enumerate(page for context in contexts for page in context.pages):
            page.screenshot(path=PICTURES / "failed" / f"{request.node.name}-{number}.png")
    for context in contexts:
        context.close()
