"""Elements that ask their kernel something work after the server was restarted."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.support.platform import RunningPlatform
from tests.support.waiting import TIMEOUT_FACTOR, wait_until

MINUTE = 60_000 * TIMEOUT_FACTOR
_NOTEBOOK = """
import marimo

app = marimo.App()


@app.cell
def _():
    import marimo as mo
    from pathlib import Path

    with Path("{name}.txt").open("a") as runs:
        runs.write("run ")
    return Path, mo


@app.cell
def _(Path, mo):
    {cell}
    return
"""
TABLE = "mo.ui.table([{'row': f'row {number}'} for number in range(30)], page_size=10)"
ASKING = """mo.vstack(
        [
            mo.lazy(lambda: mo.md("came late")),
            mo.ui.file_browser(Path("folder"), multiple=False),
            mo.ui.dataframe(__import__("polars").DataFrame({"column": ["a value"]})),
            mo.download(lambda: b"made", filename="made.txt", label="Take it"),
        ]
    )"""


class Home:
    """Somebody's notebooks, on the disk and in the browser."""

    def __init__(self, page: Page, platform: RunningPlatform, name: str) -> None:
        page.get_by_text("image_class.py", exact=True).first.wait_for(timeout=3 * MINUTE)
        self.folder = platform.data_dir / "users" / name / "notebooks"
        self.page, self.url = page, page.url.partition("?")[0]

    def write(self, name: str, cell: str) -> None:
        text = _NOTEBOOK.replace("{cell}", cell).replace("{name}", name)
        (self.folder / f"{name}.py").write_text(text)

    def open(self, name: str) -> Page:
        page = self.page.context.new_page()
        page.goto(f"{self.url}?file={name}.py")
        return page

    def runs(self, name: str) -> int:
        return len((self.folder / f"{name}.txt").read_text().split())

    def saved(self, name: str, words: str) -> None:
        """Wait until the outputs are saved, with these words in them."""
        file = self.folder / f"__marimo__/session/{name}.py.json"
        wait_until(lambda: file.exists() and words in file.read_text(), 180, f"{words} saved")


def shows_asking(page: Page) -> None:
    expect(page.get_by_text("came late", exact=True)).to_be_visible(timeout=3 * MINUTE)
    expect(page.get_by_text("inside.txt").first).to_be_visible(timeout=3 * MINUTE)
    expect(page.get_by_text("a value", exact=True).first).to_be_visible(timeout=3 * MINUTE)


def test_elements_after_a_restart(
    sign_in: Callable[..., Page],
    restart: Callable[[Page], None],
    platform: RunningPlatform,
    picture: Callable[[Page, str], None],
) -> None:
    home = Home(sign_in("edna"), platform, "edna")
    (home.folder / "folder").mkdir()
    (home.folder / "folder/inside.txt").write_text("")
    home.write("rows", TABLE)
    home.write("asking", ASKING)
    home.write("pressed", 'mo.download(lambda: b"made", filename="made.txt", label="Take it")')
    table, asking, pressed = (home.open(name) for name in ("rows", "asking", "pressed"))
    expect(table.get_by_text("row 9", exact=True)).to_be_visible(timeout=3 * MINUTE)
    shows_asking(asking)
    expect(pressed.get_by_text("Take it", exact=True)).to_be_visible(timeout=3 * MINUTE)
    home.saved("rows", "mosshub-answers")
    for name in ("asking", "pressed"):
        home.saved(name, "Take it")
    for page in (table, asking, pressed):
        page.close()
    restart(home.page)

    # The table is whole. It asks the kernel at the next page.
    table = home.open("rows")
    expect(table.get_by_text("row 9", exact=True)).to_be_visible(timeout=3 * MINUTE)
    table.wait_for_timeout(3000)
    picture(table, "kept-table")
    assert home.runs("rows") == 1
    for _ in range(2):  # the first press runs the notebook, and its table shows its first page
        if not table.get_by_text("row 19", exact=True).is_visible():
            table.get_by_test_id("next-page-button").or_(
                table.get_by_role("button", name="Go to next page")
            ).first.click()
            table.wait_for_timeout(5000)
    expect(table.get_by_text("row 19", exact=True)).to_be_visible(timeout=3 * MINUTE)
    assert home.runs("rows") == 2

    # These look at the world again by themselves.
    asking = home.open("asking")
    shows_asking(asking)
    wait_until(lambda: home.runs("asking") == 2, 180, "the notebook's run")

    # This one is made when it is pressed.
    pressed = home.open("pressed")
    expect(pressed.get_by_text("Take it", exact=True)).to_be_visible(timeout=3 * MINUTE)
    assert home.runs("pressed") == 1
    with pressed.expect_download(timeout=3 * MINUTE) as download:
        pressed.get_by_text("Take it", exact=True).click()
    assert download.value.path().read_text() == "made"
    assert home.runs("pressed") == 2
