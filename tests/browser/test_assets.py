"""A file of marimo's page that does not come is loaded again, and kept when it came."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, Request, Route, expect

from tests.support.platform import RunningPlatform
from tests.support.waiting import TIMEOUT_FACTOR

MINUTE = 60_000 * TIMEOUT_FACTOR
PROGRAM = r"/assets/index-[\w-]+\.js$"
NOTEBOOK = """
import marimo

app = marimo.App()


@app.cell
def _():
    import marimo as mo

    mo.mermaid("graph LR; first-->second")
    return
"""


def prepare(page: Page, platform: RunningPlatform, name: str) -> str:
    """Write the notebook into somebody's home; return the address at which it opens."""
    page.get_by_text("image_class.py", exact=True).first.wait_for(timeout=3 * MINUTE)
    (platform.data_dir / "users" / name / "notebooks" / "drawn.py").write_text(NOTEBOOK)
    return f"{page.url.partition('?')[0]}?file=drawn.py"


def break_once(page: Page, asset: re.Pattern[str], times: int = 1) -> list[str]:
    """Let the first requests for an asset fail; return the list of those that did."""
    failed: list[str] = []

    def answer(route: Route) -> None:
        if len(failed) < times:
            failed.append(route.request.url)
            route.abort("connectionfailed")
        else:
            route.fallback()

    page.route(asset, answer)
    return failed


def test_a_page_whose_asset_failed_once_is_whole(
    sign_in: Callable[..., Page], platform: RunningPlatform
) -> None:
    address = prepare(home := sign_in("otto"), platform, "otto")
    # A part that is loaded when an output needs it, the page's own program, and its style.
    for asset in (
        r"/assets/mermaid[\w.-]*\.js$",
        r"/assets/index-[\w-]+\.js$",
        r"/assets/.*\.css$",
    ):
        page = home.context.new_page()
        # This browser has the files already; routed requests do not use what it keeps.
        failed = break_once(page, re.compile(asset))
        page.goto(address)
        expect(page.locator(".mermaid svg, marimo-mermaid svg").first).to_be_visible(
            timeout=3 * MINUTE
        )
        assert len(failed) == 1, asset
        page.close()


def test_a_page_whose_asset_never_comes_is_not_loaded_for_ever(
    sign_in: Callable[..., Page], platform: RunningPlatform
) -> None:
    address = prepare(page := sign_in("olga"), platform, "olga")
    # The page that waits while marimo starts is loaded again too.
    page.goto(address)
    expect(page.locator(".mermaid svg, marimo-mermaid svg").first).to_be_visible(timeout=3 * MINUTE)
    failed = break_once(page, re.compile(PROGRAM), times=100)
    loads: list[str] = []

    def count(asked: Request) -> None:
        if asked.is_navigation_request() and not asked.redirected_from:
            loads.append(asked.url)

    page.on("request", count)
    page.goto(address, wait_until="commit")
    page.wait_for_timeout(15_000 * TIMEOUT_FACTOR)  # the pauses take 0.5, 1 and 2 s
    assert loads == [address] * 4
    assert len(failed) >= 4  # a page may ask twice: to have it early, and to run it
    page.unroute_all()
    page.reload()
    expect(page.locator(".mermaid svg, marimo-mermaid svg").first).to_be_visible(timeout=3 * MINUTE)


def test_a_browser_keeps_the_assets(
    sign_in: Callable[..., Page], platform: RunningPlatform
) -> None:
    page = sign_in("olga")
    address = prepare(page, platform, "olga")
    page.goto(address)
    expect(page.locator(".mermaid svg, marimo-mermaid svg").first).to_be_visible(timeout=3 * MINUTE)
    kept = page.evaluate(
        """async () => {
          const asset = document.querySelector("link[rel=modulepreload]").href;
          return (await fetch(asset)).headers.get("cache-control");
        }"""
    )
    assert kept == "private, max-age=31536000, immutable"
    # What the first page still loaded when it was left comes once more, then no longer.
    for _ in range(3):
        page.reload()
        expect(page.locator(".mermaid svg, marimo-mermaid svg").first).to_be_visible(
            timeout=3 * MINUTE
        )
        assets = page.evaluate(
            """() => performance.getEntriesByType("resource")
              .filter((entry) => entry.name.includes("/assets/"))
              .map((entry) => [entry.name, entry.transferSize])"""
        )
        # The headers of an asset that is asked for and is as before count as 300 bytes.
        if not (transferred := [asset for asset in assets if asset[1] > 300]):
            break
        print("came again:", transferred)
        assert len(transferred) < len(assets) / 20
    assert transferred == []
    assert len(assets) > 20
