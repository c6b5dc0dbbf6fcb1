"""Every name that may sign in gets an editor, whatever its address looks like."""

from __future__ import annotations

import string
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from hub.signin.names import username_error
from tests.support.singleuser import Hub, Person, ask, by_marimo, own_cookies

_PRINTABLE = [c for c in string.printable if c.isprintable() and not c.isupper()]
_REFUSED = [c for c in _PRINTABLE if username_error(f"a{c}b")]
_LETTERS = [c for c in _PRINTABLE if c not in _REFUSED]

#: Every printable ASCII character is in one of these, none of them at a name's end.
NAMES = [
    *(f"a{''.join(_LETTERS[i::3])}z" for i in range(3)),
    "ünï 山田太郎 🌱",
    "ada_example.org#ext#@example.onmicrosoft.com",
    "n" * 64,
]


def test_the_names_have_every_printable_character() -> None:
    assert set("".join(NAMES)) >= set(_PRINTABLE) - {"/", "\\"}
    assert _REFUSED == ["/", "\\"]


def _work(hub: Hub, name: str) -> str:
    """Open the editor and a new notebook, and run a cell."""
    person = Person(hub, name)
    try:
        person.start()
        (person.home / "notebooks" / "new.py").write_text((hub.notebooks / "first.py").read_text())
        notebook = person.notebook("new.py")
        printed = notebook.run("import os; print(os.environ['JUPYTERHUB_USER'])").strip()
        notebook.close()
        return printed
    finally:
        person.stop()


@pytest.mark.slow
def test_every_name_gets_an_editor(hub: Hub) -> None:
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(lambda name: _work(hub, name), NAMES)) == NAMES


@pytest.mark.slow
def test_a_name_written_in_another_way_leads_to_the_same_editor(hub: Hub) -> None:
    person = Person(hub, "o'brien")
    person.start()
    assert person.base.endswith("/user/o%27brien/")
    for spelling in ("o'brien", "%6F%27brien"):
        # requests writes addresses its own way; this one arrives as it is.
        sent = requests.Request("GET", hub.url, headers={"Accept": "text/html"})
        prepared = person.session.prepare_request(sent)
        prepared.url = f"{person.origin}/user/{spelling}/?file=first.py&x=%27"
        answer = person.session.send(prepared, allow_redirects=False, timeout=60)
        assert (answer.status_code, answer.headers["Location"]) == (
            307,
            f"{person.path}?file=first.py&x=%27",
        )
    without_slash = ask(person, "GET", "..%2F", own_cookies(person))
    assert by_marimo(without_slash) and without_slash.status_code == 404
    person.stop()


@pytest.mark.slow
def test_a_refusal_names_people_whatever_their_letters(hub: Hub) -> None:
    person = Person(hub, "山田 <b>太郎")
    person.start()
    Person(hub, "eva")
    token = hub.api("POST", "users/eva/tokens", json={}).json()["token"]
    answer = ask(person, "GET", "", Authorization=f"token {token}", Accept="text/html")
    assert answer.status_code == 403
    assert "This server belongs to 山田 &lt;b&gt;太郎, and you are signed in as eva." in answer.text
    person.stop()
