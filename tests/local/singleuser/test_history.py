"""Earlier versions of notebooks: kept at each save, looked at, and brought back."""

from __future__ import annotations

import re
from html import unescape

from tests.local.singleuser.test_start_page import press
from tests.support.singleuser import Person, ask


def versions_of(person: Person, name: str) -> tuple[str, list[str]]:
    """Return the page of a notebook's versions, and their numbers, the newest first."""
    answer = person.get(f"_mosshub/history?file={name}")
    assert answer.status_code == 200, answer.text
    page = unescape(answer.text)
    return page, list(dict.fromkeys(re.findall(r"version=(\d+)", page)))


def test_what_was_saved_over_or_deleted_comes_back(ada: Person, bob: Person) -> None:
    file = ada.home / "notebooks" / "first.py"
    first = file.read_text()
    assert ada.get("_mosshub/history?file=first.py").status_code == 404
    notebook = ada.notebook("first.py")
    saved = notebook.post("api/kernel/save_app_config", {"config": {"width": "full"}})
    assert saved.ok, saved.text
    changed = file.read_text()
    assert changed != first

    page, numbers = versions_of(ada, "first.py")
    assert len(numbers) == 2 and "The notebook is as it was saved just now" in page
    older = f"_mosshub/history?file=first.py&version={numbers[1]}"
    assert "Bring this version back" in ada.get(older).text
    back = unescape(press(ada, "bring-back", version=numbers[1]).text)
    assert "first.py is as it was. What it was just now is in its history." in back
    assert file.read_text() == first
    assert ">Running<" not in back, "its editor would have saved the other version again"
    ada.notebooks.remove(notebook)

    # Another program writes over it: a way back from the version before goes over that, too.
    file.write_text(changed + "# by hand\n")
    press(ada, "bring-back", version=numbers[0])
    assert file.read_text() == changed
    assert len(versions_of(ada, "first.py")[1]) == 3

    file.unlink()
    assert "deleted or renamed; saved" in unescape(ada.get("_mosshub/history").text)
    page, numbers = versions_of(ada, "first.py")
    assert "The notebook is gone." in page and "A cell comes back" not in changed
    press(ada, "bring-back", version=numbers[0])
    assert file.is_file()

    # Nobody else sees or does that, and nonsense does nothing.
    for path in ("_mosshub/history", older):
        assert bob.session.get(ada.base + path, timeout=60).status_code == 403
        assert ask(ada, "GET", path, Accept="text/html").status_code in (302, 403)
    headers = {"Origin": bob.origin, "Sec-Fetch-Site": "same-origin"}
    form = {"version": numbers[1]}
    url = f"{ada.base}_mosshub/bring-back"
    assert bob.session.post(url, data=form, headers=headers, timeout=60).status_code == 403
    for number in ("0", "-1", "x", "9" * 30):
        assert press(ada, "bring-back", version=number).status_code == 404
        assert ada.get(f"_mosshub/history?file=first.py&version={number}").status_code == 404
    assert ada.get("_mosshub/history?file=../first.py").status_code == 404

    # A damaged file of versions is told, and costs no save.
    history = ada.home / ".local" / "share" / "mosshub" / "history.sqlite"
    history.write_bytes(b"not a database " * 100)
    told = ada.get("_mosshub/history")
    assert told.status_code == 409 and "Your notebooks are as they are" in told.text
    notebook = ada.notebook("first.py")
    assert notebook.post("api/kernel/save_app_config", {"config": {"width": "medium"}}).ok
    assert 'width="medium"' in file.read_text()
