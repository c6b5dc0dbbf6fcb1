"""What people share and get back, in a real browser: copies, the team's folder, earlier versions.

No script of a copy runs, and everybody can use its pages.
"""

import base64
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import requests
from mosshub_contract.copies import Audience, Cell, Copy, Output, to_json
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.support.accessibility import violations
from tests.support.host_names import server_of
from tests.support.light_hub import LightHub
from tests.support.waiting import TIMEOUT_FACTOR, wait_until

pytestmark = pytest.mark.slow

MINUTE = 60_000 * TIMEOUT_FACTOR
SERVER = str(Path(sys.executable).parent / "marimo-singleuser")
NOTEBOOK = "import marimo\n\napp = marimo.App()\n\n\n@app.cell\ndef _():\n    return\n"
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
ATTACK = "fetch('/_mosshub/stolen', {credentials: 'include'}); document.title = 'taken'; alert(1)"
SVG = f"<svg xmlns='http://www.w3.org/2000/svg' onload=\"{ATTACK}\"><script>{ATTACK}</script></svg>"
HOSTILE = f"""<p>An output</p><script>{ATTACK}</script><img src=x onerror="{ATTACK}">
<svg onload="{ATTACK}"></svg>
<form action="/_mosshub/stolen" method="post"><button>Press</button></form>
<a href="javascript:{ATTACK}" target="_top">Link</a>
<meta http-equiv="refresh" content="0;url=/stolen">
<iframe srcdoc="<script>{ATTACK}</script>"></iframe><base href="https://example.org/">
<link rel="stylesheet" href="/_mosshub/stolen.css"><style>@import url(/_mosshub/stolen.css);</style>
<object data="/_mosshub/stolen"></object>"""


@pytest.fixture(scope="module")
def hub() -> Iterator[LightHub]:
    groups = {"TEAM_GROUPS": "lab,Data Science", "TEAM_LIMIT": "10G"}
    # marimo's page takes a notebook whose path begins with /tmp for one without a name.
    with (
        TemporaryDirectory(dir="/var/tmp") as directory,
        LightHub(Path(directory) / "data", LIGHT_COMMAND=SERVER, **groups) as running,
    ):
        yield running


@pytest.fixture
def enter(profile: Callable[..., BrowserContext], hub: LightHub) -> Callable[[str], Page]:
    """Sign somebody in, and wait for their start page."""

    def go(name: str) -> Page:
        page = profile().new_page()
        page.goto(hub.url)
        page.fill("#username_input", name)
        page.fill("#password_input", hub.password)
        page.click("#login_submit")
        page.get_by_role("heading", name=f"Hello, {name}").wait_for(timeout=3 * MINUTE)
        return page

    return go


def token(hub: LightHub, name: str) -> dict[str, str]:
    """Return the header with which somebody's own server talks to the hub."""
    for process in hub.hub_process().children(recursive=True):
        env = process.environ()
        if env.get("JUPYTERHUB_USER") == name and "JUPYTERHUB_API_TOKEN" in env:
            return {"Authorization": f"token {env['JUPYTERHUB_API_TOKEN']}"}
    raise AssertionError(f"no server of {name}")


def give_hostile(hub: LightHub, author: str, to: str) -> str:
    """Give a copy whose outputs try everything; return its id."""
    svg = f"data:image/svg+xml;base64,{base64.b64encode(SVG.encode()).decode()}"
    outputs = (
        Output("html", HOSTILE),
        Output("image", svg),
        Output("image", f"data:image/png;base64,{PIXEL}"),
        Output("text", f"<script>{ATTACK}</script>"),
        Output("interactive", ""),
    )
    code = f"x = 1  # </pre><script>{ATTACK}</script>"
    copy = Copy("hostile <b>.py", f"{NOTEBOOK}# {code}\n", (Cell(code, outputs),), Audience((to,)))
    url = f"http://127.0.0.1:{hub.hub_port}/hub/api/mosshub/copies"
    sent = requests.post(url, data=to_json(copy), headers=token(hub, author), timeout=30)
    assert sent.ok, sent.text
    return sent.json()["id"]


