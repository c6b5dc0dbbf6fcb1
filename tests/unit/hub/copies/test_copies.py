"""The copies that the hub keeps, and who may have them."""

import json
from pathlib import Path

import pytest
from mosshub_contract.copies import (
    MAX_BYTES,
    MOST_RECIPIENTS,
    Audience,
    Cell,
    Copy,
    Listed,
    Output,
    copy_from_json,
    digest,
    listed_from_json,
    to_json,
)

from hub.copies import store as module
from hub.copies.access import may_have, waits_for
from hub.copies.store import CopyStore, NoRoom

CELLS = (Cell("x = 1", (Output("text", "1"), Output("image", "data:image/png;base64,AAAA"))),)
LINUS = Audience(users=("linus",))


def copy(text: str = "x = 1", to: Audience = LINUS, notebook: str = "a.py") -> Copy:
    return Copy(notebook, text, CELLS, to)


@pytest.fixture
def store(tmp_path: Path) -> CopyStore:
    return CopyStore(tmp_path / "copies.sqlite")


def test_a_copy_is_as_it_was_given_and_outlives_a_restart(store: CopyStore, tmp_path: Path) -> None:
    given = store.add("ada", "2026", copy())
    assert given.digest == given.original == digest("x = 1")
    kept, content = CopyStore(tmp_path / "copies.sqlite").find(given.id)  # type: ignore[misc]
    assert kept.listed == given
    found = json.loads(content)
    sent = {"notebook": "a.py", "audience": {"users": [], "groups": [], "link": False}, **found}
    assert copy_from_json(json.dumps(sent)).cells == CELLS


def test_the_same_notebook_for_the_same_people_keeps_its_address(store: CopyStore) -> None:
    first = store.add("ada", "2026", copy())
    store.dismiss(first.id, "linus")
    assert store.dismissed_by("linus") == {first.id}
    again = store.add("ada", "2026", copy("x = 2"))
    assert again.id == first.id
    assert store.dismissed_by("linus") == frozenset(), "a newer one waits again"
    others = [
        store.add("ada", "2026", copy(to=Audience(link=True))),
        store.add("ada", "2027", copy()),  # the next user of that name
        store.add("bob", "2026", copy()),
        store.add("ada", "2026", copy(notebook="b.py")),
    ]
    assert len({first.id, *(other.id for other in others)}) == 5
    assert len(store.all()) == 5
    store.remove(first.id)
    assert store.find(first.id) is None


def test_an_author_has_a_bounded_number_and_size(store: CopyStore, monkeypatch) -> None:
    monkeypatch.setattr(module, "MOST_COPIES", 2)
    for name in ("a.py", "b.py"):
        store.add("ada", "2026", copy(notebook=name))
    with pytest.raises(NoRoom, match="2 copies already"):
        store.add("ada", "2026", copy(notebook="c.py"))
    store.add("ada", "2026", copy("changed"))  # it takes no more room
    store.add("bob", "2026", copy())
    monkeypatch.setattr(module, "MAX_BYTES", 10)
    with pytest.raises(NoRoom):
        store.add("cleo", "2026", copy())


def test_the_original_is_noted(store: CopyStore) -> None:
    given = store.add("ada", "2026", copy())
    store.note_original(given.id, "f" * 64)
    kept, _ = store.find(given.id)  # type: ignore[misc]
    assert (kept.listed.digest, kept.listed.original) == (given.digest, "f" * 64)
    assert listed_from_json(json.loads(to_json(kept.listed))) == kept.listed


@pytest.mark.parametrize(
    ("audience", "user", "groups", "has", "waits"),
    [
        (LINUS, "linus", [], True, True),
        (LINUS, "grace", ["lab"], False, False),
        (LINUS, "ada", [], True, False),
        (Audience(groups=("lab",)), "grace", ["lab"], True, True),
        (Audience(groups=("lab",)), "grace", ["labs"], False, False),
        (Audience(link=True), "grace", [], True, False),
        (Audience(), "grace", ["lab"], False, False),
    ],
)
def test_who_may_have_a_copy(
    audience: Audience, user: str, groups: list[str], *, has: bool, waits: bool
) -> None:
    listed = Listed("0" * 32, "ada", "a.py", 1.0, "d", "d", audience)
    assert may_have(listed, user, groups) is has
    assert waits_for(audience, user, groups) is waits


GOOD = json.loads(to_json(copy()))


def with_output(kind: str, data: str) -> dict:
    return {**GOOD, "cells": [{"code": "", "outputs": [{"kind": kind, "data": data}]}]}


@pytest.mark.parametrize(
    "sent",
    [
        [],
        {},
        {**GOOD, "notebook": ""},
        {**GOOD, "notebook": "x" * 200},
        {**GOOD, "notebook": "a\nb.py"},
        {**GOOD, "cells": 1},
        {**GOOD, "audience": {"users": ["x"] * (MOST_RECIPIENTS + 1), "groups": [], "link": False}},
        {**GOOD, "text": "x" * MAX_BYTES},
        with_output("script", "alert(1)"),
        with_output("image", "javascript:alert(1)"),
        with_output("image", "https://example.org/x.png"),
        with_output("image", "data:text/html;base64,AAAA"),
    ],
)
def test_what_is_no_copy_is_refused(sent: object) -> None:
    assert copy_from_json(json.dumps(GOOD)) == copy()
    with pytest.raises(ValueError):
        copy_from_json(json.dumps(sent))
