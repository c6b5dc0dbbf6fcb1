"""Elements of marimo that show files of the kernel: each still works in the editor."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Frame, Page, Response, expect

from tests.support.host_names import server_of
from tests.support.paths import ROOT
from tests.support.platform import RunningPlatform
from tests.support.waiting import TIMEOUT_FACTOR, retry_until

MINUTE = 60_000 * TIMEOUT_FACTOR

NOTEBOOK = Path(__file__).with_name("catalogue.py")

SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">'
    '<rect width="9" height="9" fill="green"/></svg>'
)


@pytest.fixture(scope="module")
def browser(launch: Callable[..., Browser], whole_chromium: str) -> Iterator[Browser]:
    """A Chromium with all of its parts: the usual one has no reader of PDFs."""
    running = launch(program=whole_chromium)
    yield running
    running.close()


def prepare(platform: RunningPlatform, name: str) -> None:
    """Lay the notebook and its public folder, and install what its libraries need."""
    home = platform.data_dir / "users" / name
    shutil.copy(NOTEBOOK, home / "notebooks")
    (home / "notebooks/public").mkdir(exist_ok=True)
    (home / "notebooks/public/own.svg").write_text(SVG)
    uv = shutil.which("uv") or str(ROOT / ".uv/bin/uv")
    install = [uv, "pip", "install", "--quiet", "--python", str(home / ".venv/bin/python")]
    subprocess.run([*install, "anywidget", "bokeh"], check=True, timeout=300)


def test_every_element_that_shows_a_file_works(
    sign_in: Callable[..., Page], platform: RunningPlatform, picture: Callable[[Page, str], None]
) -> None:
    page = sign_in("cat")
    page.get_by_text("image_class.py", exact=True).first.wait_for(timeout=3 * MINUTE)
    prepare(platform, "cat")
    answers: list[Response] = []
    page.on("response", lambda response: answers.append(response))
    server = server_of(platform.url, "cat")
    page.set_viewport_size({"width": 1280, "height": 4000})
    page.goto(f"{server}?file=catalogue.py")
    page.locator("#widget").wait_for(timeout=3 * MINUTE)
    # marimo's service worker loads public files. The first page may be there before it.
    page.wait_for_function("navigator.serviceWorker.ready.then(() => true)")
    page.reload()
    page.locator("#widget").wait_for(timeout=3 * MINUTE)
    assert page.locator(".marimo-error").count() == 0

    expect(page.get_by_alt_text("an image")).to_be_visible()
    page.wait_for_function("document.querySelector('img[alt=\"an image\"]').naturalWidth > 0")
    page.wait_for_function("document.querySelector('#public').naturalWidth > 0")
    expect(page.locator("#html")).to_have_text("html")
    expect(page.get_by_text("plain <b>text</b>", exact=True)).to_be_visible()
    page.wait_for_function("document.querySelector('audio').readyState > 0")

    # Scripts in frames run: as a document within the page, and as a virtual file.
    def frames_with(selector: str) -> list[Frame]:
        inner = [frame for frame in page.frames if frame != page.main_frame]
        return [frame for frame in inner if frame.locator(selector).count()]

    retry_until(lambda: len(frames_with("#said")) == 2, 180, "two frames with scripts")
    said = [frame.locator("#said").inner_text() for frame in frames_with("#said")]
    assert said == ["after", "after"]
    retry_until(lambda: frames_with(".bk-Figure"), 180, "Bokeh's plot")
    (plot,) = frames_with(".bk-Figure")
    assert "@file" in plot.url
    expect(plot.locator(".bk-Figure")).to_be_visible()
    # The one that is a file has an origin of nobody's.
    assert plot.evaluate("self.origin") == "null"

    page.locator(".vega-embed canvas, .vega-embed svg").first.wait_for()
    expect(page.locator("marimo-table table").first).to_be_visible()
    expect(page.locator(".mermaid svg, marimo-mermaid svg").first).to_be_visible()
    page.locator("#widget").click()
    expect(page.locator("#widget")).to_have_text("pressed 1")

    with page.expect_download() as download:
        page.get_by_role("link", name="Take it").click()
    assert download.value.suggested_filename == "mine.txt"
    assert download.value.path().read_text() == "downloaded"
    picture(page, "catalogue")

    there = {r.url.rpartition(".")[2]: r for r in answers if "/@file/" in r.url}
    assert {"png", "wav", "pdf", "html", "js"} <= set(there), sorted(there)
    # 304: the browser has the file already.
    fine = (200, 206, 304)
    bad = [(r.status, r.url) for r in answers if "/@file/" in r.url and r.status not in fine]
    assert bad == []
    # Chromium's reader keeps the headers of a PDF to itself, so that one is asked for again.
    files = [r for r in answers if "/@file/" in r.url and not r.url.endswith(".pdf")]
    assert [r.url for r in files if r.header_value("x-content-type-options") != "nosniff"] == []
    again = page.evaluate(
        """async url => {
          const answer = await fetch(url);
          return [answer.status, answer.headers.get("x-content-type-options")];
        }""",
        there["pdf"].url,
    )
    assert again == [200, "nosniff"]
    # Chromium's reader shows the PDF: its inner page has the document, at the file's address.
    reader = 'embed[type="application/x-google-chrome-pdf"]'

    def readers() -> int:
        inner = [frame for frame in page.frames if frame.url == there["pdf"].url]
        return sum(frame.locator(reader).count() for frame in inner)

    retry_until(lambda: readers() == 1, 60, "Chromium's reader of the PDF")