def test_no_script_of_a_copy_can_act_as_its_reader(
    hub: LightHub, enter: Callable[[str], Page]
) -> None:
    enter("mallory")
    page = enter("ada")
    id_ = give_hostile(hub, "mallory", "ada")
    page.goto("about:blank")  # Home asks how the editor is, now and then
    asked: list[str] = []
    page.on("response", lambda answer: asked.append(answer.url))
    page.on("requestfailed", lambda request: asked.append(f"{request.failure} {request.url}"))
    page.on("dialog", lambda dialog: asked.append(dialog.message))
    base = server_of(hub.url, "ada")
    page.goto(f"{base}_mosshub/copy?id={id_}", wait_until="networkidle")
    shown = page.frame_locator("iframe.output")
    expect(shown.get_by_text("An output")).to_be_visible()  # it is shown, and does nothing
    shown.get_by_role("button", name="Press").click()
    shown.get_by_role("link", name="Link").click(force=True)
    page.wait_for_load_state("networkidle")
    assert page.url == f"{base}_mosshub/copy?id={id_}"
    assert "taken" not in page.title()
    # The browser may tell of a request that the page's policy did not let out.
    sent = [
        what
        for what in asked
        if not re.match(r"csp |net::ERR_BLOCKED_BY_CSP |data:", what) and "home.css" not in what
    ]
    assert sent == [page.url, "about:srcdoc"][: len(sent)], sent
    # The nearest that does: the page's own button.
    page.get_by_role("button", name="Make it mine").click()
    expect(page.get_by_text("hostile _b.py is yours")).to_be_visible()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_everybody_can_use_the_pages(
    hub: LightHub,
    enter: Callable[[str], Page],
    browser: Browser,
    picture: Callable[[Page, str], None],
    scheme: str,
    width: int,
) -> None:
    enter("mallory")
    page = enter("ada")
    id_ = give_hostile(hub, "mallory", "ada")
    for place in ("team/everybody/ours.py", "team/lab/lab.py", "users/ada/notebooks/mine.py"):
        (hub.data_dir / place).write_text(NOTEBOOK)
    base = server_of(hub.url, "ada")
    page.goto(f"{base}_mosshub/copies?file=mine.py")
    page.get_by_label("Send it to").fill("mallory")
    page.get_by_label(re.compile("Everybody who is signed in")).check()
    page.get_by_role("button", name="Give a copy").click()
    expect(page.get_by_text("is given to: mallory, everybody with the link")).to_be_visible()
    context = browser.new_context(
        storage_state=page.context.storage_state(),
        viewport={"width": width, "height": 900},
        color_scheme=scheme,  # type: ignore[arg-type]
    )
    other, wrong = context.new_page(), []
    pages = {
        "copies": "_mosshub/copies",
        "give": "_mosshub/copies?file=mine.py",
        "copy": f"_mosshub/copy?id={id_}",
        "home-shared": "",
    }
    for name, path in pages.items():
        other.goto(base + path)
        picture(other, f"{name}-{scheme}-{width}")
        wrong += [f"{name}: {found}" for found in violations(other)]
        if other.evaluate("document.documentElement.scrollWidth") > width:
            wrong.append(f"{name}: it scrolls sideways")
    context.close()
    assert wrong == []


ONE_CELL = NOTEBOOK.replace("    return", '    x = "as it was"\n    x\n    return')


def edit(page: Page, address: str, code: str, file: Path) -> None:
    """Replace the code of a notebook's only cell, and save it."""
    page.goto(address)
    cell = page.locator(".cm-content").first
    cell.wait_for(timeout=3 * MINUTE)
    cell.click()
    page.keyboard.press("Control+a")
    page.keyboard.type(code)
    page.keyboard.press("Control+s")
    wait_until(lambda: code in file.read_text(), 60, f"{file} is saved")


def says(page: Page, address: str, text: str) -> None:
    """Load a page until it shows a text: what another server knows comes a moment later."""

    def there() -> bool:
        page.goto(address)
        return bool(page.get_by_text(text).count())

    wait_until(there, 60, f"{address} says {text}")


