"""A copy that waits, a file of the team and an earlier version, which an accident must not take."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape

from tests.support.people import ContainerPerson, Person

_NOTEBOOK = "import marimo\n\napp = marimo.App()\n\n\n@app.cell\ndef _():\n    {} = 1\n    return\n"
_EVERYBODY = "/home/mosshub/team/everybody"
#: Run in an author's editor with a path and the content of the file that is written there.
_WRITE = "import pathlib, sys; pathlib.Path(sys.argv[1]).expanduser().write_text(sys.argv[2])"


@contextmanager
def what_is_shared_stays(author: ContainerPerson, reader: ContainerPerson) -> Iterator[None]:
    """Share something in each way; assert that it is still there after what is within.

    Args:
        author: gives a copy, writes a file of the team, and saves a notebook twice.
        reader: gets the copy, and reads the file.
    """
    mark = f"x{uuid.uuid4().hex[:8]}"
    name = f"{mark}.py"
    author.inside("python3", "-c", _WRITE, f"~/notebooks/{name}", _NOTEBOOK.format(mark))
    author.inside("python3", "-c", _WRITE, f"{_EVERYBODY}/{mark}.txt", mark)
    _save(author, name)
    given = _press(author, "copies", notebook=name, users=reader.name)
    try:
        reader.wait(lambda: name in _page(reader, ""), 90, "the copy waits")
        before = _versions(author, name)
        assert before, "a save keeps a version"
        yield
        page = reader.wait(lambda: _page(reader, ""), 90, "the reader's Home")
        (id_,) = re.findall(rf'copy\?id=([0-9a-f]+)">{name}<', page)
        assert mark in _page(reader, f"_mosshub/copy?id={id_}").replace(name, "")
        assert reader.inside("cat", f"{_EVERYBODY}/{mark}.txt").strip() == mark
        assert _versions(author, name) == before
        assert f"{name} is as it was" in _press(author, "bring-back", version=before[-1])
        assert "width" not in author.inside("cat", f"/home/mosshub/notebooks/{name}")
    finally:
        for id_ in set(re.findall(r"copy\?id=([0-9a-f]+)", given)):
            _press(author, "copy-back", id=id_)
        author.attempt(f"rm -f ~/notebooks/{name} {_EVERYBODY}/{mark}.txt")


def _save(author: Person, name: str) -> None:
    """Save a notebook as its page does, so that what it was is an earlier version; stop it."""
    notebook = author.notebook(name)
    notebook.post("api/kernel/save_app_config", {"config": {"width": "full"}})
    notebook.post("api/home/shutdown_session", {"sessionId": notebook.id})
    notebook.socket.close()
    author.notebooks.remove(notebook)


def _versions(author: Person, name: str) -> list[str]:
    """Return the ids of a notebook's versions, the newest first."""
    return re.findall(r"version=(\d+)", _page(author, f"_mosshub/history?file={name}"))


def _page(person: Person, path: str) -> str:
    page = person.session.get(person.base + path, timeout=60)
    return unescape(page.text) if page.ok and page.url.startswith(person.base) else ""


def _press(person: Person, button: str, **fields: str) -> str:
    """Send a form of the person's pages as a browser does; return the page that follows."""
    headers = {"Sec-Fetch-Site": "same-origin", "Origin": person.origin, "Accept": "text/html"}
    url = f"{person.base}_mosshub/{button}"
    page = person.session.post(url, data=fields, headers=headers, timeout=60)
    assert page.ok, page.text
    return unescape(page.text)
