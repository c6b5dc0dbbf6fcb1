"""The first page of a user's server, which stands without marimo."""

from __future__ import annotations

import re
import signal
from html import unescape

import pytest
import requests

from tests.support.singleuser import Hub, Person, ask, own_cookies
from tests.support.waiting import wait_until

FIRST = "Restore the original of first.py"
FORM = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate"}


def page(person: Person) -> str:
    answer = person.get("")
    assert answer.status_code == 200, answer.text
    return unescape(answer.text)


def press(person: Person, button: str, **fields: str) -> requests.Response:
    """Send a form of the page as a browser does."""
    headers = {**FORM, "Origin": person.origin, "Accept": "text/html"}
    url = f"{person.base}_mosshub/{button}"
    return person.session.post(url, data=fields, headers=headers, timeout=60)


def test_the_first_page_is_ours_and_marimo_has_all_others(ada: Person) -> None:
    first = ada.get("")
    assert "Hello, ada" in first.text and "<marimo-" not in first.text
    assert "default-src 'self'" in first.headers["Content-Security-Policy"]
    for query in ("?files=all", "?file=first.py", "?anything=else"):
        assert "<marimo-" in ada.get(query).text, query
    # What the hub adds to an address does not count.
    counted = ada.get("?redirects=1")
    assert "Hello, ada" in counted.text and counted.url == ada.base
    assert ask(ada, "HEAD", "", own_cookies(ada)).status_code == 200
    assert ask(ada, "PUT", "", own_cookies(ada)).status_code == 405


@pytest.mark.slow
def test_it_stands_while_marimo_is_down_and_says_so(ada: Person) -> None:
    notebook = ada.notebook()
    process = ada.marimo
    assert "Running" in page(ada)
    process.send_signal(signal.SIGSTOP)
    try:
        # marimo is there and does not answer: the page does not wait for it.
        answer = ada.get("")
        assert answer.status_code == 200 and answer.elapsed.total_seconds() < 5
        assert "first.py" in answer.text and ">Running<" not in answer.text
    finally:
        process.send_signal(signal.SIGCONT)
    notebook.socket.close()
    ada.notebooks.remove(notebook)
    process.kill()
    wait_until(lambda: "Your editor is still starting" in page(ada), 30, "the page says so")
    assert "first.py" in page(ada)
    ada.open()
    assert "Your editor is still starting" not in page(ada)


def test_a_stranger_gets_neither_the_page_nor_its_buttons(ada: Person, bob: Person) -> None:
    (ada.home / "notebooks" / "first.py").write_text("# hers\n")
    for path in ("", "_mosshub/home.css", "_mosshub/prefetch.js"):
        answer = bob.session.get(ada.base + path, headers={"Accept": "text/html"}, timeout=60)
        assert answer.status_code == 403, path
        assert "Hello, ada" not in answer.text
        assert ask(ada, "GET", path, Accept="text/html").status_code in (302, 403)
        assert ada.get(path).status_code == 200
    for button in ("stop", "restore"):
        url = f"{ada.base}_mosshub/{button}"
        fields = {"notebook": "first.py", "session": "s_1"}
        headers = {**FORM, "Origin": bob.origin}
        assert bob.session.post(url, data=fields, headers=headers, timeout=60).status_code == 403
        assert requests.post(url, data=fields, timeout=60).status_code == 403
        # Nor may a page of another site press them in her browser.
        for origin, site in ((bob.origin, "same-site"), ("https://evil.example", "cross-site")):
            foreign = {"Origin": origin, "Sec-Fetch-Site": site}
            answer = ada.session.post(url, data=fields, headers=foreign, timeout=60)
            assert answer.status_code == 403, (button, origin)
        assert ada.get(f"_mosshub/{button}").status_code == 405, "a link cannot press it"
    assert (ada.home / "notebooks" / "first.py").read_text() == "# hers\n"
    assert press(ada, "restore", notebook="first.py").ok