def test_a_copy_by_a_link_is_taken_and_a_change_of_its_original_is_told(
    hub: LightHub, enter: Callable[[str], Page]
) -> None:
    mallory, ada = enter("mallory"), enter("ada")
    original = hub.data_dir / "users" / "ada" / "notebooks" / "linked.py"
    original.write_text(ONE_CELL)
    base, hers = server_of(hub.url, "mallory"), server_of(hub.url, "ada")
    ada.goto(f"{hers}_mosshub/copies?file=linked.py")
    ada.get_by_label(re.compile("Everybody who is signed in")).check()
    ada.get_by_role("button", name="Give a copy").click()
    link = ada.get_by_label("Link to the copy of linked.py").input_value()

    mallory.goto(link)
    expect(mallory.get_by_text('x = "as it was"')).to_be_visible()
    mallory.get_by_role("button", name="Make it mine").click()
    expect(mallory.get_by_text("linked.py is yours")).to_be_visible()
    assert mallory.url.startswith(base)
    taken = hub.data_dir / "users" / "mallory" / "notebooks" / "linked.py"
    assert taken.read_text() == ONE_CELL

    edit(ada, f"{hers}?file=linked.py", "x = 2", original)
    says(ada, hers, "linked.py")  # her server tells the hub
    says(mallory, base, "ada has changed it since")
    assert taken.read_text() == ONE_CELL, "what is mallory's stays"

    # The ways back to the original, from Home and from the page of copies.
    original_page = re.compile(rf"^{re.escape(base)}_mosshub/copy\?id={link[-32:]}$")
    for start, name in (
        ("", "Look at the copy that ada gives of linked.py"),
        ("_mosshub/copies", "The original of linked.py"),
    ):
        mallory.goto(base + start)
        mallory.get_by_role("link", name=name).click()
        expect(mallory).to_have_url(original_page)
        expect(mallory.get_by_text('x = "as it was"')).to_be_visible()


def test_a_bad_edit_is_undone_and_a_deleted_notebook_comes_back(
    hub: LightHub, enter: Callable[[str], Page]
) -> None:
    page, base = enter("ada"), server_of(hub.url, "ada")
    file = hub.data_dir / "users" / "ada" / "notebooks" / "edited.py"
    file.write_text(ONE_CELL)
    page.goto(f"{base}?file=edited.py")
    saved = file.parent / "__marimo__" / "session" / "edited.py.json"
    wait_until(lambda: saved.is_file() and "as it was" in saved.read_text(), 120, "its output")
    edit(page, f"{base}?file=edited.py", "x = 'a bad edit'", file)

    page.goto(f"{base}_mosshub/history?file=edited.py")
    page.get_by_role("list").get_by_role("link").last.click()  # the first that was kept
    expect(page.get_by_text("A cell changes")).to_be_visible()
    expect(page.locator("ins", has_text="as it was")).to_be_visible()
    expect(page.get_by_role("heading", name="What it showed")).to_be_visible()
    expect(page.locator(".output")).to_have_count(1)
    page.get_by_role("button", name="Bring this version back").click()
    expect(page.get_by_text("edited.py is as it was.")).to_be_visible()
    assert file.read_text().strip() == ONE_CELL.strip()

    file.unlink()
    page.get_by_role("link", name="Earlier versions of notebooks").click()
    gone = page.get_by_role("listitem").filter(has_text="deleted or renamed")
    gone.get_by_role("link", name="edited.py").click()
    page.get_by_role("button", name="Bring this version back").click()
    expect(page.get_by_text("edited.py is as it was.")).to_be_visible()
    page.goto(f"{base}?file=edited.py")
    expect(page.locator(".cm-content").first).to_contain_text("x =", timeout=3 * MINUTE)


def test_a_file_of_the_team_is_written_by_two(hub: LightHub, enter: Callable[[str], Page]) -> None:
    ada, mallory = enter("ada"), enter("mallory")
    file = hub.data_dir / "team" / "everybody" / "both.py"
    file.write_text(ONE_CELL)
    pages = {"ada": ada, "mallory": mallory}
    for name, page in pages.items():
        edit(page, f"{server_of(hub.url, name)}?file={file}", f"x = '{name} was here'", file)
        other = next(one for one in pages if one != name)
        tab = pages[other].context.new_page()
        says(tab, server_of(hub.url, other), f"saved by {name}")
        tab.close()
    bar = ada.locator("mosshub-frame")
    expect(bar.get_by_text("is open in mallory's editor, too")).to_be_visible(timeout=MINUTE)
