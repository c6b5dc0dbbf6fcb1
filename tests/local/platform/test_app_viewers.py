"""Twenty people at once on one app: each has a state of their own, and takes little memory."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import pytest

from tests.support.apps import open_app, publish, server_url, socket, unpublish
from tests.support.kernels import KernelSocket
from tests.support.people import LocalPerson
from tests.support.platform import RunningPlatform

pytestmark = pytest.mark.slow

VIEWERS = 20
#: The most that a further viewer of the small app takes.
MAX_MIB_EACH = 5
#: Its slider is at 3; the second control lets it say so again.
MANY = """
import marimo

app = marimo.App()


@app.cell
def _():
    import secrets
    import marimo as mo

    name = secrets.token_hex(8)
    slider, again = mo.ui.slider(0, 100, value=3), mo.ui.number(0, 100, value=0)
    return again, mo, name, slider


@app.cell
def _(again, mo, slider):
    mo.hstack([slider, again])
    return


@app.cell
def _(again, mo, name, slider):
    mo.plain_text(f"STATE {name} {slider.value} {again.value} END")
    return
"""


class OpenApp(KernelSocket):
    """The page of an app in somebody's browser.

    Attributes:
        shown: all that it has shown.
    """

    def __init__(self, person: LocalPerson, author: LocalPerson, slug: str) -> None:
        self.person, self.author, self.slug, self.shown = person, author, slug, ""
        page = open_app(person, author, slug).text
        found = re.search(r'"serverToken":\s*"([^"]+)"', page)
        assert found, page[:3000]
        self.token, self.id = found[1], f"s_{secrets.token_hex(3)}"
        self.socket = socket(person, author, slug, self.id)

    def context(self) -> str:
        return f"{self.person.name} saw: {self.shown[-2000:]}"

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Wait until what was shown matches; return the match."""
        if found := re.search(pattern, self.shown):
            return found
        for kind, data in self.receive(90, pattern):
            if kind == "cell-op":
                self.shown += str((data.get("output") or {}).get("data"))
            if found := re.search(pattern, self.shown):
                return found

    def move(self, control: str, value: int) -> None:
        """Move a control, as the page does."""
        found = self.wait_for(rf"object-id='([^']+)'[^>]*><{control}")
        answer = self.person.session.post(
            f"{server_url(self.author, self.slug)}api/kernel/set_ui_element_value",
            json={"objectIds": [found[1]], "values": [value]},
            headers={
                "Origin": self.author.origin,
                "Sec-Fetch-Site": "same-origin",
                "Sec-Fetch-Mode": "cors",
                "Marimo-Server-Token": self.token,
                "Marimo-Session-Id": self.id,
            },
            timeout=60,
        )
        assert answer.ok, answer.text


@pytest.fixture(scope="module")
def author(platform: RunningPlatform) -> LocalPerson:
    uma = LocalPerson(platform, "uma")
    uma.editor()
    return uma


@pytest.fixture(scope="module")
def people(platform: RunningPlatform) -> list[LocalPerson]:
    """Everybody who looks at the app, each signed in."""
    return [LocalPerson(platform, f"viewer-{n}") for n in range(VIEWERS)]


@contextmanager
def opened_by_all(
    people: Sequence[LocalPerson], author: LocalPerson, slug: str, until: str
) -> Iterator[tuple[list[OpenApp], list[float]]]:
    """Open an app for everybody; give their pages, and its MiB after each had shown something."""
    pages, sizes = [], []
    with ExitStack() as stack:
        for person in people:
            pages.append(page := OpenApp(person, author, slug))
            stack.callback(page.socket.close)
            page.wait_for(until)
            sizes.append(memory_mib(author, slug))
        yield pages, sizes


def memory_mib(author: LocalPerson, slug: str) -> float:
    """Return the MiB of the app's marimo, which has all of its kernels."""
    home = f"/apps/{author.name}/{slug}/"
    marimo = next(
        process
        for process in author.platform.processes()
        if "marimo_singleuser.app_server.front" in process.cmdline()
        and home in " ".join(process.cmdline())
    )
    return marimo.memory_info().rss / 2**20


def tell(capsys: pytest.CaptureFixture[str], what: str, sizes: Sequence[float]) -> float:
    """Print what the app takes, also when the test passes; return the MiB of a further viewer."""
    each = (sizes[-1] - sizes[0]) / (len(sizes) - 1)
    with capsys.disabled():
        print(f"\n  {what}: {sizes[0]:.0f} MiB with one viewer, {each:.1f} for each more")
    return each


def test_twenty_people_have_a_state_of_their_own(
    platform: RunningPlatform,
    author: LocalPerson,
    people: list[LocalPerson],
    capsys: pytest.CaptureFixture[str],
) -> None:
    (platform.data_dir / "users" / author.name / "notebooks" / "many.py").write_text(MANY)
    done = publish(author, notebook="many.py", title="Many", files="", audience="everybody")
    assert done.status_code == 200, done.text
    try:
        with opened_by_all(people, author, "many", "STATE") as (pages, sizes):
            each = tell(capsys, "an app", sizes)
            names = [page.wait_for(r"STATE (\w+) 3 0 END")[1] for page in pages]
            assert len(set(names)) == VIEWERS
            # One moves the slider. Nobody else's state has changed, as each of them says.
            pages[0].move("marimo-slider", 57)
            pages[0].wait_for(f"STATE {names[0]} 57 0 END")
            for page, name in zip(pages[1:], names[1:], strict=True):
                page.move("marimo-number", 1)
                page.wait_for(f"STATE {name} 3 1 END")
            assert each < MAX_MIB_EACH, sizes
    finally:
        unpublish(author, "many")


def test_twenty_people_watch_the_dashboard(
    author: LocalPerson, people: list[LocalPerson], capsys: pytest.CaptureFixture[str]
) -> None:
    about = {"notebook": "live_dashboard.py", "title": "Watched", "audience": "everybody"}
    done = publish(author, **about, files="", topics="team.verdicts, team.agents")
    assert done.status_code == 200, done.text
    try:
        shown = "No verdicts yet|marimo-stat"
        with opened_by_all(people, author, "watched", shown) as (pages, sizes):
            tell(capsys, "the live dashboard", sizes)
            assert len(pages) == VIEWERS
    finally:
        unpublish(author, "watched")