def test_the_stop_button_ends_the_kernel(ada: Person) -> None:
    notebook = ada.notebook()
    notebook.run("import os")
    pid = int(notebook.run("print(os.getpid())"))
    shown = page(ada)
    assert ">Running<" in shown
    session = re.search(r'name="session" value="([^"]+)"', shown)
    assert session
    answer = press(ada, "stop", session=session[1])
    assert answer.url == ada.base and "The notebook is stopped" in answer.text
    assert ">Running<" not in answer.text
    alive = [p.pid for p in ada.process.children(recursive=True)]
    wait_until(
        lambda: pid not in [p.pid for p in ada.process.children(recursive=True)],
        30,
        f"the end of {pid} of {alive}",
    )
    notebook.socket.close()
    ada.notebooks.remove(notebook)
    assert "The notebook is stopped" not in page(ada), "it is said once"


def test_a_notebook_that_was_never_saved_is_listed_and_opens_again(ada: Person) -> None:
    new = re.search(r"\?file=(__new__s_[0-9a-f]+)", page(ada))
    assert new
    notebook = ada.notebook(new[1])
    link = re.search(r'href="([^"]+)" target="[^"]+"><i class="dot"></i>', page(ada))
    assert link and f"file={new[1]}" in link[1] and "session_id=" in link[1]
    assert "<marimo-" in ada.session.get(ada.origin + link[1], timeout=60).text
    notebook.close()


@pytest.mark.parametrize("running", [False, True])
def test_the_original_is_restored_and_the_edited_file_kept(ada: Person, running: bool) -> None:
    own = ada.home / "notebooks"
    original = (ada.hub.notebooks / "first.py").read_text()
    for old in own.glob("first.mine*.py"):
        old.unlink()
    assert FIRST not in page(ada)
    (own / "first.py").write_text(original + "# mine\n")
    notebook = ada.notebook() if running else None
    assert FIRST in page(ada)
    answer = press(ada, "restore", notebook="first.py")
    assert answer.url == ada.base
    assert "first.py is the original again. Your version is now first.mine.py" in answer.text
    assert (own / "first.py").read_text() == original
    assert (own / "first.mine.py").read_text() == original + "# mine\n"
    assert FIRST not in answer.text and ">first.mine.py</a>" in answer.text
    if notebook:
        assert ">Running<" not in answer.text, "an open page would save the edited one again"
        notebook.socket.close()
        ada.notebooks.remove(notebook)
    # Twice edited: both are kept.
    (own / "first.py").write_text("# again\n")
    assert press(ada, "restore", notebook="first.py").ok
    assert (own / "first.mine2.py").read_text() == "# again\n"
    # One that was deleted comes back.
    (own / "first.py").unlink()
    assert "You deleted this notebook" in page(ada)
    assert press(ada, "restore", notebook="first.py").ok
    assert (own / "first.py").read_text() == original


@pytest.mark.parametrize("path", ["../../.bashrc", "/etc/passwd", "nothing.py", ""])
def test_only_a_notebook_of_the_platform_is_restored(ada: Person, path: str) -> None:
    before = sorted(ada.home.glob("*")) + sorted(ada.home.glob("notebooks/*"))
    assert press(ada, "restore", notebook=path).status_code in (400, 409)
    assert sorted(ada.home.glob("*")) + sorted(ada.home.glob("notebooks/*")) == before


@pytest.mark.parametrize("size", [100_000, 60_000_000])
def test_a_form_as_large_as_an_upload_is_refused(ada: Person, size: int) -> None:
    for _ in range(3):
        answer = press(ada, "restore", notebook="x" * size)
        assert answer.status_code == 413
        assert "no form of this page is that large" in answer.text
    assert "Hello, ada" in page(ada)


@pytest.mark.slow
def test_a_new_version_of_a_template_is_said(hub: Hub, ada: Person) -> None:
    own, template = ada.home / "notebooks", hub.notebooks / "third.py"
    first = (hub.notebooks / "first.py").read_text()
    template.write_text(first)
    (hub.notebooks / "fourth.py").write_text(first)
    try:
        ada.stop()
        ada.start()
        assert "`" not in page(ada)
        assert "<code>third.py</code> is new." in page(ada)
        (own / "third.py").write_text(first + "# mine\n")
        for name in ("third.py", "fourth.py"):
            (hub.notebooks / name).write_text(first + "# theirs\n")
        ada.stop()
        ada.start()
        shown = page(ada)
        assert "<code>third.py</code> has a new version. You edited yours" in shown
        assert "the new one is <code>third.new.py</code>" in shown
        assert "<code>fourth.py</code> was replaced by its new version." in shown
    finally:
        template.unlink()
        (hub.notebooks / "fourth.py").unlink()
